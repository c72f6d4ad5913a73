//! What a question is about: the steps that it covers, planned at their targets.

use std::sync::Arc;

use playbook_core::action::{Fault, ReadAccess};
use playbook_core::event::Covered;
use playbook_core::expr::Scope;
use playbook_core::model::StepIx;
use playbook_core::plan::{Planned, shown};
use tokio_util::sync::CancellationToken;

use super::attempt::ready;
use super::{Shared, TaskEnd, Told};

/// Plans the steps that a question covers.
pub(crate) async fn prepare(
    shared: Arc<Shared>,
    steps: Vec<(StepIx, Scope)>,
    token: CancellationToken,
    own: StepIx,
) -> TaskEnd {
    let told = Told(token);
    let mut covers = Vec::new();
    for (step, scope) in steps {
        match cover(&shared, step, &scope, &told).await {
            Ok(covered) => covers.push(covered),
            // What cannot be planned yet may be possible later; the step itself must be.
            Err(fault) if step == own => return TaskEnd::Prepared(Err(fault)),
            Err(fault) => covers.push(unknown(&shared, step, &scope, fault.message)),
        }
    }
    TaskEnd::Prepared(Ok(covers))
}

/// Plans one step for a question.
async fn cover(shared: &Shared, ix: StepIx, scope: &Scope, told: &Told) -> Result<Covered, Fault> {
    let step = shared.checked.step(ix);
    let view = shown(step, scope);
    if !view.waits.is_empty() {
        let why = format!("known after run of {}", view.waits.join(", "));
        return Ok(unknown(shared, ix, scope, why));
    }
    let action = ready(shared, ix, scope)?;
    let (_, target) = shared.target_of(ix)?;
    shared.meet(ix, false, told).await?;
    let planned = action.plan(ReadAccess::new(target.as_ref(), told)).await?;
    let words = action.words();
    Ok(Covered {
        step: step.id.clone(),
        command: playbook_core::words::join(&words),
        summary: summary(&planned),
        fingerprint: Some(planned.fingerprint(&words, Some(target.name()))),
        counts: planned.counts(),
    })
}

fn unknown(shared: &Shared, ix: StepIx, scope: &Scope, why: String) -> Covered {
    let step = shared.checked.step(ix);
    Covered {
        step: step.id.clone(),
        command: shown(step, scope).command,
        summary: why,
        fingerprint: None,
        counts: Vec::new(),
    }
}

/// A plan of one step in one line.
fn summary(planned: &Planned) -> String {
    let mut parts: Vec<String> = planned
        .impact
        .iter()
        .map(|impact| {
            let about = if impact.exact { "" } else { "about " };
            let bytes = impact.bytes.map(|n| format!(", {}", playbook_core::model::Bytes(n))).unwrap_or_default();
            format!("{about}{} {}{bytes}", impact.count, impact.what)
        })
        .collect();
    let changes = planned.changes.iter().filter(|change| !change.is_noop());
    parts.extend(changes.take(3).map(playbook_core::plan::Change::line));
    let more = planned.changes.len().saturating_sub(3);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    if parts.is_empty() {
        parts.push(if planned.is_noop() { "nothing would change".into() } else { planned.class.effect.to_string() });
    }
    parts.extend(planned.notes.iter().take(2).cloned());
    parts.join("; ")
}
