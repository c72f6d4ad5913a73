//! One integration binary.

mod redis;
