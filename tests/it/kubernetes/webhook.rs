//! An admission webhook that a test answers for.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::cluster::Cluster;
use super::proxy::{acceptor, answer, read_request};
use super::settings::PATIENCE;
use crate::keeper::until;

/// What is created to see whether the server asks the webhook by now.
const PROBE: &str = "webhook-probe";

/// Is asked about all writes to a resource in one namespace, until dropped.
pub(super) struct Webhook<'a> {
    cluster: &'a Cluster,
    path: String,
    asked: Arc<Mutex<Vec<Value>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl<'a> Webhook<'a> {
    /// Refuses dry-runs, and nothing else: a plan cannot know what would become of a change.
    pub(super) fn refusing_dry_runs(cluster: &'a Cluster, namespace: &str, resource: &str) -> Self {
        let refuse = |request: &Value| (request["dryRun"] == true).then(|| "this webhook has effects".to_owned());
        Self::new(cluster, namespace, resource, refuse)
    }

    /// `refuses` gets the request of the AdmissionReview, and gives the words of a refusal.
    pub(super) fn new(
        cluster: &'a Cluster,
        namespace: &str,
        resource: &str,
        refuses: impl Fn(&Value) -> Option<String> + Send + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let acceptor = acceptor(cluster.dir());
        let thread = std::thread::spawn({
            let asked = asked.clone();
            move || {
                let serve = async {
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    tell.send(listener.local_addr().unwrap().port()).unwrap();
                    while let Ok((socket, _)) = listener.accept().await {
                        let Ok(mut server) = acceptor.accept(socket).await else { continue };
                        let Ok(Some(seen)) = read_request(&mut server).await else { continue };
                        let request = serde_json::from_slice::<Value>(&seen.body).unwrap()["request"].clone();
                        let refusal = if request["name"] == PROBE { None } else { refuses(&request) };
                        let said = review(&request, refusal.as_deref());
                        asked.lock().unwrap().push(request);
                        let _ = answer(&mut server, 200, &[], &said.to_string()).await;
                    }
                };
                runtime.block_on(async {
                    tokio::select! {
                        () = serve => {}
                        _ = stopped => {}
                    }
                });
            }
        });
        let name = format!("testbed-{namespace}-{resource}");
        let configuration = configuration(cluster, &name, namespace, resource, told.recv().unwrap());
        cluster.apply("", &configuration.to_string());
        let path = format!("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{name}");
        let webhook = Self { cluster, path, asked, stop: Some(stop), thread: Some(thread) };
        webhook.wait_asked(namespace);
        webhook
    }

    /// The requests it was asked about.
    pub(super) fn asked(&self) -> Vec<Value> {
        let all = self.asked.lock().unwrap();
        all.iter().filter(|request| request["name"] != PROBE).cloned().collect()
    }

    /// The server takes a moment to heed a configuration.
    fn wait_asked(&self, namespace: &str) {
        let probe = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": PROBE}}).to_string();
        let path = format!("/api/v1/namespaces/{namespace}/configmaps?dryRun=All");
        let asked = until(PATIENCE, || {
            self.cluster.send("POST", &path, "application/json", probe.as_bytes());
            (!self.asked.lock().unwrap().is_empty()).then_some(())
        });
        assert!(asked.is_some(), "the server does not ask the webhook");
    }
}

impl Drop for Webhook<'_> {
    fn drop(&mut self) {
        // Nothing that panics: a test may be failing already.
        let _ = self.cluster.https.send(&super::https::Request("DELETE", &self.path, "", b""));
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

fn configuration(cluster: &Cluster, name: &str, namespace: &str, resource: &str, port: u16) -> Value {
    let rule = |resource: &str| {
        json!({"apiGroups": ["*"], "apiVersions": ["*"], "resources": [resource], "scope": "Namespaced",
            "operations": ["CREATE", "UPDATE", "DELETE", "CONNECT"]})
    };
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": "refuses.testbed.example",
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/"), "caBundle": cluster.authority_base64()},
            "rules": [rule(resource), rule("configmaps")],
            "namespaceSelector": {"matchLabels": {"testbed": namespace}},
            "sideEffects": "NoneOnDryRun",
            "failurePolicy": "Fail",
            "admissionReviewVersions": ["v1"],
        }],
    })
}

fn review(request: &Value, refusal: Option<&str>) -> Value {
    let mut response = json!({"uid": request["uid"], "allowed": refusal.is_none()});
    if let Some(words) = refusal {
        response["status"] = json!({"code": 403, "message": words});
    }
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}
