//! An engine as a target: where it is, who is expected there, and who answers.

use std::any::Any;

use playbook_core::action::{Fault, Identity, ReadAccess, Target};
use playbook_core::ports::{BoxFuture, Cancel};
use tokio::sync::OnceCell;

use super::client::{Call, Place, Reader, Wire, open};
use super::faults;

/// What a playbook expects to meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expect {}

/// An engine. Connects when it is first used.
pub(super) struct DockerTarget {
    name: String,
    place: Place,
    expect: Option<Expect>,
    wire: OnceCell<Wire>,
}

impl DockerTarget {
    pub(super) fn new(name: &str, place: Place, expect: Option<Expect>) -> Self {
        Self { name: name.to_owned(), place, expect, wire: OnceCell::new() }
    }

    /// The target of an access, which is always one of this provider's.
    pub(super) fn of(target: &dyn Target) -> Result<&Self, Fault> {
        target.as_any().downcast_ref().ok_or_else(|| faults::internal("a target of another provider"))
    }

    /// Where the engine is, found out once.
    pub(super) async fn wire(&self) -> Result<Wire, Fault> {
        self.wire.get_or_try_init(|| async { Ok(Wire::new(open(&self.place)?)) }).await.cloned()
    }

    async fn who(&self, cancel: &dyn Cancel) -> Result<Identity, Fault> {
        let reader = Reader::open(ReadAccess::new(self, cancel)).await?;
        let info = reader.get(&Call::get("/info")).await?;
        let id = info.get("ID").and_then(serde_json::Value::as_str).unwrap_or("unknown");
        Ok(Identity { id: format!("docker:{id}"), facts: Vec::new() })
    }
}

impl Target for DockerTarget {
    fn name(&self) -> &str {
        &self.name
    }

    fn address(&self) -> String {
        match (self.wire.get(), &self.place.host, &self.place.context) {
            (Some(wire), ..) => wire.opened().host.clone(),
            (None, Some(host), _) => host.clone(),
            (None, None, Some(context)) => format!("context {context}"),
            (None, None, None) => "the current context".into(),
        }
    }

    fn identify<'a>(&'a self, cancel: &'a dyn Cancel) -> BoxFuture<'a, Result<Identity, Fault>> {
        Box::pin(self.who(cancel))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
