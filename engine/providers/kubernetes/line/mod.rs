//! Words of a kubectl line → what they ask for, as kubectl reads them.
//!
//! Knows nothing of clusters: resources and names stay as they were written, and discovery tells
//! later what they are. Invariant: the shape of a line (verb, flags, number of arguments, what is
//! a name and what is a type) comes from what the author wrote. A value that came out of a
//! template fills one place and never makes another.

mod body;
mod change;
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
mod measure;
pub(in crate::kubernetes) mod model;
mod nodes;
mod objects;
mod pairs;
mod patch;
mod reader;
mod rollout;
mod secret_words;
mod set;
mod tables;
mod unsuitable;
mod verbs;

pub(in crate::kubernetes) use class::class;
pub(in crate::kubernetes) use form::Form;
pub(in crate::kubernetes) use inner::{Look, command_place};
pub(in crate::kubernetes) use secret_words::{mask, secrets};
pub(in crate::kubernetes) use verbs::parse;
