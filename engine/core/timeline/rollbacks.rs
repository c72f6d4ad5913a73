//! What was taken back, in which order, and how that went.

use super::rows::{RollbackRow, RollbackStepRow};
use crate::event::{Event, Record, RollbackStep};
use crate::model::StepId;

pub(super) fn rollbacks(records: &[&Record]) -> Vec<RollbackRow> {
    let mut rows: Vec<RollbackRow> = Vec::new();
    for record in records {
        match (&record.event, rows.last_mut()) {
            (Event::RollbackStarted(started), _) => rows.push(RollbackRow {
                seq: record.seq,
                at: record.time.clone(),
                actor: record.actor.clone(),
                cause: started.cause.clone(),
                steps: started.steps.iter().map(blank).collect(),
                complete: None,
            }),
            (Event::RollbackStep(rolled), Some(row)) => {
                if let Some(step) = &record.step {
                    ended(row, record.seq, step, rolled);
                }
            }
            (Event::RollbackFinished(finished), Some(row)) => row.complete = Some(finished.complete),
            _ => {}
        }
    }
    for row in &mut rows {
        // Steps are rolled back one after the other: the first without an end is the one under way.
        if row.complete.is_none()
            && let Some(step) = row.steps.iter_mut().find(|step| step.outcome.is_none())
        {
            step.begun = true;
        }
    }
    rows
}

fn blank(step: &StepId) -> RollbackStepRow {
    RollbackStepRow {
        step: step.clone(),
        seq: None,
        outcome: None,
        begun: false,
        restored: 0,
        differs: Vec::new(),
        conflicts: Vec::new(),
        fault: None,
        why: None,
        duration_us: None,
    }
}

fn ended(row: &mut RollbackRow, seq: u64, step: &StepId, rolled: &RollbackStep) {
    let ended = RollbackStepRow {
        step: step.clone(),
        seq: Some(seq),
        outcome: Some(rolled.outcome),
        begun: true,
        restored: rolled.restored,
        differs: rolled.differs.clone(),
        conflicts: rolled.conflicts.clone(),
        fault: rolled.fault.clone(),
        why: rolled.why.clone(),
        duration_us: Some(rolled.duration_us),
    };
    match row.steps.iter_mut().find(|known| known.step == *step) {
        Some(known) => *known = ended,
        None => row.steps.push(ended),
    }
}
