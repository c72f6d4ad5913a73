//! Results and faults in a few words.

use playbook_core::brief::one_line;
use playbook_core::event::{ActionResult, RollbackEnd, RollbackStep, SkipReason, StepSkipped};

/// A number with commas between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// What a part of a change did.
pub(super) fn difference(done: &ActionResult) -> Option<String> {
    let first = done.diff.iter().find(|change| !change.is_noop())?;
    let more = done.diff.len() - 1;
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(one_line(&format!("{}{tail}", first.line()), 90))
}

/// Why a step was skipped.
pub(super) fn skipped(skipped: &StepSkipped) -> String {
    match skipped.reason {
        SkipReason::Condition => format!("not needed: {}", skipped.detail),
        SkipReason::FailedDependency => format!("{} failed", skipped.detail),
        SkipReason::RunEnded => format!("the run had ended: {}", skipped.detail),
        SkipReason::Person => "skipped".to_owned(),
    }
}

/// How the rollback of a step went.
pub(super) fn rolled_back(end: &RollbackStep) -> String {
    let why = end.why.clone().or_else(|| end.fault.as_ref().map(|fault| fault.message.clone())).unwrap_or_default();
    let things = |n: u64| format!("{} thing{}", grouped(n), if n == 1 { "" } else { "s" });
    match end.outcome {
        RollbackEnd::Restored => format!("restored {}, verified", things(end.restored)),
        RollbackEnd::Stated => "taken back by its own steps, which proved it".into(),
        RollbackEnd::Unproven => format!("its own steps ran; {why}"),
        RollbackEnd::Nothing => "nothing to take back".into(),
        RollbackEnd::Differs => {
            let count = end.differs.len();
            format!("{} differ{} from before", things(count as u64), if count == 1 { "s" } else { "" })
        }
        RollbackEnd::Conflict => {
            format!("{} changed by someone else since; left as they are", things(end.conflicts.len() as u64))
        }
        RollbackEnd::Impossible => format!("cannot be taken back: {why}"),
        RollbackEnd::Unclear => why,
        RollbackEnd::Failed => format!("failed: {why}"),
    }
}
