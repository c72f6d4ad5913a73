//! What a line does to one object as it is, as a request on the very version that was read.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Map, Value, json};

use super::apply::{self, How};
use crate::kubernetes::client::Call;
use crate::kubernetes::diff;
use crate::kubernetes::faults;
use crate::kubernetes::find::Named;
use crate::kubernetes::line::model::{Cascade, Line, Number, Patch, PatchType, Verb};

/// The annotation that makes pods restart.
pub(super) const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";
pub(super) const MERGE: &str = "application/merge-patch+json";
pub(super) const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(super) const JSON_PATCH: &str = "application/json-patch+json";

/// What a line does to one object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    Patch {
        content: &'static str,
        body: Value,
        query: Vec<(&'static str, String)>,
    },
    Create(Value),
    Delete(Value),
    /// Asks a pod to go; the API version of `Eviction`.
    Evict(String, Value),
}

impl Edit {
    pub(super) fn patch(content: &'static str, body: Value) -> Self {
        Self::Patch { content, body, query: Self::managed() }
    }

    /// Who owns what is written.
    pub(super) fn managed() -> Vec<(&'static str, String)> {
        vec![("fieldManager", "playbook".to_owned())]
    }

    /// Is there no object afterwards?
    pub(super) fn deletes(&self) -> bool {
        matches!(self, Self::Delete(_) | Self::Evict(..))
    }

    /// What this asks the user to be allowed: the verb, and a subresource.
    pub(super) fn right(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Patch { .. } => ("patch", None),
            Self::Create(_) => ("create", None),
            Self::Delete(_) => ("delete", None),
            Self::Evict(..) => ("create", Some("eviction")),
        }
    }

    /// As a request that is carried out only on the version that was read.
    pub(super) fn call(&self, named: &Named, before: &Value) -> Call {
        let of = |at: &str| before.pointer(at).cloned().unwrap_or(Value::Null);
        let version = of("/metadata/resourceVersion");
        match self {
            Self::Patch { content, body, query } if *content == JSON_PATCH => {
                let mut steps = vec![json!({"op": "test", "path": "/metadata/resourceVersion", "value": version})];
                steps.extend(body.as_array().cloned().unwrap_or_default());
                with(Call::with("PATCH", named.path(), Value::Array(steps)).content(content), query)
            }
            Self::Patch { content, body, query } => {
                let mut body = body.clone();
                diff::set(&mut body, &[key("metadata"), key("resourceVersion")], Some(&version));
                with(Call::with("PATCH", named.path(), body).content(content), query)
            }
            Self::Create(body) => {
                let path = named.resource.path(Some(&named.namespace));
                with(Call::with("POST", path, body.clone()), &Self::managed()).query("fieldValidation", "Strict")
            }
            Self::Delete(options) => {
                let mut options = options.clone();
                options["preconditions"] = json!({"uid": of("/metadata/uid"), "resourceVersion": version});
                Call::with("DELETE", named.path(), options)
            }
            Self::Evict(api, options) => {
                let mut options = options.clone();
                options["preconditions"] = json!({"uid": of("/metadata/uid")});
                let body = json!({"apiVersion": api, "kind": "Eviction", "deleteOptions": options,
                    "metadata": {"name": named.name, "namespace": named.namespace}});
                Call::with("POST", format!("{}/eviction", named.path()), body)
            }
        }
    }
}

/// Does an object of this kind have `spec.replicas` itself, by the API's own types?
pub(super) fn has_replicas(named: &Named) -> bool {
    let kinds = ["Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"];
    kinds.contains(&named.resource.kind.as_str()) && ["", "apps", "extensions"].contains(&named.resource.group.as_str())
}

fn with(call: Call, query: &[(&'static str, String)]) -> Call {
    query.iter().fold(call, |call, (name, value)| call.query(name, value.clone()))
}

pub(super) fn key(name: &str) -> diff::Seg {
    diff::Seg::Key(name.to_owned())
}

pub(super) fn invalid(message: impl Into<String>, help: &str) -> Fault {
    Fault::new(FaultKind::Invalid, Code::ServerError, message).help(help)
}

/// What the line does to an object as it is.
pub(super) fn edit(line: &Line, named: &Named, before: &Value) -> Result<Edit, Fault> {
    let merge = |body: Value| Ok(Edit::patch(MERGE, body));
    match &line.verb {
        Verb::Patch { kind, patch: Patch::Known(body), .. } => Ok(Edit::patch(
            match kind {
                PatchType::Strategic => STRATEGIC,
                PatchType::Merge => MERGE,
                PatchType::Json => JSON_PATCH,
            },
            body.clone(),
        )),
        Verb::Scale { replicas, current, resource_version, .. } => {
            let now = before.pointer("/spec/replicas").and_then(Value::as_i64).or(named.scale.then_some(0));
            let now = now.ok_or_else(|| {
                invalid(format!("{} has no replicas", named.title()), "scale deployments, statefulsets or replicasets")
            })?;
            if current.is_some_and(|wanted| wanted != now) {
                return Err(invalid(
                    format!("{} has {now} replicas, not {}", named.title(), current.unwrap_or_default()),
                    "--current-replicas is a condition",
                ));
            }
            pinned(resource_version.as_deref(), named, before)?;
            merge(json!({"spec": {"replicas": number(*replicas)?}}))
        }
        Verb::Label { set, unset, overwrite, resource_version, .. } => {
            pinned(resource_version.as_deref(), named, before)?;
            merge(json!({"metadata": {"labels": pairs("/metadata/labels", set, unset, *overwrite, named, before)?}}))
        }
        Verb::Annotate { set, unset, overwrite, resource_version, .. } => {
            pinned(resource_version.as_deref(), named, before)?;
            merge(
                json!({"metadata": {"annotations": pairs("/metadata/annotations", set, unset, *overwrite, named, before)?}}),
            )
        }
        Verb::SetImage { images, .. } => containers(named, before, |name, _| {
            let image = images.iter().find(|(of, _)| of == name || of == "*");
            image.map(|(_, image)| json!({"image": image}))
        }),
        Verb::SetEnv { set, unset, containers: which, .. } => containers(named, before, |name, now| {
            let mut env: Vec<Value> = set.iter().map(|(name, value)| variable(now, name, value)).collect();
            env.extend(unset.iter().map(|name| json!({"name": name, "$patch": "delete"})));
            fits(which, name).then(|| json!({"env": env}))
        }),
        Verb::SetResources { containers: which, limits, requests, .. } => containers(named, before, |name, _| {
            let map = |pairs: &[(String, String)]| -> Map<String, Value> {
                pairs.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
            };
            let mut resources = Map::new();
            if !limits.is_empty() {
                resources.insert("limits".into(), map(limits).into());
            }
            if !requests.is_empty() {
                resources.insert("requests".into(), map(requests).into());
            }
            fits(which, name).then(|| json!({"resources": resources}))
        }),
        Verb::RolloutRestart(_) => {
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            if before.pointer("/spec/template").is_none() {
                return Err(invalid(
                    format!("{} has no pods of its own to restart", named.title()),
                    "restart deployments, statefulsets or daemonsets",
                ));
            }
            if before.pointer("/spec/paused").and_then(Value::as_bool) == Some(true) {
                return Err(invalid(
                    format!("{} is paused, so its pods would not restart", named.title()),
                    "kubectl: rollout resume, and then restart",
                ));
            }
            merge(json!({"spec": {"template": {"metadata": {"annotations": {RESTARTED: now}}}}}))
        }
        Verb::RolloutPause(_) => merge(json!({"spec": {"paused": true}})),
        Verb::RolloutResume(_) => merge(json!({"spec": {"paused": null}})),
        Verb::Cordon(_) => merge(json!({"spec": {"unschedulable": true}})),
        Verb::Uncordon(_) => merge(json!({"spec": {"unschedulable": null}})),
        Verb::Delete { cascade, grace_seconds, force, .. } => {
            let policy = match cascade {
                Cascade::Background => "Background",
                Cascade::Foreground => "Foreground",
                Cascade::Orphan => "Orphan",
            };
            let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy});
            if let Some(seconds) = grace_seconds.or(force.then_some(0)).filter(|seconds| *seconds >= 0) {
                options["gracePeriodSeconds"] = seconds.into();
            }
            Ok(Edit::Delete(options))
        }
        _ => Err(faults::internal("a line that changes nothing")),
    }
}

/// What a line makes of a manifest: the object is not there, or is as it is.
pub(super) fn of_manifest(line: &Line, named: &Named, manifest: &Value, before: Option<&Value>) -> Result<Edit, Fault> {
    match &line.verb {
        Verb::Apply { server_side, force_conflicts, field_manager, .. } => {
            let manager = field_manager.clone().unwrap_or_else(|| "playbook".to_owned());
            let how = How { server_side: *server_side, force: *force_conflicts, manager };
            apply::apply(manifest, before, named, &how)
        }
        _ if before.is_some() => Err(invalid(
            format!("{} is there already", named.title()),
            "kubectl: apply changes what is there; create only makes what is not",
        )
        .server("AlreadyExists", false)),
        _ => {
            let mut body = manifest.clone();
            if named.resource.namespaced {
                diff::set(&mut body, &[key("metadata"), key("namespace")], Some(&named.namespace.clone().into()));
            }
            Ok(Edit::Create(body))
        }
    }
}

pub(super) fn number(number: Number) -> Result<i64, Fault> {
    match number {
        Number::Known(number) => Ok(number),
        Number::Open => Err(faults::internal("a number without a value")),
    }
}

fn pinned(wanted: Option<&str>, named: &Named, before: &Value) -> Result<(), Fault> {
    let now = before.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    match wanted {
        Some(wanted) if Some(wanted) != now => Err(invalid(
            format!("{} has the resource version {}", named.title(), now.unwrap_or("unknown")),
            "--resource-version is a condition",
        )),
        _ => Ok(()),
    }
}

fn pairs(
    at: &str,
    set: &[(String, String)],
    unset: &[String],
    overwrite: bool,
    named: &Named,
    before: &Value,
) -> Result<Value, Fault> {
    let mut map = Map::new();
    for (name, value) in set {
        let now = before.pointer(at).and_then(|all| all.get(name)).and_then(Value::as_str);
        if let Some(now) = now.filter(|now| now != value && !overwrite) {
            return Err(invalid(format!("{} has {name}={now} already", named.title()), "add --overwrite"));
        }
        map.insert(name.clone(), value.clone().into());
    }
    map.extend(unset.iter().map(|name| (name.clone(), Value::Null)));
    Ok(map.into())
}

/// Is this container meant?
fn fits(which: &str, name: &str) -> bool {
    which.is_empty() || which == "*" || which == name
}

/// A variable of a container as it is now; what it took from elsewhere it does no longer.
fn variable(container: &Value, name: &str, value: &str) -> Value {
    let mut variable = json!({"name": name, "value": value});
    let listed = container.get("env").and_then(Value::as_array).into_iter().flatten();
    let now = listed.into_iter().find(|env| env.get("name").is_some_and(|of| of == name));
    if now.is_some_and(|now| now.get("valueFrom").is_some()) {
        variable["valueFrom"] = Value::Null;
    }
    variable
}

/// A patch of containers, also of those that run first, wherever this kind of object has them.
fn containers(named: &Named, before: &Value, with: impl Fn(&str, &Value) -> Option<Value>) -> Result<Edit, Fault> {
    let places: [&[&str]; 3] =
        [&["spec", "template", "spec"], &["spec", "jobTemplate", "spec", "template", "spec"], &["spec"]];
    for place in places {
        let path: Vec<diff::Seg> = place.iter().map(|name| key(name)).collect();
        let Some(pod) = diff::get(before, &path).filter(|pod| pod.get("containers").is_some()) else { continue };
        let mut body = Value::Null;
        for list in ["containers", "initContainers"] {
            let items = pod.get(list).and_then(Value::as_array).into_iter().flatten();
            let changed: Vec<Value> = items
                .filter_map(|item| {
                    let name = item.get("name")?.as_str()?;
                    let mut patch = with(name, item)?;
                    patch["name"] = name.into();
                    Some(patch)
                })
                .collect();
            if !changed.is_empty() {
                let mut path = path.clone();
                path.push(key(list));
                diff::set(&mut body, &path, Some(&Value::Array(changed)));
            }
        }
        if body.is_null() {
            return Err(invalid(
                format!("{} has no such container", named.title()),
                "kubectl: get shows spec.template.spec.containers",
            ));
        }
        return Ok(Edit::patch(STRATEGIC, body));
    }
    Err(invalid(
        format!("{} has no containers", named.title()),
        "use a pod, deployment, statefulset, daemonset, job or cronjob",
    ))
}
