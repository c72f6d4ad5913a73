//! Services.

use serde_json::{Value, json};

use super::object;
use crate::kubernetes::line::measure::at_least;
use crate::kubernetes::line::model::{Create, Number};
use crate::line::measure::whole;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

pub(super) fn cluster_ip(reader: &Reader, name: &str) -> Result<Create, Problem> {
    let address = reader.text("clusterip");
    let headless = address.as_deref() == Some("None");
    let mut made = spec(name, "ClusterIP", ports(reader, headless)?);
    if let Some(address) = address {
        made["spec"]["clusterIP"] = Value::String(address);
    }
    Ok(Create::Object(made))
}

pub(super) fn node_port(reader: &Reader, name: &str) -> Result<Create, Problem> {
    let mut ports = ports(reader, false)?;
    if let Some(Number::Known(port)) = reader.last("node-port").map(|piece| at_least(0, piece)).transpose()?
        && let Some(first) = ports.first_mut().filter(|_| port > 0)
    {
        first["nodePort"] = json!(port);
    }
    Ok(Create::Object(spec(name, "NodePort", ports)))
}

pub(super) fn load_balancer(reader: &Reader, name: &str) -> Result<Create, Problem> {
    Ok(Create::Object(spec(name, "LoadBalancer", ports(reader, false)?)))
}

pub(super) fn external_name(reader: &Reader, name: &str) -> Result<Create, Problem> {
    let external =
        reader.text("external-name").ok_or_else(|| reader.missing("external-name", "--external-name=HOST"))?;
    let mut made = spec(name, "ExternalName", ports(reader, true)?);
    made["spec"]["externalName"] = Value::String(external);
    Ok(Create::Object(made))
}

fn spec(name: &str, kind: &str, ports: Vec<Value>) -> Value {
    let mut made = object("v1", "Service", name);
    made["metadata"]["labels"] = json!({"app": name});
    made["spec"] = json!({"type": kind, "selector": {"app": name}});
    if !ports.is_empty() {
        made["spec"]["ports"] = Value::Array(ports);
    }
    made
}

/// `--tcp=PORT` and `--tcp=PORT:TARGET`.
fn ports(reader: &Reader, optional: bool) -> Result<Vec<Value>, Problem> {
    let given = reader.lists("tcp");
    if given.is_empty() && !optional {
        return Err(reader.missing("tcp", "--tcp=PORT:TARGETPORT"));
    }
    given.iter().map(port).collect()
}

fn port(piece: &Piece) -> Result<Value, Problem> {
    let (port, target) = match piece.split(':') {
        Some((port, target)) => (Piece::fixed(&port, piece.at), target),
        None => (piece.clone(), piece.clone()),
    };
    let number = whole(&port)?.unwrap_or(1);
    if !(1..=65535).contains(&number) {
        return Err(piece.problem(format!("{number} is no port"), "ports are 1 to 65535: --tcp=6379:6379"));
    }
    let shown = target.value();
    let target_port = shown.parse::<u16>().map_or_else(|_| Value::String(shown.clone()), |number| json!(number));
    let name = if piece.head.contains(':') { format!("{number}-{shown}") } else { number.to_string() };
    Ok(json!({"name": name, "port": number, "protocol": "TCP", "targetPort": target_port}))
}
