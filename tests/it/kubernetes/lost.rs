//! What goes wrong between here and the API server, by a proxy that stands there.

use super::cluster::Role;
use super::fault::Fault;
use super::lines::Scene;
use super::proxy::Proxy;

const SCALE: &str = "{id: it, kubectl: scale deploy/web --replicas=5, timeout: 20s}";

/// A playbook of one step that goes through the proxy.
fn through(scene: &Scene, proxy: &Proxy, step: &str) -> String {
    let config = scene.cluster.kubeconfig(&scene.user, &proxy.url(), &scene.namespace);
    let target = format!("{{kubernetes: {{kubeconfig: '{}'}}}}", config.display());
    scene.desk.file("lost.yaml", &format!("playbook: lost\ntargets: {{k8s: {target}}}\nsteps:\n  - {step}\n"))
}

/// The request of a plan, which passes.
fn passes() -> Fault {
    Fault::First(Box::new(|| {}))
}

/// A run of one scale, whose own PATCH meets a fault after the dry-run has passed.
fn scaled(fault: Fault) -> Option<(Scene, i32, String, Proxy)> {
    let scene = Scene::new(Role::Admin)?;
    let proxy = Proxy::new(scene.cluster);
    let file = through(&scene, &proxy, SCALE);
    proxy.next("PATCH", "deployments/web", passes());
    proxy.next("PATCH", "deployments/web", fault);
    let done = scene.run(&["run", &file]);
    assert_eq!(proxy.left(), 0, "{}", done.out());
    let patches = scene.cluster.requests_of(&scene.user);
    let made = patches.iter().filter(|entry| entry.mutates()).count();
    assert!(made <= 1, "applied {made} times");
    Some((scene, done.code(), done.out() + &done.err(), proxy))
}

fn replicas(scene: &Scene) -> i64 {
    scene.web()["spec"]["replicas"].as_i64().unwrap()
}

#[test]
fn too_many_requests_are_waited_for() {
    let Some((scene, code, said, _proxy)) = scaled(Fault::too_many(1)) else { return };
    assert_eq!((code, replicas(&scene)), (0, 5), "{said}");
}

#[test]
fn a_conflict_is_captured_again_and_applied_once() {
    let Some((scene, code, said, _proxy)) = scaled(Fault::conflict()) else { return };
    assert_eq!((code, replicas(&scene)), (0, 5), "{said}");
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(replicas(&scene), 2);
}

#[test]
fn a_change_whose_answer_is_lost_is_found_out_and_not_made_twice() {
    let Some((scene, code, said, _proxy)) = scaled(Fault::CutAnswer(0)) else { return };
    assert_eq!((code, replicas(&scene)), (0, 5), "{said}");
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(replicas(&scene), 2);
}

#[test]
fn half_an_answer_is_as_good_as_none() {
    let Some((scene, code, said, _proxy)) = scaled(Fault::CutAnswer(40)) else { return };
    assert_eq!((code, replicas(&scene)), (0, 5), "{said}");
}

#[test]
fn a_change_that_never_arrived_is_found_out_and_told() {
    for fault in [Fault::Reset, Fault::internal_error(), Fault::unavailable()] {
        let Some((scene, code, said, _proxy)) = scaled(fault) else { return };
        assert_eq!((code, replicas(&scene)), (1, 2), "{said}");
        assert!(said.contains("nothing was changed"), "{said}");
    }
}

#[test]
fn reads_are_sent_again() {
    for fault in [Fault::Reset, Fault::unavailable(), Fault::internal_error(), Fault::CutAnswer(10)] {
        let Some(scene) = Scene::new(Role::Viewer) else { return };
        let proxy = Proxy::new(scene.cluster);
        let file = through(&scene, &proxy, "{id: it, kubectl: get deploy/web, expect: result.spec.replicas == 2}");
        proxy.next("GET", "deployments/web", fault);
        scene.run(&["run", &file]).expect(0);
        assert_eq!(proxy.left(), 0);
    }
}

#[test]
fn a_server_that_hangs_leaves_a_change_that_is_found_out() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let proxy = Proxy::new(scene.cluster);
    let file = through(&scene, &proxy, &SCALE.replace("20s", "2s"));
    proxy.next("PATCH", "deployments/web", passes());
    let _held = proxy.hold("PATCH", "deployments/web");
    let done = scene.run(&["run", &file]).expect(1);
    assert!(done.out().contains("no result within"), "{}", done.out());
    assert_eq!(replicas(&scene), 2);
}

#[test]
fn a_list_that_is_too_long_for_a_step_is_refused_with_what_to_do() {
    let Some(scene) = Scene::new(Role::Viewer) else { return };
    let proxy = Proxy::new(scene.cluster);
    let file = through(&scene, &proxy, "{id: it, kubectl: get cm}");
    let items = vec![serde_json::json!({"metadata": {"name": "x"}}); 20_001];
    let body = serde_json::json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": items});
    proxy.next("GET", "configmaps", Fault::Answer { status: 200, headers: Vec::new(), body: body.to_string() });
    let done = scene.run(&["run", &file]).expect(1);
    let flat = done.out().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("more than 20000 objects") && flat.contains("labels (-l)"), "{}", done.out());
}
