//! What is captured before a change: a record that a rollback reads.

use playbook_core::action::{Fault, UndoOrder, UndoPart, UndoRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::faults;
use super::line::model::What;
use super::standing::Standing;

/// The kind of these records.
pub(super) const CHANGE: &str = "docker.change/1";

/// What a part is about to change, and what is needed to take it back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "was", rename_all = "snake_case")]
pub(super) enum Kept {
    /// A container that is started, stopped, held or let go on.
    Standing {
        id: String,
        name: String,
        /// The word for what is done: `stop`.
        act: String,
        before: Standing,
        /// Is its step done only when the container is ready?
        ready: bool,
        /// Does the engine remove it when it ends (`--rm`)?
        vanishes: bool,
    },
    /// Limits and the restart policy: the fields that change.
    Settings { id: String, name: String, before: Map<String, Value>, wanted: Map<String, Value> },
    /// A name.
    Name { id: String, from: String, to: String },
    /// A container that goes, and can be made again. The blob is what `inspect` said.
    Container {
        id: String,
        name: String,
        before: Standing,
        /// Files that it wrote outside of volumes: they go with it.
        written: u64,
    },
    /// A network that goes, and can be made again. The blob is what `inspect` said.
    Network { id: String, name: String },
    /// A container's place in a network: of the one that goes, what it was.
    Endpoint { network: String, id: String, name: String, connects: bool, endpoint: Map<String, Value> },
    /// Something that is made. A container bears a mark, by which it is found before its id is known.
    Made {
        what: Thing,
        name: String,
        mark: Option<String>,
        ready: bool,
        /// Was there one of this name already? Then it is not this step's, whatever became of the answer.
        #[serde(default)]
        there: bool,
    },
    /// What a name of an image stands for; nothing if it is not known here.
    Tag { image: String, before: Option<String> },
    /// A project of compose. The blob says what it had.
    Project {
        project: String,
        wait_seconds: Option<u64>,
        /// What there is when it has come to its end; nothing if that cannot be told.
        #[serde(default)]
        wanted: Vec<Wanted>,
    },
    /// Something that goes for good.
    Removed { what: Thing, id: String, name: String },
    /// A program that is run; a container bears the mark.
    Ran { mark: String, container: Option<String> },
}

/// The containers of one service, as `up` would leave them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) service: String,
    pub(super) count: u64,
    /// Compose's digest of how they are made, where it matters.
    pub(super) hash: Option<String>,
    /// Are they started, too?
    pub(super) runs: bool,
}

/// Kinds of things, as records name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Thing {
    Container,
    Image,
    Volume,
    Network,
}

impl Thing {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Image => "image",
            Self::Volume => "volume",
            Self::Network => "network",
        }
    }

    /// Where they are.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Container => "/containers",
            Self::Image => "/images",
            Self::Volume => "/volumes",
            Self::Network => "/networks",
        }
    }

    /// Where one of them can be read.
    pub(super) fn read(self, id: &str) -> String {
        let id = super::client::part(id);
        match self {
            Self::Container | Self::Image => format!("{}/{id}/json", self.path()),
            Self::Volume | Self::Network => format!("{}/{id}", self.path()),
        }
    }
}

impl From<What> for Thing {
    fn from(what: What) -> Self {
        match what {
            What::Container => Self::Container,
            What::Image => Self::Image,
            What::Volume => Self::Volume,
            What::Network => Self::Network,
        }
    }
}

impl Kept {
    /// As it is stored.
    pub(super) fn record(&self, blob: Option<&Value>) -> Result<UndoRecord, Fault> {
        let data = serde_json::to_value(self).map_err(|error| faults::internal(error.to_string()))?;
        // Texts: records hold no floats.
        let blob = blob.map(|blob| blob.to_string().into_bytes());
        Ok(UndoRecord { kind: CHANGE.into(), data, blob, order: self.order() })
    }

    pub(super) fn read(part: &UndoPart) -> Result<Self, Fault> {
        let broken = || faults::internal(format!("a record of {} that cannot be read", part.record.kind));
        serde_json::from_value(part.record.data.clone()).map_err(|_| broken())
    }

    /// The blob beside it.
    pub(super) fn blob(part: &UndoPart) -> Result<Value, Fault> {
        let blob = part.record.blob.as_deref().and_then(|blob| serde_json::from_slice(blob).ok());
        blob.ok_or_else(|| faults::internal("a record without what it captured"))
    }

    /// What others are made in has to stand as it stood when they were made.
    fn order(&self) -> UndoOrder {
        match self {
            Self::Standing { vanishes: true, .. } | Self::Removed { .. } | Self::Ran { .. } => UndoOrder::Nothing,
            _ => UndoOrder::InPlace,
        }
    }

    /// What it is about, for people. The same for all that touch the same thing.
    pub(super) fn subject(&self) -> String {
        match self {
            Self::Standing { name, .. } | Self::Settings { name, .. } | Self::Container { name, .. } => {
                format!("container {name}")
            }
            Self::Name { from, .. } => format!("container {from}"),
            Self::Network { name, .. } => format!("network {name}"),
            Self::Endpoint { network, name, .. } => format!("container {name} in network {network}"),
            Self::Made { what, name, .. } | Self::Removed { what, name, .. } => format!("{} {name}", what.word()),
            Self::Tag { image, .. } => format!("image {image}"),
            Self::Project { project, .. } => format!("project {project}"),
            Self::Ran { container: Some(container), .. } => format!("container {container}"),
            Self::Ran { container: None, .. } => "a container".into(),
        }
    }
}
