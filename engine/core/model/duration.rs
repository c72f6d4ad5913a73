//! `20s`, `1h 30m`, `250ms`.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time, written with its unit. At most about 500 years; never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(std::time::Duration);

impl Duration {
    /// From whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// From milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(std::time::Duration::from_millis(millis))
    }

    /// From microseconds, as journals count.
    pub const fn micros(micros: u64) -> Self {
        Self(std::time::Duration::from_micros(micros))
    }

    /// In microseconds, as journals count.
    pub fn as_micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }

    /// In seconds, as expressions and commands count.
    pub fn as_secs_f64(self) -> f64 {
        self.0.as_secs_f64()
    }

    /// As the standard library's type.
    pub const fn std(self) -> std::time::Duration {
        self.0
    }

    /// As a JSON number of seconds: an integer where it is whole.
    pub fn to_json(self) -> serde_json::Value {
        if self.0.subsec_nanos() == 0 { self.0.as_secs().into() } else { self.0.as_secs_f64().into() }
    }
}

impl FromStr for Duration {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let help = || format!("`{text}` is not a length of time; write for example 20s, 500ms or 1h 30m");
        if trimmed.bytes().all(|b| b.is_ascii_digit()) && !trimmed.is_empty() && trimmed != "0" {
            return Err(format!("`{text}` has no unit; write {trimmed}s, {trimmed}m or {trimmed}ms"));
        }
        if trimmed == "0" {
            return Ok(Self::default());
        }
        let signed: jiff::SignedDuration = trimmed.parse().map_err(|_| help())?;
        if signed.is_negative() || signed.as_secs() > 500 * 366 * 86_400 {
            return Err(help());
        }
        Ok(Self(signed.unsigned_abs()))
    }
}

impl From<std::time::Duration> for Duration {
    fn from(value: std::time::Duration) -> Self {
        Self(value)
    }
}

impl fmt::Display for Duration {
    /// Two units at the most: `1h 30m`, `2m 5s`, `1.2s`, `340ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let seconds = self.0.as_secs();
        match seconds {
            0 if millis == 0 && !self.0.is_zero() => f.write_str("<1ms"),
            0 => write!(f, "{millis}ms"),
            1..=59 if millis % 1000 >= 100 => write!(f, "{}.{}s", seconds, millis % 1000 / 100),
            1..=59 => write!(f, "{seconds}s"),
            60..=3599 => two(f, seconds / 60, "m", seconds % 60, "s"),
            3600..=86_399 => two(f, seconds / 3600, "h", seconds % 3600 / 60, "m"),
            _ => two(f, seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
        }
    }
}

fn two(f: &mut fmt::Formatter<'_>, a: u64, a_unit: &str, b: u64, b_unit: &str) -> fmt::Result {
    if b == 0 { write!(f, "{a}{a_unit}") } else { write!(f, "{a}{a_unit} {b}{b_unit}") }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time with its unit: 20s, 500ms, 1h 30m.",
            "examples": ["20s", "500ms", "1h 30m"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn units_are_read_and_required() {
        let micros = |text: &str| text.parse::<Duration>().map(Duration::as_micros);
        assert_eq!(micros("20s"), Ok(20_000_000));
        assert_eq!(micros("1h 30m"), Ok(5_400_000_000));
        assert_eq!(micros("1.5s"), Ok(1_500_000));
        assert_eq!(micros("0"), Ok(0));
        assert!(micros("20").unwrap_err().contains("20s"));
        assert!(micros("-2s").is_err());
        assert!(micros("soon").is_err());
    }

    #[test]
    fn shown_with_two_units_at_the_most() {
        let shown = |micros| Duration::micros(micros).to_string();
        assert_eq!(shown(40), "<1ms");
        assert_eq!(shown(340_000), "340ms");
        assert_eq!(shown(1_250_000), "1.2s");
        assert_eq!(shown(125_000_000), "2m 5s");
        assert_eq!(shown(7_200_000_000), "2h");
    }
}
