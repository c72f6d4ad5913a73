//! Which pod is meant: one by its name, or a ready one of what selects pods. And why there is none.

mod environment;
pub(in crate::kubernetes) mod exec;
pub(in crate::kubernetes) mod tunnel;
pub(in crate::kubernetes) mod within;

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::Value;

use super::client::{Call, Door, Inside, part};

/// The annotation that names the container that is meant where none is named.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

fn text<'a>(object: &'a Value, at: &str) -> &'a str {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// Its name.
pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// Its UID.
pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Where a pod is.
pub(super) fn path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{}/pods/{}", part(namespace), part(name))
}

fn absent(message: String, help: &str) -> Fault {
    // It may pass: pods come.
    Fault::new(FaultKind::Unreachable, Code::Unreachable, message).help(help)
}

/// A running pod by its name.
pub(super) async fn named(door: &Door<'_>, namespace: &str, name: &str) -> Result<Value, Fault> {
    let Some(pod) = door.find(&Call::get(path(namespace, name))).await? else {
        return Err(absent(format!("there is no pod/{name} in {namespace}"), "check name, namespace and context"));
    };
    match not_running(&pod) {
        None => Ok(pod),
        Some(why) => Err(absent(
            format!("pod/{name} in {namespace} does not run: {why}"),
            "kubectl: describe and events tell more",
        )),
    }
}

/// The ready pods of what selects pods, by name. `title` is what it is called: `deployment/web`.
pub(super) async fn of(door: &Door<'_>, namespace: &str, title: &str, owner: &Value) -> Result<Vec<Value>, Fault> {
    let selector = selector(owner).ok_or_else(|| {
        Fault::new(FaultKind::Refused, Code::ServerError, format!("{title} in {namespace} selects no pods"))
            .help("name a pod")
    })?;
    let pods = format!("/api/v1/namespaces/{}/pods", part(namespace));
    let found = door.find(&Call::get(pods).query("labelSelector", selector)).await?.unwrap_or_default();
    let mut all: Vec<Value> = found.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    all.sort_by(|one, other| name(one).cmp(name(other)));
    let (ready, others): (Vec<Value>, Vec<Value>) = all.into_iter().partition(|pod| not_ready(pod).is_none());
    if !ready.is_empty() {
        return Ok(ready);
    }
    let why: Vec<String> =
        others.iter().take(3).map(|pod| format!("{} {}", name(pod), not_ready(pod).unwrap_or_default())).collect();
    let why = if why.is_empty() { "it has none at all".to_owned() } else { why.join("; ") };
    Err(absent(
        format!("no pod of {title} in {namespace} is ready: {why}"),
        "kubectl: describe and logs of the pod tell more; until: waits for it",
    ))
}

/// `spec.selector` as the query of a list.
fn selector(owner: &Value) -> Option<String> {
    let selector = owner.pointer("/spec/selector")?.as_object()?;
    let nested = selector.contains_key("matchLabels") || selector.contains_key("matchExpressions");
    let labels = if nested { selector.get("matchLabels").and_then(Value::as_object) } else { Some(selector) };
    let pairs = labels.into_iter().flatten().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    let mut parts: Vec<String> = pairs.collect();
    for rule in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten().filter(|_| nested) {
        let listed = rule.get("values").and_then(Value::as_array).into_iter().flatten();
        let values = listed.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        let key = text(rule, "/key");
        parts.push(match text(rule, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// Why a pod does not run, if it does not.
fn not_running(pod: &Value) -> Option<String> {
    let phase = text(pod, "/status/phase");
    if phase == "Running" {
        return None;
    }
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let mut waiting = statuses.iter().flat_map(|at| pod.pointer(at).and_then(Value::as_array).into_iter().flatten());
    let waits = waiting.find_map(|container| container.pointer("/state/waiting")).map(told);
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let mut unmet = conditions.filter(|condition| text(condition, "/status") == "False");
    let why = waits.or_else(|| unmet.next().map(told)).filter(|why| !why.is_empty());
    let phase = if phase.is_empty() { "Pending" } else { phase };
    Some(why.map_or_else(|| format!("is {phase}"), |why| format!("is {phase} ({why})")))
}

fn told(state: &Value) -> String {
    let (reason, message) = (text(state, "/reason"), text(state, "/message"));
    [reason, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// Why a pod is not ready, if it is not.
fn not_ready(pod: &Value) -> Option<String> {
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return Some("is being deleted".into());
    }
    if let Some(why) = not_running(pod) {
        return Some(why);
    }
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let ready = conditions.filter(|condition| text(condition, "/type") == "Ready");
    if ready.clone().any(|condition| text(condition, "/status") == "True") {
        return None;
    }
    let listed = pod.pointer("/status/containerStatuses").and_then(Value::as_array).into_iter().flatten();
    let waits = listed.filter_map(|container| container.pointer("/state/waiting")).map(told).next();
    let why = waits.or_else(|| ready.map(told).next()).filter(|why| !why.is_empty());
    Some(why.map_or_else(|| "is not ready".into(), |why| format!("is not ready ({why})")))
}

/// The container of a pod that is meant.
pub(super) fn inside(namespace: &str, pod: &Value, container: Option<&str>) -> Result<Inside, Fault> {
    let listed = pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    let names: Vec<&str> = listed.map(|container| text(container, "/name")).collect();
    let annotations = pod.pointer("/metadata/annotations");
    let chosen = annotations.and_then(|all| all.get(DEFAULT_CONTAINER)).and_then(Value::as_str);
    let meant = container.or(chosen.filter(|chosen| names.contains(chosen))).or(names.first().copied());
    let wrong = || {
        let message = format!("pod/{} has no container `{}`", name(pod), container.unwrap_or_default());
        Fault::new(FaultKind::Invalid, Code::ServerError, message).help(format!("it has {}", names.join(", ")))
    };
    let container = meant.filter(|meant| names.contains(meant)).ok_or_else(wrong)?;
    Ok(Inside {
        namespace: namespace.to_owned(),
        pod: name(pod).to_owned(),
        uid: uid(pod).to_owned(),
        container: container.to_owned(),
    })
}

/// The number of a port of a pod, by number or by name.
pub(super) fn port(pod: &Value, wanted: &str) -> Result<u16, Fault> {
    if let Some(number) = wanted.parse().ok().filter(|number| *number != 0) {
        return Ok(number);
    }
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    let ports = containers.flat_map(|container| container.get("ports").and_then(Value::as_array).into_iter().flatten());
    let mut named = ports.filter(|port| text(port, "/name") == wanted);
    let number = named.find_map(|port| u16::try_from(port.get("containerPort")?.as_u64()?).ok());
    number.ok_or_else(|| no_port(&format!("pod/{}", name(pod)), wanted, "write its number"))
}

fn no_port(title: &str, wanted: &str, help: &str) -> Fault {
    Fault::new(FaultKind::Invalid, Code::TargetAddress, format!("{title} has no port `{wanted}`")).help(help)
}

/// What a port of a service is called in its pods.
pub(super) fn target_port(service: &Value, title: &str, wanted: &str) -> Result<String, Fault> {
    let ports = service.pointer("/spec/ports").and_then(Value::as_array).cloned().unwrap_or_default();
    let number = |port: &Value| port.get("port").map(Value::to_string).unwrap_or_default();
    let found = ports.iter().find(|port| text(port, "/name") == wanted || number(port) == wanted);
    let Some(port) = found else {
        // A service without an address of its own forwards nothing: its pods are meant.
        if text(service, "/spec/clusterIP") == "None" {
            return Ok(wanted.to_owned());
        }
        let known: Vec<String> = ports.iter().map(number).collect();
        return Err(no_port(title, wanted, &format!("it has {}", known.join(", "))));
    };
    Ok(match port.get("targetPort") {
        Some(Value::String(name)) => name.clone(),
        Some(number) if !number.is_null() => number.to_string(),
        _ => number(port),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_of_every_kind_become_one_query() {
        assert_eq!(selector(&json!({"spec": {"selector": {"app": "web"}}})).as_deref(), Some("app=web"));
        let rules = json!({"spec": {"selector": {"matchLabels": {"a": "b"}, "matchExpressions": [
            {"key": "t", "operator": "In", "values": ["x", "y"]}, {"key": "z", "operator": "DoesNotExist"}]}}});
        assert_eq!(selector(&rules).as_deref(), Some("a=b,t in (x,y),!z"));
        assert_eq!(selector(&json!({"spec": {"selector": {}}})), None);
    }

    #[test]
    fn why_a_pod_is_not_ready_is_told() {
        let waits = json!({"status": {"phase": "Pending", "containerStatuses": [
            {"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}]}});
        assert_eq!(not_ready(&waits).as_deref(), Some("is Pending (ErrImagePull: no such image)"));
        let fails = json!({"status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]}});
        assert_eq!(not_ready(&fails).as_deref(), Some("is not ready (ContainersNotReady)"));
        let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        assert_eq!(not_ready(&ready), None);
    }

    #[test]
    fn ports_of_services_are_those_of_their_pods() {
        let service = json!({"spec": {"clusterIP": "10.0.0.1", "ports": [
            {"name": "cache", "port": 6379, "targetPort": "redis"}, {"port": 80, "targetPort": 8080}, {"port": 81}]}});
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [
            {"name": "c", "ports": [{"name": "redis", "containerPort": 6380}]}]}});
        for (wanted, number) in [("6379", 6380), ("cache", 6380), ("80", 8080), ("81", 81)] {
            let target = target_port(&service, "service/s", wanted).expect(wanted);
            assert_eq!(port(&pod, &target).ok(), Some(number), "{wanted}");
        }
        let fault = target_port(&service, "service/s", "7").expect_err("no such port");
        assert_eq!((fault.message.as_str(), fault.help.as_str()), ("service/s has no port `7`", "it has 6379, 80, 81"));
    }
}
