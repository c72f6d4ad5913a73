//! Events → what a reader of a run wants to see, as data: who did what when, what changed, who said
//! yes, what was taken back, and whether the record holds together.
//!
//! Made from the records alone: no playbook file, no clock, no words for people beyond short plain
//! phrases. Not here: Markdown, HTML, colours, time zones. Invariants: every record is told by
//! exactly one entry; an intent without a result is *outcome unknown*, never a success; lengths of
//! time come from the monotonic clock of one boot and from nothing else.

mod approvals;
mod changes;
mod entry;
mod excerpt;
mod fold;
mod header;
mod line;
mod order;
mod outcomes;
mod people;
pub mod phrase;
mod rollbacks;
mod rows;
mod span;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod view;

pub use entry::{Entry, EntryKind, Importance, Tone};
pub use excerpt::{MAX_EXCERPT, clean, excerpt};
pub use header::{Counts, Header, Holds, Integrity, Standing, TargetRow, TimeSpent};
pub use order::{SortKey, merged};
pub use rows::{
    Answer, ApprovalRow, ApprovalState, AssertionRow, ChangeRow, ChangeState, DiffLine, FailureRow, NoteRow,
    RollbackRow, RollbackStepRow, StepRow,
};
pub use view::{DEFAULT_ROWS, Row, View};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Record;
use crate::journal::{Head, Verdict};

/// The name and version of the shape. Changes to it only add.
pub const SCHEMA: &str = "playbook.timeline/v1";

/// One run as a reader sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// [`SCHEMA`].
    pub schema: String,
    /// What ran, where, by whom, and how it ended.
    pub header: Header,
    /// Where the time went.
    pub time: TimeSpent,
    /// What happened, sorted by [`SortKey`].
    pub entries: Vec<Entry>,
    /// Questions and answers.
    pub approvals: Vec<ApprovalRow>,
    /// What was changed.
    pub changes: Vec<ChangeRow>,
    /// Expressions and how they came out.
    pub assertions: Vec<AssertionRow>,
    /// Steps that failed.
    pub failures: Vec<FailureRow>,
    /// What people, and `note:` steps, said.
    pub notes: Vec<NoteRow>,
    /// What was taken back; a run can be rolled back more than once.
    pub rollbacks: Vec<RollbackRow>,
    /// Steps in the order in which they came up.
    pub steps: Vec<StepRow>,
    /// What remains for people.
    pub followups: Vec<String>,
    /// What the default view shows and what it hides.
    pub counts: Counts,
    /// Does the record hold together?
    pub integrity: Integrity,
}

/// Why a text is not a timeline.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not JSON, or not of this shape.
    #[error("not a timeline: {0}")]
    Shape(#[from] serde_json::Error),
    /// Of another kind or version.
    #[error("a timeline says `{SCHEMA}`, and this says `{0}`")]
    Schema(String),
}

impl Timeline {
    /// From the records of one run, in any order. `head` is what was kept of its journal's end and
    /// `verdict` what checking it found, where that was done.
    pub fn of(records: &[Record], head: Option<&Head>, verdict: Option<&Verdict>) -> Self {
        let mut ordered: Vec<&Record> = records.iter().collect();
        ordered.sort_by_key(|record| record.seq);
        let spans = span::spans(&ordered);
        let approvals = approvals::approvals(&ordered);
        let rollbacks = rollbacks::rollbacks(&ordered);
        let header = header::header(&ordered);
        let mut timeline = Self {
            schema: SCHEMA.to_owned(),
            time: people::time_spent(&ordered, &approvals),
            entries: order::sorted(&header.run, fold::entries(&ordered, &spans)),
            changes: changes::changes(&spans, &rollbacks),
            assertions: outcomes::assertions(&spans),
            failures: outcomes::failures(&ordered, &spans),
            notes: outcomes::notes(&ordered),
            steps: outcomes::steps(&ordered, &spans),
            followups: header::followups(&ordered),
            counts: Counts::default(),
            integrity: header::integrity(&header.run, head, verdict),
            approvals,
            rollbacks,
            header,
        };
        timeline.counts = timeline.view(DEFAULT_ROWS).counts();
        timeline
    }

    /// Reads a timeline that was exported.
    ///
    /// # Errors
    /// When the text is not a timeline, or one of another version.
    pub fn import(text: &str) -> Result<Self, ImportError> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(SCHEMA) => Ok(serde_json::from_value(value)?),
            other => Err(ImportError::Schema(other.unwrap_or("nothing").to_owned())),
        }
    }
}
