//! A container that is gone → the request that makes it again, from what `inspect` said of it.
//!
//! What it wrote outside of volumes is not in it and does not come back.

use serde_json::{Map, Value, json};

use super::standing::{id, name};

/// What is needed to make a container again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Again {
    /// Its name.
    pub(super) name: String,
    /// The body of `POST /containers/create`.
    pub(super) body: Value,
    /// Networks to connect it to when it is there: all but the first, which older engines take alone.
    pub(super) networks: Vec<(String, Value)>,
}

/// Reads what `inspect` said. `now` is the id by which another container that it names is known today.
pub(super) fn again(container: &Value, now: &dyn Fn(&str) -> String) -> Again {
    let mut body = container.get("Config").and_then(Value::as_object).cloned().unwrap_or_default();
    let short: String = id(container).chars().take(12).collect();
    // Made up by the engine from its id, and made up again.
    if body.get("Hostname").and_then(Value::as_str) == Some(short.as_str()) {
        body.remove("Hostname");
    }
    let mut host = container.get("HostConfig").and_then(Value::as_object).cloned().unwrap_or_default();
    for field in ["NetworkMode", "IpcMode", "PidMode"] {
        if let Some(other) = host.get(field).and_then(Value::as_str).and_then(|mode| mode.strip_prefix("container:")) {
            let mode = format!("container:{}", now(other));
            host.insert(field.to_owned(), mode.into());
        }
    }
    let says = |field: &str| host.get(field).and_then(Value::as_str).unwrap_or_default();
    let (shares_network, shares_name) = (says("NetworkMode").starts_with("container:"), says("UTSMode") == "host");
    // The engine writes into it what it has from the other, and refuses to be told so.
    if shares_network || shares_name {
        body.remove("Hostname");
    }
    if shares_network {
        body.remove("ExposedPorts");
    }
    if let Some(Value::Array(from)) = host.get_mut("VolumesFrom") {
        for entry in from {
            let Some(text) = entry.as_str() else { continue };
            let (other, mode) = text.split_once(':').map_or((text, None), |(other, mode)| (other, Some(mode)));
            let other = now(other);
            *entry = mode.map_or_else(|| other.clone(), |mode| format!("{other}:{mode}")).into();
        }
    }
    if let Some(Value::Array(links)) = host.get("Links").cloned() {
        // The engine says `/other:/this/alias` and takes `other:alias`.
        let link = |link: &Value| {
            let (other, alias) = link.as_str()?.split_once(':')?;
            let alias = alias.rsplit('/').next().unwrap_or(alias);
            Some(Value::from(format!("{}:{alias}", other.trim_start_matches('/'))))
        };
        host.insert("Links".into(), links.iter().filter_map(link).collect());
    }
    keep_volumes(container, &mut host);
    let mode = host.get("NetworkMode").and_then(Value::as_str).unwrap_or("default").to_owned();
    body.insert("HostConfig".into(), Value::Object(host));
    let mut endpoints = endpoints(container);
    // A network of its own mode comes with its making.
    let first =
        endpoints.iter().position(|(network, _)| *network == mode || (mode == "default" && network == "bridge"));
    let first = first.or_else(|| (!endpoints.is_empty() && named(&mode)).then_some(0)).map(|at| endpoints.remove(at));
    if let Some((network, mut endpoint)) = first.filter(|_| named(&mode)) {
        // Newer engines want to be told of both places.
        if let Some(address) =
            body.get("MacAddress").filter(|address| address.as_str().is_some_and(|it| !it.is_empty()))
        {
            endpoint["MacAddress"] = address.clone();
        }
        body.insert("NetworkingConfig".into(), json!({"EndpointsConfig": {network: endpoint}}));
    }
    Again { name: name(container).to_owned(), body: Value::Object(body), networks: endpoints }
}

/// Is it a network that somebody made, where containers have names?
fn named(mode: &str) -> bool {
    !matches!(mode, "default" | "bridge" | "host" | "none") && !mode.starts_with("container:")
}

/// Volumes that got their names from the engine are mounted by those names.
fn keep_volumes(container: &Value, host: &mut Map<String, Value>) {
    let taken = |list: Option<&Value>, pick: &dyn Fn(&Value) -> Option<String>| -> Vec<String> {
        list.and_then(Value::as_array).into_iter().flatten().filter_map(pick).collect()
    };
    let binds = taken(host.get("Binds"), &|bind| bind.as_str()?.split(':').nth(1).map(str::to_owned));
    let named = |mount: &Value| mount.get("Source").and_then(Value::as_str).is_some_and(|source| !source.is_empty());
    let mounts = taken(host.get("Mounts"), &|mount| {
        let volume = mount.get("Type").is_none_or(|kind| kind == "volume");
        (!volume || named(mount)).then(|| mount.get("Target")?.as_str().map(str::to_owned)).flatten()
    });
    let mut own = Vec::new();
    for mount in container.get("Mounts").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| mount.get(name).and_then(Value::as_str).unwrap_or_default();
        let (volume, target) = (text("Name"), text("Destination"));
        let known = binds.iter().chain(&mounts).any(|known| known == target);
        if text("Type") == "volume" && !volume.is_empty() && !known {
            let mode = if mount.get("RW").and_then(Value::as_bool) == Some(false) { ":ro" } else { "" };
            own.push((target.to_owned(), Value::from(format!("{volume}:{target}{mode}"))));
        }
    }
    if own.is_empty() {
        return;
    }
    // A mount without a source would make another volume at the same place.
    if let Some(Value::Array(mounts)) = host.get_mut("Mounts") {
        mounts.retain(|mount| {
            mount.get("Target").and_then(Value::as_str).is_none_or(|at| own.iter().all(|(target, _)| target != at))
        });
    }
    let binds = host.entry("Binds").or_insert(Value::Null);
    if !binds.is_array() {
        *binds = json!([]);
    }
    if let Some(binds) = binds.as_array_mut() {
        binds.extend(own.into_iter().map(|(_, bind)| bind));
    }
}

/// What it asked of each network: not what the network gave it.
fn endpoints(container: &Value) -> Vec<(String, Value)> {
    // The engine adds these two when it starts the container.
    let short: String = id(container).chars().take(12).collect();
    let host = container.pointer("/Config/Hostname").and_then(Value::as_str);
    let given = |alias: &&Value| alias.as_str() != Some(&short) && alias.as_str() != host;
    let networks = container.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
    let asked = |(network, endpoint): (&String, &Value)| {
        let mut own = Map::new();
        for field in ["IPAMConfig", "Links", "DriverOpts", "GwPriority"] {
            if let Some(value) = endpoint.get(field).filter(|value| !value.is_null()) {
                own.insert(field.to_owned(), value.clone());
            }
        }
        let aliases = endpoint.get("Aliases").and_then(Value::as_array).into_iter().flatten();
        let aliases: Vec<Value> = aliases.filter(given).cloned().collect();
        if !aliases.is_empty() {
            own.insert("Aliases".into(), aliases.into());
        }
        (network.clone(), Value::Object(own))
    };
    networks.into_iter().flatten().map(asked).collect()
}

/// What it asked of one network; nothing if it is not in it.
pub(super) fn endpoint(container: &Value, network: &str) -> Option<Map<String, Value>> {
    let mine = |(name, endpoint): (String, Value)| (name == network).then_some(endpoint);
    endpoints(container).into_iter().find_map(mine)?.as_object().cloned()
}

/// A network that is gone → the body of `POST /networks/create`.
pub(super) fn network(network: &Value) -> Value {
    let mut body = Map::new();
    for field in [
        "Name",
        "Driver",
        "Internal",
        "Attachable",
        "Ingress",
        "EnableIPv4",
        "EnableIPv6",
        "IPAM",
        "Options",
        "Labels",
        "Scope",
    ] {
        if let Some(value) = network.get(field).filter(|value| !value.is_null()) {
            body.insert(field.to_owned(), value.clone());
        }
    }
    body.insert("CheckDuplicate".into(), true.into());
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected() -> Value {
        json!({
            "Id": "0123456789abcdef0123", "Name": "/web",
            "Config": {"Hostname": "0123456789ab", "Image": "redis:test", "Env": ["A=b"], "Volumes": {"/data": {}}},
            "HostConfig": {"NetworkMode": "shop_default", "Binds": ["cache:/cache"], "Links": ["/db:/web/database"],
                "VolumesFrom": ["fedcba:ro"], "Mounts": [{"Type": "volume", "Target": "/more"}]},
            "Mounts": [
                {"Type": "volume", "Name": "cache", "Destination": "/cache", "RW": true},
                {"Type": "volume", "Name": "a1b2", "Destination": "/data", "RW": true},
                {"Type": "volume", "Name": "c3d4", "Destination": "/more", "RW": false}],
            "NetworkSettings": {"Networks": {
                "shop_default": {"Aliases": ["web", "0123456789ab"], "IPAddress": "172.18.0.2", "NetworkID": "n"},
                "side": {"IPAMConfig": {"IPv4Address": "10.1.0.9"}, "Aliases": null}}},
        })
    }

    #[test]
    fn what_the_author_asked_for_comes_back_and_what_the_engine_gave_does_not() {
        let again = again(&inspected(), &|other| format!("new-{other}"));
        assert_eq!(again.name, "web");
        assert_eq!(again.body.get("Hostname"), None);
        assert_eq!(again.body["HostConfig"]["VolumesFrom"], json!(["new-fedcba:ro"]));
        assert_eq!(again.body["HostConfig"]["Links"], json!(["db:database"]));
        let networks = json!({"EndpointsConfig": {"shop_default": {"Aliases": ["web"]}}});
        assert_eq!(again.body["NetworkingConfig"], networks);
        assert_eq!(again.networks, [("side".to_owned(), json!({"IPAMConfig": {"IPv4Address": "10.1.0.9"}}))]);
    }

    #[test]
    fn who_shares_a_network_is_not_told_what_the_engine_wrote_into_it() {
        let mut shared = inspected();
        shared["HostConfig"]["NetworkMode"] = "container:fedcba".into();
        shared["Config"]["Hostname"] = "fedcba987654".into();
        shared["Config"]["ExposedPorts"] = json!({"6379/tcp": {}});
        shared["NetworkSettings"]["Networks"] = json!({});
        let again = again(&shared, &|other| format!("new-{other}"));
        assert_eq!(again.body["HostConfig"]["NetworkMode"], "container:new-fedcba");
        assert_eq!((again.body.get("Hostname"), again.body.get("ExposedPorts")), (None, None));
    }

    #[test]
    fn an_address_of_its_own_comes_back() {
        let mut own = inspected();
        own["Config"]["MacAddress"] = "02:42:ac:11:aa:bb".into();
        let again = again(&own, &str::to_owned);
        let endpoint = &again.body["NetworkingConfig"]["EndpointsConfig"]["shop_default"];
        assert_eq!(
            (&again.body["MacAddress"], &endpoint["MacAddress"]),
            (&own["Config"]["MacAddress"], &own["Config"]["MacAddress"])
        );
    }

    #[test]
    fn volumes_without_a_name_of_their_own_keep_their_data() {
        let again = again(&inspected(), &str::to_owned);
        let binds = json!(["cache:/cache", "a1b2:/data", "c3d4:/more:ro"]);
        assert_eq!(again.body["HostConfig"]["Binds"], binds);
        assert_eq!(again.body["HostConfig"]["Mounts"], json!([]));
    }
}
