//! One record, or the records of one step, in a line.

use super::entry::{Entry, EntryKind, Importance, Tone};
use super::order::instant;
use super::phrase;
use super::span::{End, Known, Span};
use crate::action::Fault;
use crate::brief::brief;
use crate::event::{Event, Record, StepEnd, StepFinished};
use crate::words;

/// Characters of a summary and of a detail.
const MAX_TEXT: usize = 300;

/// What elapsed times are counted from.
pub(super) struct Clock<'r> {
    first: Option<&'r Record>,
}

impl<'r> Clock<'r> {
    pub(super) fn new(records: &[&'r Record]) -> Self {
        Self { first: records.first().copied() }
    }

    fn elapsed(&self, record: &Record) -> Option<u64> {
        let first = self.first.filter(|first| first.boot == record.boot && record.occurred_at.is_none())?;
        Some(record.mono_us.saturating_sub(first.mono_us))
    }
}

/// A line about one record, with its words still to come.
pub(super) fn line(clock: &Clock<'_>, record: &Record, kind: EntryKind, summary: impl AsRef<str>) -> Entry {
    let late = record.occurred_at.as_deref().and_then(instant).zip(instant(&record.time));
    Entry {
        seq: record.seq,
        time: record.time.clone(),
        occurred_at: record.occurred_at.clone(),
        late_us: late
            .and_then(|(at, time)| u64::try_from(time.duration_since(at).as_micros()).ok())
            .filter(|late| *late > 0),
        elapsed_us: clock.elapsed(record),
        actor: record.actor.clone(),
        kind,
        r#type: record.event.name(),
        step: record.step.clone(),
        attempt: record.attempt,
        target: None,
        action: None,
        summary: short(summary.as_ref()),
        command: None,
        outcome: None,
        detail: None,
        tone: Tone::Plain,
        duration_us: None,
        importance: Importance::Normal,
        covers: vec![record.seq],
        refs: Vec::new(),
    }
}

impl Entry {
    pub(super) fn ended(mut self, (word, tone): (&str, Tone)) -> Self {
        self.outcome = Some(word.to_owned());
        self.tone = tone;
        self
    }

    pub(super) fn detailed(mut self, parts: impl IntoIterator<Item = String>) -> Self {
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        self.detail = (!parts.is_empty()).then(|| short(&parts.join("; ")));
        self
    }

    pub(super) fn key(mut self) -> Self {
        self.importance = Importance::Key;
        self
    }

    pub(super) fn plumbing(mut self) -> Self {
        self.importance = Importance::Plumbing;
        self
    }
}

/// One line of clean text, not too long.
pub(super) fn short(text: &str) -> String {
    let text = super::excerpt::clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= MAX_TEXT { text } else { text.chars().take(MAX_TEXT - 1).chain(['…']).collect() }
}

/// A fault in a line: what happened and where to read about it.
pub(super) fn fault(fault: &Fault) -> String {
    format!("{} ({})", fault.message, fault.code)
}

/// A whole step, all its attempts and looks together.
pub(super) fn step(clock: &Clock<'_>, span: &Span<'_>) -> Entry {
    let (outcome, tone) = ending(span);
    let mut entry = line(clock, span.records[0], EntryKind::Step, &span.started.title)
        .ended((outcome, tone))
        .detailed(details(span));
    entry.attempt = span.records.iter().rev().find_map(|record| record.attempt);
    entry.action = Some(span.started.action.clone());
    entry.target.clone_from(&span.started.target);
    entry.duration_us = span.duration_us();
    entry.covers = span.records.iter().map(|record| record.seq).collect();
    entry.refs = span.later.iter().map(|record| record.seq).collect();
    entry.command = command(span).filter(|command| *command != entry.summary && !command.is_empty());
    let ends_run = matches!(span.end, End::Finished(StepFinished { finish: Some(_), .. }));
    let is_key = tone != Tone::Good || outcome == phrase::step(StepEnd::Ok, true).0 || ends_run;
    if is_key { entry.key() } else { entry }
}

/// What was sent first, or held against what is known.
fn command(span: &Span<'_>) -> Option<String> {
    let evaluated = span.records.iter().filter_map(|record| match &record.event {
        Event::AssertEvaluated(evaluated) if span.started.action == "assert" => Some(evaluated.expression.as_str()),
        _ => None,
    });
    let expressions: Vec<&str> = evaluated.collect();
    let sent = span.first_intent().map(|intent| words::join(&intent.words));
    sent.or_else(|| (!expressions.is_empty()).then(|| expressions.join("; "))).map(|text| short(&text))
}

/// The word for how a step ended. Never a good one while something that it sent is in doubt.
fn ending(span: &Span<'_>) -> (&'static str, Tone) {
    match span.end {
        End::Finished(finished) => match finished.status {
            StepEnd::Ok if span.in_doubt() => (phrase::UNKNOWN, Tone::Doubt),
            status => phrase::step(status, finished.changed),
        },
        End::Interrupted { .. } if span.in_doubt() => (phrase::UNKNOWN, Tone::Doubt),
        End::Interrupted { .. } => (phrase::INTERRUPTED, Tone::Doubt),
        End::Open => (phrase::UNKNOWN, Tone::Doubt),
    }
}

fn details(span: &Span<'_>) -> Vec<String> {
    let mut parts = Vec::new();
    match span.end {
        End::Finished(finished) => {
            parts.extend(finished.fault.as_ref().map(fault));
            parts.extend(finished.finish.as_ref().map(|why| format!("ends the run: {why}")));
            if span.in_doubt() {
                parts.push("nobody knows whether its change happened".to_owned());
            }
        }
        End::Interrupted { .. } if span.in_doubt() => parts.push("cut off after something was sent".to_owned()),
        End::Interrupted { again: true } => parts.push("cut off, and begun anew".to_owned()),
        End::Interrupted { again: false } => parts.push("cut off".to_owned()),
        End::Open if span.in_doubt() => parts.push("sent, and no result was recorded".to_owned()),
        End::Open => parts.push("begun, and nothing more was recorded".to_owned()),
    }
    parts.extend(returned(span));
    parts.extend(looks(span));
    parts.extend(attempts(span));
    parts.extend(changed(span));
    parts.extend(operands(span));
    parts
}

/// What a look found, in a few words.
fn returned(span: &Span<'_>) -> Option<String> {
    match span.end {
        End::Finished(StepFinished { status: StepEnd::Ok, changed: false, result: Some(result), .. }) => {
            brief(result).map(|text| short(&text))
        }
        _ => None,
    }
}

fn looks(span: &Span<'_>) -> Option<String> {
    let looks = span.looks();
    (looks > 1).then(|| format!("looked {looks} times"))
}

fn attempts(span: &Span<'_>) -> Option<String> {
    let attempts = span.attempts();
    let before = span.earlier_faults();
    (attempts > 1).then(|| match before.first() {
        Some(first) => format!("{} attempt, before: {first}", phrase::ordinal(attempts)),
        None => format!("{} attempt", phrase::ordinal(attempts)),
    })
}

/// The first thing that a step changed, and how many more there were.
fn changed(span: &Span<'_>) -> Option<String> {
    let parts = span.parts();
    let applied: Vec<_> = parts.iter().filter(|part| part.known == Known::Applied).collect();
    let diff: Vec<_> =
        applied.iter().filter_map(|part| part.result).flat_map(|result| super::changes::flat(&result.diff)).collect();
    let count: u64 = applied.iter().filter_map(|part| part.intent).map(|intent| intent.count).sum();
    if let Some(first) = diff.first() {
        // A change of many things names only some of them.
        let more = (diff.len() as u64).max(count) - 1;
        let more = if more > 0 { format!(" and {} more", phrase::number(more)) } else { String::new() };
        return Some(format!("{}: {} → {}{more}", first.subject, first.before, first.after));
    }
    match applied.as_slice() {
        [] => None,
        [only] => only.captured.map(|captured| captured.subject.clone()),
        many => Some(format!("{} in {}", phrase::number(count), phrase::plural(many.len() as u64, "part", "parts"))),
    }
}

/// What an assertion that held was held against.
fn operands(span: &Span<'_>) -> Option<String> {
    let good = matches!(span.end, End::Finished(finished) if finished.status == StepEnd::Ok);
    let evaluated = span.records.iter().filter_map(|record| match &record.event {
        Event::AssertEvaluated(evaluated) if good && span.started.action == "assert" => Some(evaluated),
        _ => None,
    });
    let texts: Vec<String> = evaluated
        .flat_map(|evaluated| evaluated.operands.iter())
        .map(|(name, value)| format!("{} = {value}", name.strip_prefix("steps.").unwrap_or(name)))
        .take(3)
        .collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}
