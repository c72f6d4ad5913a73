//! YAML text → the structs exactly as written, every value with its place.
//!
//! Knows the keys of the language, not what they refer to, and no provider: the parameters of an
//! action stay a tree until its kind reads them.

pub mod de;
mod header;
mod input;
mod playbook;
mod step;
pub mod tree;

pub use header::{Header, Symptoms};
pub use input::{InputDecl, InputFrom, InputType};
pub use playbook::{Authored, Drill, read};
pub(crate) use step::known_keys;
pub use step::{Common, Needs, OnFailure, OneOrMany, Retry, RollbackDecl, Step};
