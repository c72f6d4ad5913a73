//! `kubectl create`: from files, or what a generator makes.
//!
//! A generator makes the object that kubectl would send; its namespace is that of the line.

mod config;
mod names;
mod rights;
mod service;
mod workload;

use serde_json::{Value, json};

use super::flags::{CHANGES, FILES, PRINT, VALIDATION};
use super::model::{Create, Objects, Verb};
use super::objects::{Need, name, objects};
use crate::line::flags::{Flag, Group, switch, value};
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

/// Flags of all generators; [`allowed`] tells which generator takes which.
pub(super) const FLAGS: &[Group] = &[PRINT, FILES, CHANGES, VALIDATION, OWN];

const FROM_FILES: &str = "write the data as --from-literal=KEY=VALUE, or a manifest with -f";

const MANIFEST: &str = "write a manifest, and create -f FILE or apply -f FILE";

const OWN: &[Flag] = &[
    value("from-literal"),
    value("from-file").refused(FROM_FILES),
    value("from-env-file").refused(FROM_FILES),
    switch("append-hash").refused("leave it out; a name that is known beforehand can be rolled back"),
    value("rule").refused(MANIFEST),
    value("schedule").refused(MANIFEST),
    value("min-available").refused(MANIFEST),
    value("max-unavailable").refused(MANIFEST),
    value("docker-username").refused(MANIFEST),
    value("docker-password").refused(MANIFEST),
    value("docker-server").refused(MANIFEST),
    value("cert").refused(MANIFEST),
    value("key").refused(MANIFEST),
    value("non-resource-url").refused(MANIFEST),
    value("aggregation-rule").refused(MANIFEST),
    value("raw").refused("name the resource, or use http:"),
    value("type"),
    value("image"),
    value("from"),
    value("replicas").short('r'),
    value("port"),
    value("hard"),
    value("scopes"),
    value("verb"),
    value("resource"),
    value("resource-name"),
    value("role"),
    value("clusterrole"),
    value("user"),
    value("group"),
    value("serviceaccount"),
    value("tcp"),
    value("clusterip"),
    value("node-port"),
    value("external-name"),
];

type Make = fn(&Reader, &str) -> Result<Create, Problem>;

/// Generators: their names, the flags of [`OWN`] that they take, and what they make.
const GENERATORS: &[(&[&str], &[&str], Make)] = &[
    (&["namespace", "ns"], &[], config::namespace),
    (&["configmap", "cm"], &["from-literal"], config::configmap),
    (&["secret generic"], &["from-literal", "type"], config::secret),
    (&["serviceaccount", "sa"], &[], config::serviceaccount),
    (&["quota", "resourcequota"], &["hard", "scopes"], config::quota),
    (&["job"], &["image", "from"], workload::job),
    (&["deployment", "deploy"], &["image", "replicas", "port"], workload::deployment),
    (&["role"], &["verb", "resource", "resource-name"], rights::role),
    (&["clusterrole"], &["verb", "resource", "resource-name"], rights::cluster_role),
    (&["rolebinding"], &["role", "clusterrole", "user", "group", "serviceaccount"], rights::role_binding),
    (&["clusterrolebinding"], &["clusterrole", "user", "group", "serviceaccount"], rights::cluster_role_binding),
    (&["service clusterip", "svc clusterip"], &["tcp", "clusterip"], service::cluster_ip),
    (&["service nodeport", "svc nodeport"], &["tcp", "node-port"], service::node_port),
    (&["service loadbalancer", "svc loadbalancer"], &["tcp"], service::load_balancer),
    (&["service externalname", "svc externalname"], &["external-name", "tcp"], service::external_name),
];

/// Generators of kubectl that are not here.
const OTHERS: &[&str] = &["cronjob", "cj", "ingress", "ing", "poddisruptionbudget", "pdb", "priorityclass", "pc"];

pub(super) fn create(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    if !reader.all("filename").is_empty() {
        return match objects(reader, &reader.arguments, Need::Named)? {
            Objects::Files { paths, recursive, .. } => Ok(Verb::Create(Create::Files { paths, recursive })),
            Objects::Named(_) | Objects::Kinds(..) => Err(reader.missing("filename", "create -f FILE")),
        };
    }
    let Some(what) = reader.arguments.first() else {
        return Err(reader.missing("filename", "create -f FILE, or create configmap NAME --from-literal=KEY=VALUE"));
    };
    let (generator, width) = find(reader, what)?;
    let (names, takes, make) = generator;
    for flag in OWN.iter().filter(|flag| !takes.contains(&flag.name)) {
        if let Some(given) = reader.last(flag.name) {
            return Err(given.problem(
                format!("create {} takes no --{}", names[0], flag.name),
                if takes.is_empty() { "leave it out".to_owned() } else { format!("it takes --{}", takes.join(", --")) },
            ));
        }
    }
    let named = match reader.arguments.get(width) {
        Some(piece) => name(piece)?,
        None => return Err(reader.wrong(format!("create {} with which name?", names[0]), "write the name after it")),
    };
    reader.no_more(width + 1, "one object is created in one step; several go into a file, with -f")?;
    if reader.rest.is_some() && !["job", "deployment"].contains(&names[0]) {
        return Err(reader.wrong("a command, and nothing that runs it", "leave out `--` and what follows"));
    }
    let made = make(reader, &named)?;
    Ok(Verb::Create(if reader.is_open() { Create::Open } else { made }))
}

type Generator = (&'static [&'static str], &'static [&'static str], Make);

/// The generator, and how many words name it.
fn find(reader: &Reader, what: &Piece) -> Result<(Generator, usize), Problem> {
    if !what.fixed {
        return Err(what.problem("a template for what to create", "write it out: configmap, namespace, deployment, …"));
    }
    let one = what.head.as_str();
    let second = reader.arguments.get(1).filter(|piece| piece.fixed).map(|piece| piece.head.as_str());
    let two = format!("{one} {}", second.unwrap_or_default());
    for generator in GENERATORS {
        if generator.0.contains(&one) {
            return Ok((*generator, 1));
        }
        if generator.0.contains(&two.as_str()) {
            return Ok((*generator, 2));
        }
    }
    let all: Vec<&str> = GENERATORS.iter().flat_map(|(names, ..)| names.iter().copied()).collect();
    let subs: Vec<&str> = all.iter().filter_map(|name| name.strip_prefix(one)?.strip_prefix(' ')).collect();
    if !subs.is_empty() {
        let at = reader.arguments.get(1).unwrap_or(what);
        let otherwise = format!("create {one} {}; for others write a manifest and apply -f FILE", subs.join("|"));
        return Err(at.problem(format!("create {one} of which kind?"), "").near(
            second.unwrap_or_default(),
            &subs,
            otherwise,
        ));
    }
    if one == "token" {
        return Err(what.problem("a token would stand in the journal", "pass it as a secret input"));
    }
    let first: Vec<&str> = all.iter().map(|name| name.split(' ').next().unwrap_or(name)).collect();
    let near: &[&str] = if OTHERS.contains(&one) { &[] } else { &first };
    Err(what.problem(format!("`{one}` cannot be created without a file"), "").near(one, near, MANIFEST))
}

/// An object with nothing but its name.
fn object(api_version: &str, kind: &str, name: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}})
}

/// An object with more fields.
fn with(mut object: Value, fields: Value) -> Create {
    if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
        object.extend(fields);
    }
    Create::Object(object)
}
