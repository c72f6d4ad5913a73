//! Amounts as Kubernetes writes them (`250m`, `64Mi`, `1.5`, `12e6`) → whole numbers.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/api/resource`; as there, a part is rounded up.

/// Millicores of an amount of CPU.
pub(super) fn millicores(text: &str) -> Option<u64> {
    scaled(text, 3)
}

/// Bytes of an amount of memory.
pub(super) fn bytes(text: &str) -> Option<u64> {
    scaled(text, 0)
}

/// The amount times ten to the `power`, rounded up.
fn scaled(text: &str, power: i32) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && part.is_empty()) || part.contains('.') {
        return None;
    }
    let digits: u128 = format!("{whole}{part}").parse().ok()?;
    let binary = |exponent: u32| Some((1_u128 << (10 * exponent), 0));
    let (times, ten): (u128, i32) = match suffix {
        "" => Some((1, 0)),
        "n" => Some((1, -9)),
        "u" => Some((1, -6)),
        "m" => Some((1, -3)),
        "k" => Some((1, 3)),
        "M" => Some((1, 6)),
        "G" => Some((1, 9)),
        "T" => Some((1, 12)),
        "P" => Some((1, 15)),
        "E" => Some((1, 18)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => suffix.strip_prefix(['e', 'E'])?.parse().ok().map(|exponent| (1, exponent)),
    }?;
    let amount = digits.checked_mul(times)?;
    let exponent = ten + power - i32::try_from(part.len()).ok()?;
    let factor = 10_u128.checked_pow(exponent.unsigned_abs())?;
    let value = if exponent < 0 { amount.div_ceil(factor) } else { amount.checked_mul(factor)? };
    u64::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them() {
        for (text, milli) in
            [("250m", 250), ("1", 1000), ("0.5", 500), ("1234567n", 2), ("12u", 1), ("0", 0), ("2k", 2_000_000)]
        {
            assert_eq!(millicores(text), Some(milli), "{text}");
        }
        for (text, size) in [
            ("64Mi", 64 << 20),
            ("1.5Gi", 3 << 29),
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("129M", 129_000_000),
            ("1Ki", 1024),
            ("400m", 1),
        ] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in ["", "m", "1.2.3", "12Q", "abc", "-1"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
