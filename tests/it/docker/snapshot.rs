//! What an engine has of one test, as far as its author asked for it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::engine::Engine;

/// Containers, networks and volumes whose names begin with the same word.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// By kind and name, what is known of it: by a JSON pointer.
    all: BTreeMap<String, Value>,
}

/// Settings that an update can change and not take back to none.
const LIMITS: &[&str] = &["Memory", "MemorySwap", "NanoCpus", "CpuShares", "CpusetCpus"];

impl Snapshot {
    pub(super) fn take(engine: &Engine, word: &str) -> Self {
        let mut all = BTreeMap::new();
        let named = |path: &str| {
            let list = engine.find(path).unwrap();
            let list = list.as_array().or_else(|| list["Volumes"].as_array()).cloned().unwrap_or_default();
            list.into_iter().filter_map(|one| {
                let name =
                    one["Names"][0].as_str().or_else(|| one["Name"].as_str())?.trim_start_matches('/').to_owned();
                name.starts_with(word).then_some(name)
            })
        };
        for name in named("/containers/json?all=1") {
            let found = engine.find(&format!("/containers/{name}/json"));
            all.insert(format!("container {name}"), found.as_ref().map(container).unwrap_or_default());
        }
        for name in named("/networks") {
            let found = engine.find(&format!("/networks/{name}"));
            let asked = found.map(|it| json!({"driver": it["Driver"], "labels": it["Labels"], "ipam": it["IPAM"]}));
            all.insert(format!("network {name}"), asked.unwrap_or_default());
        }
        for name in named("/volumes") {
            all.insert(format!("volume {name}"), Value::Null);
        }
        Self { all }
    }

    /// Is this place, of those that differ, a limit that was none?
    pub(super) fn had_no_limit(&self, at: &str) -> bool {
        let Some((name, place)) = at.split_once('/') else { return false };
        let limit = place.strip_prefix("host/").is_some_and(|field| LIMITS.contains(&field));
        let value = self.all.get(name).and_then(|it| it.pointer(&format!("/{place}")));
        limit && value.is_some_and(|it| it.is_null() || it == 0 || it == "")
    }
}

/// What its author asked for, and whether it runs.
fn container(it: &Value) -> Value {
    let short: String = it["Id"].as_str().unwrap().chars().take(12).collect();
    let stands = match it["State"]["Status"].as_str().unwrap() {
        "running" | "restarting" => "running",
        "paused" => "paused",
        _ => "rests",
    };
    let mut config = it["Config"].as_object().unwrap().clone();
    if config["Hostname"].as_str() == Some(&short) {
        config.remove("Hostname");
    }
    // By this label a rollback knows what it made again.
    if let Some(labels) = config.get_mut("Labels").and_then(Value::as_object_mut) {
        labels.remove("playbook.again");
    }
    // Volumes that the engine named are bound by their names when a container is made again: `mounts` tells.
    let mut host = it["HostConfig"].as_object().unwrap().clone();
    host.retain(|field, _| !["Binds", "Mounts", "VolumesFrom"].contains(&field.as_str()));
    // No limit is null, 0 or -1.
    if host["PidsLimit"].as_i64().is_none_or(|limit| limit <= 0) {
        host.remove("PidsLimit");
    }
    let mut mounts: Vec<Value> = it["Mounts"].as_array().unwrap().iter().map(mount).collect();
    mounts.sort_by_key(Value::to_string);
    let networks = it["NetworkSettings"]["Networks"].as_object().unwrap();
    let networks: Map<String, Value> = networks
        .iter()
        .map(|(network, place)| {
            let aliases = place["Aliases"].as_array().into_iter().flatten();
            // The engine adds these two when it starts a container.
            let own = [Some(short.as_str()), it["Config"]["Hostname"].as_str()];
            let mut aliases: Vec<&str> =
                aliases.filter_map(Value::as_str).filter(|alias| !own.contains(&Some(*alias))).collect();
            aliases.sort_unstable();
            aliases.dedup();
            (network.clone(), json!({"aliases": aliases, "ipam": place["IPAMConfig"], "links": place["Links"]}))
        })
        .collect();
    json!({"stands": stands, "image": it["Image"], "config": config, "host": host, "mounts": mounts, "networks": networks})
}

fn mount(it: &Value) -> Value {
    json!([it["Destination"], it["Type"], it["Name"], it["Source"], it["RW"]])
}

/// What is not as it was, by place: before and after. Volumes that were made stay.
pub(super) fn differences(before: &Snapshot, after: &Snapshot) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let names: std::collections::BTreeSet<&String> = before.all.keys().chain(after.all.keys()).collect();
    for name in names {
        match (before.all.get(name), after.all.get(name)) {
            (Some(was), Some(is)) => compare(name, was, is, &mut found),
            (None, Some(_)) if name.starts_with("volume ") => {}
            (was, _) => {
                let told = if was.is_some() { "is gone" } else { "was not there before" };
                found.insert(name.clone(), told.to_owned());
            }
        }
    }
    found
}

fn compare(at: &str, was: &Value, is: &Value, found: &mut BTreeMap<String, String>) {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    if was == is || (empty(was) && empty(is)) {
        return;
    }
    if let (Value::Object(one), Value::Object(other)) = (was, is) {
        let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        for key in keys {
            compare(&format!("{at}/{key}"), &was[key], &is[key], found);
        }
        return;
    }
    found.insert(at.to_owned(), format!("was {was}, is {is}"));
}
