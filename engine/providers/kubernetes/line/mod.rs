//! Words of a kubectl line → what they ask for, as kubectl reads them.
//!
//! Knows nothing of clusters: resources and names stay as they were written, and discovery tells
//! later what they are. Invariant: the shape of a line (verb, flags, number of arguments, what is
//! a name and what is a type) comes from what the author wrote. A value that came out of a
//! template fills one place and never makes another.

mod body;
mod change;
mod choices;
mod class;
mod create;
mod delete;
#[cfg(test)]
mod fixtures;
mod flags;
mod form;
#[cfg(test)]
mod form_tests;
#[cfg(test)]
mod injection;
mod inner;
mod look;
mod looking;
mod measure;
pub(in crate::kubernetes) mod model;
mod nodes;
mod objects;
pub(in crate::kubernetes) mod open;
mod pairs;
mod patch;
mod problem;
mod reader;
mod rollout;
mod scan;
mod secret_words;
mod set;
mod shell;
mod tables;
mod unsuitable;
mod verbs;
mod word;

pub(in crate::kubernetes) use class::class;
pub(in crate::kubernetes) use form::{Filled, Form};
pub(in crate::kubernetes) use inner::{Look, command_place};
pub(in crate::kubernetes) use secret_words::{mask, names_a_secret, secrets};
pub(in crate::kubernetes) use verbs::parse;
