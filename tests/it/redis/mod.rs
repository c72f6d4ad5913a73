//! The Redis provider against real servers.

mod changes;
mod keys;
mod server;
