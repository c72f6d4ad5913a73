//! Into pods: commands, redis-cli understood inside of them, and targets behind a port of a pod.

mod commands;
mod redis_cli;
mod tunnels;

use serde_json::Value;

use super::audit::Entry;
use super::cluster::{Role, User};
use super::node::Node;
use super::settings::PATIENCE;
use crate::keeper::until;
use crate::live::{Desk, Done};

/// A pod with a Redis server of its own.
const REDIS: &str = "apiVersion: v1
kind: Pod
metadata: {name: redis-0, labels: {app: redis}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: redis
      image: 'redis:test'
      imagePullPolicy: Never
      command: [redis-server, --bind, 0.0.0.0, --protected-mode, 'no', --save, '', --appendonly, 'no']
      ports: [{name: redis, containerPort: 6379}]
      readinessProbe: {exec: {command: [redis-cli, ping]}, periodSeconds: 1}
";

/// One that asks for a password, which redis-cli in it takes from its environment.
const GUARDED: &str = "apiVersion: v1
kind: Pod
metadata: {name: redis-0}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: redis
      image: 'redis:test'
      imagePullPolicy: Never
      command: [redis-server, --bind, 0.0.0.0, --protected-mode, 'no', --save, '', --requirepass, canary-8151]
      env: [ENV]
      readinessProbe: {exec: {command: [redis-cli, ping]}, periodSeconds: 1}
";

/// A deployment with one Redis, and a service before it whose port has another number.
const SERVED: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: cache}
spec:
  replicas: 1
  selector: {matchLabels: {app: cache}}
  template:
    metadata: {labels: {app: cache}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: redis
          image: 'redis:test'
          imagePullPolicy: Never
          command: [redis-server, --bind, 0.0.0.0, --protected-mode, 'no', --save, '']
          ports: [{name: resp, containerPort: 6379}]
          readinessProbe: {exec: {command: [redis-cli, ping]}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: cache}
spec: {selector: {app: cache}, ports: [{name: main, port: 16379, targetPort: resp}]}
";

struct Scene {
    node: &'static Node,
    namespace: String,
    user: User,
    desk: Desk,
}

impl Scene {
    fn new(role: Role) -> Option<Self> {
        let node = Node::shared()?;
        let namespace = node.namespace();
        Some(Self { node, namespace, user: node.user(role), desk: Desk::new() })
    }

    /// With a Redis in `redis-0`.
    fn redis(role: Role) -> Option<Self> {
        let scene = Self::new(role)?;
        scene.start(REDIS, "redis-0");
        Some(scene)
    }

    /// Makes a pod and waits until it is ready.
    fn start(&self, yaml: &str, pod: &str) {
        self.node.apply(&self.namespace, yaml);
        self.node.wait_ready(&self.namespace, pod);
    }

    fn config(&self) -> String {
        self.node.kubeconfig(&self.user, &self.node.url(), &self.namespace).display().to_string()
    }

    fn file(&self, steps: &str) -> String {
        let target = format!("{{kubernetes: {{kubeconfig: '{}'}}}}", self.config());
        self.desk.file("pods.yaml", &format!("playbook: pods\ntargets: {{k8s: {target}}}\nsteps:\n{steps}"))
    }

    /// A playbook whose Redis target is reached through `end`.
    fn via(&self, redis: &str, end: &str, steps: &str) -> String {
        let way = format!("{{kubernetes: {{kubeconfig: '{}', {end}}}}}", self.config());
        let target = format!("{{redis: {redis}, via: {way}}}");
        self.desk.file("via.yaml", &format!("playbook: via\ntargets: {{cache: {target}}}\nsteps:\n{steps}"))
    }

    fn run(&self, args: &[&str]) -> Done {
        self.desk.run(args)
    }

    /// What redis-cli in the pod says.
    fn cli(&self, pod: &str, words: &[&str]) -> String {
        let command: Vec<&str> = ["redis-cli"].iter().chain(words).copied().collect();
        self.node.exec(&self.namespace, pod, &command).stdout.trim().to_owned()
    }

    fn setting(&self, pod: &str, name: &str) -> String {
        self.cli(pod, &["CONFIG", "GET", name]).lines().last().unwrap_or_default().to_owned()
    }

    /// How often the server carried out a command.
    fn calls(&self, pod: &str, command: &str) -> usize {
        let stats = self.cli(pod, &["INFO", "commandstats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
    }

    fn streams(&self) -> Vec<String> {
        self.node.requests_of(&self.user).iter().filter(|entry| entry.opens_stream()).map(Entry::line).collect()
    }

    /// The only pod of a deployment.
    fn pod_of(&self, app: &str) -> String {
        let path = format!("/api/v1/namespaces/{}/pods?labelSelector=app%3D{app}", self.namespace);
        let ready = |list: &Value| {
            let pods = list["items"].as_array().cloned().unwrap_or_default();
            pods.len() == 1 && super::node::condition(&pods[0], "Ready")
        };
        let list = self.node.wait_for(PATIENCE, &path, ready);
        list["items"][0]["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// Everything that the program wrote, to the terminal and to its state.
    fn heard(&self, lines: &[&[&str]]) -> String {
        let mut heard = String::new();
        for args in lines {
            let done = self.run(args);
            heard += &format!("{}{}", done.out(), done.err());
        }
        let mut files = vec![self.desk.dir.path().join("state")];
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                heard += &String::from_utf8_lossy(&std::fs::read(&path).unwrap());
            }
        }
        heard
    }
}

/// What it printed, on one line.
fn flat(done: &Done) -> String {
    done.out().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn quoted(line: &str) -> String {
    serde_json::to_string(line).unwrap()
}

/// Runs a playbook killed at each of its events, then resumes it; `look` says what was left.
fn killed_everywhere(scene: &Scene, steps: &str, clean: &dyn Fn(), look: &dyn Fn(&str, &Done)) {
    let file = scene.file(steps);
    for point in (1..=12).flat_map(|seq| ["before", "after", "synced"].map(|when| format!("{when}:{seq}"))) {
        clean();
        let desk = Desk::new();
        let mut command = desk.playbook(&["run", &file, "--yes"]);
        let killed = !command.env("PLAYBOOK_FAILPOINT", &point).output().unwrap().status.success();
        if killed && desk.run(&["runs", "-o", "json"]).json()["runs"].as_array().is_some_and(|runs| !runs.is_empty()) {
            look(&point, &desk.run(&["resume", "last", "--no-input"]));
        }
    }
}
