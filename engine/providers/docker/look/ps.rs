//! `ps`.

use playbook_core::action::Fault;
use serde_json::{Map, Value, json};

use super::time::moment;
use super::{Call, Reader, filters, list, text};

/// Labels that compose gives to what it makes.
pub(super) const PROJECT: &str = "com.docker.compose.project";
pub(super) const SERVICE: &str = "com.docker.compose.service";

/// What is listed.
pub(super) struct Wanted<'a> {
    pub(super) all: bool,
    pub(super) last: Option<u64>,
    pub(super) size: bool,
    pub(super) filters: &'a [(String, String)],
}

/// Lists containers.
pub(super) async fn containers(reader: &Reader<'_>, wanted: &Wanted<'_>) -> Result<Vec<Value>, Fault> {
    let call = Call::get("/containers/json")
        .query_if("all", wanted.all.then_some("1"))
        .query_if("limit", wanted.last.map(|last| last.to_string()))
        .query_if("size", wanted.size.then_some("1"))
        .query_if("filters", filters(wanted.filters));
    let found = reader.get(&call).await?;
    Ok(list(&found, "").map(row).collect())
}

/// One of them.
fn row(container: &Value) -> Value {
    let field = |at: &str| super::field(container, at);
    let status = text(container, "/Status");
    let ports = list(container, "/Ports").map(|port| {
        let field = |at: &str| super::field(port, at);
        json!({"ip": field("/IP"), "public": field("/PublicPort"), "private": field("/PrivatePort"), "type": field("/Type")})
    });
    let ports: Vec<Value> = ports.collect();
    let networks = container.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
    let networks: Vec<&String> = networks.into_iter().flat_map(Map::keys).collect();
    let mounts: Vec<Value> = list(container, "/Mounts")
        .map(|mount| {
            let named = text(mount, "/Name");
            Value::from(if named.is_empty() { text(mount, "/Source") } else { named })
        })
        .collect();
    let mut row = json!({
        "id": field("/Id"), "name": name(container), "image": field("/Image"), "command": field("/Command"),
        "state": field("/State"), "status": status, "health": health(status), "ports": ports, "networks": networks,
        "mounts": mounts, "labels": field("/Labels"), "created": moment(&field("/Created")),
    });
    let label = |name: &str| container.pointer("/Labels").and_then(|labels| labels.get(name)).cloned();
    let sizes = [("size", field("/SizeRw")), ("size_all", field("/SizeRootFs"))];
    let sizes = sizes.into_iter().filter(|(_, size)| !size.is_null());
    let labels = [("project", label(PROJECT)), ("service", label(SERVICE))];
    if let Some(row) = row.as_object_mut() {
        row.extend(sizes.map(|(name, size)| (name.to_owned(), size)));
        row.extend(labels.into_iter().filter_map(|(name, label)| Some((name.to_owned(), label?))));
    }
    row
}

/// Its own name, not those that links give it.
fn name(container: &Value) -> String {
    let names: Vec<String> =
        list(container, "/Names").filter_map(|name| Some(name.as_str()?.trim_start_matches('/').to_owned())).collect();
    names.iter().find(|name| !name.contains('/')).or(names.first()).cloned().unwrap_or_default()
}

/// As the engine's words have it: `Up 3 minutes (healthy)`.
fn health(status: &str) -> &'static str {
    let ends = [("(healthy)", "healthy"), ("(unhealthy)", "unhealthy"), ("(health: starting)", "starting")];
    ends.iter().find(|(end, _)| status.ends_with(end)).map_or("none", |(_, health)| health)
}
