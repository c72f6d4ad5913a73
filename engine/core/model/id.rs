//! Names of steps and runs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The id of a step: as written, or `#3` for the third step if it has none. Nested steps of a
/// rollback carry the id of their step before a slash: `purge/undo`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(Arc<str>);

impl StepId {
    /// Accepts what can stand after `steps.` in an expression.
    ///
    /// # Errors
    /// Says what is wrong with the name and, where one is near, which name would do.
    pub fn author(text: &str) -> Result<Self, String> {
        let mut chars = text.chars();
        let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') || text.len() > 64 {
            return Err("an id is letters, digits and `_`, begins with a letter, and has at most 64 characters".into());
        }
        Ok(Self(text.into()))
    }

    /// For a step that has no id of its own: its number, counted from 1.
    pub fn numbered(number: usize) -> Self {
        Self(format!("#{number}").into())
    }

    /// As recorded in a journal; taken as it stands.
    pub fn recorded(text: &str) -> Self {
        Self(text.into())
    }

    /// Was it written by an author, so that others can refer to it?
    pub fn is_named(&self) -> bool {
        !self.0.contains(['#', '/'])
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for StepId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for StepId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl schemars::JsonSchema for StepId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StepId".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "name"})
    }
}

/// Where a step stands in the list of all steps of a playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepIx(pub u32);

impl StepIx {
    /// As an index.
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

impl From<usize> for StepIx {
    fn from(index: usize) -> Self {
        Self(index as u32)
    }
}

/// The id of a run: `20261121-040547-k3f9`, so that a listing sorts by time and the last part is
/// enough to type.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Arc<str>);

impl RunId {
    /// Made from the time (UTC) and some randomness. The last part begins with two characters for
    /// the fraction of the second, so that ids sort by time.
    pub fn new(now: jiff::Timestamp, random: u64) -> Self {
        // No vowels and no look-alikes: nothing that reads as a word or as another character. In
        // the order of ASCII, so that times sort.
        const ALPHABET: &[u8; 20] = b"3bcdfghjkmnpqrstvwxz";
        let utc = now.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        let fraction = u64::from(utc.subsec_nanosecond().unsigned_abs()) * 400 / 1_000_000_000;
        let mut tail = String::new();
        for digit in [fraction / 20, fraction, random, random / 20, random / 400] {
            tail.push(char::from(ALPHABET[(digit % 20) as usize]));
        }
        let date = format!("{:04}{:02}{:02}", utc.year(), utc.month(), utc.day());
        let time = format!("{:02}{:02}{:02}", utc.hour(), utc.minute(), utc.second());
        Self(format!("{date}-{time}-{tail}").into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part, which is enough to type.
    pub fn short(&self) -> &str {
        self.0.rsplit('-').next().unwrap_or(&self.0)
    }
}

impl FromStr for RunId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 64 || !text.chars().all(safe) {
            return Err(format!("`{text}` is not the id of a run"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for RunId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RunId".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "name"})
    }
}

#[cfg(test)]
mod tests {
    use super::RunId;

    #[test]
    fn ids_of_runs_sort_by_time_within_a_second() {
        let at = |millis: i64| RunId::new(jiff::Timestamp::from_millisecond(1_795_000_000_000 + millis).unwrap(), 7);
        let ids: Vec<RunId> = [0, 3, 40, 400, 999, 1000].map(at).to_vec();
        assert!(ids.is_sorted());
        assert_eq!(ids[0].short().len(), 5);
    }
}
