//! The engine goes in mid-run: restarted, killed, out of room. The error is clear, the journal whole,
//! and the run goes on when the engine does.

use std::process::{Child, Stdio};

use super::engine::Engine;
use super::proxy::Proxy;
use super::scene::Scene;
use crate::live::Done;

/// A container that runs.
fn running(engine: &Engine, word: &str, flags: &[&str], command: &[&str]) -> String {
    let name = engine.name(word);
    engine.docker(&[&["run", "--detach", "--name", &name][..], flags, &["busybox:test"], command].concat());
    name
}

fn begin(scene: &Scene, args: &[&str]) -> Child {
    scene.playbook(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(run: Child) -> Done {
    Done(run.wait_with_output().unwrap())
}

fn flat(done: &Done) -> String {
    (done.out() + &done.err()).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn status(engine: &Engine, name: &str) -> String {
    engine.container(name)["State"]["Status"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_that_waits_for_a_person_goes_on_after_the_engine_was_restarted() {
    let Some(engine) = Engine::own() else { return };
    let scene = Scene::new(&engine);
    let [first, second] = ["first", "second"]
        .map(|word| running(&engine, word, &["--restart=always", "--stop-signal=KILL"], &["sleep", "1000"]));
    let file = scene.steps(&[
        &format!("id: before, docker: pause {first}"),
        "id: gate, manual: go on?",
        &format!("id: after, docker: stop {second}"),
    ]);
    scene.run(&["run", &file]).expect(3);
    engine.restart();
    engine.wait(&second, |it| it["State"]["Running"] == true);
    scene.run(&["verify", "last"]).expect(0);
    scene.run(&["approve", "last", "gate"]).expect(0);
    scene.run(&["resume", "last"]).expect(0);
    assert_eq!(status(&engine, &second), "exited");
    // The restart of the engine let go of what was held: that is not for a rollback to judge.
    engine.wait(&first, |it| it["State"]["Running"] == true);
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    for name in [&first, &second] {
        assert_eq!(status(&engine, name), "running");
    }
}

#[test]
fn an_engine_that_is_restarted_between_two_steps_is_waited_for() {
    let Some(engine) = Engine::own() else { return };
    let (mut scene, proxy) = (Scene::new(&engine), Proxy::new(&engine));
    scene.through(&proxy);
    let flags = ["--restart=always", "--stop-signal=KILL"];
    let [first, second] = ["first", "second"].map(|word| running(&engine, word, &flags, &["sleep", "1000"]));
    let file = scene.steps(&[&format!("id: one, docker: stop {first}"), &format!("id: two, docker: stop {second}")]);
    // What follows is asked only after the engine went, and before it is back.
    let held = proxy.hold("GET", &format!("/containers/{second}/json"));
    let run = begin(&scene, &["run", &file]);
    held.arrived();
    engine.stop();
    held.release();
    proxy.wait_seen("GET", &format!("/containers/{second}/json"), 2);
    engine.start();
    let done = end(run).expect(0);
    assert_eq!(status(&engine, &second), "exited", "{}", done.out());
    scene.run(&["verify", "last"]).expect(0);
}

/// A container that takes its time to stop, and a run that stops it, up to where the engine is killed.
fn killed<'a>(engine: &'a Engine, rest: &str) -> (Scene<'a>, Proxy, String, Child) {
    let (mut scene, proxy) = (Scene::new(engine), Proxy::new(engine));
    scene.through(&proxy);
    // Ignores TERM as the first process, and is killed after the seconds of the line.
    let name = running(engine, "slow", &[], &["sleep", "1000"]);
    let file = scene.steps(&[&format!("id: it, docker: stop -t 5 {name}{rest}")]);
    let run = begin(&scene, &["run", &file]);
    proxy.wait_seen("POST", "/stop", 1);
    engine.kill();
    (scene, proxy, name, run)
}

#[test]
fn an_engine_that_is_killed_during_a_stop_is_waited_for_and_the_container_ends() {
    let Some(engine) = Engine::own() else { return };
    let (scene, proxy, name, run) = killed(&engine, ", retry: {attempts: 3, delay: 10ms}");
    // It is asked what became of the stop.
    proxy.wait_seen("GET", "/json", 3);
    engine.start();
    let done = end(run).expect(0);
    assert_eq!(status(&engine, &name), "exited", "{}", done.out());
    // What an engine finds running that it did not expect, it ends as well.
    assert!(proxy.changes().len() <= 2, "{:?}", proxy.changes());
    scene.run(&["verify", "last"]).expect(0);
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(status(&engine, &name), "running");
}

#[test]
fn an_engine_that_is_killed_and_stays_away_leaves_a_doubt_that_a_rollback_looks_into() {
    let Some(engine) = Engine::own() else { return };
    let (scene, _proxy, name, run) = killed(&engine, "");
    let done = end(run).expect(1);
    let said = flat(&done);
    assert!(said.contains("broke off before it had answered") && said.contains("1 unknown"), "{said}");
    assert!(said.contains("nobody can tell whether it was carried out"), "{said}");
    scene.run(&["verify", "last"]).expect(0);
    engine.start();
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(status(&engine, &name), "running");
}

#[test]
fn a_full_disk_is_named_and_when_there_is_room_again_the_rest_is_done() {
    let Some(engine) = Engine::on_small_disk() else { return };
    let scene = Scene::new(&engine);
    let (runs, new) = (running(&engine, "runs", &["--stop-signal=KILL"], &["sleep", "1000"]), engine.name("new"));
    let steps = [
        format!("id: pause, docker: pause {runs}"),
        format!("id: new, docker: run -d --name {new} --stop-signal KILL busybox:test sleep 1000"),
    ];
    engine.fill();
    let done = scene.follow(&[&steps[0], &steps[1]]);
    let said = flat(&done);
    assert_eq!(done.code(), 1, "{said}");
    assert!(said.contains("no space left on device") && said.contains("the engine's disk is full"), "{said}");
    assert!(said.contains("docker system df"), "{said}");
    scene.run(&["verify", "last"]).expect(0);
    engine.free();
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!((status(&engine, &runs), engine.find(&format!("/containers/{new}/json"))), ("running".into(), None));
    scene.follow(&[&steps[0], &steps[1]]).expect(0);
    assert_eq!((status(&engine, &runs), status(&engine, &new)), ("paused".into(), "running".into()));
}

#[test]
fn a_run_whose_disk_is_full_is_tried_again_until_there_is_room() {
    let Some(engine) = Engine::on_small_disk() else { return };
    let (mut scene, proxy) = (Scene::new(&engine), Proxy::new(&engine));
    scene.through(&proxy);
    let new = engine.name("new");
    let step = format!("id: new, docker: run -d --name {new} busybox:test sleep 1000");
    let file =
        scene.steps(&[&format!("{step}, retry: {{attempts: 100, delay: 100ms, max_delay: 200ms, errors: [refused]}}")]);
    engine.fill();
    let run = begin(&scene, &["run", &file]);
    proxy.wait_seen("POST", "/containers/create", 2);
    engine.free();
    end(run).expect(0);
    assert_eq!(status(&engine, &new), "running");
    scene.run(&["verify", "last"]).expect(0);
}
