//! Lines for a terminal: cleaned, wrapped to a width, and in colour only where that is asked for.

use console::{Style, measure_text_width};
use playbook_core::timeline::clean;

/// Colours that accompany words and symbols, never replace them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colour: bool,
}

impl Paint {
    /// With colour or without, whatever the terminal is.
    pub(crate) fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn apply(self, style: &Style, text: &str) -> String {
        if text.is_empty() {
            String::new()
        } else {
            style.clone().force_styling(self.colour).apply_to(text).to_string()
        }
    }

    /// What matters most.
    pub(crate) fn bold(self, text: &str) -> String {
        self.apply(&Style::new().bold(), text)
    }

    /// What can be skipped.
    pub(crate) fn dim(self, text: &str) -> String {
        self.apply(&Style::new().dim(), text)
    }

    /// As it should be.
    pub(crate) fn good(self, text: &str) -> String {
        self.apply(&Style::new().green(), text)
    }

    /// A change.
    pub(crate) fn change(self, text: &str) -> String {
        self.apply(&Style::new().yellow(), text)
    }

    /// Data goes, or something failed.
    pub(crate) fn bad(self, text: &str) -> String {
        self.apply(&Style::new().red(), text)
    }

    /// Service stops for a while, or nobody knows.
    pub(crate) fn doubt(self, text: &str) -> String {
        self.apply(&Style::new().magenta(), text)
    }

    /// A person is asked.
    pub(crate) fn person(self, text: &str) -> String {
        self.apply(&Style::new().cyan(), text)
    }
}

/// One line without anything that could drive a terminal; line breaks become `↵`.
pub(crate) fn clean_line(text: &str) -> String {
    let lines: Vec<String> = clean(text).lines().map(|line| line.replace('\t', " ")).collect();
    lines.join(" ↵ ")
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    measure_text_width(text)
}

/// Breaks a cleaned text into lines of at most `width` columns: between words where it can, within
/// a word where it must. Spaces within a line stay as they are. There is always at least one line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word.to_owned();
        loop {
            let last = lines.last_mut().expect("there is always a line");
            let used = self::width(last);
            let space = usize::from(used > 0);
            if used + space + self::width(&word) <= width {
                if space == 1 {
                    last.push(' ');
                }
                last.push_str(&word);
                break;
            }
            if used > 0 {
                lines.push(String::new());
                continue;
            }
            let (head, tail) = split(&word, width);
            last.push_str(&head);
            word = tail;
            lines.push(String::new());
        }
    }
    if lines.len() > 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// As many characters as fit, at least one, and the rest.
fn split(word: &str, width: usize) -> (String, String) {
    let mut taken = 0;
    let fits = |(_, c): &(usize, char)| {
        taken += self::width(c.encode_utf8(&mut [0; 4]));
        taken <= width
    };
    let after_first = word.chars().next().map_or(0, char::len_utf8);
    let end = word.char_indices().take_while(fits).last().map_or(after_first, |(at, c)| at + c.len_utf8());
    (word[..end].to_owned(), word[end..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_within_long_ones() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("a  b", 7), ["a  b"]);
        assert_eq!(wrap("ab漢字", 3), ["ab", "漢", "字"]);
        assert_eq!(wrap("漢字漢字", 4), ["漢字", "漢字"]);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn colour_is_on_or_off_whatever_the_terminal() {
        assert_eq!(Paint::new(false).bad("x"), "x");
        assert_eq!(Paint::new(true).bad("x"), "\u{1b}[31mx\u{1b}[0m");
    }

    #[test]
    fn nothing_drives_the_terminal() {
        assert_eq!(clean_line("a\u{1b}[2Jb\nc\u{7}"), "ab ↵ c");
    }
}
