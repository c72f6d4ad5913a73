//! One integration binary: the program as a user runs it, against real services.

mod check;
mod cli;
mod generated;
mod golden;
mod structure;
