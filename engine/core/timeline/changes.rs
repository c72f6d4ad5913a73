//! What each step changed: before, after, and whether it was taken back.

use super::rows::{ChangeRow, ChangeState, DiffLine, RollbackRow};
use super::span::{Known, Part, Span, Spans};
use crate::event::RollbackEnd;
use crate::model::StepId;
use crate::plan::Change;
use crate::words;

pub(super) fn changes(spans: &Spans<'_>, rollbacks: &[RollbackRow]) -> Vec<ChangeRow> {
    spans.list.iter().filter_map(|span| row(span, rollbacks)).collect()
}

fn row(span: &Span<'_>, rollbacks: &[RollbackRow]) -> Option<ChangeRow> {
    let parts: Vec<Part<'_>> =
        span.parts().into_iter().filter(|part| !part.captured.is_some_and(|captured| captured.for_rollback)).collect();
    let sent: Vec<&Part<'_>> = parts.iter().filter(|part| part.intent.is_some_and(|intent| intent.mutating)).collect();
    let intent = sent.first()?.intent?;
    let captured: Vec<_> = parts.iter().filter_map(|part| part.captured).collect();
    let state = state(&sent);
    let first = span
        .records
        .iter()
        .find(|record| matches!(&record.event, crate::event::Event::ActionIntent(i) if i.mutating))?;
    Some(ChangeRow {
        seq: first.seq,
        at: first.time.clone(),
        step: span.step.clone(),
        target: intent.target.clone().or_else(|| span.started.target.clone()),
        command: words::join(&intent.words),
        class: Some(intent.class.clone()),
        subject: captured.first().map(|captured| captured.subject.clone()),
        diff: sent.iter().filter_map(|part| part.result).flat_map(|result| flat(&result.diff)).collect(),
        parts: sent.len() as u32,
        count: sent.iter().filter_map(|part| part.intent).map(|intent| intent.count).sum(),
        captured_bytes: captured.iter().map(|captured| captured.bytes).sum(),
        state,
        rolled_back: if state == ChangeState::NotApplied { None } else { undone(span.step, first.seq, rollbacks) },
    })
}

fn state(sent: &[&Part<'_>]) -> ChangeState {
    if sent.iter().any(|part| part.known == Known::Unknown) {
        ChangeState::Unknown
    } else if sent.iter().any(|part| part.known == Known::Applied) {
        ChangeState::Applied
    } else {
        ChangeState::NotApplied
    }
}

/// The last word on the rollback of a step, after its change.
fn undone(step: &StepId, seq: u64, rollbacks: &[RollbackRow]) -> Option<RollbackEnd> {
    rollbacks
        .iter()
        .filter(|rollback| rollback.seq > seq)
        .filter_map(|rollback| rollback.steps.iter().find(|row| row.step == *step)?.outcome)
        .next_back()
}

/// Changes and their parts as a list; the subject of a part names its whole.
pub(super) fn flat(changes: &[Change]) -> Vec<DiffLine> {
    let mut lines = Vec::new();
    for change in changes {
        add(change, "", &mut lines);
    }
    lines
}

fn add(change: &Change, whole: &str, lines: &mut Vec<DiffLine>) {
    let subject = if whole.is_empty() { change.subject.clone() } else { format!("{whole} {}", change.subject) };
    if change.parts.is_empty() || change.before != change.after {
        let (before, after) = change.shown();
        lines.push(DiffLine { subject: subject.clone(), before, after });
    }
    for part in &change.parts {
        add(part, &subject, lines);
    }
}
