//! Command lines as a person writes them: what all of them share, whatever program they are for.
//!
//! Knows nothing of any provider's verbs: each has its own tables and readers over this. Invariant: the
//! shape of a line (verb, flags, number of arguments, parts of a word) comes from what the author
//! wrote. A value that came out of a template fills one place and never makes another.

pub(crate) mod choices;
pub(crate) mod flags;
pub(crate) mod form;
pub(crate) mod looking;
pub(crate) mod measure;
pub(crate) mod open;
pub(crate) mod problem;
pub(crate) mod reader;
pub(crate) mod redis_cli;
pub(crate) mod scan;
pub(crate) mod secret_words;
pub(crate) mod shell;
pub(crate) mod word;
