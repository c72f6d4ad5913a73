//! Results and faults in a few words.

use playbook_core::event::{ActionResult, RollbackEnd, RollbackStep, SkipReason, StepSkipped};
use serde_json::Value;

/// A result in one line, if there is something worth saying.
pub(crate) fn brief(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::String(text) if text.is_empty() => Some("\"\"".into()),
        Value::String(text) => Some(one_line(text, 60)),
        Value::Array(items) => Some(format!("{} item{}", items.len(), if items.len() == 1 { "" } else { "s" })),
        Value::Object(map) => {
            let scalar = |value: &Value| !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null);
            if map.len() <= 4 && map.values().any(scalar) {
                let pairs: Vec<String> = map
                    .iter()
                    .filter(|(_, value)| scalar(value))
                    .map(|(key, value)| format!("{key} {}", brief(value).unwrap_or_default()))
                    .collect();
                return Some(one_line(&pairs.join(", "), 60));
            }
            None
        }
    }
}

/// Text cut to one line of at most `width` characters; control characters are shown as a dot.
pub(crate) fn one_line(text: &str, width: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
    if clean.chars().count() <= width {
        return clean;
    }
    clean.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

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
        RollbackEnd::Differs => format!("{} differ from before", things(end.differs.len() as u64)),
        RollbackEnd::Conflict => {
            format!("{} changed by someone else since; left as they are", things(end.conflicts.len() as u64))
        }
        RollbackEnd::Impossible => format!("cannot be taken back: {why}"),
        RollbackEnd::Unclear => why,
        RollbackEnd::Failed => format!("failed: {why}"),
    }
}
