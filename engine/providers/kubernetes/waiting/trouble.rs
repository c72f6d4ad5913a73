//! Why pods do not become what they are to be: said when something was waited for in vain.
//!
//! Looks at the pods of the newest revision first. Only reads, takes a few seconds at most, and looks
//! even after the step was told to stop: that is when it is asked. What cannot be read is left out.

use std::collections::BTreeMap;
use std::time::Duration;

use playbook_core::action::ReadAccess;
use playbook_core::ports::Never;
use serde_json::Value;

use super::pod_trouble::{Crash, Reason, reasons};
use super::rollout::REVISION;
use crate::kubernetes::client::{Call, Reader, part};
use crate::kubernetes::target::KubeTarget;

/// All of it takes no longer than this; a step that was told to stop has ten seconds.
const LIMIT: Duration = Duration::from_secs(6);
/// So many pods are looked at.
const PODS: &str = "50";
/// So many reasons are told.
const TOLD: usize = 3;
/// So many lines of a log.
const LINES: &str = "10";
/// Longest of them, in bytes.
const LOG: usize = 16 << 10;

/// What is known of why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::kubernetes) struct Why {
    /// Each in one line.
    pub(in crate::kubernetes) reasons: Vec<String>,
    /// Whose last lines, and these.
    pub(in crate::kubernetes) log: Option<(String, Vec<String>)>,
}

impl Why {
    /// `: reason; reason`, or nothing.
    pub(in crate::kubernetes) fn after(&self) -> String {
        if self.reasons.is_empty() { String::new() } else { plain(&format!(": {}", self.reasons.join("; "))) }
    }

    /// The lines of the log, or else what to do.
    pub(in crate::kubernetes) fn help(&self, otherwise: &str) -> String {
        match &self.log {
            Some((of, lines)) => format!("the last lines of {of}:\n{}", lines.join("\n")),
            None => otherwise.to_owned(),
        }
    }
}

/// What containers and servers say moves no cursor here.
fn plain(line: &str) -> String {
    line.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Why an object of this kind, last seen like this, is not what it is to be.
pub(in crate::kubernetes) async fn why(target: &KubeTarget, kind: &str, object: &Value) -> Why {
    let asking = async {
        let reader = Reader::open(ReadAccess::new(target, &Never)).await.ok()?;
        let namespace = text(object, "/metadata/namespace");
        Some(Asker { reader, namespace }.why(kind, object).await)
    };
    tokio::time::timeout(LIMIT, asking).await.ok().flatten().unwrap_or_default()
}

fn text<'v>(value: &'v Value, at: &str) -> &'v str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn owned_by(object: &Value, owner: &str) -> bool {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    !owner.is_empty() && owners.into_iter().any(|reference| text(reference, "/uid") == owner)
}

/// `matchLabels` and `matchExpressions` as one selector.
fn selector(object: &Value) -> Option<String> {
    let of = object.pointer("/spec/selector")?;
    let mut parts: Vec<String> = Vec::new();
    for (name, value) in of.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
        parts.push(format!("{name}={}", value.as_str()?));
    }
    for rule in of.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
        let values: Vec<&str> =
            rule.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let (key, values) = (text(rule, "/key"), values.join(","));
        parts.push(match text(rule, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

struct Asker<'a> {
    reader: Reader<'a>,
    namespace: &'a str,
}

impl Asker<'_> {
    async fn why(&self, kind: &str, object: &Value) -> Why {
        if kind == "Pod" {
            return self.told(&[object]).await;
        }
        let Some(selector) = selector(object) else { return Why::default() };
        let (maker, revision) = self.newest(kind, object, &selector).await;
        let mut why = Why::default();
        if let Some(maker) = &maker {
            why.reasons.extend(self.not_made(maker).await);
        }
        let maker_uid = maker.as_ref().map(|maker| text(maker, "/metadata/uid")).unwrap_or_default();
        let mut pods = self.list("/api/v1", "pods", &selector).await;
        // Of a selector without owners (a Service, a custom resource) all are meant.
        if maker.is_some() {
            pods.retain(|pod| owned_by(pod, maker_uid));
        }
        let is_new = |pod: &&Value| match &revision {
            Some((label, hash)) => {
                pod.pointer("/metadata/labels").is_some_and(|all| all.get(label).is_some_and(|it| it == hash))
            }
            None => true,
        };
        let new: Vec<&Value> = pods.iter().filter(is_new).collect();
        let mut found = self.told(&new).await;
        if found.reasons.is_empty() && why.reasons.is_empty() {
            // An old pod may be in the way of the new ones.
            let all: Vec<&Value> = pods.iter().collect();
            found = self.told(&all).await;
        }
        why.reasons.extend(found.reasons);
        why.log = found.log;
        why
    }

    /// What makes the newest pods, and the label that tells them from older ones.
    async fn newest(
        &self,
        kind: &str,
        object: &Value,
        selector: &str,
    ) -> (Option<Value>, Option<(&'static str, String)>) {
        let uid = text(object, "/metadata/uid");
        match kind {
            "Deployment" => {
                let mut sets = self.list("/apis/apps/v1", "replicasets", selector).await;
                sets.retain(|set| owned_by(set, uid));
                let number = |set: &Value| text(set, REVISION).parse::<i64>().unwrap_or(0);
                (sets.into_iter().max_by_key(number), None)
            }
            "StatefulSet" => {
                let hash = text(object, "/status/updateRevision").to_owned();
                (Some(object.clone()), Some(("controller-revision-hash", hash)))
            }
            "DaemonSet" => {
                let mut revisions = self.list("/apis/apps/v1", "controllerrevisions", selector).await;
                revisions.retain(|revision| owned_by(revision, uid));
                let newest =
                    revisions.into_iter().max_by_key(|it| it.get("revision").and_then(Value::as_i64).unwrap_or(0));
                let hash = newest.map(|it| text(&it, "/metadata/labels/controller-revision-hash").to_owned());
                (Some(object.clone()), hash.map(|hash| ("controller-revision-hash", hash)))
            }
            "ReplicaSet" | "Job" | "ReplicationController" => (Some(object.clone()), None),
            _ => (None, None),
        }
    }

    /// Why pods are not even made: a quota, an admission webhook, a missing account.
    async fn not_made(&self, maker: &Value) -> Option<String> {
        let conditions = maker.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
        let failed =
            |condition: &&Value| text(condition, "/type") == "ReplicaFailure" && text(condition, "/status") == "True";
        if let Some(condition) = conditions.into_iter().find(failed) {
            return Some(format!("its pods are not made: {}", text(condition, "/message")));
        }
        let made = |at| maker.pointer(at).and_then(Value::as_u64).unwrap_or(0);
        let wanted = maker.pointer("/spec/replicas").and_then(Value::as_u64);
        if wanted.is_some_and(|wanted| made("/status/replicas") >= wanted) {
            return None;
        }
        let events = self.events(text(maker, "/metadata/uid")).await;
        let last = events.into_iter().rev().find(|event| text(event, "/reason") == "FailedCreate")?;
        Some(format!("its pods are not made: {}", text(&last, "/message")))
    }

    /// What is wrong with these pods: the same of several once.
    async fn told(&self, pods: &[&Value]) -> Why {
        let mut groups: Vec<(Reason, &Value, usize)> = Vec::new();
        for pod in pods {
            for reason in reasons(pod) {
                match groups.iter_mut().find(|(known, ..)| known.text == reason.text) {
                    Some((_, _, count)) => *count += 1,
                    None => groups.push((reason, pod, 1)),
                }
            }
        }
        // Those that say most come first.
        groups.sort_by_key(|(reason, ..)| reason.vague);
        let mut why = Why::default();
        for (reason, pod, count) in groups.into_iter().take(TOLD) {
            let name = text(pod, "/metadata/name");
            let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
            let said = match reason.event {
                Some(wanted) => self.event_of(pod, wanted).await,
                None => None,
            };
            why.reasons.push(match said {
                Some(said) => format!("pod {name}{more}: {}: {said}", reason.text),
                None => format!("pod {name}{more}: {}", reason.text),
            });
            if let (Some(crash), None) = (&reason.crash, &why.log) {
                why.log = self.log(name, crash).await;
            }
        }
        why
    }

    async fn event_of(&self, pod: &Value, wanted: fn(&str, &str) -> bool) -> Option<String> {
        let events = self.events(text(pod, "/metadata/uid")).await;
        let fits = |event: &&Value| {
            text(event, "/type") == "Warning" && wanted(text(event, "/reason"), text(event, "/message"))
        };
        let last = events.iter().rev().find(fits)?;
        Some(text(last, "/message").split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The last lines that a container wrote before it ended.
    async fn log(&self, pod: &str, crash: &Crash) -> Option<(String, Vec<String>)> {
        let call = Call::get(format!("/api/v1/namespaces/{}/pods/{}/log", part(self.namespace), part(pod)))
            .query("container", crash.container.clone())
            .query("tailLines", LINES)
            .query_if("previous", crash.before.then_some("true"));
        let (log, _) = self.reader.text(&call, LOG).await.ok()?;
        let lines: Vec<String> = log.lines().map(plain).filter(|line| !line.is_empty()).collect();
        (!lines.is_empty()).then(|| (format!("container {} of pod {pod}", crash.container), lines))
    }

    async fn list(&self, root: &str, plural: &str, selector: &str) -> Vec<Value> {
        let call = Call::get(format!("{root}/namespaces/{}/{plural}", part(self.namespace)))
            .query("labelSelector", selector)
            .query("limit", PODS);
        self.items(&call).await
    }

    /// Events about one object, oldest first.
    async fn events(&self, uid: &str) -> Vec<Value> {
        let call = Call::get(format!("/api/v1/namespaces/{}/events", part(self.namespace)))
            .query("fieldSelector", format!("involvedObject.uid={uid}"))
            .query("limit", "200");
        let time = |event: &Value| {
            let times = ["/lastTimestamp", "/series/lastObservedTime", "/eventTime", "/metadata/creationTimestamp"];
            times.into_iter().map(|at| text(event, at)).find(|time| !time.is_empty()).unwrap_or_default().to_owned()
        };
        let mut all: BTreeMap<(String, usize), Value> = BTreeMap::new();
        for (at, event) in self.items(&call).await.into_iter().enumerate() {
            all.insert((time(&event), at), event);
        }
        all.into_values().collect()
    }

    async fn items(&self, call: &Call) -> Vec<Value> {
        match self.reader.send(call).await {
            Ok(mut list) => match list.get_mut("items").map(Value::take) {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            },
            Err(_) => Vec::new(),
        }
    }
}

/// Why an object that is being deleted is still there.
pub(in crate::kubernetes) fn held(object: &Value) -> String {
    if object.pointer("/metadata/deletionTimestamp").is_none() {
        return ": nobody is deleting it".into();
    }
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten();
    let finalizers: Vec<&str> = finalizers.filter_map(Value::as_str).collect();
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    // A namespace says what is left in it.
    let left: Vec<&str> = conditions
        .filter(|condition| text(condition, "/type").starts_with("Namespace") && text(condition, "/status") == "True")
        .map(|condition| text(condition, "/message"))
        .collect();
    match (left.is_empty(), finalizers.as_slice()) {
        (false, _) => format!(": {}", left.join("; ")),
        (true, []) => match object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_u64) {
            Some(seconds) => format!(": it has {seconds}s to end"),
            None => String::new(),
        },
        (true, ["foregroundDeletion"]) => ": what it owns is not gone yet".into(),
        (true, all) => format!(": it is held by {}", all.join(", ")),
    }
}
