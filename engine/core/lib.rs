//! The rules of playbook, without an async runtime, files, network, clock, environment or terminal.
//!
//! `source ← diagnostic ← syntax ← check ← plan ← run ← timeline`: each knows only those before it.

pub mod action;
pub mod brief;
pub mod check;
pub mod codes;
pub mod diagnostic;
pub mod event;
pub mod expr;
pub mod files;
pub mod graph;
pub mod input;
pub mod journal;
pub mod model;
pub mod plan;
pub mod ports;
pub mod redact;
pub mod registry;
pub mod run;
pub mod secret;
pub mod source;
pub mod starter;
pub mod syntax;
pub mod timeline;
pub mod tunnel;
pub mod words;
