//! The beginning and end of what something returned, fit to be shown.

use serde_json::Value;

/// Bytes of an excerpt: as many from the beginning as from the end.
pub const MAX_EXCERPT: usize = 8 << 10;

/// What was returned, as text: output as it came, everything else as JSON. Control characters are
/// gone and the middle of what is long.
pub fn excerpt(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Object(map) => match output(map) {
            Some(output) => output,
            None => serde_json::to_string_pretty(value).ok()?,
        },
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => serde_json::to_string_pretty(value).ok()?,
    };
    let text = clip(clean(&text).trim_end());
    (!text.is_empty()).then_some(text)
}

/// `stdout` and `stderr` of a command, the `text` of a log, if that is all that there is to show.
fn output(map: &serde_json::Map<String, Value>) -> Option<String> {
    let field = |name: &str| map.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (field("stdout").or_else(|| field("text")), field("stderr")) {
        (None, None) => None,
        (Some(out), None) => Some(out.to_owned()),
        (None, Some(error)) => Some(error.to_owned()),
        (Some(out), Some(error)) => Some(format!("{out}\n{error}")),
    }
}

/// Text without terminal commands, control characters (except line breaks and tabs) and characters
/// that turn the direction of writing, which could make a line read as another.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => clean.push('\n'),
            '\n' | '\t' => clean.push(c),
            c if c.is_control() || turns(c) => {}
            c => clean.push(c),
        }
    }
    clean
}

/// Bidirectional controls, and zero-width characters that hide in names.
fn turns(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What follows an escape: `[…letter` or `]…` to a bell or `ESC \` (ECMA-48), else one character.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => {
            for c in chars.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    break;
                }
            }
        }
        Some(']' | 'P' | '^' | '_') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        Some(_) | None => {}
    }
}

fn clip(text: &str) -> String {
    if text.len() <= MAX_EXCERPT {
        return text.to_owned();
    }
    let boundary = |at: &usize| text.is_char_boundary(*at);
    let head = (0..=MAX_EXCERPT / 2).rev().find(boundary).unwrap_or(0);
    let tail = (text.len() - MAX_EXCERPT / 2..=text.len()).find(boundary).unwrap_or(text.len());
    format!("{}\n… {} bytes omitted …\n{}", &text[..head], super::phrase::number((tail - head) as u64), &text[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn terminal_commands_and_direction_marks_are_gone() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}x\ty\r\nz\u{202e}abc\u{0}"), "red x\ty\nzabc");
        assert_eq!(clean("a\u{1b}"), "a");
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_end() {
        let text = format!("first{}last", "é".repeat(20_000));
        let short = excerpt(&json!(text)).unwrap();
        assert!(short.starts_with("firsté") && short.ends_with("élast"));
        assert!(short.contains(" bytes omitted …"));
        assert!(short.len() < MAX_EXCERPT + 64);
    }

    #[test]
    fn output_is_shown_as_it_came() {
        assert_eq!(excerpt(&json!({"stdout": "a\nb\n", "stderr": "", "exit": 1})).unwrap(), "a\nb");
        assert_eq!(excerpt(&json!({"used": 1})).unwrap(), "{\n  \"used\": 1\n}");
        assert_eq!(excerpt(&json!(null)), None);
    }
}
