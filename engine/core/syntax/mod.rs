//! YAML text → the structs exactly as written.

pub mod de;
pub mod tree;
