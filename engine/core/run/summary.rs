//! One summary of a run: the summary line, the exit code and the report are all made from it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::RunState;
use crate::check::Checked;
use crate::event::{Outcome, Phase};
use crate::model::StepId;

/// What there is to say of a run as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    /// How it ended; nothing if it has not.
    pub outcome: Option<Outcome>,
    /// The exit code of the process that runs it.
    pub exit: u8,
    /// Why, in one line.
    pub reason: Option<String>,
    /// Steps by how they ended.
    pub counts: BTreeMap<String, u32>,
    /// Microseconds from start to end.
    pub duration_us: u64,
    /// Steps that wait for a person.
    pub waiting: Vec<StepId>,
    /// Where it stands.
    pub phase: Phase,
    /// Did it change anything, or may it have?
    pub changed: bool,
    /// Is anything left that `playbook rollback` could take back?
    pub reversible: bool,
}

/// Sums up a run. Parked runs have the exit code 3.
pub fn summary(checked: &Checked, state: &RunState, now_us: u64) -> RunSummary {
    let finished = state.finished.clone();
    let parked = finished.is_none();
    let end = finished.unwrap_or_else(|| super::finish::run_finished(checked, state, now_us));
    RunSummary {
        outcome: (!parked).then_some(end.outcome),
        exit: if parked { 3 } else { end.exit },
        reason: end.reason,
        counts: end.counts,
        duration_us: end.duration_us,
        waiting: RunState::ids(checked, state.waiting()),
        phase: state.phase,
        changed: state.changed_anything(),
        reversible: !super::rollback::rollback_plan(checked, state).steps.is_empty(),
    }
}
