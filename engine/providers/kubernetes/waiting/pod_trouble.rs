//! What is wrong with one pod, from its own status.
//!
//! Pure. What a kubelet says in `state.waiting.reason` is told in its words; the reasons that only
//! mean "not yet" are left out.

use serde_json::Value;

/// One thing that is wrong with a pod.
#[derive(Clone, Debug)]
pub(in crate::kubernetes) struct Reason {
    /// In one line.
    pub(in crate::kubernetes) text: String,
    /// Whose log tells more.
    pub(in crate::kubernetes) crash: Option<Crash>,
    /// Which of its events tell more, by reason and message.
    pub(in crate::kubernetes) event: Option<fn(&str, &str) -> bool>,
    /// Does it say no more than that something is not yet so?
    pub(in crate::kubernetes) vague: bool,
}

/// A container that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) struct Crash {
    pub(in crate::kubernetes) container: String,
    /// Is the log that of the run before this one?
    pub(in crate::kubernetes) before: bool,
}

impl Reason {
    fn new(text: String) -> Self {
        Self { text, crash: None, event: None, vague: false }
    }
}

fn text<'v>(value: &'v Value, at: &str) -> &'v str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, at: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(at).and_then(Value::as_array).into_iter().flatten()
}

fn condition<'v>(pod: &'v Value, kind: &str) -> Option<&'v Value> {
    list(pod, "/status/conditions").find(|condition| text(condition, "/type") == kind)
}

/// What is wrong with a pod; nothing if it is ready, or has ended well.
pub(in crate::kubernetes) fn reasons(pod: &Value) -> Vec<Reason> {
    let ready = condition(pod, "Ready").is_some_and(|it| text(it, "/status") == "True");
    let phase = text(pod, "/status/phase");
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        let seconds = pod.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_u64).unwrap_or(0);
        return vec![Reason { vague: true, ..Reason::new(format!("it is being deleted, and has {seconds}s to end")) }];
    }
    if ready || phase == "Succeeded" {
        return Vec::new();
    }
    if phase == "Failed" && !text(pod, "/status/reason").is_empty() {
        return vec![Reason::new(format!("{}: {}", text(pod, "/status/reason"), text(pod, "/status/message")))];
    }
    if let Some(scheduled) = condition(pod, "PodScheduled").filter(|it| text(it, "/status") == "False") {
        let reason = Some(text(scheduled, "/reason")).filter(|it| !it.is_empty()).unwrap_or("Unschedulable");
        return vec![Reason::new(format!("{reason}: {}", text(scheduled, "/message")))];
    }
    let inits = list(pod, "/status/initContainerStatuses");
    let found: Vec<Reason> =
        inits.chain(list(pod, "/status/containerStatuses")).filter_map(|status| container(pod, status)).collect();
    if !found.is_empty() {
        return found;
    }
    // Nothing is wrong with a container: probes, volumes and networks are only in the events.
    let waits = if text(pod, "/spec/nodeName").is_empty() { "it is not scheduled yet" } else { "it is not ready" };
    vec![Reason { event: Some(|_, _| true), vague: true, ..Reason::new(waits.into()) }]
}

fn container(pod: &Value, status: &Value) -> Option<Reason> {
    let name = text(status, "/name");
    let restarts = status.get("restartCount").and_then(Value::as_u64).unwrap_or(0);
    if let Some(waiting) = status.pointer("/state/waiting") {
        let (reason, message) = (text(waiting, "/reason"), text(waiting, "/message"));
        return match reason {
            // These only mean that it is not its turn yet.
            "" | "ContainerCreating" | "PodInitializing" => None,
            "CrashLoopBackOff" => {
                let last = status.pointer("/lastState/terminated").map(ended).unwrap_or_default();
                let text = format!("container {name}: CrashLoopBackOff: restarted {}{last}", times(restarts));
                Some(Reason { crash: crash(name, true), ..Reason::new(text) })
            }
            "ErrImagePull"
            | "ImagePullBackOff"
            | "ErrImageNeverPull"
            | "InvalidImageName"
            | "ImageInspectError"
            | "RegistryUnavailable" => {
                let image = image_of(pod, name);
                let text = format!("container {name}: {reason}: image {image}");
                // The back-off itself does not say why.
                if reason == "ImagePullBackOff" {
                    let event = |reason: &str, message: &str| reason == "Failed" && message.contains("pull image");
                    return Some(Reason { event: Some(event), ..Reason::new(text) });
                }
                Some(Reason::new(with(text, message)))
            }
            _ => Some(Reason::new(with(format!("container {name}: {reason}"), message))),
        };
    }
    if let Some(over) = status.pointer("/state/terminated") {
        let code = over.get("exitCode").and_then(Value::as_i64).unwrap_or(0);
        let init = list(pod, "/status/initContainerStatuses").any(|it| text(it, "/name") == name);
        if code == 0 && (init || text(pod, "/spec/restartPolicy") != "Always") {
            return None;
        }
        let text = format!("container {name} ended{}", ended(over).replacen(", the last time", "", 1));
        return Some(Reason { crash: crash(name, false), ..Reason::new(text) });
    }
    let runs = status.pointer("/state/running").is_some();
    let unready = status.get("ready").and_then(Value::as_bool) == Some(false);
    let init = list(pod, "/spec/initContainers").any(|it| text(it, "/name") == name);
    if runs && unready && !init {
        let probed = list(pod, "/spec/containers").any(|it| {
            let probe = |name| it.get(name).is_some_and(|probe| !probe.is_null());
            text(it, "/name") == name && (probe("readinessProbe") || probe("startupProbe"))
        });
        let before = status.pointer("/lastState/terminated").map(ended).filter(|_| restarts > 0);
        let text = match (before, probed) {
            (Some(last), _) => format!("container {name} is not ready: restarted {}{last}", times(restarts)),
            (None, true) => format!("container {name} runs, and its probe does not succeed"),
            (None, false) => format!("container {name} runs, and is not ready"),
        };
        return Some(Reason {
            crash: crash(name, true).filter(|_| restarts > 0),
            event: Some(|reason, _| reason == "Unhealthy"),
            vague: !probed && restarts == 0,
            ..Reason::new(text)
        });
    }
    None
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where there may be none")]
fn crash(container: &str, before: bool) -> Option<Crash> {
    Some(Crash { container: container.to_owned(), before })
}

fn times(count: u64) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

fn with(text: String, message: &str) -> String {
    if message.is_empty() { text } else { format!("{text}: {message}") }
}

/// `, the last time with exit code 137 (OOMKilled)`.
fn ended(over: &Value) -> String {
    let code = over.get("exitCode").and_then(Value::as_i64).unwrap_or(0);
    let reason = Some(text(over, "/reason")).filter(|reason| !matches!(*reason, "" | "Error" | "Completed"));
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let message = Some(text(over, "/message").trim()).filter(|message| !message.is_empty());
    let message = message.map(|message| format!(": {message}")).unwrap_or_default();
    format!(", the last time with exit code {code}{reason}{message}")
}

fn image_of<'v>(pod: &'v Value, name: &str) -> &'v str {
    let specs = list(pod, "/spec/initContainers").chain(list(pod, "/spec/containers"));
    specs.into_iter().find(|spec| text(spec, "/name") == name).map_or("unknown", |spec| text(spec, "/image"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(status: &Value) -> Vec<String> {
        let pod = json!({
            "spec": {"nodeName": "n", "restartPolicy": "Always", "containers": [{"name": "app", "image": "redis:nope", "readinessProbe": {}}]},
            "status": status,
        });
        reasons(&pod).into_iter().map(|reason| reason.text).collect()
    }

    fn with_state(state: &Value, last: &Value) -> Value {
        json!({"phase": "Pending", "containerStatuses": [
            {"name": "app", "ready": false, "restartCount": 4, "state": state, "lastState": last}]})
    }

    #[test]
    fn a_crash_loop_says_how_often_and_how_it_ended() {
        let last = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let found =
            told(&with_state(&json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}}), &last));
        assert_eq!(
            found,
            ["container app: CrashLoopBackOff: restarted 4 times, the last time with exit code 137 (OOMKilled)"]
        );
        let found = told(&with_state(&json!({"terminated": {"exitCode": 2, "reason": "Error"}}), &json!({})));
        assert_eq!(found, ["container app ended with exit code 2"]);
    }

    #[test]
    fn an_image_that_is_not_there_is_named() {
        for reason in ["ErrImagePull", "ErrImageNeverPull"] {
            let found = told(&with_state(&json!({"waiting": {"reason": reason, "message": "not there"}}), &json!({})));
            assert_eq!(found, [format!("container app: {reason}: image redis:nope: not there")]);
        }
    }

    #[test]
    fn what_is_only_beginning_is_not_blamed() {
        let found = told(&with_state(&json!({"waiting": {"reason": "ContainerCreating"}}), &json!({})));
        assert_eq!(found, ["it is not ready"]);
        assert!(told(&json!({"conditions": [{"type": "Ready", "status": "True"}]})).is_empty());
        assert!(told(&json!({"phase": "Succeeded"})).is_empty());
    }

    #[test]
    fn scheduling_configuration_probes_and_evictions_are_told() {
        let unscheduled = json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}]});
        assert_eq!(told(&unscheduled), ["Unschedulable: 0/1 nodes are available"]);
        let config = with_state(
            &json!({"waiting": {"reason": "CreateContainerConfigError", "message": "configmap \"x\" not found"}}),
            &json!({}),
        );
        assert_eq!(told(&config), ["container app: CreateContainerConfigError: configmap \"x\" not found"]);
        let probe = json!({"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 0, "state": {"running": {}}}]});
        assert_eq!(told(&probe), ["container app runs, and its probe does not succeed"]);
        let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"});
        assert_eq!(told(&evicted), ["Evicted: low on memory"]);
    }
}
