//! The playbooks that ship with the program and are about Kubernetes, on a whole node with the fault in it.

use std::time::Duration;

use serde_json::{Value, json};

use super::cluster::Role;
use super::node::{Node, condition};
use crate::live::{Desk, Done};

struct Scene {
    node: &'static Node,
    namespace: String,
    desk: Desk,
    config: std::path::PathBuf,
}

impl Scene {
    /// A Redis of one pod with these arguments.
    fn new(arguments: &[&str]) -> Option<Self> {
        let node = Node::shared()?;
        let namespace = node.namespace();
        let user = node.user(Role::Admin);
        let config = node.kubeconfig(&user, &node.url(), &namespace);
        let command =
            [&["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""][..], arguments].concat();
        let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "redis"}, "spec": {
            "serviceName": "redis", "replicas": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": "redis"}},
            "template": {"metadata": {"labels": {"app.kubernetes.io/name": "redis"}}, "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "redis", "image": "redis:test", "imagePullPolicy": "Never",
                    "args": command, "resources": {"limits": {"memory": "64Mi"}}}]}}}});
        node.apply(&namespace, &set.to_string());
        let scene = Self { node, namespace, desk: Desk::new(), config };
        scene.node.wait_ready(&scene.namespace, "redis-0");
        Some(scene)
    }

    fn run(&self, args: &[&str]) -> Done {
        let mut command = self.desk.playbook(args);
        command.env("KUBECONFIG", &self.config);
        Done(command.output().unwrap())
    }

    fn cli(&self, words: &[&str]) -> String {
        self.node.exec(&self.namespace, "redis-0", &[&["redis-cli"], words].concat()).stdout
    }

    fn pod(&self, holds: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/v1/namespaces/{}/pods/redis-0", self.namespace);
        self.node.wait_for(Duration::from_secs(120), &path, holds)
    }
}

fn flat(done: &Done) -> String {
    done.out().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn redis_pod_crash_says_why_restarts_once_and_proves_that_redis_answers() {
    let Some(scene) = Scene::new(&[]) else { return };
    let namespace = format!("namespace={}", scene.namespace);
    let args = ["redis-pod-crash", "-i", &namespace];
    // Nothing is wrong yet, and nothing is done.
    let done = scene.run(&[&["run"], &args[..], &["--yes"]].concat()).expect(0);
    assert!(flat(&done).contains("Every pod is ready"), "{}", done.out());

    let looping =
        |pod: &Value| pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    let restarts = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].as_i64();
    let mut pod = scene.pod(|pod| condition(pod, "Ready"));
    let uid = pod["metadata"]["uid"].clone();
    while !looping(&pod) {
        let before = restarts(&pod);
        scene.cli(&["SHUTDOWN", "NOSAVE"]);
        pod = scene.pod(|pod| looping(pod) || (restarts(pod) > before && condition(pod, "Ready")));
    }
    let plan = flat(&scene.run(&[&["plan"], &args[..], &["--live"]].concat()).expect(0));
    assert!(plan.contains("1 pod of statefulset/redis in"), "{plan}");
    let done = scene.run(&[&["run"], &args[..], &["--yes"]].concat()).expect(0);
    assert_ne!(scene.pod(|pod| condition(pod, "Ready"))["metadata"]["uid"], uid);
    let timeline = flat(&scene.run(&["timeline", "last"]).expect(0));
    for words in ["Redis is now ready to exit", "rollout restart statefulset/redis", "PONG"] {
        assert!(timeline.contains(words), "{words}: {timeline}\n{}", done.out());
    }
    scene.run(&["verify", "last"]).expect(0);
}

#[test]
fn redis_memory_limit_raises_both_limits_and_takes_them_back() {
    let Some(scene) = Scene::new(&["--maxmemory", "20mb", "--enable-debug-command", "local"]) else { return };
    let namespace = format!("namespace={}", scene.namespace);
    let args = ["redis-memory-limit", "-i", &namespace, "-i", "new_limit=256mb"];
    let done = scene.run(&[&["run"], &args[..], &["--yes"]].concat()).expect(0);
    assert!(flat(&done).contains("Memory is not the problem"), "{}", done.out());

    scene.cli(&["DEBUG", "POPULATE", "17000", "key", "1000"]);
    let limit = || {
        let path = format!("/apis/apps/v1/namespaces/{}/statefulsets/redis", scene.namespace);
        scene.node.get(&path)["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"].clone()
    };
    let plan = flat(&scene.run(&[&["plan"], &args[..], &["--live"]].concat()).expect(0));
    assert!(plan.contains("resources.limits.memory: - 64Mi + 256Mi"), "{plan}");
    assert_eq!(limit(), "64Mi");
    scene.run(&[&["run"], &args[..], &["--yes"]].concat()).expect(0);
    assert_eq!((limit(), scene.cli(&["CONFIG", "GET", "maxmemory"]).trim()), (json!("256Mi"), "maxmemory\n201326592"));
    let timeline = flat(&scene.run(&["timeline", "last"]).expect(0));
    assert!(timeline.contains("maxmemory: 20971520") && timeline.contains("201326592"), "{timeline}");
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(limit(), "64Mi");
}
