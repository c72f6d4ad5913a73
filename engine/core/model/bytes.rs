//! `3gb`, `256mb`, `2Gi`.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of bytes. Units as in redis.conf: `k` is 1000 and `kb` is 1024, in either case; and as
/// in Kubernetes: `Ki`, `Mi`, `Gi`, `Ti`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

const KIB: u64 = 1 << 10;

impl FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(split);
        let factor = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" => 1000,
            "kb" | "ki" | "kib" => KIB,
            "m" => 1_000_000,
            "mb" | "mi" | "mib" => KIB.pow(2),
            "g" => 1_000_000_000,
            "gb" | "gi" | "gib" => KIB.pow(3),
            "t" => 1_000_000_000_000,
            "tb" | "ti" | "tib" => KIB.pow(4),
            _ => return Err(format!("`{text}` is not a size; write for example 512mb, 3gb or 2Gi")),
        };
        let help = || format!("`{text}` is not a size; write for example 512mb, 3gb or 2Gi");
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Self).ok_or_else(help);
        }
        let fraction: f64 = number.parse().map_err(|_| help())?;
        let bytes = fraction * factor as f64;
        if !(0.0..9.0e15).contains(&bytes) {
            return Err(help());
        }
        #[expect(clippy::cast_sign_loss, reason = "checked to be positive above")]
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for Bytes {
    /// Binary units with one decimal, as `redis-cli --bigkeys` and `docker stats` show them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
        let mut amount = self.0 as f64;
        let mut unit = 0;
        while amount >= 1024.0 && unit + 1 < UNITS.len() {
            amount /= 1024.0;
            unit += 1;
        }
        if unit == 0 || amount.fract() < 0.05 {
            write!(f, "{amount:.0} {}", UNITS[unit])
        } else {
            write!(f, "{amount:.1} {}", UNITS[unit])
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "description": "A number of bytes, with a unit as in redis.conf (1k = 1000, 1kb = 1024) or Kubernetes (Ki, Mi, Gi).",
            "examples": ["512mb", "3gb", "2Gi"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn units_mean_what_redis_conf_means_by_them() {
        let bytes = |text: &str| text.parse::<Bytes>().map(|b| b.0);
        assert_eq!(bytes("1k"), Ok(1000));
        assert_eq!(bytes("1kb"), Ok(1024));
        assert_eq!(bytes("3gb"), Ok(3 << 30));
        assert_eq!(bytes("1.5Gi"), Ok(3 << 29));
        assert_eq!(bytes("100"), Ok(100));
        for wrong in ["", "gb", "3 gigs", "-1mb", "99999999999tb"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shown_in_binary_units() {
        assert_eq!(Bytes(104_857_600).to_string(), "100 MiB");
        assert_eq!(Bytes(1536).to_string(), "1.5 KiB");
        assert_eq!(Bytes(7).to_string(), "7 B");
    }
}
