//! One word of a line, and parts of words.

use playbook_core::expr::Template;
use playbook_core::source::Span;

use super::open;
use super::problem::{At, Problem};

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The text; none while a template in it has no value.
    pub(crate) text: Option<String>,
    /// What the author wrote before the first template; the whole text if there is none.
    pub(crate) head: String,
    /// Did the author write all of it? An empty value leaves a text that is its head all the same.
    pub(crate) fixed: bool,
    /// Where it stands.
    pub(crate) span: Span,
}

impl Word {
    /// A word as written, before templates have values.
    pub(crate) fn written(template: &Template) -> Self {
        let text = template.fixed().map(str::to_owned);
        Self { fixed: text.is_some(), text, head: head(template).to_owned(), span: template.span() }
    }

    /// A word whose templates have been filled in.
    pub(crate) fn filled(template: &Template, text: String) -> Self {
        let head = head(template);
        // A template that is the whole word loses the spaces around it.
        let head = if text.starts_with(head) { head } else { "" };
        Self { head: head.to_owned(), text: Some(text), fixed: template.fixed().is_some(), span: template.span() }
    }
}

fn head(template: &Template) -> &str {
    let text = template.text();
    if template.fixed().is_some() {
        return text;
    }
    let end = ["{{", "{%", "{#"].iter().filter_map(|mark| text.find(mark)).min().unwrap_or(0);
    &text[..end]
}

/// A word or a part of one, and which word it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The text; none while it has no value.
    pub(crate) text: Option<String>,
    /// What the author wrote before the first template.
    pub(crate) head: String,
    /// Did the author write all of it?
    pub(crate) fixed: bool,
    /// Which word.
    pub(crate) at: usize,
}

impl Piece {
    /// A whole word.
    pub(crate) fn of(word: &Word, at: usize) -> Self {
        let text = word.text.clone();
        // A head that is no beginning of the text would be a mistake of the caller: trust none of it.
        let sound = text.as_ref().is_none_or(|text| text.starts_with(&word.head));
        let head = if sound { word.head.clone() } else { String::new() };
        let fixed = word.fixed && text.as_ref() == Some(&head);
        Self { text, head, fixed, at }
    }

    /// Something that the author wrote, or would have.
    pub(crate) fn fixed(text: &str, at: usize) -> Self {
        Self { text: Some(text.to_owned()), head: text.to_owned(), fixed: true, at }
    }

    /// The text, open if it has no value yet.
    pub(crate) fn value(&self) -> String {
        self.text.clone().unwrap_or_else(|| open::text(&self.head))
    }

    /// The text for a message.
    pub(crate) fn shown(&self) -> String {
        open::shown(&self.value())
    }

    /// The part from a byte of the head on.
    pub(crate) fn after(&self, byte: usize) -> Self {
        let cut = |text: &str| text.get(byte..).unwrap_or_default().to_owned();
        Self { text: self.text.as_deref().map(cut), head: cut(&self.head), fixed: self.fixed, at: self.at }
    }

    /// What stands before and after the first `mark` that the author wrote.
    pub(crate) fn split(&self, mark: char) -> Option<(String, Self)> {
        let byte = self.head.find(mark)?;
        Some((self.head[..byte].to_owned(), self.after(byte + mark.len_utf8())))
    }

    /// The parts between the commas that the author wrote.
    pub(crate) fn list(&self) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut rest = self.clone();
        while let Some((part, after)) = rest.split(',') {
            parts.push(Self::fixed(&part, self.at));
            rest = after;
        }
        parts.push(rest);
        parts
    }

    /// A problem with it.
    pub(crate) fn problem(&self, message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem::new(At::Word(self.at), message, help)
    }
}
