//! What stands around a change: who depends on a container, what comes free, what is lost with it.

use playbook_core::action::Fault;
use serde_json::{Map, Value};

use super::item::{Item, Seen};
use super::items::does;
use super::plan::{STAYS, of_service};
use crate::docker::client::{Call, Reader, part};
use crate::docker::compose::{PROJECT, depends_on};
use crate::docker::line::model::Act;
use crate::docker::record::{Kept, Thing};
use crate::docker::standing::{Does, Standing, id, label, name};

/// Containers that are looked at for what they depend on.
const MOST: usize = 200;
/// Files that are counted of what a container wrote.
const NAMES: usize = 4;

/// Where a stored container says how many files it had written.
pub(in crate::docker) const WRITTEN: &str = "playbook.written";

/// The containers of the engine, as far as a change could reach them.
#[derive(Default)]
pub(super) struct Around {
    /// As `inspect` tells them: those that run, and are not part of the change themselves.
    others: Vec<Value>,
    /// Ids of those that are removed in the end.
    gone: Vec<String>,
}

impl Around {
    /// Looks at them, if the change is one that could reach them.
    pub(super) async fn look(reader: &Reader<'_>, parts: &[(Item, Seen)]) -> Result<Self, Fault> {
        let touched: Vec<Value> = parts.iter().flat_map(|(item, seen)| reached(item, seen)).collect();
        if touched.is_empty() {
            return Ok(Self::default());
        }
        let all = reader.get(&Call::get("/containers/json")).await?;
        let all = all.as_array().cloned().unwrap_or_default();
        let other = |one: &&Value| does(one) == Does::Run && touched.iter().all(|it| id(it) != id(one));
        let mut others = Vec::new();
        for one in all.iter().filter(other).take(MOST) {
            others.extend(reader.find(&Call::get(Thing::Container.read(id(one)))).await?);
        }
        let gone = parts.iter().filter_map(|(item, _)| match item {
            Item::Remove { what: Thing::Container, id, .. } => Some(id.clone()),
            _ => None,
        });
        Ok(Self { others, gone: gone.collect() })
    }
}

/// The containers that others may miss.
pub(super) fn reached(item: &Item, seen: &Seen) -> Vec<Value> {
    match item {
        Item::Life { act: Act::Stop { .. } | Act::Restart { .. } | Act::Kill { .. } | Act::Pause, .. }
        | Item::Remove { what: Thing::Container, .. } => vec![seen.thing.clone()],
        Item::Up(up) => up.reached(seen),
        _ => Vec::new(),
    }
}

/// Is this value of a setting that of none?
pub(in crate::docker) fn is_none(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Are two values of a setting the same? What one of them leaves out is none.
pub(in crate::docker) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let field = |map: &Map<String, Value>, name: &str| map.get(name).cloned().unwrap_or_default();
            one.keys().chain(other.keys()).all(|name| same(&field(one, name), &field(other, name)))
        }
        _ => one == other || (is_none(one) && is_none(other)),
    }
}

/// What else to know of a part.
///
/// # Errors
/// When the engine does not answer.
pub(super) async fn notes(
    reader: &Reader<'_>,
    item: &Item,
    seen: &Seen,
    around: &Around,
) -> Result<Vec<String>, Fault> {
    let mut notes = Vec::new();
    let container = &seen.thing;
    for one in reached(item, seen).iter().filter(|one| Standing::of(one).does() != Does::Rest) {
        notes.extend(dependents(one, &around.others));
        notes.extend(stops(item, one, around));
    }
    match item {
        Item::Remove { what: Thing::Container, name, volumes, again, .. } => {
            notes.extend(lost(&written(reader, container).await?, name));
            if *volumes {
                notes.extend(anonymous(container));
            } else if *again {
                notes.push("volumes stay, also those without a name".into());
            }
        }
        Item::Remove { what: Thing::Volume, name, .. } => notes.extend(users(reader, name, around).await?),
        Item::Life { act: Act::Update(_), .. } => {
            if let Kept::Settings { before, wanted, .. } = &seen.kept
                && wanted.contains_key("Memory")
                && before.get("Memory").is_none_or(is_none)
            {
                notes.push(STAYS.into());
            }
        }
        _ => {}
    }
    Ok(notes)
}

/// Who depends on it.
fn dependents(container: &Value, others: &[Value]) -> Vec<String> {
    let mut notes = Vec::new();
    let title = name(container);
    let text = |one: &Value, at: &str| one.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |one: &Value, at: &str| one.pointer(at).and_then(Value::as_array).cloned().unwrap_or_default();
    let names = |fits: &dyn Fn(&Value) -> bool| -> Vec<String> {
        others.iter().filter(|one| fits(one)).map(|one| name(one).to_owned()).collect()
    };
    let mut told = |names: Vec<String>, one: &str, more: &str| {
        if !names.is_empty() {
            notes.push(format!("{} {}", names.join(", "), if names.len() == 1 { one } else { more }));
        }
    };
    let of_network = names(&|one| text(one, "/HostConfig/NetworkMode") == format!("container:{}", id(container)));
    told(
        of_network,
        &format!("uses the network of {title}, and loses it"),
        &format!("use the network of {title}, and lose it"),
    );
    let linked = names(&|one| {
        // In a network that somebody made, links are those of the place in it.
        let places = one.pointer("/NetworkSettings/Networks").and_then(Value::as_object).into_iter().flatten();
        let links = places.flat_map(|(_, place)| list(place, "/Links"));
        let mut links = links.chain(list(one, "/HostConfig/Links"));
        links.any(|link| {
            link.as_str().is_some_and(|link| link.trim_start_matches('/').starts_with(&format!("{title}:")))
        })
    });
    told(linked, &format!("is linked to {title}"), &format!("are linked to {title}"));
    let from = names(&|one| {
        let from = list(one, "/HostConfig/VolumesFrom");
        let of = |entry: &str| {
            entry.split(':').next().is_some_and(|other| other == title || id(container).starts_with(other))
        };
        from.iter().filter_map(Value::as_str).any(of)
    });
    told(from, &format!("uses the volumes of {title}"), &format!("use the volumes of {title}"));
    if let Some(service) = of_service(container) {
        let project = label(container, PROJECT);
        let waits = names(&|one| label(one, PROJECT) == project && depends_on(one).contains(&service));
        let what = format!("on {service} (depends_on of compose)");
        told(waits, &format!("depends {what}"), &format!("depend {what}"));
    }
    let networks = container.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
    for network in networks.into_iter().flatten().map(|(network, _)| network) {
        if matches!(network.as_str(), "bridge" | "host" | "none") {
            continue;
        }
        let there = |one: &Value| {
            one.pointer("/NetworkSettings/Networks")
                .and_then(Value::as_object)
                .is_some_and(|all| all.contains_key(network))
        };
        let near = names(&there);
        let what = format!("the network {network}, and may talk to it");
        told(near, &format!("shares {what}"), &format!("share {what}"));
    }
    notes
}

/// What its stop means by itself.
fn stops(item: &Item, container: &Value, around: &Around) -> Vec<String> {
    let mut notes = Vec::new();
    let stays = !matches!(item, Item::Life { act: Act::Restart { .. } | Act::Pause, .. } | Item::Up(_));
    let ports = container.pointer("/NetworkSettings/Ports").and_then(Value::as_object);
    let mut published = Vec::new();
    for (port, hosts) in ports.into_iter().flatten() {
        for host in hosts.as_array().into_iter().flatten() {
            let text = |field: &str| host.get(field).and_then(Value::as_str).unwrap_or_default();
            published.push(format!("{}:{} → {port}", text("HostIp"), text("HostPort")));
        }
    }
    if !published.is_empty() {
        let verb = if stays { "comes free" } else { "does not answer meanwhile" };
        notes.push(format!("{} {verb}", published.join(", ")));
    }
    let policy = container.pointer("/HostConfig/RestartPolicy/Name").and_then(Value::as_str).unwrap_or_default();
    let life = matches!(item, Item::Life { act: Act::Stop { .. } | Act::Kill { .. }, .. });
    let life = life && !around.gone.iter().any(|gone| gone == id(container));
    match policy {
        "always" if life => notes.push(format!(
            "{} has restart: always; stopped by hand it stays so until the engine is restarted",
            name(container)
        )),
        "unless-stopped" if life => {
            notes.push(format!("{} has restart: unless-stopped; stopped by hand it stays so", name(container)));
        }
        _ => {}
    }
    if Standing::of(container).health.as_deref() == Some("unhealthy") {
        notes.push(format!("{} is unhealthy now; a rollback does not expect it to be healthy", name(container)));
    }
    notes
}

/// The files that a container wrote outside of volumes.
///
/// # Errors
/// When the engine does not answer.
pub(in crate::docker) async fn written(reader: &Reader<'_>, container: &Value) -> Result<Vec<String>, Fault> {
    let changes = reader.get(&Call::get(format!("/containers/{}/changes", part(id(container))))).await?;
    let changes = changes.as_array().cloned().unwrap_or_default();
    let mut paths: Vec<String> = changes.iter().filter_map(|one| Some(one.get("Path")?.as_str()?.to_owned())).collect();
    paths.sort();
    // A folder is listed for each file in it, and stands before them.
    let holds = |at: usize| paths.get(at + 1).is_some_and(|next| next.starts_with(&format!("{}/", paths[at])));
    let leaves = (0..paths.len()).filter(|at| !holds(*at)).map(|at| paths[at].clone());
    Ok(leaves.filter(|path| !is_mount(container, path)).collect())
}

/// Is it a place where something is mounted? The engine makes the folder, and it counts as written.
fn is_mount(container: &Value, path: &str) -> bool {
    let same = |place: &str| place.trim_end_matches('/') == path;
    let mounts = container.get("Mounts").and_then(Value::as_array).into_iter().flatten();
    let tmpfs = container.pointer("/HostConfig/Tmpfs").and_then(Value::as_object).into_iter().flatten();
    mounts.filter_map(|mount| mount.get("Destination")?.as_str()).any(same)
        || tmpfs.map(|(place, _)| place.as_str()).any(same)
}

fn lost(written: &[String], name: &str) -> Option<String> {
    if written.is_empty() {
        return None;
    }
    let shown = written.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if written.len() > NAMES { ", …" } else { "" };
    let files = if written.len() == 1 { "file" } else { "files" };
    Some(format!("what {name} wrote outside of volumes is lost ({} {files}: {shown}{more})", written.len()))
}

/// Volumes that go with `-v`.
fn anonymous(container: &Value) -> Option<String> {
    let mounts = container.get("Mounts").and_then(Value::as_array).into_iter().flatten();
    let own = |mount: &&Value| {
        let name = mount.get("Name").and_then(Value::as_str).unwrap_or_default();
        name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let places: Vec<&str> = mounts.filter(own).filter_map(|mount| mount.get("Destination")?.as_str()).collect();
    (!places.is_empty())
        .then(|| format!("the volumes at {} of {} are lost with their data", places.join(", "), name(container)))
}

/// Who uses a volume.
async fn users(reader: &Reader<'_>, volume: &str, around: &Around) -> Result<Option<String>, Fault> {
    let filters = serde_json::json!({"volume": [volume]}).to_string();
    let all = reader.get(&Call::get("/containers/json").query("all", "1").query("filters", filters)).await?;
    let stay = all.as_array().into_iter().flatten().filter(|one| around.gone.iter().all(|gone| gone != id(one)));
    let names: Vec<&str> = stay.map(super::items::listed).collect();
    let verb = if names.len() == 1 { "uses" } else { "use" };
    let told = || format!("{} {verb} the volume {volume}, so the engine will refuse", names.join(", "));
    Ok((!names.is_empty()).then(told))
}
