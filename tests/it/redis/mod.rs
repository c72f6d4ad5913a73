//! The Redis provider against real servers.

mod changes;
mod server;
