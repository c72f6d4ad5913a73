//! Errors about a text, as data: code, places, words, help. The command line turns them into
//! terminal output, JSON, annotations or SARIF.
//!
//! Knows nothing of how they are shown. Invariant: all problems of one pass are collected, and
//! none that merely follows from another.

use crate::codes::Code;
use crate::source::{Span, Spanned};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing runs until this is mended.
    Error,
    /// It runs, and may not do what was meant.
    Warning,
}

/// A replacement that would mend the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What to replace; empty to insert.
    pub span: Span,
    /// The text to put there.
    pub replacement: String,
}

/// One problem and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Diagnostic {
    /// What kind of problem; `playbook explain CODE` tells more.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What happened: a lower-case fragment.
    pub message: String,
    /// Where, and a few words to stand under the place.
    pub primary: Spanned<String>,
    /// Other places that matter.
    pub secondary: Vec<Spanned<String>>,
    /// What to do about it.
    pub help: Vec<String>,
    /// A replacement, when one is likely right.
    pub edit: Option<Edit>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            primary: Spanned::new(String::new(), span),
            secondary: Vec::new(),
            help: Vec::new(),
            edit: None,
        }
    }

    /// A warning at a place.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Words to stand under the main place.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.value = text.into();
        self
    }

    /// A second place and what it has to do with this.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Spanned::new(text.into(), span));
        self
    }

    /// What to do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// A replacement that is likely right.
    pub fn edit(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.edit = Some(Edit { span, replacement: replacement.into() });
        self
    }

    /// "did you mean", as help and as an edit of the main place, if one of `known` is near `given`.
    pub fn suggest<'a>(mut self, given: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Self {
        if let Some(near) = nearest(given, known.clone()) {
            let span = self.primary.span;
            self = self.help(format!("did you mean `{near}`?"));
            if span.end - span.start == given.len() as u32 {
                self = self.edit(span, near);
            }
            return self;
        }
        let known: Vec<&str> = known.into_iter().collect();
        match known.len() {
            0 => self,
            1..=24 => self.help(format!("known here: {}", known.join(", "))),
            n => self.help(format!("known here: {} and {} more", known[..20].join(", "), n - 20)),
        }
    }
}

/// The one of `known` that `given` was probably meant to be.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let allowed = match given.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(given.len()) <= allowed)
        .map(|candidate| (strsim::damerau_levenshtein(&given, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// What one pass found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all of another pass.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Is there anything that must be mended before a run?
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    /// Nothing at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, in the order of the file, errors of one place before warnings.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// Puts them in the order of the file and drops what was said twice.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort_by_key(|found| (found.primary.span, found.severity, found.code));
        self.0.dedup();
        self
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_a_different_word_is_not() {
        let known = ["retry", "redis", "needs", "when"];
        assert_eq!(nearest("retrys", known), Some("retry"));
        assert_eq!(nearest("reddis", known), Some("redis"));
        assert_eq!(nearest("Needs", known), Some("needs"));
        assert_eq!(nearest("kubernetes", known), None);
    }
}
