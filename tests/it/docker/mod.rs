//! The Docker provider against real engines, and the engines themselves.
//!
//! [`engine`] is a dockerd that the tests start, [`proxy`] stands before one and fails as it is told,
//! [`registry`] is beside one, [`compose`] makes one generation of Compose the one that is found, and
//! [`scene`] is the program before all of it. Nothing of this uses the client under test.

mod agrees;
mod bed;
mod compose;
mod crash;
mod daemon;
mod drill;
mod engine;
mod fault;
mod gone;
mod honest;
mod lost;
mod namespaces;
mod order;
mod proxy;
mod pulls;
mod random;
mod registry;
mod request;
mod runbook;
mod scene;
mod secrets;
mod shop;
mod snapshot;
mod waiting;
mod ways;
mod world;
