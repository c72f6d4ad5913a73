//! The Kubernetes provider against real servers, and the servers themselves.
//!
//! [`cluster`] is an API server with its controllers and no node, [`node`] a whole node, and
//! [`proxy`] stands before either and fails as it is told; [`webhook`] is asked by the first. Nothing of this uses the client under
//! test.

mod assets;
mod audit;
mod bed;
mod cluster;
mod crash;
mod exec;
mod fault;
mod forward;
mod gone;
mod honest;
mod https;
mod impact;
mod into_pods;
mod lines;
mod login;
mod lost;
mod manifests;
mod measured;
mod node;
mod playbooks;
mod pods;
mod proxy;
mod random;
mod runbook;
mod settings;
mod trouble;
mod waiting;
mod webhook;
