//! What is wrong with a line, and what to write instead.

use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, nearest};
use playbook_core::source::Span;

use super::word::Word;

/// Where a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) enum At {
    /// In this word.
    Word(usize),
    /// In the line as a whole.
    Line,
}

/// Something wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) struct Problem {
    /// What is wrong: a lower-case fragment.
    pub(in crate::kubernetes) message: String,
    /// What to write instead.
    pub(in crate::kubernetes) help: String,
    /// Where.
    pub(in crate::kubernetes) at: At,
    /// Its page.
    pub(in crate::kubernetes) code: Code,
}

impl Problem {
    /// Wrong arguments.
    pub(super) fn new(at: At, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), at, code: Code::Arguments }
    }

    /// A problem of the line as a whole.
    pub(super) fn line(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(At::Line, message, help)
    }

    /// Something that kubectl does and a step does not.
    pub(super) fn unsuitable(at: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: Code::UnsuitableCommand, ..Self::new(At::Word(at), message, help) }
    }

    /// A name that nothing has: the nearest one that exists is the help.
    pub(super) fn unknown(at: usize, message: impl Into<String>, given: &str, known: &[&str]) -> Self {
        let help = match nearest(given, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        Self { code: Code::UnknownCommand, ..Self::new(At::Word(at), message, help) }
    }

    /// As a diagnostic; `whole` is the place of the line.
    pub(in crate::kubernetes) fn diagnostic(&self, words: &[Word], whole: Span) -> Diagnostic {
        let span = match self.at {
            At::Word(at) => words.get(at).map_or(whole, |word| word.span),
            At::Line => match (words.first(), words.last()) {
                (Some(first), Some(last)) => first.span.to(last.span),
                _ => whole,
            },
        };
        Diagnostic::error(self.code, span, self.message.clone()).help(self.help.clone())
    }
}
