//! Patterns as Redis understands them: `*`, `?`, `[a-z]`, `[^a]` and `\` before a character.

/// Does a text match a pattern?
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let Some((&first, rest)) = pattern.split_first() else { return text.is_empty() };
    match first {
        b'*' => (0..=text.len()).any(|at| matches(rest, &text[at..])),
        b'?' => !text.is_empty() && matches(rest, &text[1..]),
        b'[' => match (text.split_first(), class(rest)) {
            (Some((&byte, text)), (inside, rest)) => inside(byte) && matches(rest, text),
            (None, _) => false,
        },
        b'\\' if !rest.is_empty() => text.first() == rest.first() && matches(&rest[1..], &text[1..]),
        byte => text.first() == Some(&byte) && matches(rest, &text[1..]),
    }
}

/// What stands between brackets, and the rest after them.
fn class(pattern: &[u8]) -> (impl Fn(u8) -> bool, &[u8]) {
    let (not, mut rest) = match pattern.split_first() {
        Some((b'^', rest)) => (true, rest),
        _ => (false, pattern),
    };
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, after) {
            (b']', _) => {
                rest = after;
                break;
            }
            (b'\\', [escaped, after @ ..]) => {
                ranges.push((*escaped, *escaped));
                rest = after;
            }
            (from, [b'-', to, after @ ..]) if *to != b']' => {
                ranges.push((from.min(*to), from.max(*to)));
                rest = after;
            }
            _ => {
                ranges.push((byte, byte));
                rest = after;
            }
        }
    }
    (move |byte| ranges.iter().any(|(from, to)| (*from..=*to).contains(&byte)) != not, rest)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_mean_what_redis_means() {
        for (pattern, text) in [
            ("*", ""),
            ("a*c", "abbc"),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[^a]x", "bx"),
            ("\\*", "*"),
            ("dash:*:dead", "dash:q:dead"),
            ("[\\]]", "]"),
            ("a", "a"),
        ] {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
        for (pattern, text) in
            [("a?c", "ac"), ("[a-c]x", "dx"), ("[^a]x", "ax"), ("\\*", "x"), ("a", "ab"), ("", "a"), ("[a", "")]
        {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
    }
}
