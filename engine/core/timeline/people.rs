//! Where the time went: waiting for people, stopped, or at work.

use super::header::TimeSpent;
use super::rows::ApprovalRow;
use crate::event::{Event, Question, Record};

/// A stretch of the monotonic clock of one boot.
type Stretch = (u64, u64);

pub(super) fn time_spent(records: &[&Record], approvals: &[ApprovalRow]) -> TimeSpent {
    let records = until_end(records);
    let mut spent = TimeSpent { complete: true, ..TimeSpent::default() };
    for boot in records.chunk_by(|a, b| a.boot == b.boot) {
        let (Some(first), Some(last)) = (boot.first(), boot.last()) else { continue };
        let waiting = waiting(boot, approvals);
        let both: Vec<Stretch> = waiting.iter().copied().chain(stopped(boot)).collect();
        let idle = covered(both);
        let waiting = covered(waiting);
        let measured = last.mono_us.saturating_sub(first.mono_us);
        spent.measured_us += measured;
        spent.waiting_us += waiting;
        spent.stopped_us += idle - waiting;
        spent.hands_on_us += measured.saturating_sub(idle);
    }
    spent.complete = records.windows(2).all(|pair| pair[0].boot == pair[1].boot);
    spent
}

/// Notes that come after the end do not make a run longer.
fn until_end<'a, 'r>(records: &'a [&'r Record]) -> &'a [&'r Record] {
    let end = super::header::finished(records).map(|(record, _)| record.seq);
    match end.and_then(|seq| records.iter().position(|record| record.seq == seq)) {
        Some(at) => &records[..=at],
        None => records,
    }
}

/// From each question to what settled it. A `manual` step is a person at work, not a wait.
fn waiting(boot: &[&Record], approvals: &[ApprovalRow]) -> Vec<Stretch> {
    let at = |seq: u64| boot.iter().find(|record| record.seq == seq).map(|record| record.mono_us);
    let (Some(first), Some(last)) = (boot.first(), boot.last()) else { return Vec::new() };
    approvals
        .iter()
        .filter(|row| row.question != Question::Manual)
        .filter_map(|row| {
            let settled = row.answers.last().map(|answer| answer.seq);
            let overlaps = row.seq <= last.seq && settled.is_none_or(|seq| seq >= first.seq);
            let begin = at(row.seq).unwrap_or(first.mono_us);
            let end = settled.and_then(at).unwrap_or(last.mono_us);
            overlaps.then_some((begin, end))
        })
        .collect()
}

/// From the last sign of the process to the one that went on, or took it up again after its end.
fn stopped(boot: &[&Record]) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut alive: Option<&Record> = None;
    let mut ended = false;
    for &record in boot {
        match &record.event {
            // These can come from another process while the run is stopped.
            Event::NoteAdded(_) | Event::ApprovalDecided(_) | Event::LockBroken(_) | Event::Other(_) => continue,
            Event::RunResumed(_) => stretches.extend(alive.map(|alive| (alive.mono_us, record.mono_us))),
            _ if ended => stretches.extend(alive.map(|alive| (alive.mono_us, record.mono_us))),
            _ => {}
        }
        ended = matches!(record.event, Event::RunFinished(_));
        alive = Some(record);
    }
    stretches
}

/// How much of the clock the stretches cover together.
fn covered(mut stretches: Vec<Stretch>) -> u64 {
    stretches.sort_unstable();
    let mut total = 0;
    let mut reached = 0;
    for (begin, end) in stretches {
        let begin = begin.max(reached);
        total += end.saturating_sub(begin);
        reached = reached.max(end);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::covered;

    #[test]
    fn stretches_that_overlap_count_once() {
        assert_eq!(covered(vec![(10, 20), (15, 30), (40, 41), (12, 13)]), 21);
        assert_eq!(covered(Vec::new()), 0);
    }
}
