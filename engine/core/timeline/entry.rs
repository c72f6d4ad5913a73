//! One line of a timeline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Actor;
use crate::model::StepId;

/// What kind of thing a line tells; exports make swim lanes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The run as a whole.
    Run,
    /// A step, all its attempts and looks together.
    Step,
    /// A question or an answer.
    Approval,
    /// What was done about a failure or a doubt.
    Decision,
    /// Taking back.
    Rollback,
    /// Someone said something.
    Note,
    /// A target: who answered, who holds it.
    Target,
    /// The record itself: clocks, torn lines.
    Journal,
    /// Anything else.
    Other,
}

/// How much a line matters to someone who was not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Importance {
    /// Hidden unless asked for, and counted.
    Plumbing,
    /// Worth a line.
    Normal,
    /// The story cannot be told without it.
    Key,
}

/// How a line is meant, for colours and shapes that accompany its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Neither good nor bad.
    Plain,
    /// As it should be.
    Good,
    /// Nobody knows.
    Doubt,
    /// Not as it should be.
    Bad,
}

/// One thing that a reader cares about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// The number of the record that it is about: for a step, its start.
    pub seq: u64,
    /// When that was recorded, RFC 3339 UTC.
    pub time: String,
    /// When it happened, if that is another time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
    /// How much later than it happened it was recorded, in microseconds of the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_us: Option<u64>,
    /// Microseconds since the run began; nothing if the machine has restarted in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_us: Option<u64>,
    /// Who.
    pub actor: Actor,
    /// What kind of thing it is.
    pub kind: EntryKind,
    /// The dotted name of that record.
    pub r#type: String,
    /// The step it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The last attempt that it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What happened: a short plain text.
    pub summary: String,
    /// What was sent, secrets hidden, if the summary does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// How it ended, in a word or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// More on how it ended: what went wrong, how often it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How that is meant.
    pub tone: Tone,
    /// How long it took, on the monotonic clock of one boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// How much it matters.
    pub importance: Importance,
    /// The records that it tells: no record is told twice, and none is not told.
    pub covers: Vec<u64>,
    /// Other records that it concerns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<u64>,
}

impl Entry {
    /// When it happened, as far as anyone said.
    pub fn at(&self) -> &str {
        self.occurred_at.as_deref().unwrap_or(&self.time)
    }

    /// What it says first when lines have to be left out; less goes first.
    pub fn weight(&self) -> u8 {
        match (self.importance, self.tone) {
            (Importance::Plumbing, _) => 0,
            (Importance::Normal, Tone::Plain | Tone::Good) => 1,
            (Importance::Normal, Tone::Doubt | Tone::Bad) => 2,
            (Importance::Key, Tone::Plain | Tone::Good) if self.kind == EntryKind::Step => 3,
            (Importance::Key, Tone::Plain | Tone::Good) => 4,
            (Importance::Key, Tone::Doubt | Tone::Bad) => 5,
        }
    }
}
