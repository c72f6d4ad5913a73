//! What compose shows of a project, by the labels of its containers: without compose itself.

use std::collections::BTreeMap;

use playbook_core::action::{Fault, ReadAccess};
use serde_json::{Value, json};

use super::ps::{self, PROJECT, SERVICE, Wanted};
use super::{Call, Reader, counted, faults, field, inspect, logs, masked, tables, text};
use crate::docker::client::part;
use crate::docker::line::model::{ComposeVerb, Logs};

/// Longest log of all services together, in bytes.
const LOGS: usize = 8 << 20;

/// Carries out what compose is asked to look at, and gives what it found, without what is secret.
pub(in crate::docker) async fn compose_look(
    access: ReadAccess<'_>,
    project: &str,
    verb: &ComposeVerb,
) -> Result<Value, Fault> {
    let reader = Reader::open(access).await?;
    let mut found = match verb {
        ComposeVerb::Ps { services, all } => {
            let containers = containers(&reader, project, services, *all, *all).await?;
            with(counted(containers), project)
        }
        ComposeVerb::Logs(asked) => with(logs_of(&reader, project, asked).await?, project),
        ComposeVerb::Top { services } => with(top(&reader, project, services).await?, project),
        ComposeVerb::Images { services } => with(images(&reader, project, services).await?, project),
        ComposeVerb::Projects { all } => projects(&reader, *all).await?,
        _ => return Err(faults::internal("a line of compose that does not read")),
    };
    masked(&mut found);
    Ok(found)
}

fn with(mut found: Value, project: &str) -> Value {
    if let Some(fields) = found.as_object_mut() {
        fields.insert("project".into(), Value::from(project));
    }
    found
}

/// The containers of a project, in the order of services and numbers; `once`: also those of compose run.
async fn containers(
    reader: &Reader<'_>,
    project: &str,
    services: &[String],
    all: bool,
    once: bool,
) -> Result<Vec<Value>, Fault> {
    let label = |name: &str, value: &str| ("label".to_owned(), format!("{name}={value}"));
    let mut chosen = vec![label(PROJECT, project)];
    if !once {
        chosen.push(label("com.docker.compose.oneoff", "False"));
    }
    let mut found = ps::containers(reader, &Wanted { all, last: None, size: false, filters: &chosen }).await?;
    found.retain(|one| services.is_empty() || services.iter().any(|service| service == text(one, "/service")));
    let number = |one: &Value| {
        let label = one.pointer("/labels").and_then(|labels| labels.get("com.docker.compose.container-number"));
        label.and_then(Value::as_str).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
    };
    found.sort_by_key(|one| (text(one, "/service").to_owned(), number(one), text(one, "/name").to_owned()));
    Ok(found)
}

/// The logs of all of them in one, by time.
async fn logs_of(reader: &Reader<'_>, project: &str, asked: &Logs) -> Result<Value, Fault> {
    let found = containers(reader, project, &asked.of, true, false).await?;
    let room = LOGS / found.len().max(1);
    let stamped = Logs { timestamps: true, ..asked.clone() };
    let width = found.iter().map(|one| text(one, "/name").len()).max().unwrap_or(0);
    let (mut all, mut each, mut truncated) = (Vec::new(), Vec::new(), false);
    for one in &found {
        let name = text(one, "/name");
        let thing = inspect::container(reader, text(one, "/id")).await?;
        let output = logs::read(reader, &thing, &stamped, room).await?;
        truncated |= output.cut;
        let mut own = String::new();
        for line in output.text.lines() {
            let (stamp, line) = match line.split_once(' ') {
                Some((stamp, rest)) if !asked.timestamps => (stamp.to_owned(), rest),
                Some((stamp, _)) => (stamp.to_owned(), line),
                None => (line.to_owned(), ""),
            };
            own.push_str(line);
            own.push('\n');
            all.push((stamp, format!("{name:width$}  | {line}")));
        }
        each.push(json!({"name": name, "service": field(one, "/service"), "text": own, "truncated": output.cut}));
    }
    // Of one container they stay as they came: stamps are equal, or in order.
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    let lines: Vec<String> = all.into_iter().map(|(_, line)| line).collect();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Ok(json!({"text": text, "lines": lines, "items": each, "truncated": truncated}))
}

async fn top(reader: &Reader<'_>, project: &str, services: &[String]) -> Result<Value, Fault> {
    let mut rows = Vec::new();
    for one in containers(reader, project, services, false, false).await? {
        let found = tables::top(reader, text(&one, "/id"), &[]).await?;
        rows.push(json!({
            "name": field(&one, "/name"), "service": field(&one, "/service"), "titles": field(&found, "/titles"),
            "processes": field(&found, "/items"),
        }));
    }
    Ok(counted(rows))
}

async fn images(reader: &Reader<'_>, project: &str, services: &[String]) -> Result<Value, Fault> {
    let mut rows = Vec::new();
    for one in containers(reader, project, services, true, false).await? {
        let thing = inspect::container(reader, text(&one, "/id")).await?;
        let id = text(&thing, "/Image").to_owned();
        // An image may be gone while its container is there.
        let image = reader.find(&Call::get(format!("/images/{}/json", part(&id)))).await?.unwrap_or_default();
        let named = text(&thing, "/Config/Image");
        let (repository, tag) = match named.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Value::from(tag)),
            _ => (named, Value::Null),
        };
        rows.push(json!({
            "name": field(&one, "/name"), "service": field(&one, "/service"), "id": id, "repository": repository,
            "tag": tag, "size": field(&image, "/Size"),
        }));
    }
    Ok(counted(rows))
}

async fn projects(reader: &Reader<'_>, all: bool) -> Result<Value, Fault> {
    let chosen = [("label".to_owned(), PROJECT.to_owned())];
    let found = ps::containers(reader, &Wanted { all, last: None, size: false, filters: &chosen }).await?;
    let mut by: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for one in found {
        by.entry(text(&one, "/project").to_owned()).or_default().push(one);
    }
    let rows = by.into_iter().map(|(name, containers)| {
        let label = |name: &str| {
            let values = containers.iter().filter_map(|one| one.pointer("/labels")?.get(name)?.as_str());
            values.max().map(str::to_owned)
        };
        let (mut states, mut services) = (BTreeMap::new(), BTreeMap::new());
        for one in &containers {
            *states.entry(text(one, "/state").to_owned()).or_insert(0_u64) += 1;
            let service = one.pointer("/labels").and_then(|labels| labels.get(SERVICE)).and_then(Value::as_str);
            *services.entry(service.unwrap_or_default().to_owned()).or_insert(0_u64) += 1;
        }
        let status: Vec<String> = states.iter().map(|(state, count)| format!("{state}({count})")).collect();
        json!({
            "name": name, "status": status.join(", "), "services": services, "containers": containers.len(),
            "config_files": label("com.docker.compose.project.config_files"),
            "folder": label("com.docker.compose.project.working_dir"),
        })
    });
    Ok(counted(rows.collect()))
}
