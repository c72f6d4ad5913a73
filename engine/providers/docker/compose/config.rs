//! What the compose files of a project say, as compose itself reads them.

use std::collections::{BTreeMap, BTreeSet};

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::Value;

use super::project::Project;
use super::tool::{NOWHERE, Tool};
use super::window::Window;
use crate::docker::client::Reader;

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::docker) struct Config {
    pub(in crate::docker) services: BTreeMap<String, Service>,
    /// Networks that the project makes, as the engine calls them.
    pub(in crate::docker) networks: Vec<String>,
    /// Volumes that the project makes, as the engine calls them.
    pub(in crate::docker) volumes: Vec<String>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::docker) struct Service {
    pub(in crate::docker) image: Option<String>,
    /// Of its one container, if it has a name of its own.
    pub(in crate::docker) container: Option<String>,
    pub(in crate::docker) scale: u64,
    pub(in crate::docker) depends_on: Vec<String>,
    /// Compose's own digest of how its containers are made.
    pub(in crate::docker) hash: Option<String>,
}

impl Config {
    /// Asks the tool.
    ///
    /// # Errors
    /// When it does not understand the files.
    pub(in crate::docker) async fn ask(tool: &Tool, project: &Project, reader: &Reader<'_>) -> Result<Self, Fault> {
        let cancel = reader.cancel();
        let text = tool.ask(project, &["config"], NOWHERE, cancel).await?;
        let digests = ["config", "--hash", "*"];
        let hashes = if tool.is_first() {
            let window = Window::open(reader)?;
            let host = window.host();
            tokio::select! {
                told = tool.ask(project, &digests, &host, cancel) => told?,
                never = window.answers() => match never {},
            }
        } else {
            tool.ask(project, &digests, NOWHERE, cancel).await?
        };
        let read: Value = serde_yaml::from_str(&text).map_err(|error| {
            let message = format!("what compose makes of project {} cannot be read: {error}", project.name);
            Fault::new(FaultKind::Invalid, Code::ServerError, message).help("`docker compose config` shows it")
        })?;
        Ok(Self::read(&read, &hashes, project))
    }

    fn read(read: &Value, hashes: &str, project: &Project) -> Self {
        let hashes: BTreeMap<&str, &str> = hashes.lines().filter_map(|line| line.trim().split_once(' ')).collect();
        let entries = |at: &str| read.get(at).and_then(Value::as_object).into_iter().flatten();
        let active = |service: &Value| {
            let profiles = service.get("profiles").and_then(Value::as_array);
            profiles.is_none_or(|all| {
                all.is_empty()
                    || all.iter().filter_map(Value::as_str).any(|one| project.profiles.iter().any(|p| p == one))
            })
        };
        let made = |(key, it): (&String, &Value)| {
            let external = it.get("external").is_some_and(|external| external != &Value::Bool(false));
            let name = it.get("name").and_then(Value::as_str);
            (!external).then(|| name.map_or_else(|| format!("{}_{key}", project.name), str::to_owned))
        };
        let services: BTreeMap<String, Service> = entries("services")
            .filter(|(_, service)| active(service))
            .map(|(name, service)| (name.clone(), self::service(service, hashes.get(name.as_str()).copied())))
            .collect();
        // The first compose does not name the network that services share.
        let mut networks: Vec<String> = entries("networks").filter_map(made).collect();
        let shares = |service: &Value| service.get("networks").is_none() && service.get("network_mode").is_none();
        let default = format!("{}_default", project.name);
        if entries("services").any(|(_, service)| shares(service)) && !networks.contains(&default) {
            networks.push(default);
        }
        Self { services, networks, volumes: entries("volumes").filter_map(made).collect() }
    }

    /// Services and what they depend on, dependencies first; none means all.
    pub(in crate::docker) fn with_dependencies(&self, wanted: &[String], alone: bool) -> Vec<String> {
        let mut done = Vec::new();
        let mut seen = BTreeSet::new();
        let all: Vec<String> =
            if wanted.is_empty() { self.services.keys().cloned().collect() } else { wanted.to_vec() };
        for service in &all {
            self.visit(service, alone, &mut seen, &mut done);
        }
        done
    }

    fn visit(&self, service: &str, alone: bool, seen: &mut BTreeSet<String>, done: &mut Vec<String>) {
        if !seen.insert(service.to_owned()) {
            return;
        }
        for needed in self.services.get(service).into_iter().flat_map(|it| &it.depends_on).filter(|_| !alone) {
            self.visit(needed, alone, seen, done);
        }
        done.push(service.to_owned());
    }
}

fn service(service: &Value, hash: Option<&str>) -> Service {
    let text = |name: &str| service.get(name).and_then(Value::as_str).map(str::to_owned);
    let depends_on = match service.get("depends_on") {
        Some(Value::Object(map)) => map.keys().cloned().collect(),
        Some(Value::Array(list)) => list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    let scale = service.get("scale").or_else(|| service.pointer("/deploy/replicas")).and_then(Value::as_u64);
    Service {
        image: text("image"),
        container: text("container_name"),
        scale: scale.unwrap_or(1),
        depends_on,
        hash: hash.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn project() -> Project {
        Project {
            name: "shop".into(),
            folder: ".".into(),
            files: Vec::new(),
            profiles: vec!["debug".into()],
            env_files: Vec::new(),
        }
    }

    #[test]
    fn services_networks_and_volumes_are_as_the_engine_will_know_them() {
        let read = json!({
            "services": {
                "web": {"image": "web:1", "depends_on": {"db": {"condition": "service_started"}}, "scale": 2},
                "db": {"image": "db:1", "container_name": "the-db", "networks": {"back": null}},
                "off": {"image": "x", "profiles": ["never"]},
                "on": {"image": "x", "profiles": ["debug"]}},
            "networks": {"back": {"name": "shop_back"}, "out": {"external": true, "name": "outside"}},
            "volumes": {"data": null}
        });
        let config = Config::read(&read, "web abc\ndb def\n", &project());
        assert_eq!(config.services.keys().collect::<Vec<_>>(), ["db", "on", "web"]);
        assert_eq!(config.services["web"].hash.as_deref(), Some("abc"));
        assert_eq!((config.services["web"].scale, config.services["db"].scale), (2, 1));
        assert_eq!(config.networks, ["shop_back", "shop_default"]);
        assert_eq!(config.volumes, ["shop_data"]);
        assert_eq!(config.with_dependencies(&["web".into()], false), ["db", "web"]);
        assert_eq!(config.with_dependencies(&["web".into()], true), ["web"]);
    }
}
