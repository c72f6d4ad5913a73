//! Waiting by watch: `wait`, `rollout status`, and changes that wait for what they began. Pods are
//! what a test says they are; a proxy stands before the server to see watches, and to break them.

use std::process::Child;

use serde_json::{Value, json};

use super::audit::Entry;
use super::cluster::{Cluster, Role, User};
use super::fault::Fault;
use super::proxy::Proxy;
use crate::live::{Desk, Done};

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  progressDeadlineSeconds: 600
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: 'busybox:test'}]}
";
const RESTARTED: &str = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";
const WATCH: &str = "watch=1";

struct Scene {
    cluster: &'static Cluster,
    namespace: String,
    user: User,
    proxy: Proxy,
    desk: Desk,
}

impl Scene {
    fn new(yaml: &str) -> Option<Self> {
        let cluster = Cluster::shared()?;
        let namespace = cluster.namespace();
        cluster.apply(&namespace, yaml);
        Some(Self {
            cluster,
            namespace,
            user: cluster.user(Role::Admin),
            proxy: Proxy::new(cluster),
            desk: Desk::new(),
        })
    }

    fn file(&self, steps: &str) -> String {
        self.file_at(&self.proxy.url(), steps)
    }

    fn file_at(&self, url: &str, steps: &str) -> String {
        let config = self.cluster.kubeconfig(&self.user, url, &self.namespace);
        let target = format!("{{kubernetes: {{kubeconfig: '{}'}}}}", config.display());
        self.desk.file("waiting.yaml", &format!("playbook: waiting\ntargets: {{k8s: {target}}}\nsteps:\n{steps}"))
    }

    /// A playbook of one line.
    fn line(&self, line: &str) -> String {
        self.file(&format!("  - {{id: it, kubectl: {}}}\n", serde_json::to_string(line).unwrap()))
    }

    fn run(&self, args: &[&str]) -> Done {
        self.desk.run(args)
    }

    fn begin(&self, args: &[&str]) -> Started {
        let mut command = self.desk.playbook(args);
        Started(command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap())
    }

    fn path(&self, plural: &str, name: &str) -> String {
        let root = if ["pods", "configmaps"].contains(&plural) { "/api/v1" } else { "/apis/apps/v1" };
        format!("{root}/namespaces/{}/{plural}/{name}", self.namespace)
    }

    fn web(&self) -> Value {
        self.cluster.get(&self.path("deployments", "web"))
    }

    /// The names of so many pods, as soon as there are so many.
    fn pods(&self, count: usize) -> Vec<String> {
        let path = format!("/api/v1/namespaces/{}/pods", self.namespace);
        let all = self.cluster.wait(&path, |list| list["items"].as_array().unwrap().len() == count);
        let names = all["items"].as_array().unwrap().iter();
        names.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    fn all_ready(&self, count: usize) {
        for pod in self.pods(count) {
            self.cluster.set_pod_ready(&self.namespace, &pod, true);
        }
    }

    /// What the latest run recorded of a step at its end.
    fn finished(&self, step: &str) -> Value {
        let journal = self.journal();
        let of = |record: &&Value| record["type"] == "step.finished" && record["step"] == step;
        journal.iter().rev().find(of).map(|record| record["data"].clone()).unwrap_or_default()
    }

    fn journal(&self) -> Vec<Value> {
        let runs = std::fs::read_dir(self.desk.dir.path().join("state/runs")).unwrap();
        let files = runs.map(|entry| entry.unwrap().path());
        let file = files.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).max().unwrap();
        std::fs::read_to_string(file).unwrap().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn restarts_sent(&self) -> usize {
        let sent = self.proxy.seen().into_iter();
        sent.filter(|seen| seen.method == "PATCH" && !seen.query.contains("dryRun")).count()
    }
}

/// The program at work.
struct Started(Child);

impl Started {
    #[track_caller]
    fn done(self) -> Done {
        Done(self.0.wait_with_output().unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

#[test]
fn rollout_status_waits_by_watch_until_all_pods_are_available() {
    let Some(scene) = Scene::new(WEB) else { return };
    let mut run = scene.begin(&["run", &scene.line("rollout status deploy/web")]);
    scene.proxy.wait_seen("GET", WATCH, 1);
    assert!(run.runs());
    let reads = scene.proxy.seen().len();
    scene.all_ready(2);
    run.done().expect(0);
    assert_eq!(scene.proxy.seen().len(), reads, "nothing was asked again: {:?}", scene.proxy.lines());
    assert_eq!(scene.finished("it")["result"]["ready"], 2);
}

#[test]
fn every_state_that_kubectl_waits_for_is_waited_for() {
    for (line, before, act) in [
        ("wait --for=condition=Available deploy/web", None, Act::Ready),
        ("wait --for=jsonpath='{.status.availableReplicas}'=2 deploy web", None, Act::Ready),
        ("wait --for=condition=Ready pods -l app=web", None, Act::Ready),
        ("wait --for=create cm/later", None, Act::Create),
        ("wait --for=create configmaps -l made=later", None, Act::Create),
        ("wait --for=delete cm/later", Some(CONFIG), Act::Delete),
    ] {
        let Some(scene) = Scene::new(WEB) else { return };
        scene.pods(2);
        if let Some(before) = before {
            scene.cluster.apply(&scene.namespace, before);
        }
        let run = scene.begin(&["run", &scene.line(line)]);
        scene.proxy.wait_seen("GET", WATCH, 1);
        match act {
            Act::Ready => scene.all_ready(2),
            Act::Create => drop(scene.cluster.apply(&scene.namespace, CONFIG)),
            Act::Delete => scene.cluster.delete(&scene.path("configmaps", "later")),
        }
        let done = run.done();
        assert_eq!(done.code(), 0, "{line}: {}{}", done.out(), done.err());
    }
}

const CONFIG: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: later, labels: {made: later}}}";

enum Act {
    Ready,
    Create,
    Delete,
}

#[test]
fn a_wait_that_is_over_its_time_says_how_things_are() {
    let Some(scene) = Scene::new(WEB) else { return };
    for pod in scene.pods(2) {
        scene.cluster.set_pod_waiting(&scene.namespace, &pod, "ErrImagePull", "no such thing");
    }
    for (line, said) in [
        ("wait --for=condition=Available deploy/web --timeout=1s", "has the condition Available=False, not true"),
        ("wait --for=condition=Available deploy/web --timeout=0", "ErrImagePull: image busybox:test: no such thing"),
        ("rollout status deploy/web --timeout=1s", "0 of 2 new pods are available"),
        ("wait --for=create cm/nosuch --timeout=0", "configmap/nosuch in"),
        ("wait --for=delete deploy/web --timeout=0", "nobody is deleting it"),
    ] {
        let done = scene.run(&["run", &scene.line(line)]).expect(1);
        let fault = &scene.finished("it")["fault"];
        assert!(fault["message"].as_str().unwrap().contains(said), "{line}: {fault}");
        assert_eq!(
            (&fault["kind"], &scene.finished("it")["status"]),
            (&json!("timeout"), &json!("timed_out")),
            "{line}"
        );
        assert!(done.out().contains("timed out"), "{}", done.out());
    }
}

#[test]
fn what_is_not_there_when_a_wait_begins_is_an_error() {
    let Some(scene) = Scene::new(WEB) else { return };
    for (line, said) in [
        ("wait --for=condition=Available deploy/nosuch", "there is no deployment/nosuch"),
        ("wait --for=condition=Available deploy -l app=nosuch", "nothing fits the selector"),
        ("rollout status deploy/nosuch", "there is no deployment/nosuch"),
        ("rollout status deploy/web --revision=7", "at revision 1, and 7 is waited for"),
    ] {
        scene.pods(2);
        let done = scene.run(&["run", &scene.line(line)]).expect(1);
        assert!(done.out().contains(said), "{line}: {}", done.out());
    }
    scene.run(&["run", &scene.line("wait --for=delete deploy/nosuch")]).expect(0);
}

#[test]
fn a_path_that_is_not_understood_is_told_by_check() {
    let desk = Desk::new();
    for line in ["wait --for=jsonpath='{..phase}'=Running pod/a", "get pods --sort-by='{..phase}'"] {
        let head = "playbook: waiting\ntargets: {k8s: {kubernetes: x}}\nsteps:\n";
        let file = desk.file("waiting.yaml", &format!("{head}  - {{kubectl: \"{line}\"}}\n"));
        let done = desk.run(&["check", &file]).expect(2);
        assert!(format!("{}{}", done.out(), done.err()).contains("this JSONPath is not understood"), "{}", done.err());
    }
}

/// A watch that breaks in all ways that are known goes on where it was.
#[test]
fn a_watch_that_is_cut_expired_or_refused_goes_on() {
    let Some(scene) = Scene::new(WEB) else { return };
    let pods = scene.pods(2);
    scene.cluster.wait(&scene.path("deployments", "web"), |web| web["status"]["replicas"] == 2);
    for fault in [
        Fault::CutWatch(1),
        Fault::expired(),
        Fault::expired_event(),
        Fault::internal_error(),
        Fault::too_many(1),
        Fault::Reset,
    ] {
        scene.proxy.next("GET", WATCH, fault);
    }
    let run = scene.begin(&["run", &scene.line("rollout status deploy/web")]);
    scene.proxy.wait_seen("GET", WATCH, 1);
    // Two events: the second of them comes by half.
    for number in 0..2 {
        let label = json!({"metadata": {"labels": {"touched": number.to_string()}}});
        scene.cluster.patch(&scene.path("deployments", "web"), &label);
    }
    scene.proxy.wait_seen("GET", WATCH, 7);
    for pod in &pods {
        scene.cluster.set_pod_ready(&scene.namespace, pod, true);
    }
    run.done().expect(0);
    let versions: Vec<String> = scene
        .proxy
        .seen()
        .iter()
        .filter(|seen| seen.query.contains(WATCH))
        .map(|seen| seen.query.split('&').find(|part| part.starts_with("resourceVersion")).unwrap().to_owned())
        .collect();
    // After the cut from the version of the one whole event; after a failure from the same again.
    assert_ne!(versions[0], versions[1], "{versions:?}");
    assert_eq!((&versions[3], &versions[4]), (&versions[4], &versions[5]), "{versions:?}");
    let lists = scene.proxy.lines().into_iter().filter(|line| line.contains("limit=1&fieldSelector")).count();
    assert_eq!(lists, 3, "once at first, and once for each version that was too old");
}

#[test]
fn a_server_that_stays_unwilling_ends_the_wait_at_once() {
    let Some(scene) = Scene::new(WEB) else { return };
    let forbidden = json!({"kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden", "message": "no watches for you"});
    let fault = Fault::Answer { status: 403, headers: Vec::new(), body: forbidden.to_string() };
    scene.proxy.next("GET", WATCH, fault);
    let done = scene.run(&["run", &scene.line("rollout status deploy/web")]).expect(1);
    assert!(done.out().contains("no watches for you"), "{}", done.out());
}

#[test]
fn a_plan_looks_once_and_does_not_wait() {
    let Some(scene) = Scene::new(WEB) else { return };
    scene.pods(2);
    for line in ["rollout status deploy/web", "wait --for=condition=Available deploy/web --timeout=1h"] {
        let file = scene.file(&format!(
            "  - {{id: it, kubectl: '{line}'}}\n  - {{id: next, kubectl: get pods, expect: result.count == 7}}\n"
        ));
        let plan = scene.run(&["plan", &file, "--live"]).expect(0);
        assert!(plan.out().contains("not yet: deployment/web"), "{}", plan.out());
        // What comes after it is not held against what is now.
        assert!(!plan.out().contains("would fail"), "{}", plan.out());
    }
    scene.all_ready(2);
    scene.cluster.wait(&scene.path("deployments", "web"), |web| web["status"]["availableReplicas"] == 2);
    let plan = scene.run(&["plan", &scene.line("rollout status deploy/web"), "--live"]).expect(0);
    assert!(!plan.out().contains("not yet"), "{}", plan.out());
    assert!(!scene.proxy.lines().iter().any(|line| line.contains(WATCH)), "{:?}", scene.proxy.lines());
}

#[test]
fn a_restart_is_done_when_its_pods_are() {
    let Some(scene) = Scene::new(WEB) else { return };
    let _ready = scene.cluster.keep_ready(&scene.namespace);
    let file = scene.line("rollout restart deploy/web");
    let plan = scene.run(&["plan", &file, "--live"]).expect(0);
    assert!(plan.out().contains("waits until deployment/web in"), "{}", plan.out());
    scene.run(&["run", &file]).expect(0);
    assert_eq!(scene.finished("it")["result"]["settled"]["ready"], 2);
    assert_eq!(scene.finished("it")["result"]["changed"], 1);
    assert_eq!(scene.web()["status"]["updatedReplicas"], 2);
}

#[test]
fn a_restart_that_does_not_come_to_its_end_has_failed_and_says_why() {
    let Some(scene) = Scene::new(WEB) else { return };
    scene.all_ready(2);
    let file = scene.file("  - {id: it, kubectl: rollout restart deploy/web, timeout: 4s}\n");
    let run = scene.begin(&["run", &file]);
    let new = scene.pods(3).into_iter().find(|pod| {
        let path = scene.path("pods", pod);
        scene.cluster.get(&path).pointer("/metadata/annotations").is_some()
    });
    let new = new.expect("a new pod");
    scene.cluster.set_pod_waiting(&scene.namespace, &new, "CreateContainerConfigError", "configmap \"x\" not found");
    let done = run.done().expect(1);
    let end = scene.finished("it");
    assert_eq!((&end["status"], &end["changed"]), (&json!("timed_out"), &json!(true)), "{end}");
    let said = end["fault"]["message"].as_str().unwrap();
    assert!(
        said.contains("no result within ")
            && said.contains(": deployment/web in ")
            && said.contains("configmap \"x\" not found"),
        "{said}"
    );
    assert!(said.contains(&new), "{said}");
    assert!(done.out().contains("CreateContainerConfigError"), "{}", done.out());
}

#[test]
fn a_restart_of_what_is_paused_is_refused() {
    let Some(scene) = Scene::new(WEB) else { return };
    scene.cluster.patch(&scene.path("deployments", "web"), &json!({"spec": {"paused": true}}));
    let done = scene.run(&["run", &scene.line("rollout restart deploy/web")]).expect(1);
    assert!(done.out().contains("is paused"), "{}", done.out());
    assert!(scene.web().pointer(RESTARTED).is_none());
}

#[test]
fn a_deployment_that_its_controller_gives_up_is_not_waited_for() {
    let Some(scene) = Scene::new(&WEB.replace("progressDeadlineSeconds: 600", "progressDeadlineSeconds: 1")) else {
        return;
    };
    let done = scene.run(&["run", &scene.line("rollout status deploy/web")]).expect(1);
    assert!(done.out().contains("no progress for 1s"), "{}", done.out());
    assert_eq!(scene.finished("it")["fault"]["server_code"], "ProgressDeadlineExceeded");
}

#[test]
fn pods_that_a_quota_forbids_are_named() {
    let Some(scene) =
        Scene::new("{apiVersion: v1, kind: ResourceQuota, metadata: {name: none}, spec: {hard: {pods: '0'}}}")
    else {
        return;
    };
    let quota = format!("/api/v1/namespaces/{}/resourcequotas/none", scene.namespace);
    scene.cluster.wait(&quota, |quota| quota["status"]["hard"]["pods"] == "0");
    scene.cluster.apply(&scene.namespace, WEB);
    let sets = format!("/apis/apps/v1/namespaces/{}/replicasets", scene.namespace);
    scene.cluster.wait(&sets, |list| {
        list["items"].as_array().unwrap().iter().any(|set| set["status"]["conditions"][0]["type"] == "ReplicaFailure")
    });
    scene.run(&["run", &scene.line("rollout status deploy/web --timeout=1s")]).expect(1);
    let said = scene.finished("it")["fault"]["message"].to_string();
    assert!(said.contains("its pods are not made") && said.contains("exceeded quota"), "{said}");
}

#[test]
fn a_run_that_is_killed_while_it_waits_goes_on_waiting_and_restarts_once() {
    let Some(scene) = Scene::new(WEB) else { return };
    scene.all_ready(2);
    let file = scene.line("rollout restart deploy/web");
    let run = scene.begin(&["run", &file]);
    scene.proxy.wait_seen("GET", WATCH, 1);
    run.kill();
    let restarted = scene.web().pointer(RESTARTED).cloned().expect("it was restarted");
    let mut resumed = scene.begin(&["resume", "last"]);
    scene.proxy.wait_seen("GET", WATCH, 2);
    assert!(resumed.runs(), "it waits");
    let _ready = scene.cluster.keep_ready(&scene.namespace);
    resumed.done().expect(0);
    assert_eq!(scene.web().pointer(RESTARTED), Some(&restarted));
    assert_eq!(scene.restarts_sent(), 1, "{:?}", scene.proxy.lines());
    let end = scene.finished("it");
    assert_eq!((&end["result"]["settled"]["ready"], &end["result"]["changed"]), (&json!(2), &json!(1)), "{end}");
}

#[test]
fn killed_at_every_event_of_a_restart_or_a_delete_and_resumed_it_is_made_once() {
    for line in ["rollout restart deploy/web", "delete deploy/web"] {
        // The first events are before anything is sent.
        for event in 4.. {
            let Some(scene) = Scene::new(WEB) else { return };
            let _ready = scene.cluster.keep_ready(&scene.namespace);
            let file = scene.file_at(&scene.cluster.url(), &format!("  - {{id: it, kubectl: {line}}}\n"));
            let mut command = scene.desk.playbook(&["run", &file]);
            let ended = command.env("PLAYBOOK_FAILPOINT", format!("before:{event}")).output().unwrap();
            if !ended.status.success() {
                scene.run(&["resume", "last"]).expect(0);
            }
            let sent = scene.cluster.requests_of(&scene.user);
            // One that was refused because a controller wrote meanwhile made nothing, and is sent again.
            let made = |entry: &&Entry| entry.mutates() && entry.code() != Some(409);
            let sent: Vec<String> = sent.iter().filter(made).map(Entry::line).collect();
            assert_eq!(sent.len(), 1, "{line} killed at {event}: {sent:?}");
            assert_eq!(scene.finished("it")["status"], "ok", "{line} killed at {event}");
            if ended.status.success() {
                assert!(event > 8, "it has more events than that");
                break;
            }
        }
    }
}

#[test]
fn a_rollback_of_a_run_that_was_killed_while_it_waited_does_not_wait() {
    let Some(scene) = Scene::new(WEB) else { return };
    scene.all_ready(2);
    let file = scene
        .file("  - {id: label, kubectl: label deploy/web team=x}\n  - {id: it, kubectl: rollout restart deploy/web}\n");
    let run = scene.begin(&["run", &file]);
    scene.proxy.wait_seen("GET", WATCH, 1);
    run.kill();
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert!(scene.web()["metadata"]["labels"].get("team").is_none());
    assert_eq!(scene.finished("it")["status"], "cancelled");
}

#[test]
fn a_delete_waits_until_the_object_is_gone() {
    let held = "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/held]}}";
    let Some(scene) = Scene::new(held) else { return };
    let path = scene.path("configmaps", "held");
    let mut run = scene.begin(&["run", &scene.line("delete cm held")]);
    scene.proxy.wait_seen("GET", WATCH, 1);
    assert!(run.runs() && scene.cluster.get(&path)["metadata"]["deletionTimestamp"].is_string());
    scene.cluster.patch(&path, &json!({"metadata": {"finalizers": null}}));
    run.done().expect(0);
    assert_eq!(scene.finished("it")["result"]["settled"]["gone"], 1);
}

#[test]
fn a_delete_that_is_held_up_says_by_what() {
    let held = "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/held]}}";
    let Some(scene) = Scene::new(held) else { return };
    let done = scene.run(&["run", &scene.line("delete cm held --timeout=1s")]).expect(1);
    assert!(done.out().contains("it is held by example.com/held"), "{}", done.out());
    // It is there still, and on its way: nothing waits for it if that is not wanted.
    let watches = scene.proxy.wait_seen("GET", WATCH, 1).len();
    scene.run(&["run", &scene.line("delete cm held --wait=false")]).expect(0);
    assert_eq!(scene.proxy.wait_seen("GET", WATCH, 1).len(), watches);
    scene.cluster.patch(&scene.path("configmaps", "held"), &json!({"metadata": {"finalizers": null}}));
}

#[test]
fn a_rollback_waits_for_the_end_of_what_was_deleted_and_makes_it_again() {
    let held =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/held]}, data: {a: b}}";
    let Some(scene) = Scene::new(held) else { return };
    let path = scene.path("configmaps", "held");
    let first = scene.cluster.get(&path)["metadata"]["uid"].clone();
    let file = scene.line("delete cm held");
    let run = scene.begin(&["run", &file]);
    scene.proxy.wait_seen("GET", WATCH, 1);
    run.kill();
    let looked = scene.proxy.wait_seen("GET", "configmaps/held", 1).len();
    let rollback = scene.begin(&["rollback", "last", "--yes"]);
    scene.proxy.wait_seen("GET", "configmaps/held", looked + 1);
    scene.cluster.patch(&path, &json!({"metadata": {"finalizers": null}}));
    rollback.done().expect(0);
    let again = scene.cluster.get(&path);
    assert!(again["data"]["a"] == "b" && again["metadata"]["uid"] != first, "{again:#}");
    scene.cluster.patch(&path, &json!({"metadata": {"finalizers": null}}));
}

#[test]
fn a_drain_waits_until_the_pods_that_it_evicted_are_gone() {
    let Some(scene) = Scene::new("") else { return };
    let node = format!("node-{}", scene.namespace);
    scene.cluster.apply("", &format!("{{apiVersion: v1, kind: Node, metadata: {{name: {node}}}}}"));
    let pod = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{nodeName: {node}, containers: [{{name: a, image: x}}]}}}}"
    );
    scene.cluster.apply(&scene.namespace, &pod);
    scene.cluster.set_pod_ready(&scene.namespace, "p", true);
    let file = scene.line(&format!("drain {node} --force"));
    let plan = scene.run(&["plan", &file, "--live"]).expect(0);
    assert!(plan.out().contains("waits until pod/p in"), "{}", plan.out());
    let mut run = scene.begin(&["run", &file]);
    scene.proxy.wait_seen("GET", WATCH, 1);
    assert!(run.runs() && scene.cluster.get(&scene.path("pods", "p"))["metadata"]["deletionTimestamp"].is_string());
    // What a kubelet does once its containers have ended.
    let at_once = br#"{"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}"#;
    let _ = scene.cluster.send("DELETE", &scene.path("pods", "p"), "application/json", at_once).done();
    run.done().expect(0);
    assert_eq!(scene.finished("it")["result"]["settled"]["gone"], 1);
    scene.cluster.delete(&format!("/api/v1/nodes/{node}"));
}

#[test]
fn a_value_of_a_secret_is_not_told() {
    let Some(scene) =
        Scene::new("{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: canary-4711}}")
    else {
        return;
    };
    let line = "wait --for=jsonpath='{.data.password}'=other secret/s --timeout=0";
    let done = scene.run(&["run", &scene.line(line)]).expect(1);
    assert!(done.out().contains("something else") && !done.out().contains("Y2FuYXJ5"), "{}", done.out());
}

#[test]
fn stateful_sets_and_daemon_sets_have_rules_of_their_own() {
    let set = "apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: app, image: 'redis:test'}]}
";
    let Some(scene) = Scene::new(set) else { return };
    let _ready = scene.cluster.keep_ready(&scene.namespace);
    scene.run(&["run", &scene.line("rollout status sts/db")]).expect(0);
    // The pod below the partition stays as it was, and that is complete.
    scene.run(&["run", &scene.line("rollout restart sts/db")]).expect(0);
    let set = scene.cluster.get(&scene.path("statefulsets", "db"));
    assert_eq!(set["status"]["updatedReplicas"], 1, "{:#}", set["status"]);
    let strategy = json!({"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}});
    scene.cluster.patch(&scene.path("statefulsets", "db"), &strategy);
    let done = scene.run(&["run", &scene.line("rollout status sts/db")]).expect(1);
    assert!(done.out().contains("OnDelete"), "{}", done.out());
    scene.run(&["run", &scene.line("rollout restart sts/db")]).expect(0);
}
