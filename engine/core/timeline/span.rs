//! The records of one step put together: from its first attempt to its end, polls and retries
//! included, across a crash where it went on.
//!
//! Invariant: a record belongs to at most one span; what belongs to none is told by itself.

use std::collections::{BTreeMap, HashMap};

use crate::action::Happened;
use crate::event::{
    ActionIntent, ActionResult, Decision, Event, ProbeVerdict, Record, StateCaptured, StepFinished, StepStarted,
};
use crate::model::StepId;

/// How the records of a span end.
#[derive(Clone, Copy, Debug)]
pub(super) enum End<'r> {
    /// The step ended.
    Finished(&'r StepFinished),
    /// The process ended, and another went on with the run.
    Interrupted {
        /// Did the step begin anew?
        again: bool,
    },
    /// Nothing more was recorded.
    Open,
}

/// What is known of one part of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Captured; nothing was sent.
    NotSent,
    /// Sent; nobody knows what came of it.
    Unknown,
    /// It changed something.
    Applied,
    /// It certainly changed nothing.
    NotApplied,
}

/// One part of a change.
#[derive(Clone, Debug)]
pub(super) struct Part<'r> {
    pub(super) number: u32,
    pub(super) captured: Option<&'r StateCaptured>,
    pub(super) intent: Option<&'r ActionIntent>,
    pub(super) result: Option<&'r ActionResult>,
    pub(super) known: Known,
}

/// The records of one step from its start to its end.
#[derive(Debug)]
pub(super) struct Span<'r> {
    pub(super) step: &'r StepId,
    pub(super) started: &'r StepStarted,
    pub(super) records: Vec<&'r Record>,
    pub(super) end: End<'r>,
    /// Later findings about its parts, told by entries of their own.
    pub(super) later: Vec<&'r Record>,
    /// Is it between two attempts or looks?
    resting: bool,
    /// Did the run go on after a stop while it was open?
    cut: bool,
}

/// All spans of a run, and which records belong to which.
#[derive(Debug, Default)]
pub(super) struct Spans<'r> {
    pub(super) list: Vec<Span<'r>>,
    owner: HashMap<u64, usize>,
    open: BTreeMap<&'r str, usize>,
}

impl<'r> Spans<'r> {
    /// The span that a record belongs to.
    pub(super) fn of(&self, seq: u64) -> Option<&Span<'r>> {
        self.owner.get(&seq).map(|&at| &self.list[at])
    }

    fn begin(&mut self, record: &'r Record, step: &'r StepId, started: &'r StepStarted) {
        if let Some(&at) = self.open.get(step.as_str()) {
            if self.list[at].resting {
                (self.list[at].resting, self.list[at].cut) = (false, false);
                return self.add(at, record);
            }
            self.list[at].end = End::Interrupted { again: true };
        }
        let at = self.list.len();
        self.open.insert(step.as_str(), at);
        self.list.push(Span {
            step,
            started,
            records: Vec::new(),
            end: End::Open,
            later: Vec::new(),
            resting: false,
            cut: false,
        });
        self.add(at, record);
    }

    fn add(&mut self, at: usize, record: &'r Record) {
        self.owner.insert(record.seq, at);
        self.list[at].records.push(record);
    }

    fn close(&mut self, record: &'r Record, step: &'r StepId, end: End<'r>) {
        if let Some(at) = self.open.remove(step.as_str()) {
            self.add(at, record);
            self.list[at].end = end;
        }
    }

    fn latest_of(&mut self, step: &StepId) -> Option<&mut Span<'r>> {
        self.list.iter_mut().rev().find(|span| span.step == step)
    }
}

/// Puts the records of steps together.
pub(super) fn spans<'r>(records: &[&'r Record]) -> Spans<'r> {
    let mut spans = Spans::default();
    for &record in records {
        if matches!(record.event, Event::RunResumed(_)) {
            spans.list.iter_mut().filter(|span| matches!(span.end, End::Open)).for_each(|span| span.cut = true);
        }
        let Some(step) = &record.step else { continue };
        let open = spans.open.get(step.as_str()).copied();
        match &record.event {
            Event::StepStarted(started) => spans.begin(record, step, started),
            Event::StepFinished(finished) => spans.close(record, step, End::Finished(finished)),
            Event::StepInterrupted(_) => spans.close(record, step, End::Interrupted { again: false }),
            Event::StepRetry(_) => {
                if let Some(at) = open {
                    spans.add(at, record);
                    spans.list[at].resting = true;
                }
            }
            Event::ActionPlanned(_)
            | Event::StateCaptured(_)
            | Event::ActionIntent(_)
            | Event::ActionResult(_)
            | Event::AssertEvaluated(_) => {
                if let Some(at) = open {
                    spans.add(at, record);
                }
            }
            Event::ActionProbed(_) => match open {
                Some(at) => spans.add(at, record),
                None => spans.latest_of(step).into_iter().for_each(|span| span.later.push(record)),
            },
            Event::ApprovalDecided(decided)
                if matches!(decided.decision, Decision::Happened | Decision::DidNotHappen) =>
            {
                spans.latest_of(step).into_iter().for_each(|span| span.later.push(record));
            }
            _ => {}
        }
    }
    for span in spans.list.iter_mut().filter(|span| span.cut && matches!(span.end, End::Open)) {
        span.end = End::Interrupted { again: false };
    }
    spans
}

impl<'r> Span<'r> {
    /// The number of its first record.
    pub(super) fn seq(&self) -> u64 {
        self.records[0].seq
    }

    /// Its attempts.
    pub(super) fn attempts(&self) -> u32 {
        let retries = self.records.iter().filter(|r| matches!(&r.event, Event::StepRetry(retry) if !retry.poll));
        1 + retries.count() as u32
    }

    /// How often an `until` was looked at; 0 if there was none.
    pub(super) fn looks(&self) -> u32 {
        let polls = self.records.iter().filter(|r| matches!(&r.event, Event::StepRetry(retry) if retry.poll)).count();
        if polls == 0 || self.started.action == "wait" { 0 } else { 1 + polls as u32 }
    }

    /// What was wrong with earlier attempts, each thing once.
    pub(super) fn earlier_faults(&self) -> Vec<&'r str> {
        let mut seen = Vec::new();
        for record in &self.records {
            if let Event::StepRetry(retry) = &record.event {
                let fault = retry.fault.as_ref().filter(|_| !retry.poll).map(|fault| fault.message.as_str());
                seen.extend(fault.filter(|message| !seen.contains(message)));
            }
        }
        seen
    }

    /// What was sent first, if anything was.
    pub(super) fn first_intent(&self) -> Option<&'r ActionIntent> {
        self.records.iter().find_map(|record| match &record.event {
            Event::ActionIntent(intent) => Some(&**intent),
            _ => None,
        })
    }

    /// Are all its records of one boot, so that lengths of time mean something?
    pub(super) fn one_boot(&self) -> bool {
        self.records.windows(2).all(|pair| pair[0].boot == pair[1].boot)
    }

    /// How long it took, if it ended and the machine did not restart in between.
    pub(super) fn duration_us(&self) -> Option<u64> {
        match self.end {
            End::Finished(finished) if self.one_boot() => Some(finished.duration_us),
            End::Finished(_) | End::Interrupted { .. } | End::Open => None,
        }
    }

    /// Was something sent of which nobody knows whether it happened?
    pub(super) fn in_doubt(&self) -> bool {
        self.parts().iter().any(|part| part.known == Known::Unknown)
    }

    /// The parts of its change, over all attempts, with what is known of them now.
    pub(super) fn parts(&self) -> Vec<Part<'r>> {
        let mut parts: Vec<Part<'r>> = Vec::new();
        let blank = |number| Part { number, captured: None, intent: None, result: None, known: Known::NotSent };
        for record in self.records.iter().chain(&self.later) {
            match &record.event {
                Event::StateCaptured(captured) => {
                    parts.push(Part { captured: Some(captured), ..blank(captured.part) });
                }
                Event::ActionIntent(intent) if intent.part > 0 || intent.mutating => {
                    let waits = |part: &&mut Part<'_>| part.number == intent.part && part.intent.is_none();
                    if let Some(part) = parts.iter_mut().rev().find(waits) {
                        part.intent = Some(intent);
                        part.known = Known::Unknown;
                    } else {
                        parts.push(Part { intent: Some(intent), known: Known::Unknown, ..blank(intent.part) });
                    }
                }
                Event::ActionResult(result) => {
                    if let Some(part) = parts.iter_mut().rev().find(|part| part.number == result.part) {
                        part.result = Some(result);
                        part.known = known(result);
                    }
                }
                Event::ActionProbed(probed) => {
                    if let Some(part) = parts.iter_mut().rev().find(|part| part.number == probed.part) {
                        part.known = match probed.verdict {
                            ProbeVerdict::Done => Known::Applied,
                            ProbeVerdict::NotDone => Known::NotApplied,
                            ProbeVerdict::Unclear => Known::Unknown,
                        };
                    }
                }
                Event::ApprovalDecided(decided) => {
                    let known = if decided.decision == Decision::Happened { Known::Applied } else { Known::NotApplied };
                    parts.iter_mut().filter(|part| part.known == Known::Unknown).for_each(|part| part.known = known);
                }
                _ => {}
            }
        }
        parts
    }
}

fn known(result: &ActionResult) -> Known {
    match &result.fault {
        Some(fault) if fault.happened == Happened::Unclear => Known::Unknown,
        Some(_) | None if result.changed => Known::Applied,
        Some(_) | None => Known::NotApplied,
    }
}
