//! Data → text: pure, no printing.

pub mod diagnostics;
pub mod paint;
pub mod rollback;
