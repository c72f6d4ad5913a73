//! How a container stands: what of it can be put back by starting, stopping and pausing it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a container stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`.
    pub(super) status: String,
    /// When it was started last, in the engine's words.
    pub(super) started: String,
    /// How often the engine started it again by itself.
    pub(super) restarts: i64,
    /// `starting`, `healthy`, `unhealthy`; none without a health check.
    pub(super) health: Option<String>,
    /// Of its last end.
    pub(super) exit: i64,
}

/// What it does, as far as it can be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// It runs, or the engine starts it again and again.
    Run,
    /// It is held.
    Pause,
    /// It does not run.
    Rest,
}

impl Standing {
    /// Of what `inspect` says.
    pub(super) fn of(container: &Value) -> Self {
        let text = |at: &str| container.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |at: &str| container.pointer(at).and_then(Value::as_i64).unwrap_or_default();
        let health = text("/State/Health/Status");
        Self {
            status: text("/State/Status"),
            started: text("/State/StartedAt"),
            restarts: number("/RestartCount"),
            health: Some(health).filter(|health| !health.is_empty() && health != "none"),
            exit: number("/State/ExitCode"),
        }
    }

    /// What it does.
    pub(super) fn does(&self) -> Does {
        match self.status.as_str() {
            "running" | "restarting" => Does::Run,
            "paused" => Does::Pause,
            _ => Does::Rest,
        }
    }

    /// Does it run, and pass its health check if it has one?
    pub(super) fn is_well(&self) -> bool {
        self.status == "running" && self.health.as_deref().is_none_or(|health| health == "healthy")
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        match (self.status.as_str(), self.health.as_deref()) {
            ("running", Some(health)) => format!("running ({health})"),
            ("exited" | "dead", _) => format!("{} ({})", self.status, self.exit),
            (status, _) => status.to_owned(),
        }
    }
}

impl Does {
    /// For people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Run => "running",
            Self::Pause => "paused",
            Self::Rest => "stopped",
        }
    }
}

/// The name of a container, without the slash that the engine puts before it.
pub(super) fn name(container: &Value) -> &str {
    container.get("Name").and_then(Value::as_str).unwrap_or_default().trim_start_matches('/')
}

/// The id of a thing.
pub(super) fn id(thing: &Value) -> &str {
    thing.get("Id").and_then(Value::as_str).unwrap_or_default()
}

/// A label of a container, as `inspect` or a list has it.
pub(super) fn label<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    let labels = container.pointer("/Config/Labels").or_else(|| container.get("Labels"))?;
    labels.get(name)?.as_str()
}
