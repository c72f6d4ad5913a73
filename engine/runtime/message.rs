//! What reaches the loop from people: from the terminal or from another process.

use playbook_core::event::{Actor, Choice};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// What someone said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "say")]
pub enum Said {
    /// Yes or no to the question of a step.
    Answer {
        /// The step.
        step: String,
        /// Yes?
        yes: bool,
        /// In their own words.
        comment: Option<String>,
    },
    /// What to do about a failure, or about a cancelled run.
    Choice {
        /// The step that failed; none for the run.
        step: Option<String>,
        /// What to do.
        choice: Choice,
    },
    /// A line for the timeline.
    Note {
        /// The line.
        text: String,
    },
    /// The run should end.
    Cancel {
        /// Why, or through what.
        by: String,
    },
}

/// What someone said, and who.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Identifies it, so that it counts once.
    pub id: String,
    /// Who.
    pub actor: Actor,
    /// What.
    #[serde(flatten)]
    pub said: Said,
}

/// The way from the terminal to the loop.
pub type Inbox = mpsc::Receiver<Input>;
