//! Records → lines. Each record goes into exactly one.

use std::collections::BTreeMap;

use super::approvals::approvals;
use super::entry::{Entry, EntryKind as Kind, Importance, Tone};
use super::line::{Clock, fault, line, step};
use super::phrase;
use super::rows::{ApprovalRow, ApprovalState};
use super::span::Spans;
use crate::event::{
    ActionProbed, ActorKind, ApprovalDecided, Event, ProbeVerdict, Record, RollbackStep, RunFinished, RunStarted,
    StepEnd,
};
use crate::model::{Duration, StepId};

pub(super) fn entries(records: &[&Record], spans: &Spans<'_>) -> Vec<Entry> {
    let mut fold = Fold {
        clock: Clock::new(records),
        spans,
        approvals: approvals(records),
        entries: Vec::new(),
        rolling_back: false,
        pending: BTreeMap::new(),
        answered: BTreeMap::new(),
    };
    for record in records {
        fold.take(record, records);
    }
    fold.flush();
    fold.entries
}

struct Fold<'a, 'r> {
    clock: Clock<'r>,
    spans: &'a Spans<'r>,
    approvals: Vec<ApprovalRow>,
    entries: Vec<Entry>,
    rolling_back: bool,
    /// Records of a rollback of a step that has not been told yet.
    pending: BTreeMap<&'r StepId, Vec<&'r Record>>,
    /// The line that the bare end of a gate or a note belongs to.
    answered: BTreeMap<&'r StepId, usize>,
}

impl<'r> Fold<'_, 'r> {
    fn take(&mut self, record: &'r Record, records: &[&Record]) {
        if let Some(span) = self.spans.of(record.seq) {
            if span.seq() == record.seq {
                self.entries.push(step(&self.clock, span));
            }
            return;
        }
        match (&record.event, &record.step) {
            (Event::RollbackStarted(_), _) => {
                self.flush();
                self.rolling_back = true;
            }
            (Event::RollbackFinished(_), _) => {
                self.flush();
                self.rolling_back = false;
            }
            (
                Event::StateCaptured(_) | Event::ActionIntent(_) | Event::ActionResult(_) | Event::ActionProbed(_),
                Some(step),
            ) if self.rolling_back => {
                self.pending.entry(step).or_default().push(record);
                return;
            }
            (Event::RollbackStep(rolled), Some(step)) => {
                let entry = self.rolled_back(record, step, rolled);
                self.entries.push(entry);
                return;
            }
            (Event::StepFinished(finished), Some(step)) if finished.status == StepEnd::Ok => {
                if let Some(&at) = self.answered.get(step) {
                    self.entries[at].covers.push(record.seq);
                    return;
                }
            }
            (Event::ApprovalRequested(_), _) if self.is_bypassed(record.seq) => return,
            (Event::ApprovalDecided(_) | Event::NoteAdded(_), Some(step)) => {
                self.answered.insert(step, self.entries.len());
            }
            _ => {}
        }
        let entry = self.alone(record, records);
        self.entries.push(entry);
    }

    fn is_bypassed(&self, request: u64) -> bool {
        self.approvals.iter().any(|row| row.seq == request && row.state == ApprovalState::Bypassed)
    }

    /// What was begun while rolling back and never told to have ended.
    fn flush(&mut self) {
        for (step, records) in std::mem::take(&mut self.pending) {
            let mut entry = line(&self.clock, records[0], Kind::Rollback, format!("rollback of {step}"))
                .ended((phrase::UNKNOWN, Tone::Doubt))
                .detailed(["begun, and nothing more was recorded".to_owned()])
                .key();
            entry.covers = records.iter().map(|record| record.seq).collect();
            self.entries.push(entry);
        }
    }

    fn rolled_back(&mut self, record: &'r Record, step: &'r StepId, rolled: &RollbackStep) -> Entry {
        let before = self.pending.remove(step).unwrap_or_default();
        let some = |count: u64, words: &str| {
            if count > 0 { format!("{} {words}", phrase::number(count)) } else { String::new() }
        };
        let mut entry = line(&self.clock, record, Kind::Rollback, format!("rollback of {step}"))
            .ended(phrase::rollback(rolled.outcome))
            .detailed([
                rolled.fault.as_ref().map(fault).unwrap_or_default(),
                rolled.why.clone().unwrap_or_default(),
                some(rolled.restored, "as before"),
                some(rolled.differs.len() as u64, "not as before"),
                some(rolled.conflicts.len() as u64, "changed by someone else since"),
            ])
            .key();
        entry.duration_us = Some(rolled.duration_us);
        entry.covers = before.iter().map(|record| record.seq).chain([record.seq]).collect();
        entry
    }

    /// A record that no other line tells.
    fn alone(&self, record: &Record, records: &[&Record]) -> Entry {
        let line = |kind, summary: String| line(&self.clock, record, kind, summary);
        let id = record.step.as_ref().map_or("the run", StepId::as_str);
        match &record.event {
            Event::RunStarted(started) => line(Kind::Run, begun(started)).key(),
            Event::RunResumed(resumed) => {
                let accepted: Vec<&str> = resumed.accepted.iter().map(StepId::as_str).collect();
                let accepted = if accepted.is_empty() {
                    String::new()
                } else {
                    format!("changed steps accepted: {}", accepted.join(", "))
                };
                line(Kind::Run, "the run went on after a stop".into()).detailed([accepted]).key()
            }
            Event::RunPaused(paused) => {
                let waiting: Vec<&str> = paused.waiting.iter().map(StepId::as_str).collect();
                line(Kind::Run, "the run stopped to wait for people".into()).detailed([waiting.join(", ")])
            }
            Event::RunCancelling(cancelling) => {
                let what = if cancelling.stage >= 2 { "what is running is told to end" } else { "nothing more starts" };
                line(Kind::Run, format!("cancelled by {}: {what}", cancelling.by)).key()
            }
            Event::RunPhase(phase) => line(Kind::Run, format!("phase: {:?}", phase.phase).to_lowercase()).plumbing(),
            Event::RunFinished(finished) => ended(line(Kind::Run, "the run ended".into()), finished, record, records),
            Event::TargetMet(met) => {
                line(Kind::Target, format!("{} answered", met.target)).detailed([met.identity.id.clone()]).plumbing()
            }
            Event::LockTaken(lock) => line(Kind::Target, format!("{} is locked for this run", lock.target)).plumbing(),
            Event::LockBroken(lock) => line(Kind::Target, format!("the lock of {} was broken", lock.identity))
                .detailed([lock.reason.clone()])
                .key(),
            Event::StepSkipped(skipped) => line(Kind::Step, skipped.title.clone())
                .ended(("skipped", Tone::Plain))
                .detailed([phrase::skipped(skipped.reason, &skipped.detail)]),
            Event::StepFinished(finished) if finished.status == StepEnd::Ok => {
                line(Kind::Step, format!("{id} is done")).plumbing()
            }
            Event::StepFinished(finished) => line(Kind::Step, id.to_owned())
                .ended(phrase::step(finished.status, finished.changed))
                .detailed(finished.fault.iter().map(fault)),
            Event::FailureHandled(handled) => {
                let entry = line(Kind::Decision, format!("what to do about {id}"))
                    .ended((phrase::choice(handled.choice), Tone::Plain));
                let entry = self.answering(entry);
                if record.actor.kind == ActorKind::Engine { entry } else { entry.key() }
            }
            Event::ActionPlanned(planned) => {
                line(Kind::Other, format!("planned: {}", crate::words::join(&planned.words))).plumbing()
            }
            Event::ActionIntent(intent) if intent.mutating => {
                let told = records.iter().any(|later| {
                    later.seq > record.seq && later.step == record.step && matches!(later.event, Event::ActionResult(_))
                });
                let entry = line(Kind::Other, format!("sent: {}", crate::words::join(&intent.words)));
                if told { entry } else { entry.ended((phrase::UNKNOWN, Tone::Doubt)).key() }
            }
            Event::ActionProbed(probed) => probed_line(line(Kind::Decision, format!("was {id} carried out?")), probed),
            Event::ApprovalRequested(asked) => {
                self.asked(line(Kind::Approval, asked.ask.clone()), &asked.by, asked.quorum)
            }
            Event::ApprovalDecided(decided) => self.decided(line(Kind::Approval, String::new()), decided),
            Event::ApprovalLapsed(lapsed) => line(Kind::Approval, format!("the approval of {id}"))
                .ended(phrase::approval(ApprovalState::Lapsed))
                .detailed([lapsed.why.clone()])
                .key(),
            Event::RollbackStarted(started) => {
                let order: Vec<&str> = started.steps.iter().map(StepId::as_str).collect();
                let steps = phrase::plural(order.len() as u64, "step", "steps");
                line(Kind::Rollback, format!("rollback of {steps} begins"))
                    .detailed([started.cause.clone(), order.join(", ")])
                    .key()
            }
            Event::RollbackFinished(finished) => line(Kind::Rollback, "the rollback ended".into())
                .ended(if finished.complete {
                    ("all restored, verified", Tone::Good)
                } else {
                    ("not all restored", Tone::Bad)
                })
                .key(),
            Event::NoteAdded(note) => {
                let entry = line(Kind::Note, note.text.clone());
                if record.actor.kind == ActorKind::Engine { entry } else { entry.key() }
            }
            Event::ClockJumped(jumped) => {
                let by = Duration::micros(jumped.by_us.unsigned_abs());
                let way = if jumped.by_us < 0 { "back" } else { "ahead" };
                line(Kind::Journal, format!("the wall clock jumped {by} {way}"))
                    .detailed(["lengths of time are not affected".to_owned()])
                    .key()
            }
            Event::JournalRecovered(recovered) => {
                let torn = phrase::plural(recovered.torn_bytes, "byte", "bytes");
                let mut entry = line(Kind::Journal, format!("a torn last line was set aside: {torn}")).key();
                entry.tone = Tone::Doubt;
                entry
            }
            Event::Other(other) => {
                let text = ["text", "title", "message"].iter().find_map(|field| other.data.get(field)?.as_str());
                line(Kind::Other, other.r#type.clone()).detailed(text.map(str::to_owned)).plumbing()
            }
            Event::StepStarted(_)
            | Event::StepRetry(_)
            | Event::StepInterrupted(_)
            | Event::RollbackStep(_)
            | Event::StateCaptured(_)
            | Event::ActionIntent(_)
            | Event::ActionResult(_)
            | Event::AssertEvaluated(_) => line(Kind::Other, record.event.name()).plumbing(),
        }
    }

    fn asked(&self, entry: Entry, by: &[String], quorum: u32) -> Entry {
        let who = if by.is_empty() { String::new() } else { format!("may be answered by {}", by.join(", ")) };
        let many = if quorum > 1 { format!("{quorum} must say yes") } else { String::new() };
        let seq = entry.seq;
        let entry = entry.detailed([who, many]);
        let state = self.approvals.iter().find(|row| row.seq == seq).map(|row| row.state);
        match state {
            Some(state @ (ApprovalState::Waiting | ApprovalState::Unanswered)) => {
                entry.ended(phrase::approval(state)).key()
            }
            Some(_) | None => entry.ended(("asked", Tone::Plain)),
        }
    }

    fn decided(&self, mut entry: Entry, decided: &ApprovalDecided) -> Entry {
        let (word, tone) = phrase::decision(decided.decision);
        entry = self.answering(entry.ended((word, tone)).detailed(decided.comment.clone()));
        let bypassed =
            self.approvals.iter().find(|row| row.state == ApprovalState::Bypassed && entry.refs.contains(&row.seq));
        if let Some(row) = bypassed {
            entry.covers.insert(0, row.seq);
            entry.refs.clear();
            entry.importance = Importance::Normal;
            return entry;
        }
        entry.key()
    }

    /// Ties an answer to its question.
    fn answering(&self, mut entry: Entry) -> Entry {
        let answers = |row: &&ApprovalRow| row.answers.iter().any(|answer| answer.seq == entry.seq);
        if let Some(row) = self.approvals.iter().find(answers) {
            entry.refs.push(row.seq);
            entry.duration_us = row.waited_us.filter(|_| row.answers.last().is_some_and(|last| last.seq == entry.seq));
            if entry.kind == Kind::Approval {
                entry.summary = super::line::short(&row.ask);
            }
        } else if entry.summary.is_empty() {
            entry.summary = format!("an answer about {}", entry.step.as_ref().map_or("the run", StepId::as_str));
        }
        entry
    }
}

fn probed_line(entry: Entry, probed: &ActionProbed) -> Entry {
    let (word, tone) = match probed.verdict {
        ProbeVerdict::Done => ("it happened", Tone::Plain),
        ProbeVerdict::NotDone => ("it did not happen", Tone::Plain),
        ProbeVerdict::Unclear => (phrase::UNKNOWN, Tone::Doubt),
    };
    entry.ended((word, tone)).detailed(probed.why.clone()).key()
}

fn begun(started: &RunStarted) -> String {
    let title = started.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
    let place = started.environment.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    let what = if started.drill { "a drill of " } else { "" };
    format!("{what}{} began{place}{title}", started.playbook)
}

fn ended(entry: Entry, finished: &RunFinished, record: &Record, records: &[&Record]) -> Entry {
    let mut entry = entry.ended(phrase::outcome(finished.outcome)).detailed(finished.reason.clone()).key();
    let one_boot = records.iter().filter(|before| before.seq <= record.seq).all(|before| before.boot == record.boot);
    entry.duration_us = one_boot.then_some(finished.duration_us);
    entry
}
