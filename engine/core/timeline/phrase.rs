//! One word for one thing: how events are called in timelines, whatever they are exported to.

use crate::event::{Choice, Decision, Outcome, Question, RollbackEnd, SkipReason, StepEnd};

use super::entry::Tone;
use super::rows::{ApprovalState, ChangeState};

/// For everything that was begun and of which nobody knows how it ended.
pub const UNKNOWN: &str = "outcome unknown";
/// For a step that was cut off before it sent anything that could matter.
pub const INTERRUPTED: &str = "interrupted";

/// How a run ended.
pub fn outcome(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::Succeeded => ("succeeded", Tone::Good),
        Outcome::FinishedEarly => ("finished early", Tone::Good),
        Outcome::Failed => ("failed", Tone::Bad),
        Outcome::RolledBack => ("rolled back", Tone::Bad),
        Outcome::PartlyRolledBack => ("partly rolled back", Tone::Bad),
        Outcome::Refused => ("refused", Tone::Bad),
        Outcome::Cancelled => ("cancelled", Tone::Bad),
    }
}

/// How a step ended.
pub fn step(end: StepEnd, changed: bool) -> (&'static str, Tone) {
    match end {
        StepEnd::Ok if changed => ("changed", Tone::Good),
        StepEnd::Ok => ("ok", Tone::Good),
        StepEnd::Failed => ("failed", Tone::Bad),
        StepEnd::TimedOut => ("timed out", Tone::Bad),
        StepEnd::Cancelled => ("cancelled", Tone::Bad),
        StepEnd::Unknown => (UNKNOWN, Tone::Doubt),
    }
}

/// How the rollback of a step went.
pub fn rollback(end: RollbackEnd) -> (&'static str, Tone) {
    match end {
        RollbackEnd::Restored => ("restored", Tone::Good),
        RollbackEnd::Stated => ("rolled back as stated", Tone::Good),
        RollbackEnd::Unproven => ("rolled back, unproven", Tone::Doubt),
        RollbackEnd::Nothing => ("nothing to undo", Tone::Good),
        RollbackEnd::Differs => ("differs", Tone::Bad),
        RollbackEnd::Conflict => ("conflict", Tone::Bad),
        RollbackEnd::Impossible => ("cannot be undone", Tone::Bad),
        RollbackEnd::Unclear => ("left, outcome unknown", Tone::Doubt),
        RollbackEnd::Failed => ("rollback failed", Tone::Bad),
    }
}

/// What was answered.
pub fn decision(decision: Decision) -> (&'static str, Tone) {
    match decision {
        Decision::Approved => ("approved", Tone::Good),
        Decision::Rejected => ("rejected", Tone::Bad),
        Decision::Expired => ("expired", Tone::Bad),
        Decision::Bypassed => ("bypassed", Tone::Plain),
        Decision::Happened => ("it happened", Tone::Plain),
        Decision::DidNotHappen => ("it did not happen", Tone::Plain),
    }
}

/// What was chosen.
pub fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::Retry => "retry",
        Choice::Skip => "skip",
        Choice::Rollback => "roll back",
        Choice::Stop => "stop",
        Choice::Continue => "go on",
    }
}

/// What kind of question.
pub fn question(question: Question) -> &'static str {
    match question {
        Question::Confirm => "confirmation",
        Question::Approval => "approval",
        Question::Manual => "manual step",
        Question::Failure => "failure",
        Question::Doubt => "doubt",
        Question::Cancelled => "cancellation",
    }
}

/// Why a step was not run, with the detail that was recorded.
pub fn skipped(reason: SkipReason, detail: &str) -> String {
    match reason {
        SkipReason::Condition => format!("not true: {detail}"),
        SkipReason::FailedDependency => format!("it needs {detail}, which failed"),
        SkipReason::RunEnded => format!("the run had ended: {detail}"),
        SkipReason::Person if detail.is_empty() => "a person said so".to_owned(),
        SkipReason::Person => format!("a person said so: {detail}"),
    }
}

/// Where a question stands.
pub fn approval(state: ApprovalState) -> (&'static str, Tone) {
    match state {
        ApprovalState::Waiting => ("waiting", Tone::Doubt),
        ApprovalState::Approved => ("approved", Tone::Good),
        ApprovalState::Rejected => ("rejected", Tone::Bad),
        ApprovalState::Expired => ("expired", Tone::Bad),
        ApprovalState::Bypassed => ("bypassed", Tone::Plain),
        ApprovalState::Answered => ("answered", Tone::Plain),
        ApprovalState::Lapsed => ("lapsed", Tone::Bad),
        ApprovalState::AskedAgain => ("asked again", Tone::Plain),
        ApprovalState::Unanswered => ("unanswered", Tone::Bad),
    }
}

/// What is known of a change.
pub fn change(state: ChangeState) -> (&'static str, Tone) {
    match state {
        ChangeState::Applied => ("changed", Tone::Good),
        ChangeState::NotApplied => ("not changed", Tone::Plain),
        ChangeState::Unknown => (UNKNOWN, Tone::Doubt),
    }
}

/// `41,208`.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 part`, `41,208 parts`.
pub fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// `1st`, `2nd`, `13th`.
pub fn ordinal(count: u32) -> String {
    let ending = match (count % 100, count % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{count}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_counted() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(plural(1, "key", "keys"), "1 key");
        assert_eq!([1, 2, 3, 4, 11, 12, 21, 112].map(ordinal).join(" "), "1st 2nd 3rd 4th 11th 12th 21st 112th");
    }
}
