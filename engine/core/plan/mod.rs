//! What a run would do, as data: reviewed by people, compared by digest, never able to act.

mod change;
mod offline;
mod report;
mod world;

pub use change::{Change, Image, Impact, Planned, Sample};
pub use offline::{Asked, offline, planned_step, skeleton};
pub use report::{Depth, Known, Plan, PlannedStep, TargetLine, Totals};
pub use world::{Shown, World, question, shown};
