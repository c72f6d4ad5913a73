//! Tasks: how they are begun, and what becomes of what they tell.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::check::Rollback;
use playbook_core::codes::Code;
use playbook_core::event::{ActionProbed, ApprovalLapsed, Event, ProbeVerdict};
use playbook_core::model::StepIx;
use playbook_core::run::{Attempt, covered_steps, judge, request};
use tokio_util::sync::CancellationToken;

use super::Loop;
use crate::error::RuntimeError;
use crate::executor::{FromTask, Given, TaskEnd, attempt, prepare, settle, undo};

impl Loop {
    fn token(&mut self, step: StepIx) -> CancellationToken {
        let token = CancellationToken::new();
        self.tokens.insert(step, token.clone());
        token
    }

    fn spawn(&mut self, step: StepIx, work: impl Future<Output = TaskEnd> + Send + 'static) {
        let loop_ = self.shared.loop_.clone();
        let handle = self.tasks.spawn(async move {
            let end = work.await;
            let _ = loop_.send(FromTask::Ended { step, end }).await;
        });
        self.working.insert(handle.id(), step);
    }

    /// A panic in a step's task is a failed step, not a dead run.
    pub(super) fn panicked(&mut self, task: tokio::task::Id) -> Result<(), RuntimeError> {
        let Some(step) = self.working.remove(&task) else { return Ok(()) };
        let fault = Fault::new(FaultKind::Internal, Code::Internal, "a fault in playbook itself ended this step")
            .help("the journal has everything up to it; report it with `playbook timeline RUN`")
            .unclear();
        self.ended(step, TaskEnd::Attempt(Attempt::Faulted(fault)))?;
        self.journal.sync()
    }

    pub(super) fn start(&mut self, step: StepIx) -> Result<(), RuntimeError> {
        let given = self.given(step)?;
        let shared = self.shared.clone();
        self.spawn(step, attempt(shared, given));
        Ok(())
    }

    /// Its change was made before the process ended, and goes on at the target.
    pub(super) fn settle_step(&mut self, step: StepIx) -> Result<(), RuntimeError> {
        let given = self.given(step)?;
        self.state.busy.insert(step);
        let returned = self.state.step(step).ended_by().and_then(|part| part.returned.clone());
        let shared = self.shared.clone();
        self.spawn(step, settle(shared, given, returned));
        Ok(())
    }

    fn given(&mut self, step: StepIx) -> Result<Given, RuntimeError> {
        let token = self.token(step);
        let run = self.state.step(step);
        let executable = self
            .state
            .executable()
            .ok_or_else(|| RuntimeError::Internal("a step was to begin after its run had ended".into()))?;
        Ok(Given {
            step,
            scope: self.state.scope(&self.engine.checked, &self.engine.world, step),
            covered: run.covered.clone().map(|covered| (*covered, run.tolerance)),
            parts: run.parts.iter().map(|part| part.number).max().unwrap_or(0),
            applied: run.begun(),
            settling: run.settling().cloned().collect(),
            executable,
            left: self.left_for(step),
            token,
        })
    }

    pub(super) fn prepare(&mut self, step: StepIx) {
        self.state.busy.insert(step);
        let checked = &self.engine.checked;
        let steps = covered_steps(checked, &self.state, step)
            .into_iter()
            .map(|ix| (ix, self.state.scope(checked, &self.engine.world, ix)))
            .collect();
        let token = self.token(step);
        let shared = self.shared.clone();
        self.spawn(step, prepare(shared, steps, token, step));
    }

    pub(super) fn probe(&mut self, step: StepIx) {
        self.state.busy.insert(step);
        let parts = self.state.step(step).parts.clone();
        let shared = self.shared.clone();
        self.spawn(step, async move {
            match shared.probe(step, &parts).await {
                Ok(_) => TaskEnd::Probed,
                Err(fault) => TaskEnd::Attempt(Attempt::Faulted(fault)),
            }
        });
    }

    pub(super) fn undo(&mut self, step: StepIx) -> Result<(), RuntimeError> {
        self.state.busy.insert(step);
        let stated = matches!(self.engine.checked.step(step).rollback, Rollback::Stated(_));
        let parts = self.state.step(step).parts.clone();
        let executable = self
            .state
            .executable()
            .ok_or_else(|| RuntimeError::Internal("a rollback was to begin after its run had ended".into()))?;
        let token = self.token(step);
        let shared = self.shared.clone();
        self.spawn(step, undo(shared, step, parts, stated, executable, token));
        Ok(())
    }

    pub(super) fn heard(&mut self, message: FromTask) -> Result<(), RuntimeError> {
        let mut waiting = Vec::new();
        let mut message = Some(message);
        // Whatever has arrived meanwhile shares one sync.
        while let Some(next) = message.take() {
            match next {
                FromTask::Record { step, events, done } => {
                    for event in events {
                        self.record(Some(step), playbook_core::event::Actor::engine(), event)?;
                    }
                    waiting.push(done);
                }
                FromTask::Progress(progress) => self.progress(&progress),
                FromTask::Ended { step, end } => self.ended(step, end)?,
            }
            message = self.from_tasks.try_recv().ok();
        }
        self.journal.sync()?;
        for done in waiting {
            let _ = done.send(());
        }
        Ok(())
    }

    fn ended(&mut self, step: StepIx, end: TaskEnd) -> Result<(), RuntimeError> {
        self.state.busy.remove(&step);
        self.tokens.remove(&step);
        let engine = playbook_core::event::Actor::engine;
        match end {
            TaskEnd::Attempt(attempt) => self.judged(step, attempt),
            TaskEnd::Lapsed(why) => self.lapsed(step, &why),
            TaskEnd::Prepared(Ok(covers)) => {
                let checked = self.engine.checked.clone();
                let scope = self.state.scope(&checked, &self.engine.world, step);
                let Some(gate) = playbook_core::run::gate_of(&checked, &self.state, checked.step(step)) else {
                    return Ok(());
                };
                let asked = request(&gate, checked.step(step), &scope, covers);
                self.record(Some(step), engine(), Event::ApprovalRequested(Box::new(asked)))
            }
            TaskEnd::Prepared(Err(fault)) => self.judged(step, Attempt::Faulted(fault)),
            TaskEnd::Probed => {
                // A probe that found nothing to look at must not be begun again for ever.
                let open: Vec<u32> = self
                    .state
                    .step(step)
                    .parts
                    .iter()
                    .filter(|part| {
                        matches!(part.known, playbook_core::run::PartKnown::Sent) && !part.captured.for_rollback
                    })
                    .map(|part| part.number)
                    .collect();
                for part in open {
                    let probed = ActionProbed {
                        part,
                        verdict: ProbeVerdict::Unclear,
                        after: serde_json::Value::Null,
                        why: Some("the probe came to nothing".into()),
                    };
                    self.record(Some(step), engine(), Event::ActionProbed(probed))?;
                }
                Ok(())
            }
            TaskEnd::Undone(end) => self.record(Some(step), engine(), Event::RollbackStep(end)),
        }
    }

    fn judged(&mut self, step: StepIx, attempt: Attempt) -> Result<(), RuntimeError> {
        let now = self.engine.clock.now();
        let random = self.engine.random.next();
        let events = judge(&self.engine.checked, &self.engine.world, &self.state, step, attempt, now.mono_us, random);
        for event in events {
            self.record(Some(step), playbook_core::event::Actor::engine(), event)?;
        }
        Ok(())
    }

    /// Ask again where a person is; elsewhere a change that was not approved is refused.
    fn lapsed(&mut self, step: StepIx, why: &str) -> Result<(), RuntimeError> {
        let lapsed = Event::ApprovalLapsed(ApprovalLapsed { why: why.to_owned() });
        if self.engine.interactive || self.state.changed_anything() {
            return self.record(Some(step), playbook_core::event::Actor::engine(), lapsed);
        }
        let fault = Fault::new(FaultKind::Invalid, Code::ApprovalLapsed, format!("the approval lapsed: {why}"))
            .help("nothing was changed; look at a new plan and approve that");
        self.judged(step, Attempt::Faulted(fault))
    }
}
