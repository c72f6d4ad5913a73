//! Records made by hand, for tests of timelines and of what is made of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::action::{Difference, Fault, FaultKind, Identity, UndoOrder};
use crate::check::Level;
use crate::codes::Code;
use crate::event::{
    ActionIntent, ActionResult, Actor, ActorKind, ApprovalDecided, ApprovalRequested, AssertEvaluated, Choice, Covered,
    Decision, Event, FailureHandled, Git, Outcome, Question, Record, RollbackEnd, RollbackFinished, RollbackStarted,
    RollbackStep, RunFinished, RunStarted, Settings, StateCaptured, StepEnd, StepFinished, StepRetry, StepStarted,
    TargetMet, VERSION,
};
use crate::model::{Class, Digest, Effect, Reversal, StepId};
use crate::plan::{Change, Image};

/// Writes records one after the other, with two clocks that move only when told.
#[derive(Clone, Debug)]
pub struct Story {
    /// What was written.
    pub records: Vec<Record>,
    run: String,
    boot: String,
    wall: jiff::Timestamp,
    mono_us: u64,
    actor: Actor,
}

/// A person at a terminal.
pub fn person(id: &str) -> Actor {
    Actor {
        kind: ActorKind::Human,
        id: Some(id.to_owned()),
        by: Some("os_user".into()),
        via: Some("tty".into()),
        host: Some("ops-1".into()),
    }
}

impl Story {
    /// Begins at 2026-11-21 03:00 UTC.
    pub fn new(run: &str) -> Self {
        Self {
            records: Vec::new(),
            run: run.to_owned(),
            boot: "boot-1".into(),
            wall: "2026-11-21T03:00:00Z".parse().unwrap_or_default(),
            mono_us: 7_000_000,
            actor: Actor::engine(),
        }
    }

    /// Both clocks move.
    pub fn after(&mut self, millis: i64) -> &mut Self {
        self.wall += jiff::SignedDuration::from_millis(millis);
        self.mono_us += u64::try_from(millis).unwrap_or(0) * 1000;
        self
    }

    /// Only the wall clock moves.
    pub fn wall_jumps(&mut self, seconds: i64) -> &mut Self {
        self.wall += jiff::SignedDuration::from_secs(seconds);
        self
    }

    /// The machine restarts: the monotonic clock begins anew.
    pub fn reboot(&mut self) -> &mut Self {
        self.boot = format!("{}+", self.boot);
        self.mono_us = 1_000_000;
        self
    }

    /// Who does what comes next.
    pub fn by(&mut self, actor: Actor) -> &mut Self {
        self.actor = actor;
        self
    }

    /// Writes one record by whoever was named with [`Story::by`], else by the engine.
    pub fn tell(&mut self, step: Option<&str>, event: Event) -> &mut Self {
        let attempt = matches!(event, Event::StepStarted(_)).then_some(1);
        self.records.push(Record {
            v: VERSION,
            seq: self.records.len() as u64 + 1,
            prev: Digest::ZERO,
            time: format!("{:.6}", self.wall),
            mono_us: self.mono_us,
            boot: self.boot.clone(),
            occurred_at: None,
            actor: std::mem::replace(&mut self.actor, Actor::engine()),
            run: self.run.parse().unwrap_or_else(|_| crate::model::RunId::new(self.wall, 0)),
            step: step.map(StepId::recorded),
            attempt,
            event,
        });
        self
    }

    /// The last record happened at another time.
    pub fn occurred(&mut self, at: &str) -> &mut Self {
        if let Some(last) = self.records.last_mut() {
            last.occurred_at = Some(at.to_owned());
        }
        self
    }

    /// `run.started` of `redis-oom` in prod by ana, and `target.met` for its Redis.
    pub fn begin(&mut self) -> &mut Self {
        self.by(person("ana")).tell(None, Event::RunStarted(Box::new(started())));
        let facts = [("role", "master"), ("version", "7.0.15")].map(|(name, fact)| (name.into(), fact.into()));
        let identity = Identity { id: "9f3a6c".into(), facts: facts.to_vec() };
        self.tell(None, Event::TargetMet(TargetMet { target: "cache".into(), identity }))
    }

    /// `step.started`.
    pub fn start(&mut self, step: &str, action: &str, title: &str) -> &mut Self {
        let target = (action == "redis").then(|| "cache".to_owned());
        let place = "playbooks/redis-oom.yaml:20".to_owned();
        self.tell(
            Some(step),
            Event::StepStarted(StepStarted { title: title.into(), action: action.into(), target, place }),
        )
    }

    /// `step.finished` after so many milliseconds.
    pub fn end(&mut self, step: &str, status: StepEnd, changed: bool, millis: i64) -> &mut Self {
        self.after(millis);
        self.tell(Some(step), finished(status, changed, millis, None))
    }

    /// `step.finished` with a fault.
    pub fn fail(&mut self, step: &str, message: &str, millis: i64) -> &mut Self {
        let fault = Fault::new(FaultKind::Refused, Code::ServerError, message).help("look at the server's log");
        self.after(millis);
        self.tell(Some(step), finished(StepEnd::Failed, false, millis, Some(fault)))
    }

    /// A whole step that only reads.
    pub fn read(&mut self, step: &str, command: &str) -> &mut Self {
        self.start(step, "redis", command).intent(step, 0, &words(command), 0).result(step, 0, false, Vec::new());
        self.end(step, StepEnd::Ok, false, 3)
    }

    /// A whole step that changes one thing.
    pub fn change(&mut self, step: &str, command: &str, diff: Change) -> &mut Self {
        self.start(step, "redis", command).capture(step, 1, &diff.subject, 120).intent(step, 1, &words(command), 1);
        self.result(step, 1, true, vec![diff]).end(step, StepEnd::Ok, true, 4)
    }

    /// `state.captured`.
    pub fn capture(&mut self, step: &str, part: u32, subject: &str, bytes: u64) -> &mut Self {
        let captured = StateCaptured {
            part,
            subject: subject.into(),
            kind: "redis.keys/1".into(),
            record: Value::Null,
            blob: None,
            bytes,
            order: UndoOrder::Data,
            last: true,
            for_rollback: false,
            settles: false,
        };
        self.tell(Some(step), Event::StateCaptured(Box::new(captured)))
    }

    /// `action.intent`; part 0 reads.
    pub fn intent(&mut self, step: &str, part: u32, words: &[&str], count: u64) -> &mut Self {
        let class = if part == 0 { Class::READ } else { Class::new(Effect::Change, Reversal::Exact) };
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let intent = ActionIntent { part, target: Some("cache".into()), words, mutating: part > 0, class, count };
        self.tell(Some(step), Event::ActionIntent(Box::new(intent)))
    }

    /// `action.result`.
    pub fn result(&mut self, step: &str, part: u32, changed: bool, diff: Vec<Change>) -> &mut Self {
        self.after(2);
        let result = ActionResult {
            part,
            changed,
            after: Value::Null,
            result: None,
            result_blob: None,
            diff,
            fault: None,
            duration_us: 2000,
        };
        self.tell(Some(step), Event::ActionResult(Box::new(result)))
    }

    /// `assert.evaluated`.
    pub fn look(&mut self, step: &str, expression: &str, pass: bool, sample: u32) -> &mut Self {
        let operands = BTreeMap::from([("result.used_memory".to_owned(), json!(2_900_000_000_u64))]);
        let evaluated = AssertEvaluated {
            expression: expression.into(),
            pass,
            operands,
            sample,
            level: Level::Fail,
            message: None,
        };
        self.tell(Some(step), Event::AssertEvaluated(evaluated))
    }

    /// `step.retry`, and the wait.
    pub fn again(&mut self, step: &str, poll: bool, fault: Option<&str>, millis: i64) -> &mut Self {
        let fault = fault.map(|message| Fault::new(FaultKind::Unreachable, Code::Unreachable, message));
        let delay_us = u64::try_from(millis).unwrap_or(0) * 1000;
        self.tell(Some(step), Event::StepRetry(StepRetry { delay_us, fault, poll })).after(millis)
    }

    /// `approval.requested`.
    pub fn ask(&mut self, step: &str, question: Question, ask: &str, quorum: u32) -> &mut Self {
        let covered = Covered {
            step: StepId::recorded(step),
            command: "UNLINK dash:queue:dead:1".into(),
            summary: "destroys 41,208 keys".into(),
            fingerprint: None,
            counts: vec![("keys".into(), 41_208)],
        };
        let asked = ApprovalRequested {
            question,
            ask: ask.into(),
            by: Vec::new(),
            quorum,
            allow_author: false,
            expires_us: None,
            on_expiry: None,
            tolerance_permille: 100,
            digest: Digest::of(ask.as_bytes()),
            covers: vec![covered],
        };
        self.tell(Some(step), Event::ApprovalRequested(Box::new(asked)))
    }

    /// `approval.decided` by a person, or by the engine if nobody is named.
    pub fn decide(&mut self, step: &str, decision: Decision, who: Option<&str>, comment: Option<&str>) -> &mut Self {
        if let Some(who) = who {
            self.by(person(who));
        }
        let comment = comment.map(str::to_owned);
        let decided = ApprovalDecided { decision, comment, waited_us: 0, digest: Digest::of(b"shown"), answer: None };
        self.tell(Some(step), Event::ApprovalDecided(decided))
    }

    /// `failure.handled`.
    pub fn handle(&mut self, step: &str, choice: Choice) -> &mut Self {
        self.tell(Some(step), Event::FailureHandled(FailureHandled { choice, message: None }))
    }

    /// `rollback.started`.
    pub fn take_back(&mut self, cause: &str, steps: &[&str]) -> &mut Self {
        let steps = steps.iter().map(|step| StepId::recorded(step)).collect();
        self.tell(None, Event::RollbackStarted(RollbackStarted { cause: cause.into(), steps }))
    }

    /// `rollback.step`.
    pub fn took_back(&mut self, step: &str, outcome: RollbackEnd) -> &mut Self {
        self.after(9);
        let difference = Difference {
            subject: "dash:queue:dead:7".into(),
            before: "string, 1.2 KiB".into(),
            ours: "(absent)".into(),
            now: "string, 40 B".into(),
        };
        let rolled = RollbackStep {
            outcome,
            restored: 1,
            differs: if outcome == RollbackEnd::Differs { vec![difference.clone()] } else { Vec::new() },
            conflicts: if outcome == RollbackEnd::Conflict { vec![difference] } else { Vec::new() },
            fault: None,
            why: None,
            duration_us: 9000,
        };
        self.tell(Some(step), Event::RollbackStep(Box::new(rolled)))
    }

    /// `rollback.finished`.
    pub fn taken_back(&mut self, complete: bool) -> &mut Self {
        self.tell(None, Event::RollbackFinished(RollbackFinished { complete }))
    }

    /// `run.finished`.
    pub fn finish(&mut self, outcome: Outcome, exit: u8, reason: Option<&str>) -> &mut Self {
        let duration_us = self.mono_us.saturating_sub(self.records.first().map_or(0, |first| first.mono_us));
        let reason = reason.map(str::to_owned);
        let counts = BTreeMap::from([("ok".to_owned(), 2)]);
        self.tell(None, Event::RunFinished(RunFinished { outcome, exit, reason, counts, duration_us }))
    }
}

/// A run with everything in it: dead letters deleted after a confirmation, a limit raised, a failure, and
/// a rollback that meets a conflict.
pub fn incident() -> Story {
    let mut story = Story::new("20261121-030000-bcdf");
    story.begin().after(10).read("memory", "INFO memory").after(5);
    story.ask("purge", Question::Confirm, "Delete 41,208 dead letters?", 1).after(125_000);
    story.decide("purge", Decision::Approved, Some("ben"), Some("go ahead"));
    story.start("purge", "redis", "Delete dead letters");
    for part in 1..=3 {
        story.capture("purge", part, "1000 keys", 1024).intent("purge", part, &["UNLINK", "dash:queue:dead:1"], 1000);
        story.result("purge", part, true, Vec::new());
    }
    story.end("purge", StepEnd::Ok, true, 40);
    story.start("after", "redis", "INFO memory");
    for sample in 1..=12 {
        story.intent("after", 0, &["INFO", "memory"], 0).result("after", 0, false, Vec::new());
        story.look("after", "result.used_memory < 5", sample == 12, sample);
        if sample < 12 {
            story.again("after", true, None, 2000).start("after", "redis", "INFO memory");
        }
    }
    story.end("after", StepEnd::Ok, false, 22_000);
    story.change("raise", "CONFIG SET maxmemory 3gb", raised());
    story.start("writable", "redis", "SET playbook:probe ok EX 5").intent(
        "writable",
        0,
        &words("SET playbook:probe ok EX 5"),
        1,
    );
    story.fail("writable", "OOM command not allowed", 2).handle("writable", Choice::Rollback);
    story.take_back("step writable failed", &["raise", "purge"]);
    story.took_back("raise", RollbackEnd::Restored).took_back("purge", RollbackEnd::Conflict).taken_back(false);
    story.finish(Outcome::PartlyRolledBack, 5, Some("step writable: OOM command not allowed"));
    story
}

/// Words of a command without quotes.
pub fn words(command: &str) -> Vec<&str> {
    command.split(' ').collect()
}

/// `maxmemory: 2gb → 3gb`.
pub fn raised() -> Change {
    Change::new("config maxmemory", Image::of("2gb"), Image::of("3gb"))
}

fn finished(status: StepEnd, changed: bool, millis: i64, fault: Option<Fault>) -> Event {
    let duration_us = u64::try_from(millis).unwrap_or(0) * 1000;
    let result = fault.as_ref().map(|_| json!({"stderr": "OOM command not allowed when used memory > 'maxmemory'."}));
    Event::StepFinished(Box::new(StepFinished {
        status,
        changed,
        duration_us,
        result,
        result_blob: None,
        fault,
        finish: None,
    }))
}

fn started() -> RunStarted {
    RunStarted {
        playbook: "redis-oom".into(),
        title: Some("Redis is out of memory".into()),
        path: "playbooks/redis-oom.yaml".into(),
        source: Digest::of(b"redis-oom"),
        source_blob: Digest::of(b"source"),
        files: Vec::new(),
        git: Some(Git { rev: "4be1c0ffee".into(), dirty: false }),
        environment: Some("prod".into()),
        overrides: BTreeMap::new(),
        inputs: BTreeMap::from([
            ("new_limit".into(), json!(3_221_225_472_u64)),
            ("api_key".into(), json!("[secret:api_key]")),
        ]),
        targets: BTreeMap::from([
            ("cache".into(), "redis://127.0.0.1:6379".into()),
            ("api".into(), "http://api.dash.local".into()),
        ]),
        drill: false,
        engine: "0.1.0".into(),
        plan: Digest::of(b"plan"),
        steps: 6,
        followups: vec!["Review the queued events that were dropped".into()],
        settings: Settings { parallel: 16, yes: false, capture_limit: 1 << 28 },
    }
}
