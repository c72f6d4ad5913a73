//! Providers: one folder per kind of target. They act; they never journal or print, and never know
//! each other.

pub mod docker;
mod inside;
pub mod kubernetes;
mod line;
pub mod redis;
mod tls;
