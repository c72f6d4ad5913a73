//! Objects that go while a line deletes them: with what owned them, or by someone else's hand.

use super::cluster::Role;
use super::fault::Fault;
use super::lines::{Scene, WEB};
use super::proxy::Proxy;

/// Three ConfigMaps, of which one goes before it is tried and one before it is deleted.
fn three(scene: &Scene, proxy: &Proxy) -> String {
    for name in ["a", "b", "c"] {
        scene.cluster.apply(
            &scene.namespace,
            &format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, labels: {{x: 'y'}}}}}}"),
        );
    }
    let path = |name: &str| format!("/api/v1/namespaces/{}/configmaps/{name}", scene.namespace);
    let goes = |name: &str| {
        let (cluster, path) = (scene.cluster, path(name));
        Fault::First(Box::new(move || cluster.delete(&path)))
    };
    proxy.next("DELETE", "configmaps/b", goes("b"));
    proxy.next("DELETE", "configmaps/c", Fault::First(Box::new(|| {})));
    proxy.next("DELETE", "configmaps/c", goes("c"));
    scene.cluster.kubeconfig(&scene.user, &proxy.url(), &scene.namespace).display().to_string()
}

fn playbook(scene: &Scene, config: &str, line: &str) -> String {
    let text = format!(
        "playbook: gone\ntargets: {{k8s: {{kubernetes: {{kubeconfig: '{config}'}}}}}}\nsteps:\n  - {{id: it, kubectl: {line}, confirm: sure?, timeout: 60s}}\n"
    );
    scene.desk.file("gone.yaml", &text)
}

#[test]
fn what_a_selector_chose_may_go_before_it_is_deleted_and_only_our_own_comes_back() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    let proxy = Proxy::new(scene.cluster);
    let config = three(&scene, &proxy);
    let file = playbook(&scene, &config, "delete cm -l x=y");
    let done = scene.run(&["run", &file, "--yes"]).expect(0);
    assert_eq!(proxy.left(), 0, "{}", done.out());
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    let list = scene.cluster.get(&format!("/api/v1/namespaces/{}/configmaps?labelSelector=x%3Dy", scene.namespace));
    let names: Vec<&str> =
        list["items"].as_array().unwrap().iter().filter_map(|c| c["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["a"], "what others deleted stays deleted");
}

#[test]
fn what_is_named_has_to_be_there() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    let proxy = Proxy::new(scene.cluster);
    let config = three(&scene, &proxy);
    let file = playbook(&scene, &config, "delete cm b");
    let done = scene.run(&["run", &file, "--yes"]).expect(1);
    assert!(done.out().contains("not found"), "{}", done.out());
}

#[test]
fn what_goes_with_its_owner_is_no_error() {
    let Some(scene) = Scene::empty(Role::Admin) else { return };
    if !scene.cluster.has_controllers() {
        return;
    }
    scene.cluster.apply(&scene.namespace, WEB);
    let pods = format!("/api/v1/namespaces/{}/pods", scene.namespace);
    scene.cluster.wait(&pods, |list| list["items"].as_array().is_some_and(|items| items.len() == 2));
    let config = scene.cluster.kubeconfig(&scene.user, &scene.cluster.url(), &scene.namespace);
    let file = playbook(&scene, &config.display().to_string(), "'delete deploy,rs,pods --all'");
    scene.run(&["run", &file, "--yes"]).expect(0);
    assert!(scene.cluster.get(&pods)["items"].as_array().is_some_and(Vec::is_empty));
}
