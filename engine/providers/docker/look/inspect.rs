//! `inspect`: things as the engine gives them, with what people look for under short names beside it.

use playbook_core::action::Fault;
use serde_json::{Map, Value, json};

use super::time::ever;
use super::{Call, Reader, counted, field, missing, text};
use crate::docker::client::part;
use crate::docker::line::model::What;

/// The order in which docker looks for a name.
const ORDER: [What; 4] = [What::Container, What::Image, What::Network, What::Volume];

/// Looks each of them up.
pub(super) async fn inspect(
    reader: &Reader<'_>,
    what: Option<What>,
    names: &[String],
    size: bool,
) -> Result<Value, Fault> {
    let mut all = Vec::new();
    for name in names {
        let kinds = what.map_or(ORDER.to_vec(), |what| vec![what]);
        let mut found = None;
        for kind in kinds {
            found = match reader.find(&call(kind, name, size)).await {
                Ok(thing) => thing.map(|thing| short(kind, thing)),
                // What can be no name of an image may be one of something else.
                Err(fault) if what.is_none() && fault.server_code.as_deref() == Some("400") => None,
                Err(fault) => return Err(fault),
            };
            if found.is_some() {
                break;
            }
        }
        all.push(found.ok_or_else(|| missing(what, name))?);
    }
    match all.pop() {
        Some(only) if all.is_empty() => Ok(only),
        last => {
            all.extend(last);
            Ok(counted(all))
        }
    }
}

/// The container of this name.
pub(super) async fn container(reader: &Reader<'_>, name: &str) -> Result<Value, Fault> {
    let found = reader.find(&call(What::Container, name, false)).await?;
    found.ok_or_else(|| missing(Some(What::Container), name))
}

fn call(what: What, name: &str, size: bool) -> Call {
    let name = part(name);
    match what {
        What::Container => Call::get(format!("/containers/{name}/json")).query_if("size", size.then_some("1")),
        What::Image => Call::get(format!("/images/{name}/json")),
        What::Volume => Call::get(format!("/volumes/{name}")),
        What::Network => Call::get(format!("/networks/{name}")),
    }
}

fn short(what: What, thing: Value) -> Value {
    let field = |at: &str| field(&thing, at);
    let shorts = match what {
        What::Container => of_container(&thing),
        What::Image => json!({
            "id": field("/Id"), "tags": field("/RepoTags"), "size": field("/Size"), "created": field("/Created"),
            "architecture": field("/Architecture"), "os": field("/Os"),
        }),
        What::Volume => json!({
            "name": field("/Name"), "driver": field("/Driver"), "mountpoint": field("/Mountpoint"),
            "labels": field("/Labels"), "created": field("/CreatedAt"),
        }),
        What::Network => {
            let members = thing.pointer("/Containers").and_then(Value::as_object);
            let members: Vec<&str> = members.into_iter().flat_map(Map::values).map(|one| text(one, "/Name")).collect();
            json!({
                "id": field("/Id"), "name": field("/Name"), "driver": field("/Driver"), "scope": field("/Scope"),
                "internal": field("/Internal"), "containers": members,
            })
        }
    };
    merged(shorts, thing)
}

/// What people look for in a container.
fn of_container(thing: &Value) -> Value {
    let field = |at: &str| field(thing, at);
    let health = text(thing, "/State/Health/Status");
    let named = thing.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
    let addresses = named.into_iter().flat_map(Map::values).map(|network| text(network, "/IPAddress"));
    let ip = addresses.chain([text(thing, "/NetworkSettings/IPAddress")]).find(|ip| !ip.is_empty());
    json!({
        "name": text(thing, "/Name").trim_start_matches('/'),
        "image": field("/Config/Image"),
        "state": field("/State/Status"),
        "running": field("/State/Running"),
        "health": if health.is_empty() { "none" } else { health },
        "exit_code": field("/State/ExitCode"),
        "restarts": field("/RestartCount"),
        "started_at": ever(text(thing, "/State/StartedAt")),
        "finished_at": ever(text(thing, "/State/FinishedAt")),
        "oom_killed": field("/State/OOMKilled"),
        "ip": ip,
    })
}

fn merged(shorts: Value, thing: Value) -> Value {
    match (shorts, thing) {
        (Value::Object(mut shorts), Value::Object(thing)) => {
            shorts.extend(thing);
            Value::Object(shorts)
        }
        (_, thing) => thing,
    }
}
