//! What a project has on an engine: before a change, after it, and now.

use std::collections::BTreeSet;

use playbook_core::action::Fault;
use serde_json::{Value, json};

use crate::docker::client::{Call, Reader};
use crate::docker::compose;
use crate::docker::record::Thing;
use crate::docker::standing::{Standing, id, name};

/// What a project has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::docker) struct Have {
    /// As `inspect` tells them, dependencies first.
    pub(in crate::docker) containers: Vec<Value>,
    /// As the engine lists them.
    pub(in crate::docker) networks: Vec<Value>,
    /// Names.
    pub(in crate::docker) volumes: Vec<String>,
}

/// The name of a network.
pub(in crate::docker) fn called(network: &Value) -> &str {
    network.get("Name").and_then(Value::as_str).unwrap_or_default()
}

impl Have {
    /// Looks at everything that a project has.
    pub(in crate::docker) async fn look(reader: &Reader<'_>, project: &str) -> Result<Self, Fault> {
        let mut containers = Vec::new();
        for one in compose::containers(reader, project).await? {
            containers.extend(reader.find(&Call::get(Thing::Container.read(id(&one)))).await?);
        }
        let networks = compose::things(reader, "/networks", project).await?;
        let volumes = compose::things(reader, "/volumes", project).await?;
        Ok(Self { containers, networks, volumes: volumes.iter().map(|one| called(one).to_owned()).collect() })
    }

    pub(in crate::docker) fn network_names(&self) -> Vec<String> {
        self.networks.iter().map(|one| called(one).to_owned()).collect()
    }

    /// As it is stored before a change.
    pub(in crate::docker) fn stored(&self) -> Value {
        json!({"containers": self.containers, "networks": self.networks, "volumes": self.volumes})
    }

    /// As it was stored.
    pub(in crate::docker) fn of(stored: &Value) -> Self {
        let list = |name: &str| stored.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let texts = |name: &str| list(name).iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
        Self { containers: list("containers"), networks: list("networks"), volumes: texts("volumes") }
    }

    /// What a change left: enough to tell it from what others do. `ready`: containers that are waited for.
    pub(in crate::docker) fn left(&self, ready: &[String]) -> Value {
        let containers: Vec<Value> = self
            .containers
            .iter()
            .map(|one| {
                let standing = Standing::of(one);
                json!({"id": id(one), "name": name(one), "status": standing.status, "started": standing.started})
            })
            .collect();
        let networks: Vec<&str> = self.networks.iter().map(called).collect();
        json!({"containers": containers, "networks": networks, "volumes": self.volumes, "ready": ready})
    }

    /// What of it matters: the same twice means that nothing happened.
    pub(in crate::docker) fn marks(&self) -> BTreeSet<String> {
        let container = |one: &Value| {
            let standing = Standing::of(one);
            format!("{} {} {:?} {}", id(one), name(one), standing.does(), standing.started)
        };
        let containers = self.containers.iter().map(container);
        let networks = self.networks.iter().map(|one| format!("{} {}", id(one), called(one)));
        containers.chain(networks).chain(self.volumes.iter().cloned()).collect()
    }
}
