//! Fields of a manifest that the server does not know, and drops without a word: typos.
//!
//! Servers with field validation refuse them. Others leave them out of their answer, and there they are
//! missed. Invariant: what a server may leave out because it says nothing (`false`, `0`, an empty list) is
//! never missed.

use serde_json::Value;

use super::work::Item;

/// What is told of them; nothing if there are none, or if nobody can tell.
pub(super) fn told(item: &Item, answer: &Value) -> Option<String> {
    let Item::Make(_, manifest) = item else { return None };
    let mut all = Vec::new();
    if answer.is_object() {
        missed(manifest, answer, &mut Vec::new(), &mut all);
    }
    (!all.is_empty()).then(|| format!("unknown to the server, and dropped: {}", all.join(", ")))
}

fn missed(asked: &Value, taken: &Value, path: &mut Vec<String>, all: &mut Vec<String>) {
    match (asked, taken) {
        (Value::Object(asked), Value::Object(taken)) => {
            for (name, value) in asked {
                // Nothing that is made has these: the server fills in status, and encodes stringData.
                if path.is_empty() && (name == "status" || name == "stringData") {
                    continue;
                }
                path.push(name.clone());
                match taken.get(name) {
                    Some(taken) => missed(value, taken, path, all),
                    None if says_nothing(value) => {}
                    None => all.push(path.join(".")),
                }
                path.pop();
            }
        }
        (Value::Array(asked), Value::Array(taken)) => {
            for (at, value) in asked.iter().enumerate() {
                let name = value.get("name").and_then(Value::as_str);
                let same = match name {
                    Some(name) => taken.iter().find(|item| item.get("name").is_some_and(|other| other == name)),
                    None => taken.get(at).filter(|_| asked.len() == taken.len()),
                };
                let Some(same) = same else { continue };
                let Some(last) = path.last_mut() else { continue };
                let field = last.clone();
                *last = format!("{field}[{}]", name.map_or_else(|| at.to_string(), str::to_owned));
                missed(value, same, path, all);
                if let Some(last) = path.last_mut() {
                    *last = field;
                }
            }
        }
        _ => {}
    }
}

/// Would a server write this the same as if it were not there?
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(says_nothing),
        Value::Object(map) => map.values().all(says_nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_answer_lacks_is_missed_but_for_what_says_nothing() {
        let asked = json!({"kind": "X", "status": {"a": 1}, "stringData": {"p": "q"}, "spec": {
            "replica": 7, "paused": false, "env": [], "containers": [
                {"name": "b", "resorces": {"limits": {"cpu": 1}}, "image": "x"}, {"name": "gone", "x": 1}],
            "ports": [{"port": 80, "prot": "UDP"}], "args": ["a"]}});
        let answer = json!({"kind": "X", "spec": {"replicas": 1, "containers": [
            {"name": "a"}, {"name": "b", "image": "x"}], "ports": [{"port": 80}], "args": ["a"]}});
        let mut all = Vec::new();
        missed(&asked, &answer, &mut Vec::new(), &mut all);
        all.sort();
        assert_eq!(all, ["spec.containers[b].resorces", "spec.ports[0].prot", "spec.replica"]);
    }
}
