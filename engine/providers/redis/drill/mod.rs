//! Rehearsals: a server that is thrown away, and what it held before and after.

mod container;
mod glob;
mod process;
mod snapshot;
mod throwaway;

pub use snapshot::{Ignoring, Snapshot};
pub use throwaway::{Elsewhere, Throwaway};
