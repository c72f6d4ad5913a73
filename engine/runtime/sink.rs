//! Who is told: the terminal, JSON lines, anyone who follows.

use playbook_core::event::Record;
use playbook_core::model::StepId;

/// What is shown while it happens and never recorded: no timeline can depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// How far a long change is.
    Done {
        /// Of which step.
        step: StepId,
        /// How many.
        done: u64,
        /// Of how many, if that is known.
        of: Option<u64>,
    },
    /// Something to tell that is not part of the run.
    Warning(String),
}

/// Takes events as they are recorded. Must not block.
pub trait Sink: Send {
    /// Something was recorded; secrets are out of it.
    fn record(&mut self, record: &Record);
    /// Something is going on.
    fn progress(&mut self, progress: &Progress);
}
