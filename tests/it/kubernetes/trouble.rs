//! Why a rollout does not get on, on a node that really runs pods.

use serde_json::Value;

use super::cluster::Role;
use super::node::Node;
use super::settings::PATIENCE;
use crate::keeper::until;
use crate::live::{Desk, Done};

struct Scene {
    node: &'static Node,
    namespace: String,
    desk: Desk,
}

impl Scene {
    fn new() -> Option<Self> {
        let node = Node::shared()?;
        Some(Self { node, namespace: node.namespace(), desk: Desk::new() })
    }

    /// A Deployment of one pod; `container` is what its container has besides a name.
    fn web(&self, container: &str) {
        self.node.apply(
            &self.namespace,
            &format!(
                "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{replicas: 1, \
                 selector: {{matchLabels: {{app: web}}}}, template: {{metadata: {{labels: {{app: web}}}}, \
                 spec: {{terminationGracePeriodSeconds: 0, containers: [{{name: app, {container}}}]}}}}}}}}"
            ),
        );
    }

    /// Waits until the only pod is like this.
    fn pod(&self, holds: impl Fn(&Value) -> bool) {
        let path = format!("/api/v1/namespaces/{}/pods", self.namespace);
        self.node.wait_for(PATIENCE, &path, |list| list["items"].as_array().unwrap().iter().any(&holds));
    }

    fn file(&self, steps: &str) -> String {
        let user = self.node.user(Role::Admin);
        let config = self.node.kubeconfig(&user, &self.node.url(), &self.namespace);
        let target = format!("{{kubernetes: {{kubeconfig: '{}'}}}}", config.display());
        self.desk.file("t.yaml", &format!("playbook: t\ntargets: {{k8s: {target}}}\nsteps:\n{steps}"))
    }

    /// All that was recorded.
    fn journal(&self) -> String {
        let files = std::fs::read_dir(self.desk.dir.path().join("state/runs")).into_iter().flatten();
        files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok()).collect()
    }

    fn status(&self) -> Done {
        self.desk.run(&["run", &self.file("  - {kubectl: rollout status deploy/web --timeout=1s}\n")]).expect(1)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.node.delete(&format!("/apis/apps/v1/namespaces/{}/deployments/web", self.namespace));
    }
}

fn waits_for(pod: &Value, reasons: &[&str]) -> bool {
    let reason = pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].as_str();
    reason.is_some_and(|reason| reasons.contains(&reason))
}

/// Of a text that is broken into lines.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_image_that_cannot_be_pulled_is_named_with_its_error() {
    let Some(scene) = Scene::new() else { return };
    scene.web("image: 'localhost:1/nosuch:1', imagePullPolicy: IfNotPresent");
    scene.pod(|pod| waits_for(pod, &["ImagePullBackOff"]));
    let out = flat(&scene.status().out());
    assert!(
        out.contains("ImagePullBackOff: image localhost:1/nosuch:1") && out.contains("connection refused"),
        "{out}"
    );
}

#[test]
fn an_image_that_is_never_pulled_is_named() {
    let Some(scene) = Scene::new() else { return };
    scene.web("image: 'nosuch:1', imagePullPolicy: Never");
    scene.pod(|pod| waits_for(pod, &["ErrImageNeverPull"]));
    let out = flat(&scene.status().out());
    assert!(out.contains("ErrImageNeverPull: image nosuch:1"), "{out}");
}

#[test]
fn a_crash_loop_comes_with_the_last_lines_of_its_log() {
    let Some(scene) = Scene::new() else { return };
    scene.web("image: 'busybox:test', imagePullPolicy: Never, command: [sh, -c, 'echo one; echo there is no configuration; exit 3']");
    scene.pod(|pod| waits_for(pod, &["CrashLoopBackOff"]));
    let out = flat(&scene.status().out());
    assert!(out.contains("CrashLoopBackOff: restarted"), "{out}");
    assert!(out.contains("exit code 3") && out.contains("one there is no configuration"), "{out}");
}

#[test]
fn a_pod_that_fits_nowhere_says_why() {
    let Some(scene) = Scene::new() else { return };
    scene.web("image: 'busybox:test', imagePullPolicy: Never, resources: {requests: {cpu: '1000'}}");
    scene.pod(|pod| pod["status"]["conditions"][0]["reason"] == "Unschedulable");
    let out = flat(&scene.status().out());
    assert!(out.contains("Unschedulable: 0/1 nodes are available") && out.contains("Insufficient cpu"), "{out}");
}

#[test]
fn what_is_configured_wrongly_is_told() {
    let Some(scene) = Scene::new() else { return };
    scene.web("image: 'busybox:test', imagePullPolicy: Never, envFrom: [{configMapRef: {name: nosuch}}]");
    scene.pod(|pod| waits_for(pod, &["CreateContainerConfigError"]));
    let out = flat(&scene.status().out());
    assert!(out.contains("configmap \"nosuch\" not found"), "{out}");
}

#[test]
fn a_probe_that_fails_is_told_with_what_it_found() {
    let Some(scene) = Scene::new() else { return };
    scene.web("image: 'busybox:test', imagePullPolicy: Never, command: [sleep, '1000'], readinessProbe: {periodSeconds: 1, exec: {command: [sh, -c, 'echo not today; false']}}");
    let events = format!("/api/v1/namespaces/{}/events", scene.namespace);
    let unhealthy = |list: &Value| list["items"].as_array().unwrap().iter().any(|event| event["reason"] == "Unhealthy");
    scene.node.wait_for(PATIENCE, &events, unhealthy);
    let out = flat(&scene.status().out());
    assert!(out.contains("Readiness probe failed: not today"), "{out}");
}

#[test]
fn a_restart_of_pods_that_run_is_complete_when_new_ones_do() {
    let Some(scene) = Scene::new() else { return };
    scene.web("image: 'busybox:test', imagePullPolicy: Never, command: [sleep, '1000']");
    let file = scene.file(
        "  - {id: there, kubectl: wait --for=condition=Available deploy/web --timeout=2m}
  - {id: before, kubectl: get pods -l app=web}
  - {id: again, kubectl: rollout restart deploy/web, expect: result.settled.ready == 1}
  - {id: after, kubectl: 'get pods -l app=web --field-selector=status.phase=Running'}
  - {assert: \"steps.after.items[0].metadata.name != steps.before.items[0].metadata.name\"}
",
    );
    let done = scene.desk.run(&["run", &file]);
    assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
}

#[test]
fn a_run_that_is_killed_while_pods_start_goes_on_waiting_and_restarts_once() {
    let Some(scene) = Scene::new() else { return };
    scene.web(
        "image: 'busybox:test', imagePullPolicy: Never, command: [sleep, '1000'], \
         readinessProbe: {initialDelaySeconds: 3, periodSeconds: 1, exec: {command: ['true']}}",
    );
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/web", scene.namespace);
    scene.node.wait_for(PATIENCE, &path, |web| web["status"]["availableReplicas"] == 1);
    let file = scene.file("  - {id: again, kubectl: rollout restart deploy/web, expect: result.settled.ready == 1}\n");
    let mut run = scene.desk.playbook(&["run", &file]).stdout(std::process::Stdio::null()).spawn().unwrap();
    until(PATIENCE, || scene.journal().contains("action.result").then_some(())).expect("the restart is recorded");
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(!scene.journal().contains("step.finished"));
    scene.desk.run(&["resume", "last"]).expect(0);
    let web = scene.node.get(&path);
    assert_eq!(
        (&web["metadata"]["generation"], &web["status"]["availableReplicas"]),
        (&2.into(), &1.into()),
        "{web:#}"
    );
}
