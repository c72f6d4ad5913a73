//! The Kubernetes provider against real servers, and the servers themselves.
//!
//! [`cluster`] is an API server with its controllers and no node, [`node`] a whole node, and
//! [`proxy`] stands before either and fails as it is told; [`webhook`] is asked by the first. Nothing of this uses the client under
//! test.

#![expect(dead_code, reason = "the testbed came before the provider")]

mod assets;
mod audit;
mod bed;
mod cluster;
mod exec;
mod fault;
mod forward;
mod https;
mod keeper;
mod node;
mod pods;
mod proxy;
mod settings;
mod webhook;
