//! What is done to containers keeps its place in a rollback.

use super::scene::Scene;

#[test]
fn what_was_renamed_between_a_stop_and_a_start_runs_under_its_first_name() {
    let Some(scene) = Scene::shared() else { return };
    let (engine, name) = (scene.engine, scene.engine.name("renamed"));
    engine.docker(&["run", "--detach", "--name", &name, "--stop-signal", "KILL", "busybox:test", "sleep", "1000"]);
    let id = engine.container(&name)["Id"].clone();
    let steps = [
        format!("id: stop, docker: stop {name}"),
        format!("id: rename, docker: rename {name} {name}-new"),
        format!("id: start, docker: start {name}-new"),
    ];
    scene.follow(&steps.each_ref().map(String::as_str)).expect(0);
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    let now = engine.container(&name);
    assert_eq!((&now["Id"], &now["State"]["Running"]), (&id, &true.into()));
    engine.docker(&["rm", "--force", &name]);
}
