//! Standard output and error. A reader that goes away ends the writing, not the program; secrets
//! that are known by now are taken out. Invariant: whatever a server, a pod or a journal says, colour is
//! all that a terminal is told to do.

use std::borrow::Cow;
use std::io::IsTerminal as _;

use playbook_core::secret::Secrets;
use playbook_core::timeline::clean;

/// Where words go.
#[derive(Clone)]
pub(crate) struct Out {
    secrets: Secrets,
}

impl Out {
    /// Writes that pass through the secrets.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { secrets }
    }

    /// What others said, without secrets and without anything that a terminal acts on: for whatever is
    /// cut or wrapped before it is written.
    pub(crate) fn clean(&self, text: &str) -> String {
        clean(&self.secrets.text(text))
    }

    /// To standard output.
    pub(crate) fn print(&self, text: &str) {
        write(&mut std::io::stdout().lock(), &coloured(&self.secrets.text(text)));
    }

    /// Makes the line empty that the cursor is in.
    pub(crate) fn erase_line(&self) {
        write(&mut std::io::stdout().lock(), "\r\u{1b}[K");
    }

    /// A line to standard output.
    pub(crate) fn line(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// A line to standard error.
    pub(crate) fn error(&self, text: &str) {
        write(&mut std::io::stderr().lock(), &coloured(&self.secrets.text(&format!("{text}\n"))));
    }

    /// Is a person looking?
    pub(crate) fn is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }
}

fn write(to: &mut impl std::io::Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// A text in which nothing is left that a terminal acts on, but colour. C1 controls become what JSON
/// writes for them, which is the same value where it is read as JSON.
fn coloured(text: &str) -> Cow<'_, str> {
    let acts = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(acts) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(length) = colour(rest) {
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        let control = rest.chars().next().unwrap_or_default();
        rest = &rest[control.len_utf8()..];
        if !control.is_ascii() {
            out.push_str(&format!("\\u{:04x}", u32::from(control)));
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The length of a colour that a text begins with: `ESC [ 1 ; 31 m`.
fn colour(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("\u{1b}[")?;
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    digits[end..].starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_all_that_a_terminal_is_told() {
        assert_eq!(coloured("plain\n\ttext é"), "plain\n\ttext é");
        assert_eq!(coloured("\u{1b}[1;31mred\u{1b}[0m"), "\u{1b}[1;31mred\u{1b}[0m");
        assert_eq!(coloured("a\u{1b}[2Jb\u{1b}]0;t\u{7}c\r\u{1b}"), "a[2Jb]0;tc");
        assert_eq!(coloured("a\u{9b}2Jb\u{7f}"), "a\\u009b2Jb");
    }
}
