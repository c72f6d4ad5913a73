//! Words of a docker line → what they ask for, as docker and compose read them.
//!
//! Knows nothing of engines: names stay as they were written. Invariant: the shape of a line (verb, flags,
//! number of arguments, parts of a word) comes from what the author wrote. A value that came out of a
//! template fills one place and never makes another.

mod amounts;
mod class;
mod compose;
mod containers;
mod exec;
#[cfg(test)]
mod fixtures;
mod flags;
mod form;
#[cfg(test)]
mod injection;
mod inner;
mod life;
mod look;
pub(in crate::docker) mod model;
mod names;
mod networks;
mod pairs;
mod run;
mod secret_words;
mod shell;
mod tables;
mod unsuitable;
mod verbs;
mod volumes;

pub(in crate::docker) use class::class;
pub(in crate::docker) use form::Form;
pub(in crate::docker) use inner::command_place;
pub(in crate::docker) use secret_words::{mask, secrets};
pub(in crate::docker) use verbs::parse;
