//! The state of a run: a fold over its events and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::step::{GateRun, Part, PartKnown, Status, StepRun};
use crate::action::{Executable, Identity};
use crate::check::{Body, Checked, Lane, Rollback};
use crate::event::{
    ActionResult, Actor, ApprovalDecided, Choice, Decision, Event, Outcome, Phase, ProbeVerdict, Question, Record,
    RunFinished, RunStarted, StepEnd, StepFinished,
};
use crate::expr::{Expr, Scope, StepView, Template};
use crate::model::{StepId, StepIx};
use crate::plan::World;

/// Why the steps of a run stop before the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Well: there is nothing left to do, and this is why.
    Early(String),
    /// A step failed.
    Failed {
        /// Which; none if the time of the run ran out.
        step: Option<StepIx>,
        /// Is what changed taken back?
        rollback: bool,
    },
    /// Someone cancelled.
    Cancelled {
        /// Is what changed taken back?
        rollback: bool,
    },
}

/// Where a run stands.
pub struct RunState {
    /// How it began.
    pub started: Option<RunStarted>,
    /// Who started it.
    pub starter: Option<Actor>,
    /// When it began, on the monotonic clock of `boot`.
    pub start_us: u64,
    /// From when the run's own timeout counts: its start, moved on by every stop and every wait for
    /// a person.
    pub budget_from_us: u64,
    /// When the latest event was recorded, on the monotonic clock of `boot`.
    pub last_us: u64,
    /// The boot that the latest event's clock counts from.
    pub boot: String,
    /// Where it stands in its course.
    pub phase: Phase,
    /// Why its steps stop.
    pub ending: Option<Ending>,
    /// How urgently someone asked it to end: 0, 1, 2.
    pub cancel: u8,
    /// Who answered at the targets that were changed.
    pub changed_on: BTreeMap<String, Identity>,
    /// Did someone ask for the latest rollback, after the run?
    pub rollback_requested: bool,
    /// Was that passed on to what is running? Not an event: the runtime says so.
    pub cancel_told: bool,
    /// Who did.
    pub cancelled_by: Option<String>,
    /// A question about the run as a whole.
    pub question: Option<GateRun>,
    /// How it ended.
    pub finished: Option<RunFinished>,
    /// Who answered at each target.
    pub met: BTreeMap<String, Identity>,
    /// Identities that the run has locked.
    pub locks: BTreeSet<String>,
    /// The steps to roll back, first to last, once rollback has begun.
    pub undo: Vec<StepIx>,
    /// Failures that were passed over without the step saying so itself.
    pub passed_over: BTreeSet<StepIx>,
    /// Answers that have been counted.
    pub answers: BTreeSet<String>,
    /// Steps for which the runtime is at work outside of an attempt. Not an event: cleared by a
    /// crash, as it must be.
    pub busy: BTreeSet<StepIx>,
    pub(super) steps: Vec<StepRun>,
    pub(super) ready: BTreeSet<StepIx>,
    pub(super) running: BTreeSet<StepIx>,
    pub(super) resting: BTreeSet<StepIx>,
    pub(super) asking: BTreeSet<StepIx>,
    pub(super) doubts: BTreeSet<StepIx>,
    pub(super) failures: BTreeSet<StepIx>,
    open: Vec<u32>,
    left: BTreeMap<u32, u32>,
    seq: u64,
}

/// Who cancels a run whose time is up.
pub(super) const RUN_TIMEOUT: &str = "the run's timeout";
/// The cause of a rollback that someone asks for after a run, or while it waits.
pub const REQUESTED: &str = "requested";

/// Lanes as numbers, for counting.
fn lane_key(lane: Lane) -> u32 {
    match lane {
        Lane::Main => 0,
        Lane::Finally => 1,
        Lane::Undo(step) => step.0 + 2,
    }
}

impl RunState {
    /// A run that has not begun.
    pub fn new(checked: &Checked) -> Self {
        let mut left = BTreeMap::new();
        for step in &checked.steps {
            *left.entry(lane_key(step.lane)).or_insert(0) += 1;
        }
        let count = checked.steps.len();
        Self {
            started: None,
            starter: None,
            start_us: 0,
            budget_from_us: 0,
            last_us: 0,
            boot: String::new(),
            phase: Phase::Main,
            ending: None,
            cancel: 0,
            changed_on: BTreeMap::new(),
            rollback_requested: false,
            cancel_told: false,
            cancelled_by: None,
            question: None,
            finished: None,
            met: BTreeMap::new(),
            locks: BTreeSet::new(),
            undo: Vec::new(),
            passed_over: BTreeSet::new(),
            answers: BTreeSet::new(),
            busy: BTreeSet::new(),
            steps: vec![StepRun::default(); count],
            ready: BTreeSet::new(),
            running: BTreeSet::new(),
            resting: BTreeSet::new(),
            asking: BTreeSet::new(),
            doubts: BTreeSet::new(),
            failures: BTreeSet::new(),
            open: (0..count).map(|ix| checked.graph.waits_for(StepIx::from(ix)).len() as u32).collect(),
            left,
            seq: 0,
        }
    }

    /// Everything known of a step.
    pub fn step(&self, ix: StepIx) -> &StepRun {
        &self.steps[ix.at()]
    }

    /// All steps.
    pub fn steps(&self) -> &[StepRun] {
        &self.steps
    }

    /// The number of the last event.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Steps of this lane that are not over.
    pub fn left_in(&self, lane: Lane) -> u32 {
        self.left.get(&lane_key(lane)).copied().unwrap_or(0)
    }

    /// Has anything been changed, as far as is known?
    pub fn changed_anything(&self) -> bool {
        self.steps.iter().any(|step| step.parts.iter().any(Part::may_have_changed) || step.changed)
    }

    /// Steps that wait for a person.
    pub fn waiting(&self) -> Vec<StepIx> {
        self.asking
            .iter()
            .chain(&self.doubts)
            .chain(self.failures.iter().filter(|ix| self.step(**ix).question.is_some()))
            .copied()
            .collect()
    }

    /// Proof for the executor that this is a run that is being recorded, and not over.
    pub fn executable(&self) -> Option<Executable> {
        let started = self.started.as_ref()?;
        let over = self.finished.is_some() && self.phase == Phase::Done;
        (!over).then(|| Executable::recorded(started.settings.capture_limit))
    }

    /// Was it the run's own timeout that ended it?
    pub(super) fn out_of_time(&self) -> bool {
        self.cancelled_by.as_deref() == Some(RUN_TIMEOUT)
    }

    /// What the templates and expressions of a step see.
    pub fn scope(&self, checked: &Checked, world: &World, ix: StepIx) -> Scope {
        let step = checked.step(ix);
        let mut scope = match step.lane {
            Lane::Main | Lane::Undo(_) => world.scope(),
            Lane::Finally => world.scope_at_end(self.outcome(checked).word()),
        };
        for usage in step.templates().into_iter().flat_map(Template::uses).chain(step.when.iter().flat_map(Expr::uses))
        {
            self.add_to(&mut scope, checked, step.lane, usage);
        }
        let asserts = match &step.body {
            Body::Assert(assert) => assert.checks.as_slice(),
            Body::Action { .. } | Body::Gate | Body::Wait(_) | Body::Note(_) | Body::Group => &[],
        };
        let after = step.expect.iter().chain(&step.until).chain(asserts.iter().map(|check| &check.expr));
        for usage in after.flat_map(Expr::uses) {
            self.add_to(&mut scope, checked, step.lane, usage);
        }
        scope
    }

    fn add_to(&self, scope: &mut Scope, checked: &Checked, lane: Lane, usage: &crate::expr::Use) {
        let Some(id) = usage.path.get(1).filter(|_| usage.root() == "steps") else { return };
        if let Some(step) = checked.index_of(id) {
            let run = self.step(step);
            if lane == Lane::Main && !run.status.is_over() {
                scope.unknown_step(id);
                return;
            }
            scope.step(
                id,
                StepView {
                    status: run.status.word(),
                    changed: run.changed,
                    duration: run.duration_us as f64 / 1e6,
                    result: run.result.clone(),
                },
            );
        }
    }

    /// Takes one event in.
    pub fn apply(&mut self, checked: &Checked, record: &Record) {
        self.seq = record.seq;
        if self.boot != record.boot {
            self.boot.clone_from(&record.boot);
            self.other_boot(record.mono_us);
        }
        let ix = record.step.as_ref().and_then(|id| checked.index_of(id.as_str()));
        self.take(checked, record, ix);
        self.last_us = record.mono_us;
    }

    fn take(&mut self, checked: &Checked, record: &Record, ix: Option<StepIx>) {
        self.answers.extend(match &record.event {
            Event::NoteAdded(note) => note.message.clone(),
            Event::RunCancelling(cancelling) => cancelling.message.clone(),
            Event::FailureHandled(handled) => handled.message.clone(),
            _ => None,
        });
        match (&record.event, ix) {
            (Event::RunStarted(started), _) => {
                self.started = Some((**started).clone());
                self.starter = Some(record.actor.clone());
                self.start_us = record.mono_us;
                self.budget_from_us = record.mono_us;
                self.open_lane(checked, Lane::Main);
            }
            (Event::RunResumed(_), _) => {
                self.budget_from_us += record.mono_us.saturating_sub(self.last_us);
                self.resumed();
            }
            (Event::RunCancelling(cancelling), _) => {
                self.cancel = self.cancel.max(cancelling.stage);
                self.cancel_told = false;
                self.cancelled_by.get_or_insert_with(|| cancelling.by.clone());
            }
            (Event::RunPhase(phase), _) => self.enter(checked, phase.phase),
            (Event::RunFinished(finished), _) => {
                self.finished = Some(finished.clone());
                self.phase = Phase::Done;
            }
            (Event::TargetMet(met), _) => {
                self.met.insert(met.target.clone(), met.identity.clone());
            }
            (Event::LockTaken(lock), _) => {
                self.locks.insert(lock.identity.clone());
            }
            (Event::LockBroken(lock), _) => {
                self.locks.remove(&lock.identity);
            }
            (Event::RollbackStarted(rollback), _) => {
                self.rollback_requested = rollback.cause == REQUESTED;
                self.undo = rollback.steps.iter().filter_map(|id| checked.index_of(id.as_str())).collect();
                self.phase = Phase::Rollback;
                self.question = None;
                self.cancel = 0;
                // A rollback that is asked for anew does again what was not restored.
                for ix in self.undo.clone() {
                    self.steps[ix.at()].rollback = None;
                    if Self::stated(checked, ix).is_some() {
                        self.reset_lane(checked, Lane::Undo(ix));
                        self.open_lane(checked, Lane::Undo(ix));
                    }
                }
            }
            (Event::FailureHandled(handled), Some(ix)) => self.handled(checked, ix, handled.choice),
            (Event::FailureHandled(handled), None) => {
                self.question = None;
                match handled.choice {
                    Choice::Continue | Choice::Retry | Choice::Skip => {
                        self.cancel = 0;
                        self.cancelled_by = None;
                    }
                    choice => {
                        let rollback = choice == Choice::Rollback;
                        self.ending = Some(if self.out_of_time() {
                            Ending::Failed { step: None, rollback }
                        } else {
                            Ending::Cancelled { rollback }
                        });
                    }
                }
            }
            (Event::ApprovalRequested(asked), None) => {
                self.question = Some(GateRun {
                    asked: (**asked).clone(),
                    since_us: record.mono_us,
                    seq: record.seq,
                    yes: Vec::new(),
                    open: false,
                    refused: None,
                });
            }
            (event, Some(ix)) => self.step_event(checked, record, event, ix),
            _ => {}
        }
    }

    fn step_event(&mut self, checked: &Checked, record: &Record, event: &Event, ix: StepIx) {
        match event {
            Event::StepStarted(_) => {
                self.leave(ix);
                let step = &mut self.steps[ix.at()];
                step.status = Status::Running;
                step.attempt = record.attempt.unwrap_or(step.attempt + 1);
                step.looks += 1;
                step.polling = false;
                step.first_us.get_or_insert(record.mono_us);
                step.since_us = Some(record.mono_us);
                self.running.insert(ix);
            }
            Event::StepRetry(retry) => {
                self.leave(ix);
                self.steps[ix.at()].polling = retry.poll;
                self.steps[ix.at()].status = Status::Resting { due_us: record.mono_us + retry.delay_us };
                self.resting.insert(ix);
            }
            Event::StepSkipped(skipped) => {
                self.leave(ix);
                self.steps[ix.at()].status = Status::Skipped;
                self.steps[ix.at()].skipped = Some(skipped.reason);
                self.over(checked, ix);
                self.release(checked, ix);
            }
            Event::StepFinished(finished) => self.finished(checked, ix, finished),
            Event::StateCaptured(captured) => {
                if let Some(known) = self.part(ix, captured.part) {
                    known.captured = (**captured).clone();
                    return;
                }
                let attempt = self.steps[ix.at()].attempt;
                self.steps[ix.at()].parts.push(Part {
                    number: captured.part,
                    attempt,
                    seq: record.seq,
                    captured: (**captured).clone(),
                    intent: None,
                    known: if captured.for_rollback { PartKnown::Sent } else { PartKnown::NotSent },
                    returned: None,
                });
            }
            Event::ActionIntent(intent) if intent.part > 0 => {
                if let Some((target, met)) = intent.target.as_ref().and_then(|name| self.met.get_key_value(name)) {
                    self.changed_on.insert(target.clone(), met.clone());
                }
                if let Some(part) = self.part(ix, intent.part) {
                    part.intent = Some((**intent).clone());
                    part.known = PartKnown::Sent;
                }
            }
            Event::ActionResult(result) if result.part > 0 => self.part_result(ix, result),
            Event::ActionProbed(probed) => {
                let step = &mut self.steps[ix.at()];
                if let Some(part) = step.parts.iter_mut().rev().find(|part| part.number == probed.part) {
                    part.known = match probed.verdict {
                        ProbeVerdict::Done => PartKnown::Applied(probed.after.clone()),
                        ProbeVerdict::NotDone => PartKnown::NotApplied,
                        ProbeVerdict::Unclear => PartKnown::Unclear,
                    };
                    step.changed |= probed.verdict == ProbeVerdict::Done;
                }
                if self.steps[ix.at()].status == Status::InDoubt {
                    self.settled(ix, probed.verdict);
                }
            }
            Event::ApprovalRequested(asked) => self.asked(ix, record, asked),
            Event::ApprovalDecided(decided) => self.decided(checked, ix, &record.actor, decided),
            Event::ApprovalLapsed(_) => {
                self.leave(ix);
                let step = &mut self.steps[ix.at()];
                step.lapsed = step.covered.take().and_then(|covered| covered.fingerprint);
                step.gate = None;
                step.status = Status::Pending;
                self.ready.insert(ix);
            }
            Event::RollbackStep(rolled) => self.steps[ix.at()].rollback = Some(rolled.outcome),
            _ => {}
        }
    }

    fn part(&mut self, ix: StepIx, number: u32) -> Option<&mut Part> {
        self.steps[ix.at()].parts.iter_mut().rev().find(|part| part.number == number)
    }

    fn part_result(&mut self, ix: StepIx, result: &ActionResult) {
        let known = match &result.fault {
            None if result.changed => PartKnown::Applied(result.after.clone()),
            None => PartKnown::NotApplied,
            Some(fault) => match fault.happened {
                crate::action::Happened::No => PartKnown::NotApplied,
                crate::action::Happened::Unclear => PartKnown::Sent,
            },
        };
        let seq = self.seq;
        if let Some(part) = self.part(ix, result.part) {
            part.seq = seq;
            part.known = known;
            part.returned.clone_from(&result.result);
        }
        self.steps[ix.at()].changed |= result.changed;
    }

    fn finished(&mut self, checked: &Checked, ix: StepIx, finished: &StepFinished) {
        self.leave(ix);
        let step = &mut self.steps[ix.at()];
        // Whatever was asked about it is settled.
        step.question = None;
        step.status = match finished.status {
            StepEnd::Ok => Status::Ok,
            StepEnd::Failed => Status::Failed,
            StepEnd::TimedOut => Status::TimedOut,
            StepEnd::Cancelled => Status::Cancelled,
            StepEnd::Unknown => Status::Unknown,
        };
        step.changed |= finished.changed;
        step.duration_us = finished.duration_us;
        step.result = finished.result.clone().map(std::sync::Arc::new);
        step.fault.clone_from(&finished.fault);
        let lane = checked.step(ix).lane;
        let ends = self.ending.is_some() || self.cancel > 0 || self.phase == Phase::Rollback;
        let told = step.status == Status::Cancelled && ends;
        let bad = step.status.is_bad() && lane == Lane::Main;
        self.over(checked, ix);
        if let Some(why) = &finished.finish {
            self.ending.get_or_insert(Ending::Early(why.clone()));
        }
        if bad && told {
            // It was told to end because the run does: not a failure of its own.
        } else if bad && !checked.step(ix).tolerated {
            self.failures.insert(ix);
        } else {
            self.release(checked, ix);
        }
    }

    fn handled(&mut self, checked: &Checked, ix: StepIx, choice: Choice) {
        self.failures.remove(&ix);
        self.steps[ix.at()].question = None;
        match choice {
            Choice::Retry => {
                *self.left.entry(lane_key(checked.step(ix).lane)).or_insert(0) += 1;
                let step = &mut self.steps[ix.at()];
                step.status = Status::Pending;
                step.fault = None;
                step.first_us = None;
                if step.gate.as_ref().is_some_and(|gate| gate.refused.is_some()) {
                    step.gate = None;
                }
                self.ready.insert(ix);
            }
            Choice::Skip => self.release(checked, ix),
            Choice::Continue => {
                self.passed_over.insert(ix);
                self.release(checked, ix);
            }
            Choice::Rollback | Choice::Stop => {
                let rollback = choice == Choice::Rollback;
                // A second failure while the first is being dealt with does not soften it.
                match &mut self.ending {
                    Some(Ending::Failed { rollback: already, .. }) => *already |= rollback,
                    _ => self.ending = Some(Ending::Failed { step: Some(ix), rollback }),
                }
            }
        }
    }

    fn asked(&mut self, ix: StepIx, record: &Record, asked: &crate::event::ApprovalRequested) {
        let gate = GateRun {
            asked: asked.clone(),
            since_us: record.mono_us,
            seq: record.seq,
            yes: Vec::new(),
            open: false,
            refused: None,
        };
        match asked.question {
            Question::Confirm | Question::Approval | Question::Manual => {
                self.leave(ix);
                self.steps[ix.at()].gate = Some(Box::new(gate));
                self.steps[ix.at()].status = Status::Asking;
                self.asking.insert(ix);
            }
            Question::Failure | Question::Doubt | Question::Cancelled => {
                self.steps[ix.at()].question = Some(Box::new(gate));
            }
        }
    }

    fn decided(&mut self, checked: &Checked, ix: StepIx, actor: &Actor, decided: &ApprovalDecided) {
        self.answers.extend(decided.answer.clone());
        self.budget_from_us += decided.waited_us;
        match decided.decision {
            Decision::Happened | Decision::DidNotHappen => {
                let happened = decided.decision == Decision::Happened;
                self.steps[ix.at()].question = None;
                for part in self.steps[ix.at()]
                    .parts
                    .iter_mut()
                    .filter(|part| matches!(part.known, PartKnown::Unclear | PartKnown::Sent))
                {
                    part.known =
                        if happened { PartKnown::Applied(serde_json::Value::Null) } else { PartKnown::NotApplied };
                }
                self.settled(ix, if happened { ProbeVerdict::Done } else { ProbeVerdict::NotDone });
                return;
            }
            Decision::Approved | Decision::Rejected | Decision::Expired | Decision::Bypassed => {}
        }
        let step = &mut self.steps[ix.at()];
        let Some(gate) = &mut step.gate else { return };
        match decided.decision {
            Decision::Approved => {
                let who = actor.name().to_owned();
                if !gate.yes.contains(&who) {
                    gate.yes.push(who);
                }
                gate.open = gate.yes.len() >= gate.asked.quorum as usize;
            }
            Decision::Bypassed => gate.open = true,
            Decision::Rejected => {
                gate.refused = Some(match &decided.comment {
                    Some(comment) => format!("rejected by {}: {comment}", actor.name()),
                    None => format!("rejected by {}", actor.name()),
                });
            }
            Decision::Expired => gate.refused = Some("nobody answered in time".into()),
            Decision::Happened | Decision::DidNotHappen => {}
        }
        if gate.open {
            let tolerance = f64::from(gate.asked.tolerance_permille) / 1000.0;
            let covers = gate.asked.covers.clone();
            for covered in covers {
                if let Some(other) = checked.index_of(covered.step.as_str()) {
                    self.steps[other.at()].tolerance = tolerance;
                    self.steps[other.at()].covered = Some(Box::new(covered));
                }
            }
        }
        if self.steps[ix.at()].gate.as_ref().is_some_and(|gate| gate.open || gate.refused.is_some()) {
            self.leave(ix);
            self.steps[ix.at()].status = Status::Pending;
            self.ready.insert(ix);
        }
    }

    fn settled(&mut self, ix: StepIx, verdict: ProbeVerdict) {
        self.leave(ix);
        match verdict {
            ProbeVerdict::Unclear => {
                self.steps[ix.at()].status = Status::Doubtful;
                self.doubts.insert(ix);
            }
            ProbeVerdict::Done if self.steps[ix.at()].ended_by().is_some() => {
                self.steps[ix.at()].status = Status::Settled;
                self.doubts.insert(ix);
            }
            // What is left of the action is found by beginning it again.
            ProbeVerdict::Done | ProbeVerdict::NotDone => self.again(ix),
        }
    }

    /// An attempt that was interrupted begins again, and does not count as one that failed.
    fn again(&mut self, ix: StepIx) {
        let step = &mut self.steps[ix.at()];
        step.attempt = step.attempt.saturating_sub(1);
        step.status = Status::Pending;
        self.ready.insert(ix);
    }

    /// After a crash: what was running begins again, or is in doubt if something had been sent.
    fn resumed(&mut self) {
        self.busy.clear();
        self.question = None;
        // The time that the process was not there is not the steps' time.
        for step in self.steps.iter_mut().filter(|step| !step.status.is_over()) {
            step.first_us = None;
        }
        for ix in self.failures.clone() {
            self.steps[ix.at()].question = None;
        }
        for ix in std::mem::take(&mut self.running) {
            let step = &mut self.steps[ix.at()];
            if step.has_open_intent() {
                step.status = Status::InDoubt;
                self.doubts.insert(ix);
            } else if step.ended_by().is_some() {
                step.status = Status::Settled;
                self.doubts.insert(ix);
            } else {
                self.again(ix);
            }
        }
        // Whoever wanted it to end wanted that of the process that is gone.
        self.cancel = 0;
        if self.ending.is_none() {
            self.cancelled_by = None;
        }
    }

    /// Times of another boot mean nothing: deadlines begin anew, waits are over.
    fn other_boot(&mut self, now_us: u64) {
        let spent = self.last_us.saturating_sub(self.budget_from_us);
        self.budget_from_us = now_us.saturating_sub(spent);
        self.start_us = now_us.saturating_sub(self.last_us.saturating_sub(self.start_us));
        self.last_us = now_us;
        for step in &mut self.steps {
            step.first_us = None;
            if let Some(gate) = &mut step.gate {
                gate.since_us = now_us;
            }
            if let Status::Resting { due_us } = &mut step.status {
                *due_us = 0;
            }
        }
    }

    fn enter(&mut self, checked: &Checked, phase: Phase) {
        self.phase = phase;
        self.ready.clear();
        self.question = None;
        if phase == Phase::Finally {
            self.open_lane(checked, Lane::Finally);
        }
    }

    /// Lets the steps of a lane begin.
    pub fn open_lane(&mut self, checked: &Checked, lane: Lane) {
        for step in checked.steps.iter().filter(|step| step.lane == lane) {
            if self.open[step.ix.at()] == 0 && self.steps[step.ix.at()].status == Status::Pending {
                self.ready.insert(step.ix);
            }
        }
    }

    fn reset_lane(&mut self, checked: &Checked, lane: Lane) {
        let mut count = 0;
        for step in checked.steps.iter().filter(|step| step.lane == lane) {
            count += 1;
            self.leave(step.ix);
            self.failures.remove(&step.ix);
            self.steps[step.ix.at()] = StepRun::default();
            self.open[step.ix.at()] = checked.graph.waits_for(step.ix).len() as u32;
        }
        self.left.insert(lane_key(lane), count);
    }

    fn leave(&mut self, ix: StepIx) {
        self.ready.remove(&ix);
        self.running.remove(&ix);
        self.resting.remove(&ix);
        self.asking.remove(&ix);
        self.doubts.remove(&ix);
    }

    fn over(&mut self, checked: &Checked, ix: StepIx) {
        if let Some(left) = self.left.get_mut(&lane_key(checked.step(ix).lane)) {
            *left = left.saturating_sub(1);
        }
    }

    fn release(&mut self, checked: &Checked, ix: StepIx) {
        for &next in checked.graph.waited_by(ix) {
            let open = &mut self.open[next.at()];
            *open = open.saturating_sub(1);
            if *open == 0 && self.steps[next.at()].status == Status::Pending {
                self.ready.insert(next);
            }
        }
    }

    /// The id of a step as recorded.
    pub fn ids(checked: &Checked, steps: impl IntoIterator<Item = StepIx>) -> Vec<StepId> {
        steps.into_iter().map(|ix| checked.step(ix).id.clone()).collect()
    }

    /// The outcome that a run would have if it ended now.
    pub fn outcome(&self, checked: &Checked) -> Outcome {
        super::finish::outcome(checked, self)
    }

    /// Is the rollback of this step stated by its author?
    pub(super) fn stated(checked: &Checked, ix: StepIx) -> Option<&[StepIx]> {
        match &checked.step(ix).rollback {
            Rollback::Stated(steps) => Some(steps),
            Rollback::Auto | Rollback::None(_) => None,
        }
    }
}
