//! The testbed is what it says it is.

use std::time::Duration;

use serde_json::Value;

use super::cluster::{Cluster, Options, Role};
use super::fault::Fault;
use super::https::{Https, Request};
use super::node::Node;
use super::proxy::Proxy;
use super::webhook::Webhook;
use crate::keeper::until;

const MERGE: &str = "application/merge-patch+json";

#[test]
fn the_server_is_ready_and_has_a_namespace_for_each_test() {
    let Some(cluster) = Cluster::shared() else { return };
    assert_eq!(cluster.send("GET", "/readyz", "", b"").text(), "ok");
    assert_ne!(cluster.namespace(), cluster.namespace());
}

#[test]
fn a_viewer_reads_and_changes_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let (viewer, nobody, namespace) = (cluster.user(Role::Viewer), cluster.user(Role::Nobody), cluster.namespace());
    let maps = format!("/api/v1/namespaces/{namespace}/configmaps");
    assert_eq!(cluster.send_as(&viewer, "GET", &maps, "", b"").status, 200);
    assert_eq!(cluster.send_as(&nobody, "GET", &maps, "", b"").status, 403);
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    assert_eq!(cluster.send_as(&viewer, "GET", &secrets, "", b"").status, 403);
    let refused = cluster.send_as(&viewer, "POST", &maps, "application/json", b"{\"metadata\":{\"name\":\"a\"}}");
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("cannot create resource"), "{}", refused.text());
}

#[test]
fn the_audit_log_tells_a_dry_run_from_a_change() {
    let Some(cluster) = Cluster::shared() else { return };
    let (admin, namespace) = (cluster.user(Role::Admin), cluster.namespace());
    cluster.apply(&namespace, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: '1'}}");
    let map = format!("/api/v1/namespaces/{namespace}/configmaps/a");
    let mark = cluster.mark();
    let patch = br#"{"data":{"x":"2"}}"#;
    assert_eq!(cluster.send_as(&admin, "PATCH", &format!("{map}?dryRun=All"), MERGE, patch).json()["data"]["x"], "2");
    let options = br#"{"apiVersion":"v1","kind":"DeleteOptions","dryRun":["All"]}"#;
    assert_eq!(cluster.send_as(&admin, "DELETE", &map, "application/json", options).status, 200);
    let review = br#"{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview",
        "spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}"#;
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(cluster.send_as(&admin, "POST", reviews, "application/json", review).status, 201);
    assert_eq!(cluster.get(&map)["data"]["x"], "1");

    let sent = cluster.requests_of(&admin);
    let verbs: Vec<&str> = sent.iter().map(super::audit::Entry::verb).collect();
    assert_eq!(verbs, ["patch", "delete", "create"]);
    let seen: Vec<String> = sent.iter().map(super::audit::Entry::line).collect();
    assert!(sent.iter().all(|entry| !entry.mutates() && entry.code().is_some()), "{seen:#?}");
    assert!(sent[0].is_dry_run() && sent[1].is_dry_run() && sent[2].is_review(), "{seen:#?}");
    assert_eq!((sent[0].namespace(), sent[0].resource(), sent[0].name()), (namespace.as_str(), "configmaps", "a"));

    assert_eq!(cluster.send_as(&admin, "PATCH", &map, MERGE, patch).status, 200);
    assert!(cluster.requests_of(&admin)[3].mutates());
    let since = cluster.audit(mark).into_iter().filter(|entry| entry.user() == admin.name).count();
    assert_eq!(since, 4);
}

#[test]
fn an_object_of_a_new_kind_can_be_applied_at_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = cluster.namespace();
    let made = cluster.apply(
        &namespace,
        "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: caches.testbed.example}
spec:
  group: testbed.example
  scope: Namespaced
  names: {kind: Cache, plural: caches, singular: cache, shortNames: [ca]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
{apiVersion: testbed.example/v1, kind: Cache, metadata: {name: a}, spec: {size: 3}}
",
    );
    let cache = format!("/apis/testbed.example/v1/namespaces/{namespace}/caches/a");
    assert_eq!((made.len(), cluster.get(&format!("{cache}/scale"))["spec"]["replicas"].as_i64()), (2, Some(3)));
}

#[test]
fn controllers_make_pods_and_a_test_makes_them_ready() {
    let Some(cluster) = Cluster::shared() else { return };
    if !cluster.has_controllers() {
        return;
    }
    let namespace = cluster.namespace();
    cluster.apply(
        &namespace,
        "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: redis}
spec:
  replicas: 2
  serviceName: redis
  selector: {matchLabels: {app: redis}}
  template:
    metadata: {labels: {app: redis}}
    spec: {containers: [{name: redis, image: 'redis:test'}]}
",
    );
    let first = format!("/api/v1/namespaces/{namespace}/pods/redis-0");
    cluster.wait(&first, |_| true);
    cluster.set_pod_waiting(&namespace, "redis-0", "CrashLoopBackOff", "back-off");
    cluster.set_pod_ready(&namespace, "redis-0", true);
    // The second comes when the first is ready.
    cluster.wait(&format!("/api/v1/namespaces/{namespace}/pods/redis-1"), |_| true);
    let kept = cluster.keep_ready(&namespace);
    let set = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/redis");
    cluster.wait(&set, |set| set["status"]["readyReplicas"] == 2);
    // A rollout makes new pods, which are kept ready as well.
    let annotations = serde_json::json!({"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}});
    let generation = cluster.patch(&set, &annotations)["metadata"]["generation"].clone();
    cluster.wait(&set, |set| {
        let status = &set["status"];
        status["observedGeneration"] == generation && status["updatedReplicas"] == 2 && status["readyReplicas"] == 2
    });
    drop(kept);
}

/// A ConfigMap `a` in a namespace of its own, a proxy, and a user behind it.
fn proxied(cluster: &Cluster) -> (String, Proxy, Https) {
    let namespace = cluster.namespace();
    cluster.apply(&namespace, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: '1'}}");
    let proxy = Proxy::new(cluster);
    let https = Https::new(&cluster.authority(), proxy.port(), &cluster.user(Role::Admin).token);
    (format!("/api/v1/namespaces/{namespace}/configmaps/a"), proxy, https)
}

#[test]
fn a_proxy_answers_in_place_of_the_server_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let (map, proxy, https) = proxied(cluster);
    proxy.next("PATCH", "/configmaps/a", Fault::conflict());
    proxy.next("", "/configmaps", Fault::too_many(7));
    proxy.next("", "/configmaps", Fault::internal_error());
    let limited = https.get(&map).unwrap();
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("7")));
    let patch = Request("PATCH", &map, MERGE, br#"{"data":{"x":"2"}}"#);
    assert_eq!(https.send(&patch).unwrap().json()["reason"], "Conflict");
    assert_eq!(https.send(&patch).unwrap().status, 500);
    assert_eq!(cluster.get(&map)["data"]["x"], "1");
    assert_eq!(https.send(&patch).unwrap().status, 200);
    assert_eq!((cluster.get(&map)["data"]["x"].as_str(), proxy.left()), (Some("2"), 0));

    let seen = proxy.seen();
    assert_eq!(proxy.lines()[..2], [format!("GET {map}"), format!("PATCH {map}")]);
    assert_eq!((seen.len(), seen[3].body.as_slice()), (4, patch.3));
    assert_eq!(seen[3].header("content-type"), Some(MERGE));
}

#[test]
fn a_proxy_cuts_connections_before_and_after_the_server_has_acted() {
    let Some(cluster) = Cluster::shared() else { return };
    let (map, proxy, https) = proxied(cluster);
    proxy.next("PATCH", "", Fault::Reset);
    assert!(https.send(&Request("PATCH", &map, MERGE, br#"{"data":{"x":"2"}}"#)).is_err());
    assert_eq!(cluster.get(&map)["data"]["x"], "1");
    proxy.next("PATCH", "", Fault::CutAnswer(0));
    assert!(https.send(&Request("PATCH", &map, MERGE, br#"{"data":{"x":"3"}}"#)).is_err());
    assert_eq!(cluster.get(&map)["data"]["x"], "3");
    proxy.next("GET", "", Fault::CutAnswer(400));
    assert!(https.get(&map).is_err());
    assert_eq!(https.get(&map).unwrap().status, 200);
}

#[test]
fn a_proxy_lets_a_test_act_between_two_requests() {
    let Some(cluster) = Cluster::shared() else { return };
    let (map, proxy, https) = proxied(cluster);
    let held = proxy.hold("GET", "/configmaps/a");
    let reader = std::thread::spawn({
        let (https, map) = (https.clone(), map.clone());
        move || https.get(&map).unwrap().json()["data"]["x"].clone()
    });
    held.arrived();
    cluster.patch(&map, &serde_json::json!({"data": {"x": "2"}}));
    held.release();
    assert_eq!(reader.join().unwrap(), "2");

    // A real conflict of the server's: the version that was read is not the last any more.
    let version = cluster.get(&map)["metadata"]["resourceVersion"].clone();
    let path = map.clone();
    let act = move || {
        cluster.patch(&path, &serde_json::json!({"data": {"x": "3"}}));
    };
    proxy.next("PATCH", "", Fault::First(Box::new(act)));
    let body = serde_json::json!({"metadata": {"resourceVersion": version}, "data": {"x": "4"}}).to_string();
    assert_eq!(https.send(&Request("PATCH", &map, MERGE, body.as_bytes())).unwrap().status, 409);
    assert_eq!(cluster.get(&map)["data"]["x"], "3");
}

#[test]
fn a_proxy_passes_a_watch_on_and_cuts_it_within_an_event() {
    let Some(cluster) = Cluster::shared() else { return };
    let (map, proxy, https) = proxied(cluster);
    let watch = format!("{}?watch=1&fieldSelector=metadata.name%3Da", map.trim_end_matches("/a"));
    let kind = |line: String| serde_json::from_str::<Value>(&line).unwrap()["type"].as_str().unwrap().to_owned();

    let (mut events, socket) = https.lines(&watch).unwrap();
    assert_eq!(events.next().map(kind).as_deref(), Some("ADDED"));
    cluster.patch(&map, &serde_json::json!({"data": {"x": "2"}}));
    assert_eq!(events.next().map(kind).as_deref(), Some("MODIFIED"));
    assert_eq!(proxy.open(), 1);
    super::https::stop(&socket);
    assert!(until(Duration::from_secs(30), || (proxy.open() == 0).then_some(())).is_some());

    proxy.next("GET", "watch=1", Fault::CutWatch(1));
    let (mut events, _socket) = https.lines(&watch).unwrap();
    assert_eq!(events.next().map(kind).as_deref(), Some("ADDED"));
    cluster.patch(&map, &serde_json::json!({"data": {"x": "3"}}));
    assert_eq!(events.next(), None);
    proxy.next("GET", "watch=1", Fault::expired_event());
    let (mut events, _socket) = https.lines(&watch).unwrap();
    assert_eq!(events.next().map(kind).as_deref(), Some("ERROR"));
}

#[test]
fn a_webhook_refuses_dry_runs_of_one_namespace() {
    let Some(cluster) = Cluster::shared() else { return };
    let (map, _proxy, _) = proxied(cluster);
    let namespace = map.split('/').nth(4).unwrap();
    let dry = format!("{map}?dryRun=All");
    let webhook = Webhook::refusing_dry_runs(cluster, namespace, "configmaps");
    let refused = cluster.send("PATCH", &dry, MERGE, br#"{"data":{"x":"2"}}"#);
    assert!(refused.status == 403 && refused.text().contains("has effects"), "{}", refused.text());
    assert_eq!(cluster.send("PATCH", &map, MERGE, br#"{"data":{"x":"2"}}"#).status, 200);
    // Controllers write here as well.
    let name = map.rsplit('/').next().unwrap();
    assert_eq!(webhook.asked().iter().filter(|request| request["name"] == name).count(), 2);
    drop(webhook);
    let (other, _proxy, _) = proxied(cluster);
    assert_eq!(cluster.send("PATCH", &format!("{other}?dryRun=All"), MERGE, b"{}").status, 200);
}

#[test]
fn a_node_runs_pods_and_commands_in_them() {
    let Some(node) = Node::shared() else { return };
    let namespace = node.namespace();
    node.volume("data");
    node.apply(
        &namespace,
        "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: redis}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
  containers:
  - name: redis
    image: redis:test
    imagePullPolicy: Never
    volumeMounts: [{name: data, mountPath: /data}]
    readinessProbe: {exec: {command: [redis-cli, ping]}, periodSeconds: 1}
",
    );
    node.wait_ready(&namespace, "redis");
    let pong = node.exec(&namespace, "redis", &["redis-cli", "ping"]);
    assert_eq!((pong.stdout.as_str(), pong.code), ("PONG\n", Ok(0)));
    let failed = node.exec(&namespace, "redis", &["sh", "-c", "echo no >&2; exit 3"]);
    assert_eq!((failed.stderr.as_str(), failed.code), ("no\n", Ok(3)));
    let log = node.send("GET", &format!("/api/v1/namespaces/{namespace}/pods/redis/log"), "", b"").done().text();
    assert!(log.contains("Ready to accept connections"), "{log}");

    // Through the proxy as well, which passes upgrades on.
    let proxy = Proxy::new(node);
    let through = node.https.with(proxy.port(), &node.user(Role::Admin).token);
    let size = super::exec::exec(&through, &namespace, "redis", &["redis-cli", "dbsize"]).unwrap();
    assert_eq!(size.stdout, "0\n");
    let pod = format!("/api/v1/namespaces/{namespace}/pods/redis");
    node.delete(&pod);
    node.wait_gone(&pod);
}

#[test]
fn nothing_is_left_of_a_cluster_that_was_dropped() {
    let options = Options { without_controllers: true, ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    let dir = cluster.dir().to_path_buf();
    let name = dir.to_str().unwrap().to_owned();
    assert_eq!(programs_with(&name), 2);
    drop(cluster);
    assert!(!dir.exists());
    assert_eq!(programs_with(&name), 0);
}

/// How many running programs have a text among their arguments.
fn programs_with(text: &str) -> usize {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .filter(|words| String::from_utf8_lossy(words).contains(text))
        .count()
}
