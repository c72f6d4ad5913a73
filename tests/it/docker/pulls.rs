//! Images that are fetched, and what their names stood for before.

use super::engine::Engine;
use super::scene::Scene;

const PLAYBOOK: &str = "
playbook: fetch
targets: {host: {docker: {}}}
steps:
- {id: fetch, docker: pull IMAGE}
";

fn id(engine: &Engine, image: &str) -> String {
    engine.try_docker(&["image", "inspect", "--format", "{{.Id}}", image]).unwrap_or_default().trim().to_owned()
}

#[test]
fn an_image_is_fetched_and_its_name_stands_for_what_it_stood_for_again() {
    let Some(scene) = Scene::shared() else { return };
    let Some(registry) = scene.engine.registry() else { return };
    let image = registry.image("busybox:test");
    // Until now it means another one here.
    scene.engine.docker(&["tag", "redis:next", &image]);
    let before = id(scene.engine, &image);
    let file = scene.file("fetch.yaml", &PLAYBOOK.replace("IMAGE", &image));
    let plan = scene.run(&["plan", "--live", &file]).expect(0);
    assert!(plan.out().contains("(known after run)"), "{}", plan.out());
    assert_eq!(id(scene.engine, &image), before);
    scene.run(&["run", &file]).expect(0);
    assert_eq!(id(scene.engine, &image), id(scene.engine, "busybox:test"));
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(id(scene.engine, &image), before);
    scene.engine.docker(&["rmi", &image]);

    scene.run(&["run", &file]).expect(0);
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(id(scene.engine, &image), "", "there was none");
}

#[test]
fn a_login_of_docker_is_used_and_shown_nowhere() {
    let Some(mut scene) = Scene::shared() else { return };
    let Some(registry) = scene.engine.registry() else { return };
    let image = registry.guarded(scene.engine, "redis:test");
    let file = scene.file("fetch.yaml", &PLAYBOOK.replace("IMAGE", &image));
    let refused = scene.run(&["run", &file]).expect(1);
    assert!(refused.err().contains("docker login") || refused.out().contains("docker login"), "{}", refused.out());
    // anna:pull-canary
    let login = "{\"auths\": {\"127.0.0.1:5001\": {\"auth\": \"YW5uYTpwdWxsLWNhbmFyeQ==\"}}}";
    let config = scene.file("config.json", login);
    let folder = std::path::Path::new(&config).parent().unwrap().to_owned();
    scene.set("DOCKER_CONFIG", folder);
    let done = scene.run(&["run", &file]).expect(0);
    let shown = [done.out(), done.err()].concat() + &scene.desk.everything().concat();
    assert!(!shown.contains("YW5uYTpwdWxsLWNhbmFyeQ") && !shown.contains("\"pull-canary"), "{shown}");
    scene.engine.docker(&["rmi", &image]);
}
