//! A key at one moment: its value and when it expires. And what a change left, small enough for a
//! journal.

use serde_json::{Value, json};

use super::dump::Content;
use super::value::lossless;
use playbook_core::secret::Secrets;

/// A key at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// As DUMP gives it; `None` if there is no key.
    pub(super) dump: Option<Vec<u8>>,
    /// Milliseconds since 1970; -1 if it does not expire.
    pub(super) expiry: i64,
}

/// What two images are held against: the server's time, and how exactly it tells expiries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Milliseconds since 1970.
    pub(super) now: i64,
    /// How far two equal expiries may lie apart.
    pub(super) slack: i64,
}

/// What a change left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// No key.
    Absent,
    /// A value, by its digest, and its expiry.
    There(String, i64),
    /// The value as it was, with another expiry.
    Expiring(i64),
}

impl Image {
    /// No key.
    pub(super) const ABSENT: Self = Self { dump: None, expiry: -1 };

    /// The key, unless it has expired by then.
    pub(super) fn alive(&self, now: i64) -> Option<&[u8]> {
        self.dump.as_deref().filter(|_| self.expiry < 0 || self.expiry > now)
    }

    /// The value, if there is one.
    pub(super) fn content(&self) -> Option<Content> {
        self.dump.as_deref().map(Content::read)
    }

    /// Is this the same as the other, as far as anyone can see now?
    pub(super) fn same(&self, other: &Self, at: Moment) -> bool {
        match (self.alive(at.now), other.alive(at.now)) {
            (None, None) => true,
            (Some(one), Some(two)) => close(self.expiry, other.expiry, at.slack) && same_value(one, two),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Were they the same when both were read? Nothing expires in this view.
    pub(super) fn equals(&self, other: &Self, slack: i64) -> bool {
        self.same(other, Moment { now: 0, slack })
    }

    /// What is kept of it after a change.
    pub(super) fn left(&self, salt: &str) -> Left {
        match self.content() {
            None => Left::Absent,
            Some(content) => Left::There(content.digest(salt), self.expiry),
        }
    }

    /// For people, the same whenever it is asked: `"x", expires 2026-01-31 12:00:00 UTC`.
    pub(super) fn describe_fixed(&self, now: i64, secrets: &Secrets) -> String {
        let fixed = Self { dump: self.dump.clone(), expiry: -1 };
        match self.alive(now) {
            None => "(absent)".into(),
            Some(_) if self.expiry < 0 => fixed.describe(now, secrets),
            Some(_) => format!("{}, expires {}", fixed.describe(now, secrets), when(self.expiry)),
        }
    }

    /// For people, with the time that is left: `"x", expires in 2m`, `list, 12 items`.
    pub(super) fn describe(&self, now: i64, secrets: &Secrets) -> String {
        let Some(payload) = self.alive(now) else { return "(absent)".into() };
        let content = Content::read(payload);
        let value = match &content {
            Content::Text(bytes) => quoted(bytes, secrets),
            Content::Opaque(..) => format!("{}, {} bytes", content.kind(), content.size()),
            Content::List(_) | Content::Set(_) | Content::Hash(_) | Content::Sorted(_) => {
                let plural = if content.size() == 1 { "" } else { "s" };
                format!("{}, {} item{plural}", content.kind(), content.size())
            }
        };
        match self.expiry {
            ..0 => value,
            expiry => format!("{value}, expires in {}", span(expiry - now)),
        }
    }
}

impl Left {
    /// Is the key still as the change left it? `before` is what it was before the change.
    pub(super) fn is(&self, now: &Image, before: &Image, salt: &str, at: Moment) -> bool {
        match self {
            Self::Absent => now.alive(at.now).is_none(),
            Self::There(digest, expiry) => {
                let expired = *expiry >= 0 && *expiry <= at.now;
                match now.alive(at.now) {
                    None => expired,
                    Some(payload) => {
                        !expired
                            && close(*expiry, now.expiry, at.slack)
                            && Content::read(payload).digest(salt) == *digest
                    }
                }
            }
            Self::Expiring(expiry) => {
                let ours = Image { dump: before.dump.clone(), expiry: *expiry };
                now.same(&ours, at)
            }
        }
    }

    /// For people.
    pub(super) fn describe(&self, before: &Image, now: i64, secrets: &Secrets) -> String {
        match self {
            Self::Absent => "(absent)".into(),
            Self::There(_, expiry) if *expiry >= 0 && *expiry <= now => "(expired)".into(),
            Self::There(_, expiry) if *expiry >= 0 => {
                format!("a value that the run wrote, expires in {}", span(expiry - now))
            }
            Self::There(..) => "a value that the run wrote".into(),
            Self::Expiring(expiry) => Image { dump: before.dump.clone(), expiry: *expiry }.describe(now, secrets),
        }
    }

    /// As it stands in a journal.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::There(digest, expiry) => json!([digest, expiry]),
            Self::Expiring(expiry) => json!(expiry),
        }
    }

    /// As it is read back.
    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Absent),
            Value::Number(number) => number.as_i64().map(Self::Expiring),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(digest), expiry] => Some(Self::There(digest.clone(), expiry.as_i64()?)),
                _ => None,
            },
            Value::Bool(_) | Value::String(_) | Value::Object(_) => None,
        }
    }
}

fn close(one: i64, two: i64, slack: i64) -> bool {
    (one < 0) == (two < 0) && (one < 0 || one.abs_diff(two) <= slack.unsigned_abs())
}

fn same_value(one: &[u8], two: &[u8]) -> bool {
    one == two || Content::read(one) == Content::read(two)
}

/// Bytes for people, without secrets. What is cut must have gone through this before: the beginning of
/// a secret is not recognised as one.
pub(super) fn shown(bytes: &[u8], secrets: &Secrets) -> String {
    // Before bytes are escaped, and after: a secret may hold what is escaped.
    let mut text = String::new();
    let mut at = 0;
    for (start, end, piece) in secrets.find(bytes) {
        text.push_str(&lossless(&bytes[at..start]));
        text.push_str(&format!("[secret:{}]", piece.secret));
        at = end;
    }
    text.push_str(&lossless(&bytes[at..]));
    secrets.text(&text).into_owned()
}

/// The first 80 characters.
pub(super) fn short(text: String) -> String {
    if text.chars().count() <= 80 { text } else { text.chars().take(79).chain(['…']).collect() }
}

/// A text for people: quoted, and cut after 80 characters.
pub(super) fn quoted(bytes: &[u8], secrets: &Secrets) -> String {
    let text = shown(bytes, secrets);
    if text.chars().count() <= 80 {
        return format!("\"{text}\"");
    }
    format!("\"{}\" ({} bytes)", short(text), bytes.len())
}

/// The name of a key for people: cut after 80 characters.
pub(super) fn key_name(key: &[u8], secrets: &Secrets) -> String {
    short(shown(key, secrets))
}

/// A moment for people, from milliseconds since 1970.
pub(super) fn when(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 1970 → year, month, day: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Milliseconds for people.
pub(super) fn span(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or(0);
    let whole = if ms > 10_000 { ms / 1000 * 1000 } else { ms };
    playbook_core::model::Duration::millis(whole).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str, expiry: i64) -> Image {
        let mut dump = vec![0, u8::try_from(value.len()).expect("short")];
        dump.extend_from_slice(value.as_bytes());
        dump.extend_from_slice(&[10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Image { dump: Some(dump), expiry }
    }

    const AT: Moment = Moment { now: 1000, slack: 0 };

    #[test]
    fn moments_are_told_in_utc() {
        assert_eq!(when(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(when(951_782_400_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(when(1_795_243_249_523), "2026-11-21 06:40:49 UTC");
        assert_eq!(
            text("a", 951_782_400_000).describe_fixed(5, &Secrets::new()),
            "\"a\", expires 2000-02-29 00:00:00 UTC"
        );
    }

    #[test]
    fn a_key_that_has_expired_is_like_none() {
        assert!(text("a", 999).same(&Image::ABSENT, AT));
        assert!(!text("a", 1001).same(&Image::ABSENT, AT));
        assert!(!text("a", -1).same(&text("a", 5000), AT));
        assert!(text("a", 5000).same(&text("a", 5000), AT));
    }

    #[test]
    fn what_was_left_is_recognised_after_a_journal() {
        for (image, left) in [
            (text("b", 5000), text("b", 5000).left("s")),
            (Image::ABSENT, Image::ABSENT.left("s")),
            (text("a", 7000), Left::Expiring(7000)),
            (Image::ABSENT, text("b", 900).left("s")),
        ] {
            let left = Left::read(&left.json()).expect("reads");
            assert!(left.is(&image, &text("a", -1), "s", AT), "{left:?}");
            assert!(!left.is(&text("other", -1), &text("a", -1), "s", AT), "{left:?}");
        }
    }
}
