//! How far a rollout is, by the rules of `kubectl rollout status`.
//!
//! Pure: an object as it is in, a verdict out. The rules are those of kubectl's status viewers
//! (`k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go`), so what kubectl calls complete is
//! complete here, and nothing fails sooner than it would there.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Value, json};

/// The annotation of a Deployment, and of its ReplicaSets, that numbers their revisions.
pub(in crate::kubernetes) const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

/// Where a rollout stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) enum Standing {
    /// It is complete: so many pods are ready, of so many.
    Complete(u64, u64),
    /// It is under way: so many pods are there, of so many, and what is waited for.
    Going(u64, u64, String),
    /// It does not get on, says its controller.
    Stuck(u64, u64, String),
}

impl Standing {
    /// Pods that are there, and how many there are to be.
    pub(in crate::kubernetes) fn counts(&self) -> (u64, u64) {
        match self {
            Self::Complete(ready, of) | Self::Going(ready, of, _) | Self::Stuck(ready, of, _) => (*ready, *of),
        }
    }
}

/// Does this kind of object have rollouts?
pub(in crate::kubernetes) fn has_rollouts(group: &str, kind: &str) -> bool {
    group == "apps" && matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet")
}

/// Are its pods replaced only when someone deletes them?
pub(in crate::kubernetes) fn on_delete(object: &Value) -> bool {
    object.pointer("/spec/updateStrategy/type").is_some_and(|strategy| strategy != "RollingUpdate")
}

fn invalid(message: String, help: &str) -> Fault {
    Fault::new(FaultKind::Invalid, Code::ServerError, message).help(help)
}

fn count(object: &Value, at: &str) -> u64 {
    object.pointer(at).and_then(Value::as_u64).unwrap_or(0)
}

/// Where the rollout of an object stands. `revision`: the one that is meant, of a Deployment.
///
/// # Errors
/// When the object has no rollouts, when another revision is being rolled out.
pub(in crate::kubernetes) fn standing(
    kind: &str,
    title: &str,
    object: &Value,
    revision: Option<i64>,
) -> Result<Standing, Fault> {
    if matches!(kind, "StatefulSet" | "DaemonSet") && on_delete(object) {
        return Err(invalid(
            format!("{title} has the update strategy OnDelete, so its pods are replaced only as they are deleted"),
            "rollout status is for RollingUpdate; delete its pods, and wait for them",
        ));
    }
    match kind {
        "Deployment" => {
            let now = object.pointer(REVISION).and_then(Value::as_str).and_then(|number| number.parse::<i64>().ok());
            if let Some(wanted) = revision.filter(|wanted| now.is_some_and(|now| now != *wanted)) {
                let now = now.unwrap_or_default();
                return Err(invalid(
                    format!("{title} is at revision {now}, and {wanted} is waited for"),
                    "someone rolled out another one; kubectl: rollout history shows them",
                ));
            }
            Ok(deployment(object))
        }
        "StatefulSet" => Ok(stateful_set(object)),
        "DaemonSet" => Ok(daemon_set(object)),
        _ => Err(invalid(
            format!("{title} has no rollouts"),
            "deployments, statefulsets and daemonsets have; use wait --for=… for others",
        )),
    }
}

fn unseen(object: &Value) -> bool {
    count(object, "/metadata/generation") > count(object, "/status/observedGeneration")
}

const UNSEEN: &str = "its controller has not looked at it yet";

fn deployment(object: &Value) -> Standing {
    let wanted = object.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
    let (updated, all) = (count(object, "/status/updatedReplicas"), count(object, "/status/replicas"));
    let available = count(object, "/status/availableReplicas");
    // Of those that are available some may be old; no more than all of the new ones are ready.
    let ready = available.saturating_sub(all.saturating_sub(updated)).min(updated);
    if unseen(object) {
        return Standing::Going(0, wanted, UNSEEN.into());
    }
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let late = |condition: &&Value| {
        condition.get("type").is_some_and(|kind| kind == "Progressing")
            && condition.get("reason").is_some_and(|reason| reason == "ProgressDeadlineExceeded")
    };
    if conditions.into_iter().any(|condition| late(&condition)) {
        let seconds = object.pointer("/spec/progressDeadlineSeconds").and_then(Value::as_u64).unwrap_or(600);
        return Standing::Stuck(ready, wanted, format!("no progress for {seconds}s, its progressDeadlineSeconds"));
    }
    let going = |words: String| Standing::Going(ready, wanted, words);
    if updated < wanted {
        return going(format!("{updated} of {wanted} new pods are made"));
    }
    if all > updated {
        return going(match all - updated {
            1 => "1 old pod is to end".into(),
            old => format!("{old} old pods are to end"),
        });
    }
    if available < updated {
        return going(format!("{available} of {updated} new pods are available"));
    }
    Standing::Complete(available, wanted)
}

fn stateful_set(object: &Value) -> Standing {
    let wanted = object.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
    let (updated, ready) = (count(object, "/status/updatedReplicas"), count(object, "/status/readyReplicas"));
    let done = ready.min(updated);
    if count(object, "/status/observedGeneration") == 0 || unseen(object) {
        return Standing::Going(0, wanted, UNSEEN.into());
    }
    if ready < wanted {
        return Standing::Going(done, wanted, format!("{ready} of {wanted} pods are ready"));
    }
    if let Some(rolling) = object.pointer("/spec/updateStrategy/rollingUpdate").filter(|rolling| !rolling.is_null()) {
        let partition = count(rolling, "/partition");
        let new = wanted.saturating_sub(partition);
        if updated < new {
            return Standing::Going(updated, new, format!("{updated} of {new} pods are new"));
        }
        return Standing::Complete(ready, wanted);
    }
    let text = |at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or_default();
    if text("/status/updateRevision") != text("/status/currentRevision") {
        return Standing::Going(updated, wanted, format!("{updated} of {wanted} pods are new"));
    }
    Standing::Complete(ready, wanted)
}

fn daemon_set(object: &Value) -> Standing {
    let wanted = count(object, "/status/desiredNumberScheduled");
    let updated = count(object, "/status/updatedNumberScheduled");
    let available = count(object, "/status/numberAvailable");
    let done = available.min(updated);
    if unseen(object) {
        return Standing::Going(0, wanted, UNSEEN.into());
    }
    if updated < wanted {
        return Standing::Going(done, wanted, format!("{updated} of {wanted} new pods are made"));
    }
    if available < wanted {
        return Standing::Going(done, wanted, format!("{available} of {wanted} new pods are available"));
    }
    Standing::Complete(available, wanted)
}

/// For the record.
pub(in crate::kubernetes) fn row(title: &str, ready: u64, of: u64) -> Value {
    json!({"object": title, "ready": ready, "of": of})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(kind: &str, object: &Value) -> Standing {
        standing(kind, "it", object, None).unwrap()
    }

    fn status(mut object: Value, status: Value) -> Value {
        object["status"] = status;
        object["metadata"] = json!({"generation": 2});
        object
    }

    #[test]
    fn a_deployment_is_complete_when_all_pods_are_new_and_available() {
        let spec = json!({"spec": {"replicas": 3}});
        for (seen, updated, all, available, complete) in
            [(1, 3, 3, 3, false), (2, 2, 4, 4, false), (2, 3, 4, 4, false), (2, 3, 3, 2, false), (2, 3, 3, 3, true)]
        {
            let object = status(
                spec.clone(),
                json!({"observedGeneration": seen, "updatedReplicas": updated, "replicas": all, "availableReplicas": available}),
            );
            let standing = look("Deployment", &object);
            assert_eq!(matches!(standing, Standing::Complete(3, 3)), complete, "{object}: {standing:?}");
        }
        let none = status(json!({"spec": {"replicas": 0}}), json!({"observedGeneration": 2}));
        assert_eq!(look("Deployment", &none), Standing::Complete(0, 0));
    }

    #[test]
    fn a_deployment_is_stuck_only_when_its_controller_says_so() {
        let late = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]);
        let object = status(json!({"spec": {"replicas": 1}}), json!({"observedGeneration": 2, "conditions": late}));
        assert!(matches!(look("Deployment", &object), Standing::Stuck(0, 1, _)));
        // What it says is of the generation before.
        let object = status(json!({"spec": {"replicas": 1}}), json!({"observedGeneration": 1, "conditions": late}));
        assert!(matches!(look("Deployment", &object), Standing::Going(..)));
    }

    #[test]
    fn a_partition_of_a_stateful_set_keeps_pods_old() {
        let spec = |partition: u64| json!({"spec": {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}}});
        let seen = json!({"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 1, "replicas": 3,
            "updateRevision": "b", "currentRevision": "a"});
        assert_eq!(look("StatefulSet", &status(spec(2), seen.clone())), Standing::Complete(3, 3));
        assert!(matches!(look("StatefulSet", &status(spec(0), seen.clone())), Standing::Going(1, 3, _)));
        let bare = json!({"spec": {"replicas": 3, "updateStrategy": {"type": "RollingUpdate"}}});
        assert!(matches!(look("StatefulSet", &status(bare, seen)), Standing::Going(1, 3, _)));
    }

    #[test]
    fn a_daemon_set_counts_nodes() {
        let object = |updated: u64, available: u64| {
            status(
                json!({}),
                json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": updated, "numberAvailable": available}),
            )
        };
        assert!(matches!(look("DaemonSet", &object(1, 2)), Standing::Going(1, 2, _)));
        assert!(matches!(look("DaemonSet", &object(2, 1)), Standing::Going(1, 2, _)));
        assert_eq!(look("DaemonSet", &object(2, 2)), Standing::Complete(2, 2));
    }

    #[test]
    fn what_is_replaced_only_on_delete_has_no_status() {
        let object = json!({"spec": {"updateStrategy": {"type": "OnDelete"}}});
        assert!(standing("StatefulSet", "it", &object, None).unwrap_err().message.contains("OnDelete"));
        assert!(standing("ReplicaSet", "it", &json!({}), None).unwrap_err().message.contains("no rollouts"));
    }
}
