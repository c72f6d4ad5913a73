//! What is recorded: durable events and their envelope. No text for people in them beyond what
//! people and servers said.
//!
//! Invariant: state is a fold over these and nothing else. Readers keep types that they do not
//! know.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::action::{Difference, Fault, Identity, UndoOrder};
use crate::check::Level;
use crate::model::{Class, Digest, RunId, StepId};
use crate::plan::{Change, Planned};

/// Version of the envelope.
pub const VERSION: u32 = 1;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// A person, the engine, or an import.
    pub kind: ActorKind,
    /// Login or configured id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How they were identified: `os_user`, `sudo`, `config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Through what: `tty`, `cli`, `ci`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// On which machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// What kind of actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person.
    Human,
    /// The engine by itself.
    Engine,
    /// Brought in from elsewhere.
    Import,
}

impl Actor {
    /// The engine by itself.
    pub fn engine() -> Self {
        Self { kind: ActorKind::Engine, id: None, by: None, via: None, host: None }
    }

    /// For people.
    pub fn name(&self) -> &str {
        match self.kind {
            ActorKind::Engine => "engine",
            ActorKind::Human | ActorKind::Import => self.id.as_deref().unwrap_or("unknown"),
        }
    }
}

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Version of the envelope.
    pub v: u32,
    /// 1, 2, 3, … without gaps.
    pub seq: u64,
    /// SHA-256 of the line before; zeros for the first.
    pub prev: Digest,
    /// When it was recorded, RFC 3339 UTC with six digits.
    pub time: String,
    /// Microseconds of the monotonic clock.
    pub mono_us: u64,
    /// The boot that `mono_us` counts from.
    pub boot: String,
    /// When it happened, if that is another time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
    /// Who did it.
    pub actor: Actor,
    /// The run.
    pub run: RunId,
    /// The step it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// Which attempt of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened. The names are past tense, dotted, and never change their meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A run began.
    #[serde(rename = "run.started")]
    RunStarted(Box<RunStarted>),
    /// A run went on after it had stopped.
    #[serde(rename = "run.resumed")]
    RunResumed(RunResumed),
    /// A run stopped to wait for people.
    #[serde(rename = "run.paused")]
    RunPaused(RunPaused),
    /// Someone asked the run to end.
    #[serde(rename = "run.cancelling")]
    RunCancelling(RunCancelling),
    /// The run went from its steps to rollback, or to `finally`.
    #[serde(rename = "run.phase")]
    RunPhase(RunPhase),
    /// A run ended.
    #[serde(rename = "run.finished")]
    RunFinished(RunFinished),
    /// A target answered and said who it is.
    #[serde(rename = "target.met")]
    TargetMet(TargetMet),
    /// The run took the lock of a target.
    #[serde(rename = "lock.taken")]
    LockTaken(LockTaken),
    /// Someone took the lock of a target away from the run.
    #[serde(rename = "lock.broken")]
    LockBroken(LockBroken),
    /// An attempt of a step began.
    #[serde(rename = "step.started")]
    StepStarted(StepStarted),
    /// A step was not run.
    #[serde(rename = "step.skipped")]
    StepSkipped(StepSkipped),
    /// A step will be tried, or looked at, again.
    #[serde(rename = "step.retry")]
    StepRetry(StepRetry),
    /// A step that was running when the process ended goes back to the start.
    #[serde(rename = "step.interrupted")]
    StepInterrupted(StepInterrupted),
    /// A step ended.
    #[serde(rename = "step.finished")]
    StepFinished(Box<StepFinished>),
    /// A failure was dealt with.
    #[serde(rename = "failure.handled")]
    FailureHandled(FailureHandled),
    /// A target said what an action would do.
    #[serde(rename = "action.planned")]
    ActionPlanned(Box<ActionPlanned>),
    /// What was there before a change.
    #[serde(rename = "state.captured")]
    StateCaptured(Box<StateCaptured>),
    /// Something is about to be sent. Durable before it is, if it changes anything.
    #[serde(rename = "action.intent")]
    ActionIntent(Box<ActionIntent>),
    /// What came of it.
    #[serde(rename = "action.result")]
    ActionResult(Box<ActionResult>),
    /// An intent without a result was looked into.
    #[serde(rename = "action.probed")]
    ActionProbed(ActionProbed),
    /// An expression was held against what is known.
    #[serde(rename = "assert.evaluated")]
    AssertEvaluated(AssertEvaluated),
    /// A person was asked.
    #[serde(rename = "approval.requested")]
    ApprovalRequested(Box<ApprovalRequested>),
    /// A person answered, or nobody did in time.
    #[serde(rename = "approval.decided")]
    ApprovalDecided(ApprovalDecided),
    /// What was approved is no longer what would happen.
    #[serde(rename = "approval.lapsed")]
    ApprovalLapsed(ApprovalLapsed),
    /// Rollback began.
    #[serde(rename = "rollback.started")]
    RollbackStarted(RollbackStarted),
    /// One step was rolled back, or not.
    #[serde(rename = "rollback.step")]
    RollbackStep(Box<RollbackStep>),
    /// Rollback ended.
    #[serde(rename = "rollback.finished")]
    RollbackFinished(RollbackFinished),
    /// A person, or a `note:` step, said something.
    #[serde(rename = "note.added")]
    NoteAdded(NoteAdded),
    /// The wall clock moved against the monotonic one.
    #[serde(rename = "clock.jumped")]
    ClockJumped(ClockJumped),
    /// The last line had been torn and was set aside.
    #[serde(rename = "journal.recovered")]
    JournalRecovered(JournalRecovered),
    /// A type that this version does not know.
    #[serde(untagged)]
    Other(OtherEvent),
}

/// A type that this version does not know, kept as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OtherEvent {
    /// Its name.
    #[schemars(extend("format" = "name"))]
    pub r#type: String,
    /// Its fields.
    #[serde(default)]
    pub data: Value,
}

/// Where a run stands in its course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its steps.
    Main,
    /// Taking back what changed.
    Rollback,
    /// What runs at the end, however it went.
    Finally,
    /// Over.
    Done,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All is done.
    Succeeded,
    /// An assertion found that there was nothing to do, or an approval expired that way.
    FinishedEarly,
    /// A step failed; what changed was left.
    Failed,
    /// A step failed or someone cancelled; everything was taken back, and that was verified.
    RolledBack,
    /// As above, but something could not be taken back, or was not verified.
    PartlyRolledBack,
    /// Refused before any change.
    Refused,
    /// Someone cancelled it.
    Cancelled,
}

impl Outcome {
    /// As expressions, journals and JSON have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::FinishedEarly => "finished_early",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::PartlyRolledBack => "partly_rolled_back",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// Well.
    Ok,
    /// Not well.
    Failed,
    /// Its time ran out.
    TimedOut,
    /// It was told to stop.
    Cancelled,
    /// Nobody can tell whether its change happened.
    Unknown,
}

/// A file that a step names, as it was when the run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileKept {
    /// Its path, relative to the playbook's folder.
    pub path: String,
    /// SHA-256 of it.
    pub source: Digest,
    /// As it was, stored; secrets in it are cut out.
    pub blob: Digest,
}

/// See [`Event::RunStarted`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    /// The playbook's name.
    #[schemars(extend("format" = "name"))]
    pub playbook: String,
    /// Its title.
    pub title: Option<String>,
    /// The path as given.
    pub path: String,
    /// SHA-256 of the file.
    pub source: Digest,
    /// The file as it was, stored; secrets that were written into it are cut out.
    pub source_blob: Digest,
    /// Files that its steps name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileKept>,
    /// Commit and whether there were changes on top, if the file is under git.
    pub git: Option<Git>,
    /// The environment that was selected.
    #[schemars(extend("format" = "name"))]
    pub environment: Option<String>,
    /// Targets given on the command line or by the environment, as YAML, secrets hidden.
    pub overrides: BTreeMap<String, String>,
    /// Inputs, secrets hidden.
    pub inputs: BTreeMap<String, Value>,
    /// Targets and their addresses.
    pub targets: BTreeMap<String, String>,
    /// Is it a rehearsal?
    pub drill: bool,
    /// The version of the program.
    #[schemars(extend("format" = "name"))]
    pub engine: String,
    /// The digest of the plan.
    pub plan: Digest,
    /// How many steps the playbook has.
    pub steps: u32,
    /// What remains for people afterwards.
    pub followups: Vec<String>,
    /// Settings of this run that resume keeps.
    pub settings: Settings,
}

/// Settings of a run that `resume` keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Steps that may run side by side.
    pub parallel: u32,
    /// Were `confirm:` questions answered beforehand?
    pub yes: bool,
    /// Bytes that one step may capture.
    pub capture_limit: u64,
}

/// Where a playbook stands under git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Git {
    /// Commit.
    #[schemars(extend("format" = "name"))]
    pub rev: String,
    /// Changes on top of it?
    pub dirty: bool,
}

/// See [`Event::RunResumed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunResumed {
    /// The version of the program.
    #[schemars(extend("format" = "name"))]
    pub engine: String,
    /// SHA-256 of the file as it is now.
    pub source: Digest,
    /// Changed steps that someone accepted.
    pub accepted: Vec<StepId>,
    /// Targets at which someone else answers than when they were changed, and that someone accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted_targets: Vec<String>,
}

/// See [`Event::RunPaused`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunPaused {
    /// The steps that wait for a person.
    pub waiting: Vec<StepId>,
}

/// See [`Event::RunCancelling`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunCancelling {
    /// 1: start nothing more. 2: end what is running.
    pub stage: u8,
    /// `SIGINT`, `SIGTERM`, `playbook cancel`, …
    pub by: String,
    /// Identifies the message that said so, so that it counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "name"))]
    pub message: Option<String>,
}

/// See [`Event::RunPhase`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunPhase {
    /// The phase that begins.
    pub phase: Phase,
}

/// See [`Event::RunFinished`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunFinished {
    /// How.
    pub outcome: Outcome,
    /// The exit code that goes with it.
    pub exit: u8,
    /// Why, in one line.
    pub reason: Option<String>,
    /// Steps by how they ended.
    pub counts: BTreeMap<String, u32>,
    /// From start to end, stops included.
    pub duration_us: u64,
}

/// See [`Event::TargetMet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetMet {
    /// As in `targets:`.
    #[schemars(extend("format" = "name"))]
    pub target: String,
    /// Who is there.
    pub identity: Identity,
}

/// See [`Event::LockTaken`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockTaken {
    /// As in `targets:`.
    #[schemars(extend("format" = "name"))]
    pub target: String,
    /// The identity that is locked.
    #[schemars(extend("format" = "name"))]
    pub identity: String,
}

/// See [`Event::LockBroken`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockBroken {
    /// The identity that was locked.
    #[schemars(extend("format" = "name"))]
    pub identity: String,
    /// Why someone broke it.
    pub reason: String,
}

/// See [`Event::StepStarted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepStarted {
    /// Its title or its command.
    pub title: String,
    /// Its action.
    #[schemars(extend("format" = "name"))]
    pub action: String,
    /// The target it acts on.
    #[schemars(extend("format" = "name"))]
    pub target: Option<String>,
    /// `file:line`.
    pub place: String,
}

/// See [`Event::StepSkipped`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepSkipped {
    /// Its title or its command.
    pub title: String,
    /// Why.
    pub reason: SkipReason,
    /// The condition, the failed step, or the message that ended the run.
    pub detail: String,
}

/// Why a step was not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// `when` was false.
    Condition,
    /// A step that it needs failed.
    FailedDependency,
    /// The run had ended before.
    RunEnded,
    /// A person said so.
    Person,
}

/// See [`Event::StepRetry`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRetry {
    /// The wait before.
    pub delay_us: u64,
    /// What was wrong; nothing if a condition is not true yet.
    pub fault: Option<Fault>,
    /// Is it the next look at an `until`, rather than another try?
    pub poll: bool,
}

/// See [`Event::StepInterrupted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepInterrupted {
    /// Was anything changed by the attempt that was interrupted?
    pub changed: bool,
}

/// See [`Event::StepFinished`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepFinished {
    /// How.
    pub status: StepEnd,
    /// Did it change anything?
    pub changed: bool,
    /// All attempts together.
    pub duration_us: u64,
    /// What it returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What it returned, stored apart because it is large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_blob: Option<Digest>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// It ends the run, well, and this is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<String>,
}

/// What is done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The step is tried again.
    Retry,
    /// The run goes on without it.
    Skip,
    /// What changed is taken back.
    Rollback,
    /// Nothing more starts; what changed stays.
    Stop,
    /// The run goes on, and counts as failed at its end.
    Continue,
}

/// See [`Event::FailureHandled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureHandled {
    /// What is done.
    pub choice: Choice,
    /// Identifies the message that said so, so that it counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "name"))]
    pub message: Option<String>,
}

/// See [`Event::ActionPlanned`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionPlanned {
    /// What it would send, secrets hidden.
    pub words: Vec<String>,
    /// What it would do.
    pub planned: Planned,
    /// What an approval is about.
    pub fingerprint: Digest,
}

/// See [`Event::StateCaptured`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateCaptured {
    /// Which part of the step, from 1.
    pub part: u32,
    /// What is captured, for people.
    pub subject: String,
    /// Shape and version of the record.
    #[schemars(extend("format" = "name"))]
    pub kind: String,
    /// The record.
    pub record: Value,
    /// Its bulk, stored apart.
    pub blob: Option<Digest>,
    /// Bytes of the bulk.
    pub bytes: u64,
    /// When, within a rollback, it is its turn.
    #[schemars(with = "String", extend("format" = "name"))]
    pub order: UndoOrder,
    /// Is this part the whole of the action, or its end?
    #[serde(default)]
    pub last: bool,
    /// Was it captured for a rollback that needed room, not for a change of the playbook?
    #[serde(default)]
    pub for_rollback: bool,
    /// Does it go on at the target after it was made, so that its step waits for it?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settles: bool,
}

/// See [`Event::ActionIntent`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionIntent {
    /// Which part of the step, from 1; 0 for a read.
    pub part: u32,
    /// The target it acts on.
    #[schemars(extend("format" = "name"))]
    pub target: Option<String>,
    /// What is sent, secrets hidden.
    pub words: Vec<String>,
    /// Does it change anything?
    pub mutating: bool,
    /// Effect and reversal.
    pub class: Class,
    /// How many things it touches.
    pub count: u64,
}

/// See [`Event::ActionResult`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionResult {
    /// Which part of the step, from 1; 0 for a read.
    pub part: u32,
    /// Did it change anything?
    pub changed: bool,
    /// What it left, for rollback.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
    /// What the action returned, once its last part is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What it returned, stored apart because it is large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_blob: Option<Digest>,
    /// What changed, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<Change>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// From sending to the answer.
    pub duration_us: u64,
}

/// See [`Event::ActionProbed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionProbed {
    /// Which part of the step.
    pub part: u32,
    /// What was found.
    pub verdict: ProbeVerdict,
    /// What the part left, if it happened.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
    /// Why nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeVerdict {
    /// It happened.
    Done,
    /// It did not.
    NotDone,
    /// Nobody can tell.
    Unclear,
}

/// See [`Event::AssertEvaluated`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssertEvaluated {
    /// As written.
    pub expression: String,
    /// Was it true?
    pub pass: bool,
    /// What was read, by name.
    pub operands: BTreeMap<String, Value>,
    /// Which look at it, from 1.
    pub sample: u32,
    /// What it means if it is not true.
    pub level: Level,
    /// What to tell then.
    pub message: Option<String>,
}

/// What kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// `confirm:`.
    Confirm,
    /// `approval:`, or a change on a protected target.
    Approval,
    /// `manual:`.
    Manual,
    /// What to do about a failed step.
    Failure,
    /// Whether a change happened.
    Doubt,
    /// What to do after a cancellation.
    Cancelled,
}

/// See [`Event::ApprovalRequested`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalRequested {
    /// What kind of question.
    pub question: Question,
    /// The question.
    pub ask: String,
    /// Who may answer; empty: anyone.
    pub by: Vec<String>,
    /// How many must say yes.
    pub quorum: u32,
    /// Does the yes of whoever started the run count?
    pub allow_author: bool,
    /// How long the question stands.
    pub expires_us: Option<u64>,
    /// What its expiry means: `reject` or `finish`.
    pub on_expiry: Option<crate::check::OnExpiry>,
    /// How far counts may move, in thousandths.
    pub tolerance_permille: u32,
    /// SHA-256 over what was shown.
    pub digest: Digest,
    /// The steps that the answer is about and what was shown of them.
    pub covers: Vec<Covered>,
}

/// A step that an approval is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Covered {
    /// Its id.
    pub step: StepId,
    /// What it does, secrets hidden.
    pub command: String,
    /// In a few words, what it would do.
    pub summary: String,
    /// What must still hold when it is applied; nothing if it was not known then.
    pub fingerprint: Option<Digest>,
    /// The counts shown.
    pub counts: Vec<(String, u64)>,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Approved,
    /// No.
    Rejected,
    /// Nobody answered in time.
    Expired,
    /// `--yes` had answered beforehand.
    Bypassed,
    /// Yes, it happened (for [`Question::Doubt`]).
    Happened,
    /// No, it did not happen (for [`Question::Doubt`]).
    DidNotHappen,
}

/// See [`Event::ApprovalDecided`]. Who decided is in the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalDecided {
    /// What.
    pub decision: Decision,
    /// In their own words.
    pub comment: Option<String>,
    /// From question to answer.
    pub waited_us: u64,
    /// SHA-256 over what they saw.
    pub digest: Digest,
    /// Identifies the answer, so that it counts once.
    #[schemars(extend("format" = "name"))]
    pub answer: Option<String>,
}

/// See [`Event::ApprovalLapsed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalLapsed {
    /// What differs.
    pub why: String,
}

/// See [`Event::RollbackStarted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackStarted {
    /// Why.
    #[schemars(extend("format" = "name"))]
    pub cause: String,
    /// The steps, in the order in which they are rolled back.
    pub steps: Vec<StepId>,
}

/// What a rollback of one step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RollbackEnd {
    /// Everything is as it was, verified.
    Restored,
    /// The author's steps ran; they proved that it worked.
    Stated,
    /// The author's steps ran; they proved nothing.
    Unproven,
    /// There was nothing to undo.
    Nothing,
    /// Something is not as it was.
    Differs,
    /// Someone else changed it since; left as it is.
    Conflict,
    /// It cannot be undone.
    Impossible,
    /// Nobody knows whether the step changed anything; left as it is.
    Unclear,
    /// It could not be done.
    Failed,
}

/// See [`Event::RollbackStep`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackStep {
    /// How it went.
    pub outcome: RollbackEnd,
    /// How many things are as they were.
    pub restored: u64,
    /// What is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<Difference>,
    /// What someone else changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Difference>,
    /// What could not be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Why it cannot be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long it took.
    pub duration_us: u64,
}

/// See [`Event::RollbackFinished`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackFinished {
    /// Was everything restored and verified?
    pub complete: bool,
}

/// See [`Event::NoteAdded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoteAdded {
    /// What was said.
    pub text: String,
    /// Identifies the message that said so, so that it counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "name"))]
    pub message: Option<String>,
}

/// See [`Event::ClockJumped`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockJumped {
    /// How far the wall clock moved ahead of the monotonic one, in microseconds.
    pub by_us: i64,
}

/// See [`Event::JournalRecovered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalRecovered {
    /// Bytes set aside.
    pub torn_bytes: u64,
    /// Their SHA-256.
    pub digest: Digest,
}

impl Event {
    /// Its dotted name.
    pub fn name(&self) -> String {
        match self {
            Self::Other(other) => other.r#type.clone(),
            known => serde_json::to_value(known)
                .ok()
                .and_then(|value| value.get("type")?.as_str().map(str::to_owned))
                .unwrap_or_default(),
        }
    }

    /// Does this version know events of this name?
    pub fn is_known(name: &str) -> bool {
        let schema = crate::redact::schema_of::<Self>();
        let kinds = ["anyOf", "oneOf"].into_iter().filter_map(|list| schema.get(list)?.as_array()).flatten();
        kinds.into_iter().any(|kind| kind.pointer("/properties/type/const").is_some_and(|known| known == name))
    }

    /// Must it be on disk before anything else happens?
    pub fn must_be_durable(&self) -> bool {
        match self {
            Self::ActionIntent(intent) => intent.mutating,
            Self::ActionResult(result) => result.part > 0,
            Self::StateCaptured(_)
            | Self::ActionProbed(_)
            | Self::RunStarted(_)
            | Self::RunResumed(_)
            | Self::RunPaused(_)
            | Self::RunFinished(_)
            | Self::ApprovalRequested(_)
            | Self::ApprovalDecided(_)
            | Self::FailureHandled(_)
            | Self::RollbackStarted(_)
            | Self::RollbackStep(_)
            | Self::RollbackFinished(_)
            | Self::LockTaken(_)
            | Self::LockBroken(_)
            | Self::NoteAdded(_) => true,
            Self::RunCancelling(_)
            | Self::RunPhase(_)
            | Self::TargetMet(_)
            | Self::StepStarted(_)
            | Self::StepSkipped(_)
            | Self::StepRetry(_)
            | Self::StepInterrupted(_)
            | Self::StepFinished(_)
            | Self::ActionPlanned(_)
            | Self::AssertEvaluated(_)
            | Self::ApprovalLapsed(_)
            | Self::ClockJumped(_)
            | Self::JournalRecovered(_)
            | Self::Other(_) => false,
        }
    }
}
