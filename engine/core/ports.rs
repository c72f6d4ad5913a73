//! What the rules need from outside: time, randomness, a way to be told to stop.

use std::future::Future;
use std::pin::Pin;

/// A future that providers return. The core has no runtime to name one from.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Two clocks read together: what a reader of a timeline wants, and what durations come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall clock, UTC.
    pub wall: jiff::Timestamp,
    /// Microseconds of a clock that never goes back and counts while the machine sleeps
    /// (CLOCK_BOOTTIME where there is one).
    pub mono_us: u64,
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Both clocks, now.
    fn now(&self) -> Now;
    /// Identifies the boot that `mono_us` counts from.
    fn boot(&self) -> &str;
}

/// Gives random numbers: for the jitter of retries and the ids of runs.
pub trait Randomness: Send + Sync {
    /// Any `u64`.
    fn next(&self) -> u64;
}

/// Tells an action that it should end.
///
/// An action is never dropped in the middle of a change: it is told, ends what it can, and returns
/// what it knows.
pub trait Cancel: Send + Sync {
    /// Was it told already?
    fn is_cancelled(&self) -> bool;
    /// Ready when it is told.
    fn cancelled(&self) -> BoxFuture<'_, ()>;
}

/// For what nobody tells to stop: it ends by itself, or is dropped.
#[derive(Clone, Copy, Debug)]
pub struct Never;

impl Cancel for Never {
    fn is_cancelled(&self) -> bool {
        false
    }

    fn cancelled(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}
