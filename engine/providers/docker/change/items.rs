//! A line → the parts that its change has, after looking at what is there.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Map, Value};

use super::item::Item;
use super::{exec, once, pull, run, up};
use crate::docker::asked::Asked;
use crate::docker::client::{Call, Reader};
use crate::docker::compose::{self, project::Project};
use crate::docker::faults;
use crate::docker::find;
use crate::docker::line::model::{Act, Compose, ComposeVerb, Exec, Verb};
use crate::docker::record::Thing;
use crate::docker::standing::{Does, Standing, id, name};

/// The parts of a line, in the order in which they are made.
///
/// # Errors
/// When something that it names is not there.
pub(super) async fn items(reader: &Reader<'_>, asked: &Asked) -> Result<Vec<Item>, Fault> {
    match &asked.verb {
        Verb::Life { act, containers } => {
            let mut all = Vec::new();
            for named in containers {
                let found = find::container(reader, named).await?;
                all.push(Item::Life { id: id(&found).to_owned(), act: act.clone() });
            }
            Ok(all)
        }
        Verb::Rename { container, to } => {
            let found = find::container(reader, container).await?;
            Ok(vec![Item::Rename { id: id(&found).to_owned(), to: to.clone() }])
        }
        Verb::Remove { containers, force, volumes } => {
            let mut all = Vec::new();
            for named in containers {
                let found = find::container(reader, named).await?;
                if Standing::of(&found).does() != Does::Rest && !force {
                    return Err(runs(name(&found)));
                }
                all.push(removal(Thing::Container, id(&found), name(&found), *force, *volumes));
            }
            Ok(all)
        }
        Verb::VolumeCreate { name, body } => {
            let named = name.is_some();
            let name = name.clone().unwrap_or_else(|| format!("playbook-{}", super::mark::new().replace('.', "-")));
            Ok(vec![Item::Create { what: Thing::Volume, name, named, body: body.clone() }])
        }
        Verb::NetworkCreate { name, body } => {
            Ok(vec![Item::Create { what: Thing::Network, name: name.clone(), named: true, body: body.clone() }])
        }
        Verb::VolumeRemove { names, force } => {
            let mut all = Vec::new();
            for named in names {
                find::thing(reader, Thing::Volume, named).await?;
                all.push(removal(Thing::Volume, named, named, *force, false));
            }
            Ok(all)
        }
        Verb::NetworkRemove { names } => {
            let mut all = Vec::new();
            for named in names {
                let found = find::thing(reader, Thing::Network, named).await?;
                all.push(gone_network(&found));
            }
            Ok(all)
        }
        Verb::Connect { network, container, endpoint } => {
            Ok(vec![endpoint_of(reader, network, container, true, endpoint, false).await?])
        }
        Verb::Disconnect { network, container, force } => {
            Ok(vec![endpoint_of(reader, network, container, false, &Map::new(), *force).await?])
        }
        Verb::Prune { what, all, filters } => {
            Ok(vec![Item::Prune(pull::Prune { what: (*what).into(), all: *all, filters: filters.clone() })])
        }
        Verb::Pull { image, platform } => {
            Ok(vec![Item::Pull(pull::Pull { image: image.clone(), platform: platform.clone() })])
        }
        Verb::Exec(exec) => Ok(vec![Item::Exec(exec::Work::of(reader, exec).await?)]),
        Verb::Run(run) => Ok(vec![Item::Run(Box::new(run::Work::of(asked, run)?))]),
        Verb::Compose(line) => composed(reader, asked, line).await,
        Verb::Ps { .. }
        | Verb::Inspect { .. }
        | Verb::Logs(_)
        | Verb::Stats { .. }
        | Verb::Top { .. }
        | Verb::Port { .. }
        | Verb::Diff { .. }
        | Verb::Images { .. }
        | Verb::Volumes { .. }
        | Verb::Networks { .. }
        | Verb::Version
        | Verb::Info
        | Verb::DiskUsage
        | Verb::Wait { .. } => Err(faults::internal("a line that changes nothing")),
    }
}

/// The container that an exec is for: the one that it names, or one of the service.
///
/// # Errors
/// When there is none.
pub(in crate::docker) async fn container_of(reader: &Reader<'_>, asked: &Asked) -> Result<String, Fault> {
    match &asked.verb {
        Verb::Exec(exec) => Ok(exec.container.clone()),
        Verb::Compose(line) => match &line.verb {
            ComposeVerb::Exec(exec) => of_service(reader, &asked.project(line)?, exec).await,
            _ => Err(faults::internal("a line that runs nothing in a container")),
        },
        _ => Err(faults::internal("a line that runs nothing in a container")),
    }
}

/// The container of a service that an exec is for: the one with its number, else one that runs.
async fn of_service(reader: &Reader<'_>, project: &Project, exec: &Exec) -> Result<String, Fault> {
    let all = compose::containers(reader, &project.name).await?;
    let all = compose::of_services(&project.name, all, std::slice::from_ref(&exec.container))?;
    let chosen = match exec.index {
        Some(index) => all.iter().find(|one| compose::number(one) == index),
        None => all.iter().find(|one| does(one) == Does::Run).or_else(|| all.first()),
    };
    let chosen = chosen.ok_or_else(|| {
        let message = format!("service {} has no container {}", exec.container, exec.index.unwrap_or(1));
        Fault::new(FaultKind::Refused, Code::ServerError, message).help("`docker: compose ps` lists them")
    })?;
    Ok(id(chosen).to_owned())
}

fn runs(name: &str) -> Fault {
    Fault::new(FaultKind::Refused, Code::ServerError, format!("container {name} runs, and is not removed"))
        .help(format!("stop it first (docker: stop {name}), or write rm -f"))
        .server("409", false)
}

fn removal(what: Thing, id: &str, name: &str, force: bool, volumes: bool) -> Item {
    Item::Remove { what, id: id.to_owned(), name: name.to_owned(), force, volumes, again: false }
}

fn gone_network(network: &Value) -> Item {
    let name = network.get("Name").and_then(Value::as_str).unwrap_or_default();
    Item::Remove {
        what: Thing::Network,
        id: id(network).to_owned(),
        name: name.to_owned(),
        force: false,
        volumes: false,
        again: true,
    }
}

async fn endpoint_of(
    reader: &Reader<'_>,
    network: &str,
    container: &str,
    connects: bool,
    endpoint: &Map<String, Value>,
    force: bool,
) -> Result<Item, Fault> {
    let there = find::thing(reader, Thing::Network, network).await?;
    let network = there.get("Name").and_then(Value::as_str).unwrap_or(network).to_owned();
    let found = find::container(reader, container).await?;
    Ok(Item::Endpoint { network, id: id(&found).to_owned(), connects, endpoint: endpoint.clone(), force })
}

/// The parts of a compose line.
async fn composed(reader: &Reader<'_>, asked: &Asked, line: &Compose) -> Result<Vec<Item>, Fault> {
    let project = asked.project(line)?;
    match &line.verb {
        ComposeVerb::Life { act, services } => {
            let all = compose::containers(reader, &project.name).await?;
            let mut all = compose::of_services(&project.name, all, services)?;
            // As compose: what does not run is not stopped, and what runs is not started.
            all.retain(|one| fits(act, one));
            if !matches!(act, Act::Start | Act::Restart { .. } | Act::Unpause) {
                all.reverse();
            }
            Ok(all.iter().map(|one| Item::Life { id: id(one).to_owned(), act: act.clone() }).collect())
        }
        ComposeVerb::Remove { services, stop, volumes } => {
            let all = compose::containers(reader, &project.name).await?;
            let mut all = compose::of_services(&project.name, all, services)?;
            all.reverse();
            let rests = |one: &Value| does(one) == Does::Rest;
            let mut items: Vec<Item> = Vec::new();
            if *stop {
                items.extend(all.iter().filter(|one| !rests(one)).map(|one| stopped(one, None)));
            } else {
                all.retain(rests);
            }
            items.extend(all.iter().map(|one| removal(Thing::Container, id(one), listed(one), false, *volumes)));
            Ok(items)
        }
        ComposeVerb::Down { .. } => down(reader, &project, &line.verb).await,
        ComposeVerb::Up(up) => Ok(vec![Item::Up(Box::new(up::Work::of(reader, &project, up).await?))]),
        ComposeVerb::Pull { services } => up::pulls(reader, &project, services).await,
        ComposeVerb::Exec(exec) => {
            let container = of_service(reader, &project, exec).await?;
            Ok(vec![Item::Exec(exec::Work::of(reader, &Exec { container, ..exec.clone() }).await?)])
        }
        ComposeVerb::Run(run) => Ok(vec![Item::Once(Box::new(once::Once::of(asked, &project, run).await?))]),
        ComposeVerb::Ps { .. }
        | ComposeVerb::Logs(_)
        | ComposeVerb::Top { .. }
        | ComposeVerb::Images { .. }
        | ComposeVerb::Projects { .. } => Err(faults::internal("a line that changes nothing")),
    }
}

/// What a container of a list does.
pub(super) fn does(one: &Value) -> Does {
    let status = one.get("State").and_then(Value::as_str).unwrap_or_default().to_owned();
    Standing { status, ..Standing::default() }.does()
}

/// What a container of a list is called.
pub(super) fn listed(one: &Value) -> &str {
    one.pointer("/Names/0").and_then(Value::as_str).unwrap_or_default().trim_start_matches('/')
}

fn stopped(one: &Value, seconds: Option<i64>) -> Item {
    Item::Life { id: id(one).to_owned(), act: Act::Stop { seconds, signal: None } }
}

/// Would compose do this to a container that stands so?
fn fits(act: &Act, one: &Value) -> bool {
    match act {
        Act::Start => does(one) == Does::Rest,
        Act::Stop { .. } | Act::Kill { .. } => does(one) != Does::Rest,
        Act::Pause => does(one) == Does::Run,
        Act::Unpause => does(one) == Does::Pause,
        Act::Restart { .. } | Act::Update(_) => true,
    }
}

/// Everything of a project: containers are stopped and removed, those that depend on others first; then
/// its networks; then what only `-v` and `--rmi` take.
async fn down(reader: &Reader<'_>, project: &Project, verb: &ComposeVerb) -> Result<Vec<Item>, Fault> {
    let ComposeVerb::Down { services, volumes, orphans, seconds, images } = verb else {
        return Err(faults::internal("not a down"));
    };
    let lost = *volumes || images.is_some();
    let mut all = compose::containers(reader, &project.name).await?;
    if !services.is_empty() {
        all = compose::of_services(&project.name, all, services)?;
    } else if !orphans && let Some(known) = services_of(project) {
        all.retain(|one| known.iter().any(|service| service == compose::service(one)));
    }
    all.reverse();
    let mut items: Vec<Item> =
        all.iter().filter(|one| does(one) != Does::Rest).map(|one| stopped(one, *seconds)).collect();
    items.extend(all.iter().map(|one| Item::Remove {
        what: Thing::Container,
        id: id(one).to_owned(),
        name: listed(one).to_owned(),
        force: false,
        volumes: *volumes,
        again: !lost,
    }));
    if services.is_empty() {
        let gone: Vec<&str> = all.iter().map(id).collect();
        for network in compose::things(reader, "/networks", &project.name).await? {
            let network = reader.get(&Call::get(Thing::Network.read(id(&network)))).await?;
            let used = network.get("Containers").and_then(Value::as_object).into_iter().flatten();
            // Others still use it: compose leaves it, too.
            if used.into_iter().all(|(id, _)| gone.contains(&id.as_str())) {
                items.push(gone_network(&network));
            }
        }
        if *volumes {
            for volume in compose::things(reader, "/volumes", &project.name).await? {
                let name = volume.get("Name").and_then(Value::as_str).unwrap_or_default();
                items.push(removal(Thing::Volume, name, name, false, false));
            }
        }
    }
    if let Some(which) = images {
        for image in up::images(reader, project, &all, which).await? {
            items.push(removal(Thing::Image, &image, &image, false, false));
        }
    }
    Ok(items)
}

/// The services that the files name, as far as that can be seen without compose. None: nobody knows, as
/// with `include:` and `extends:`.
fn services_of(project: &Project) -> Option<Vec<String>> {
    let mut known = Vec::new();
    for file in &project.files {
        let read = compose::project::parsed(file)?;
        if read.get("include").is_some() {
            return None;
        }
        known.extend(read.get("services")?.as_object()?.keys().cloned());
    }
    (!known.is_empty()).then_some(known)
}
