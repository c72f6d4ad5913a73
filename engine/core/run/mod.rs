//! One execution as a fold over events, and what follows from where it stands. Pure: the runtime
//! does what [`decide`] says and tells what came of it as events.

mod approve;
mod decide;
mod finish;
mod judge;
mod rollback;
#[cfg(test)]
mod simulation;
mod state;
mod step;
mod summary;

pub use approve::{Answer, answer, covered_steps, gate_of, lapse, request};
pub use decide::{Command, Emit, Mode, decide, next_due};
pub use judge::{Attempt, eval_fault, judge};
pub use rollback::{RollbackPlan, end_of, impossible, not_tried, rollback_plan};
pub use state::{Ending, REQUESTED, RunState};
pub use step::{GateRun, Part, PartKnown, Status, StepRun};
pub use summary::{RunSummary, summary};
