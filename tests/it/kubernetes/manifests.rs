//! Lines that make objects, or take their files from beside the playbook.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::audit::Entry;
use super::cluster::Role;
use super::lines::{Scene, WEB, own};
use super::webhook::Webhook;

impl Scene {
    /// A file beside the playbook.
    fn beside(&self, name: &str, text: &str) {
        self.desk.file(name, text);
    }

    fn at(&self, kind: &str, name: &str) -> String {
        let group = match kind {
            "deployments" | "statefulsets" => "/apis/apps/v1",
            "horizontalpodautoscalers" => "/apis/autoscaling/v1",
            "jobs" => "/apis/batch/v1",
            _ => "/api/v1",
        };
        format!("{group}/namespaces/{}/{kind}/{name}", self.namespace)
    }

    /// Every object that a person would have made, without what the server writes.
    pub(super) fn everything(&self) -> BTreeMap<String, Value> {
        let kinds =
            ["deployments", "statefulsets", "horizontalpodautoscalers", "jobs", "services", "configmaps", "secrets"];
        let mut all = BTreeMap::new();
        for kind in kinds {
            let list = self.cluster.get(self.at(kind, "").trim_end_matches('/'));
            for item in list["items"].as_array().unwrap() {
                let name = item["metadata"]["name"].as_str().unwrap();
                if !name.starts_with("default-token-") && name != "kube-root-ca.crt" {
                    all.insert(format!("{kind}/{name}"), own(item));
                }
            }
        }
        all
    }

    fn writes(&self) -> Vec<String> {
        self.cluster.requests_of(&self.user).iter().filter(|entry| entry.mutates()).map(Entry::line).collect()
    }
}

const CONF: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf}, data: {a: '1', b: '2'}}";

#[test]
fn objects_are_planned_made_and_taken_back() {
    for (line, changed) in [
        ("apply -f k8s/new.yaml", "services/new"),
        ("apply -f k8s/web.yaml", "deployments/web"),
        ("apply -f k8s/web.yaml --server-side --force-conflicts", "deployments/web"),
        ("apply -f k8s -R", "services/new"),
        ("create -f k8s/new.yaml", "configmaps/fresh"),
        ("create configmap made --from-literal=x=1.5", "configmaps/made"),
        ("create job once --image=busybox:test", "jobs/once"),
        ("autoscale deploy/web --min=2 --max=5 --cpu-percent=80", "horizontalpodautoscalers/web"),
        ("delete -f k8s/web.yaml", "deployments/web"),
        ("delete cm conf other --ignore-not-found", "configmaps/conf"),
        ("patch deploy web --patch-file k8s/patch.json --type merge", "deployments/web"),
        ("label -f k8s/web.yaml team=x", "deployments/web"),
    ] {
        let Some(scene) = Scene::new(Role::Admin) else { return };
        scene.cluster.apply(&scene.namespace, CONF);
        scene.beside(
            "k8s/new.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: new}\nspec: {selector: {app: web}, ports: [{port: 80, protocol: TCP}]}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: fresh}\ndata: {x: '1'}\n",
        );
        scene.beside("k8s/web.yaml", &WEB.replace("replicas: 2", "replicas: 3").replace("tier: front", "tier: back"));
        if line.contains("patch-file") {
            scene.beside("k8s/patch.json", "{\"spec\": {\"replicas\": 7}}");
        }
        let step = json!({"id": "it", "kubectl": line, "confirm": "Sure?"});
        let file = scene.file(&format!("  - {step}\n"));
        let before = scene.everything();
        let plan = scene.run(&["plan", &file, "--live", "--detailed-exitcode"]).expect(10);
        assert!(plan.out().contains(" in t"), "{line}: {}", plan.out());
        assert!(scene.writes().is_empty(), "{line}: {:?}", scene.writes());
        assert_eq!(scene.everything(), before, "{line}");

        scene.run(&["run", &file, "--yes"]).expect(0);
        let made = scene.everything();
        assert_ne!(made.get(changed), before.get(changed), "{line}");
        scene.run(&["rollback", "last", "--yes"]).expect(0);
        assert_eq!(scene.everything(), before, "{line}");
    }
}

#[test]
fn apply_removes_what_the_manifest_no_longer_has_and_leaves_what_others_added() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let manifest = |data: &str, env: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: mine}}\ndata: {data}\n---\n{}",
            WEB.replace("name: web, labels", "name: three, labels").replace("{name: LEVEL, value: info}", env)
        )
    };
    let file = scene.file("  - {id: it, kubectl: apply -f m.yaml}\n");
    scene.beside("m.yaml", &manifest("{a: '1', b: '2'}", "{name: LEVEL, value: info}, {name: GOES, value: x}"));
    scene.run(&["run", &file]).expect(0);
    let (conf, three) = (scene.at("configmaps", "mine"), scene.at("deployments", "three"));
    scene.cluster.patch(&conf, &json!({"data": {"theirs": "3"}}));
    scene.beside("m.yaml", &manifest("{a: '5'}", "{name: LEVEL, value: debug}"));
    let before = scene.everything();
    scene.run(&["run", &file]).expect(0);
    assert_eq!(scene.cluster.get(&conf)["data"], json!({"a": "5", "theirs": "3"}));
    let env = scene.cluster.get(&three)["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    assert_eq!(env, json!([{"name": "LEVEL", "value": "debug"}]));
    // What kubectl would compare with next time comes back as well.
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(scene.everything(), before);
}

#[test]
fn a_run_goes_on_with_the_files_that_it_began_with() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.beside("m.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: kept}, data: {x: reviewed}}");
    let file = scene
        .file("  - {id: ask, approval: {ask: Go on?, allow_author: true}}\n  - {id: it, kubectl: apply -f m.yaml}\n");
    scene.run(&["run", &file, "--no-input"]).expect(3);
    scene.beside("m.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: kept}, data: {x: changed}}");
    scene.run(&["approve", "last"]).expect(0);
    scene.run(&["resume", "last"]).expect(0);
    assert_eq!(scene.cluster.get(&scene.at("configmaps", "kept"))["data"]["x"], "reviewed");
}

#[test]
fn what_was_made_goes_only_if_nobody_changed_it() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let file = scene.file(
        "  - {id: one, kubectl: create configmap one --from-literal=x=1}\n  - {id: two, kubectl: create configmap two --from-literal=x=1}\n",
    );
    scene.run(&["run", &file]).expect(0);
    scene.cluster.patch(&scene.at("configmaps", "one"), &json!({"data": {"x": "2"}}));
    let done = scene.run(&["rollback", "last", "--yes"]).expect(5);
    assert!(done.out().contains("data.x: before (absent), ours \"1\", now \"2\""), "{}", done.out());
    assert!(scene.cluster.find(&scene.at("configmaps", "one")).is_some());
    assert!(scene.cluster.find(&scene.at("configmaps", "two")).is_none());
}

#[test]
fn a_namespace_that_others_moved_into_stays() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let name = format!("{}-new", scene.namespace);
    let file = scene.file(&format!("  - {{kubectl: create namespace {name}}}\n"));
    scene.run(&["run", &file]).expect(0);
    scene.cluster.apply(&name, CONF);
    let done = scene.run(&["rollback", "last", "--yes"]).expect(5);
    assert!(done.out().contains("it holds configmap/conf"), "{}", done.out());
    scene.cluster.delete(&format!("/api/v1/namespaces/{name}/configmaps/conf"));
    scene.run(&["rollback", "last", "--yes"]).expect(0);
}

#[test]
fn data_of_a_secret_that_is_made_is_nowhere() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.beside(
        "s.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {pw: canary-4711}\ndata: {other: Y2FuYXJ5LTA4MTU=}\n",
    );
    let file = scene.file("  - {id: s, kubectl: apply -f s.yaml}\n  - {id: l, kubectl: label secret s a=b}\n");
    let mut heard = String::new();
    for args in [
        &["plan", &file, "--live"][..],
        &["plan", &file, "--live", "-o", "json"],
        &["run", &file],
        &["show", "last"],
        &["timeline", "last"],
    ] {
        let done = scene.run(args).expect(0);
        heard += &(done.out() + &done.err());
    }
    assert_eq!(scene.cluster.get(&scene.at("secrets", "s"))["data"]["pw"], "Y2FuYXJ5LTQ3MTE=");
    let again = scene.file("  - {id: s, kubectl: 'patch secret s -p ''{\"stringData\": {\"pw\": \"another-1\"}}'''}\n");
    let refused = scene.run(&["run", &again]).expect(1);
    assert!(refused.out().contains("the data of secret/s"), "{}", refused.out());
    for text in scene.desk.everything().into_iter().chain([heard]) {
        for canary in ["canary-4711", "Y2FuYXJ5LTQ3MTE", "canary-0815", "Y2FuYXJ5LTA4MTU"] {
            assert!(!text.contains(canary), "{canary}: {text}");
        }
    }
    let runs = scene.run(&["runs", "-o", "json"]).json();
    let first = runs["runs"][1]["run"].as_str().unwrap().to_owned();
    scene.run(&["rollback", &first, "--yes"]).expect(0);
    assert!(scene.cluster.find(&scene.at("secrets", "s")).is_none());
}

#[test]
fn where_a_webhook_refuses_to_be_tried_a_plan_says_so_and_a_run_can_be_taken_back() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let _webhook = Webhook::refusing_dry_runs(scene.cluster, &scene.namespace, "deployments");
    let file = scene.file("  - {id: it, kubectl: scale deploy/web --replicas=5}\n  - {id: new, kubectl: create configmap n --from-literal=x=1}\n");
    let plan = scene.run(&["plan", &file, "--live"]);
    assert!(plan.out().contains("could not be found out"), "{}", plan.out());
    let before = scene.everything();
    scene.run(&["run", &file]).expect(0);
    assert_eq!(scene.web()["spec"]["replicas"], 5);
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(scene.everything(), before);
}

#[test]
fn a_file_that_cannot_be_used_is_told_by_its_place() {
    let Some(scene) = Scene::new(Role::Viewer) else { return };
    scene.beside("broken.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x\n");
    scene.beside("nameless.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}\n");
    for (line, why) in [
        ("apply -f nosuch.yaml", "nosuch.yaml: there is no such file beside the playbook"),
        ("apply -f broken.yaml", "broken.yaml:3:11: unclosed bracket"),
        ("create -f nameless.yaml", "nameless.yaml: generateName"),
    ] {
        let done = scene.run(&["check", &scene.file(&format!("  - kubectl: {line}\n"))]).expect(2);
        assert!(done.err().contains(why) || done.out().contains(why), "{line}: {}{}", done.out(), done.err());
    }
}

#[test]
fn fields_that_others_own_are_taken_over_only_by_force() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.beside("web.yaml", &WEB.replace("replicas: 2", "replicas: 4"));
    let file = |flags: &str| scene.file(&format!("  - {{kubectl: apply -f web.yaml --server-side{flags}}}\n"));
    let refused = scene.run(&["run", &file("")]).expect(1);
    assert!(refused.out().contains("--force-conflicts"), "{}", refused.out());
    assert_eq!(scene.web()["spec"]["replicas"], 2);
    scene.run(&["run", &file(" --force-conflicts")]).expect(0);
    assert_eq!(scene.web()["spec"]["replicas"], 4);
}

/// One of several kinds: the defaults of the one that was are no part of the one that is wanted.
#[test]
fn another_strategy_and_another_volume_replace_those_that_are_there() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    let web = |strategy: &str, volume: &str| {
        let spec = format!("  strategy: {strategy}\n  selector:");
        let volumes = format!("      volumes: [{{name: data, {volume}}}]\n      containers:");
        WEB.replace("  selector:", &spec).replace("      containers:", &volumes)
    };
    scene.beside("web.yaml", &web("{type: RollingUpdate}", "configMap: {name: a, defaultMode: 0400}"));
    let file = scene.file("  - {id: it, kubectl: apply -f web.yaml}\n");
    scene.run(&["run", &file]).expect(0);
    let first = scene.web();
    let spec = |web: &Value, at: &str| web["spec"].pointer(at).cloned().unwrap_or_default();
    assert_eq!(spec(&first, "/strategy/rollingUpdate/maxSurge"), "25%");
    assert_eq!(spec(&first, "/template/spec/volumes/0/configMap/defaultMode"), 256);
    scene.beside("web.yaml", &web("{type: Recreate}", "emptyDir: {}"));
    scene.run(&["plan", &file, "--live", "--detailed-exitcode"]).expect(10);
    scene.run(&["run", &file]).expect(0);
    let second = scene.web();
    assert_eq!(spec(&second, "/strategy"), json!({"type": "Recreate"}));
    assert_eq!(spec(&second, "/template/spec/volumes/0"), json!({"name": "data", "emptyDir": {}}));
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(own(&scene.web()), own(&first));
}

/// Of a server that validates no fields. One that does refuses them, and names them as well.
#[test]
fn a_field_that_the_server_drops_is_told() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let file = scene.file("  - {id: it, kubectl: apply -f typo.yaml}\n");
    scene.beside("typo.yaml", &WEB.replace("  replicas: 2", "  replica: 7\n  minReadySeconds: 3"));
    let plan = scene.run(&["plan", &file, "--live"]);
    let told = plan.out() + &plan.err();
    let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("spec.replica") && (flat.contains("and dropped") || flat.contains("unknown field")),
        "{told}"
    );
    let run = scene.run(&["run", &file]);
    if run.code() == 0 {
        let shown = scene.run(&["show", "last", "-o", "json"]).out();
        assert!(shown.contains("unknown to the server, and dropped: spec.replica"), "{shown}");
    }
}

#[test]
fn a_manifest_is_read_as_kubectl_reads_it() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    scene.beside(
        "pod.yaml",
        "apiVersion: v1
kind: Pod
metadata: {name: p, labels: &labels {app: x}, annotations: {<<: *labels, own: 'yes'}}
spec:
  hostNetwork: no
  volumes: [{name: v, configMap: {name: c, defaultMode: 0400}}]
  containers: [{name: app, image: 'x:1', stdin: yes}]
",
    );
    scene.run(&["run", &scene.file("  - {id: it, kubectl: create -f pod.yaml}\n")]).expect(0);
    let pod = scene.cluster.get(&scene.at("pods", "p"));
    assert_eq!(pod["metadata"]["annotations"], json!({"app": "x", "own": "yes"}));
    assert_eq!(pod["spec"]["volumes"][0]["configMap"]["defaultMode"], 256);
    assert_eq!((&pod["spec"]["containers"][0]["stdin"], pod["spec"].get("hostNetwork")), (&json!(true), None));
    scene.beside("pod.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: p}\ndata:\n  on: x\n");
    let check = scene.run(&["check", &scene.file("  - {id: it, kubectl: apply -f pod.yaml}\n")]).expect(2);
    assert!(check.out().contains("pod.yaml:5:3: the key `on` is `true` to kubectl"), "{}{}", check.out(), check.err());
}
