//! kubectl lines as steps: looked at, planned, carried out, taken back.

use serde_json::Value;

use super::audit::Entry;
use super::cluster::{Cluster, Role, User};
use crate::live::{Desk, Done};

pub(super) const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web, tier: front}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: app, image: 'busybox:test', env: [{name: LEVEL, value: info}]}
        - {name: side, image: 'busybox:test'}
";

pub(super) struct Scene {
    pub(super) cluster: &'static Cluster,
    pub(super) namespace: String,
    pub(super) user: User,
    pub(super) desk: Desk,
}

impl Scene {
    /// A namespace with the deployment `web`.
    pub(super) fn new(role: Role) -> Option<Self> {
        let scene = Self::empty(role)?;
        scene.cluster.apply(&scene.namespace, WEB);
        Some(scene)
    }

    /// A namespace of its own.
    pub(super) fn empty(role: Role) -> Option<Self> {
        let cluster = Cluster::shared()?;
        Some(Self { cluster, namespace: cluster.namespace(), user: cluster.user(role), desk: Desk::new() })
    }

    pub(super) fn file(&self, steps: &str) -> String {
        let config = self.cluster.kubeconfig(&self.user, &self.cluster.url(), &self.namespace);
        let target = format!("{{kubernetes: {{kubeconfig: '{}'}}}}", config.display());
        self.desk.file("lines.yaml", &format!("playbook: lines\ntargets: {{k8s: {target}}}\nsteps:\n{steps}"))
    }

    pub(super) fn web(&self) -> Value {
        self.cluster.get(&self.path_of_web())
    }

    pub(super) fn path_of_web(&self) -> String {
        format!("/apis/apps/v1/namespaces/{}/deployments/web", self.namespace)
    }

    pub(super) fn run(&self, args: &[&str]) -> Done {
        self.desk.run(args)
    }
}

/// Without what the server writes by itself.
pub(super) fn own(object: &Value) -> Value {
    let mut object = object.clone();
    object["status"] = Value::Null;
    for field in ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"] {
        object["metadata"].as_object_mut().unwrap().remove(field);
    }
    if let Some(annotations) = object["metadata"].get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove("deployment.kubernetes.io/revision");
    }
    if object["metadata"]["annotations"].as_object().is_some_and(serde_json::Map::is_empty) {
        object["metadata"].as_object_mut().unwrap().remove("annotations");
    }
    object
}

#[test]
fn what_is_looked_at_is_data() {
    let Some(scene) = Scene::new(Role::Viewer) else { return };
    let file = scene.file(
        "  - {id: one, kubectl: get deploy/web, expect: result.spec.replicas == 2}
  - {id: all, kubectl: 'get deployments -l tier=front', expect: result.count == 1}
  - {id: named, kubectl: get deploy web, expect: 'result.metadata.name == \"web\"'}
  - {id: may, kubectl: auth can-i delete deployments, expect: not result.allowed}
  - {id: told, kubectl: describe deployment web, expect: 'result.object.kind == \"Deployment\"'}
  - {id: happened, kubectl: events, expect: result.count >= 0}
  - {id: kinds, kubectl: api-resources, expect: result.items|length > 20}
  - {id: gone, kubectl: get deploy/nosuch, on_failure: continue}
  - {assert: 'steps.gone.status == \"failed\"'}
",
    );
    let done = scene.run(&["run", &file]);
    assert!(done.out().contains("there is no deployment/nosuch in"), "{}{}", done.out(), done.err());
    assert!(done.out().contains("1 failed, 8 ok"), "{}{}", done.out(), done.err());
}

/// Every line that changes something: planned without a change, made, and taken back.
#[test]
fn lines_are_planned_without_a_write_made_and_taken_back() {
    for (line, changed) in [
        ("scale deployment/web --replicas=5", "/spec/replicas"),
        ("set image deploy/web app=redis:test", "/spec/template/spec/containers/0/image"),
        ("set env deploy/web LEVEL=debug NEW=1 -c app", "/spec/template/spec/containers/0/env"),
        ("set resources deploy/web --limits=memory=64Mi", "/spec/template/spec/containers/0/resources"),
        ("label deploy/web tier=back team=x --overwrite", "/metadata/labels"),
        ("annotate deploy/web note='hello there'", "/metadata/annotations"),
        ("rollout pause deploy/web", "/spec/paused"),
        ("patch deploy web --type merge -p '{\"spec\": {\"minReadySeconds\": 7}}'", "/spec/minReadySeconds"),
        (
            "patch deploy web -p '{\"spec\": {\"template\": {\"spec\": {\"containers\": [{\"name\": \"side\", \"image\": \"x:1\"}]}}}}'",
            "/spec/template/spec/containers/1/image",
        ),
        (
            "patch deploy web --type json -p '[{\"op\": \"replace\", \"path\": \"/spec/replicas\", \"value\": 4}]'",
            "/spec/replicas",
        ),
    ] {
        let Some(scene) = Scene::new(Role::Admin) else { return };
        let file = scene.file(&format!("  - {{id: it, kubectl: {}}}\n", serde_json::to_string(line).unwrap()));
        let before = scene.web();
        let plan = scene.run(&["plan", &file, "--live", "--detailed-exitcode"]).expect(10);
        assert!(plan.out().contains("deployment/web in"), "{line}: {}", plan.out());
        let sent = scene.cluster.requests_of(&scene.user);
        let writes: Vec<String> = sent.iter().filter(|entry| entry.mutates()).map(Entry::line).collect();
        assert!(writes.is_empty() && sent.iter().any(Entry::is_dry_run), "{line}: {writes:?}");
        assert_eq!(scene.web().pointer("/spec"), before.pointer("/spec"), "{line}");

        scene.run(&["run", &file]).expect(0);
        assert_ne!(scene.web().pointer(changed), before.pointer(changed), "{line}");
        scene.run(&["rollback", "last", "--yes"]).expect(0);
        assert_eq!(own(&scene.web()), own(&before), "{line}");
    }
}

#[test]
fn a_variable_that_came_from_elsewhere_gets_a_value_and_its_source_back() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    let from = "env: [{name: LEVEL, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]";
    scene.cluster.apply(&scene.namespace, &WEB.replace("env: [{name: LEVEL, value: info}]", from));
    let before = scene.web();
    let file = scene.file("  - {id: it, kubectl: set env deploy/web LEVEL=debug NEW=1}\n");
    scene.run(&["plan", &file, "--live", "--detailed-exitcode"]).expect(10);
    scene.run(&["run", &file]).expect(0);
    let env = |container: usize| {
        let web = scene.web();
        let env = web["spec"]["template"]["spec"]["containers"][container]["env"].as_array().unwrap().iter();
        env.map(|env| format!("{}={}", env["name"].as_str().unwrap(), env["value"])).collect::<Vec<_>>()
    };
    assert_eq!(
        (env(0), env(1)),
        (vec!["LEVEL=\"debug\"".into(), "NEW=\"1\"".into()], vec!["LEVEL=\"debug\"".to_owned(), "NEW=\"1\"".into()])
    );
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(own(&scene.web()), own(&before));
}

#[test]
fn what_was_deleted_is_made_again() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.cluster.apply(
        &scene.namespace,
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf, labels: {a: b}}, data: {x: '1.5'}}",
    );
    let path = format!("/api/v1/namespaces/{}/configmaps/conf", scene.namespace);
    let before = scene.cluster.get(&path);
    let file = scene.file("  - {kubectl: delete cm conf, confirm: sure?}\n");
    scene.run(&["run", &file, "--yes"]).expect(0);
    assert!(scene.cluster.find(&path).is_none());
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(own(&scene.cluster.get(&path)), own(&before));
}

#[test]
fn what_someone_else_changed_is_left_alone_and_shown_three_ways() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let file = scene.file(
        "  - {id: scale, kubectl: scale deploy/web --replicas=5}\n  - {id: label, kubectl: label deploy/web team=x}\n",
    );
    scene.run(&["run", &file]).expect(0);
    scene.cluster.patch(&scene.path_of_web(), &serde_json::json!({"spec": {"replicas": 9}}));
    let done = scene.run(&["rollback", "last", "--yes"]).expect(5);
    assert!(done.out().contains("spec.replicas: before 2, ours 5, now 9"), "{}", done.out());
    let web = scene.web();
    assert_eq!((web["spec"]["replicas"].as_i64(), web["metadata"]["labels"].get("team")), (Some(9), None));
}

#[test]
fn who_may_not_is_told_before_and_refused() {
    let Some(scene) = Scene::new(Role::Viewer) else { return };
    let file = scene.file("  - {kubectl: scale deploy/web --replicas=5}\n");
    let plan = scene.run(&["plan", &file, "--live"]);
    assert!(plan.out().contains("this user may not patch deployment/web"), "{}", plan.out());
    let done = scene.run(&["run", &file]).expect(1);
    assert!(done.out().contains("forbidden") && done.out().contains("nothing was changed"), "{}", done.out());
}

#[test]
fn tokens_of_a_kubeconfig_and_data_of_secrets_are_nowhere() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene
        .cluster
        .apply(&scene.namespace, "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {pw: canary-4711}}");
    let file = scene.file("  - {id: s, kubectl: get secret s}\n  - {kubectl: get secrets}\n  - {kubectl: label secret s a=b, on_failure: continue}\n");
    let mut heard = Vec::new();
    for args in [
        &["plan", &file, "--live", "-o", "json"][..],
        &["run", &file, "-o", "json"],
        &["show", "last"],
        &["timeline", "last"],
    ] {
        let done = scene.run(args);
        heard.push(done.out() + &done.err());
    }
    heard.extend(scene.desk.everything());
    for canary in ["canary-4711", "Y2FuYXJ5LTQ3MTE", scene.user.token.as_str()] {
        for text in &heard {
            assert!(!text.contains(canary), "{canary}: {text}");
        }
    }
}

#[test]
fn a_restart_is_planned_the_same_at_any_time() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let file = scene.file("  - {id: it, kubectl: rollout restart deploy/web}\n");
    let digest = || scene.run(&["plan", &file, "--live", "-o", "json"]).expect(0).json()["digest"].clone();
    let first = digest();
    // Until the clock shows another second.
    let began = std::time::SystemTime::now();
    while began.elapsed().unwrap().as_millis() < 1100 {
        scene.cluster.get("/version");
    }
    assert_eq!(first, digest());
}

#[test]
fn a_line_acts_as_somebody_else_and_so_does_its_rollback() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let viewer = scene.file("  - {id: it, kubectl: scale deploy/web --replicas=5 --as=someone --as-group=viewers}\n");
    let plan = scene.run(&["plan", &viewer, "--live"]);
    assert!(plan.out().contains("this user may not patch deployment/web"), "{}", plan.out());
    assert!(scene.run(&["run", &viewer]).expect(1).out().contains("forbidden"));
    let admin =
        scene.file("  - {id: it, kubectl: scale deploy/web --replicas=5 --as=chief --as-group=system:masters}\n");
    scene.run(&["run", &admin]).expect(0);
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(scene.web()["spec"]["replicas"], 2);
    let made =
        scene.cluster.requests_of(&scene.user).into_iter().filter(|entry| entry.mutates() && entry.code() == Some(200));
    let by: Vec<String> = made.filter_map(|entry| entry.impersonated()).collect();
    assert_eq!(by, ["chief", "chief"]);
}

/// Its definition says where the number is; nobody else knows.
#[test]
fn a_custom_resource_is_scaled_where_it_says_and_scaled_back() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    let group = format!("{}.example", scene.namespace);
    scene.cluster.apply(
        &scene.namespace,
        &format!(
            "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: tanks.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Tank, plural: tanks, singular: tank}}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {{scale: {{specReplicasPath: .spec.size, statusReplicasPath: .status.size}}}}
    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
{{apiVersion: {group}/v1, kind: Tank, metadata: {{name: a}}, spec: {{size: 3, other: x}}}}
"
        ),
    );
    let path = format!("/apis/{group}/v1/namespaces/{}/tanks/a", scene.namespace);
    let before = scene.cluster.get(&path);
    let file = scene.file(&format!("  - {{id: it, kubectl: scale tanks.{group}/a --replicas=5}}\n"));
    let plan = scene.run(&["plan", &file, "--live", "--detailed-exitcode"]).expect(10);
    assert!(plan.out().contains("spec.replicas"), "{}", plan.out());
    scene.run(&["run", &file]).expect(0);
    assert_eq!(scene.cluster.get(&path)["spec"], serde_json::json!({"size": 5, "other": "x"}));
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(own(&scene.cluster.get(&path)), own(&before));
    scene.cluster.delete(&format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tanks.{group}"));
}
