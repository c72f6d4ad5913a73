//! Moments, as people and the engine write them.

use jiff::{SignedDuration, Timestamp};
use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::Value;

/// Seconds since 1970 → RFC 3339.
pub(super) fn moment(seconds: &Value) -> Value {
    let made = seconds.as_i64().filter(|seconds| *seconds > 0).and_then(|at| Timestamp::from_second(at).ok());
    made.map_or(Value::Null, |at| Value::from(at.to_string()))
}

/// What Go writes for "never" is nothing.
pub(super) fn ever(text: &str) -> Value {
    if text.is_empty() || text.starts_with("0001-01-01") { Value::Null } else { Value::from(text) }
}

/// `--since` as the engine reads it: seconds and nanoseconds since 1970. Written as RFC 3339 (without a
/// zone: the one of this machine), as such seconds, or as how long ago.
pub(super) fn since(written: &str, now: Timestamp) -> Result<String, Fault> {
    let written = written.trim();
    let seconds = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let (whole, part) = written.split_once('.').unwrap_or((written, "0"));
    if seconds(whole) && seconds(part) {
        return Ok(written.to_owned());
    }
    let at = ago(written).and_then(|ago| now.checked_sub(ago).ok()).or_else(|| read(written));
    let at = at.ok_or_else(|| {
        let message = format!("`{written}` is no moment");
        Fault::new(FaultKind::Invalid, Code::Arguments, message)
            .help("write how long ago (10m, 1h30m), or 2025-01-31T12:00:00Z")
    })?;
    Ok(format!("{}.{:09}", at.as_second(), at.subsec_nanosecond()))
}

/// RFC 3339, or less of it.
fn read(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    Some(local.to_zoned(jiff::tz::TimeZone::system()).ok()?.timestamp())
}

/// A duration as Go writes it: `1h30m`, `1.5s`, `300ms`.
fn ago(text: &str) -> Option<SignedDuration> {
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    let mut all = SignedDuration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        all = all.checked_add(SignedDuration::try_from_secs_f64(number * unit).ok()?)?;
        rest = &rest[end..];
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_docker_reads_them() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        for (written, read) in [
            ("10m", "1767268200.000000000"),
            ("1h30m", "1767263400.000000000"),
            ("1.5s", "1767268798.500000000"),
            ("1767268800", "1767268800"),
            ("1767268800.5", "1767268800.5"),
            ("2026-01-01T00:00:00Z", "1767225600.000000000"),
            ("2026-01-01T01:00:00+01:00", "1767225600.000000000"),
        ] {
            assert_eq!(since(written, now).as_deref(), Ok(read), "{written}");
        }
        for written in ["", "soon", "10x", "-", "1h-"] {
            assert!(since(written, now).is_err(), "{written}");
        }
    }
}
