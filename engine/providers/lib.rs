//! Providers: one folder per kind of target. They act; they never journal or print, and never know
//! each other.

pub mod docker;
pub mod kubernetes;
pub mod redis;
