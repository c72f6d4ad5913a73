//! What cannot be taken back has a person's yes before it.

use super::model::{Body, Gate, Rollback, Step};
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::Graph;
use crate::model::{Class, Effect, Reversal};

pub(super) fn all(steps: &[Step], graph: &Graph, found: &mut Diagnostics) {
    for step in steps {
        if let Body::Action { draft, .. } = &step.body {
            draft.lint(step.span, found);
            let words: Vec<Option<String>> = draft.words().iter().map(|word| word.fixed().map(str::to_owned)).collect();
            let class = effective(step, draft.classify(&words));
            way_back(step, &class, steps, graph, found);
            if let (Some(until), true) = (&step.until, class.effect.changes()) {
                found.push(
                    Diagnostic::error(Code::Wait, until.span(), "`until` would repeat a change")
                        .label(format!("the step's effect: {}", class.effect))
                        .help("make the change in one step and look at its effect in the next, or state effect: read"),
                );
            }
        }
        stated(step, steps, found);
        waiting(step, found);
    }
}

/// What a step does, with what its author says about it.
pub fn effective(step: &Step, class: Class) -> Class {
    let effect = match (class.effect, step.effect) {
        (Effect::Unknown, Some(stated)) => stated,
        (known, _) => known,
    };
    let reversal = match &step.rollback {
        Rollback::Stated(_) => Reversal::Stated,
        Rollback::None(why) if effect.changes() => Reversal::Impossible(why.clone()),
        Rollback::None(_) | Rollback::Auto if effect == Effect::Read => Reversal::NoneNeeded,
        Rollback::None(_) | Rollback::Auto => class.reversal,
    };
    Class { effect, reversal }
}

fn way_back(step: &Step, class: &Class, steps: &[Step], graph: &Graph, found: &mut Diagnostics) {
    let Reversal::Impossible(why) = &class.reversal else { return };
    let stated = matches!(step.rollback, Rollback::None(_) | Rollback::Stated(_));
    let approved =
        || graph.before(step.ix).iter().any(|&before| matches!(steps[before.at()].gate, Some(Gate::Approval(_))));
    if stated || step.gate.is_some() || approved() {
        return;
    }
    found.push(
        Diagnostic::error(Code::NoWayBack, step.span, format!("this cannot be taken back: {why}"))
            .label(format!("effect: {}", class.effect))
            .help("add confirm: \"…\", an approval before it, rollback: [steps], or rollback: {none: \"why\"}"),
    );
}

fn stated(step: &Step, steps: &[Step], found: &mut Diagnostics) {
    let Rollback::Stated(list) = &step.rollback else { return };
    let proves = list.iter().any(|ix| {
        let step = &steps[ix.at()];
        !step.expect.is_empty() || step.until.is_some() || matches!(step.body, Body::Assert(_))
    });
    if !proves {
        found.push(
            Diagnostic::warning(
                Code::UnprovenRollback,
                step.span,
                format!("the rollback of `{}` proves nothing", step.id),
            )
            .help("end it with an assert, or give one of its steps an expect; unproven, it counts as partial"),
        );
    }
}

fn waiting(step: &Step, found: &mut Diagnostics) {
    if step.until.is_some() && step.every > step.timeout {
        found.push(
            Diagnostic::error(
                Code::Wait,
                step.span,
                format!("it looks every {} and gives up after {}", step.every, step.timeout),
            )
            .help("make timeout longer than every"),
        );
    }
}
