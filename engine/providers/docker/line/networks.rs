//! `network create`, `rm`, `connect` and `disconnect`.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::amounts::whole;
use super::model::Verb;
use super::names::{name, one, several, two};
use super::pairs::{array, commas, list, object, pair, put, text};
use crate::line::open;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

pub(super) fn create(reader: &Reader) -> Result<Verb, Problem> {
    let named = one(reader, name, "NETWORK")?;
    let mut body = Map::new();
    put(&mut body, "Driver", Some(text(reader, "driver").unwrap_or_else(|| "bridge".into())));
    put(&mut body, "Options", object(reader, "opt")?);
    put(&mut body, "Labels", object(reader, "label")?);
    for (flag, key) in [("internal", "Internal"), ("attachable", "Attachable"), ("config-only", "ConfigOnly")] {
        put(&mut body, key, reader.on(flag)?.then_some(Value::Bool(true)));
    }
    for (flag, key) in [("ipv4", "EnableIPv4"), ("ipv6", "EnableIPv6")] {
        let given = reader.last(flag).is_some();
        put(&mut body, key, given.then(|| reader.on(flag)).transpose()?.map(Value::Bool));
    }
    if let Some(from) = reader.last("config-from") {
        body.insert("ConfigFrom".into(), json!({"Network": name(from)?}));
    }
    let mut ipam = Map::new();
    put(&mut ipam, "Driver", text(reader, "ipam-driver"));
    put(&mut ipam, "Options", object(reader, "ipam-opt")?);
    let ranges = ranges(reader)?;
    put(&mut ipam, "Config", (!ranges.is_empty()).then_some(Value::Array(ranges)));
    put(&mut body, "IPAM", (!ipam.is_empty()).then_some(Value::Object(ipam)));
    Ok(Verb::NetworkCreate { name: named, body })
}

/// One entry for each subnet, with the gateway, range and addresses that lie in it.
fn ranges(reader: &Reader) -> Result<Vec<Value>, Problem> {
    let subnets = commas(reader, "subnet")?;
    let mut entries: Vec<(String, Map<String, Value>)> = Vec::new();
    for subnet in &subnets {
        let text = subnet.value();
        if subnet.text.is_some() && subnet_of(&text).is_none() {
            return Err(subnet.problem(format!("`{text}` is no subnet"), "write it as 10.1.0.0/24"));
        }
        entries.push((text.clone(), Map::from_iter([("Subnet".to_owned(), Value::String(text))])));
    }
    let given = [("gateway", "Gateway"), ("ip-range", "IPRange")];
    for (flag, key) in given {
        for piece in commas(reader, flag)? {
            let entry = place(&mut entries, flag, &piece, &piece.value())?;
            if entry.insert(key.to_owned(), piece.value().into()).is_some() {
                return Err(piece.problem(format!("a second --{flag} in one subnet"), "write one for each subnet"));
            }
        }
    }
    for piece in reader.all("aux-address") {
        let (host, address) = pair(reader, piece)?;
        let entry = place(&mut entries, "aux-address", piece, &address.value())?;
        let others = entry.entry("AuxiliaryAddresses").or_insert_with(|| json!({}));
        if let Some(others) = others.as_object_mut() {
            others.insert(host, address.value().into());
        }
    }
    Ok(entries.into_iter().map(|(_, entry)| Value::Object(entry)).collect())
}

/// The entry of the subnet in which an address lies.
fn place<'a>(
    entries: &'a mut [(String, Map<String, Value>)],
    flag: &str,
    piece: &Piece,
    text: &str,
) -> Result<&'a mut Map<String, Value>, Problem> {
    let lies = |subnet: &str| match (open::is(subnet) || open::is(text), address(text), subnet_of(subnet)) {
        (true, ..) => true,
        (false, Some(address), Some(subnet)) => within(address, subnet),
        _ => false,
    };
    let found = entries.iter_mut().find(|(subnet, _)| lies(subnet));
    found.map(|(_, entry)| entry).ok_or_else(|| {
        piece.problem(
            format!("--{flag}: `{}` lies in no subnet of this line", open::shown(text)),
            "add the subnet: --subnet 10.1.0.0/24",
        )
    })
}

/// `10.1.0.1`, `10.1.0.0/25`.
fn address(text: &str) -> Option<IpAddr> {
    text.split('/').next()?.parse().ok()
}

fn subnet_of(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.parse().ok().filter(|bits| *bits <= most)?;
    Some((address, bits))
}

fn within(address: IpAddr, (subnet, bits): (IpAddr, u32)) -> bool {
    let wide = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()) << 96, 4),
        IpAddr::V6(ip) => (ip.to_bits(), 6),
    };
    let ((a, family), (b, other)) = (wide(address), wide(subnet));
    family == other && (bits == 0 || (a ^ b) >> (128 - bits) == 0)
}

pub(super) fn remove(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::NetworkRemove { names: several(reader, 0, name, "NETWORK")? })
}

pub(super) fn connect(reader: &Reader) -> Result<Verb, Problem> {
    let (network, container) = two(reader, "NETWORK CONTAINER")?;
    let mut endpoint = Map::new();
    put(&mut endpoint, "Aliases", array(&commas(reader, "alias")?));
    put(&mut endpoint, "Links", list(reader, "link"));
    let options: Vec<(String, Value)> = commas(reader, "driver-opt")?
        .iter()
        .map(|piece| pair(reader, piece).map(|(key, value)| (key, value.value().into())))
        .collect::<Result<_, _>>()?;
    put(&mut endpoint, "DriverOpts", (!options.is_empty()).then(|| Value::Object(options.into_iter().collect())));
    put(&mut endpoint, "GwPriority", reader.last("gw-priority").map(|piece| whole(piece, i64::MIN)).transpose()?);
    put(&mut endpoint, "IPAMConfig", addresses(reader, &commas(reader, "link-local-ip")?));
    Ok(Verb::Connect { network, container, endpoint })
}

/// `--ip`, `--ip6` and link-local addresses.
pub(super) fn addresses(reader: &Reader, link_local: &[Piece]) -> Option<Value> {
    let mut config = Map::new();
    put(&mut config, "IPv4Address", text(reader, "ip"));
    put(&mut config, "IPv6Address", text(reader, "ip6"));
    put(&mut config, "LinkLocalIPs", array(link_local));
    (!config.is_empty()).then_some(Value::Object(config))
}

pub(super) fn disconnect(reader: &Reader) -> Result<Verb, Problem> {
    let (network, container) = two(reader, "NETWORK CONTAINER")?;
    Ok(Verb::Disconnect { network, container, force: reader.on("force")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lies_in_its_subnet() {
        for (address_text, subnet, wanted) in [
            ("10.1.0.1", "10.1.0.0/24", true),
            ("10.1.1.1", "10.1.0.0/24", false),
            ("10.1.1.1", "0.0.0.0/0", true),
            ("10.1.0.0/25", "10.1.0.0/24", true),
            ("fd00::1", "fd00::/64", true),
            ("fd00::1", "0.0.0.0/0", false),
            ("10.1.0.1", "10.1.0.1/32", true),
        ] {
            let (address, subnet) = (address(address_text), subnet_of(subnet));
            assert_eq!(address.zip(subnet).map(|(a, s)| within(a, s)), Some(wanted), "{address_text}");
        }
        assert_eq!(subnet_of("10.1.0.0/33"), None);
        assert_eq!(subnet_of("10.1.0.0"), None);
    }
}
