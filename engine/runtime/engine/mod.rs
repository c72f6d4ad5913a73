//! The one loop: a message from a task, a person or a clock → events → journal → state → sinks →
//! what is to be done next. Nothing outside of it changes state.

mod answers;
mod tasks;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use playbook_core::action::{FaultKind, Identity};
use playbook_core::check::Checked;
use playbook_core::event::{Actor, Event, Record, RollbackStarted, RunPaused, RunResumed, RunStarted};
use playbook_core::journal::Head;
use playbook_core::model::{Duration, RunId, StepIx};
use playbook_core::plan::World;
use playbook_core::ports::{Clock, Randomness};
use playbook_core::registry::Registry;
use playbook_core::run::{Command, Mode, REQUESTED, RunState, RunSummary, decide, next_due, rollback_plan, summary};
use playbook_core::secret::Secrets;
use playbook_core::source::Sources;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::RuntimeError;
use crate::executor::{FromTask, Shared};
use crate::journal::{Journal, hydrate};
use crate::message::Inbox;
use crate::sink::{Progress, Sink};
use crate::store::Store;
use crate::targets::Targets;

/// How a run is entered.
pub enum Start {
    /// It begins.
    Fresh(Box<RunStarted>),
    /// It goes on from its journal.
    Resume(RunResumed),
    /// It is over, and what it changed is taken back.
    Rollback(RunResumed),
}

/// Everything that a run needs.
pub struct Engine {
    /// The playbook.
    pub checked: Arc<Checked>,
    /// Its texts, for places.
    pub sources: Arc<Sources>,
    /// The providers.
    pub registry: Registry,
    /// Names that templates see.
    pub world: World,
    /// Its targets.
    pub targets: Targets,
    /// What must not be shown.
    pub secrets: Secrets,
    /// Where it is kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Randomness>,
    /// Who runs it.
    pub actor: Actor,
    /// Is there a person at a terminal?
    pub interactive: bool,
    /// Who is told.
    pub sinks: Vec<Box<dyn Sink>>,
}

/// How the loop ended.
pub struct Ended {
    /// What there is to say of the run.
    pub summary: RunSummary,
    /// Where its journal stands.
    pub head: Head,
    /// The run.
    pub run: RunId,
    /// Did someone leave at once, with steps still running?
    pub left: bool,
}

impl Engine {
    /// Carries out a run until it is over, parked, or left.
    ///
    /// # Errors
    /// When the journal cannot be written or read. Whatever was sent before that is in it.
    pub async fn run(self, run: RunId, start: Start, inbox: Inbox) -> Result<Ended, RuntimeError> {
        let (journal, records) = match &start {
            Start::Fresh(_) => {
                let journal = Journal::create(run, self.store.clone(), self.clock.clone(), self.secrets.clone())?;
                (journal, Vec::new())
            }
            Start::Resume(_) | Start::Rollback(_) => {
                let store = self.store.clone();
                let (journal, mut loaded) = Journal::reopen(run, store, self.clock.clone(), self.secrets.clone())?;
                hydrate(self.store.as_ref(), &mut loaded.records)?;
                (journal, loaded.records)
            }
        };
        let mut state = RunState::new(&self.checked);
        for record in &records {
            state.apply(&self.checked, record);
        }
        let changed_on = self.same_targets(&start, &state).await?;
        Loop::new(self, journal, state, inbox, changed_on).run(start).await
    }

    /// Before a run goes on: do those answer that it has changed? What does not answer is told later.
    async fn same_targets(&self, start: &Start, state: &RunState) -> Result<BTreeMap<String, Identity>, RuntimeError> {
        let accepted = match start {
            Start::Fresh(_) => return Ok(BTreeMap::new()),
            Start::Resume(resumed) | Start::Rollback(resumed) => &resumed.accepted_targets,
        };
        let mut changed_on = state.changed_on.clone();
        changed_on.retain(|name, _| !accepted.contains(name));
        for target in self.targets.all().filter(|target| changed_on.contains_key(target.name())) {
            let never = crate::executor::Told(CancellationToken::new());
            let now = match target.identify(&never).await {
                Ok(now) => now,
                // A step that fails for that would end the run; a rollback does what it can elsewhere.
                Err(fault) if fault.kind == FaultKind::Unauthorised && matches!(start, Start::Resume(_)) => {
                    return Err(RuntimeError::NotLetIn { target: target.name().to_owned(), fault: Box::new(fault) });
                }
                Err(_) => continue,
            };
            if let Some(error) = crate::executor::other_target(&changed_on, target.as_ref(), &now) {
                return Err(error);
            }
        }
        Ok(changed_on)
    }
}

struct Loop {
    engine: Engine,
    shared: Arc<Shared>,
    journal: Journal,
    state: RunState,
    inbox: Inbox,
    from_tasks: mpsc::Receiver<FromTask>,
    mailbox: mpsc::Receiver<()>,
    mails_read: usize,
    answered: BTreeSet<String>,
    tasks: JoinSet<()>,
    tokens: BTreeMap<StepIx, CancellationToken>,
    working: HashMap<tokio::task::Id, StepIx>,
    _follow: Box<dyn Send>,
}

/// What carrying out a command means for the loop.
enum Next {
    GoOn,
    Park,
    End,
}

impl Loop {
    fn new(
        mut engine: Engine,
        journal: Journal,
        state: RunState,
        inbox: Inbox,
        changed_on: BTreeMap<String, Identity>,
    ) -> Self {
        let (loop_, from_tasks) = mpsc::channel(256);
        let (changed, mailbox) = mpsc::channel(1);
        let follow = engine.store.follow(
            journal.run(),
            Box::new(move || {
                let _ = changed.try_send(());
            }),
        );
        let shared = Arc::new(Shared {
            checked: engine.checked.clone(),
            registry: engine.registry.clone(),
            targets: std::mem::take(&mut engine.targets),
            secrets: engine.secrets.clone(),
            store: engine.store.clone(),
            clock: engine.clock.clone(),
            run: journal.run().clone(),
            user: engine.actor.name().to_owned(),
            loop_,
            met: std::sync::Mutex::default(),
            changed_on,
        });
        Self {
            engine,
            shared,
            journal,
            state,
            inbox,
            from_tasks,
            mailbox,
            mails_read: 0,
            answered: BTreeSet::new(),
            tasks: JoinSet::new(),
            tokens: BTreeMap::new(),
            working: HashMap::new(),
            _follow: follow,
        }
    }

    async fn run(mut self, start: Start) -> Result<Ended, RuntimeError> {
        let actor = self.engine.actor.clone();
        match start {
            Start::Fresh(started) => self.record(None, actor, Event::RunStarted(started))?,
            Start::Resume(resumed) => self.record(None, actor, Event::RunResumed(resumed))?,
            Start::Rollback(resumed) => {
                self.record(None, actor.clone(), Event::RunResumed(resumed))?;
                let plan = rollback_plan(&self.engine.checked, &self.state);
                let steps = RunState::ids(&self.engine.checked, plan.steps);
                self.record(None, actor, Event::RollbackStarted(RollbackStarted { cause: REQUESTED.into(), steps }))?;
            }
        }
        self.journal.sync()?;
        self.read_mail()?;
        loop {
            match self.settle()? {
                Next::GoOn => {}
                Next::Park => return self.park(),
                Next::End => return self.end(),
            }
            if self.wait().await? {
                return self.leave();
            }
        }
    }

    /// Carries out decisions until there are none left.
    fn settle(&mut self) -> Result<Next, RuntimeError> {
        loop {
            let now = self.engine.clock.now();
            let mode = Mode {
                interactive: self.engine.interactive,
                now_us: now.mono_us,
                random: self.engine.random.next(),
                sources: &self.engine.sources,
            };
            let commands = decide(&self.engine.checked, &self.engine.world, &self.state, mode);
            if commands.is_empty() {
                self.journal.sync()?;
                return Ok(Next::GoOn);
            }
            for command in commands {
                match command {
                    Command::Emit(emit) => self.record(emit.step, Actor::engine(), emit.event)?,
                    Command::Start(step) => self.start(step)?,
                    Command::Prepare(step) => self.prepare(step),
                    Command::Probe(step) => self.probe(step),
                    Command::Settle(step) => self.settle_step(step)?,
                    Command::Undo(step) => self.undo(step)?,
                    Command::CancelRunning => {
                        self.state.cancel_told = true;
                        self.tokens.values().for_each(CancellationToken::cancel);
                    }
                    Command::Park => return Ok(Next::Park),
                    Command::End => return Ok(Next::End),
                }
            }
        }
    }

    /// Waits for the next thing to happen, and records it. True: someone wants to leave at once.
    async fn wait(&mut self) -> Result<bool, RuntimeError> {
        let due = next_due(&self.engine.checked, &self.state)
            .map(|due| std::time::Duration::from_micros(due.saturating_sub(self.engine.clock.now().mono_us)));
        let far = std::time::Duration::from_secs(3600);
        tokio::select! {
            Some(message) = self.from_tasks.recv() => {
                self.heard(message)?;
            }
            Some(input) = self.inbox.recv() => {
                return self.said(input);
            }
            Some(()) = self.mailbox.recv() => self.read_mail()?,
            Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                if let Err(error) = ended {
                    self.panicked(error.id())?;
                }
            }
            () = tokio::time::sleep(due.unwrap_or(far)) => {}
        }
        Ok(false)
    }

    /// Journal first, then state, then everyone who listens.
    fn record(&mut self, step: Option<StepIx>, actor: Actor, event: Event) -> Result<(), RuntimeError> {
        if matches!(event, Event::RunFinished(_)) {
            // Before its end is recorded: a run that is over holds nothing, whenever it is killed.
            self.engine.store.unlock_all(self.journal.run())?;
        }
        let id = step.map(|ix| self.engine.checked.step(ix).id.clone());
        let attempt = step.map(|ix| match &event {
            Event::StepStarted(_) => self.state.step(ix).next_attempt(),
            _ => self.state.step(ix).attempt,
        });
        let (happened, written) = self.journal.append(id, attempt.filter(|n| *n > 0), actor, event)?;
        self.state.apply(&self.engine.checked, &happened);
        self.tell(&written);
        Ok(())
    }

    fn tell(&mut self, record: &Record) {
        for sink in &mut self.engine.sinks {
            sink.record(record);
        }
    }

    fn progress(&mut self, progress: &Progress) {
        for sink in &mut self.engine.sinks {
            sink.progress(progress);
        }
    }

    fn park(mut self) -> Result<Ended, RuntimeError> {
        let waiting = RunState::ids(&self.engine.checked, self.state.waiting());
        self.record(None, Actor::engine(), Event::RunPaused(RunPaused { waiting }))?;
        self.finish(false)
    }

    fn end(mut self) -> Result<Ended, RuntimeError> {
        self.finish(false)
    }

    /// At once: what is running stays in doubt, and resume clears it up.
    fn leave(mut self) -> Result<Ended, RuntimeError> {
        self.tasks.abort_all();
        self.finish(true)
    }

    fn finish(&mut self, left: bool) -> Result<Ended, RuntimeError> {
        let head = self.journal.put_head()?;
        let mut summary = summary(&self.engine.checked, &self.state, self.engine.clock.now().mono_us);
        summary.reason = summary.reason.map(|reason| self.engine.world.secrets().text(&reason).into_owned());
        if left {
            summary.exit = 130;
        }
        Ok(Ended { summary, head, run: self.journal.run().clone(), left })
    }

    /// What is left of a step's time.
    fn left_for(&self, step: StepIx) -> std::time::Duration {
        let limit = self.engine.checked.step(step).timeout;
        let now = self.engine.clock.now().mono_us;
        let spent = self.state.step(step).first_us.map_or(0, |began| now.saturating_sub(began));
        Duration::micros(limit.as_micros().saturating_sub(spent)).std()
    }
}
