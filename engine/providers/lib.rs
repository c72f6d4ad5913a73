//! Providers: one folder per kind of target. They act; they never journal or print, and never know
//! each other.

mod docker;
pub mod kubernetes;
mod line;
pub mod redis;
