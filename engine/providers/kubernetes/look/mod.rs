//! Lines that only look.

mod history;
mod top;

use playbook_core::action::{Fault, FaultKind, ReadAccess};
use playbook_core::codes::Code;
use serde_json::{Value, json};

use super::asked::Asked;
use super::client::{Call, Reader};
use super::find::{Finder, Named, Room};
use super::jsonpath::Path;
use super::line::model::{Logs, Objects, Selectors, Verb};

/// Longest log that is read, in bytes; the end of it is what matters.
const LOG: usize = 4 << 20;
/// And of all logs of one step together.
const LOGS: usize = 16 << 20;

/// Carries out a line that reads, and gives what it found.
pub(super) async fn look(access: ReadAccess<'_>, asked: &Asked) -> Result<Value, Fault> {
    let line = &asked.line;
    let reader = Reader::for_line(access, line).await?;
    let finder = Finder::for_asked(&reader, asked).await?;
    match &line.verb {
        Verb::Get(objects) => sorted(get(&finder, objects, line.ignore_not_found).await?, line.sort_by.as_deref()),
        Verb::Describe(objects) => describe(&finder, objects).await,
        Verb::Events { about, types } => events(&finder, about.as_ref(), types).await,
        Verb::Logs(logs) => read_logs(&finder, logs).await,
        Verb::CanI { verb, resource, name, subresource } => {
            let resource = finder.catalogue.find(resource)?;
            let allowed =
                may(&finder, verb, &resource.group, &resource.plural, name.as_deref(), subresource.as_deref());
            Ok(json!({"allowed": allowed.await?}))
        }
        Verb::Version => reader.send(&Call::get("/version")).await,
        Verb::ApiResources => {
            let all = finder.catalogue.all().iter();
            let row = |r: &super::resources::Resource| json!({"name": r.plural, "kind": r.kind, "apiVersion": r.api_version(), "namespaced": r.namespaced});
            Ok(json!({"items": all.map(row).collect::<Vec<_>>()}))
        }
        Verb::RolloutHistory { objects, revision } => history::history(&finder, objects, *revision).await,
        Verb::Top { what, name, selectors, .. } => {
            let sort_by = line.sort_by.as_deref();
            top::top(&finder, &top::Wanted { what, name: name.as_deref(), selectors, sort_by }).await
        }
        _ => Err(super::faults::internal("a line that does not read")),
    }
}

/// May this user do it?
pub(super) async fn may(
    finder: &Finder<'_>,
    verb: &str,
    group: &str,
    resource: &str,
    name: Option<&str>,
    subresource: Option<&str>,
) -> Result<bool, Fault> {
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": verb, "group": group, "resource": resource, "name": name,
            "subresource": subresource, "namespace": finder.namespace}},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = finder.reader.send(&Call::with("POST", path, body)).await?;
    Ok(answer.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false))
}

/// One object, or `{items}` of several. Data of Secrets is not shown.
async fn get(finder: &Finder<'_>, objects: &Objects, ignore_missing: bool) -> Result<Value, Fault> {
    match objects {
        Objects::Named(_) | Objects::Files { .. } => {
            let mut items = Vec::new();
            let all = finder.objects(objects).await?;
            let single = all.len() == 1;
            for named in all {
                match finder.reader.find(&Call::get(named.path())).await? {
                    Some(object) => items.push(covered(object)),
                    None if ignore_missing => {}
                    None => return Err(missing(&named)),
                }
            }
            Ok(if single && items.len() == 1 { items.remove(0) } else { json!({"items": items}) })
        }
        Objects::Kinds(kinds, selectors) => {
            let mut items = Vec::new();
            let mut room = Room::new();
            for resource in finder.kinds(kinds)? {
                items.extend(finder.list_into(&resource, selectors, &mut room).await?.into_iter().map(covered));
            }
            Ok(json!({"count": items.len(), "items": items}))
        }
    }
}

/// The items of a list by a field of theirs (`--sort-by`): numbers as numbers, all else as text.
fn sorted(mut found: Value, by: Option<&str>) -> Result<Value, Fault> {
    let Some(by) = by else { return Ok(found) };
    let path = Path::read(by).map_err(|why| {
        Fault::new(FaultKind::Invalid, Code::UnsuitableCommand, format!("--sort-by={by} is not understood: {why}"))
            .help("write one path: --sort-by=.metadata.creationTimestamp")
    })?;
    let key = |item: &Value| match path.find(item).first() {
        Some(Value::Number(number)) => (0, number.as_i64().unwrap_or(i64::MAX), String::new()),
        Some(Value::String(text)) => (1, 0, text.clone()),
        Some(other) => (1, 0, other.to_string()),
        None => (2, 0, String::new()),
    };
    if let Some(items) = found.get_mut("items").and_then(Value::as_array_mut) {
        items.sort_by_key(key);
    }
    Ok(found)
}

/// An object without what must not be shown, and without what nobody reads.
fn covered(mut object: Value) -> Value {
    let secret = object.get("kind").is_some_and(|kind| kind == "Secret");
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut).filter(|_| secret) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    for field in ["data", "stringData"] {
        if let Some(data) = object.get_mut(field).and_then(Value::as_object_mut).filter(|_| secret) {
            data.values_mut().for_each(|value| *value = Value::from("[secret]"));
        }
    }
    object
}

pub(super) fn missing(named: &Named) -> Fault {
    Fault::new(FaultKind::Refused, Code::ServerError, format!("there is no {}", named.title()))
        .help("check name, namespace and context")
        .server("NotFound", false)
}

async fn describe(finder: &Finder<'_>, objects: &Objects) -> Result<Value, Fault> {
    let mut items = Vec::new();
    for named in finder.objects(objects).await? {
        let object = finder.reader.find(&Call::get(named.path())).await?.ok_or_else(|| missing(&named))?;
        let about = (named.resource.kind.clone(), named.name.clone());
        let told = events_of(finder, Some(&about), &[]).await?;
        items.push(json!({"object": covered(object), "events": told}));
    }
    Ok(if items.len() == 1 { items.remove(0) } else { json!({"items": items}) })
}

async fn events(finder: &Finder<'_>, about: Option<&(String, String)>, types: &[String]) -> Result<Value, Fault> {
    let about = match about {
        Some((resource, name)) => Some((finder.catalogue.find(resource)?.kind.clone(), name.clone())),
        None => None,
    };
    let items = events_of(finder, about.as_ref(), types).await?;
    Ok(json!({"count": items.len(), "items": items}))
}

async fn events_of(
    finder: &Finder<'_>,
    about: Option<&(String, String)>,
    types: &[String],
) -> Result<Vec<Value>, Fault> {
    let fields = about.map(|(kind, name)| format!("involvedObject.kind={kind},involvedObject.name={name}"));
    let resource = finder.catalogue.of("v1", "Event").ok_or_else(|| super::faults::internal("no events"))?.clone();
    let mut items = finder.list(&resource, &Selectors { fields, ..Selectors::default() }).await?;
    items.retain(|item| {
        types.is_empty() || types.iter().any(|wanted| item.get("type").is_some_and(|own| own == wanted))
    });
    let time = |item: &Value| {
        let field = |at: &str| item.pointer(at).and_then(Value::as_str).map(str::to_owned);
        field("/lastTimestamp").or_else(|| field("/eventTime")).or_else(|| field("/metadata/creationTimestamp"))
    };
    items.sort_by_key(time);
    let row = |item: &Value| {
        let field = |at: &str| item.pointer(at).cloned().unwrap_or(Value::Null);
        json!({"time": time(item), "type": field("/type"), "reason": field("/reason"), "message": field("/message"),
            "count": field("/count"), "kind": field("/involvedObject/kind"), "name": field("/involvedObject/name")})
    };
    Ok(items.iter().map(row).collect())
}

async fn read_logs(finder: &Finder<'_>, logs: &Logs) -> Result<Value, Fault> {
    let selected = matches!(logs.objects, Objects::Kinds(..));
    let mut all = Vec::new();
    let mut room = LOGS;
    for pod in pods(finder, &logs.objects).await? {
        let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let namespace = pod.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        let listed = pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
        let containers: Vec<String> =
            listed.filter_map(|container| Some(container.get("name")?.as_str()?.to_owned())).collect();
        let wanted: Vec<Option<String>> = match (&logs.container, logs.all_containers) {
            (Some(container), _) => vec![Some(container.clone())],
            (None, true) => containers.into_iter().map(Some).collect(),
            (None, false) => vec![containers.into_iter().next()],
        };
        for container in wanted {
            let resource = finder.catalogue.of("v1", "Pod").ok_or_else(|| super::faults::internal("no pods"))?;
            // As kubectl: the last ten lines of each where a selector chose them.
            let tail = logs.tail.or(selected.then_some(10)).filter(|lines| *lines >= 0);
            let call = Call::get(format!("{}/log", resource.object(namespace, name)))
                .query_if("container", container.clone())
                .query_if("previous", logs.previous.then_some("true"))
                .query_if("timestamps", logs.timestamps.then_some("true"))
                .query_if("tailLines", tail.map(|lines| lines.to_string()))
                .query_if("sinceSeconds", logs.since_seconds.map(|seconds| seconds.to_string()))
                .query_if("sinceTime", logs.since_time.clone())
                .query_if("limitBytes", logs.limit_bytes.map(|bytes| bytes.to_string()));
            let (text, truncated) = match room.min(LOG) {
                0 => (String::new(), true),
                room => finder.reader.text(&call, room).await?,
            };
            room = room.saturating_sub(if truncated { LOG } else { text.len() });
            let who = format!("[pod/{name}/{}] ", container.as_deref().unwrap_or_default());
            let text = if logs.prefix { text.lines().map(|line| format!("{who}{line}\n")).collect() } else { text };
            let lines: Vec<&str> = text.lines().collect();
            all.push(
                json!({"pod": name, "container": container, "text": text, "lines": lines, "truncated": truncated}),
            );
        }
    }
    let text: Vec<&str> = all.iter().filter_map(|one| one.get("text")?.as_str()).collect();
    Ok(json!({"text": text.concat(), "logs": all}))
}

/// The pods themselves, or those that something else selects.
async fn pods(finder: &Finder<'_>, objects: &Objects) -> Result<Vec<Value>, Fault> {
    let pods = finder.catalogue.of("v1", "Pod").ok_or_else(|| super::faults::internal("no pods"))?.clone();
    if let Objects::Kinds(_, selectors) = objects {
        return finder.list(&pods, selectors).await;
    }
    let mut all = Vec::new();
    for named in finder.objects(objects).await? {
        let object = finder.reader.find(&Call::get(named.path())).await?.ok_or_else(|| missing(&named))?;
        if named.resource.kind == "Pod" {
            all.push(object);
            continue;
        }
        let labels = object.pointer("/spec/selector/matchLabels").or_else(|| object.pointer("/spec/selector"));
        let labels: Vec<String> = labels
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
            .collect();
        if labels.is_empty() {
            return Err(Fault::new(
                FaultKind::Refused,
                Code::ServerError,
                format!("{} selects no pods", named.title()),
            )
            .help("name a pod, or use -l"));
        }
        let selectors = Selectors { labels: Some(labels.join(",")), ..Selectors::default() };
        let first = finder.list(&pods, &selectors).await?.into_iter().next();
        all.push(first.ok_or_else(|| {
            Fault::new(FaultKind::Refused, Code::ServerError, format!("{} has no pods", named.title()))
                .help("kubectl: describe shows why")
        })?);
    }
    Ok(all)
}
