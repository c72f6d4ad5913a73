//! Declarations of inputs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::de::Raw;
use crate::source::Spanned;

/// What kind of value an input takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// Text.
    String,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// `true` or `false`.
    Bool,
    /// A size such as 3gb; a number of bytes in expressions.
    Bytes,
    /// A length of time such as 20s; a number of seconds in expressions.
    Duration,
    /// One of `values`.
    Enum,
    /// A list of texts.
    List,
    /// Text that is never shown or stored.
    Secret,
}

/// One input as declared.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputDecl {
    /// What kind of value it takes.
    pub r#type: InputType,
    /// The value if none is given.
    #[serde(default)]
    pub default: Option<Spanned<Raw>>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The smallest value (int, float, bytes, duration).
    #[serde(default)]
    pub min: Option<Spanned<String>>,
    /// The largest value (int, float, bytes, duration).
    #[serde(default)]
    pub max: Option<Spanned<String>>,
    /// A regular expression that the text must match (string, list items).
    #[serde(default)]
    pub pattern: Option<Spanned<String>>,
    /// The choices (enum).
    #[serde(default)]
    pub values: Option<Spanned<Vec<String>>>,
    /// Must there be a value? Default: true unless there is a `default`.
    #[serde(default)]
    pub required: Option<bool>,
    /// Where to look for the value if none is given.
    #[serde(default)]
    pub from: Option<Spanned<InputFrom>>,
}

/// Where a value may come from: the first of these that has one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputFrom {
    /// An environment variable.
    #[serde(default)]
    pub env: Option<String>,
    /// A file, relative to the playbook; one line break at its end is dropped.
    #[serde(default)]
    pub file: Option<String>,
    /// A question at the terminal.
    #[serde(default)]
    pub prompt: Option<String>,
}
