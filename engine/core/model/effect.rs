//! What an action does to the world, and whether it can be taken back.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an action does to what it acts on. What cannot be classified is [`Effect::Unknown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Looks, and leaves everything as it was.
    Read,
    /// Changes data or settings.
    Change,
    /// Service stops or slows for a while.
    Disrupt,
    /// Data goes.
    Destroy,
    /// Nobody knows beforehand.
    Unknown,
}

impl Effect {
    /// Anything but a read?
    pub fn changes(self) -> bool {
        match self {
            Self::Read => false,
            Self::Change | Self::Disrupt | Self::Destroy | Self::Unknown => true,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Disrupt => "disrupt",
            Self::Destroy => "destroy",
            Self::Unknown => "unknown",
        })
    }
}

/// Whether, and how well, an action can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", content = "why")]
pub enum Reversal {
    /// It leaves nothing that would need it.
    NoneNeeded,
    /// What was captured before is put back, and that is checked.
    Exact,
    /// Mostly; the words say what is not.
    BestEffort(String),
    /// By steps that the author wrote.
    Stated,
    /// No; the words say why.
    Impossible(String),
}

impl fmt::Display for Reversal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneNeeded => f.write_str("none needed"),
            Self::Exact => f.write_str("exact"),
            Self::BestEffort(why) => write!(f, "best effort ({why})"),
            Self::Stated => f.write_str("stated by the author"),
            Self::Impossible(why) => write!(f, "impossible ({why})"),
        }
    }
}

/// What is known of an action before anything is asked of its target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Class {
    /// What it does.
    pub effect: Effect,
    /// How it can be taken back.
    pub reversal: Reversal,
}

impl Class {
    /// A read.
    pub const READ: Self = Self { effect: Effect::Read, reversal: Reversal::NoneNeeded };

    /// An effect and how it is taken back.
    pub fn new(effect: Effect, reversal: Reversal) -> Self {
        Self { effect, reversal }
    }
}
