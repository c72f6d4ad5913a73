//! `-p` and `--expose`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use crate::docker::line::pairs::pair;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

const HELP: &str = "write 8080:80, 127.0.0.1:8080:80/tcp or 8080-8082:80-82";

pub(super) fn put_all(
    reader: &Reader,
    body: &mut Map<String, Value>,
    host: &mut Map<String, Value>,
) -> Result<(), Problem> {
    let mut bindings: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut exposed = Map::new();
    for piece in reader.all("expose") {
        let (ports, protocol) = protocol(piece)?;
        for port in container_ports(&ports)? {
            exposed.insert(format!("{port}/{protocol}"), json!({}));
        }
    }
    for piece in reader.all("publish") {
        let found = if piece.head.contains('=') { long(reader, piece)? } else { short(piece)? };
        for (port, binding) in found {
            exposed.insert(port.clone(), json!({}));
            bindings.entry(port).or_default().push(binding);
        }
    }
    if !exposed.is_empty() {
        body.insert("ExposedPorts".into(), Value::Object(exposed));
    }
    if !bindings.is_empty() {
        host.insert("PortBindings".into(), json!(bindings));
    }
    Ok(())
}

type Bindings = Vec<(String, Value)>;

/// `[ADDRESS:][PORTS:]PORTS[/PROTOCOL]`.
fn short(piece: &Piece) -> Result<Bindings, Problem> {
    // An IPv6 address has colons of its own.
    if let Some(rest) = piece.head.strip_prefix('[') {
        let end = rest.find("]:").ok_or_else(|| piece.problem("an address without its end", HELP))?;
        let address = rest[..end].to_owned();
        let parts = piece.after(end + 3).parts(':')?;
        let [published, target] = parts.as_slice() else { return Err(wrong(piece)) };
        return bind(&address, Some(published), target);
    }
    let parts = piece.parts(':')?;
    match parts.as_slice() {
        [target] => bind("", None, target),
        [published, target] => bind("", Some(published), target),
        [address, published, target] => {
            if address.text.as_deref().is_some_and(|text| text.parse::<std::net::IpAddr>().is_err()) {
                return Err(address.problem(format!("`{}` is no address", address.shown()), HELP));
            }
            bind(&address.value(), Some(published), target)
        }
        _ => Err(wrong(piece)),
    }
}

/// `published=8080,target=80,protocol=tcp`.
fn long(reader: &Reader, piece: &Piece) -> Result<Bindings, Problem> {
    let (mut published, mut target, mut kind) = (None, None, "tcp".to_owned());
    for part in piece.parts(',')? {
        let (key, value) = pair(reader, &part)?;
        match key.to_ascii_lowercase().as_str() {
            "published" => published = Some(value),
            "target" => target = Some(value),
            "protocol" => kind = value.value(),
            "mode" => {}
            _ => return Err(part.problem(format!("a port has no `{key}`"), HELP)),
        }
    }
    let target = target.ok_or_else(|| wrong(piece))?;
    if !["tcp", "udp", "sctp"].contains(&kind.as_str()) {
        return Err(wrong(piece));
    }
    let ports = published.as_ref().map(host_ports).transpose()?;
    Ok(pairs("", ports.as_ref(), &container_ports(&target)?, &kind))
}

fn wrong(piece: &Piece) -> Problem {
    piece.problem(format!("`{}` is no port to publish", piece.shown()), HELP)
}

/// `80`, `80/udp`.
fn protocol(piece: &Piece) -> Result<(Piece, String), Problem> {
    let parts = piece.parts('/')?;
    match parts.as_slice() {
        [ports] => Ok((ports.clone(), "tcp".to_owned())),
        [ports, kind] => match kind.text.as_deref() {
            Some("tcp" | "udp" | "sctp") | None => Ok((ports.clone(), kind.value())),
            Some(other) => Err(piece.problem(format!("`{other}` is no protocol"), "one of tcp, udp, sctp")),
        },
        _ => Err(wrong(piece)),
    }
}

fn bind(address: &str, published: Option<&Piece>, target: &Piece) -> Result<Bindings, Problem> {
    let (target, kind) = protocol(target)?;
    let ports = published.filter(|piece| piece.text.as_deref() != Some("")).map(host_ports).transpose()?;
    let targets = container_ports(&target)?;
    if let Some(Published::Each(ports)) = &ports
        && targets.len() > 1
        && ports.len() != targets.len()
    {
        return Err(target.problem("ranges of ports that are not of the same length", HELP));
    }
    Ok(pairs(address, ports.as_ref(), &targets, &kind))
}

/// Ports of the host.
enum Published {
    /// Any that is free in this range, or one that is not known yet.
    Text(String),
    /// One for each port of the container.
    Each(Vec<u16>),
}

fn pairs(address: &str, ports: Option<&Published>, targets: &[String], kind: &str) -> Bindings {
    let host_port = |at: usize| match ports {
        None => String::new(),
        Some(Published::Text(text)) => text.clone(),
        Some(Published::Each(each)) if targets.len() == 1 && each.len() > 1 => {
            format!("{}-{}", each.first().copied().unwrap_or_default(), each.last().copied().unwrap_or_default())
        }
        Some(Published::Each(each)) => each.get(at).map(u16::to_string).unwrap_or_default(),
    };
    let binding = |at: usize| json!({"HostIp": address, "HostPort": host_port(at)});
    targets.iter().enumerate().map(|(at, port)| (format!("{port}/{kind}"), binding(at))).collect()
}

fn host_ports(piece: &Piece) -> Result<Published, Problem> {
    match range(piece)? {
        None => Ok(Published::Text(piece.value())),
        Some(ports) => Ok(Published::Each(ports.collect())),
    }
}

fn container_ports(piece: &Piece) -> Result<Vec<String>, Problem> {
    Ok(match range(piece)? {
        None => vec![piece.value()],
        Some(ports) => ports.map(|port| port.to_string()).collect(),
    })
}

/// `80`, `80-90`; none while there is no value.
fn range(piece: &Piece) -> Result<Option<RangeInclusive<u16>>, Problem> {
    let parts = piece.parts('-')?;
    if parts.iter().any(|part| part.text.is_none()) {
        return Ok(None);
    }
    let port = |part: &Piece| {
        let text = part.value();
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| digits).ok_or_else(|| part.problem(format!("`{text}` is no port"), HELP))
    };
    match parts.as_slice() {
        [one] => port(one).map(|one| Some(one..=one)),
        [first, last] => {
            let (first, last) = (port(first)?, port(last)?);
            if first > last { Err(wrong(piece)) } else { Ok(Some(first..=last)) }
        }
        _ => Err(wrong(piece)),
    }
}
