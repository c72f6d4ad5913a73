//! The command line: arguments in, words out.

pub mod render;
