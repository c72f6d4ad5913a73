//! `apply` and `create`: from a manifest to a request.
//!
//! `apply` does what kubectl does: three ways, between what was applied last (an annotation), what is
//! there and the manifest. The server merges, by a strategic merge patch, or a JSON merge patch for
//! custom resources; only what the manifest no longer has is found out here. `--server-side` leaves all of
//! it to the server.

use playbook_core::action::Fault;
use serde_json::{Map, Value, json};

use super::edit::{Edit, MERGE, STRATEGIC, key};
use crate::kubernetes::diff;
use crate::kubernetes::find::Named;
use crate::kubernetes::resources::Resource;

/// How a manifest is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct How {
    pub(super) server_side: bool,
    pub(super) force: bool,
    pub(super) manager: String,
}

const APPLY: &str = "application/apply-patch+yaml";

/// The request that makes an object what the manifest says.
pub(super) fn apply(manifest: &Value, before: Option<&Value>, named: &Named, how: &How) -> Result<Edit, Fault> {
    let mut wanted = manifest.clone();
    if let Some(map) = wanted.as_object_mut() {
        map.remove("status");
    }
    if named.resource.namespaced {
        diff::set(&mut wanted, &[key("metadata"), key("namespace")], Some(&named.namespace.clone().into()));
    }
    if how.server_side {
        diff::forget_applied(&mut wanted);
        return Ok(match before {
            // By POST: an apply of what someone else makes at this moment would change theirs.
            None => Edit::Create(wanted),
            Some(_) => Edit::Patch {
                content: APPLY,
                body: wanted,
                query: vec![
                    ("fieldManager", how.manager.clone()),
                    ("force", how.force.to_string()),
                    ("fieldValidation", "Strict".to_owned()),
                ],
            },
        });
    }
    let applied = applied(&wanted);
    let note = Value::from(format!("{applied}\n"));
    diff::set(&mut wanted, &[key("metadata"), key("annotations"), key(diff::APPLIED)], Some(&note));
    let Some(before) = before else { return Ok(Edit::Create(wanted)) };
    let last: Value = before
        .pointer("/metadata/annotations")
        .and_then(|all| all.get(diff::APPLIED)?.as_str())
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null);
    let strategic = built_in(&named.resource);
    let mut body = wanted;
    mark_removed(&last, &applied, &mut body, strategic);
    if strategic {
        mark_retained(named, before, &mut body);
    }
    let mut query = Edit::managed();
    // As kubectl does where it applies; servers that do not know it take no notice.
    query.push(("fieldValidation", "Strict".to_owned()));
    Ok(Edit::Patch { content: if strategic { STRATEGIC } else { MERGE }, body, query })
}

/// The manifest as the annotation keeps it.
fn applied(wanted: &Value) -> Value {
    let mut applied = wanted.clone();
    diff::forget_applied(&mut applied);
    // kubectl writes the mapping although it is empty.
    if let Some(metadata) = applied.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.entry("annotations").or_insert_with(|| json!({}));
    }
    applied
}

/// Does the server know how to merge lists of this kind? Of custom resources it does not.
fn built_in(resource: &Resource) -> bool {
    resource.group.is_empty() || !resource.group.contains('.') || resource.group.ends_with(".k8s.io")
}

/// Adds to a patch the removal of what was applied last and is not in the manifest now.
fn mark_removed(last: &Value, now: &Value, patch: &mut Value, strategic: bool) {
    let (Some(last), Some(now), Some(patch)) = (last.as_object(), now.as_object(), patch.as_object_mut()) else {
        return;
    };
    for (name, before) in last {
        match (now.get(name), patch.get_mut(name)) {
            (None, _) => {
                patch.insert(name.clone(), Value::Null);
            }
            (Some(now), Some(patch)) => {
                mark_removed(before, now, patch, strategic);
                if strategic {
                    mark_items(name, before, now, patch);
                }
            }
            (Some(_), None) => {}
        }
    }
}

/// The same for lists whose items the server tells apart by a field.
fn mark_items(field: &str, last: &Value, now: &Value, patch: &mut Value) {
    let (Some(last), Some(now)) = (last.as_array(), now.as_array()) else { return };
    let Some(by) = merge_key(field, last.iter().chain(now)) else { return };
    let Some(patch) = patch.as_array_mut() else { return };
    for before in last {
        let same = |item: &&Value| item.get(by) == before.get(by);
        match (now.iter().find(same), patch.iter_mut().find(|item| item.get(by) == before.get(by))) {
            (Some(now), Some(patch)) => mark_removed(before, now, patch, true),
            (None, _) => {
                let mut gone = Map::new();
                gone.insert("$patch".into(), "delete".into());
                gone.insert(by.into(), before.get(by).cloned().unwrap_or(Value::Null));
                patch.push(Value::Object(gone));
            }
            (Some(_), None) => {}
        }
    }
}

/// Where an object has the template of its pods, or is one.
const PODS: [&str; 3] = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/spec"];

/// Marks fields that are one of several kinds, of which another one than there is now is wanted: what
/// belongs to the old one has to go. They are those whose `patchStrategy` in the API's own types is
/// `retainKeys`: `strategy` of a Deployment, and each of the volumes of a pod.
fn mark_retained(named: &Named, before: &Value, patch: &mut Value) {
    if named.resource.kind == "Deployment"
        && let (Some(now), Some(wanted)) = (before.pointer("/spec/strategy"), patch.pointer_mut("/spec/strategy"))
    {
        retain(now, wanted);
    }
    for pods in PODS {
        let at = format!("{pods}/volumes");
        let (Some(now), Some(wanted)) = (before.pointer(&at), patch.pointer_mut(&at)) else { continue };
        for volume in wanted.as_array_mut().into_iter().flatten() {
            let mut there = now.as_array().into_iter().flatten();
            let removed = volume.get("$patch").is_some();
            if let Some(now) = there.find(|now| now.get("name") == volume.get("name")).filter(|_| !removed) {
                retain(now, volume);
            }
        }
    }
}

/// Names the fields that stay, if any is to be another than it is.
fn retain(now: &Value, wanted: &mut Value) {
    if has(now, wanted) {
        return;
    }
    let Some(wanted) = wanted.as_object_mut() else { return };
    wanted.retain(|_, value| !value.is_null());
    let names: Vec<Value> = wanted.keys().cloned().map(Value::from).collect();
    wanted.insert("$retainKeys".into(), names.into());
}

/// Is everything that is wanted there, whatever else is?
fn has(now: &Value, wanted: &Value) -> bool {
    match (now, wanted) {
        (Value::Object(now), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| match now.get(name) {
            Some(now) => has(now, wanted),
            None => wanted.is_null(),
        }),
        (Value::Array(now), Value::Array(wanted)) => {
            now.len() == wanted.len() && now.iter().zip(wanted).all(|(now, wanted)| has(now, wanted))
        }
        (now, wanted) => now == wanted,
    }
}

/// The field that tells the items of a list apart, from the API's own types (`patchMergeKey`).
fn merge_key<'v>(field: &str, items: impl Iterator<Item = &'v Value>) -> Option<&'static str> {
    let candidates: &[&'static str] = match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets"
        | "webhooks" => &["name"],
        "ports" => &["containerPort", "port"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "hostAliases" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey"],
        "ownerReferences" => &["uid"],
        _ => return None,
    };
    let items: Vec<&Value> = items.collect();
    candidates.iter().find(|by| items.iter().all(|item| item.get(**by).is_some())).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_several_kinds_retains_only_what_is_wanted() {
        let now = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}});
        for (wanted, marked) in [
            (json!({"type": "Recreate"}), json!({"type": "Recreate", "$retainKeys": ["type"]})),
            (json!({"type": "Recreate", "rollingUpdate": null}), json!({"type": "Recreate", "$retainKeys": ["type"]})),
            (json!({"type": "RollingUpdate"}), json!({"type": "RollingUpdate"})),
            (json!({}), json!({})),
        ] {
            let mut patch = wanted;
            retain(&now, &mut patch);
            assert_eq!(patch, marked);
        }
    }

    #[test]
    fn what_is_no_longer_in_the_manifest_is_removed_wherever_it_is() {
        let last = json!({"spec": {"a": 1, "b": {"c": 1, "d": 2}, "containers": [
            {"name": "x", "env": [{"name": "E", "value": "1"}, {"name": "F", "value": "2"}]}, {"name": "y"}]}});
        let now = json!({"spec": {"b": {"c": 1}, "containers": [{"name": "x", "env": [{"name": "E", "value": "1"}]}]}});
        let mut patch = now.clone();
        mark_removed(&last, &now, &mut patch, true);
        assert_eq!(
            patch,
            json!({"spec": {"a": null, "b": {"c": 1, "d": null}, "containers": [
                {"name": "x", "env": [{"name": "E", "value": "1"}, {"$patch": "delete", "name": "F"}]},
                {"$patch": "delete", "name": "y"}]}})
        );
        let mut patch = now.clone();
        mark_removed(&last, &now, &mut patch, false);
        assert_eq!(patch["spec"]["containers"], now["spec"]["containers"], "a merge patch replaces lists");
    }
}
