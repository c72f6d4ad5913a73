//! A command line → words, before templates are filled in, so that a value can never add one.
//!
//! Quoting as in a shell and in redis-cli: single quotes keep everything; double quotes know
//! `\n \r \t \b \a \\ \" \xHH`; outside of quotes a backslash keeps the next character. `{{ … }}`
//! and `{% … %}` are kept whole, spaces and quotes inside included.

use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::Template;
use crate::source::{Span, Spanned};

/// Splits a line. Problems go to `found`.
pub fn split(line: &Spanned<String>, found: &mut Diagnostics) -> Option<Vec<Template>> {
    let width = (line.span.end - line.span.start) as usize;
    let at = |start: usize, end: usize| match width.checked_sub(line.value.len()) {
        Some(0) => line.span.slice(start, end),
        Some(2) => line.span.slice(start + 1, end + 1),
        _ => line.span,
    };
    let words = match words(&line.value) {
        Ok(words) => words,
        Err((start, message)) => {
            found.push(
                Diagnostic::error(Code::Quoting, at(start, start + 1), message)
                    .help("close the quote, or write the command as a list: [SET, key, \"a value\"]"),
            );
            return None;
        }
    };
    let mut templates = Vec::with_capacity(words.len());
    for word in words {
        let span = at(word.start, word.end);
        templates.push(if word.template {
            Template::new(&Spanned::new(word.text, span), found)?
        } else {
            Template::literal(word.text, span)
        });
    }
    Some(templates)
}

/// The words of a list of arguments: each is one word, whatever is in it.
pub fn list(items: &[Spanned<String>], found: &mut Diagnostics) -> Option<Vec<Template>> {
    let before = found.len();
    let templates: Vec<Template> = items.iter().filter_map(|item| Template::new(item, found)).collect();
    (found.len() == before).then_some(templates)
}

/// Quotes a word so that [`split`] reads it back, and a person can paste it.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:*?@%+=,[]^~!#".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Several words as one line.
pub fn join<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}

struct Word {
    text: String,
    template: bool,
    start: usize,
    end: usize,
}

fn words(line: &str) -> Result<Vec<Word>, (usize, &'static str)> {
    let bytes = line.as_bytes();
    let mut words: Vec<Word> = Vec::new();
    let mut current: Option<Word> = None;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &line[at..];
        let c = rest.chars().next().unwrap_or_default();
        if c.is_whitespace() {
            words.extend(current.take());
            at += c.len_utf8();
            continue;
        }
        let word = current.get_or_insert_with(|| Word { text: String::new(), template: false, start: at, end: at });
        if let Some(close) =
            [("{{", "}}"), ("{%", "%}")].iter().find(|(open, _)| rest.starts_with(open)).map(|(_, close)| close)
        {
            let length = template_end(rest, close).ok_or((at, "a template is opened here and never closed"))?;
            word.text.push_str(&rest[..length]);
            word.template = true;
            at += length;
        } else {
            match c {
                '\'' => {
                    at += single_quoted(rest, word).ok_or((at, "a single quote is opened here and never closed"))?;
                }
                '"' => at += double_quoted(rest, word).map_err(|message| (at, message))?,
                '\\' => {
                    let next = rest[1..].chars().next().ok_or((at, "a backslash at the end of the line"))?;
                    word.text.push(next);
                    at += 1 + next.len_utf8();
                }
                other => {
                    word.text.push(other);
                    at += other.len_utf8();
                }
            }
        }
        if let Some(word) = &mut current {
            word.end = at;
        }
    }
    words.extend(current);
    Ok(words)
}

fn template_end(rest: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in rest.char_indices().skip(2) {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, _) if rest[at..].starts_with(close) => return Some(at + close.len()),
            _ => {}
        }
    }
    None
}

fn single_quoted(rest: &str, word: &mut Word) -> Option<usize> {
    let end = rest[1..].find('\'')? + 1;
    push_with_templates(&rest[1..end], word);
    Some(end + 1)
}

fn push_with_templates(text: &str, word: &mut Word) {
    word.template |= text.contains("{{") || text.contains("{%");
    word.text.push_str(text);
}

fn double_quoted(rest: &str, word: &mut Word) -> Result<usize, &'static str> {
    const OPEN: &str = "a double quote is opened here and never closed";
    let mut at = 1;
    loop {
        let here = &rest[at..];
        let c = here.chars().next().ok_or(OPEN)?;
        if here.starts_with("{{") {
            let length = template_end(here, "}}").ok_or("a template is opened here and never closed")?;
            word.text.push_str(&here[..length]);
            word.template = true;
            at += length;
            continue;
        }
        at += c.len_utf8();
        match c {
            '"' => return Ok(at),
            '\\' => {
                let escaped = rest[at..].chars().next().ok_or(OPEN)?;
                at += escaped.len_utf8();
                match escaped {
                    'n' => word.text.push('\n'),
                    'r' => word.text.push('\r'),
                    't' => word.text.push('\t'),
                    'b' => word.text.push('\u{8}'),
                    'a' => word.text.push('\u{7}'),
                    'x' => {
                        let hex = rest.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                        let byte = hex.ok_or("\\x needs two hexadecimal digits")?;
                        if !byte.is_ascii() {
                            return Err("bytes above \\x7f cannot be written in a line of text");
                        }
                        word.text.push(char::from(byte));
                        at += 2;
                    }
                    other => word.text.push(other),
                }
            }
            other => word.text.push(other),
        }
    }
}

/// The place of the first word of a line, for errors about the command as a whole.
pub fn first_span(words: &[Template], whole: Span) -> Span {
    words.first().map_or(whole, Template::span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split_text(line: &str) -> Result<Vec<String>, String> {
        let mut found = Diagnostics::new();
        let line = Spanned::new(line.to_owned(), Span::default());
        split(&line, &mut found)
            .map(|words| words.iter().map(|word| word.text().to_owned()).collect())
            .ok_or_else(|| found.iter().next().map(|d| d.message.clone()).unwrap_or_default())
    }

    #[test]
    fn quotes_are_those_of_redis_cli() {
        assert_eq!(split_text(r#"SET k "a b\n\x41" 'c "d"' e\ f"#).unwrap(), ["SET", "k", "a b\nA", "c \"d\"", "e f"]);
        assert_eq!(split_text(r#"CONFIG SET save """#).unwrap(), ["CONFIG", "SET", "save", ""]);
        assert!(split_text("SET k \"open").unwrap_err().contains("double quote"));
        assert!(split_text("SET k {{ open").unwrap_err().contains("template"));
    }

    #[test]
    fn a_template_is_one_word_however_it_is_spaced() {
        assert_eq!(
            split_text(r#"SET {{ inputs.key }} "x {{ inputs.a ~ "}}" }}" p{{ inputs.b|default('a b') }}s"#).unwrap(),
            ["SET", "{{ inputs.key }}", "x {{ inputs.a ~ \"}}\" }}", "p{{ inputs.b|default('a b') }}s"]
        );
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(word in "[^{]{0,20}") {
            // \xHH stands for one character below 0x100, so everything else goes through as it is.
            prop_assert_eq!(split_text(&format!("X {}", quote(&word))).unwrap(), vec!["X".to_owned(), word]);
        }

        #[test]
        fn no_line_panics(line in ".{0,60}") {
            let _ = split_text(&line);
        }
    }
}
