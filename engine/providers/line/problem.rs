//! What is wrong with a line, and what to write instead.

use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, nearest};
use playbook_core::source::Span;

use super::word::Word;

/// Where a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// In this word.
    Word(usize),
    /// In the line as a whole.
    Line,
}

/// Something wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong: a lower-case fragment.
    pub(crate) message: String,
    /// What to write instead.
    pub(crate) help: String,
    /// Where.
    pub(crate) at: At,
    /// Its page.
    pub(crate) code: Code,
    /// What was written and what was probably meant.
    meant: Option<(String, String)>,
}

impl Problem {
    /// Wrong arguments.
    pub(crate) fn new(at: At, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), at, code: Code::Arguments, meant: None }
    }

    /// A problem of the line as a whole.
    pub(crate) fn line(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(At::Line, message, help)
    }

    /// Something that a program does and a step does not.
    pub(crate) fn unsuitable(at: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: Code::UnsuitableCommand, ..Self::new(At::Word(at), message, help) }
    }

    /// A name that nothing has: the nearest one that exists is the help.
    pub(crate) fn unknown(at: usize, message: impl Into<String>, given: &str, known: &[&str]) -> Self {
        let otherwise = format!("known here: {}", known.join(", "));
        Self { code: Code::UnknownCommand, ..Self::new(At::Word(at), message, "") }.near(given, known, otherwise)
    }

    /// With what was written and what to write for it.
    pub(crate) fn instead_of(mut self, given: &str, meant: &str) -> Self {
        self.meant = Some((given.to_owned(), meant.to_owned()));
        self
    }

    /// "did you mean", if one of `known` is near `given`; else another help.
    pub(crate) fn near(mut self, given: &str, known: &[&str], otherwise: impl Into<String>) -> Self {
        match nearest(given, known.iter().copied()) {
            Some(near) => {
                self.help = format!("did you mean `{near}`?");
                self.meant = Some((given.to_owned(), near.to_owned()));
            }
            None => self.help = otherwise.into(),
        }
        self
    }

    /// As a diagnostic; `whole` is the place of the line.
    pub(crate) fn diagnostic(&self, words: &[Word], whole: Span) -> Diagnostic {
        let span = match self.at {
            At::Word(at) => words.get(at).map_or(whole, |word| word.span),
            At::Line => match (words.first(), words.last()) {
                (Some(first), Some(last)) => first.span.to(last.span),
                _ => whole,
            },
        };
        let told = Diagnostic::error(self.code, span, self.message.clone()).help(self.help.clone());
        match self.edit(words) {
            Some((span, meant)) => told.edit(span, meant),
            None => told,
        }
    }

    /// Where in the text of the playbook the slip is, if that is certain.
    fn edit(&self, words: &[Word]) -> Option<(Span, &str)> {
        let (given, meant) = self.meant.as_ref()?;
        let At::Word(at) = self.at else { return None };
        let word = words.get(at).filter(|word| word.fixed)?;
        let as_written = (word.span.end - word.span.start) as usize == word.head.len();
        let mut places = word.head.match_indices(given.as_str()).map(|(start, _)| start);
        let start = places.next().filter(|_| as_written && places.next().is_none())?;
        // A word that is left out takes what is between it and the next with it.
        if let (true, Some(next)) = (meant.is_empty() && given == &word.head, words.get(at + 1)) {
            return Some((Span::new(word.span.file, word.span.start as usize, next.span.start as usize), meant));
        }
        Some((word.span.slice(start, start + given.len()), meant))
    }
}
