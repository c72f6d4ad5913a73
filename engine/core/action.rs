//! What a provider implements. The engine knows Redis, Kubernetes and Docker only through this.
//!
//! The way of a step: [`Kind::read`] its parameters (pure) → [`Draft::prepare`] them with values
//! (pure) → [`Action::plan`] or [`Action::read`] over a [`ReadAccess`], or [`Action::change`] over
//! a [`WriteAccess`]. Reading and writing are different types: a plan is given no access that
//! could write, and only an [`Executable`] step can give out one that can.

use std::any::Any;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codes::Code;
use crate::diagnostic::Diagnostics;
use crate::expr::{EvalError, Scope, Template};
use crate::files::Files;
use crate::model::Class;
use crate::plan::Planned;
use crate::ports::{BoxFuture, Cancel};
use crate::source::{Span, Spanned};
use crate::syntax::tree::{Entry, Node};

// ---------------------------------------------------------------- reading a playbook (pure)

/// Knows one kind of target and the actions on it. One per folder of `providers/`.
pub trait Provider: Send + Sync {
    /// The key in `targets:` and the first part of the names of its actions and records.
    fn name(&self) -> &'static str;

    /// One line for the reference.
    fn summary(&self) -> &'static str;

    /// Its actions.
    fn kinds(&self) -> Vec<Arc<dyn Kind>>;

    /// Reads what stands under its key in `targets:`.
    fn target(&self, entry: &Entry, siblings: &[Entry], found: &mut Diagnostics) -> Option<Arc<dyn TargetDraft>>;

    /// The JSON Schema of a target.
    fn target_schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema;

    /// Undoes what records of this provider captured, latest first.
    ///
    /// # Errors
    /// When it cannot even begin; what happens later is in the [`Restore`].
    fn undo<'a>(
        &'a self,
        access: WriteAccess<'a>,
        parts: Vec<UndoPart>,
    ) -> BoxFuture<'a, Result<Box<dyn Undo + 'a>, Fault>>;

    /// Says what [`Provider::undo`] would do, without doing it.
    fn plan_undo<'a>(&'a self, access: ReadAccess<'a>, parts: &'a [UndoPart]) -> BoxFuture<'a, Result<Planned, Fault>>;

    /// Finds out whether a change happened whose result was never recorded.
    fn probe<'a>(&'a self, access: ReadAccess<'a>, part: &'a UndoPart) -> BoxFuture<'a, Result<Verdict, Fault>>;

    /// Does the change of this record go on at the target after it was made, so that its step is not
    /// done before [`Provider::settle`] says so? Asked when the part is captured, and recorded.
    fn settles(&self, record: &UndoRecord) -> bool {
        let _ = record;
        false
    }

    /// Waits until what these parts began at the target has come to its end. The parts are recorded as
    /// applied, and are all that it knows: after a crash it is called again, with the same. Without
    /// blobs. Gives what is to be added to the result of the step; nothing is `null`.
    ///
    /// # Errors
    /// When it does not come to its end, with the reason as far as it can be found out. The change
    /// stays made.
    fn settle<'a>(&'a self, access: WriteAccess<'a>, parts: Vec<UndoPart>) -> BoxFuture<'a, Result<Value, Fault>> {
        let _ = (access, parts);
        Box::pin(async { Ok(Value::Null) })
    }
}

/// One action, such as `redis` or `redis.keys`.
pub trait Kind: Send + Sync {
    /// The key of the step.
    fn name(&self) -> &'static str;

    /// One line for the reference.
    fn summary(&self) -> &'static str;

    /// The name of the provider whose targets it acts on.
    fn provider(&self) -> &'static str;

    /// Reads its parameters, and what `files` it names; problems go to `found`.
    fn read(
        &self,
        key: &Spanned<String>,
        params: &Node,
        files: &dyn Files,
        found: &mut Diagnostics,
    ) -> Option<Arc<dyn Draft>>;

    /// The JSON Schema of its parameters.
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema;
}

/// A target with its templates still open.
pub trait TargetDraft: Send + Sync {
    /// Its templates, so that what they refer to can be checked.
    fn templates(&self) -> Vec<&Template>;

    /// May a change there be made only after an approval?
    fn protected(&self) -> bool;

    /// Fills in the templates.
    ///
    /// # Errors
    /// When a template has no value or the address makes no sense.
    fn open(
        &self,
        name: &str,
        scope: &Scope,
        secrets: &mut dyn FnMut(&str, &str),
    ) -> Result<Arc<dyn Target>, EvalError>;
}

/// A place to act on. Connects when it is first used.
pub trait Target: Send + Sync {
    /// As in `targets:`.
    fn name(&self) -> &str;

    /// Where it is, without secrets.
    fn address(&self) -> String;

    /// Asks who is there and holds it against what the playbook expects.
    fn identify<'a>(&'a self, cancel: &'a dyn Cancel) -> BoxFuture<'a, Result<Identity, Fault>>;

    /// Can someone else answer at the same address while a run goes on: a server that was restarted, or
    /// took over? Then it is asked again before each change.
    fn may_be_replaced(&self) -> bool {
        true
    }

    /// For its own provider.
    fn as_any(&self) -> &dyn Any;
}

/// Parameters with their templates still open.
pub trait Draft: Send + Sync {
    /// The action in words as a person would type them; templates still open.
    fn words(&self) -> Vec<&Template>;

    /// What is known before a target is asked. A word that is not known yet is `None`.
    fn classify(&self, words: &[Option<String>]) -> Class;

    /// Hides words that this kind of target treats as secret, such as a password after AUTH.
    fn mask(&self, words: Vec<String>) -> Vec<String> {
        words
    }

    /// What to warn of before a target is asked.
    fn lint(&self, span: Span, found: &mut Diagnostics) {
        let _ = (span, found);
    }

    /// Fills in the templates.
    ///
    /// # Errors
    /// When a template has no value or makes no sense in its place.
    fn prepare(&self, scope: &Scope) -> Result<Arc<dyn Action>, EvalError>;
}

// ---------------------------------------------------------------- acting

/// An action with all its values.
pub trait Action: Send + Sync {
    /// In words, without secrets.
    fn words(&self) -> Vec<String>;

    /// Effect and reversal, as far as they are known without a target.
    fn class(&self) -> Class;

    /// Says what it would hit and change.
    fn plan<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Planned, Fault>>;

    /// Performs an action that only reads, and gives its result.
    fn read<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>>;

    /// As [`Action::read`], in a plan, which does not wait: looks once.
    fn peek<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Look, Fault>> {
        Box::pin(async move { Ok(Look::Now(self.read(access).await?)) })
    }

    /// Why only a run performs this read, where a plan must not: it may do more than can be seen, or
    /// hold the target up.
    fn only_in_run(&self) -> Option<&'static str> {
        None
    }

    /// As [`Action::read`], in a run: with leave for what [`Action::only_in_run`] tells.
    fn read_in_run<'a>(&'a self, access: WriteAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        self.read(access.reading())
    }

    /// Begins an action that changes something.
    fn change<'a>(&'a self, access: WriteAccess<'a>) -> BoxFuture<'a, Result<Box<dyn Change + 'a>, Fault>>;
}

/// What one look at a read gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// This is its result.
    Now(Value),
    /// A run would wait, and this is how things stand.
    NotYet(String),
}

/// What a fault says whose only cause is that someone, or a deadline, ended it.
pub const TOLD_TO_STOP: &str = "it was told to stop";

/// A change under way: part by part, each captured before it is applied.
///
/// The engine calls [`Change::capture`], makes the record and the intent durable, then calls
/// [`Change::apply`]; again until nothing is left. Then, where there is something to wait for,
/// [`Provider::settle`].
pub trait Change: Send {
    /// Reads what the next part will change and holds on to it, so that nothing slips in between.
    /// `None`: nothing is left.
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>>;

    /// Applies the part that was captured. [`FaultKind::Moved`] means that nothing was applied
    /// because what was captured has changed since: the engine captures again.
    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>>;

    /// What the whole action returned.
    fn result(&mut self) -> Value;
}

/// What was captured before one part of a change, and what it is about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// What this part is about, for people: `3 keys`, `maxmemory`.
    pub subject: String,
    /// The words that are about to be sent, without secrets.
    pub words: Vec<String>,
    /// What rollback needs.
    pub undo: UndoRecord,
    /// How many things it touches.
    pub count: u64,
    /// Is this the whole of the action, or its end? If so it is never begun again once applied; if
    /// not, beginning the action again finds what is left.
    pub last: bool,
}

/// What rollback needs, as it is stored: plain data with a version, never a closure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoRecord {
    /// Provider, shape and version: `redis.keys/1`.
    pub kind: String,
    /// Small facts: integers, texts, lists, mappings. No floats, no secrets.
    pub data: Value,
    /// Bulk, stored apart by its digest.
    #[serde(skip)]
    pub blob: Option<Vec<u8>>,
    /// When, among the undos of a run, it is this one's turn.
    pub order: UndoOrder,
}

impl UndoRecord {
    /// For a change that leaves nothing to undo.
    pub fn nothing(kind: &str) -> Self {
        Self { kind: kind.to_owned(), data: Value::Null, blob: None, order: UndoOrder::Nothing }
    }

    /// The name of the provider that wrote it.
    pub fn provider(&self) -> &str {
        self.kind.split(['.', '/']).next().unwrap_or(&self.kind)
    }
}

/// Within a rollback, limits are raised before data returns and lowered after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoOrder {
    /// There is nothing to undo.
    Nothing,
    /// It makes room: before data.
    MakesRoom,
    /// Data and everything without an order of its own.
    Data,
    /// It takes room away, or interrupts what holds data: after data.
    TakesRoom,
    /// It starts or ends what others are made in: it keeps its place, and nothing is moved past it.
    InPlace,
}

/// How one part of a change went.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// Did anything change?
    pub changed: bool,
    /// What the part left behind, so that rollback can tell its work from another's. No floats.
    pub after: Value,
    /// What changed, for people: before and after of at most a few things.
    pub diff: Vec<crate::plan::Change>,
    /// The pre-image, where the change itself showed that the captured one was out of date.
    pub corrected: Option<UndoRecord>,
}

/// One captured part, read back for a rollback or a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoPart {
    /// As captured, with its blob.
    pub record: UndoRecord,
    /// What the part left, if its result was recorded.
    pub after: Option<Value>,
    /// The words that were sent.
    pub words: Vec<String>,
}

/// A rollback of one step under way.
pub trait Undo: Send {
    /// Whatever has to be changed besides, before data can return (a raised limit): recorded
    /// before [`Undo::run`] is called, and undone by it.
    fn prepare(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>>;

    /// Puts everything back and reads it again. Never stops at the first problem.
    fn run(&mut self) -> BoxFuture<'_, Restore>;
}

/// What a rollback of one step came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restore {
    /// How many things are as they were before, verified by reading them.
    pub restored: u64,
    /// What is not as it was, and why.
    pub differs: Vec<Difference>,
    /// What someone else changed since, left as it is.
    pub conflicts: Vec<Difference>,
    /// What could not be done at all.
    pub failed: Option<Fault>,
}

/// One thing that is not as it was: three ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Difference {
    /// What.
    pub subject: String,
    /// As it was before the run.
    pub before: String,
    /// As the run left it.
    pub ours: String,
    /// As it is now.
    pub now: String,
}

/// Whether a change of unknown outcome happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It did, and left this. What it returned is lost.
    Done(Value),
    /// It did not.
    NotDone,
    /// Nobody can tell, and why.
    Unclear(String),
}

/// Who answered at a target's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Identity {
    /// Unique to this server, cluster or engine: locks are taken on it.
    #[schemars(extend("format" = "name"))]
    pub id: String,
    /// What people want to know: role, version, user.
    pub facts: Vec<(String, String)>,
}

// ---------------------------------------------------------------- access

/// Leave to read a target. It can be copied, and nothing can be changed through it.
#[derive(Clone, Copy)]
pub struct ReadAccess<'a> {
    target: &'a dyn Target,
    cancel: &'a dyn Cancel,
}

impl<'a> ReadAccess<'a> {
    /// Leave to read.
    pub fn new(target: &'a dyn Target, cancel: &'a dyn Cancel) -> Self {
        Self { target, cancel }
    }

    /// The target.
    pub fn target(&self) -> &'a dyn Target {
        self.target
    }

    /// Tells when to stop.
    pub fn cancel(&self) -> &'a dyn Cancel {
        self.cancel
    }

    /// Leave to read something that is reached through this target.
    pub fn through<'b>(&self, inner: &'b dyn Target) -> ReadAccess<'b>
    where
        'a: 'b,
    {
        ReadAccess { target: inner, cancel: self.cancel }
    }
}

/// Leave to change a target. Only an [`Executable`] gives it out.
pub struct WriteAccess<'a> {
    read: ReadAccess<'a>,
    /// Bytes that may be captured.
    capture_limit: u64,
    progress: &'a (dyn Fn(u64, Option<u64>) + Send + Sync),
    applied: &'a [String],
}

impl<'a> WriteAccess<'a> {
    /// The same, for an action that was stopped after these parts of it.
    #[must_use]
    pub fn going_on(mut self, applied: &'a [String]) -> Self {
        self.applied = applied;
        self
    }

    /// The subjects of those parts of this action that were applied before it was stopped: it goes on
    /// after them, and does none of them twice.
    pub fn applied(&self) -> &'a [String] {
        self.applied
    }

    /// Who may write may read.
    pub fn reading(&self) -> ReadAccess<'a> {
        self.read
    }

    /// The target.
    pub fn target(&self) -> &'a dyn Target {
        self.read.target
    }

    /// Tells when to stop.
    pub fn cancel(&self) -> &'a dyn Cancel {
        self.read.cancel
    }

    /// Bytes that one step may capture.
    pub fn capture_limit(&self) -> u64 {
        self.capture_limit
    }

    /// Leave to change something that is reached through this target: what the step does, it does there.
    pub fn through<'b>(&self, inner: &'b dyn Target) -> WriteAccess<'b>
    where
        'a: 'b,
    {
        let Self { capture_limit, progress, applied, .. } = *self;
        WriteAccess { read: self.read.through(inner), capture_limit, progress, applied }
    }

    /// Tells how far a long change is: done, and of how many if that is known.
    pub fn progress(&self, done: u64, of: Option<u64>) {
        (self.progress)(done, of);
    }
}

/// Proof that a run, not a plan, is under way. The executor makes it from the journal that it
/// holds open; a planner has none, so it can make no [`WriteAccess`].
pub struct Executable {
    capture_limit: u64,
}

impl Executable {
    /// Made by whoever records each change before it is made.
    pub(crate) fn recorded(capture_limit: u64) -> Self {
        Self { capture_limit }
    }

    /// For tests of providers, which have no run.
    #[cfg(feature = "testing")]
    pub fn for_tests(capture_limit: u64) -> Self {
        Self::recorded(capture_limit)
    }

    /// Leave to change.
    pub fn write<'a>(
        &self,
        read: ReadAccess<'a>,
        progress: &'a (dyn Fn(u64, Option<u64>) + Send + Sync),
    ) -> WriteAccess<'a> {
        WriteAccess { read, capture_limit: self.capture_limit, progress, applied: &[] }
    }
}

// ---------------------------------------------------------------- faults

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// No answer.
    Unreachable,
    /// The user was refused.
    Unauthorised,
    /// The server refused the command.
    Refused,
    /// Time ran out.
    Timeout,
    /// Told to stop.
    Cancelled,
    /// What was captured has changed since.
    Moved,
    /// Someone else is there than expected.
    WrongTarget,
    /// A write where only reads are allowed.
    ReadOnly,
    /// More to capture than allowed.
    CaptureLimit,
    /// The playbook asks for something that makes no sense.
    Invalid,
    /// A fault in playbook itself.
    Internal,
}

/// Was the change made, although there was an error?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// Certainly not.
    No,
    /// It may have been.
    Unclear,
}

/// Something went wrong with a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, schemars::JsonSchema)]
#[error("{message}")]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// Its page.
    #[serde(with = "code_text")]
    #[schemars(with = "String", extend("format" = "name"))]
    pub code: Code,
    /// What happened: a lower-case fragment.
    pub message: String,
    /// The server's own words begin with this: `OOM`, `NOAUTH`.
    #[schemars(extend("format" = "name"))]
    pub server_code: Option<String>,
    /// What to do.
    pub help: String,
    /// Was the change made all the same?
    pub happened: Happened,
    /// Does it pass by itself?
    pub transient: bool,
}

impl Fault {
    /// A fault after which certainly nothing was changed.
    pub fn new(kind: FaultKind, code: Code, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            server_code: None,
            help: String::new(),
            happened: Happened::No,
            transient: matches!(kind, FaultKind::Unreachable | FaultKind::Timeout | FaultKind::Moved),
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The change may have been made.
    #[must_use]
    pub fn unclear(mut self) -> Self {
        self.happened = Happened::Unclear;
        self
    }

    /// What the server's words began with.
    #[must_use]
    pub fn server(mut self, code: impl Into<String>, transient: bool) -> Self {
        self.server_code = Some(code.into());
        self.transient = transient;
        self
    }
}

mod code_text {
    use super::Code;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(code.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Code::find(&text).unwrap_or(Code::Internal))
    }
}
