//! Docker: docker and compose lines, spoken to the Engine API.
//!
//! Plans ask over a connection that lets only GET through ([`client`]).
#![allow(dead_code, reason = "used by what is built beside it")]

mod client;
mod expect;
mod faults;
mod line;
mod look;
mod mask;
mod target;
mod target_draft;
mod tunnel;

pub use tunnel::way;
