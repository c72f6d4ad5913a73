//! A rollback says what it could not put back, takes nothing of anybody else's, and shows no secret.

use serde_json::{Value, json};

use super::cluster::Role;
use super::fault::Fault;
use super::lines::Scene;
use super::proxy::Proxy;

impl Scene {
    fn steps(&self, lines: &[&str]) -> String {
        let steps: Vec<Value> = lines.iter().map(|line| json!({"kubectl": line, "confirm": "Sure?"})).collect();
        self.file(&steps.iter().map(|step| format!("  - {step}\n")).collect::<String>())
    }

    fn done(&self, lines: &[&str]) {
        self.run(&["run", &self.steps(lines), "--yes"]).expect(0);
    }

    fn back(&self, code: i32) -> String {
        let done = self.run(&["rollback", "last", "--yes"]).expect(code);
        done.out().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn conf(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace)
    }
}

#[test]
fn what_others_added_to_something_that_was_made_is_theirs() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    scene.done(&["create configmap x --from-literal=a=1"]);
    scene.cluster.patch(&scene.conf("x"), &json!({"data": {"theirs": "2"}}));
    let told = scene.back(5);
    assert!(told.contains("data.theirs: before (absent), ours (absent), now \"2\""), "{told}");
    assert!(scene.cluster.find(&scene.conf("x")).is_some());
}

#[test]
fn data_of_a_secret_that_others_wrote_is_theirs() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    scene.done(&["create secret generic s --from-literal=a=canary-1"]);
    let path = format!("/api/v1/namespaces/{}/secrets/s", scene.namespace);
    scene.cluster.patch(&path, &json!({"data": {"a": "b3RoZXI="}}));
    assert!(scene.back(5).contains("written by"));
    assert!(scene.cluster.find(&path).is_some());
}

#[test]
fn another_one_of_the_same_name_is_left_whoever_made_it() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    let line = "create configmap x --from-literal=a=1";
    scene.done(&[line]);
    let runs = scene.run(&["runs", "-o", "json"]).json();
    let first = runs["runs"][0]["run"].as_str().unwrap().to_owned();
    scene.cluster.delete(&scene.conf("x"));
    scene.done(&[line]);
    let told = scene.run(&["rollback", &first, "--yes"]).expect(5);
    assert!(told.out().contains("another one of that name"), "{}", told.out());
    assert!(scene.cluster.find(&scene.conf("x")).is_some());
}

#[test]
fn items_of_a_list_come_back_in_their_order() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let env = |scene: &Scene| -> Vec<String> {
        let all = scene.web()["spec"]["template"]["spec"]["containers"][0]["env"].clone();
        all.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    scene.done(&["set env deploy/web -c app FIRST=1 SECOND=2"]);
    let before = env(&scene);
    scene.done(&["set env deploy/web -c app LEVEL-"]);
    scene.back(0);
    assert_eq!(env(&scene), before);
    // Another order is a change.
    let turned = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/env",
        "value": [{"name": "SECOND", "value": "2"}, {"name": "FIRST", "value": "1"}, {"name": "LEVEL", "value": "info"}]}]);
    scene.done(&[&format!("patch deploy/web --type json -p '{turned}'")]);
    assert_ne!(env(&scene), before);
    scene.back(0);
    assert_eq!(env(&scene), before);
}

#[test]
fn a_job_that_is_over_is_not_run_again() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    scene.done(&["create job once --image=busybox:test"]);
    let path = format!("/apis/batch/v1/namespaces/{}/jobs/once", scene.namespace);
    scene.cluster.wait(&path, |job| job["status"]["active"] == 1);
    let over = json!({"status": {"conditions": [{"type": "Complete", "status": "True"}], "completionTime": "2026-01-01T00:00:00Z"}});
    scene.cluster.patch(&format!("{path}/status"), &over);
    scene.done(&["delete job once --wait=false"]);
    scene.cluster.wait_gone(&path);
    assert!(scene.back(5).contains("it had come to its end, and would run again"));
    assert!(scene.cluster.find(&path).is_none());
}

#[test]
fn a_namespace_that_is_made_again_is_said_to_be_empty() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    let name = format!("{}-full", scene.namespace);
    scene.cluster.apply("", &format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}"));
    scene.cluster.apply(&name, "{apiVersion: v1, kind: ConfigMap, metadata: {name: inside}, data: {a: '1'}}");
    scene.done(&[&format!("delete namespace {name}")]);
    let told = scene.back(5);
    assert!(told.contains("empty; what was in it is gone: 1 ConfigMap (inside)"), "{told}");
}

#[test]
fn what_had_an_owner_that_is_gone_is_made_without_it_and_stays() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    let conf =
        |name: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}, data: {{a: '1'}}}}");
    scene.cluster.apply(&scene.namespace, &conf("owner"));
    scene.cluster.apply(&scene.namespace, &conf("owned"));
    let uid = scene.cluster.get(&scene.conf("owner"))["metadata"]["uid"].clone();
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]);
    scene.cluster.patch(&scene.conf("owned"), &json!({"metadata": {"ownerReferences": owner}}));
    scene.done(&["delete cm owned", "delete cm owner"]);
    scene.back(0);
    let now = scene.cluster.get(&scene.conf("owner"))["metadata"]["uid"].clone();
    assert_eq!(scene.cluster.get(&scene.conf("owned"))["metadata"]["ownerReferences"][0]["uid"], now);

    scene.done(&["delete cm owned"]);
    scene.cluster.delete(&scene.conf("owner"));
    let told = scene.back(5);
    assert!(told.contains("without its owner configmap/owner, which is gone"), "{told}");
}

#[test]
fn a_json_patch_that_meets_another_write_is_made_on_what_is_there_then() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let proxy = Proxy::new(scene.cluster);
    let direct = scene.cluster.url();
    let (path, cluster) = (scene.path_of_web(), scene.cluster);
    let elsewhere = move || {
        cluster.patch(&path, &json!({"metadata": {"annotations": {"theirs": "1"}}}));
    };
    proxy.next("PATCH", "deployments/web", Fault::First(Box::new(|| {})));
    proxy.next("PATCH", "deployments/web", Fault::First(Box::new(elsewhere)));
    let line = "patch deploy/web --type json -p '[{\"op\": \"replace\", \"path\": \"/spec/replicas\", \"value\": 4}]'";
    let file = scene.steps(&[line]);
    let text = std::fs::read_to_string(&file).unwrap();
    let config = text.split('\'').nth(1).unwrap().to_owned();
    let through = std::fs::read_to_string(&config).unwrap().replace(&direct, &proxy.url());
    std::fs::write(&config, through).unwrap();
    scene.run(&["run", &file, "--yes"]).expect(0);
    assert_eq!((proxy.left(), scene.web()["spec"]["replicas"].as_i64()), (0, Some(4)));
}

#[test]
fn the_api_servers_words_on_a_secret_are_not_repeated() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    scene.cluster.apply(
        &scene.namespace,
        "{apiVersion: v1, kind: Secret, metadata: {name: old}, stringData: {pw: canary-4711}}",
    );
    scene.desk.file("number.yaml", "{apiVersion: v1, kind: Secret, metadata: {name: n}, stringData: {pw: 471100815}}");
    scene.desk.file("typo.yaml", "{apiVersion: v1, kind: Secret, metadata: {name: t}, stringdata: {pw: canary-0815}}");
    let mut heard = String::new();
    for line in [
        "patch secret old --type merge -p '{\"metadata\": {\"labels\": {\"tier\": 1}}}'",
        "patch secret old --type json -p '[{\"op\": \"copy\", \"from\": \"/data/pw\", \"path\": \"/metadata/annotations\"}]'",
        "apply -f number.yaml",
        "apply -f typo.yaml",
    ] {
        for args in [&["plan", "--live"][..], &["run", "--yes"], &["show", "last"], &["timeline", "last"]] {
            let file = scene.steps(&[line]);
            let args = if args.len() == 2 && args[1] != "last" { vec![args[0], &file, args[1]] } else { args.to_vec() };
            let done = scene.run(&args);
            heard += &(done.out() + &done.err());
        }
    }
    assert!(heard.contains("its words are left out"), "{heard}");
    for text in scene.desk.everything().into_iter().chain([heard]) {
        for canary in ["canary-4711", "Y2FuYXJ5LTQ3MTE", "canary-0815", "471100815"] {
            assert!(!text.contains(canary), "{canary}: {text}");
        }
    }
}

#[test]
fn who_may_only_patch_can_take_a_patch_back_and_is_told_what_cannot_be() {
    let Some(scene) = Scene::new(Role::Viewer) else { return };
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "patches"},
        "rules": [{"apiGroups": ["apps", ""], "resources": ["deployments", "configmaps"], "verbs": ["get", "patch", "create"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "patches"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "patches"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": scene.user.name}]});
    scene.cluster.apply(&scene.namespace, &role.to_string());
    scene.cluster.apply(&scene.namespace, &binding.to_string());
    scene.done(&["scale deploy/web --replicas=5"]);
    scene.back(0);
    assert_eq!(scene.web()["spec"]["replicas"], 2);
    let plan = scene.run(&["plan", &scene.steps(&["create configmap x --from-literal=a=1"]), "--live"]).expect(0).out();
    let plan = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plan.contains("this user may not delete configmap/x"), "{plan}");
}

#[test]
fn the_status_of_a_kind_without_a_subresource_is_a_field_like_any_other() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    let group = format!("{}.example.com", scene.namespace);
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    scene.cluster.apply(
        "",
        &json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("gadgets.{group}")}, "spec": {"group": group, "scope": "Namespaced",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}})
        .to_string(),
    );
    scene.cluster.apply(
        &scene.namespace,
        &json!({"apiVersion": format!("{group}/v1"), "kind": "Gadget",
        "metadata": {"name": "g"}, "spec": {"a": 1}, "status": {"b": 1}})
        .to_string(),
    );
    let line = format!("patch gadgets.{group} g --type merge -p '{{\"status\": {{\"b\": 2}}}}'");
    let plan = scene.run(&["plan", &scene.steps(&[&line]), "--live"]).expect(0).out();
    assert!(plan.contains("status.b: 1 → 2"), "{plan}");
    scene.done(&[&line]);
    scene.back(0);
    let path = format!("/apis/{group}/v1/namespaces/{}/gadgets/g", scene.namespace);
    assert_eq!(scene.cluster.get(&path)["status"]["b"], 1);
}
