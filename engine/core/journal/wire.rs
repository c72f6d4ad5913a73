//! Values that canonical JSON cannot carry, as tagged texts: `{"$float": "0.85"}`,
//! `{"$int": "18446744073709551615"}`; and mappings that look like such a tag as
//! `{"$map": [[key, value]]}`.

use serde_json::{Map, Value, json};

const MAX: u64 = (1 << 53) - 1;
const TAGS: [&str; 3] = ["$float", "$int", "$map"];

/// Makes a value fit for the journal.
pub fn encode(value: Value) -> Value {
    match value {
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(n), _) if n <= MAX => Value::Number(number),
            (_, Some(n)) if n.unsigned_abs() <= MAX => Value::Number(number),
            (None, None) => json!({"$float": number.to_string()}),
            _ => json!({"$int": number.to_string()}),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(encode).collect()),
        Value::Object(map) if looks_tagged(&map) => {
            let pairs: Vec<Value> = map.into_iter().map(|(key, value)| json!([key, encode(value)])).collect();
            json!({"$map": pairs})
        }
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, encode(value))).collect()),
        other => other,
    }
}

/// Takes the tags away again. What is not a whole tag is left as it is.
pub fn decode(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(decode).collect()),
        Value::Object(map) => match tagged(&map) {
            Some(value) => value,
            None => Value::Object(map.into_iter().map(|(key, value)| (key, decode(value))).collect()),
        },
        other => other,
    }
}

fn looks_tagged(map: &Map<String, Value>) -> bool {
    map.len() == 1 && map.keys().all(|key| TAGS.contains(&key.as_str()))
}

fn tagged(map: &Map<String, Value>) -> Option<Value> {
    if !looks_tagged(map) {
        return None;
    }
    let (tag, inner) = map.iter().next()?;
    match (tag.as_str(), inner) {
        ("$float", Value::String(text)) => serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number),
        ("$int", Value::String(text)) => {
            text.parse::<u64>().map(Value::from).or_else(|_| text.parse::<i64>().map(Value::from)).ok()
        }
        ("$map", Value::Array(pairs)) => pairs
            .iter()
            .map(|pair| {
                let [Value::String(key), value] = pair.as_array()?.as_slice() else { return None };
                Some((key.clone(), decode(value.clone())))
            })
            .collect::<Option<Map<_, _>>>()
            .map(Value::Object),
        _ => None,
    }
}
