//! How a run ended.

use std::collections::BTreeMap;

use super::state::{Ending, RunState};
use super::step::Status;
use crate::check::{Checked, Lane};
use crate::codes::Code;
use crate::event::{Outcome, RunFinished};

/// The outcome, from where everything stands.
pub(super) fn outcome(checked: &Checked, state: &RunState) -> Outcome {
    let rolled_back = !state.undo.is_empty()
        || matches!(state.ending, Some(Ending::Failed { rollback: true, .. } | Ending::Cancelled { rollback: true }));
    let complete =
        state.undo.iter().all(|ix| state.step(*ix).rollback.is_some_and(super::super::event::RollbackEnd::is_complete));
    let finally_failed = checked
        .steps
        .iter()
        .any(|step| step.lane == Lane::Finally && state.step(step.ix).status.is_bad() && !step.tolerated);
    match &state.ending {
        Some(Ending::Failed { step, .. }) => {
            let refused = step.is_some_and(|ix| was_refused(state, ix)) && !state.changed_anything();
            match (refused, rolled_back && state.changed_anything(), complete) {
                (true, _, _) => Outcome::Refused,
                (false, false, _) => Outcome::Failed,
                (false, true, true) => Outcome::RolledBack,
                (false, true, false) => Outcome::PartlyRolledBack,
            }
        }
        Some(Ending::Cancelled { .. }) => match (rolled_back, complete) {
            (true, false) => Outcome::PartlyRolledBack,
            (true, true) if state.rollback_requested => Outcome::RolledBack,
            _ => Outcome::Cancelled,
        },
        // Rolled back on request, after it had ended well.
        _ if rolled_back => {
            if complete {
                Outcome::RolledBack
            } else {
                Outcome::PartlyRolledBack
            }
        }
        _ if finally_failed || !state.passed_over.is_empty() => Outcome::Failed,
        Some(Ending::Early(_)) => Outcome::FinishedEarly,
        None => Outcome::Succeeded,
    }
}

/// Did the step fail because something forbade it, before anything was sent?
fn was_refused(state: &RunState, step: crate::model::StepIx) -> bool {
    state.step(step).fault.as_ref().is_some_and(|fault| {
        matches!(fault.code, Code::Locked | Code::WrongTarget | Code::ApprovalLapsed | Code::NeedsPerson)
    })
}

/// The event that ends a run.
pub(super) fn run_finished(checked: &Checked, state: &RunState, now_us: u64) -> RunFinished {
    let outcome = outcome(checked, state);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for step in checked.steps.iter().filter(|step| !matches!(step.body, crate::check::Body::Group)) {
        let run = state.step(step.ix);
        if matches!(step.lane, Lane::Undo(_)) && run.status == Status::Pending {
            continue;
        }
        let word = if run.status == Status::Pending { "not_run" } else { run.status.word() };
        *counts.entry(word.to_owned()).or_insert(0) += 1;
    }
    RunFinished {
        outcome,
        exit: exit(outcome),
        reason: reason(checked, state),
        counts,
        duration_us: now_us.saturating_sub(state.start_us),
    }
}

fn reason(checked: &Checked, state: &RunState) -> Option<String> {
    match &state.ending {
        Some(Ending::Early(why)) => Some(why.clone()),
        Some(Ending::Failed { step: Some(ix), .. }) => {
            let id = &checked.step(*ix).id;
            let fault = state.step(*ix).fault.as_ref();
            Some(fault.map_or_else(|| format!("step {id} failed"), |fault| format!("step {id}: {}", fault.message)))
        }
        Some(Ending::Failed { step: None, .. }) => Some("the time of the run ran out".into()),
        // That it was cancelled is no longer how it ended.
        Some(Ending::Cancelled { .. }) if state.rollback_requested => None,
        Some(Ending::Cancelled { .. }) => {
            Some(format!("cancelled by {}", state.cancelled_by.as_deref().unwrap_or("someone")))
        }
        None => state
            .passed_over
            .iter()
            .next()
            .map(|ix| format!("step {} failed and was passed over", checked.step(*ix).id)),
    }
}

/// The exit code that goes with an outcome.
pub(super) fn exit(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Succeeded | Outcome::FinishedEarly => 0,
        Outcome::Failed => 1,
        Outcome::RolledBack => 4,
        Outcome::PartlyRolledBack => 5,
        Outcome::Refused => 6,
        Outcome::Cancelled => 130,
    }
}
