//! Assertions, failures, notes and steps, as tables.

use std::collections::BTreeMap;

use super::excerpt::excerpt;
use super::phrase;
use super::rows::{AssertionRow, FailureRow, NoteRow, StepRow};
use super::span::{End, Span, Spans};
use crate::event::{Choice, Event, Record, StepEnd, StepFinished};
use crate::model::StepId;

/// Looks at the same expression by the same span are one row.
pub(super) fn assertions(spans: &Spans<'_>) -> Vec<AssertionRow> {
    let mut rows: Vec<AssertionRow> = Vec::new();
    for span in &spans.list {
        let begun = rows.len();
        for record in &span.records {
            let Event::AssertEvaluated(evaluated) = &record.event else { continue };
            let samples = match rows[begun..].iter().position(|row| row.expression == evaluated.expression) {
                Some(at) => rows.remove(begun + at).samples + 1,
                None => 1,
            };
            rows.push(AssertionRow {
                seq: record.seq,
                at: record.time.clone(),
                step: record.step.clone(),
                expression: evaluated.expression.clone(),
                operands: evaluated.operands.clone(),
                pass: evaluated.pass,
                samples,
                level: evaluated.level,
                message: evaluated.message.clone(),
            });
        }
    }
    rows
}

/// Steps that ended badly by themselves, and steps that never ended.
pub(super) fn failures(records: &[&Record], spans: &Spans<'_>) -> Vec<FailureRow> {
    let failed = spans.list.iter().filter_map(|span| match span.end {
        End::Finished(finished) => is_failure(finished).then(|| failure(span, finished, records)),
        End::Open => Some(open(span)),
        End::Interrupted { .. } => span.in_doubt().then(|| open(span)),
    });
    failed.collect()
}

fn is_failure(finished: &StepFinished) -> bool {
    match finished.status {
        StepEnd::Ok | StepEnd::Cancelled => false,
        StepEnd::Failed | StepEnd::TimedOut | StepEnd::Unknown => true,
    }
}

fn failure(span: &Span<'_>, finished: &StepFinished, records: &[&Record]) -> FailureRow {
    let last = span.records.last().map_or(0, |record| record.seq);
    let time = span.records.last().map(|record| record.time.clone()).unwrap_or_default();
    FailureRow {
        seq: last,
        at: time,
        step: Some(span.step.clone()),
        title: span.started.title.clone(),
        outcome: phrase::step(finished.status, finished.changed).0.to_owned(),
        fault: finished.fault.clone(),
        handled: handled(span.step, last, records),
        excerpt: finished.result.as_ref().and_then(excerpt),
        result_blob: finished.result_blob,
    }
}

fn open(span: &Span<'_>) -> FailureRow {
    FailureRow {
        seq: span.seq(),
        at: span.records[0].time.clone(),
        step: Some(span.step.clone()),
        title: span.started.title.clone(),
        outcome: phrase::UNKNOWN.to_owned(),
        fault: None,
        handled: None,
        excerpt: None,
        result_blob: None,
    }
}

fn handled(step: &StepId, after: u64, records: &[&Record]) -> Option<(Choice, crate::event::Actor)> {
    let of_step = records.iter().filter(|record| record.seq > after && record.step.as_ref() == Some(step));
    // Another attempt by its own means that nothing was decided about this one.
    let mut until = of_step.take_while(|record| !matches!(record.event, Event::StepStarted(_)));
    until.find_map(|record| match &record.event {
        Event::FailureHandled(handled) => Some((handled.choice, record.actor.clone())),
        _ => None,
    })
}

pub(super) fn notes(records: &[&Record]) -> Vec<NoteRow> {
    let notes = records.iter().filter_map(|record| match &record.event {
        Event::NoteAdded(note) => Some(NoteRow {
            seq: record.seq,
            time: record.time.clone(),
            occurred_at: record.occurred_at.clone(),
            actor: record.actor.clone(),
            step: record.step.clone(),
            text: note.text.clone(),
        }),
        _ => None,
    });
    notes.collect()
}

/// One row per step, in the order in which they first came up.
pub(super) fn steps(records: &[&Record], spans: &Spans<'_>) -> Vec<StepRow> {
    let mut order: Vec<&StepId> = Vec::new();
    let mut rows: BTreeMap<&StepId, StepRow> = BTreeMap::new();
    for record in records {
        let Some(step) = &record.step else { continue };
        if !is_about_a_step(&record.event) {
            continue;
        }
        let row = rows.entry(step).or_insert_with(|| {
            order.push(step);
            blank(step)
        });
        match &record.event {
            Event::StepSkipped(skipped) => {
                row.title.get_or_insert_with(|| skipped.title.clone());
                "skipped".clone_into(&mut row.status);
            }
            Event::ApprovalRequested(asked) => {
                row.title.get_or_insert_with(|| asked.ask.clone());
                "waiting".clone_into(&mut row.status);
            }
            Event::NoteAdded(note) => {
                row.title.get_or_insert_with(|| note.text.clone());
            }
            Event::StepFinished(finished) if spans.of(record.seq).is_none() => {
                phrase::step(finished.status, finished.changed).0.clone_into(&mut row.status);
            }
            _ => {}
        }
        if let Some(span) = spans.of(record.seq).filter(|span| span.seq() == record.seq) {
            begun(row, span);
        }
    }
    order.into_iter().filter_map(|step| rows.remove(step)).collect()
}

fn is_about_a_step(event: &Event) -> bool {
    matches!(
        event,
        Event::StepStarted(_)
            | Event::StepSkipped(_)
            | Event::StepFinished(_)
            | Event::ApprovalRequested(_)
            | Event::NoteAdded(_)
    )
}

fn blank(step: &StepId) -> StepRow {
    StepRow {
        id: step.clone(),
        title: None,
        action: None,
        target: None,
        place: None,
        status: phrase::UNKNOWN.to_owned(),
        attempts: 0,
        looks: 0,
        duration_us: None,
    }
}

fn begun(row: &mut StepRow, span: &Span<'_>) {
    row.title = Some(span.started.title.clone());
    row.action = Some(span.started.action.clone());
    row.target.clone_from(&span.started.target);
    row.place = Some(span.started.place.clone());
    row.attempts += span.attempts();
    row.looks += span.looks();
    row.duration_us = span.duration_us();
    let status = match span.end {
        End::Finished(finished) => phrase::step(finished.status, finished.changed).0,
        End::Interrupted { .. } if !span.in_doubt() => phrase::INTERRUPTED,
        End::Interrupted { .. } | End::Open => phrase::UNKNOWN,
    };
    status.clone_into(&mut row.status);
}
