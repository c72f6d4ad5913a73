//! One integration binary: the program as a user runs it, against real services.

mod check;
mod cli;
mod crash;
mod generated;
mod golden;
mod live;
mod plan;
mod rollback;
mod structure;
