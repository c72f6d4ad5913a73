//! Amounts as docker reads them: bytes, CPUs, durations. As JSON of the Engine API; an open text where there
//! is no value yet.

use serde_json::Value;

use crate::line::measure;
use crate::line::problem::Problem;
use crate::line::word::Piece;

/// As JSON: what `read` makes of a text, or an open text.
fn closed<T: Into<Value>>(
    piece: &Piece,
    what: &str,
    help: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Value, Problem> {
    match &piece.text {
        None => Ok(Value::String(piece.value())),
        Some(text) => read(text).map(Into::into).ok_or_else(|| piece.problem(format!("`{text}` is no {what}"), help)),
    }
}

/// `512m`, `1.5g`, `1GiB`, `1024`: bytes. As docker, it counts in powers of 1024 whatever the unit.
pub(super) fn bytes(piece: &Piece) -> Result<Value, Problem> {
    closed(piece, "amount of memory", "write a number with its unit: 512m, 2g", count_bytes)
}

/// As [`bytes`], and -1 for "without limit".
pub(super) fn bytes_or_all(piece: &Piece) -> Result<Value, Problem> {
    let read = |text: &str| if text == "-1" { Some(-1) } else { count_bytes(text) };
    closed(piece, "amount of memory", "write a number with its unit, 512m or 2g, or -1 for no limit", read)
}

fn count_bytes(text: &str) -> Option<i64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start_matches(' ').to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let unit = unit.strip_suffix('i').unwrap_or(unit);
    let power = match unit {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let factor = 1_i64.checked_shl(10 * power)?;
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(factor);
    }
    let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite())?;
    let total = number * factor as f64;
    (total < i64::MAX as f64).then_some(total as i64)
}

/// `1.5` CPUs: thousand millions of a CPU.
pub(super) fn cpus(piece: &Piece) -> Result<Value, Problem> {
    closed(piece, "number of CPUs", "write a number with at most nine digits behind the point: 1.5", nano)
}

fn nano(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 9 || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: i64 = format!("{part:0<9}").parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(part)
}

/// A whole number, at least `least`.
pub(super) fn whole(piece: &Piece, least: i64) -> Result<Value, Problem> {
    let help = format!("write a whole number, at least {least}");
    closed(piece, "number that makes sense here", &help, |text| {
        text.parse().ok().filter(|number: &i64| *number >= least)
    })
}

/// A number that is not below zero, as a type; 0 while it has no value.
pub(super) fn count(piece: &Piece) -> Result<u64, Problem> {
    Ok(whole(piece, 0)?.as_u64().unwrap_or_default())
}

/// Seconds before something is killed; -1 for never. None while there is no value.
pub(super) fn seconds(piece: &Piece) -> Result<Option<i64>, Problem> {
    Ok(whole(piece, -1)?.as_i64())
}

/// `30s`, `1m30s`: nanoseconds.
pub(super) fn nanoseconds(piece: &Piece) -> Result<Value, Problem> {
    match measure::duration(piece, false)? {
        None => Ok(Value::String(piece.value())),
        Some(given) if given < 0 => {
            Err(piece.problem(format!("`{}` is less than nothing", piece.shown()), "write a duration: 30s, 1m30s"))
        }
        Some(given) => Ok(given.saturating_mul(1_000_000).into()),
    }
}

/// When: `10m` (ago), `2026-01-02T15:04:05Z`, `1767366245`.
pub(super) fn moment(piece: &Piece) -> Result<String, Problem> {
    let known = |text: &str| {
        let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let date = text.len() >= 10
            && text.as_bytes()[..10]
                .iter()
                .enumerate()
                .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() })
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-+:.".contains(c));
        number || date || measure::duration(&Piece::fixed(text, 0), false).is_ok()
    };
    match &piece.text {
        Some(text) if !known(text) => Err(piece.problem(
            format!("`{text}` is no time"),
            "write how long ago (10m, 1h30m), or a time: 2026-01-02T15:04:05Z",
        )),
        _ => Ok(piece.value()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_those_of_docker() {
        for (text, wanted) in [
            ("512m", Some(536_870_912)),
            ("1.5g", Some(1_610_612_736)),
            ("1GiB", Some(1_073_741_824)),
            ("1 kb", Some(1024)),
            ("42", Some(42)),
            ("42b", Some(42)),
            ("0", Some(0)),
            ("", None),
            ("m", None),
            ("-1", None),
            ("1x", None),
            ("1.2.3m", None),
            ("9999999p", None),
        ] {
            assert_eq!(count_bytes(text), wanted, "{text}");
        }
        for (text, wanted) in [
            ("1.5", Some(1_500_000_000)),
            (".25", Some(250_000_000)),
            ("2", Some(2_000_000_000)),
            ("0.0000000001", None),
            ("", None),
            (".", None),
            ("-1", None),
            ("1e3", None),
        ] {
            assert_eq!(nano(text), wanted, "{text}");
        }
    }

    #[test]
    fn moments_are_those_of_docker_logs() {
        for text in ["10m", "1h30m", "0", "2026-01-02", "2026-01-02T15:04:05.5Z", "1767366245", "1767366245.5"] {
            assert!(moment(&Piece::fixed(text, 0)).is_ok(), "{text}");
        }
        for text in ["", "yesterday", "2026-01-02?x=y", "10 m"] {
            assert!(moment(&Piece::fixed(text, 0)).is_err(), "{text}");
        }
    }
}
