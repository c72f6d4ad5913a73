//! Pods without a kubelet: a test, or a thread, says what they are.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::https::{Https, Request, stop};

impl Cluster {
    /// Makes a pod Running, with all its containers ready or not.
    pub(super) fn set_pod_ready(&self, namespace: &str, name: &str, ready: bool) {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        self.patch(&format!("{path}/status"), &running(&self.get(&path), ready));
    }

    /// Makes the containers of a pod wait, with a reason such as CrashLoopBackOff or ImagePullBackOff.
    pub(super) fn set_pod_waiting(&self, namespace: &str, name: &str, reason: &str, message: &str) {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        let mut status = running(&self.get(&path), false);
        status["status"]["phase"] = json!(if reason == "CrashLoopBackOff" { "Running" } else { "Pending" });
        for container in status["status"]["containerStatuses"].as_array_mut().unwrap() {
            container["state"] = json!({"waiting": {"reason": reason, "message": message}});
            container["restartCount"] = json!(if reason == "CrashLoopBackOff" { 3 } else { 0 });
            container["started"] = json!(false);
        }
        self.patch(&format!("{path}/status"), &status);
    }
}

/// The status of a pod that runs.
fn running(pod: &Value, ready: bool) -> Value {
    let now = "2026-01-01T00:00:00Z";
    let word = if ready { "True" } else { "False" };
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "lastTransitionTime": now});
    let containers: Vec<Value> = pod["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|container| {
            json!({
                "name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0,
                "ready": ready, "started": true, "state": {"running": {"startedAt": now}},
            })
        })
        .collect();
    json!({"status": {
        "phase": "Running", "startTime": now, "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}],
        "conditions": [
            condition("Initialized", "True"), condition("PodScheduled", "True"),
            condition("ContainersReady", word), condition("Ready", word),
        ],
        "containerStatuses": containers,
    }})
}

/// Makes pods ready as they come.
pub(super) struct Kept {
    watch: Arc<Mutex<Option<TcpStream>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Kept {
    pub(super) fn new(https: Https, namespace: &str) -> Self {
        let watch = Arc::new(Mutex::new(None));
        let over = Arc::new(AtomicBool::new(false));
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        let thread = std::thread::spawn({
            let (watch, over) = (watch.clone(), over.clone());
            move || {
                while !over.load(Ordering::SeqCst) {
                    let Ok((events, socket)) = https.lines(&format!("{pods}?watch=1&resourceVersion=0")) else {
                        return;
                    };
                    *watch.lock().unwrap() = Some(socket);
                    // Dropped meanwhile: nobody would end this watch.
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    for event in events {
                        make_ready(&https, &pods, &event);
                    }
                }
            }
        });
        Self { watch, over, thread: Some(thread) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(socket) = self.watch.lock().unwrap().as_ref() {
            stop(socket);
        }
        let _ = self.thread.take().unwrap().join();
    }
}

fn make_ready(https: &Https, pods: &str, event: &str) {
    let Ok(event) = serde_json::from_str::<Value>(event) else { return };
    let pod = &event["object"];
    let is_new = pod["status"]["conditions"]
        .as_array()
        .is_none_or(|conditions| !conditions.iter().any(|condition| condition["type"] == "Ready"));
    if !is_new || event["type"] == "DELETED" || !pod["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    let path = format!("{pods}/{}/status", pod["metadata"]["name"].as_str().unwrap_or_default());
    let body = running(pod, true).to_string();
    // It may be gone by now.
    let _ = https.send(&Request("PATCH", &path, "application/merge-patch+json", body.as_bytes()));
}
