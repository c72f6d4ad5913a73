//! Steps at work: one task each. A task acts through a provider, has everything recorded before it
//! goes on, and returns what it knows. It never changes the state of the run itself.

mod attempt;
mod prepare;
mod settle;
mod undo;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use playbook_core::action::{Fault, FaultKind, Identity, Provider, ReadAccess, Target, UndoPart, UndoRecord, Verdict};
use playbook_core::check::Checked;
use playbook_core::codes::Code;
use playbook_core::event::{ActionProbed, Covered, Event, LockTaken, ProbeVerdict, RollbackStep, TargetMet};
use playbook_core::model::{RunId, StepIx};
use playbook_core::ports::{BoxFuture, Cancel, Clock};
use playbook_core::registry::Registry;
use playbook_core::run::{Attempt, Part, PartKnown};
use playbook_core::secret::Secrets;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::error::RuntimeError;
use crate::journal::open_blob;
use crate::sink::Progress;
use crate::store::{Lock, Store};
use crate::targets::Targets;

pub(crate) use attempt::{Given, attempt};
pub(crate) use prepare::prepare;
pub(crate) use settle::settle;
pub(crate) use undo::undo;

/// What tasks of one run share.
pub(crate) struct Shared {
    pub(crate) checked: Arc<Checked>,
    pub(crate) registry: Registry,
    pub(crate) targets: Targets,
    pub(crate) secrets: Secrets,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) run: RunId,
    pub(crate) user: String,
    pub(crate) loop_: mpsc::Sender<FromTask>,
    pub(crate) met: Mutex<BTreeMap<usize, Identity>>,
    /// Who answered at the targets that the run has changed before it stopped, by name.
    pub(crate) changed_on: BTreeMap<String, Identity>,
}

/// What a task tells the loop.
pub(crate) enum FromTask {
    /// Record these, in this order; answer when they are as durable as they must be.
    Record { step: StepIx, events: Vec<Event>, done: oneshot::Sender<()> },
    /// To show, not to record.
    Progress(Progress),
    /// The task is over.
    Ended { step: StepIx, end: TaskEnd },
}

/// What became of a task.
pub(crate) enum TaskEnd {
    /// An attempt of a step.
    Attempt(Attempt),
    /// What a question covers.
    Prepared(Result<Vec<Covered>, Fault>),
    /// What was approved no longer holds.
    Lapsed(String),
    /// Doubts were looked into; what was found is recorded.
    Probed,
    /// A rollback of a step.
    Undone(Box<RollbackStep>),
}

/// A cancellation token as providers see it.
pub(crate) struct Told(pub(crate) CancellationToken);

impl Cancel for Told {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn cancelled(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.cancelled())
    }
}

/// Someone else answers than when the target was changed.
pub(crate) fn other_target(
    changed_on: &BTreeMap<String, Identity>,
    target: &dyn Target,
    now: &Identity,
) -> Option<RuntimeError> {
    let before = changed_on.get(target.name()).filter(|before| before.id != now.id)?;
    Some(RuntimeError::OtherTarget {
        target: target.name().to_owned(),
        address: target.address(),
        before: before.id.clone(),
        now: now.id.clone(),
    })
}

impl Shared {
    /// Has events recorded. An error means that nothing more may be changed.
    pub(crate) async fn record(&self, step: StepIx, events: Vec<Event>) -> Result<(), Fault> {
        let (done, recorded) = oneshot::channel();
        let gone = || {
            Fault::new(FaultKind::Internal, Code::State, "the journal cannot be written, so nothing more is changed")
                .help("look at the disk that holds the state directory")
        };
        self.loop_.send(FromTask::Record { step, events, done }).await.map_err(|_| gone())?;
        recorded.await.map_err(|_| gone())
    }

    pub(crate) fn target_of(&self, step: StepIx) -> Result<(usize, &Arc<dyn Target>), Fault> {
        let missing = || Fault::new(FaultKind::Internal, Code::Internal, "a step without a target");
        let at = self.checked.step(step).target.ok_or_else(missing)?;
        Ok((at, self.targets.get(at).ok_or_else(missing)?))
    }

    /// Asks who answers at a target, and holds it against what is expected there: once per run, and
    /// again before a change where it may be another one by now.
    pub(crate) async fn meet(&self, step: StepIx, changes: bool, cancel: &dyn Cancel) -> Result<Identity, Fault> {
        let (at, target) = self.target_of(step)?;
        let known = self.met.lock().ok().and_then(|met| met.get(&at).cloned());
        if let Some(known) = known.as_ref().filter(|_| !changes || !target.may_be_replaced()) {
            return Ok(known.clone());
        }
        let identity = target.identify(cancel).await?;
        if known.as_ref().is_some_and(|known| known.id == identity.id) {
            return Ok(identity);
        }
        if let Some(error) = other_target(&self.changed_on, target.as_ref(), &identity) {
            return Err(Fault::new(FaultKind::WrongTarget, error.code(), error.to_string()).help(error.help()));
        }
        let met = TargetMet { target: target.name().to_owned(), identity: identity.clone() };
        self.record(step, vec![Event::TargetMet(met)]).await?;
        if let Ok(mut all) = self.met.lock() {
            all.insert(at, identity.clone());
        }
        Ok(identity)
    }

    /// Takes the lock of a target, before the first change.
    pub(crate) async fn lock(&self, step: StepIx, identity: &Identity) -> Result<(), Fault> {
        let (_, target) = self.target_of(step)?;
        let mine = |lock: &Lock| lock.identity == identity.id && lock.run == self.run;
        if self.store.locks().iter().any(mine) {
            return Ok(());
        }
        let lock = Lock {
            identity: identity.id.clone(),
            target: target.name().to_owned(),
            run: self.run.clone(),
            playbook: self.checked.name().to_owned(),
            since: format!("{:.0}", self.clock.now().wall),
            user: self.user.clone(),
        };
        self.store
            .lock(&lock)
            .map_err(|error| Fault::new(FaultKind::Refused, error.code(), error.to_string()).help(error.help()))?;
        let taken = LockTaken { target: lock.target, identity: lock.identity };
        self.record(step, vec![Event::LockTaken(taken)]).await
    }

    /// A part as it was captured, for a provider.
    pub(crate) fn undo_part(&self, part: &Part) -> Result<UndoPart, Fault> {
        undo_part(self.store.as_ref(), &self.secrets, part)
            .map_err(|error| Fault::new(FaultKind::Internal, error.code(), error.to_string()).help(error.help()))
    }

    pub(crate) fn provider_of(&self, kind: &str) -> Result<&Arc<dyn Provider>, Fault> {
        let name = kind.split(['.', '/']).next().unwrap_or(kind);
        self.registry.provider(name).ok_or_else(|| {
            Fault::new(FaultKind::Internal, Code::Internal, format!("this version cannot read records of kind {kind}"))
                .help("use the version that the run was made with")
        })
    }

    /// Looks into the open intents of a step, records what is found, and tells it for each part by its
    /// number.
    pub(crate) async fn probe(&self, step: StepIx, parts: &[Part]) -> Result<Vec<(u32, PartKnown)>, Fault> {
        let told = Told(CancellationToken::new());
        let mut verdicts = Vec::new();
        let open =
            |part: &&Part| matches!(part.known, PartKnown::Sent | PartKnown::Unclear) && !part.captured.for_rollback;
        for part in parts.iter().filter(open) {
            let verdict = match self.verdict(step, part, &told).await {
                Ok(verdict) => verdict,
                Err(fault) => Verdict::Unclear(fault.message),
            };
            let (verdict, after, why) = match verdict {
                Verdict::Done(after) => (ProbeVerdict::Done, after, None),
                Verdict::NotDone => (ProbeVerdict::NotDone, serde_json::Value::Null, None),
                Verdict::Unclear(why) => (ProbeVerdict::Unclear, serde_json::Value::Null, Some(why)),
            };
            let known = match verdict {
                ProbeVerdict::Done => PartKnown::Applied(after.clone()),
                ProbeVerdict::NotDone => PartKnown::NotApplied,
                ProbeVerdict::Unclear => PartKnown::Unclear,
            };
            verdicts.push((part.number, known));
            let probed = ActionProbed { part: part.number, verdict, after, why };
            self.record(step, vec![Event::ActionProbed(probed)]).await?;
        }
        Ok(verdicts)
    }

    async fn verdict(&self, step: StepIx, part: &Part, told: &Told) -> Result<Verdict, Fault> {
        let (_, target) = self.target_of(step)?;
        let part = self.undo_part(part)?;
        let provider = self.provider_of(&part.record.kind)?;
        let access = ReadAccess::new(target.as_ref(), told);
        let limit = std::time::Duration::from_secs(15);
        match tokio::time::timeout(limit, provider.probe(access, &part)).await {
            Ok(verdict) => verdict,
            Err(_) => Ok(Verdict::Unclear("the target does not answer".into())),
        }
    }
}

/// A part as it was captured: its bulk fetched, its secrets put back.
pub(crate) fn undo_part(store: &dyn Store, secrets: &Secrets, part: &Part) -> Result<UndoPart, RuntimeError> {
    let blob = match &part.captured.blob {
        None => None,
        Some(digest) => Some(open_blob(secrets, store.get(digest)?)?),
    };
    let unsplice = |value: &serde_json::Value| {
        let mut value = value.clone();
        secrets.unsplice(&mut value).map_err(RuntimeError::SecretNeeded).map(|()| value)
    };
    Ok(UndoPart {
        record: UndoRecord {
            kind: part.captured.kind.clone(),
            data: unsplice(&part.captured.record)?,
            blob,
            order: part.captured.order,
        },
        after: match &part.known {
            PartKnown::Applied(after) if !after.is_null() => Some(unsplice(after)?),
            PartKnown::Applied(_)
            | PartKnown::NotSent
            | PartKnown::Sent
            | PartKnown::NotApplied
            | PartKnown::Unclear => None,
        },
        words: part.intent.as_ref().map(|intent| intent.words.clone()).unwrap_or_default(),
    })
}
