//! `kubectl rollout history`: the revisions of a Deployment, kept in its ReplicaSets, and of a
//! StatefulSet or DaemonSet, kept in ControllerRevisions.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Value, json};

use super::missing;
use crate::kubernetes::client::Call;
use crate::kubernetes::faults;
use crate::kubernetes::find::{Finder, Named};
use crate::kubernetes::line::model::{Objects, Selectors};
use crate::kubernetes::waiting::rollout::{REVISION, has_rollouts};

/// Why something was rolled out, where someone wrote that down.
const CAUSE: &str = "/metadata/annotations/kubernetes.io~1change-cause";

/// One revision.
struct Revision {
    number: i64,
    cause: Option<String>,
    /// Of what keeps it.
    name: String,
    template: Value,
}

/// The revisions of each object, oldest first; or one of them with its template.
///
/// # Errors
/// When an object has no revisions, or not this one.
pub(in crate::kubernetes) async fn history(
    finder: &Finder<'_>,
    objects: &Objects,
    revision: Option<i64>,
) -> Result<Value, Fault> {
    let mut rows = Vec::new();
    for named in finder.objects(objects).await? {
        let all = revisions(finder, &named).await?;
        rows.push(match revision {
            None => {
                let items: Vec<Value> = all.iter().map(row).collect();
                json!({"object": named.title(), "count": items.len(), "items": items})
            }
            Some(wanted) => {
                let known: Vec<String> = all.iter().map(|revision| revision.number.to_string()).collect();
                let one = all.iter().find(|revision| revision.number == wanted).ok_or_else(|| {
                    let message = format!("{} has no revision {wanted}", named.title());
                    Fault::new(FaultKind::Refused, Code::ServerError, message)
                        .help(format!("it has {}; older ones are not kept", known.join(", ")))
                        .server("NotFound", false)
                })?;
                let mut row = row(one);
                row["object"] = named.title().into();
                row["template"] = one.template.clone();
                row
            }
        });
    }
    Ok(if rows.len() == 1 { rows.remove(0) } else { json!({"count": rows.len(), "items": rows}) })
}

fn row(revision: &Revision) -> Value {
    let containers = revision.template.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    let images: Vec<&str> = containers.filter_map(|container| container.get("image")?.as_str()).collect();
    json!({"revision": revision.number, "change_cause": revision.cause, "images": images, "name": revision.name})
}

async fn revisions(finder: &Finder<'_>, named: &Named) -> Result<Vec<Revision>, Fault> {
    let (group, kind) = (named.resource.group.as_str(), named.resource.kind.as_str());
    if !has_rollouts(group, kind) {
        return Err(Fault::new(FaultKind::Invalid, Code::ServerError, format!("{} has no rollouts", named.title()))
            .help("deployments, statefulsets and daemonsets have"));
    }
    let object = finder.reader.find(&Call::get(named.path())).await?.ok_or_else(|| missing(named))?;
    let uid = object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
    let keeper = if kind == "Deployment" { "ReplicaSet" } else { "ControllerRevision" };
    let keeper = finder.catalogue.of("apps/v1", keeper).ok_or_else(|| faults::internal("no apps/v1"))?.clone();
    let labels = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object).into_iter().flatten();
    let labels: Vec<String> = labels.filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?))).collect();
    let selectors = Selectors { labels: Some(labels.join(",")).filter(|it| !it.is_empty()), ..Selectors::default() };
    let mut all: Vec<Revision> = finder
        .list(&keeper, &selectors)
        .await?
        .iter()
        .filter(|kept| {
            let owners = kept.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
            owners.into_iter().any(|owner| owner.get("uid").and_then(Value::as_str) == Some(uid))
        })
        .filter_map(|kept| kept_revision(kept, kind))
        .collect();
    all.sort_by_key(|revision| revision.number);
    Ok(all)
}

fn kept_revision(kept: &Value, kind: &str) -> Option<Revision> {
    let text = |at: &str| kept.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let (number, template) = if kind == "Deployment" {
        (text(REVISION)?.parse().ok()?, kept.pointer("/spec/template")?)
    } else {
        (kept.get("revision")?.as_i64()?, kept.pointer("/data/spec/template")?)
    };
    let mut template = template.clone();
    if let Some(template) = template.as_object_mut() {
        // It is kept as a patch, and this is not of the template.
        template.remove("$patch");
    }
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    Some(Revision { number, cause: text(CAUSE), name: text("/metadata/name")?, template })
}
