//! `drain`: the node takes nothing new, and its pods are asked to go, as their budgets allow.
//!
//! Pods that are run by a DaemonSet or by the node itself stay, as with kubectl. What would be lost is
//! refused until the line says that it may be: `--force` for pods that nobody makes again,
//! `--delete-emptydir-data` for data on the node.

use playbook_core::action::Fault;
use serde_json::{Value, json};

use super::edit::invalid;
use super::work::Item;
use crate::kubernetes::asked::Asked;
use crate::kubernetes::client::{Call, part};
use crate::kubernetes::faults;
use crate::kubernetes::find::{Finder, Named};
use crate::kubernetes::line::model::{Selectors, Verb};

/// The node first, then each pod.
pub(super) async fn items(finder: &Finder<'_>, asked: &Asked) -> Result<Vec<Item>, Fault> {
    let Verb::Drain { nodes, grace_seconds, pods: selector, .. } = &asked.line.verb else {
        return Err(faults::internal("a drain that is none"));
    };
    let mut items = Vec::new();
    let mut refused = Vec::new();
    let api = eviction(finder).await?;
    let mut options = json!({});
    if let Some(seconds) = grace_seconds.filter(|seconds| *seconds >= 0) {
        options["gracePeriodSeconds"] = seconds.into();
    }
    for node in finder.nodes(nodes).await? {
        let fields = format!("spec.nodeName={}", node.name);
        items.push(Item::Cordon(node));
        let resource = finder.catalogue.of("v1", "Pod").ok_or_else(|| faults::internal("no pods"))?.clone();
        let selectors = Selectors { labels: selector.clone(), fields: Some(fields), all: false };
        for pod in finder.list_in(&resource, None, &selectors).await? {
            let text = |at: &str| pod.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
            let named = Named {
                resource: resource.clone(),
                namespace: text("/metadata/namespace"),
                name: text("/metadata/name"),
                scale: false,
            };
            match fate(&pod, &asked.line.verb) {
                Fate::Goes => items.push(Item::Evict(named, api.clone(), options.clone())),
                Fate::Stays => {}
                Fate::Refused(why) => refused.push(format!("{}: {why}", named.title())),
            }
        }
    }
    if refused.is_empty() {
        return Ok(items);
    }
    Err(invalid(
        format!("not every pod may be evicted: {}", refused.join("; ")),
        "nothing was changed; add the flag that is named, if what it says is meant",
    ))
}

enum Fate {
    Goes,
    Stays,
    Refused(&'static str),
}

fn fate(pod: &Value, verb: &Verb) -> Fate {
    let Verb::Drain { ignore_daemonsets, delete_emptydir_data, force, .. } = verb else { return Fate::Stays };
    let is = |at: &str, text: &str| pod.pointer(at).and_then(Value::as_str) == Some(text);
    let over = is("/status/phase", "Succeeded") || is("/status/phase", "Failed");
    let mirror = pod
        .pointer("/metadata/annotations")
        .is_some_and(|annotations| annotations.get("kubernetes.io/config.mirror").is_some());
    if mirror || pod.pointer("/metadata/deletionTimestamp").is_some() {
        return Fate::Stays;
    }
    let owners = pod.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    let controller = owners.into_iter().find(|owner| owner.get("controller").is_some_and(|controls| controls == true));
    let kind = controller.and_then(|owner| owner.get("kind")?.as_str());
    if kind == Some("DaemonSet") && !over {
        return if *ignore_daemonsets {
            Fate::Stays
        } else {
            Fate::Refused("a DaemonSet would make it again at once (--ignore-daemonsets leaves it)")
        };
    }
    if over {
        return Fate::Goes;
    }
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array).into_iter().flatten();
    if volumes.into_iter().any(|volume| volume.get("emptyDir").is_some()) && !delete_emptydir_data {
        return Fate::Refused("it has data on the node (--delete-emptydir-data gives it up)");
    }
    if kind.is_none() && !force {
        return Fate::Refused("nobody makes it again (--force gives it up)");
    }
    Fate::Goes
}

/// The API version of `Eviction`, which differs between servers.
async fn eviction(finder: &Finder<'_>) -> Result<String, Fault> {
    let core = finder.reader.send(&Call::get("/api/v1")).await?;
    let found = core.get("resources").and_then(Value::as_array).into_iter().flatten();
    let found = found.into_iter().find(|resource| resource.get("name").is_some_and(|name| name == "pods/eviction"));
    let text = |name: &str| found.and_then(|found| found.get(name)?.as_str());
    match (text("group"), text("version")) {
        (Some(group), Some(version)) => Ok(format!("{}/{}", part(group), part(version))),
        _ => Err(invalid("this server evicts no pods", "delete them, one by one")),
    }
}
