//! Settings and their values: reading them, comparing them, keeping passwords out of records.

use playbook_core::action::{Fault, FaultKind, UndoOrder};
use playbook_core::codes::Code;
use playbook_core::model::Bytes;
use playbook_core::secret::Secrets;
use serde_json::{Map, Value, json};

use super::ask::told;
use super::client::Lines;
use super::secret_words::is_secret_setting;
use super::target::RedisTarget;
use super::value::{Reply, key_text, lossless};

/// Settings and their values, in the order in which they are set.
pub(super) type Settings = Vec<(String, String)>;

/// A value as it may be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// As it is.
    Plain(String),
    /// A secret that is known by this name.
    Secret(String),
    /// A secret without a name: the value is not kept.
    Hidden,
}

impl Kept {
    /// What may be recorded of a value.
    pub(super) fn of(name: &str, value: &str, secret: bool, secrets: &Secrets) -> Self {
        if value.is_empty() || !(secret || is_secret_setting(name)) {
            return Self::Plain(value.to_owned());
        }
        let known = secrets.all().into_iter().find(|(_, known)| known == value);
        known.map_or(Self::Hidden, |(name, _)| Self::Secret(name))
    }

    /// The value, if it can be had.
    pub(super) fn value(&self, secrets: &Secrets) -> Option<String> {
        match self {
            Self::Plain(value) => Some(value.clone()),
            Self::Secret(name) => secrets.get(name),
            Self::Hidden => None,
        }
    }

    /// As it stands in a record.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Plain(value) => Value::from(value.as_str()),
            Self::Secret(name) => json!({"$secret": name}),
            Self::Hidden => json!({"$hidden": true}),
        }
    }

    /// As it is read back.
    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Plain(text.clone())),
            Value::Object(map) => match map.get("$secret").and_then(Value::as_str) {
                Some(name) => Some(Self::Secret(name.to_owned())),
                None => map.contains_key("$hidden").then_some(Self::Hidden),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        }
    }

    /// For people.
    pub(super) fn show(&self) -> String {
        match self {
            Self::Plain(value) if value.is_empty() => "\"\"".into(),
            Self::Plain(value) => value.clone(),
            Self::Secret(name) => format!("[secret:{name}]"),
            Self::Hidden => "[secret]".into(),
        }
    }
}

/// Settings as they stand in a record.
pub(super) fn kept_json(settings: &[(String, Kept)]) -> Value {
    settings.iter().map(|(name, kept)| (name.clone(), kept.json())).collect::<Map<_, _>>().into()
}

/// Settings as they are read back, in the order of the record.
pub(super) fn read_kept(value: &Value) -> Option<Vec<(String, Kept)>> {
    value.as_object()?.iter().map(|(name, value)| Some((name.clone(), Kept::read(value)?))).collect()
}

/// Commands that read settings, one each.
pub(super) fn get_lines<'n>(names: impl IntoIterator<Item = &'n str>) -> Lines {
    let mut lines = Lines::new();
    for name in names {
        lines.add(["CONFIG", "GET", name]);
    }
    lines
}

/// The reply to CONFIG GET of one setting.
pub(super) fn got(reply: Reply, name: &str, target: &RedisTarget) -> Result<String, Fault> {
    let reply = told(reply, target)?;
    let found = reply.pairs().into_iter().find(|(key, _)| key_text(key).eq_ignore_ascii_case(name));
    found.map(|(_, value)| lossless(value.bytes().unwrap_or_default())).ok_or_else(|| {
        Fault::new(FaultKind::Refused, Code::ServerError, format!("the server has no setting `{name}`"))
            .help("CONFIG GET * lists all; newer settings need a newer server")
    })
}

/// A value as the server will show it, judged by how it shows the present one: `3gb` → bytes.
pub(super) fn normal(wanted: &str, present: &str) -> String {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if number(present)
        && !number(wanted)
        && let Ok(Bytes(bytes)) = wanted.parse()
    {
        return bytes.to_string();
    }
    if wanted.eq_ignore_ascii_case(present) { present.to_owned() } else { wanted.to_owned() }
}

/// When it is the turn of putting these values back, given what is there after the change.
pub(super) fn order(before: &[(String, String)], after: &[(String, String)]) -> UndoOrder {
    let mut order = UndoOrder::Data;
    for (name, old) in before {
        let Some((_, new)) = after.iter().find(|(other, _)| other == name) else { continue };
        let turn = match name.as_str() {
            "maxmemory" => room(old, new),
            // Without eviction the server refuses data sooner than with it.
            "maxmemory-policy" if old == "noeviction" && new != "noeviction" => UndoOrder::TakesRoom,
            _ => UndoOrder::Data,
        };
        // What takes room away waits, whatever else is put back with it.
        if order == UndoOrder::Data || turn == UndoOrder::TakesRoom {
            order = turn;
        }
    }
    order
}

/// Does going back from `new` to `old` make room? No limit is the most.
fn room(old: &str, new: &str) -> UndoOrder {
    let limit = |text: &str| text.parse::<u64>().ok().filter(|limit| *limit != 0).unwrap_or(u64::MAX);
    match limit(old).cmp(&limit(new)) {
        std::cmp::Ordering::Greater => UndoOrder::MakesRoom,
        std::cmp::Ordering::Less => UndoOrder::TakesRoom,
        std::cmp::Ordering::Equal => UndoOrder::Data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_the_server_shows_them() {
        assert_eq!(normal("3gb", "0"), "3221225472");
        assert_eq!(normal("ALLKEYS-LRU", "allkeys-lru"), "allkeys-lru");
        assert_eq!(normal("3gb", "yes"), "3gb");
        assert_eq!(normal("100", "5"), "100");
    }

    #[test]
    fn limits_are_raised_before_data_returns_and_lowered_after() {
        let order =
            |name: &str, old: &str, new: &str| order(&[(name.into(), old.into())], &[(name.into(), new.into())]);
        assert_eq!(order("maxmemory", "100", "200"), UndoOrder::TakesRoom);
        assert_eq!(order("maxmemory", "0", "200"), UndoOrder::MakesRoom);
        assert_eq!(order("maxmemory", "200", "100"), UndoOrder::MakesRoom);
        assert_eq!(order("maxmemory-policy", "noeviction", "allkeys-lru"), UndoOrder::TakesRoom);
        assert_eq!(order("maxmemory-policy", "allkeys-lru", "noeviction"), UndoOrder::Data);
        assert_eq!(order("timeout", "0", "1"), UndoOrder::Data);
    }

    #[test]
    fn passwords_are_recorded_by_name_or_not_at_all() {
        let secrets = Secrets::new();
        secrets.add("pw", "hunter22");
        assert_eq!(Kept::of("requirepass", "hunter22", false, &secrets).json(), json!({"$secret": "pw"}));
        assert_eq!(Kept::of("requirepass", "other", false, &secrets).json(), json!({"$hidden": true}));
        assert_eq!(Kept::of("requirepass", "", false, &secrets).json(), json!(""));
        assert_eq!(Kept::of("maxmemory", "5", false, &secrets).json(), json!("5"));
        assert_eq!(
            Kept::read(&json!({"$secret": "pw"})).and_then(|kept| kept.value(&secrets)).as_deref(),
            Some("hunter22")
        );
    }
}
