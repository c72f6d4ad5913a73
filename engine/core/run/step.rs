//! Where one step of a run stands.

use std::sync::Arc;

use serde_json::Value;

use crate::action::{Fault, UndoOrder};
use crate::event::{ActionIntent, ApprovalRequested, RollbackEnd, SkipReason, StateCaptured};
use crate::model::Digest;

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its turn has not come.
    Pending,
    /// A person is asked, or it is being found out what to ask.
    Asking,
    /// At work.
    Running,
    /// Between two attempts or looks, or waiting for time to pass; until then on the monotonic
    /// clock.
    Resting {
        /// Microseconds of the monotonic clock.
        due_us: u64,
    },
    /// The process ended between intent and result: to be probed.
    InDoubt,
    /// Probed, and nobody can tell: a person must.
    Doubtful,
    /// Its change was applied before the process ended; what came of it is still to be waited for,
    /// and judged.
    Settled,
    /// Ended well.
    Ok,
    /// Ended badly.
    Failed,
    /// Its time ran out.
    TimedOut,
    /// Told to stop.
    Cancelled,
    /// Nobody knows whether its change happened.
    Unknown,
    /// Not run.
    Skipped,
}

impl Status {
    /// Has it ended?
    pub fn is_over(self) -> bool {
        match self {
            Self::Ok | Self::Failed | Self::TimedOut | Self::Cancelled | Self::Unknown | Self::Skipped => true,
            Self::Pending
            | Self::Asking
            | Self::Running
            | Self::Resting { .. }
            | Self::InDoubt
            | Self::Doubtful
            | Self::Settled => false,
        }
    }

    /// Has it ended badly?
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Cancelled | Self::Unknown)
    }

    /// As expressions and people see it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Asking => "waiting",
            Self::Running => "running",
            Self::Resting { .. } => "retrying",
            Self::InDoubt | Self::Doubtful | Self::Settled => "in_doubt",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }
}

/// One part of a change: what was captured, what was sent, what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// Of which attempt.
    pub attempt: u32,
    /// The place, among all events of the run, of the latest that is known of it: its result, else
    /// its capture.
    pub seq: u64,
    /// What was captured.
    pub captured: StateCaptured,
    /// What was sent.
    pub intent: Option<ActionIntent>,
    /// What is known of the result.
    pub known: PartKnown,
    /// What the action returned, if this was its end and that was recorded.
    pub returned: Option<Value>,
}

/// What is known of the result of a part.
#[derive(Clone, Debug, PartialEq)]
pub enum PartKnown {
    /// Captured; nothing was sent.
    NotSent,
    /// Sent; no result was recorded.
    Sent,
    /// It was applied and left this.
    Applied(Value),
    /// It was certainly not applied, or changed nothing.
    NotApplied,
    /// Nobody can tell.
    Unclear,
}

impl Part {
    /// Would a rollback have to look at it?
    pub fn may_have_changed(&self) -> bool {
        let sent = matches!(self.known, PartKnown::Sent | PartKnown::Applied(_) | PartKnown::Unclear);
        let undoable = self.captured.order != UndoOrder::Nothing;
        sent && (undoable || super::rollback::impossible(self).is_some())
    }
}

/// A question and what was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct GateRun {
    /// The question.
    pub asked: ApprovalRequested,
    /// When, on the monotonic clock.
    pub since_us: u64,
    /// Its place among all events of the run.
    pub seq: u64,
    /// Who said yes.
    pub yes: Vec<String>,
    /// Enough did, or `--yes` did.
    pub open: bool,
    /// Someone said no, or nobody answered in time.
    pub refused: Option<String>,
}

/// Everything known of one step.
#[derive(Clone, Debug)]
pub struct StepRun {
    /// Where it stands.
    pub status: Status,
    /// Attempts begun.
    pub attempt: u32,
    /// Looks at an `until`.
    pub looks: u32,
    /// Does it rest between two looks, rather than two attempts?
    pub polling: bool,
    /// When its first attempt began, on the monotonic clock.
    pub first_us: Option<u64>,
    /// When its latest attempt began, on the monotonic clock.
    pub since_us: Option<u64>,
    /// All attempts together, once it is over.
    pub duration_us: u64,
    /// Did it change anything?
    pub changed: bool,
    /// What it returned.
    pub result: Option<Arc<Value>>,
    /// What went wrong.
    pub fault: Option<Fault>,
    /// Why it was skipped.
    pub skipped: Option<SkipReason>,
    /// Its changes, part by part, over all attempts.
    pub parts: Vec<Part>,
    /// Its gate.
    pub gate: Option<Box<GateRun>>,
    /// A question about its failure, or about a doubt.
    pub question: Option<Box<GateRun>>,
    /// What an approval said of it.
    pub covered: Option<Box<crate::event::Covered>>,
    /// How far its counts may move, as the approval said.
    pub tolerance: f64,
    /// The fingerprint that lapsed, if one did.
    pub lapsed: Option<Digest>,
    /// How its rollback went.
    pub rollback: Option<RollbackEnd>,
}

impl Default for StepRun {
    fn default() -> Self {
        Self {
            status: Status::Pending,
            attempt: 0,
            looks: 0,
            polling: false,
            first_us: None,
            since_us: None,
            duration_us: 0,
            changed: false,
            result: None,
            fault: None,
            skipped: None,
            parts: Vec::new(),
            gate: None,
            question: None,
            covered: None,
            tolerance: 0.0,
            lapsed: None,
            rollback: None,
        }
    }
}

impl StepRun {
    /// The number of the attempt that would begin now.
    pub fn next_attempt(&self) -> u32 {
        if self.polling { self.attempt.max(1) } else { self.attempt + 1 }
    }

    /// The subjects of what was applied of an action that has not come to its end.
    pub fn begun(&self) -> Vec<String> {
        let mut begun = Vec::new();
        for part in self.parts.iter().filter(|part| !part.captured.for_rollback) {
            let applied = matches!(part.known, PartKnown::Applied(_));
            if part.captured.last && (applied || part.returned.is_some()) {
                begun.clear();
            } else if applied {
                begun.push(part.captured.subject.clone());
            }
        }
        begun
    }

    /// A change was sent and its result never recorded?
    pub fn has_open_intent(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.known, PartKnown::Sent))
    }

    /// The part that ended the latest attempt, if it was applied.
    pub fn ended_by(&self) -> Option<&Part> {
        let last = self.parts.iter().rev().find(|part| !part.captured.for_rollback)?;
        let applied = matches!(last.known, PartKnown::Applied(_)) || last.returned.is_some();
        (last.captured.last && last.attempt == self.attempt && applied).then_some(last)
    }

    /// Its changes that go on at the target after they were made.
    pub fn settling(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| {
            let applied = matches!(part.known, PartKnown::Applied(_)) || part.returned.is_some();
            part.captured.settles && applied
        })
    }

    /// Did any part of it change anything, as far as is known?
    pub fn applied_anything(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.known, PartKnown::Applied(_)))
    }
}
