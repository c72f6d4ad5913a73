//! `rollout undo`: the template of an earlier revision.

use playbook_core::action::Fault;
use serde_json::Value;

use super::edit::{Edit, invalid};
use super::work::template;
use crate::kubernetes::client::{Call, Reader};
use crate::kubernetes::diff::{self, Seg};
use crate::kubernetes::faults;
use crate::kubernetes::find::Named;

const REVISION: &str = "deployment.kubernetes.io/revision";

/// The patch that goes back to a revision, or to the one before the newest.
pub(super) async fn back(
    reader: &Reader<'_>,
    named: &Named,
    before: &Value,
    wanted: Option<i64>,
) -> Result<Edit, Fault> {
    let deployment = named.resource.kind == "Deployment";
    if deployment && before.pointer("/spec/paused").is_some_and(|paused| paused == true) {
        return Err(invalid(format!("{} is paused", named.title()), "kubectl: rollout resume, and then undo"));
    }
    let kind = match named.resource.kind.as_str() {
        "Deployment" => "replicasets",
        "StatefulSet" | "DaemonSet" => "controllerrevisions",
        _ => {
            return Err(invalid(
                format!("{} has no revisions", named.title()),
                "undo deployments, statefulsets or daemonsets",
            ));
        }
    };
    let path = format!("/apis/apps/v1/namespaces/{}/{kind}", crate::kubernetes::client::part(&named.namespace));
    let list = reader.send(&Call::get(path)).await?;
    let uid = before.pointer("/metadata/uid");
    let mut all: Vec<(i64, &Value)> = list
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|item| owned(item, uid))
        .filter_map(|item| Some((number(item)?, item)))
        .collect();
    all.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    let found = match wanted {
        Some(wanted) => all.iter().find(|(number, _)| *number == wanted),
        None => all.get(1),
    };
    let Some((_, revision)) = found else {
        let known: Vec<String> = all.iter().map(|(number, _)| number.to_string()).collect();
        return Err(invalid(
            match wanted {
                Some(wanted) => format!("{} has no revision {wanted}", named.title()),
                None => format!("{} has no earlier revision", named.title()),
            },
            &format!("kubectl: rollout history shows them: {}", known.join(", ")),
        ));
    };
    if !deployment {
        let data = revision.get("data").ok_or_else(|| faults::internal("a revision without data"))?;
        return Ok(template(data, true));
    }
    let mut pods = revision.pointer("/spec/template").cloned().unwrap_or(Value::Null);
    let hash = ["metadata", "labels", "pod-template-hash"].map(|name| Seg::Key(name.to_owned()));
    diff::set(&mut pods, &hash, None);
    Ok(template(&pods, false))
}

fn owned(item: &Value, uid: Option<&Value>) -> bool {
    let owners = item.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.is_some_and(|owners| owners.iter().any(|owner| owner.get("uid") == uid))
}

fn number(item: &Value) -> Option<i64> {
    match item.get("revision").and_then(Value::as_i64) {
        Some(number) => Some(number),
        None => item.pointer("/metadata/annotations")?.get(REVISION)?.as_str()?.parse().ok(),
    }
}
