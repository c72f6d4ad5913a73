//! Projects of compose: found by their labels through the engine, so that most of it works without
//! compose; what only the compose file can tell is asked of the compose that is installed.

pub(super) mod config;
pub(super) mod have;
pub(super) mod project;
pub(super) mod tool;
mod window;

use std::collections::BTreeMap;

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Value, json};

use super::client::{Call, Reader};
use super::standing::label;

/// The labels that compose gives to what it makes.
pub(super) const PROJECT: &str = "com.docker.compose.project";
pub(super) const SERVICE: &str = "com.docker.compose.service";
pub(super) const NUMBER: &str = "com.docker.compose.container-number";
pub(super) const HASH: &str = "com.docker.compose.config-hash";
const ONE_OFF: &str = "com.docker.compose.oneoff";
const DEPENDS_ON: &str = "com.docker.compose.depends_on";

/// The service that a container is of.
pub(super) fn service(container: &Value) -> &str {
    label(container, SERVICE).unwrap_or_default()
}

/// Which of its service's containers it is, from 1.
pub(super) fn number(container: &Value) -> u64 {
    label(container, NUMBER).and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// The containers of a project, also those that do not run, as a list has them; not those of `compose
/// run`. Dependencies first.
pub(super) async fn containers(reader: &Reader<'_>, project: &str) -> Result<Vec<Value>, Fault> {
    let filters = json!({"label": [format!("{PROJECT}={project}")]}).to_string();
    let all = reader.get(&Call::get("/containers/json").query("all", "1").query("filters", filters)).await?;
    let mut all: Vec<Value> = all.as_array().cloned().unwrap_or_default();
    all.retain(|one| {
        !label(one, ONE_OFF).is_some_and(|it| it.eq_ignore_ascii_case("true")) && !service(one).is_empty()
    });
    Ok(in_order(all))
}

/// Those of some services; no names mean all.
///
/// # Errors
/// When a service has none at all.
pub(super) fn of_services(project: &str, all: Vec<Value>, services: &[String]) -> Result<Vec<Value>, Fault> {
    if let Some(absent) = services.iter().find(|service| !all.iter().any(|one| self::service(one) == *service)) {
        let mut known: Vec<&str> = all.iter().map(service).collect();
        known.dedup();
        let help = if known.is_empty() {
            "the project has no containers at all; `docker: compose up -d` makes them".to_owned()
        } else {
            format!("it has containers of {}", known.join(", "))
        };
        let message = format!("project {project} has no container of service `{absent}`");
        return Err(Fault::new(FaultKind::Refused, Code::ServerError, message).help(help).server("404", false));
    }
    let wanted = |one: &Value| services.is_empty() || services.iter().any(|name| name == service(one));
    Ok(all.into_iter().filter(wanted).collect())
}

/// What a service waits for.
pub(super) fn depends_on(container: &Value) -> Vec<&str> {
    let text = label(container, DEPENDS_ON).unwrap_or_default();
    text.split(',').filter_map(|one| one.split(':').next()).filter(|name| !name.is_empty()).collect()
}

/// Dependencies first; else in the order in which they were made, which is compose's.
fn in_order(mut all: Vec<Value>) -> Vec<Value> {
    let created = |one: &Value| one.get("Created").and_then(Value::as_i64).unwrap_or_default();
    all.sort_by_key(|one| (created(one), service(one).to_owned(), number(one)));
    let needs: BTreeMap<String, Vec<String>> = all
        .iter()
        .map(|one| (service(one).to_owned(), depends_on(one).into_iter().map(str::to_owned).collect()))
        .collect();
    let mut depths: BTreeMap<String, usize> = BTreeMap::new();
    for name in needs.keys() {
        depth(name, &needs, &mut depths, 0);
    }
    all.sort_by_key(|one| depths.get(service(one)).copied().unwrap_or_default());
    all
}

/// How many services have to come before.
fn depth(name: &str, needs: &BTreeMap<String, Vec<String>>, known: &mut BTreeMap<String, usize>, at: usize) -> usize {
    if let Some(depth) = known.get(name) {
        return *depth;
    }
    // Compose refuses circles; nobody waits for one here either.
    if at > needs.len() {
        return 0;
    }
    let before = needs.get(name).into_iter().flatten().map(|needed| depth(needed, needs, known, at + 1) + 1).max();
    let depth = before.unwrap_or_default();
    known.insert(name.to_owned(), depth);
    depth
}

/// Things of a project that are not containers.
pub(super) async fn things(reader: &Reader<'_>, path: &str, project: &str) -> Result<Vec<Value>, Fault> {
    let filters = json!({"label": [format!("{PROJECT}={project}")]}).to_string();
    let all = reader.get(&Call::get(path).query("filters", filters)).await?;
    // Volumes come in an object.
    let list = all.as_array().or_else(|| all.get("Volumes")?.as_array());
    Ok(list.cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(service: &str, created: i64, needs: &str) -> Value {
        json!({"Id": service, "Created": created, "Labels": {SERVICE: service, NUMBER: "1", DEPENDS_ON: needs}})
    }

    #[test]
    fn dependencies_come_first_whenever_they_were_made() {
        let all = in_order(vec![
            one("web", 1, "api:service_started:false,db:service_healthy:false"),
            one("db", 9, ""),
            one("api", 5, "db:service_started:false"),
        ]);
        assert_eq!(all.iter().map(service).collect::<Vec<_>>(), ["db", "api", "web"]);
    }

    #[test]
    fn a_service_without_containers_is_told() {
        let fault = of_services("shop", vec![one("db", 1, "")], &["web".into()]).expect_err("no such service");
        assert_eq!(fault.message, "project shop has no container of service `web`");
        assert_eq!(fault.help, "it has containers of db");
    }
}
