//! What `kubectl wait --for=…` waits for, of one object as it is. Pure.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::Value;

use crate::kubernetes::jsonpath::Path;
use crate::kubernetes::line::model::Wanted;

/// What is waited for, ready to be asked.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::kubernetes) enum Goal {
    /// That it is gone.
    Gone,
    /// That it is there.
    There,
    /// That a condition of its status has a value.
    Condition(String, String),
    /// That a path leads to a value, or to anything.
    At(Path, String, Option<String>),
}

impl Goal {
    /// Reads the path, where there is one.
    ///
    /// # Errors
    /// What of the path is not understood.
    pub(in crate::kubernetes) fn of(wanted: &Wanted) -> Result<Self, String> {
        Ok(match wanted {
            Wanted::Delete => Self::Gone,
            Wanted::Create => Self::There,
            Wanted::Condition(name, value) => Self::Condition(name.clone(), value.clone()),
            Wanted::JsonPath(path, value) => Self::At(Path::read(path)?, path.clone(), value.clone()),
        })
    }

    /// Is it so? If not, how it is, in words that go on after the object's name. Values of Secrets are
    /// not told.
    ///
    /// # Errors
    /// When a path leads to something that has no value to compare.
    pub(in crate::kubernetes) fn reached(&self, kind: &str, object: Option<&Value>) -> Result<Option<String>, Fault> {
        Ok(match (self, object) {
            (Self::Gone, None) | (Self::There, Some(_)) => None,
            (Self::Gone, Some(_)) => Some("is still there".into()),
            (_, None) => Some("is not there".into()),
            (Self::Condition(name, value), Some(object)) => condition(name, value, object),
            (Self::At(path, text, value), Some(object)) => at(path, text, value.as_deref(), object, kind == "Secret")?,
        })
    }
}

fn condition(name: &str, wanted: &str, object: &Value) -> Option<String> {
    let all = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(found) = all.into_iter().find(|it| text(it, "type").eq_ignore_ascii_case(name)) else {
        return Some(format!("has no condition {name}"));
    };
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
    let seen = found.get("observedGeneration").or_else(|| object.pointer("/status/observedGeneration"));
    if seen.and_then(Value::as_i64).is_some_and(|seen| generation.is_some_and(|now| seen < now)) {
        return Some("has changed, and its controller has not looked at it yet".into());
    }
    let now = text(found, "status");
    if now.eq_ignore_ascii_case(wanted) {
        return None;
    }
    let why: Vec<String> =
        ["reason", "message"].map(|field| text(found, field)).into_iter().filter(|text| !text.is_empty()).collect();
    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(": ")) };
    Some(format!("has the condition {name}={now}, not {wanted}{why}"))
}

fn at(path: &Path, text: &str, wanted: Option<&str>, object: &Value, hidden: bool) -> Result<Option<String>, Fault> {
    let found = path.find(object);
    let Some(wanted) = wanted else {
        return Ok(found.is_empty().then(|| format!("has nothing at {text}")));
    };
    let wrong = |what: String| {
        Fault::new(FaultKind::Invalid, Code::ServerError, what).help("wait for one text, number or boolean")
    };
    let now = match found.as_slice() {
        [] => return Ok(Some(format!("has nothing at {text}"))),
        [Value::Object(_) | Value::Array(_)] => return Err(wrong(format!("{text} leads to a list or a map"))),
        [Value::String(now)] => now.clone(),
        [now] => now.to_string(),
        more => return Err(wrong(format!("{text} leads to {} values", more.len()))),
    };
    let same = now.trim() == wanted.trim();
    let now = if hidden { "something else" } else { now.trim() };
    Ok((!same).then(|| format!("has {now} at {text}, not {wanted}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn says(wanted: &Wanted, object: Option<&Value>) -> Option<String> {
        Goal::of(wanted).unwrap().reached("Pod", object).unwrap()
    }

    #[test]
    fn a_condition_counts_only_if_it_is_of_this_generation() {
        let object = |seen: i64, status: &str| json!({"metadata": {"generation": 2}, "status": {"observedGeneration": seen, "conditions": [{"type": "Available", "status": status}]}});
        let wanted = Wanted::Condition("available".into(), "true".into());
        assert_eq!(says(&wanted, Some(&object(2, "True"))), None);
        assert!(says(&wanted, Some(&object(1, "True"))).unwrap().contains("not looked"));
        assert!(says(&wanted, Some(&object(2, "False"))).unwrap().contains("=False, not true"));
        assert!(says(&wanted, Some(&json!({}))).unwrap().contains("no condition"));
        assert!(says(&wanted, None).unwrap().contains("not there"));
    }

    #[test]
    fn being_there_and_being_gone_are_opposites() {
        let there = json!({});
        assert_eq!((says(&Wanted::Delete, None), says(&Wanted::Create, Some(&there))), (None, None));
        assert!(says(&Wanted::Delete, Some(&there)).is_some() && says(&Wanted::Create, None).is_some());
    }

    #[test]
    fn a_path_is_compared_as_text() {
        let object = json!({"status": {"phase": "Running", "replicas": 3, "all": [1, 2]}});
        let path = |path: &str, value: Option<&str>| Wanted::JsonPath(path.into(), value.map(str::to_owned));
        assert_eq!(says(&path("{.status.phase}", Some("Running")), Some(&object)), None);
        assert_eq!(says(&path("{.status.replicas}", Some("3")), Some(&object)), None);
        assert_eq!(says(&path("{.status.phase}", None), Some(&object)), None);
        assert!(says(&path("{.status.phase}", Some("Pending")), Some(&object)).unwrap().contains("has Running"));
        assert!(says(&path("{.status.ip}", None), Some(&object)).unwrap().contains("nothing at"));
        let goal = Goal::of(&path("{.status.phase}", Some("x"))).unwrap();
        assert!(!goal.reached("Secret", Some(&object)).unwrap().unwrap().contains("Running"));
        for bad in ["{.status.all}", "{.status.all[*]}"] {
            assert!(Goal::of(&path(bad, Some("1"))).unwrap().reached("Pod", Some(&object)).is_err(), "{bad}");
        }
    }
}
