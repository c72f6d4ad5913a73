//! Durations and numbers, as programs of Go read them.

use super::problem::Problem;
use super::word::Piece;

const UNITS: &[(&str, f64)] =
    &[("ms", 1.0), ("us", 0.001), ("µs", 0.001), ("ns", 0.000_001), ("h", 3_600_000.0), ("m", 60_000.0), ("s", 1000.0)];

/// `30s`, `1h30m`, `500ms`, `0`, `-1`: milliseconds. A number without a unit is taken as seconds
/// if `bare`, else only 0 and -1 are numbers.
pub(crate) fn duration(piece: &Piece, bare: bool) -> Result<Option<i64>, Problem> {
    let Some(text) = &piece.text else { return Ok(None) };
    let given = milliseconds(text, bare).ok_or_else(|| {
        piece.problem(format!("`{text}` is no duration"), "write a number with its unit: 30s, 5m, 1h30m")
    })?;
    Ok(Some(given))
}

fn milliseconds(text: &str, bare: bool) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds: i64 = rest.parse().ok()?;
        let seconds = if sign < 0.0 { -seconds } else { seconds };
        return (bare || matches!(seconds, 0 | -1)).then(|| seconds.saturating_mul(1000));
    }
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|&end| end > 0)?;
        let number: f64 = rest[..end].parse().ok()?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest[end..].starts_with(unit))?;
        total += number * factor;
        rest = &rest[end + unit.len()..];
    }
    Some((sign * total) as i64)
}

/// A whole number.
pub(crate) fn whole(piece: &Piece) -> Result<Option<i64>, Problem> {
    let Some(text) = &piece.text else { return Ok(None) };
    let number = text.parse().map_err(|_| {
        piece.problem(format!("`{text}` is no whole number"), "write digits, without unit and without separators")
    })?;
    Ok(Some(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, wanted) in [
            ("30s", Some(30_000)),
            ("1h30m", Some(5_400_000)),
            ("1.5m", Some(90_000)),
            ("500ms", Some(500)),
            ("0", Some(0)),
            ("-1", Some(-1000)),
            ("-1s", Some(-1000)),
            ("5", None),
            ("", None),
            ("s", None),
            ("5 m", None),
            ("-", None),
            ("1d", None),
        ] {
            assert_eq!(milliseconds(text, false), wanted, "{text}");
        }
        assert_eq!(milliseconds("5", true), Some(5000));
    }
}
