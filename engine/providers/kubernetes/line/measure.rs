//! Numbers and quantities, as kubectl reads them.

use super::model::Number;
use crate::line::measure::whole;
use crate::line::problem::Problem;
use crate::line::word::Piece;

/// A whole number that may be open.
pub(super) fn number(piece: &Piece) -> Result<Number, Problem> {
    Ok(whole(piece)?.map_or(Number::Open, Number::Known))
}

/// As [`number`], and at least `least`.
pub(super) fn at_least(least: i64, piece: &Piece) -> Result<Number, Problem> {
    match number(piece)? {
        Number::Known(number) if number < least => {
            Err(piece.problem(format!("{number} is too small"), format!("at least {least} makes sense here")))
        }
        number => Ok(number),
    }
}

/// Is this a quantity of Kubernetes: `200m`, `2Gi`, `1.5`, `1e3`?
pub(super) fn is_quantity(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at(end);
    let number = digits.bytes().any(|byte| byte.is_ascii_digit()) && digits.matches('.').count() <= 1;
    let exponent = |rest: &str| {
        let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
    };
    let known = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].contains(&suffix)
        || suffix.strip_prefix(['e', 'E']).is_some_and(exponent);
    number && known
}

/// A quantity.
pub(super) fn quantity(piece: &Piece) -> Result<String, Problem> {
    match &piece.text {
        Some(text) if !is_quantity(text) => Err(piece.problem(
            format!("`{text}` is no quantity"),
            "write it as Kubernetes does: 500m of a CPU, 512Mi or 2Gi of memory",
        )),
        _ => Ok(piece.value()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for text in ["1", "200m", "2Gi", "1.5", ".5", "1e3", "512Mi", "100k"] {
            assert!(is_quantity(text), "{text}");
        }
        for text in ["", "Gi", "2gb", "1.2.3", "2 Gi", "1e", "2GB"] {
            assert!(!is_quantity(text), "{text}");
        }
    }
}
