//! What would change, and what would be hit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Class, Digest};

/// One side of a change. Unknown and secret are kinds of their own, never a text that looks like
/// a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is", content = "value")]
pub enum Image {
    /// There is nothing.
    Absent,
    /// Only the run can tell.
    Unknown,
    /// There is something, and it is secret.
    Secret,
    /// This.
    Value(Value),
}

impl Image {
    /// A text or number.
    pub fn of(value: impl Into<Value>) -> Self {
        Self::Value(value.into())
    }

    /// For people.
    pub fn show(&self) -> String {
        match self {
            Self::Absent => "(absent)".into(),
            Self::Unknown => "(known after run)".into(),
            Self::Secret => "[secret]".into(),
            Self::Value(Value::String(text)) if text.is_empty() => "\"\"".into(),
            Self::Value(Value::String(text)) => text.clone(),
            Self::Value(other) => other.to_string(),
        }
    }
}

/// One thing that would change, perhaps with parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What: `config maxmemory`, `key session:1`.
    pub subject: String,
    /// As it is.
    pub before: Image,
    /// As it would be.
    pub after: Image,
    /// Its parts, where it has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Change>,
}

impl Change {
    /// A change without parts.
    pub fn new(subject: impl Into<String>, before: Image, after: Image) -> Self {
        Self { subject: subject.into(), before, after, parts: Vec::new() }
    }

    /// Both sides for people: amounts of memory with their size, `314572800 (300 MiB)`.
    pub fn shown(&self) -> (String, String) {
        let memory = ["memory", "bytes", "backlog-size"].iter().any(|word| self.subject.contains(word));
        let side = |image: &Image| match image {
            // Settings of Redis are texts, also where they are numbers.
            Image::Value(value) if memory => {
                let bytes = value.as_u64().or_else(|| value.as_str()?.parse().ok());
                match bytes.filter(|bytes| *bytes >= 1024) {
                    Some(bytes) => format!("{bytes} ({})", crate::model::Bytes(bytes)),
                    None => image.show(),
                }
            }
            other => other.show(),
        };
        (side(&self.before), side(&self.after))
    }

    /// As one line for people.
    pub fn line(&self) -> String {
        let (before, after) = self.shown();
        format!("{}: {before} → {after}", self.subject)
    }

    /// Would it stay as it is?
    pub fn is_noop(&self) -> bool {
        self.before == self.after && self.before != Image::Unknown && self.parts.iter().all(Change::is_noop)
    }
}

/// What an action would touch, counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Impact {
    /// What is counted: `keys`.
    pub what: String,
    /// How many.
    pub count: u64,
    /// How many bytes they hold, if that is known.
    pub bytes: Option<u64>,
    /// Counted one by one, or estimated from a sample?
    pub exact: bool,
    /// Some of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
}

/// One of the things touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// More about it, in a few words: `string, 1.2 KiB, no expiry`.
    pub about: String,
}

/// What one action would do, as its provider says after looking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// Effect and reversal, now that the target has been asked.
    pub class: Class,
    /// Before and after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What is touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub impact: Vec<Impact>,
    /// What else to know: how long it blocks, what others it affects, what the user may not do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Planned {
    /// Nothing but its class is known.
    pub fn new(class: Class) -> Self {
        Self { class, changes: Vec::new(), impact: Vec::new(), notes: Vec::new() }
    }

    /// Would the world stay as it is?
    pub fn is_noop(&self) -> bool {
        if !self.class.effect.changes() {
            return true;
        }
        let stays = self.changes.iter().all(Change::is_noop);
        let looked = !self.changes.is_empty() || !self.impact.is_empty();
        looked && stays && self.impact.iter().all(|impact| impact.count == 0)
    }

    /// What an approval is about: everything that was shown except counts and samples, which move
    /// on a live system and are compared by [`Planned::within`].
    pub fn fingerprint(&self, words: &[String], target: Option<&str>) -> Digest {
        let shape: Vec<&str> = self.impact.iter().map(|impact| impact.what.as_str()).collect();
        let text = serde_json::json!([words, target, self.class, self.changes, shape]).to_string();
        Digest::of(text.as_bytes())
    }

    /// Do the counts still match, give or take `tolerance` (0.1 is ten percent)?
    pub fn within(&self, approved: &[(String, u64)], tolerance: f64) -> bool {
        self.counts().len() == approved.len()
            && self.counts().iter().zip(approved).all(|((what, now), (known, then))| {
                what == known && (*now as f64 - *then as f64).abs() <= (*then as f64 * tolerance)
            })
    }

    /// The counts that an approval is about.
    pub fn counts(&self) -> Vec<(String, u64)> {
        self.impact.iter().map(|impact| (impact.what.clone(), impact.count)).collect()
    }
}
