//! Texts that have no value yet: a template in a playbook that is only being checked.
//!
//! In a [`super::model::Line`] such a text is what the author wrote before the template, and a
//! mark. A line that is carried out has none: [`super::word::Word`]s with texts never get one.

/// Ends an open text. Unicode promises that it never is a character.
const MARK: char = '\u{10FFFF}';

/// An open text that begins with `head`.
pub(crate) fn text(head: &str) -> String {
    format!("{head}{MARK}")
}

/// Has this text no value yet?
pub(crate) fn is(text: &str) -> bool {
    text.contains(MARK)
}

/// An open text for people.
pub(crate) fn shown(text: &str) -> String {
    text.replace(MARK, "…")
}
