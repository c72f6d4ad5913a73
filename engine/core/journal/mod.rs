//! The journal as text: one canonical JSON object a line, each naming the SHA-256 of the line
//! before. Pure: files belong to the runtime.

mod canonical;
mod verify;
mod wire;

pub use canonical::{NotCanonical, canonical};
pub use verify::{Head, Problem, Verdict, verify};
pub use wire::{decode, encode};

use crate::event::{Event, Record};
use crate::model::Digest;

/// A line and what the next one must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes, without the line break.
    pub text: String,
    /// Their SHA-256.
    pub digest: Digest,
}

/// Writes a record as a line.
///
/// # Errors
/// When the record holds something that has no canonical form.
pub fn line(record: &Record) -> Result<Line, NotCanonical> {
    let value = serde_json::to_value(record).map_err(|error| NotCanonical(error.to_string()))?;
    let text = canonical(&encode(value))?;
    Ok(Line { digest: Digest::of(text.as_bytes()), text })
}

/// Reads a line. Types that are not known stay as they are.
///
/// # Errors
/// When it is not a record at all.
pub fn read(text: &str) -> Result<Record, serde_json::Error> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    let record: Record = serde_json::from_value(decode(value))?;
    match &record.event {
        // What is known and cannot be read was damaged; to pass it over would be to forget it.
        Event::Other(other) if Event::is_known(&other.r#type) => {
            Err(serde::de::Error::custom(format!("a `{}` that cannot be read", other.r#type)))
        }
        _ => Ok(record),
    }
}
