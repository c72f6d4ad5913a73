//! Contexts of the docker CLI: `docker context ls`.

use std::path::PathBuf;

use playbook_core::action::Fault;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::open::{Environment, Tls};
use crate::docker::faults;

/// The context that stands for the environment.
pub(super) const DEFAULT: &str = "default";

/// What a context leads to.
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) tls: Option<Tls>,
}

/// The folder of the docker CLI's configuration.
pub(super) fn folder(environment: Environment<'_>) -> Option<PathBuf> {
    let usual = || Some(PathBuf::from(environment("HOME")?).join(".docker"));
    environment("DOCKER_CONFIG").map(PathBuf::from).or_else(usual)
}

/// The context that is chosen; nothing: the default one.
pub(super) fn current(environment: Environment<'_>) -> Result<Option<String>, Fault> {
    let chosen = |name: &String| name != DEFAULT && !name.is_empty();
    if let Some(name) = environment("DOCKER_CONTEXT") {
        return Ok(Some(name).filter(chosen));
    }
    let Some(file) = folder(environment).map(|folder| folder.join("config.json")) else { return Ok(None) };
    // Without a configuration, or one that may not be read, docker goes on too.
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(None) };
    let read: Value = serde_json::from_str(&text).map_err(|why| {
        faults::address(format!("{} cannot be read: {why}", file.display()))
            .help("it is JSON; docker context use writes it; or name the engine: host: or context: of the target")
    })?;
    Ok(read.get("currentContext").and_then(Value::as_str).map(str::to_owned).filter(chosen))
}

/// What a context is called in the folders.
pub(super) fn id(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a context leads.
pub(super) fn find(name: &str, environment: Environment<'_>) -> Result<Endpoint, Fault> {
    let missing = |why: String| {
        faults::address(format!("there is no docker context `{name}`{why}"))
            .help("docker context ls shows those that are; or write the address: host: unix:///…, tcp://…, ssh://…")
    };
    let folder = folder(environment).ok_or_else(|| missing(": neither DOCKER_CONFIG nor HOME is set".into()))?;
    let folder = folder.join("contexts");
    let file = folder.join("meta").join(id(name)).join("meta.json");
    let text = std::fs::read_to_string(&file).map_err(|why| match why.kind() {
        std::io::ErrorKind::NotFound => missing(format!(" in {}", folder.display())),
        _ => missing(format!(" that can be read: {}: {why}", file.display())),
    })?;
    let meta: Value = serde_json::from_str(&text)
        .map_err(|why| missing(format!(" that can be understood: {}: {why}", file.display())))?;
    let host = meta.pointer("/Endpoints/docker/Host").and_then(Value::as_str).unwrap_or_default();
    if host.is_empty() {
        return Err(missing(" that leads to an engine".into()));
    }
    let insecure = meta.pointer("/Endpoints/docker/SkipTLSVerify").and_then(Value::as_bool).unwrap_or(false);
    let keys = folder.join("tls").join(id(name)).join("docker");
    let keys = keys.is_dir().then_some(keys);
    let tls = (insecure || keys.is_some()).then_some(Tls { folder: keys, insecure });
    Ok(Endpoint { host: host.to_owned(), tls })
}
