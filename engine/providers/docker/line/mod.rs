//! Docker lines.

pub(in crate::docker) mod model;
