//! Random playbooks run to their end, killed at every event, resumed, and held against what must
//! be true however they go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::action::*;
use crate::check::{Checked, Lane, Options, check};
use crate::codes::Code;
use crate::diagnostic::Diagnostics;
use crate::event::*;
use crate::expr::{EvalError, Scope, Template};
use crate::files::Files;
use crate::input::Inputs;
use crate::model::{Class, Digest, Effect, Reversal, StepIx};
use crate::plan::{Planned, World};
use crate::ports::BoxFuture;
use crate::registry::Registry;
use crate::source::{Sources, Spanned};
use crate::syntax::tree::{Entry, Node};

/// A provider whose actions are words: `look`, `change`, `settle`, `flaky`, `fail`, `doubt`.
struct Fake;

struct FakeKind;

struct FakeDraft(Template);

struct FakeTarget;

impl TargetDraft for FakeTarget {
    fn templates(&self) -> Vec<&Template> {
        Vec::new()
    }
    fn protected(&self) -> bool {
        false
    }
    fn open(&self, _: &str, _: &Scope, _: &mut dyn FnMut(&str, &str)) -> Result<Arc<dyn Target>, EvalError> {
        unreachable!("nothing is opened in a simulation")
    }
}

impl Provider for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }
    fn summary(&self) -> &'static str {
        "for tests"
    }
    fn kinds(&self) -> Vec<Arc<dyn Kind>> {
        vec![Arc::new(FakeKind)]
    }
    fn target(&self, _: &Entry, _: &[Entry], _: &mut Diagnostics) -> Option<Arc<dyn TargetDraft>> {
        Some(Arc::new(FakeTarget))
    }
    fn target_schema(&self, _: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::Schema::default()
    }
    fn undo<'a>(&'a self, _: WriteAccess<'a>, _: Vec<UndoPart>) -> BoxFuture<'a, Result<Box<dyn Undo + 'a>, Fault>> {
        unreachable!("simulated")
    }
    fn plan_undo<'a>(&'a self, _: ReadAccess<'a>, _: &'a [UndoPart]) -> BoxFuture<'a, Result<Planned, Fault>> {
        unreachable!("simulated")
    }
    fn probe<'a>(&'a self, _: ReadAccess<'a>, _: &'a UndoPart) -> BoxFuture<'a, Result<Verdict, Fault>> {
        unreachable!("simulated")
    }
}

impl Kind for FakeKind {
    fn name(&self) -> &'static str {
        "fake"
    }
    fn summary(&self) -> &'static str {
        "for tests"
    }
    fn provider(&self) -> &'static str {
        "fake"
    }
    fn read(&self, _: &Spanned<String>, params: &Node, _: &dyn Files, _: &mut Diagnostics) -> Option<Arc<dyn Draft>> {
        Some(Arc::new(FakeDraft(Template::literal(params.text()?, params.span))))
    }
    fn schema(&self, _: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::Schema::default()
    }
}

impl Draft for FakeDraft {
    fn words(&self) -> Vec<&Template> {
        vec![&self.0]
    }
    fn classify(&self, words: &[Option<String>]) -> Class {
        match words.first().and_then(Option::as_deref) {
            Some("change" | "settle" | "doubt") => Class::new(Effect::Change, Reversal::Exact),
            _ => Class::READ,
        }
    }
    fn prepare(&self, _: &Scope) -> Result<Arc<dyn Action>, EvalError> {
        unreachable!("simulated")
    }
}

/// The world outside: how often each step's change is applied right now, and was ever.
#[derive(Default, Clone, Debug)]
struct Outside {
    applied: BTreeMap<StepIx, i32>,
    order: Vec<(StepIx, i32)>,
    flaked: BTreeSet<StepIx>,
    /// Steps whose change had come to its end when they were judged.
    settled: BTreeSet<StepIx>,
}

impl Outside {
    fn change(&mut self, step: StepIx, by: i32) {
        *self.applied.entry(step).or_insert(0) += by;
        self.order.push((step, by));
    }
}

/// Work that a task still has to do, one small step at a time.
#[derive(Clone, Debug)]
enum Work {
    Record(StepIx, Box<Event>),
    Apply(StepIx),
    Settle(StepIx),
    Judge(StepIx, bool),
    Undo(StepIx),
    Probe(StepIx),
}

struct Run<'a> {
    checked: &'a Checked,
    sources: &'a Sources,
    world: World,
    state: RunState,
    outside: Outside,
    records: Vec<Record>,
    tasks: Vec<std::collections::VecDeque<Work>>,
    now_us: u64,
    picks: Vec<u8>,
    pick: usize,
}

fn words(checked: &Checked, step: StepIx) -> String {
    checked.step(step).draft().map(|draft| draft.words()[0].text().to_owned()).unwrap_or_default()
}

impl<'a> Run<'a> {
    fn new(checked: &'a Checked, sources: &'a Sources, picks: Vec<u8>) -> Self {
        let world =
            World::new(&Inputs::new(), &BTreeMap::new(), &json!({"id": "r"}), [], &crate::secret::Secrets::new());
        let mut run = Self {
            checked,
            sources,
            world,
            state: RunState::new(checked),
            outside: Outside::default(),
            records: Vec::new(),
            tasks: Vec::new(),
            now_us: 0,
            picks,
            pick: 0,
        };
        run.record(None, Event::RunStarted(Box::new(started())));
        run
    }

    fn record(&mut self, step: Option<StepIx>, event: Event) {
        self.now_us += 1;
        let attempt = step.map(|ix| match event {
            Event::StepStarted(_) => self.state.step(ix).next_attempt(),
            _ => self.state.step(ix).attempt,
        });
        let record = Record {
            v: VERSION,
            seq: self.records.len() as u64 + 1,
            prev: Digest::ZERO,
            time: String::new(),
            mono_us: self.now_us,
            boot: "b".into(),
            occurred_at: None,
            actor: Actor::engine(),
            run: "r".parse().unwrap(),
            step: step.map(|ix| self.checked.step(ix).id.clone()),
            attempt,
            event,
        };
        self.state.apply(self.checked, &record);
        self.records.push(record);
    }

    fn pick(&mut self, of: usize) -> usize {
        self.pick += 1;
        usize::from(*self.picks.get(self.pick % self.picks.len().max(1)).unwrap_or(&0)) % of
    }

    /// Runs until it is over or `stop_at` events are recorded. True: over.
    fn go(&mut self, stop_at: usize) -> bool {
        for _ in 0..20_000 {
            if self.records.len() >= stop_at {
                return false;
            }
            let mode = Mode { interactive: false, now_us: self.now_us, random: 7, sources: self.sources };
            let commands = decide(self.checked, &self.world, &self.state, mode);
            if commands.is_empty() {
                if self.tasks.is_empty() {
                    let due = next_due(self.checked, &self.state);
                    self.now_us = due.expect("a run that does nothing waits for time or a task").max(self.now_us);
                } else {
                    self.work();
                }
                continue;
            }
            for command in commands {
                if self.records.len() >= stop_at {
                    return false;
                }
                match command {
                    Command::Emit(emit) => self.record(emit.step, emit.event),
                    Command::Start(step) => self.start(step),
                    Command::Undo(step) => {
                        self.state.busy.insert(step);
                        self.tasks.push([Work::Undo(step)].into());
                    }
                    Command::Probe(step) => {
                        self.state.busy.insert(step);
                        self.tasks.push([Work::Probe(step)].into());
                    }
                    Command::Settle(step) => {
                        self.state.busy.insert(step);
                        self.tasks.push([Work::Settle(step), Work::Judge(step, false)].into());
                    }
                    Command::Prepare(_) | Command::CancelRunning | Command::Park => panic!("{command:?}"),
                    Command::End => return true,
                }
            }
        }
        panic!(
            "the run does not end: {:?}",
            self.records.iter().rev().take(5).map(|r| r.event.name()).collect::<Vec<_>>()
        );
    }

    fn start(&mut self, step: StepIx) {
        let word = words(self.checked, step);
        let number = self.state.step(step).parts.len() as u32 + 1;
        let mut work = std::collections::VecDeque::new();
        if matches!(word.as_str(), "change" | "settle" | "doubt") {
            work.push_back(Work::Record(step, Box::new(captured(number, word == "settle"))));
            work.push_back(Work::Record(step, Box::new(intent(number))));
            work.push_back(Work::Apply(step));
            work.push_back(Work::Record(step, Box::new(result(number))));
        }
        if word == "settle" {
            work.push_back(Work::Settle(step));
        }
        let fails = match word.as_str() {
            "fail" => true,
            "flaky" => self.outside.flaked.insert(step),
            _ => false,
        };
        work.push_back(Work::Judge(step, fails));
        self.tasks.push(work);
    }

    /// One small step of one task, whichever is picked.
    fn work(&mut self) {
        let at = self.pick(self.tasks.len());
        let Some(work) = self.tasks[at].pop_front() else {
            self.tasks.remove(at);
            return;
        };
        match work {
            Work::Record(step, event) => self.record(Some(step), *event),
            Work::Apply(step) => self.outside.change(step, 1),
            Work::Settle(step) => {
                self.outside.settled.insert(step);
            }
            Work::Judge(step, fails) => {
                self.state.busy.remove(&step);
                let attempt = if fails {
                    Attempt::Faulted(Fault::new(FaultKind::Unreachable, Code::Unreachable, "no"))
                } else {
                    Attempt::Returned(json!({"n": 1}))
                };
                for event in judge(self.checked, &self.world, &self.state, step, attempt, self.now_us, 7) {
                    self.record(Some(step), event);
                }
            }
            Work::Undo(step) => {
                let left = self.outside.applied.get(&step).copied().unwrap_or(0);
                if left > 0 {
                    self.outside.change(step, -left);
                }
                let restore = Restore { restored: left.unsigned_abs().into(), ..Restore::default() };
                self.record(Some(step), Event::RollbackStep(Box::new(end_of(restore, 1))));
                self.state.busy.remove(&step);
            }
            Work::Probe(step) => {
                let parts: Vec<u32> = self
                    .state
                    .step(step)
                    .parts
                    .iter()
                    .filter(|part| matches!(part.known, PartKnown::Sent))
                    .map(|part| part.number)
                    .collect();
                let done = self.outside.applied.get(&step).copied().unwrap_or(0) > 0;
                for part in parts {
                    let verdict = if done { ProbeVerdict::Done } else { ProbeVerdict::NotDone };
                    let probed = ActionProbed { part, verdict, after: json!("after"), why: None };
                    self.record(Some(step), Event::ActionProbed(probed));
                }
                self.state.busy.remove(&step);
            }
        }
    }

    /// The process is killed here, and another one goes on from the journal.
    fn killed_and_resumed(self) -> Run<'a> {
        let mut next = Self { tasks: Vec::new(), state: RunState::new(self.checked), records: Vec::new(), ..self };
        for record in self.records {
            next.state.apply(next.checked, &record);
            next.records.push(record);
        }
        let resumed =
            RunResumed { engine: "t".into(), source: Digest::ZERO, accepted: Vec::new(), accepted_targets: Vec::new() };
        next.record(None, Event::RunResumed(resumed));
        next
    }
}

fn started() -> RunStarted {
    RunStarted {
        playbook: "t".into(),
        title: None,
        path: "t".into(),
        source: Digest::ZERO,
        source_blob: Digest::ZERO,
        files: Vec::new(),
        git: None,
        environment: None,
        overrides: BTreeMap::new(),
        inputs: BTreeMap::new(),
        targets: BTreeMap::new(),
        drill: false,
        engine: "t".into(),
        plan: Digest::ZERO,
        steps: 0,
        followups: Vec::new(),
        settings: Settings { parallel: 3, yes: true, capture_limit: 0 },
    }
}

fn captured(part: u32, settles: bool) -> Event {
    Event::StateCaptured(Box::new(StateCaptured {
        part,
        subject: "x".into(),
        kind: "fake/1".into(),
        record: Value::Null,
        blob: None,
        bytes: 0,
        order: UndoOrder::Data,
        last: true,
        for_rollback: false,
        settles,
    }))
}

fn intent(part: u32) -> Event {
    Event::ActionIntent(Box::new(ActionIntent {
        part,
        target: None,
        words: Vec::new(),
        mutating: true,
        class: Class::new(Effect::Change, Reversal::Exact),
        count: 1,
    }))
}

fn result(part: u32) -> Event {
    Event::ActionResult(Box::new(ActionResult {
        part,
        changed: true,
        after: json!("after"),
        result: Some(json!({"n": 1})),
        result_blob: None,
        diff: Vec::new(),
        fault: None,
        duration_us: 1,
    }))
}

/// One generated step.
#[derive(Clone, Debug)]
struct Gen {
    word: &'static str,
    on_failure: Option<&'static str>,
    needs: Option<Vec<usize>>,
    when: Option<usize>,
    group: bool,
}

fn steps() -> impl Strategy<Value = (Vec<Gen>, &'static str)> {
    let word = prop_oneof![
        3 => Just("change"), 2 => Just("settle"), 2 => Just("look"), 1 => Just("flaky"), 1 => Just("fail"),
    ];
    let policy = prop_oneof![3 => Just(None), 1 => Just(Some("continue")), 1 => Just(Some("rollback"))];
    let one = (word, policy, any::<Option<[u8; 2]>>(), any::<Option<u8>>(), proptest::bool::weighted(0.2));
    let list = proptest::collection::vec(one, 1..9).prop_map(|list| {
        list.into_iter()
            .enumerate()
            .map(|(at, (word, on_failure, needs, when, group))| Gen {
                word,
                on_failure,
                needs: needs.filter(|n| n[0] % 3 == 0 && at > 0).map(|n| vec![usize::from(n[1]) % at]),
                when: when.filter(|w| w % 3 == 0 && at > 0).map(|w| usize::from(w) % at),
                group,
            })
            .collect()
    });
    (list, prop_oneof![Just("stop"), Just("rollback"), Just("continue")])
}

fn yaml(gens: &[Gen], policy: &str) -> String {
    let mut text = format!("playbook: t\ntargets: {{x: {{fake: x}}}}\non_failure: {policy}\nsteps:\n");
    let mut open = false;
    for (at, step) in gens.iter().enumerate() {
        if step.group && !open {
            text.push_str("  - parallel:\n");
        }
        open = step.group;
        let pad = if step.group { "      " } else { "  " };
        text.push_str(&format!("{pad}- id: s{at}\n{pad}  fake: {}\n", step.word));
        if step.word == "flaky" {
            text.push_str(&format!("{pad}  retry: {{attempts: 2, delay: 1ms}}\n"));
        }
        if let Some(policy) = step.on_failure {
            text.push_str(&format!("{pad}  on_failure: {policy}\n"));
        }
        if let Some(needs) = &step.needs {
            let list: Vec<String> = needs.iter().map(|n| format!("s{n}")).collect();
            text.push_str(&format!("{pad}  needs: [{}]\n", list.join(", ")));
        }
        if let Some(when) = step.when {
            text.push_str(&format!("{pad}  when: steps.s{when}.status != 'skipped'\n"));
        }
    }
    text.push_str("finally:\n  - {id: last, note: \"{{ run.outcome }}\"}\n");
    text
}

fn compile(text: &str) -> (Checked, Sources) {
    let mut sources = Sources::new();
    let file = sources.add("t.yaml", text);
    let (authored, found) = crate::syntax::read(file, sources.get(file).unwrap());
    assert!(!found.has_errors(), "{text}\n{found:?}");
    let registry = Registry::new(vec![Arc::new(Fake)]);
    let (checked, found) = check(&authored.unwrap(), &registry, &Options::default());
    (checked.unwrap_or_else(|| panic!("{text}\n{found:?}")), sources)
}

fn statuses(run: &Run<'_>) -> Vec<&'static str> {
    run.state.steps().iter().map(|step| step.status.word()).collect()
}

fn holds(run: &Run<'_>) -> Result<(), TestCaseError> {
    let checked = run.checked;
    let finished = run.state.finished.as_ref().expect("it is over");
    for (step, count) in &run.outside.applied {
        prop_assert!((0..=1).contains(count), "{} is applied {count} times", checked.step(*step).id);
    }
    let ups: Vec<StepIx> = run.outside.order.iter().filter(|(_, by)| *by > 0).map(|(step, _)| *step).collect();
    let unique: BTreeSet<StepIx> = ups.iter().copied().collect();
    prop_assert_eq!(ups.len(), unique.len(), "a step was applied twice: {:?}", run.outside.order);
    for step in checked.steps.iter().filter(|step| words(checked, step.ix) == "settle") {
        let ok = run.state.step(step.ix).status == Status::Ok;
        prop_assert!(!ok || run.outside.settled.contains(&step.ix), "{} did not wait", step.id);
    }
    let rolled_back = matches!(finished.outcome, Outcome::RolledBack | Outcome::PartlyRolledBack);
    let left: i32 = run.outside.applied.values().sum();
    if rolled_back {
        prop_assert_eq!(left, 0, "something is left after a rollback");
        let downs: Vec<StepIx> = run.outside.order.iter().filter(|(_, by)| *by < 0).map(|(step, _)| *step).collect();
        // Of a change whose result was lost, only its capture tells when it happened.
        let mut when: BTreeMap<StepIx, u64> = BTreeMap::new();
        for record in &run.records {
            let step = record.step.as_ref().and_then(|id| checked.index_of(id.as_str()));
            match (&record.event, step) {
                (Event::StateCaptured(_) | Event::ActionResult(_), Some(step)) => when.insert(step, record.seq),
                _ => None,
            };
        }
        let mut reverse: Vec<StepIx> = downs.clone();
        reverse.sort_by_key(|step| std::cmp::Reverse(when[step]));
        prop_assert_eq!(downs, reverse, "not the reverse of what happened");
    } else {
        prop_assert_eq!(usize::try_from(left), Ok(unique.len()));
    }
    // Nothing begins before what it waits for is over.
    let mut over: BTreeSet<&str> = BTreeSet::new();
    for record in &run.records {
        let Some(id) = record.step.as_ref().map(crate::model::StepId::as_str) else { continue };
        match &record.event {
            Event::StepStarted(_) => {
                let ix = checked.index_of(id).unwrap();
                for edge in checked.graph.waits_for(ix) {
                    prop_assert!(over.contains(checked.step(edge.from).id.as_str()), "{id} began too early");
                }
            }
            Event::StepFinished(_) | Event::StepSkipped(_) => {
                over.insert(id);
            }
            _ => {}
        }
    }
    let last = run.state.step(checked.index_of("last").unwrap());
    prop_assert_eq!(last.status, Status::Ok, "finally did not run");
    let main_done =
        checked.steps.iter().filter(|s| s.lane == Lane::Main).all(|s| run.state.step(s.ix).status.is_over());
    prop_assert!(main_done || finished.exit != 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_run_ends_as_it_must((gens, policy) in steps(), picks in proptest::collection::vec(any::<u8>(), 1..40)) {
        let (checked, sources) = compile(&yaml(&gens, policy));
        let mut run = Run::new(&checked, &sources, picks);
        prop_assert!(run.go(usize::MAX));
        holds(&run)?;
    }

    #[test]
    fn killed_at_any_event_and_resumed_it_ends_the_same(
        (gens, policy) in steps(),
        picks in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let (checked, sources) = compile(&yaml(&gens, policy));
        let mut whole = Run::new(&checked, &sources, picks.clone());
        prop_assert!(whole.go(usize::MAX));
        for kill_at in 2..whole.records.len() {
            let mut run = Run::new(&checked, &sources, picks.clone());
            if run.go(kill_at) {
                continue;
            }
            // A crash right after something was applied, before that is recorded, is the worst one.
            while run.tasks.iter().any(|task| matches!(task.front(), Some(Work::Apply(_)))) {
                let at = run.tasks.iter().position(|task| matches!(task.front(), Some(Work::Apply(_)))).unwrap();
                let Some(Work::Apply(step)) = run.tasks[at].pop_front() else { unreachable!() };
                run.outside.change(step, 1);
            }
            let mut run = run.killed_and_resumed();
            prop_assert!(run.go(usize::MAX));
            holds(&run)?;
            if whole.state.ending.is_none() {
                prop_assert_eq!(statuses(&run), statuses(&whole), "killed at {}: {}", kill_at, yaml(&gens, policy));
            }
        }
    }
}
