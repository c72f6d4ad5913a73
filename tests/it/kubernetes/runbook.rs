//! Every kubectl line of a real runbook: checked, planned without a write, run.

use serde_json::json;

use super::audit::Entry;
use super::cluster::Role;
use super::node::{Node, condition};
use crate::live::{Desk, Done};

const LINES: &str = include_str!("../../fixtures/kubernetes/runbook.lines");
const REDIS: &str = include_str!("../../fixtures/kubernetes/k8s/redis.yaml");

/// A line and what is said of it: at which stage, and the words.
fn cases() -> Vec<(String, Vec<(String, String)>)> {
    let mut cases: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for line in LINES.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("  ") {
            Some(said) => {
                let (stage, words) = said.split_once(": ").unwrap();
                cases.last_mut().unwrap().1.push((stage.to_owned(), words.to_owned()));
            }
            None => cases.push((line.to_owned(), Vec::new())),
        }
    }
    cases
}

fn flat(done: &Done) -> String {
    (done.out() + &done.err()).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_kubectl_line_of_a_runbook_is_planned_without_a_write_and_runs() {
    let Some(node) = Node::shared() else { return };
    let (user, desk) = (node.user(Role::Admin), Desk::new());
    node.apply("", "{apiVersion: v1, kind: Namespace, metadata: {name: dash}}");
    for name in ["dash-one", "dash-two"] {
        node.apply(
            "",
            &format!(
                "{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {name}}}, spec: {{capacity: {{storage: 1Gi}}, \
                 storageClassName: dash, persistentVolumeReclaimPolicy: Retain, accessModes: [ReadWriteOnce], \
                 hostPath: {{path: {}, type: DirectoryOrCreate}}}}}}",
                node.dir().join("volumes").join(name).display()
            ),
        );
    }
    node.wait_for(std::time::Duration::from_secs(30), "/api/v1/namespaces/dash/serviceaccounts/default", |_| true);
    node.apply("dash", REDIS);
    let redis = node.wait_ready("dash", "redis-0");
    // What a cluster's DNS would say.
    node.apply(
        "dash",
        &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "dash-api"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "api"}}, "template": {
                "metadata": {"labels": {"app": "api"}},
                "spec": {"terminationGracePeriodSeconds": 0,
                    "hostAliases": [{"ip": redis["status"]["podIP"], "hostnames": ["redis"]}],
                    "containers": [{"name": "api", "image": "busybox:test", "imagePullPolicy": "Never"}]}}}})
        .to_string(),
    );
    let cli = |words: &[&str]| node.exec("dash", "redis-0", &[&["redis-cli"], words].concat());
    cli(&["RPUSH", "dash:queue:pending", "a", "b", "c"]);
    cli(&["MSET", "dash:queue:dead:1", "x", "dash:queue:dead:2", "y"]);
    // A container that was there before, for `logs --previous`.
    cli(&["SHUTDOWN", "SAVE"]);
    let path = "/api/v1/namespaces/dash/pods/redis-0";
    node.wait_for(std::time::Duration::from_secs(120), path, |pod| {
        condition(pod, "Ready") && pod["status"]["containerStatuses"][0]["restartCount"] == 1
    });
    node.wait_for(std::time::Duration::from_secs(120), "/apis/apps/v1/namespaces/dash/deployments/dash-api", |it| {
        it["status"]["readyReplicas"] == 1
    });

    desk.file("k8s/redis.yaml", REDIS);
    let config = node.kubeconfig(&user, &node.url(), "default");
    // Programs that look are run, and Redis is asked through a port by what can only read.
    let looks = ["/portforward", "command=nc&command=-zv", "command=df"];
    let writes = || -> Vec<String> {
        let all = node.requests_of(&user);
        let written = all.iter().filter(|entry| entry.mutates()).map(Entry::line);
        written.filter(|line| !looks.iter().any(|part| line.contains(part))).collect()
    };
    let mut wrong = String::new();
    for (line, said) in cases() {
        let step =
            json!({"id": "it", "kubectl": line.trim_start_matches("kubectl "), "confirm": "Sure?", "timeout": "3m"});
        let file = desk.file(
            "line.yaml",
            &format!(
                "playbook: line\ntargets: {{k8s: {{kubernetes: {{kubeconfig: '{}'}}}}}}\nsteps:\n  - {step}\n",
                config.display()
            ),
        );
        let before = writes();
        let checked = flat(&desk.run(&["check", &file]));
        let planned = desk.run(&["plan", &file, "--live"]).expect(0);
        assert_eq!(writes(), before, "{line}");
        let ran = desk.run(&["run", &file, "--yes"]);
        assert_eq!(ran.code(), 0, "{line}: {}{}", ran.out(), ran.err());
        let shown = flat(&desk.run(&["show", "last", "-o", "json"])) + &flat(&ran);
        let taken_back = said.iter().any(|(stage, _)| stage == "back");
        let back = if taken_back { flat(&desk.run(&["rollback", "last", "--yes"]).expect(0)) } else { String::new() };
        if taken_back {
            node.wait_for(
                std::time::Duration::from_secs(120),
                "/apis/apps/v1/namespaces/dash/statefulsets/redis",
                |it| {
                    let status = &it["status"];
                    status["observedGeneration"] == it["metadata"]["generation"]
                        && status["currentRevision"] == status["updateRevision"]
                        && status["readyReplicas"] == 1
                },
            );
        }
        for (stage, words) in said {
            let text = match stage.as_str() {
                "check" => &checked,
                "plan" => &flat(&planned),
                "back" => &back,
                _ => &shown,
            };
            if !text.contains(&words) {
                wrong += &format!("{line}\n{stage}: {words}\n{text}\n\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    node.wait_ready("dash", "redis-0");
}
