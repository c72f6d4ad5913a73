//! One integration binary: the program as a user runs it, against real services.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(missing_docs, unreachable_pub, reason = "nobody uses this from outside")]

mod check;
mod cli;
mod commands;
mod crash;
mod docker;
mod generated;
mod going_on;
mod golden;
mod installed;
mod journal;
mod keeper;
mod kubernetes;
mod live;
mod people;
mod plan;
mod redis;
mod rollback;
mod secrets;
mod signals;
mod structure;
mod yaml;
