//! The tables beside the lines: approvals, changes, assertions, failures, notes, rollback, steps.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::action::{Difference, Fault};
use crate::check::Level;
use crate::event::{Actor, Choice, Covered, Question, RollbackEnd};
use crate::model::{Class, Digest, StepId};

/// Where a question stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Nobody has answered, or not enough people have.
    Waiting,
    /// Enough people said yes.
    Approved,
    /// Someone said no.
    Rejected,
    /// Nobody answered in time.
    Expired,
    /// `--yes` had answered beforehand.
    Bypassed,
    /// Someone chose what to do, or said what happened.
    Answered,
    /// Approved, and then no longer what would happen.
    Lapsed,
    /// The same was asked again later.
    AskedAgain,
    /// The run ended without an answer.
    Unanswered,
}

/// A question and its answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalRow {
    /// The record that asked.
    pub seq: u64,
    /// When.
    pub asked_at: String,
    /// The step it stands before; nothing if it is about the run.
    pub step: Option<StepId>,
    /// What kind of question.
    pub question: Question,
    /// The question.
    pub ask: String,
    /// Who may answer; empty: anyone.
    pub by: Vec<String>,
    /// How many must say yes.
    pub quorum: u32,
    /// SHA-256 over what was shown.
    pub digest: Digest,
    /// The steps that the answer is about and what was shown of them.
    pub covers: Vec<Covered>,
    /// The answers in order.
    pub answers: Vec<Answer>,
    /// Where it stands.
    pub state: ApprovalState,
    /// Why the approval lapsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<String>,
    /// From the question to the answer that settled it; nothing if the machine restarted between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_us: Option<u64>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The record.
    pub seq: u64,
    /// When.
    pub at: String,
    /// Who.
    pub actor: Actor,
    /// What, in a word: `approved`, `rejected`, `retry`.
    pub answer: String,
    /// In their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// SHA-256 over what they saw, where the answer carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// What is known of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// It was made, all or some of it.
    Applied,
    /// It was certainly not made, or nothing was different afterwards.
    NotApplied,
    /// Nobody knows.
    Unknown,
}

/// Before and after of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffLine {
    /// What: `maxmemory`.
    pub subject: String,
    /// As it was.
    pub before: String,
    /// As the run left it.
    pub after: String,
}

/// What one step changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeRow {
    /// The record of the first intent, or of the first capture.
    pub seq: u64,
    /// When.
    pub at: String,
    /// The step.
    pub step: StepId,
    /// The target.
    pub target: Option<String>,
    /// What was sent first, secrets hidden.
    pub command: String,
    /// Effect and reversal, where something was sent.
    pub class: Option<Class>,
    /// What was captured first, for people.
    pub subject: Option<String>,
    /// Before and after, where the target told.
    pub diff: Vec<DiffLine>,
    /// Parts that the change was made in.
    pub parts: u32,
    /// How many things were touched.
    pub count: u64,
    /// Bytes captured for rollback.
    pub captured_bytes: u64,
    /// What is known of it.
    pub state: ChangeState,
    /// How its rollback went; nothing if there was none.
    pub rolled_back: Option<RollbackEnd>,
}

/// An expression and how it came out, all looks at it together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssertionRow {
    /// The record of the last look.
    pub seq: u64,
    /// When that was.
    pub at: String,
    /// The step.
    pub step: Option<StepId>,
    /// As written.
    pub expression: String,
    /// What was read at the last look, by name.
    pub operands: BTreeMap<String, Value>,
    /// Was it true at the last look?
    pub pass: bool,
    /// How often it was looked at.
    pub samples: u32,
    /// What it means if it is not true.
    pub level: Level,
    /// What was told then.
    pub message: Option<String>,
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailureRow {
    /// The record.
    pub seq: u64,
    /// When.
    pub at: String,
    /// The step.
    pub step: Option<StepId>,
    /// Its title or its command.
    pub title: String,
    /// How it ended: `failed`, `timed out`, `outcome unknown`.
    pub outcome: String,
    /// What went wrong, with its code and what to do.
    pub fault: Option<Fault>,
    /// What was done about it, and by whom.
    pub handled: Option<(Choice, Actor)>,
    /// The beginning and end of what it returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// What it returned, stored apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_blob: Option<Digest>,
}

/// A note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoteRow {
    /// The record.
    pub seq: u64,
    /// When it was recorded.
    pub time: String,
    /// When it happened, if that is another time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
    /// Who.
    pub actor: Actor,
    /// The step, if a step said it.
    pub step: Option<StepId>,
    /// What.
    pub text: String,
}

/// One rollback.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackRow {
    /// The record that began it.
    pub seq: u64,
    /// When.
    pub at: String,
    /// Who.
    pub actor: Actor,
    /// Why.
    pub cause: String,
    /// The steps in the order in which they are rolled back.
    pub steps: Vec<RollbackStepRow>,
    /// Was everything restored and verified? Nothing if it did not come to its end.
    pub complete: Option<bool>,
}

/// The rollback of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackStepRow {
    /// The step.
    pub step: StepId,
    /// The record that tells how it went.
    pub seq: Option<u64>,
    /// How it went; nothing if that was never recorded.
    pub outcome: Option<RollbackEnd>,
    /// Was it begun, as far as the record tells?
    pub begun: bool,
    /// How many things are as they were.
    pub restored: u64,
    /// What is not as it was: before, ours, now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<Difference>,
    /// What someone else changed: before, ours, now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Difference>,
    /// What could not be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Why it cannot be undone, or proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
}

/// One step over the whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRow {
    /// Its id.
    pub id: StepId,
    /// Its title or its command, where it was recorded.
    pub title: Option<String>,
    /// Its action.
    pub action: Option<String>,
    /// Its target.
    pub target: Option<String>,
    /// Where it is written: `file:line`.
    pub place: Option<String>,
    /// How it ended last: `ok`, `changed`, `failed`, `skipped`, `waiting`, `outcome unknown`.
    pub status: String,
    /// Attempts in all.
    pub attempts: u32,
    /// Looks at an `until`, in all.
    pub looks: u32,
    /// How long it took, all attempts together; nothing if it never ended or the machine restarted.
    pub duration_us: Option<u64>,
}
