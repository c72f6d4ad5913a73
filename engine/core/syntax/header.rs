//! The keys of a playbook besides its steps and targets.

use schemars::JsonSchema;
use serde::Deserialize;

use super::de::Ordered;
use super::input::InputDecl;
use super::step::OnFailure;
use crate::model::{Bytes, Duration};
use crate::source::Spanned;

/// The keys of a playbook besides its steps and targets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The name of the playbook; equals the name of its file.
    pub playbook: Spanned<String>,
    /// One line for lists.
    #[serde(default)]
    pub title: Option<String>,
    /// What is wrong when this playbook helps, and what it does. Markdown.
    #[serde(default)]
    pub description: Option<String>,
    /// Who keeps it.
    #[serde(default)]
    pub owners: Vec<String>,
    /// What `playbook find` searches.
    #[serde(default)]
    pub symptoms: Symptoms,
    /// Values that a run is given.
    #[serde(default)]
    pub inputs: Ordered<Spanned<InputDecl>>,
    /// What happens when a step fails and does not say it itself.
    #[serde(default)]
    pub on_failure: Option<OnFailure>,
    /// How long a whole run may take, without the time it waits for people.
    #[serde(default)]
    pub timeout: Option<Duration>,
    /// Bytes that one step may capture for its rollback. Default: 256 MiB.
    #[serde(default)]
    pub capture_limit: Option<Bytes>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What remains to be done by people afterwards.
    #[serde(default)]
    pub followups: Vec<String>,
}

/// How the trouble shows itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Symptoms {
    /// Names of alerts.
    #[serde(default)]
    pub alerts: Vec<String>,
    /// Error messages, as they stand in logs.
    #[serde(default)]
    pub errors: Vec<String>,
    /// What people notice.
    #[serde(default)]
    pub observations: Vec<String>,
}

impl Default for Spanned<String> {
    fn default() -> Self {
        Self::new(String::new(), crate::source::Span::default())
    }
}
