//! Which container a way leads to, and by which addresses a port of it can be reached.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Map, Value};

use crate::docker::client::{Call, End, Opened, Wire, part};
use crate::docker::line::model::What;
use crate::docker::look::{filters, missing};

/// What leads to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Container(String),
    /// Of compose.
    Service {
        name: String,
        project: Option<String>,
    },
}

/// How many containers may share the network of the next.
const DEPTH: usize = 8;

fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// A port, which has to be a number here: containers do not name theirs.
pub(super) fn number(port: &str, end: &str) -> Result<u16, Fault> {
    port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        Fault::new(FaultKind::Invalid, Code::TargetAddress, format!("`{port}` is no port of {end}"))
            .help("write the number on which the program listens in the container")
    })
}

/// The container, as the engine describes it; of a service the one from before while it runs.
pub(super) async fn choose(wire: &Wire, wanted: &Wanted, before: Option<&str>) -> Result<Value, Fault> {
    let (name, project) = match wanted {
        Wanted::Container(name) => return running(inspect(wire, name).await?),
        Wanted::Service { name, project } => (name, project.as_deref()),
    };
    let label = |label: &str, value: &str| ("label".to_owned(), format!("com.docker.compose.{label}={value}"));
    let mut chosen = vec![label("service", name), label("oneoff", "False")];
    chosen.extend(project.map(|project| label("project", project)));
    let call = Call::get("/containers/json").query_if("filters", filters(&chosen));
    let found = wire.find(&call).await?.unwrap_or_default();
    let all: Vec<&Value> = found.as_array().into_iter().flatten().collect();
    let of = |container: &Value, name: &str| {
        let labels = container.pointer("/Labels");
        labels.and_then(|labels| labels.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut projects: Vec<String> = all.iter().map(|one| of(one, "com.docker.compose.project")).collect();
    projects.sort();
    projects.dedup();
    if projects.len() > 1 {
        let message = format!("several projects have a service `{name}`: {}", projects.join(", "));
        return Err(Fault::new(FaultKind::Invalid, Code::TargetAddress, message).help("choose one: project: NAME"));
    }
    let rank = |one: &&&Value| {
        let same = Some(text(one, "/Id")) == before;
        let ill = text(one, "/Status").ends_with("(unhealthy)") || text(one, "/State") != "running";
        let number: u64 = of(one, "com.docker.compose.container-number").parse().unwrap_or(u64::MAX);
        (ill, !same, number)
    };
    let Some(first) = all.iter().min_by_key(rank) else {
        let of = project.map(|project| format!(" of project `{project}`")).unwrap_or_default();
        return Err(down(format!("no container of service `{name}`{of} runs"))
            .help("docker compose ps -a shows what became of it; docker compose up -d starts it"));
    };
    running(inspect(wire, text(first, "/Id")).await?)
}

async fn inspect(wire: &Wire, name: &str) -> Result<Value, Fault> {
    let found = wire.find(&Call::get(format!("/containers/{}/json", part(name)))).await?;
    found.ok_or_else(|| missing(Some(What::Container), name))
}

fn down(message: String) -> Fault {
    Fault::new(FaultKind::Unreachable, Code::Unreachable, message)
}

/// Only in one that runs does anything listen.
fn running(container: Value) -> Result<Value, Fault> {
    let name = text(&container, "/Name").trim_start_matches('/');
    let is = |at: &str| container.pointer(at).and_then(Value::as_bool).unwrap_or(false);
    let fault = if is("/State/Paused") {
        down(format!("container `{name}` is paused")).help(format!("docker unpause {name}"))
    } else if is("/State/Restarting") || !is("/State/Running") {
        let code = container.pointer("/State/ExitCode").and_then(Value::as_i64).unwrap_or(0);
        let state = text(&container, "/State/Status");
        let ended = if state == "created" { String::new() } else { format!("; its last exit code is {code}") };
        down(format!("container `{name}` does not run: it is {state}{ended}"))
            .help(format!("docker logs {name} shows why it ended; docker start {name} starts it"))
    } else {
        return Ok(container);
    };
    Err(fault)
}

/// Where a port of a container can be reached, best first.
pub(super) async fn of(wire: &Wire, container: &Value, port: u16) -> Result<Vec<End>, Fault> {
    let mut container = container.clone();
    for _ in 0..DEPTH {
        let mode = text(&container, "/HostConfig/NetworkMode");
        if mode == "host" {
            return Ok(vec![End::Published(port)]);
        }
        let Some(other) = mode.strip_prefix("container:") else {
            return Ok(own(&container, port, wire.opened().is_near()));
        };
        container = running(inspect(wire, other).await?)?;
    }
    Ok(Vec::new())
}

/// Published ports, then its addresses. `near`: as the engine's own machine sees them.
fn own(container: &Value, port: u16, near: bool) -> Vec<End> {
    let mut ends = Vec::new();
    let ports = container.pointer("/NetworkSettings/Ports").and_then(|ports| ports.get(format!("{port}/tcp")));
    for binding in ports.and_then(Value::as_array).into_iter().flatten() {
        let Ok(public) = text(binding, "/HostPort").parse::<u16>() else { continue };
        let end = match text(binding, "/HostIp") {
            "" | "0.0.0.0" => End::Published(public),
            "127.0.0.1" | "::1" if !near => continue,
            "127.0.0.1" => End::Published(public),
            "::" if !near => End::Published(public),
            "::" => End::At("::1".into(), public),
            ip => End::At(ip.to_owned(), public),
        };
        if !ends.contains(&end) {
            ends.push(end);
        }
    }
    if near {
        let networks = container.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
        let ips = networks.into_iter().flat_map(Map::values).map(|network| text(network, "/IPAddress"));
        let ips = ips.chain([text(container, "/NetworkSettings/IPAddress")]).filter(|ip| !ip.is_empty());
        for ip in ips {
            let end = End::At(ip.to_owned(), port);
            if !ends.contains(&end) {
                ends.push(end);
            }
        }
    }
    // An IPv4 address first: whoever publishes publishes on both.
    ends.sort_by_key(|end| matches!(end, End::At(ip, _) if ip == "::1"));
    ends
}

/// Nothing leads there.
pub(super) fn unreachable(name: &str, port: u16, opened: &Opened) -> Fault {
    let (why, help) = if opened.is_near() {
        ("the container has no network", "connect it to one: docker network connect NETWORK CONTAINER")
    } else {
        (
            "it is not published, and its address is one of the engine's own machine",
            "publish it (-p PORT:PORT, or ports: of compose), or reach the engine by ssh://",
        )
    };
    let message = format!("port {port} of container `{name}` cannot be reached from here: {why}");
    Fault::new(FaultKind::Invalid, Code::TargetAddress, message).help(help)
}
