//! The testbed is what it says it is.

use super::cluster::{Cluster, Options, Role};

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
