//! The plan that needs no connection: the playbook, its inputs, and what every command is known to
//! do.

use std::collections::BTreeMap;

use super::report::{Depth, Known, Plan, PlannedStep, TargetLine, Totals};
use super::world::{World, question, shown};
use crate::check::{Body, Checked, Lane, Step, effective};
use crate::expr::Scope;
use crate::input::Inputs;
use crate::model::{Class, Digest};
use crate::source::Sources;

/// What a plan is made from besides the playbook.
pub struct Asked<'a> {
    /// The inputs of the run.
    pub inputs: &'a Inputs,
    /// The environment that was selected.
    pub environment: Option<String>,
    /// Addresses of the targets, without secrets.
    pub addresses: &'a BTreeMap<String, String>,
    /// The version of the program.
    pub engine: &'a str,
    /// Names that templates see.
    pub world: &'a World,
    /// For places.
    pub sources: &'a Sources,
}

/// Plans without a connection.
pub fn offline(checked: &Checked, asked: &Asked<'_>) -> Plan {
    let mut scope = asked.world.scope();
    scope.others_unknown();
    let steps = checked.steps.iter().map(|step| planned_step(checked, step, &scope, asked.sources)).collect();
    skeleton(checked, asked, Depth::Offline, steps).sealed()
}

/// A plan without its steps' live parts.
pub fn skeleton(checked: &Checked, asked: &Asked<'_>, depth: Depth, steps: Vec<PlannedStep>) -> Plan {
    let targets = checked
        .targets
        .iter()
        .map(|target| TargetLine {
            name: target.name.value.clone(),
            kind: target.provider.to_owned(),
            address: asked.addresses.get(&target.name.value).cloned().unwrap_or_default(),
            identity: None,
            fault: None,
        })
        .collect();
    Plan {
        schema: "playbook.plan/v1".into(),
        playbook: checked.name().to_owned(),
        source: checked.digest,
        engine: asked.engine.to_owned(),
        depth,
        environment: asked.environment.clone(),
        inputs: asked.inputs.redacted(),
        targets,
        steps,
        totals: Totals::default(),
        digest: Digest::ZERO,
    }
}

/// One step as far as `scope` can tell.
pub fn planned_step(checked: &Checked, step: &Step, scope: &Scope, sources: &Sources) -> PlannedStep {
    let shown = shown(step, scope);
    let class = match &step.body {
        Body::Action { draft, .. } => effective(step, draft.classify(&shown.words)),
        Body::Assert(_) | Body::Gate | Body::Wait(_) | Body::Note(_) | Body::Group => Class::READ,
    };
    let known = match (&shown.failed, shown.waits.is_empty()) {
        (Some(error), _) => Known::Undetermined(error.to_string()),
        (None, false) => Known::AfterRun(shown.waits.clone()),
        (None, true) => Known::Yes,
    };
    let place = {
        let at = sources.position(step.span);
        let file = sources.get(step.span.file).map_or("", crate::source::Source::name);
        format!("{file}:{}", at.line)
    };
    PlannedStep {
        id: step.id.clone(),
        part: match step.lane {
            Lane::Main => "main".into(),
            Lane::Finally => "finally".into(),
            Lane::Undo(of) => format!("rollback of {}", checked.step(of).id),
        },
        parent: step.parent.map(|parent| checked.step(parent).id.clone()),
        title: step.title.as_ref().map(|title| title.render_text(scope).unwrap_or_else(|_| title.text().to_owned())),
        action: step.body.name(step.gate.as_ref()).to_owned(),
        command: shown.command,
        target: step.target.map(|at| checked.targets[at].name.value.clone()),
        class,
        when: (!step.when.is_empty())
            .then(|| step.when.iter().map(crate::expr::Expr::text).collect::<Vec<_>>().join(" and ")),
        conditional: step.when.iter().any(|expr| expr.eval(scope).is_err()),
        gate: question(step, scope),
        known,
        planned: None,
        outcome: None,
        place,
    }
}
