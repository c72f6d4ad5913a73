//! Drills whose Redis is a container, because no redis-server is on the PATH.

use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::engine::Engine;
use super::fault::Fault;
use super::proxy::Proxy;
use super::scene::Scene;
use crate::keeper::until;
use crate::live::Done;

/// A drill whose run waits for what never comes.
const WAITS: &str = "playbook: waits
targets: {cache: {redis: \"redis://127.0.0.1:1\"}}
on_failure: stop
steps:
  - {id: change, redis: SET changed yes}
  - {id: waits, redis: GET never, until: result == \"go\", every: 20ms, timeout: 10m}
drill: {targets: {cache: {redis: {requirepass: \"a b\"}}}}
";

/// What it waits for.
const UNTIL: &str = ", until: result == \"go\", every: 20ms, timeout: 10m";

/// An empty PATH, and a proxy that tells which containers were made.
fn scene(engine: &Engine) -> (Scene<'_>, Proxy) {
    let (mut scene, proxy) = (Scene::new(engine), Proxy::new(engine));
    let path = scene.desk.dir.path().join("bin");
    std::fs::create_dir(&path).unwrap();
    scene.set("PATH", path);
    scene.through(&proxy);
    (scene, proxy)
}

/// The containers that were made through a proxy.
fn made(proxy: &Proxy) -> Vec<String> {
    let created = proxy.seen().into_iter().filter(|seen| seen.path == "/containers/create");
    created.map(|seen| seen.query.strip_prefix("name=").unwrap().to_owned()).collect()
}

#[track_caller]
fn all_gone(engine: &Engine, proxy: &Proxy, count: usize) {
    let made = made(proxy);
    assert_eq!(made.len(), count, "{:?}", proxy.lines());
    for name in made {
        assert_eq!(engine.find(&format!("/containers/{name}/json")), None, "{name} is still there");
    }
}

fn image_of(done: &Done) -> bool {
    done.out().contains("(redis:7-alpine in docker at unix://")
}

#[test]
fn a_drill_takes_its_redis_from_docker_and_leaves_nothing() {
    let Some(engine) = Engine::shared() else { return };
    let (scene, proxy) = scene(engine);
    let done = scene.run(&["drill", "redis-oom"]).expect(0);
    assert!(image_of(&done) && done.out().contains("drill      passed"), "{}", done.out());
    all_gone(engine, &proxy, 1);
    let created = proxy.seen().into_iter().find(|seen| seen.path == "/containers/create").unwrap();
    let body: serde_json::Value = serde_json::from_slice(&created.body).unwrap();
    assert_eq!(body["Labels"]["playbook.drill"], "1");
    assert_eq!(body["HostConfig"]["PortBindings"]["6379/tcp"][0]["HostIp"], "127.0.0.1");
}

#[test]
fn a_container_that_is_kept_says_how_to_end_it() {
    let Some(engine) = Engine::shared() else { return };
    let (scene, proxy) = scene(engine);
    let file = scene.file("kept.yaml", &WAITS.replace(UNTIL, ""));
    let done = scene.run(&["drill", &file, "--keep"]).expect(0);
    let name = made(&proxy).pop().unwrap();
    assert_eq!(engine.container(&name)["State"]["Running"], true);
    let end = format!("end it with: docker rm -f -v {name}");
    assert!(done.out().contains(&end), "{}", done.out());
    engine.docker(&["rm", "-f", "-v", &name]);
}

#[test]
fn an_image_that_is_named_is_taken_also_where_a_server_is_installed() {
    let Some(engine) = Engine::shared() else { return };
    let mut scene = Scene::new(engine);
    scene.set("PLAYBOOK_DRILL_IMAGE", "redis:next");
    let file = scene.file("kept.yaml", &WAITS.replace(UNTIL, ""));
    let done = scene.run(&["drill", &file]).expect(0);
    assert!(done.out().contains("(redis:next in docker at "), "{}", done.out());
}

#[test]
fn what_is_missing_is_told_with_how_to_get_it() {
    let Some(engine) = Engine::shared() else { return };
    let (mut scene, proxy) = scene(engine);
    let doctor = scene.run(&["doctor"]).expect(0);
    assert!(doctor.out().contains("for drills: redis:7-alpine in docker at unix://"), "{}", doctor.out());

    scene.set("PLAYBOOK_DRILL_IMAGE", "redis:none");
    let done = scene.run(&["drill", "redis-oom"]).expect(1);
    let told = done.err();
    assert!(told.contains("has no image redis:none") && told.contains("docker pull redis:none"), "{told}");
    assert!(scene.run(&["doctor"]).expect(0).out().contains("docker pull redis:none"));
    assert_eq!(made(&proxy), [""; 0]);

    scene.set("PLAYBOOK_DRILL_IMAGE", "");
    scene.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let done = scene.run(&["drill", "redis-oom"]).expect(1);
    let told = done.err().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("needs redis-server or valkey-server on the PATH"), "{told}");
    assert!(told.contains("unix:///nowhere/docker.sock cannot be reached"), "{told}");

    scene.set("DOCKER_HOST", "tcp://192.0.2.1:2375");
    let told = scene.run(&["drill", "redis-oom"]).expect(1).err();
    assert!(told.contains("is not on this machine"), "{told}");
}

#[test]
fn a_server_that_does_not_start_tells_why_and_is_gone() {
    let Some(engine) = Engine::shared() else { return };
    let (scene, proxy) = scene(engine);
    let file = scene.file("wrong.yaml", &WAITS.replace("requirepass: \"a b\"", "no-such-setting: \"1\""));
    let told = scene.run(&["drill", &file]).expect(1).err();
    assert!(told.contains("no-such-setting"), "{told}");
    all_gone(engine, &proxy, 1);

    proxy.next("POST", "/start", Fault::no_space());
    let told = scene.run(&["drill", "redis-oom"]).expect(1).err();
    assert!(told.contains("no space left on device") && told.contains("docker system df"), "{told}");
    all_gone(engine, &proxy, 2);
}

/// Starts a drill whose run waits for what never comes.
fn waiting(scene: &Scene<'_>) -> Child {
    let file = scene.file("waits.yaml", WAITS);
    let mut command = scene.playbook(&["drill", &file]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_drill_that_is_interrupted_takes_its_container_along() {
    let Some(engine) = Engine::shared() else { return };
    let (scene, proxy) = scene(engine);
    // While the container is started.
    let held = proxy.hold("POST", "/start");
    let child = waiting(&scene);
    held.arrived();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    held.release();
    let done = Done(child.wait_with_output().unwrap()).expect(130);
    assert!(done.err().contains("told to stop"), "{}", done.err());
    all_gone(engine, &proxy, 1);

    // While the playbook is run.
    let child = waiting(&scene);
    let runs = scene.desk.dir.path().join("state/runs");
    let begun = || {
        std::fs::read_dir(&runs).ok()?.flatten().find(|file| {
            std::fs::read_to_string(file.path()).is_ok_and(|journal| journal.contains("\"step\":\"waits\""))
        })
    };
    assert!(until(Duration::from_secs(60), begun).is_some());
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    Done(child.wait_with_output().unwrap()).expect(130);
    all_gone(engine, &proxy, 2);
}
