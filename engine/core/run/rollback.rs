//! Which steps are rolled back, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use super::state::RunState;
use super::step::{Part, PartKnown};
use crate::action::{Restore, UndoOrder};
use crate::check::{Checked, Lane, Rollback};
use crate::event::{RollbackEnd, RollbackStep};
use crate::model::{Reversal, StepIx};

/// A rollback before it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollbackPlan {
    /// Steps to roll back, in this order.
    pub steps: Vec<StepIx>,
}

/// The reverse of what happened, except that limits are raised before data returns and lowered
/// after it; nothing is moved past a step that keeps its place. Steps that only read, or provably
/// changed nothing, are not in it.
pub fn rollback_plan(checked: &Checked, state: &RunState) -> RollbackPlan {
    let mut order: Vec<(UndoOrder, std::cmp::Reverse<u64>, StepIx)> = checked
        .steps
        .iter()
        .filter(|step| step.lane == Lane::Main && state.step(step.ix).rollback != Some(RollbackEnd::Restored))
        .filter_map(|step| {
            let parts = &state.step(step.ix).parts;
            let touched: Vec<&Part> = parts.iter().filter(|part| needs_undo(part, &step.rollback)).collect();
            let latest = touched.iter().map(|part| part.seq).max()?;
            let turn = match step.rollback {
                Rollback::Stated(_) => UndoOrder::Data,
                Rollback::Auto | Rollback::None(_) => touched.iter().map(|part| part.captured.order).max()?,
            };
            Some((turn, std::cmp::Reverse(latest), step.ix))
        })
        .collect();
    order.sort_by_key(|(_, latest, _)| *latest);
    for stretch in order.split_mut(|(turn, ..)| *turn == UndoOrder::InPlace) {
        stretch.sort();
    }
    let turns: Vec<(UndoOrder, u64, StepIx)> =
        order.into_iter().map(|(turn, latest, ix)| (turn, latest.0, ix)).collect();
    let stretches = turns.split_inclusive(|(turn, ..)| *turn == UndoOrder::InPlace);
    let met = stretches.flat_map(|stretch| {
        let turns = stretch.iter().map(|(_, latest, ix)| (*latest, *ix)).collect();
        latest_first_where_they_meet(checked, state, turns)
    });
    RollbackPlan { steps: met.collect() }
}

/// What changed the same thing is undone latest first, whatever its turn is: an earlier state cannot
/// return before a later one has.
fn latest_first_where_they_meet(checked: &Checked, state: &RunState, turns: Vec<(u64, StepIx)>) -> Vec<StepIx> {
    /// The target, the kind of record, the subject.
    type Thing<'a> = (Option<usize>, &'a str, &'a str);
    let mut by_thing: BTreeMap<Thing<'_>, Vec<(u64, StepIx)>> = BTreeMap::new();
    for &(latest, ix) in &turns {
        for part in &state.step(ix).parts {
            let thing = (checked.step(ix).target, part.captured.kind.as_str(), part.captured.subject.as_str());
            by_thing.entry(thing).or_default().push((latest, ix));
        }
    }
    let mut after: BTreeMap<StepIx, BTreeSet<StepIx>> = BTreeMap::new();
    for steps in by_thing.values().filter(|steps| steps.len() > 1) {
        for (at, step) in steps {
            let later = steps.iter().filter(|(other, ix)| other > at && ix != step).map(|(_, ix)| *ix);
            after.entry(*step).or_default().extend(later);
        }
    }
    let mut left: Vec<StepIx> = turns.into_iter().map(|(_, ix)| ix).collect();
    let mut done = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let free = |ix: &StepIx| after.get(ix).is_none_or(|later| later.iter().all(|other| done.contains(other)));
        let next = left.iter().position(free).unwrap_or(0);
        done.push(left.remove(next));
    }
    done
}

fn needs_undo(part: &Part, rollback: &Rollback) -> bool {
    match rollback {
        Rollback::Stated(_) => matches!(part.known, PartKnown::Sent | PartKnown::Applied(_) | PartKnown::Unclear),
        Rollback::Auto | Rollback::None(_) => part.may_have_changed(),
    }
}

/// Why a part cannot be undone at all, if it cannot.
pub fn impossible(part: &Part) -> Option<&str> {
    match &part.intent.as_ref()?.class.reversal {
        Reversal::Impossible(why) => Some(why),
        Reversal::NoneNeeded | Reversal::Exact | Reversal::BestEffort(_) | Reversal::Stated => None,
    }
}

/// What a rollback of one step came to, for the record.
pub fn end_of(restore: Restore, duration_us: u64) -> RollbackStep {
    let outcome = if restore.failed.is_some() {
        RollbackEnd::Failed
    } else if !restore.conflicts.is_empty() {
        RollbackEnd::Conflict
    } else if !restore.differs.is_empty() {
        RollbackEnd::Differs
    } else if restore.restored == 0 {
        RollbackEnd::Nothing
    } else {
        RollbackEnd::Restored
    };
    RollbackStep {
        outcome,
        restored: restore.restored,
        differs: restore.differs,
        conflicts: restore.conflicts,
        fault: restore.failed,
        why: None,
        duration_us,
    }
}

/// A rollback that was not tried, and why.
pub fn not_tried(outcome: RollbackEnd, why: String) -> RollbackStep {
    RollbackStep {
        outcome,
        restored: 0,
        differs: Vec::new(),
        conflicts: Vec::new(),
        fault: None,
        why: Some(why),
        duration_us: 0,
    }
}

impl RollbackEnd {
    /// Is everything as it was, and was that verified?
    pub fn is_complete(self) -> bool {
        match self {
            Self::Restored | Self::Stated | Self::Nothing => true,
            Self::Unproven | Self::Differs | Self::Conflict | Self::Impossible | Self::Unclear | Self::Failed => false,
        }
    }
}
