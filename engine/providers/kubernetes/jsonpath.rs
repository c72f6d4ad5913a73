//! The JSONPath of `wait --for=jsonpath=…`: fields, indices, `*` and filters, as client-go reads them.

use serde_json::Value;

/// A path: what to take, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path(Vec<Take>);

#[derive(Clone, Debug, PartialEq)]
enum Take {
    Field(String),
    /// From the end if below zero.
    Item(i64),
    All,
    /// Items in which a path has a value, or this one.
    Those(Path, Option<(bool, Value)>),
}

impl Path {
    /// Reads `{.a.b[0]['c'][?(@.type=="Ready")].status}`.
    ///
    /// # Errors
    /// What of it is not understood.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let inner = inner.strip_prefix('$').unwrap_or(inner);
        let mut rest = inner;
        let mut path = Vec::new();
        while let Some(first) = rest.chars().next() {
            let (take, left) = match first {
                '.' if rest.starts_with("..") => return Err("`..` is not supported: write the path out".into()),
                '.' => field(&rest[1..])?,
                '[' => bracket(rest)?,
                _ if path.is_empty() => field(rest)?,
                _ => return Err(format!("`{rest}` does not go on with `.` or `[`")),
            };
            path.extend(take);
            rest = left;
        }
        Ok(Self(path))
    }

    /// All that it leads to.
    pub(super) fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        self.0.iter().fold(vec![value], |found, take| found.into_iter().flat_map(|value| take.from(value)).collect())
    }
}

impl Take {
    fn from<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match (self, value) {
            (Self::Field(name), Value::Object(map)) => map.get(name).into_iter().collect(),
            (Self::Item(at), Value::Array(items)) => {
                let ahead = usize::try_from(at.unsigned_abs()).ok();
                let at = if *at < 0 { ahead.and_then(|back| items.len().checked_sub(back)) } else { ahead };
                at.and_then(|at| items.get(at)).into_iter().collect()
            }
            (Self::All, Value::Array(items)) => items.iter().collect(),
            (Self::All, Value::Object(map)) => map.values().collect(),
            (Self::Those(path, wanted), Value::Array(items)) => items
                .iter()
                .filter(|item| {
                    let found = path.find(item);
                    match wanted {
                        None => !found.is_empty(),
                        Some((equal, wanted)) => found.iter().any(|found| (*found == wanted) == *equal),
                    }
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// A field, its dots escaped by a backslash. Nothing between two dots is nothing.
fn field(text: &str) -> Result<(Option<Take>, &str), String> {
    let mut name = String::new();
    let mut escaped = false;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => {
                name.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '.' | '[' => {
                end = at;
                break;
            }
            '{' | '}' | '(' | ')' | '"' | '\'' => return Err(format!("`{c}` in a field: `{text}`")),
            c => name.push(c),
        }
    }
    let take = match name.as_str() {
        "" => None,
        "*" => Some(Take::All),
        _ => Some(Take::Field(name)),
    };
    Ok((take, &text[end..]))
}

/// `[0]`, `[*]`, `['a']`, `[?(@.a=="b")]`.
fn bracket(text: &str) -> Result<(Option<Take>, &str), String> {
    let end = closing(text).ok_or_else(|| format!("`{text}` has no end"))?;
    let (inner, rest) = (text[1..end].trim(), &text[end + 1..]);
    let take = if inner == "*" {
        Take::All
    } else if let Some(filter) = inner.strip_prefix("?(").and_then(|inner| inner.strip_suffix(')')) {
        those(filter)?
    } else if let Some(name) = quoted(inner) {
        Take::Field(name.to_owned())
    } else {
        let at = inner.parse().map_err(|_| format!("`[{inner}]` is not supported: write [0], [*], ['a'] or [?(…)]"))?;
        Take::Item(at)
    };
    Ok((Some(take), rest))
}

/// The bracket that closes the first.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 1 => return Some(at),
            (None, ']') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

fn quoted(text: &str) -> Option<&str> {
    ['\'', '"'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

fn those(filter: &str) -> Result<Take, String> {
    let split = ["==", "!="].into_iter().find_map(|sign| Some((filter.split_once(sign)?, sign == "==")));
    let (path, wanted) = match split {
        None => (filter, None),
        Some(((path, wanted), equal)) => {
            let wanted = wanted.trim();
            let value = match quoted(wanted) {
                Some(text) => Value::from(text),
                None => {
                    serde_json::from_str(wanted).map_err(|_| format!("`{wanted}` is no value: write \"{wanted}\""))?
                }
            };
            (path, Some((equal, value)))
        }
    };
    let path = path.trim().strip_prefix('@').ok_or_else(|| format!("`{filter}` does not begin with @"))?;
    if path.contains(['<', '>', '&', '|']) {
        return Err(format!("`{filter}` is not supported: only == and != are"));
    }
    Ok(Take::Those(Path::read(path)?, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn find(path: &str) -> Vec<Value> {
        let object = json!({"status": {"phase": "Running", "ready": 3, "a.b/c": "dotted",
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "status": "False"}]}});
        Path::read(path).unwrap().find(&object).into_iter().cloned().collect()
    }

    #[test]
    fn paths_lead_where_they_lead_for_kubectl() {
        for (path, found) in [
            ("{.status.phase}", json!(["Running"])),
            ("{$.status['phase']}", json!(["Running"])),
            ("{.status.ready}", json!([3])),
            ("{.status.a\\.b/c}", json!(["dotted"])),
            ("{.status.conditions[0].type}", json!(["Ready"])),
            ("{.status.conditions[-1].type}", json!(["Old"])),
            ("{.status.conditions[*].status}", json!(["True", "False"])),
            ("{.status.conditions[?(@.type==\"Ready\")].status}", json!(["True"])),
            ("{.status.conditions[?(@.type!='Ready')].status}", json!(["False"])),
            ("{.status.nosuch.deeper}", json!([])),
            ("{.status.conditions[7]}", json!([])),
        ] {
            assert_eq!(json!(find(path)), found, "{path}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for path in ["{..phase}", "{.a[0:2]}", "{.a[?(@.n>3)]}", "{.a[0}", "{.a[?(type==\"x\")]}"] {
            assert!(Path::read(path).is_err(), "{path}");
        }
    }
}
