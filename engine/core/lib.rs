//! The rules of playbook, without an async runtime, files, network, clock, environment or terminal.
//!
//! `source ← diagnostic ← syntax ← check ← plan ← run ← timeline`: each knows only those before it.

pub mod codes;
pub mod diagnostic;
pub mod expr;
pub mod model;
pub mod source;
pub mod syntax;
