//! `--network` and what belongs to it.

use serde_json::{Map, Value, json};

use crate::docker::line::amounts::whole;
use crate::docker::line::names::mode;
use crate::docker::line::networks::addresses;
use crate::docker::line::pairs::{list, pair, put};
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

pub(super) fn put_all(
    reader: &Reader,
    body: &mut Map<String, Value>,
    host: &mut Map<String, Value>,
) -> Result<(), Problem> {
    let mut networks: Vec<(String, Map<String, Value>)> = Vec::new();
    let given: Vec<&Piece> = reader.all("network").into_iter().chain(reader.all("net")).collect();
    for piece in given {
        let (target, endpoint) =
            if piece.head.contains('=') { long(reader, piece)? } else { (mode(piece)?, Map::new()) };
        if networks.iter().any(|(known, _)| *known == target) {
            return Err(piece.problem("a network that is named twice", "leave it out"));
        }
        networks.push((target, endpoint));
    }
    if let Some((target, _)) = networks.first() {
        host.insert("NetworkMode".into(), target.clone().into());
    }
    let mut networks = networks.into_iter();
    let (first, mut endpoint) = networks.next().unwrap_or_else(|| ("default".to_owned(), Map::new()));
    let aliases = list(reader, "network-alias").or_else(|| list(reader, "net-alias"));
    let local: Vec<Piece> = reader.all("link-local-ip").into_iter().cloned().collect();
    let built_in = ["default", "bridge", "host", "none"].contains(&first.as_str());
    if aliases.is_some() && (built_in || first.starts_with("container:")) {
        return Err(reader.wrong(
            format!("an alias in the network `{first}`, which has none"),
            "name a network of your own: --network NAME; network create makes one",
        ));
    }
    put(&mut endpoint, "Aliases", aliases);
    put(&mut endpoint, "IPAMConfig", addresses(reader, &local));
    if !built_in {
        put(&mut endpoint, "Links", list(reader, "link"));
        put(&mut endpoint, "MacAddress", reader.text("mac-address").map(Value::String));
    }
    // A single network without anything said of it is only a mode.
    if networks.len() > 0 || !endpoint.is_empty() {
        let all = std::iter::once((first, endpoint)).chain(networks);
        let endpoints: Map<String, Value> = all.map(|(network, endpoint)| (network, Value::Object(endpoint))).collect();
        body.insert("NetworkingConfig".into(), json!({"EndpointsConfig": endpoints}));
    }
    Ok(())
}

/// `name=NET,alias=A,ip=…`.
fn long(reader: &Reader, piece: &Piece) -> Result<(String, Map<String, Value>), Problem> {
    let (mut target, mut aliases, mut local) = (None, Vec::new(), Vec::new());
    let (mut endpoint, mut addresses, mut options) = (Map::new(), Map::new(), Map::new());
    for part in piece.parts(',')? {
        let (key, value) = pair(reader, &part)?;
        match key.to_ascii_lowercase().as_str() {
            "name" => target = Some(mode(&value)?),
            "alias" => aliases.push(Value::String(value.value())),
            "ip" => put(&mut addresses, "IPv4Address", Some(value.value().into())),
            "ip6" => put(&mut addresses, "IPv6Address", Some(value.value().into())),
            "link-local-ip" => local.push(Value::String(value.value())),
            "mac-address" => put(&mut endpoint, "MacAddress", Some(value.value().into())),
            "gw-priority" => put(&mut endpoint, "GwPriority", Some(whole(&value, i64::MIN)?)),
            "driver-opt" => {
                let (option, value) = pair(reader, &value)?;
                options.insert(option, value.value().into());
            }
            _ => {
                return Err(part.problem(
                    format!("a network has no `{key}`"),
                    "one of name, alias, ip, ip6, link-local-ip, mac-address, gw-priority, driver-opt",
                ));
            }
        }
    }
    let target = target.ok_or_else(|| piece.problem("a network without a name", "write name=NETWORK,…"))?;
    put(&mut addresses, "LinkLocalIPs", (!local.is_empty()).then_some(Value::Array(local)));
    put(&mut endpoint, "Aliases", (!aliases.is_empty()).then_some(Value::Array(aliases)));
    put(&mut endpoint, "IPAMConfig", (!addresses.is_empty()).then_some(Value::Object(addresses)));
    put(&mut endpoint, "DriverOpts", (!options.is_empty()).then_some(Value::Object(options)));
    Ok((target, endpoint))
}
