//! Tokio, files and signals: carries out what the core decides, and records it first.
//!
//! Must not know any provider, nor how anything is shown. Invariants: nothing outside the loop
//! ([`engine`]) changes state; no change is sent before its pre-image and intent are on disk; every
//! exit drains its tasks.

mod clock;
mod engine;
mod error;
mod executor;
mod failpoint;
mod journal;
mod message;
mod planner;

mod sink;
mod store;
mod targets;

pub use clock::{Random, SystemClock};
pub use engine::{Ended, Engine, Start};
pub use error::RuntimeError;
pub use journal::{Journal, Loaded, load, open, seal};
pub use message::{Inbox, Input, Said};
pub use planner::{Planner, plan_rollback};

pub use sink::{Progress, Sink};
pub use store::{Local, Lock, RunLine, Store};
pub use targets::Targets;
