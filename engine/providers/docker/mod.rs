//! Docker: docker and compose lines, spoken to the Engine API.
//!
//! Plans ask over a connection that lets only GET through ([`client`]).
#![allow(dead_code, reason = "used by what is built beside it")]

mod client;
pub mod drill;
mod faults;
mod line;
mod target;
