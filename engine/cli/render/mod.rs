//! Data → text for people: a plan for a terminal or a pull request, a timeline as a postmortem.
//!
//! Pure functions: no file, clock, environment or terminal. What they are given decides what they
//! return, byte for byte. Whatever came from a server or a person is cleaned before it is shown:
//! control characters cannot drive a terminal, and Markdown cannot be broken out of.

pub(crate) mod diagnostics;
#[cfg(test)]
mod fixtures;
mod impact;
mod mark;
pub(crate) mod markdown;
mod plan_md;
mod plan_text;
mod plan_words;
pub(crate) mod rollback;
mod terminal;
#[cfg(test)]
mod tests;
mod timeline_md;
mod timeline_sections;
mod timeline_tables;
mod zoned;

pub(crate) use mark::Mark;
pub(crate) use plan_md::plan_md;
pub(crate) use plan_text::plan_text;
pub(crate) use terminal::{Paint, wrap};
pub(crate) use timeline_md::{MarkdownOptions, timeline_md};

use playbook_core::model::{Bytes, Duration};

/// A length of time from microseconds: `2m 5s`.
pub(crate) fn duration(micros: u64) -> String {
    Duration::micros(micros).to_string()
}

/// A size: `1.2 GiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    Bytes(bytes).to_string()
}

/// `41,208 keys`, `1 key`: what is counted is given in the plural.
pub(crate) fn things(count: u64, what: &str) -> String {
    let number = playbook_core::timeline::phrase::number(count);
    match what.strip_suffix('s') {
        Some(one) if count == 1 && !one.ends_with('s') => format!("{number} {one}"),
        Some(_) | None => format!("{number} {what}"),
    }
}
