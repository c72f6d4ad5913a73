//! SIGKILL at every event boundary and at random times, then `resume`: the same end as without.

use std::time::Duration;

use crate::live::{Desk, Everything, Redis};
use crate::rollback::furnished;

const EVERY_KIND: &str = "tests/fixtures/playbooks/every-kind.yaml";

struct Scene {
    redis: Redis,
    desk: Desk,
}

impl Scene {
    fn new() -> Self {
        Self { redis: furnished(&[]), desk: Desk::new() }
    }

    fn args(&self, fail: bool) -> Vec<String> {
        let mut args: Vec<String> = ["run", EVERY_KIND, "--yes", "-t"].map(str::to_owned).to_vec();
        args.push(format!("cache={}", self.redis.url()));
        args.extend(["-i".to_owned(), format!("fail_at_the_end={fail}")]);
        args
    }

    fn start(&self, fail: bool, failpoint: Option<&str>) -> std::process::Child {
        let args = self.args(fail);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = self.desk.playbook(&args);
        if let Some(point) = failpoint {
            command.env("PLAYBOOK_FAILPOINT", point);
        }
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    }

    fn has_run(&self) -> bool {
        self.desk.run(&["runs", "-o", "json"]).json()["runs"].as_array().is_some_and(|runs| !runs.is_empty())
    }

    /// How many events the journal has.
    fn events(&self) -> usize {
        let dir = self.desk.dir.path().join("state/runs");
        let file = std::fs::read_dir(dir).unwrap().flatten().find(|e| e.path().extension().is_some_and(|x| x == "jsonl"));
        std::fs::read_to_string(file.unwrap().path()).unwrap().lines().count()
    }
}

/// What an uninterrupted run leaves.
fn uninterrupted(fail: bool) -> (Everything, usize) {
    let scene = Scene::new();
    let status = scene.start(fail, None).wait().unwrap();
    assert_eq!(status.code(), Some(if fail { 4 } else { 0 }));
    (scene.redis.everything(), scene.events())
}

#[track_caller]
fn resumed_ends_like(scene: &Scene, expected: &Everything, code: i32, context: &str) {
    if !scene.has_run() {
        return;
    }
    let verify = scene.desk.run(&["verify", "last"]);
    assert!([21, 22, 0].contains(&verify.code()), "{context}: verify says {}\n{}", verify.code(), verify.out());
    let done = scene.desk.run(&["resume", "last"]);
    if done.err().contains("never began") {
        return;
    }
    if !done.err().contains("is over") {
        assert_eq!(done.code(), code, "{context}\n{}{}", done.out(), done.err());
    }
    let now = scene.redis.everything();
    // Times of expiry differ from run to run; whether there is one does not.
    let differ = now.differences(expected, false);
    assert!(differ.is_empty(), "{context}: {differ:?}\n{}", done.out());
    // Killed between the last line and its head, the run is over and has no anchor.
    let anchored = if done.err().contains("is over") { vec![0, 22] } else { vec![0] };
    let verify = scene.desk.run(&["verify", "last"]);
    assert!(anchored.contains(&verify.code()), "{context}: {}", verify.out());
    let runs = scene.desk.run(&["runs", "-o", "json"]).json();
    assert_eq!(runs["locks"].as_array().map(Vec::len), Some(0), "{context}: something is still held");
}

fn killed_at_every_boundary(fail: bool) {
    let (expected, events) = uninterrupted(fail);
    let code = if fail { 4 } else { 0 };
    let points: Vec<String> = (1..=events)
        .flat_map(|seq| [format!("before:{seq}"), format!("after:{seq}")])
        .chain((1..=events).map(|seq| format!("synced:{seq}")))
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(point) = points.get(at) else { return };
                let scene = Scene::new();
                scene.start(fail, Some(point)).wait().unwrap();
                resumed_ends_like(&scene, &expected, code, point);
            });
        }
    });
}

#[test]
fn killed_at_every_event_of_a_run_and_resumed_it_ends_as_if_nothing_had_happened() {
    killed_at_every_boundary(false);
}

#[test]
fn killed_at_every_event_of_a_rollback_and_resumed_everything_is_as_before() {
    killed_at_every_boundary(true);
}

#[test]
fn killed_at_fifty_random_times_and_resumed_it_ends_the_same() {
    let (expected, _) = uninterrupted(false);
    let began = std::time::Instant::now();
    let status = Scene::new().start(false, None).wait().unwrap();
    assert!(status.success());
    let length = began.elapsed();
    let mut seed = u64::from(std::process::id());
    for n in 0..50 {
        let scene = Scene::new();
        let mut child = scene.start(false, None);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = Duration::from_micros((seed >> 33) % u64::try_from(length.as_micros()).unwrap().max(1));
        // The one kind of test in which waiting is the subject.
        std::thread::sleep(wait);
        let _ = child.kill();
        let _ = child.wait();
        resumed_ends_like(&scene, &expected, 0, &format!("kill {n} after {wait:?}"));
    }
}
