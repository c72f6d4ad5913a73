//! The Redis provider against real servers.

mod changes;
mod connect;
mod crashes;
mod drill;
mod eviction;
mod keys;
mod memory;
mod others;
mod plans;
mod probes;
mod readonly;
mod roundtrip;
mod secrets;
mod server;
mod table;
