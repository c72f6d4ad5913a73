//! Questions to people, and which answers count.

use super::state::RunState;
use super::step::GateRun;
use crate::check::{Approval, Body, Checked, Gate, Lane, OnExpiry, Step, effective};
use crate::event::{Actor, ActorKind, ApprovalRequested, Covered, Question};
use crate::expr::Scope;
use crate::model::{Digest, StepIx};
use crate::plan::{Planned, question};

/// An answer to a question, from a terminal or from another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Yes?
    pub yes: bool,
    /// In their own words.
    pub comment: Option<String>,
    /// Who.
    pub actor: Actor,
}

/// Does this answer count?
///
/// # Errors
/// Says why it does not.
pub fn answer(gate: &GateRun, starter: Option<&Actor>, answer: &Answer) -> Result<(), String> {
    if answer.actor.kind != ActorKind::Human {
        return Err("only a person can answer".into());
    }
    let who = answer.actor.name();
    if !gate.asked.by.is_empty() && !gate.asked.by.iter().any(|allowed| allowed == who) {
        return Err(format!("{who} is not among those who may answer: {}", gate.asked.by.join(", ")));
    }
    let is_starter = starter.is_some_and(|starter| starter.name() == who);
    if answer.yes && gate.asked.question == Question::Approval && is_starter && !gate.asked.allow_author {
        return Err(format!(
            "{who} started this run, and its own starter may not approve it; someone else has to, or the playbook has to say allow_author: true"
        ));
    }
    if answer.yes && gate.yes.iter().any(|already| already == who) {
        return Err(format!("{who} has said yes already"));
    }
    Ok(())
}

/// The gate of a step, with the one that a protected target or a lapsed approval puts there.
pub fn gate_of(checked: &Checked, state: &RunState, step: &Step) -> Option<Gate> {
    if let Some(gate) = &step.gate {
        return Some(gate.clone());
    }
    let run = state.step(step.ix);
    if run.lapsed.is_some() {
        return Some(Gate::Approval(own(&format!("What was approved for `{}` has changed. Go on?", step.id), step)));
    }
    let protected = step.target.is_some_and(|at| checked.targets[at].draft.protected());
    let changes = step.draft().is_some_and(|draft| {
        let words: Vec<_> = draft.words().iter().map(|word| word.fixed().map(str::to_owned)).collect();
        effective(step, draft.classify(&words)).effect.changes()
    });
    (protected && changes && run.covered.is_none()).then(|| {
        let name = step.target.map_or("", |at| checked.targets[at].name.value.as_str());
        Gate::Approval(own(&format!("`{name}` is protected. Let `{}` change it?", step.id), step))
    })
}

fn own(ask: &str, step: &Step) -> Approval {
    Approval {
        ask: crate::expr::Template::literal(ask, step.span),
        by: Vec::new(),
        quorum: 1,
        allow_author: false,
        expires: None,
        on_expiry: OnExpiry::Reject,
        tolerance: 0.1,
    }
}

/// The steps whose plans are shown with the question of `ix`: itself, and for an approval the
/// changes that come after it until the next approval.
pub fn covered_steps(checked: &Checked, state: &RunState, ix: StepIx) -> Vec<StepIx> {
    let step = checked.step(ix);
    if step.draft().is_some() {
        return vec![ix];
    }
    if !matches!(step.gate, Some(Gate::Approval(_))) {
        return Vec::new();
    }
    let mut seen = vec![false; checked.steps.len()];
    let mut queue = checked.graph.waited_by(ix).to_vec();
    let mut covered = Vec::new();
    while let Some(next) = queue.pop() {
        if std::mem::replace(&mut seen[next.at()], true) {
            continue;
        }
        let other = checked.step(next);
        if other.lane != Lane::Main
            || (matches!(other.body, Body::Gate) && matches!(other.gate, Some(Gate::Approval(_))))
        {
            continue;
        }
        if other.draft().is_some() && !state.step(next).status.is_over() {
            covered.push(next);
        }
        queue.extend_from_slice(checked.graph.waited_by(next));
    }
    covered.sort();
    covered
}

/// The question of a step, with what its targets say of the steps that it covers.
pub fn request(gate: &Gate, step: &Step, scope: &Scope, covers: Vec<Covered>) -> ApprovalRequested {
    let (kind, approval) = match gate {
        Gate::Confirm(_) => (Question::Confirm, None),
        Gate::Manual(_) => (Question::Manual, None),
        Gate::Approval(approval) => (Question::Approval, Some(approval)),
    };
    let ask = match gate {
        Gate::Approval(approval) if step.gate.is_none() => approval.ask.text().to_owned(),
        _ => question(step, scope).unwrap_or_default(),
    };
    let shown = serde_json::json!([ask, covers]).to_string();
    #[expect(clippy::cast_sign_loss, reason = "checked to be positive when it was read")]
    ApprovalRequested {
        question: kind,
        ask,
        by: approval.map(|a| a.by.clone()).unwrap_or_default(),
        quorum: approval.map_or(1, |a| a.quorum),
        allow_author: approval.is_none_or(|a| a.allow_author),
        expires_us: approval.and_then(|a| a.expires).map(crate::model::Duration::as_micros),
        on_expiry: approval.map(|a| a.on_expiry),
        tolerance_permille: approval.map_or(1000, |a| (a.tolerance * 1000.0) as u32),
        digest: Digest::of(shown.as_bytes()),
        covers,
    }
}

/// Does what a target says now still match what was approved? Says what differs.
pub fn lapse(
    covered: &Covered,
    tolerance: f64,
    words: &[String],
    target: Option<&str>,
    now: &Planned,
) -> Option<String> {
    let approved = covered.fingerprint?;
    let command = crate::words::join(words);
    if approved != now.fingerprint(words, target) {
        return Some(if command == covered.command {
            "it would change something else than was shown".into()
        } else {
            format!("approved was `{}`, and now it is `{command}`", covered.command)
        });
    }
    if now.within(&covered.counts, tolerance) {
        return None;
    }
    let list =
        |counts: &[(String, u64)]| counts.iter().map(|(what, n)| format!("{n} {what}")).collect::<Vec<_>>().join(", ");
    Some(format!("approved were {}, and now there are {}", list(&covered.counts), list(&now.counts())))
}
