//! One attempt of a step: capture → record → apply → record, part by part.

use std::sync::Arc;
use std::time::{Duration, Instant};

use playbook_core::action::{
    Action, Capture, Change, Executable, Fault, FaultKind, Happened, ReadAccess, TOLD_TO_STOP, WriteAccess,
};
use playbook_core::check::{Step, effective};
use playbook_core::codes::Code;
use playbook_core::event::{ActionIntent, ActionResult, Covered, Event, StateCaptured};
use playbook_core::expr::Scope;
use playbook_core::model::{Class, StepIx};
use playbook_core::run::{Attempt, Part, PartKnown, eval_fault, lapse};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::settle::{self, progress, with};
use super::{Shared, TaskEnd, Told};
use crate::journal::seal_blob;

/// How long an action that was told to end may take to do so.
const GRACE: Duration = Duration::from_secs(10);
/// How often something is captured again because it changed in between.
const MOVES: u32 = 20;

/// What an attempt is given by the loop.
pub(crate) struct Given {
    pub(crate) step: StepIx,
    pub(crate) scope: Scope,
    /// What an approval said of it, and how far counts may move.
    pub(crate) covered: Option<(Covered, f64)>,
    /// Parts that earlier attempts made.
    pub(crate) parts: u32,
    /// What of this action was applied before it was stopped.
    pub(crate) applied: Vec<String>,
    /// Those of them that go on at the target after they were made.
    pub(crate) settling: Vec<Part>,
    pub(crate) executable: Executable,
    pub(crate) token: CancellationToken,
    /// What is left of the step's time.
    pub(crate) left: Duration,
}

/// Carries out one attempt, within its time.
pub(crate) async fn attempt(shared: Arc<Shared>, given: Given) -> TaskEnd {
    let worker = Worker { shared: &shared, given: &given, told: Told(given.token.clone()) };
    match within(&given, worker.work()).await {
        End::Lapsed(why) => TaskEnd::Lapsed(why),
        End::Returned(value) => TaskEnd::Attempt(Attempt::Returned(value)),
        End::Lost => TaskEnd::Attempt(Attempt::Lost),
        End::Faulted(fault) => TaskEnd::Attempt(Attempt::Faulted(fault)),
    }
}

/// Ends work at the step's deadline: it is told to end, and then dropped.
pub(super) async fn within(given: &Given, work: impl Future<Output = End>) -> End {
    let Given { token, left, .. } = given;
    let left = *left;
    tokio::pin!(work);
    let deadline = tokio::time::sleep(left);
    tokio::pin!(deadline);
    let mut late = false;
    let end = loop {
        tokio::select! {
            end = &mut work => break end,
            () = &mut deadline, if !late => {
                late = true;
                token.cancel();
            }
            () = grace(token) => break End::Faulted(
                Fault::new(FaultKind::Timeout, Code::TimedOut, "it did not end when it was told to").unclear(),
            ),
        }
    };
    match end {
        End::Faulted(fault) => End::Faulted(named(fault, late, left)),
        End::Lapsed(_) | End::Returned(_) | End::Lost => end,
    }
}

async fn grace(token: &CancellationToken) {
    token.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// Told to stop because of its own deadline: that is a timeout.
fn named(fault: Fault, late: bool, left: Duration) -> Fault {
    if !late || !matches!(fault.kind, FaultKind::Cancelled | FaultKind::Timeout) {
        return fault;
    }
    let limit = playbook_core::model::Duration::from(left);
    let fault = Fault { kind: FaultKind::Timeout, code: Code::TimedOut, ..fault };
    if fault.message == TOLD_TO_STOP {
        let message = format!("no result within {limit}");
        return Fault { message, help: "raise the step's timeout, or find out what holds it up".into(), ..fault };
    }
    // What held it up is known.
    Fault { message: format!("no result within {limit}: {}", fault.message), ..fault }
}

pub(super) enum End {
    Returned(Value),
    Lost,
    Faulted(Fault),
    Lapsed(String),
}

struct Worker<'a> {
    shared: &'a Shared,
    given: &'a Given,
    told: Told,
}

impl Worker<'_> {
    fn step(&self) -> &Step {
        self.shared.checked.step(self.given.step)
    }

    async fn work(&self) -> End {
        match self.try_work().await {
            Ok(end) => end,
            Err(fault) => End::Faulted(fault),
        }
    }

    async fn try_work(&self) -> Result<End, Fault> {
        let action = ready(self.shared, self.given.step, &self.given.scope)?;
        let class = effective(self.step(), action.class());
        let (_, target) = self.shared.target_of(self.given.step)?;
        let access = ReadAccess::new(target.as_ref(), &self.told);
        let identity = self.shared.meet(self.given.step, class.effect.changes(), &self.told).await?;
        if !class.effect.changes() {
            return self.read(action.as_ref(), access, class).await;
        }
        self.shared.lock(self.given.step, &identity).await?;
        if let Some((covered, tolerance)) = &self.given.covered {
            let planned = action.plan(access).await?;
            if let Some(why) = lapse(covered, *tolerance, &action.words(), Some(target.name()), &planned) {
                return Ok(End::Lapsed(why));
            }
        }
        self.change(action.as_ref(), access, class).await
    }

    async fn read(&self, action: &dyn Action, access: ReadAccess<'_>, class: Class) -> Result<End, Fault> {
        let intent = self.intent(0, action.words(), class, 0, access);
        self.shared.record(self.given.step, vec![intent]).await?;
        let began = Instant::now();
        let progress = progress(self.shared, self.given);
        let result = action.read_in_run(self.given.executable.write(access, &progress)).await;
        let done = ActionResult { fault: result.as_ref().err().cloned(), ..self.nothing(0, began) };
        self.shared.record(self.given.step, vec![Event::ActionResult(Box::new(done))]).await?;
        result.map(End::Returned)
    }

    fn intent(&self, part: u32, words: Vec<String>, class: Class, count: u64, access: ReadAccess<'_>) -> Event {
        Event::ActionIntent(Box::new(ActionIntent {
            part,
            target: Some(access.target().name().to_owned()),
            words,
            mutating: class.effect.changes(),
            class,
            count,
        }))
    }

    fn nothing(&self, part: u32, began: Instant) -> ActionResult {
        ActionResult {
            part,
            changed: false,
            after: Value::Null,
            result: None,
            result_blob: None,
            diff: Vec::new(),
            fault: None,
            duration_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }

    async fn change(&self, action: &dyn Action, access: ReadAccess<'_>, class: Class) -> Result<End, Fault> {
        let step = self.given.step;
        let progress = progress(self.shared, self.given);
        let write: WriteAccess<'_> = self.given.executable.write(access, &progress).going_on(&self.given.applied);
        let mut change = action.change(write).await?;
        let mut number = self.given.parts;
        let mut settling = self.given.settling.clone();
        let mut moves = 0;
        loop {
            if self.told.0.is_cancelled() {
                return Err(Fault::new(FaultKind::Cancelled, Code::TimedOut, TOLD_TO_STOP)
                    .help("what was done up to here is recorded, and can be rolled back"));
            }
            let Some(capture) = change.capture().await? else {
                return self.settled(change, None, &settling).await;
            };
            number += 1;
            let last = capture.last;
            let mut part = self.announce(number, capture, class.clone(), access).await?;
            let began = Instant::now();
            match change.apply().await {
                Ok(applied) => {
                    let mut events = Vec::new();
                    if let Some(corrected) = applied.corrected {
                        let captured = self.stored(number, &part.captured.subject, corrected, last)?;
                        events.push(Event::StateCaptured(Box::new(captured)));
                    }
                    let mut done = self.nothing(number, began);
                    done.changed = applied.changed;
                    done.after = applied.after.clone();
                    done.diff = applied.diff;
                    let returned = last.then(|| change.result());
                    done.result.clone_from(&returned);
                    events.push(Event::ActionResult(Box::new(done)));
                    self.shared.record(step, events).await?;
                    if part.captured.settles {
                        part.known = PartKnown::Applied(applied.after);
                        settling.push(part);
                    }
                    if last {
                        return self.settled(change, returned, &settling).await;
                    }
                }
                Err(fault) => {
                    let done = ActionResult { fault: Some(fault.clone()), ..self.nothing(number, began) };
                    self.shared.record(step, vec![Event::ActionResult(Box::new(done))]).await?;
                    if fault.kind == FaultKind::Moved && moves < MOVES {
                        moves += 1;
                        continue;
                    }
                    drop(change);
                    return match self.after_fault(fault, &mut part).await? {
                        End::Lost => {
                            settling.extend(part.captured.settles.then_some(part));
                            settle::wait(self.shared, self.given, &settling, &self.told).await.map(|_| End::Lost)
                        }
                        end => Ok(end),
                    };
                }
            }
        }
    }

    /// Waits for what was begun, where there is such a thing, and gives the result of the whole.
    async fn settled(
        &self,
        mut change: Box<dyn Change + '_>,
        returned: Option<Value>,
        settling: &[Part],
    ) -> Result<End, Fault> {
        let returned = returned.unwrap_or_else(|| change.result());
        drop(change);
        let settled = settle::wait(self.shared, self.given, settling, &self.told).await?;
        Ok(End::Returned(with(returned, settled)))
    }

    /// Puts pre-image and intent on disk. Only after this may anything be sent.
    async fn announce(
        &self,
        number: u32,
        capture: Capture,
        class: Class,
        access: ReadAccess<'_>,
    ) -> Result<Part, Fault> {
        let Capture { subject, words, undo, count, last } = capture;
        let captured = self.stored(number, &subject, undo, last)?;
        let intent = self.intent(number, words, class, count, access);
        let part = Part {
            number,
            attempt: 0,
            seq: 0,
            captured: captured.clone(),
            intent: match &intent {
                Event::ActionIntent(intent) => Some((**intent).clone()),
                _ => None,
            },
            known: PartKnown::Sent,
            returned: None,
        };
        let events = vec![Event::StateCaptured(Box::new(captured)), intent];
        self.shared.record(self.given.step, events).await?;
        Ok(part)
    }

    fn stored(
        &self,
        number: u32,
        subject: &str,
        undo: playbook_core::action::UndoRecord,
        last: bool,
    ) -> Result<StateCaptured, Fault> {
        let settles = self.shared.provider_of(&undo.kind)?.settles(&undo);
        let bytes = undo.blob.as_ref().map_or(0, |blob| blob.len() as u64);
        let blob = match undo.blob {
            None => None,
            Some(blob) => {
                let sealed = seal_blob(&self.shared.secrets, blob);
                let put = self.shared.store.put(&sealed).map_err(|error| {
                    Fault::new(FaultKind::Internal, error.code(), error.to_string()).help(error.help())
                })?;
                Some(put)
            }
        };
        Ok(StateCaptured {
            part: number,
            subject: subject.to_owned(),
            kind: undo.kind,
            record: undo.data,
            blob,
            bytes,
            order: undo.order,
            last,
            for_rollback: false,
            settles,
        })
    }

    /// The change may have been made although there was an error: find out.
    async fn after_fault(&self, fault: Fault, part: &mut Part) -> Result<End, Fault> {
        if fault.happened == Happened::No {
            return Err(fault);
        }
        let last = part.captured.last;
        let verdicts = self.shared.probe(self.given.step, std::slice::from_ref(part)).await?;
        if let Some((_, known)) = verdicts.into_iter().next() {
            part.known = known;
        }
        match part.known {
            PartKnown::Applied(_) if last && fault.kind == FaultKind::Unreachable => Ok(End::Lost),
            PartKnown::Applied(_) | PartKnown::NotApplied => Err(Fault { happened: Happened::No, ..fault }),
            PartKnown::NotSent | PartKnown::Sent | PartKnown::Unclear => Err(Fault {
                help: "nobody can tell whether it was carried out; look at the target before going on".into(),
                ..fault
            }),
        }
    }
}

/// A step's action with all its values. Whatever was made of a secret becomes one.
pub(crate) fn ready(shared: &Shared, step: StepIx, scope: &Scope) -> Result<Arc<dyn Action>, Fault> {
    let step = shared.checked.step(step);
    let draft =
        step.draft().ok_or_else(|| Fault::new(FaultKind::Internal, Code::Internal, "a step without an action"))?;
    for rendered in draft.words().iter().filter_map(|word| word.render(scope).ok()) {
        if let (Some(name), Ok(text)) = (&rendered.secret, rendered.word()) {
            shared.secrets.add(name, &text);
        }
    }
    draft.prepare(scope).map_err(eval_fault)
}
