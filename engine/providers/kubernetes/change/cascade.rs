//! What goes with an object that is deleted: what it owns, what a namespace or a kind holds, volumes.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use playbook_core::action::Fault;
use serde_json::Value;

use crate::kubernetes::client::Call;
use crate::kubernetes::find::{Finder, Named};
use crate::kubernetes::line::model::Selectors;
use crate::kubernetes::resources::Resource;

/// Lists asked for at the same time.
const AT_ONCE: usize = 8;
/// Names that are shown of a kind.
const NAMES: usize = 3;

/// What one object is owned by.
struct Owned {
    kind: String,
    name: String,
    uid: String,
    owners: Vec<String>,
}

/// What to know before an object is deleted.
pub(super) async fn notes(
    finder: &Finder<'_>,
    named: &Named,
    before: &Value,
    orphans: bool,
) -> Result<Vec<String>, Fault> {
    let mut notes = Vec::new();
    match named.resource.kind.as_str() {
        "PersistentVolumeClaim" => notes.extend(claim(finder, named, before).await?),
        "PersistentVolume" => notes.extend(policy(before, &named.title())),
        "StatefulSet" => notes.extend(stateful(named, before)),
        "Pod" if before.pointer("/metadata/ownerReferences").is_none() => {
            notes.push(format!("nobody but a rollback makes {} again", named.title()));
        }
        _ => {}
    }
    if named.resource.kind == "Namespace" && named.resource.group.is_empty() {
        let (all, unseen) = everything(finder, Some(&named.name)).await;
        notes.extend(counted("everything in it goes: ", all.iter().collect()));
        notes.extend(hidden(&unseen));
        return Ok(notes);
    }
    if named.resource.kind == "CustomResourceDefinition" {
        let of = |at: &str| before.pointer(at).and_then(Value::as_str).unwrap_or_default();
        if let Ok(resource) = finder.catalogue.find(&format!("{}.{}", of("/spec/names/plural"), of("/spec/group"))) {
            let count = finder.list_in(resource, None, &Selectors::default()).await.map_or(0, |all| all.len());
            notes.push(format!("every {} goes with it: {count} now", resource.kind));
        }
        return Ok(notes);
    }
    // Few kinds own others across namespaces, and what is namespaced owns only within its own.
    if !named.resource.namespaced {
        return Ok(notes);
    }
    let (all, unseen) = everything(finder, Some(&named.namespace)).await;
    let mut owners: BTreeSet<&str> = before.pointer("/metadata/uid").and_then(Value::as_str).into_iter().collect();
    let mut goes: Vec<&Owned> = Vec::new();
    loop {
        let more: Vec<&Owned> = all
            .iter()
            .filter(|one| {
                !owners.contains(one.uid.as_str()) && one.owners.iter().any(|owner| owners.contains(owner.as_str()))
            })
            .collect();
        if more.is_empty() {
            break;
        }
        owners.extend(more.iter().map(|one| one.uid.as_str()));
        goes.extend(more);
    }
    let words = if orphans { "stays behind without an owner: " } else { "goes with it: " };
    notes.extend(counted(words, goes));
    notes.extend(hidden(&unseen));
    Ok(notes)
}

/// What does not come back when the object is made again.
pub(super) async fn lost(finder: &Finder<'_>, named: &Named, before: &Value) -> Option<String> {
    match named.resource.kind.as_str() {
        "Namespace" => {
            let (all, _) = everything(finder, Some(&named.name)).await;
            let own = all.iter().filter(|one| !comes_by_itself(&one.kind, &one.name)).collect();
            counted("empty; what was in it is gone: ", own)
        }
        "CustomResourceDefinition" => {
            let of = |at: &str| before.pointer(at).and_then(Value::as_str).unwrap_or_default();
            let resource =
                finder.catalogue.find(&format!("{}.{}", of("/spec/names/plural"), of("/spec/group"))).ok()?;
            let count = finder.list_in(resource, None, &Selectors::default()).await.map_or(1, |all| all.len());
            (count > 0).then(|| format!("there without the objects of its kind ({count})"))
        }
        "PersistentVolumeClaim" if before.pointer("/spec/volumeName").is_some() => {
            Some("there, without the volume that it had".to_owned())
        }
        _ => None,
    }
}

/// What every namespace is given.
pub(in crate::kubernetes) fn comes_by_itself(kind: &str, name: &str) -> bool {
    match kind {
        "ServiceAccount" => name == "default",
        "ConfigMap" => ["kube-root-ca.crt", "openshift-service-ca.crt"].contains(&name),
        "Secret" => name.starts_with("default-token-"),
        _ => false,
    }
}

fn hidden(unseen: &[String]) -> Option<String> {
    (!unseen.is_empty()).then(|| format!("this user may not look at {}, which may go as well", unseen.join(", ")))
}

/// `goes with it: 3 Pods (web-1, web-2, web-3), 1 ReplicaSet (web)`.
fn counted(words: &str, all: Vec<&Owned>) -> Option<String> {
    let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in all {
        kinds.entry(&one.kind).or_default().insert(&one.name);
    }
    let told = kinds.into_iter().map(|(kind, names)| {
        let shown: Vec<&str> = names.iter().take(NAMES).copied().collect();
        let more = if names.len() > NAMES { ", …" } else { "" };
        format!("{} {kind}{} ({}{more})", names.len(), if names.len() == 1 { "" } else { "s" }, shown.join(", "))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| format!("{words}{}", told.join(", ")))
}

/// Every object of a namespace, without its fields; and the kinds that may not be looked at.
async fn everything(finder: &Finder<'_>, namespace: Option<&str>) -> (Vec<Owned>, Vec<String>) {
    let kinds: Vec<Resource> = finder
        .catalogue
        .all()
        .iter()
        .filter(|kind| kind.namespaced && kind.preferred && kind.can_list && kind.kind != "Event")
        .cloned()
        .collect();
    let lists = kinds.into_iter().map(|kind| async move {
        let found = of_kind(finder, &kind, namespace).await;
        (kind, found)
    });
    let mut all = Vec::new();
    let mut unseen = Vec::new();
    let mut lists = futures_util::stream::iter(lists).buffered(AT_ONCE);
    while let Some((kind, found)) = lists.next().await {
        match found {
            Ok(found) => all.extend(found),
            Err(_) => unseen.push(kind.plural),
        }
    }
    (all, unseen)
}

async fn of_kind(finder: &Finder<'_>, kind: &Resource, namespace: Option<&str>) -> Result<Vec<Owned>, Fault> {
    let mut all = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let call = Call::get(kind.path(namespace)).query("limit", "500").query_if("continue", next.take()).bare();
        let page = finder.reader.send(&call).await?;
        for item in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            let text = |at: &str| item.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
            let owners = item.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
            let owners = owners.filter_map(|owner| Some(owner.get("uid")?.as_str()?.to_owned())).collect();
            all.push(Owned {
                kind: kind.kind.clone(),
                name: text("/metadata/name"),
                uid: text("/metadata/uid"),
                owners,
            });
        }
        match page.pointer("/metadata/continue").and_then(Value::as_str).filter(|token| !token.is_empty()) {
            Some(token) => next = Some(token.to_owned()),
            None => return Ok(all),
        }
    }
}

/// What becomes of the data behind a claim.
async fn claim(finder: &Finder<'_>, named: &Named, before: &Value) -> Result<Vec<String>, Fault> {
    let mut notes = Vec::new();
    if let Some(volume) = before.pointer("/spec/volumeName").and_then(Value::as_str) {
        let place = finder.named("persistentvolumes", volume)?;
        match finder.reader.find(&Call::get(place.path())).await {
            Ok(Some(volume)) => notes.extend(policy(&volume, &named.title())),
            Ok(None) => notes.push(format!("its volume {volume} is gone already")),
            Err(_) => {
                notes.push(format!("volume {volume} may be destroyed with it: its reclaim policy cannot be read"));
            }
        }
    }
    let pods = finder.catalogue.find("pods")?.clone();
    let using: Vec<String> = finder
        .list_in(&pods, Some(&named.namespace), &Selectors::default())
        .await
        .unwrap_or_default()
        .iter()
        .filter(|pod| {
            let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array).into_iter().flatten();
            volumes.into_iter().any(|volume| {
                volume.pointer("/persistentVolumeClaim/claimName").and_then(Value::as_str) == Some(&named.name)
            })
        })
        .filter_map(|pod| Some(pod.pointer("/metadata/name")?.as_str()?.to_owned()))
        .collect();
    if !using.is_empty() {
        notes.push(format!("it stays, being deleted, until no pod uses it: {}", using.join(", ")));
    }
    Ok(notes)
}

fn policy(volume: &Value, of: &str) -> Option<String> {
    let name = volume.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    match volume.pointer("/spec/persistentVolumeReclaimPolicy").and_then(Value::as_str) {
        Some("Delete") => Some(format!("the data of {of} is destroyed: volume {name} has the reclaim policy Delete")),
        Some("Retain") => Some(format!(
            "volume {name} and its data stay (reclaim policy Retain), but no new claim finds it by itself"
        )),
        Some(other) => Some(format!("volume {name} has the reclaim policy {other}")),
        None => None,
    }
}

fn stateful(named: &Named, before: &Value) -> Option<String> {
    before.pointer("/spec/volumeClaimTemplates")?;
    let policy = before.pointer("/spec/persistentVolumeClaimRetentionPolicy/whenDeleted").and_then(Value::as_str);
    Some(match policy {
        Some("Delete") => format!("the volume claims of {} are deleted with it", named.title()),
        _ => format!("the volume claims of {} stay", named.title()),
    })
}
