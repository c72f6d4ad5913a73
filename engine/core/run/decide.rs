//! From where a run stands to what happens next. Pure: the same state gives the same commands.

use super::approve::{covered_steps, gate_of, request};
use super::finish::run_finished;
use super::judge::{Attempt, eval_fault, evaluation, judge};
use super::rollback::{not_tried, rollback_plan};
use super::state::{Ending, REQUESTED, RUN_TIMEOUT, RunState};
use super::step::{PartKnown, Status};
use crate::action::{Fault, FaultKind};
use crate::check::{Assert, Body, Checked, Gate, Lane, Level, OnExpiry, Rollback, Step};
use crate::codes::Code;
use crate::event::{
    ApprovalDecided, ApprovalRequested, Choice, Decision, Event, FailureHandled, NoteAdded, Phase, Question,
    RollbackEnd, RollbackFinished, RollbackStarted, RunCancelling, RunPhase, SkipReason, StepEnd, StepFinished,
    StepRetry, StepSkipped, StepStarted,
};
use crate::expr::Scope;
use crate::model::{Digest, Duration, StepIx};
use crate::plan::{World, shown};
use crate::source::Sources;
use crate::syntax::OnFailure;

/// An event that follows from the state alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Emit {
    /// The step it is about.
    pub step: Option<StepIx>,
    /// What happened.
    pub event: Event,
}

/// What the runtime is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Record this.
    Emit(Box<Emit>),
    /// Begin an attempt of this step; its `step.started` has been emitted.
    Start(StepIx),
    /// Find out what the steps that this one's question covers would do, and ask.
    Prepare(StepIx),
    /// Find out whether the open intents of this step were carried out.
    Probe(StepIx),
    /// Wait until what this step's change began, before the process ended, comes to its end.
    Settle(StepIx),
    /// Roll this step back from what was captured.
    Undo(StepIx),
    /// Tell everything that is running to end.
    CancelRunning,
    /// Only people can bring the run forward, and none is here: stop the process.
    Park,
    /// The run is over.
    End,
}

/// What decisions depend on besides the state.
#[derive(Clone, Copy)]
pub struct Mode<'a> {
    /// Is there a person at a terminal?
    pub interactive: bool,
    /// Both clocks' monotonic part.
    pub now_us: u64,
    /// For the jitter of retries that follow from a crash.
    pub random: u64,
    /// For places.
    pub sources: &'a Sources,
}

/// What happens next. Commands are carried out in order; then it is asked again, until there are
/// none.
pub fn decide(checked: &Checked, world: &World, state: &RunState, mode: Mode<'_>) -> Vec<Command> {
    let Some(started) = &state.started else { return Vec::new() };
    let decider = Decider {
        checked,
        world,
        state,
        mode,
        parallel: started.settings.parallel.max(1) as usize,
        yes: started.settings.yes,
        drill: started.drill,
    };
    if state.finished.is_some() && state.phase == Phase::Done {
        return vec![Command::End];
    }
    let mut commands = decider.settle();
    if commands.is_empty() {
        commands = match state.phase {
            Phase::Main => decider.main(),
            Phase::Rollback => decider.rollback(),
            Phase::Finally => decider.finally(),
            Phase::Done => vec![Command::End],
        };
    }
    commands
}

/// When, on the monotonic clock, something becomes due by itself.
pub fn next_due(checked: &Checked, state: &RunState) -> Option<u64> {
    let resting = state.resting.iter().filter_map(|ix| match state.step(*ix).status {
        Status::Resting { due_us } => Some(due_us),
        _ => None,
    });
    let expiring = state.asking.iter().filter_map(|ix| {
        let gate = state.step(*ix).gate.as_ref()?;
        Some(gate.since_us + gate.asked.expires_us?)
    });
    let run = checked
        .header
        .timeout
        .filter(|_| state.phase == Phase::Main && state.ending.is_none() && state.cancel == 0)
        .filter(|_| state.asking.is_empty() || !state.running.is_empty())
        .map(|timeout| state.budget_from_us + timeout.as_micros());
    resting.chain(expiring).chain(run).min()
}

struct Decider<'a> {
    checked: &'a Checked,
    world: &'a World,
    state: &'a RunState,
    mode: Mode<'a>,
    parallel: usize,
    yes: bool,
    drill: bool,
}

fn emit(step: Option<StepIx>, event: Event) -> Command {
    Command::Emit(Box::new(Emit { step, event }))
}

fn bypassed(by: &str, digest: Digest) -> ApprovalDecided {
    ApprovalDecided { decision: Decision::Bypassed, comment: Some(by.into()), waited_us: 0, digest, answer: None }
}

impl Decider<'_> {
    fn scope(&self, ix: StepIx) -> Scope {
        self.state.scope(self.checked, self.world, ix)
    }

    /// Whatever has to be cleared up whichever phase it is: doubts, expiries, the second Ctrl-C.
    fn settle(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        for &ix in &self.state.doubts {
            let run = self.state.step(ix);
            if self.state.busy.contains(&ix) {
                continue;
            }
            match run.status {
                Status::InDoubt => commands.push(Command::Probe(ix)),
                // A rollback does not wait for what it takes back: such a step is given up.
                Status::Settled
                    if run.settling().next().is_some()
                        && self.state.phase == Phase::Rollback
                        && self.checked.step(ix).lane == Lane::Main => {}
                Status::Settled if run.settling().next().is_some() => commands.push(Command::Settle(ix)),
                Status::Settled => {
                    let attempt = match run.ended_by().and_then(|part| part.returned.clone()) {
                        Some(value) => Attempt::Returned(value),
                        None => Attempt::Lost,
                    };
                    let events =
                        judge(self.checked, self.world, self.state, ix, attempt, self.mode.now_us, self.mode.random);
                    commands.extend(events.into_iter().map(|event| emit(Some(ix), event)));
                }
                Status::Doubtful if run.question.is_none() => {
                    let ask =
                        format!("Nobody can tell whether `{}` was carried out. Was it?", self.checked.step(ix).id);
                    commands.push(emit(Some(ix), plain_question(Question::Doubt, ask)));
                }
                _ => {}
            }
        }
        for &ix in &self.state.asking {
            let Some(gate) = &self.state.step(ix).gate else { continue };
            let expired = gate.asked.expires_us.is_some_and(|after| gate.since_us + after <= self.mode.now_us);
            if expired {
                let decided = ApprovalDecided {
                    decision: Decision::Expired,
                    comment: None,
                    waited_us: self.mode.now_us.saturating_sub(gate.since_us),
                    digest: gate.asked.digest,
                    answer: None,
                };
                commands.push(emit(Some(ix), Event::ApprovalDecided(decided)));
                continue;
            }
            // Asked, and the process ended before it was written down that nobody has to answer.
            let written = gate_of(self.checked, self.state, self.checked.step(ix));
            if let Some(by) = written.and_then(|gate| self.beforehand(&gate)) {
                commands.push(emit(Some(ix), Event::ApprovalDecided(bypassed(by, gate.asked.digest))));
            }
        }
        let at_work = !self.state.running.is_empty() || !self.state.busy.is_empty();
        if self.state.cancel >= 2 && !self.state.cancel_told && at_work {
            commands.push(Command::CancelRunning);
        }
        commands
    }

    fn main(&self) -> Vec<Command> {
        let failures = self.failures();
        if !failures.is_empty() {
            return failures;
        }
        if self.state.ending.is_none() && self.state.cancel == 0 {
            if let Some(commands) = self.out_of_time() {
                return commands;
            }
            let commands = self.advance(Lane::Main);
            if !commands.is_empty() {
                return commands;
            }
        }
        if !self.state.running.is_empty() || !self.state.busy.is_empty() || self.a_failure_is_being_asked_about() {
            return Vec::new();
        }
        if self.state.ending.is_none() && self.state.cancel > 0 {
            return self.cancelled();
        }
        if self.state.ending.is_none() && self.state.left_in(Lane::Main) > 0 {
            return self.stuck();
        }
        let left = self.give_up(Lane::Main);
        if !left.is_empty() {
            return left;
        }
        match &self.state.ending {
            Some(Ending::Failed { rollback: true, .. } | Ending::Cancelled { rollback: true })
                if self.state.changed_anything() =>
            {
                self.begin_rollback()
            }
            _ => vec![emit(None, Event::RunPhase(RunPhase { phase: Phase::Finally }))],
        }
    }

    fn out_of_time(&self) -> Option<Vec<Command>> {
        let timeout = self.checked.header.timeout?;
        // Only a person can bring the run forward: that time does not count.
        if !self.state.asking.is_empty() && self.state.running.is_empty() {
            return None;
        }
        let over = self.state.budget_from_us + timeout.as_micros() <= self.mode.now_us;
        over.then(|| {
            vec![emit(None, Event::RunCancelling(RunCancelling { stage: 2, by: RUN_TIMEOUT.into(), message: None }))]
        })
    }

    fn a_failure_is_being_asked_about(&self) -> bool {
        self.state.failures.iter().any(|ix| self.state.step(*ix).question.is_some())
    }

    /// Nothing runs and nothing is ready: time has to pass, or a person has to come.
    fn stuck(&self) -> Vec<Command> {
        let someone = !self.state.asking.is_empty() || !self.state.doubts.is_empty();
        if !self.state.resting.is_empty() || (someone && self.mode.interactive) {
            return Vec::new();
        }
        vec![if someone { Command::Park } else { emit(None, Event::RunPhase(RunPhase { phase: Phase::Finally })) }]
    }

    /// Steps that rest or ask when the run ends do not go on.
    fn give_up(&self, lane: Lane) -> Vec<Command> {
        let open = self.state.resting.iter().chain(&self.state.asking).chain(&self.state.doubts);
        open.filter(|ix| self.checked.step(**ix).lane == lane)
            .map(|&ix| {
                let status = match self.state.step(ix).status {
                    Status::Doubtful | Status::InDoubt => StepEnd::Unknown,
                    _ => StepEnd::Cancelled,
                };
                let fault = Fault::new(FaultKind::Cancelled, Code::Expectation, "the run ended before it")
                    .help("what ended the run is in its reason");
                self.ended(ix, status, Some(fault), None)
            })
            .collect()
    }

    fn failures(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        for &ix in &self.state.failures {
            let run = self.state.step(ix);
            if run.question.is_some() {
                continue;
            }
            let step = self.checked.step(ix);
            let dealt_with = self.state.ending.is_some() || self.state.cancel > 0;
            if self.mode.interactive && !dealt_with && step.lane == Lane::Main {
                let ask = format!("`{}` failed. What now?", step.id);
                commands.push(emit(Some(ix), plain_question(Question::Failure, ask)));
                continue;
            }
            let choice = match step.on_failure {
                OnFailure::Stop => Choice::Stop,
                OnFailure::Rollback => Choice::Rollback,
                OnFailure::Continue => Choice::Continue,
            };
            commands.push(emit(Some(ix), Event::FailureHandled(FailureHandled { choice, message: None })));
        }
        commands
    }

    fn cancelled(&self) -> Vec<Command> {
        if self.state.question.is_some() {
            return Vec::new();
        }
        if self.mode.interactive && self.state.changed_anything() && self.state.cancel < 2 && !self.state.out_of_time()
        {
            let ask = "The run was cancelled. What now?".to_owned();
            return vec![emit(None, plain_question(Question::Cancelled, ask))];
        }
        let rolls_back = self.checked.header.on_failure == Some(OnFailure::Rollback) && self.state.changed_anything();
        let choice = if rolls_back { Choice::Rollback } else { Choice::Stop };
        vec![emit(None, Event::FailureHandled(FailureHandled { choice, message: None }))]
    }

    /// Steps of a lane whose turn it is.
    fn advance(&self, lane: Lane) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut free = self.parallel.saturating_sub(self.state.running.len());
        for &ix in &self.state.resting {
            let due = matches!(self.state.step(ix).status, Status::Resting { due_us } if due_us <= self.mode.now_us);
            if due && self.checked.step(ix).lane == lane {
                commands.extend(self.rested(ix, &mut free));
            }
        }
        for &ix in &self.state.ready {
            if self.checked.step(ix).lane == lane && !self.state.busy.contains(&ix) {
                commands.extend(self.ready(ix, &mut free));
            }
        }
        commands
    }

    fn rested(&self, ix: StepIx, free: &mut usize) -> Vec<Command> {
        match &self.checked.step(ix).body {
            Body::Wait(_) => vec![self.done(ix, None)],
            _ if *free == 0 => Vec::new(),
            _ => {
                *free -= 1;
                vec![self.started(ix), Command::Start(ix)]
            }
        }
    }

    fn ready(&self, ix: StepIx, free: &mut usize) -> Vec<Command> {
        let step = self.checked.step(ix);
        let run = self.state.step(ix);
        if let Some(refused) = run.gate.as_ref().and_then(|gate| gate.refused.clone()) {
            return self.refused(ix, &refused);
        }
        if let Some(skipped) = self.skips(step) {
            return vec![skipped];
        }
        let scope = self.scope(ix);
        if run.gate.is_none() {
            match self.holds(step, &scope) {
                Ok(true) => {}
                Ok(false) => {
                    let condition = step.when.iter().map(crate::expr::Expr::text).collect::<Vec<_>>().join(" and ");
                    return vec![self.skip(ix, SkipReason::Condition, condition)];
                }
                Err(fault) => return self.fails(ix, fault),
            }
        }
        match gate_of(self.checked, self.state, step) {
            Some(gate) if !run.gate.as_ref().is_some_and(|gate| gate.open) => self.ask(step, &gate, &scope),
            _ => self.act(step, &scope, free),
        }
    }

    fn skips(&self, step: &Step) -> Option<Command> {
        let failed = self.checked.graph.waits_for(step.ix).iter().find(|edge| {
            matches!(edge.why, crate::graph::Why::Needs(_)) && self.state.passed_over.contains(&edge.from)
        })?;
        let id = self.checked.step(failed.from).id.to_string();
        Some(self.skip(step.ix, SkipReason::FailedDependency, id))
    }

    fn holds(&self, step: &Step, scope: &Scope) -> Result<bool, Fault> {
        for expr in &step.when {
            if !expr.eval(scope).map_err(eval_fault)?.truth {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Why nobody is asked: in a drill everything is thrown away.
    fn beforehand(&self, gate: &Gate) -> Option<&'static str> {
        match gate {
            Gate::Confirm(_) if self.yes => Some("--yes"),
            Gate::Confirm(_) | Gate::Approval(_) | Gate::Manual(_) => self.drill.then_some("drill"),
        }
    }

    fn ask(&self, step: &Step, gate: &Gate, scope: &Scope) -> Vec<Command> {
        if self.state.step(step.ix).gate.is_some() {
            return Vec::new();
        }
        if let Some(by) = self.beforehand(gate) {
            let asked = request(gate, step, scope, Vec::new());
            let decided = bypassed(by, asked.digest);
            return vec![
                emit(Some(step.ix), Event::ApprovalRequested(Box::new(asked))),
                emit(Some(step.ix), Event::ApprovalDecided(decided)),
            ];
        }
        if covered_steps(self.checked, self.state, step.ix).is_empty() {
            let asked = request(gate, step, scope, Vec::new());
            return vec![emit(Some(step.ix), Event::ApprovalRequested(Box::new(asked)))];
        }
        vec![Command::Prepare(step.ix)]
    }

    fn act(&self, step: &Step, scope: &Scope, free: &mut usize) -> Vec<Command> {
        let ix = step.ix;
        match &step.body {
            Body::Action { .. } if *free == 0 => Vec::new(),
            Body::Action { .. } => {
                *free -= 1;
                vec![self.started(ix), Command::Start(ix)]
            }
            Body::Assert(assert) => self.assert(ix, assert, scope),
            Body::Gate | Body::Group => vec![self.done(ix, None)],
            Body::Note(text) => match text.render_text(scope) {
                Ok(text) => {
                    vec![emit(Some(ix), Event::NoteAdded(NoteAdded { text, message: None })), self.done(ix, None)]
                }
                Err(error) => self.fails(ix, eval_fault(error)),
            },
            Body::Wait(length) => match wait_for(length, scope) {
                Ok(length) => vec![
                    self.started(ix),
                    emit(
                        Some(ix),
                        Event::StepRetry(StepRetry { delay_us: length.as_micros(), fault: None, poll: true }),
                    ),
                ],
                Err(fault) => self.fails(ix, fault),
            },
        }
    }

    fn assert(&self, ix: StepIx, assert: &Assert, scope: &Scope) -> Vec<Command> {
        let mut commands = vec![self.started(ix)];
        for check in &assert.checks {
            let evaluated = match check.expr.eval(scope) {
                Ok(evaluated) => evaluated,
                Err(error) => {
                    commands.push(self.ended(ix, StepEnd::Failed, Some(eval_fault(error)), None));
                    return commands;
                }
            };
            let pass = evaluated.truth;
            let message = check
                .message
                .as_ref()
                .filter(|_| !pass)
                .map(|message| message.render_text(scope).unwrap_or_else(|_| message.text().to_owned()));
            commands.push(emit(
                Some(ix),
                evaluation(&check.expr, evaluated, 1, check.otherwise, message.clone(), self.world.secrets()),
            ));
            let words = message.unwrap_or_else(|| format!("`{}` is not true", check.expr.text()));
            match (pass, check.otherwise) {
                (true, _) | (false, Level::Warn) => {}
                (false, Level::Finish) => {
                    commands.push(self.ended(ix, StepEnd::Ok, None, Some(words)));
                    return commands;
                }
                (false, Level::Fail) => {
                    let fault = Fault::new(FaultKind::Invalid, Code::Expectation, words)
                        .help("the values that it was held against are in the timeline");
                    commands.push(self.ended(ix, StepEnd::Failed, Some(fault), None));
                    return commands;
                }
            }
        }
        commands.push(self.done(ix, None));
        commands
    }

    fn refused(&self, ix: StepIx, why: &str) -> Vec<Command> {
        let finish = self
            .state
            .step(ix)
            .gate
            .as_ref()
            .is_some_and(|gate| gate.asked.on_expiry == Some(OnExpiry::Finish) && why.starts_with("nobody"));
        if finish {
            return vec![self.started(ix), self.ended(ix, StepEnd::Ok, None, Some(why.to_owned()))];
        }
        let fault = Fault::new(FaultKind::Invalid, Code::NeedsPerson, why.to_owned())
            .help("nothing of this step was sent; talk to whoever said no");
        self.fails(ix, fault)
    }

    fn fails(&self, ix: StepIx, fault: Fault) -> Vec<Command> {
        vec![self.started(ix), self.ended(ix, StepEnd::Failed, Some(fault), None)]
    }

    fn started(&self, ix: StepIx) -> Command {
        let step = self.checked.step(ix);
        let at = self.mode.sources.position(step.span);
        let file = self.mode.sources.get(step.span.file).map_or("", crate::source::Source::name);
        emit(
            Some(ix),
            Event::StepStarted(StepStarted {
                title: self.title(step),
                action: step.body.name(step.gate.as_ref()).to_owned(),
                target: step.target.map(|at| self.checked.targets[at].name.value.clone()),
                place: format!("{file}:{}", at.line),
            }),
        )
    }

    fn title(&self, step: &Step) -> String {
        let scope = self.scope(step.ix);
        match &step.title {
            Some(title) => title.render_text(&scope).unwrap_or_else(|_| title.text().to_owned()),
            None => shown(step, &scope).command,
        }
    }

    fn done(&self, ix: StepIx, result: Option<serde_json::Value>) -> Command {
        let mut command = self.ended(ix, StepEnd::Ok, None, None);
        if let Command::Emit(inner) = &mut command
            && let Event::StepFinished(finished) = &mut inner.event
        {
            finished.result = result;
        }
        command
    }

    fn ended(&self, ix: StepIx, status: StepEnd, fault: Option<Fault>, finish: Option<String>) -> Command {
        let began = self.state.step(ix).first_us.unwrap_or(self.mode.now_us);
        emit(
            Some(ix),
            Event::StepFinished(Box::new(StepFinished {
                status,
                changed: false,
                duration_us: self.mode.now_us.saturating_sub(began),
                result: None,
                result_blob: None,
                fault,
                finish,
            })),
        )
    }

    fn skip(&self, ix: StepIx, reason: SkipReason, detail: String) -> Command {
        let title = self.title(self.checked.step(ix));
        emit(Some(ix), Event::StepSkipped(StepSkipped { title, reason, detail }))
    }

    fn begin_rollback(&self) -> Vec<Command> {
        let plan = rollback_plan(self.checked, self.state);
        let cause = match &self.state.ending {
            Some(Ending::Failed { step: Some(ix), .. }) => format!("step {} failed", self.checked.step(*ix).id),
            Some(Ending::Failed { step: None, .. }) => "the time of the run ran out".into(),
            Some(Ending::Cancelled { .. }) => "the run was cancelled".into(),
            Some(Ending::Early(_)) | None => REQUESTED.into(),
        };
        let steps = RunState::ids(self.checked, plan.steps);
        vec![emit(None, Event::RollbackStarted(RollbackStarted { cause, steps }))]
    }

    /// One step after the other, and never all given up because of one.
    fn rollback(&self) -> Vec<Command> {
        // A rollback that was asked for ends a run that was waiting.
        let left = self.give_up(Lane::Main);
        if !left.is_empty() {
            return left;
        }
        let Some(&ix) = self.state.undo.iter().find(|ix| self.state.step(**ix).rollback.is_none()) else {
            let complete =
                self.state.undo.iter().all(|ix| self.state.step(*ix).rollback.is_some_and(RollbackEnd::is_complete));
            return vec![
                emit(None, Event::RollbackFinished(RollbackFinished { complete })),
                emit(None, Event::RunPhase(RunPhase { phase: Phase::Finally })),
            ];
        };
        if self.state.busy.contains(&ix) {
            return Vec::new();
        }
        if self.state.cancel >= 2 {
            let end = not_tried(RollbackEnd::Failed, "someone stopped the rollback".into());
            return vec![emit(Some(ix), Event::RollbackStep(Box::new(end)))];
        }
        match (&self.checked.step(ix).rollback, RunState::stated(self.checked, ix)) {
            (_, Some(steps)) => self.stated_rollback(ix, steps),
            (Rollback::None(why), None) => {
                let end = not_tried(RollbackEnd::Impossible, why.clone());
                vec![emit(Some(ix), Event::RollbackStep(Box::new(end)))]
            }
            (Rollback::Auto | Rollback::Stated(_), None) => vec![Command::Undo(ix)],
        }
    }

    fn stated_rollback(&self, ix: StepIx, steps: &[StepIx]) -> Vec<Command> {
        let run = self.state.step(ix);
        // Whether it happened has to be known before the author's steps undo it.
        if run.parts.iter().any(|part| matches!(part.known, PartKnown::Sent | PartKnown::Unclear)) {
            return vec![Command::Undo(ix)];
        }
        let failed: Vec<StepIx> = steps
            .iter()
            .copied()
            .filter(|step| self.state.step(*step).status.is_bad() && !self.checked.step(*step).tolerated)
            .collect();
        if let Some(&failed) = failed.first() {
            let fault =
                self.state.step(failed).fault.as_ref().map_or_else(String::new, |fault| format!(": {}", fault.message));
            let end =
                not_tried(RollbackEnd::Failed, format!("its step {} failed{fault}", self.checked.step(failed).id));
            return vec![emit(Some(ix), Event::RollbackStep(Box::new(end)))];
        }
        let lane = Lane::Undo(ix);
        if self.state.left_in(lane) == 0 {
            let proves = steps.iter().any(|step| {
                let step = self.checked.step(*step);
                let looked = !step.expect.is_empty() || step.until.is_some() || matches!(step.body, Body::Assert(_));
                looked && self.state.step(step.ix).status == Status::Ok
            });
            let outcome = if proves { RollbackEnd::Stated } else { RollbackEnd::Unproven };
            let why = (!proves).then(|| "its steps prove nothing: none has an expect or assert that held".to_owned());
            let mut end = not_tried(outcome, String::new());
            end.why = why;
            return vec![emit(Some(ix), Event::RollbackStep(Box::new(end)))];
        }
        self.advance(lane)
    }

    fn finally(&self) -> Vec<Command> {
        let failures = self.failures();
        if !failures.is_empty() {
            return failures;
        }
        let commands = self.advance(Lane::Finally);
        if !commands.is_empty() {
            return commands;
        }
        if !self.state.running.is_empty() || !self.state.busy.is_empty() || !self.state.resting.is_empty() {
            return Vec::new();
        }
        let asks = !self.state.asking.is_empty() || !self.state.doubts.is_empty();
        if asks && self.mode.interactive {
            return Vec::new();
        }
        if asks {
            return vec![Command::Park];
        }
        let finished = run_finished(self.checked, self.state, self.mode.now_us);
        vec![emit(None, Event::RunFinished(finished)), Command::End]
    }
}

fn plain_question(question: Question, ask: String) -> Event {
    let digest = Digest::of(ask.as_bytes());
    Event::ApprovalRequested(Box::new(ApprovalRequested {
        question,
        ask,
        by: Vec::new(),
        quorum: 1,
        allow_author: true,
        expires_us: None,
        on_expiry: None,
        tolerance_permille: 0,
        digest,
        covers: Vec::new(),
    }))
}

fn wait_for(length: &crate::expr::Template, scope: &Scope) -> Result<Duration, Fault> {
    let wrong = |why: String| {
        Fault::new(FaultKind::Invalid, Code::WrongType, why).help("a wait is a length of time, or a number of seconds")
    };
    let rendered = length.render(scope).map_err(eval_fault)?;
    match rendered.value.as_f64() {
        #[expect(clippy::cast_sign_loss, reason = "checked to be positive")]
        Some(seconds) if (0.0..1e9).contains(&seconds) => Ok(Duration::micros((seconds * 1e6) as u64)),
        Some(seconds) => Err(wrong(format!("{seconds} seconds"))),
        None => rendered.word().map_err(wrong)?.parse().map_err(wrong),
    }
}
