//! `top`, `port`, `diff`, `images`, `volume ls`, `network ls`.

use playbook_core::action::Fault;
use serde_json::{Map, Value, json};

use super::inspect::container;
use super::time::moment;
use super::{Call, Reader, counted, field, filters, list, missing, text};
use crate::docker::client::part;
use crate::docker::line::model::What;

/// What runs in a container.
pub(super) async fn top(reader: &Reader<'_>, name: &str, options: &[String]) -> Result<Value, Fault> {
    let options = (!options.is_empty()).then(|| options.join(" "));
    let call = Call::get(format!("/containers/{}/top", part(name))).query_if("ps_args", options);
    let found = reader.find(&call).await?.ok_or_else(|| missing(Some(What::Container), name))?;
    Ok(processes(&found))
}

/// Each process by the titles of the table.
fn processes(found: &Value) -> Value {
    let titles: Vec<String> = list(found, "/Titles").filter_map(|title| Some(title.as_str()?.into())).collect();
    let rows = list(found, "/Processes").map(|row| {
        let cells = titles.iter().cloned().zip(list(row, "").cloned());
        let cells: Map<String, Value> = cells
            .map(|(title, cell)| match title.as_str() {
                "CMD" | "COMMAND" => (title, Value::from(crate::docker::mask::line(cell.as_str().unwrap_or_default()))),
                _ => (title, cell),
            })
            .collect();
        Value::Object(cells)
    });
    let rows: Vec<Value> = rows.collect();
    json!({"count": rows.len(), "titles": titles, "items": rows})
}

/// Which ports of a container lead where.
pub(super) async fn port(reader: &Reader<'_>, name: &str) -> Result<Value, Fault> {
    let found = container(reader, name).await?;
    let ports = found.pointer("/NetworkSettings/Ports").and_then(Value::as_object);
    let mut rows = Vec::new();
    for (port, bindings) in ports.into_iter().flatten() {
        let (private, kind) = port.split_once('/').unwrap_or((port, "tcp"));
        for binding in list(bindings, "") {
            let public = text(binding, "/HostPort").parse::<u16>().ok();
            rows.push(json!({
                "private": private.parse::<u16>().ok(), "type": kind, "ip": field(binding, "/HostIp"), "public": public,
            }));
        }
    }
    Ok(counted(rows))
}

/// What changed in the files of a container since its image.
pub(super) async fn diff(reader: &Reader<'_>, name: &str) -> Result<Value, Fault> {
    let call = Call::get(format!("/containers/{}/changes", part(name)));
    let found = reader.find(&call).await?.ok_or_else(|| missing(Some(What::Container), name))?;
    let row = |change: &Value| {
        let kind = match change.get("Kind").and_then(Value::as_u64) {
            Some(0) => "changed",
            Some(1) => "added",
            Some(2) => "deleted",
            _ => "unknown",
        };
        json!({"kind": kind, "path": field(change, "/Path")})
    };
    Ok(counted(list(&found, "").map(row).collect()))
}

/// Images, one for each name that they have.
pub(super) async fn images(
    reader: &Reader<'_>,
    reference: Option<&str>,
    all: bool,
    given: &[(String, String)],
) -> Result<Value, Fault> {
    let mut given = given.to_vec();
    given.extend(reference.map(|reference| ("reference".to_owned(), reference.to_owned())));
    let call = Call::get("/images/json").query_if("all", all.then_some("1")).query_if("filters", filters(&given));
    let found = reader.get(&call).await?;
    Ok(counted(list(&found, "").flat_map(rows).collect()))
}

fn rows(image: &Value) -> Vec<Value> {
    let row = |repository: Option<&str>, tag: Option<&str>| {
        json!({
            "id": field(image, "/Id"), "repository": repository, "tag": tag, "size": field(image, "/Size"),
            "created": moment(&field(image, "/Created")), "labels": field(image, "/Labels"),
            "digests": field(image, "/RepoDigests"),
        })
    };
    let named: Vec<Value> = list(image, "/RepoTags")
        .filter_map(Value::as_str)
        .filter(|name| *name != "<none>:<none>")
        .map(|name| {
            let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
            row(Some(repository), Some(tag))
        })
        .collect();
    if !named.is_empty() {
        return named;
    }
    let digest = list(image, "/RepoDigests").filter_map(Value::as_str).find(|digest| !digest.starts_with("<none>"));
    vec![row(digest.and_then(|digest| Some(digest.split_once('@')?.0)), None)]
}

/// Volumes.
pub(super) async fn volumes(reader: &Reader<'_>, given: &[(String, String)]) -> Result<Value, Fault> {
    let found = reader.get(&Call::get("/volumes").query_if("filters", filters(given))).await?;
    let row = |volume: &Value| {
        let field = |at: &str| field(volume, at);
        json!({
            "name": field("/Name"), "driver": field("/Driver"), "mountpoint": field("/Mountpoint"),
            "scope": field("/Scope"), "labels": field("/Labels"), "created": field("/CreatedAt"),
        })
    };
    Ok(counted(list(&found, "/Volumes").map(row).collect()))
}

/// Networks.
pub(super) async fn networks(reader: &Reader<'_>, given: &[(String, String)]) -> Result<Value, Fault> {
    let found = reader.get(&Call::get("/networks").query_if("filters", filters(given))).await?;
    let row = |network: &Value| {
        let field = |at: &str| field(network, at);
        let subnets: Vec<&str> = list(network, "/IPAM/Config").map(|range| text(range, "/Subnet")).collect();
        json!({
            "id": field("/Id"), "name": field("/Name"), "driver": field("/Driver"), "scope": field("/Scope"),
            "internal": field("/Internal"), "labels": field("/Labels"), "created": field("/Created"),
            "subnets": subnets,
        })
    };
    Ok(counted(list(&found, "").map(row).collect()))
}
