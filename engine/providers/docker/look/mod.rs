//! Lines that only look: what the engine says, as data that steps go on with.

mod compose;
mod disk;
mod inspect;
mod logs;
mod ps;
mod stats;
mod tables;
mod time;
mod wait;

use playbook_core::action::{Fault, ReadAccess};
use serde_json::{Map, Value, json};

pub(in crate::docker) use compose::compose_look;
pub(in crate::docker) use wait::peek;

use super::client::{Call, Reader};
use super::faults;
use super::line::model::{Verb, What};
use super::mask::masked;

/// Carries out a line that reads, and gives what it found, without what is secret.
pub(in crate::docker) async fn look(access: ReadAccess<'_>, verb: &Verb) -> Result<Value, Fault> {
    let reader = Reader::open(access).await?;
    let mut found = find(&reader, verb).await?;
    masked(&mut found);
    Ok(found)
}

async fn find(reader: &Reader<'_>, verb: &Verb) -> Result<Value, Fault> {
    match verb {
        Verb::Ps { all, last, size, filters } => {
            let wanted = ps::Wanted { all: *all, last: *last, size: *size, filters };
            Ok(counted(ps::containers(reader, &wanted).await?))
        }
        Verb::Inspect { what, names, size } => inspect::inspect(reader, *what, names, *size).await,
        Verb::Logs(logs) => logs::of_container(reader, logs).await,
        Verb::Stats { containers, all } => stats::stats(reader, containers, *all).await,
        Verb::Top { container, options } => tables::top(reader, container, options).await,
        Verb::Port { container } => tables::port(reader, container).await,
        Verb::Diff { container } => tables::diff(reader, container).await,
        Verb::Images { reference, all, filters } => tables::images(reader, reference.as_deref(), *all, filters).await,
        Verb::Volumes { filters } => tables::volumes(reader, filters).await,
        Verb::Networks { filters } => tables::networks(reader, filters).await,
        Verb::Version => {
            let shorts = [("version", "/Version"), ("api", "/ApiVersion"), ("os", "/Os"), ("kernel", "/KernelVersion")];
            Ok(beside(reader.get(&Call::get("/version")).await?, &shorts))
        }
        Verb::Info => {
            let shorts = [
                ("id", "/ID"),
                ("name", "/Name"),
                ("version", "/ServerVersion"),
                ("containers", "/Containers"),
                ("running", "/ContainersRunning"),
                ("paused", "/ContainersPaused"),
                ("stopped", "/ContainersStopped"),
                ("images", "/Images"),
                ("storage", "/Driver"),
                ("memory", "/MemTotal"),
                ("cpus", "/NCPU"),
            ];
            Ok(beside(reader.get(&Call::get("/info")).await?, &shorts))
        }
        Verb::DiskUsage => disk::usage(reader).await,
        Verb::Wait { containers } => wait::wait(reader, containers).await,
        _ => Err(faults::internal("a line that does not read")),
    }
}

/// An object with some of its fields under short names beside the engine's own.
fn beside(object: Value, shorts: &[(&str, &str)]) -> Value {
    let short = |at: &str| object.pointer(at).cloned().unwrap_or(Value::Null);
    let mut all: Map<String, Value> = shorts.iter().map(|(name, at)| ((*name).to_owned(), short(at))).collect();
    if let Value::Object(fields) = object {
        all.extend(fields);
    }
    Value::Object(all)
}

/// A list, and how many there are.
fn counted(items: Vec<Value>) -> Value {
    let count = items.len();
    json!({"count": count, "items": Value::Array(items)})
}

/// The only one itself, with the list beside it; more than one as a list.
fn flattened(mut items: Vec<Value>, named: usize) -> Value {
    if named != 1 || items.len() != 1 {
        return counted(items);
    }
    let list = Value::from(items.clone());
    let mut only = items.remove(0);
    if let Some(fields) = only.as_object_mut() {
        fields.insert("items".into(), list);
    }
    only
}

/// Filters as the engine reads them: `{"label": ["a=b"]}`.
pub(in crate::docker) fn filters(all: &[(String, String)]) -> Option<String> {
    let mut map: Map<String, Value> = Map::new();
    for (name, value) in all {
        let values = map.entry(name.clone()).or_insert_with(|| json!([]));
        if let Some(values) = values.as_array_mut() {
            values.push(Value::from(value.clone()));
        }
    }
    (!map.is_empty()).then(|| Value::Object(map).to_string())
}

/// What has this name is not there.
pub(in crate::docker) fn missing(what: Option<What>, name: &str) -> Fault {
    let (what, how) = match what {
        Some(What::Container) => ("container", "docker ps -a shows those that are"),
        Some(What::Image) => ("image", "docker images shows those that are"),
        Some(What::Volume) => ("volume", "docker volume ls shows those that are"),
        Some(What::Network) => ("network", "docker network ls shows those that are"),
        None => ("container, image, network or volume", "check the name, and which engine is asked: docker info"),
    };
    faults::refused(format!("there is no {what} `{name}`"), how).server("404", false)
}

/// The items of a list in it.
fn list<'a>(value: &'a Value, at: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(at).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn field(value: &Value, at: &str) -> Value {
    value.pointer(at).cloned().unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests;
