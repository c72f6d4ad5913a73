//! What is done to containers keeps its place in a rollback, also among what was done inside of them.

use super::engine::Engine;
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

/// A Redis, and where it answers as long as it is not stopped.
fn redis(engine: &Engine) -> (String, String) {
    let name = engine.redis("limits", &["--publish", "127.0.0.1::6379"]);
    let port = engine.container(&name)["NetworkSettings"]["Ports"]["6379/tcp"][0]["HostPort"].clone();
    // It is to answer at the same port when it is started again.
    let port = port.as_str().unwrap().to_owned();
    engine.docker(&["rm", "--force", "--volumes", &name]);
    let name = engine.redis("limits", &["--publish", &format!("127.0.0.1:{port}:6379")]);
    (name, port)
}

#[test]
fn a_redis_that_was_stopped_runs_again_before_what_was_changed_in_it_is_taken_back() {
    let Some(scene) = Scene::shared() else { return };
    let engine = scene.engine;
    let (name, port) = redis(engine);
    engine.say("redis-cli", &["-p", &port, "set", "a", "1"]);
    let text = format!(
        "playbook: order\ntargets: {{d: {{docker: {{}}}}, cache: {{redis: 'redis://127.0.0.1:{port}'}}}}\nsteps:\n  \
         - {{id: limit, redis: CONFIG SET maxmemory 5mb}}\n  - {{id: key, redis: SET a 2}}\n  \
         - {{id: save, redis: SAVE}}\n  - {{id: stop, docker: stop {name}}}\n"
    );
    let file = scene.file("order.yaml", &text);
    scene.run(&["run", &file, "--yes"]).expect(0);
    let back = scene.run(&["rollback", "last", "--yes"]);
    let said = back.out().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(back.code(), 0, "{said}{}", back.err());
    assert_eq!(engine.say("redis-cli", &["-p", &port, "get", "a"]), "1", "{said}");
    let limit = engine.say("redis-cli", &["-p", &port, "config", "get", "maxmemory"]);
    assert!(limit.ends_with("\n0"), "{limit}");
    engine.docker(&["rm", "--force", "--volumes", &name]);
}
