//! Values and texts in a few words, for people.

use serde_json::{Map, Value};

/// A result in one line, if there is something worth saying.
pub fn brief(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::String(text) if text.is_empty() => Some("\"\"".into()),
        Value::String(text) => Some(one_line(text, 60)),
        Value::Array(items) => Some(format!("{} item{}", items.len(), if items.len() == 1 { "" } else { "s" })),
        Value::Object(map) => {
            if let Some(printed) = printed(map) {
                return Some(printed);
            }
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

/// What a program or a log says, by its first line; an object of a cluster by its kind and name.
fn printed(map: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| map.get(name).and_then(Value::as_str);
    if let Some(first) = [text("stdout"), text("stderr"), text("text")].into_iter().flatten().find(|it| !it.is_empty())
    {
        let mut lines = first.lines().filter(|line| !line.trim().is_empty());
        let line = one_line(lines.next().unwrap_or_default().trim(), 60);
        let more = lines.count();
        return Some(if more == 0 { line } else { format!("{line} (and {more} more lines)") });
    }
    let name = map.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
    Some(format!("{} {}", text("kind")?, name?))
}

/// Text cut to one line of at most `width` characters; control characters are shown as a dot.
pub fn one_line(text: &str, width: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
    if clean.chars().count() <= width {
        return clean;
    }
    clean.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
