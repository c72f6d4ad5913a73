//! Values with units and meaning, valid once they exist.

mod bytes;
mod digest;
mod duration;
mod effect;
mod id;

pub use bytes::Bytes;
pub use digest::Digest;
pub use duration::Duration;
pub use effect::{Class, Effect, Reversal};
pub use id::{RunId, StepId, StepIx};
