//! SIGKILL at event boundaries, then `resume`: the same end, and nothing asked of the engine twice.
//!
//! Each run costs seconds, so by default every second boundary is met, in one of three ways: just before the
//! event is written, when it is on disk, or just after. `PLAYBOOK_DOCKER_POINTS=all` meets each in all ways.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::compose::Compose;
use super::engine::Engine;
use super::proxy::Proxy;
use super::scene::Scene;
use super::world::World;

/// Ready as soon as it runs.
const WELL: &str = "--health-cmd true --health-interval 100ms --stop-signal KILL";
const FILE: &str = "version: '2.4'
services:
  web: {image: 'busybox:test', command: sleep 1000, stop_signal: KILL, healthcheck: {test: 'true', interval: 100ms}}
  db: {image: 'busybox:test', command: sleep 1000, stop_signal: KILL, healthcheck: {test: 'true', interval: 100ms}}
";

const UP: &str = "
playbook: up
targets: {host: {docker: {}}}
steps: [{id: up, docker: compose -p @-p up -d}]
";

/// Containers, a project and a playbook of one run.
struct Story {
    scene: Scene<'static>,
    proxy: Proxy,
    case: String,
    file: String,
}

impl Story {
    /// `@` in the steps stands for what all names begin with.
    fn new(compose: Compose, steps: &[&str]) -> Option<Self> {
        let engine = Engine::shared()?;
        let (mut scene, proxy) = (Scene::composed(compose)?, Proxy::new(engine));
        scene.through(&proxy);
        let case = format!("{}x", engine.name("crash"));
        for word in ["a", "b"] {
            let line = format!("run --detach --name {case}-{word} {WELL} busybox:test sleep 1000");
            engine.docker(&line.split(' ').collect::<Vec<_>>());
        }
        scene.file("docker-compose.yml", FILE);
        let steps: Vec<String> = steps.iter().map(|step| step.replace('@', &case)).collect();
        let file = scene.steps(&steps.iter().map(String::as_str).collect::<Vec<_>>());
        Some(Self { scene, proxy, case, file })
    }

    fn killed_at(&self, point: Option<&str>) {
        let mut command = self.scene.playbook(&["run", &self.file, "--yes"]);
        command.envs(point.map(|point| ("PLAYBOOK_FAILPOINT", point)));
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    }

    /// Where things stand, whatever they are called here.
    fn stand(&self) -> String {
        let engine = self.scene.engine;
        let filter = format!("name={}", self.case);
        let list = |words: &[&str]| engine.docker(&[words, &["--filter", &filter]].concat());
        let containers = list(&["ps", "--all", "--format", "{{.Names}}"]);
        let mut all: Vec<String> = containers
            .lines()
            .map(|name| {
                let it = engine.container(name);
                format!("{name} {} {}", it["State"]["Status"], it["HostConfig"]["RestartPolicy"])
            })
            .collect();
        all.extend(list(&["network", "ls", "--format", "{{.Name}}"]).lines().map(str::to_owned));
        all.sort();
        all.join("\n").replace(&self.case, "@")
    }

    /// What the engine was asked to change, by whomever; compose asks in any order.
    fn made(&self) -> Vec<String> {
        let is_id = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let known = |word: &str| if is_id(word) { "ID".to_owned() } else { word.replace(&self.case, "@") };
        let lines = self.proxy.changes().into_iter();
        let mut all: Vec<String> = lines.map(|line| line.split('/').map(known).collect::<Vec<_>>().join("/")).collect();
        all.sort();
        all
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        World::clear(self.scene.engine, &self.case);
    }
}

/// Every boundary of a run of these steps; `changes`: how many requests change something.
fn killed_at_every_boundary(compose: Compose, steps: &[&str], changes: usize) {
    let Some(whole) = Story::new(compose, steps) else { return };
    let before = whole.stand();
    whole.killed_at(None);
    let (expected, made, events) = (whole.stand(), whole.made(), whole.scene.journal().len());
    assert_eq!(made.len(), changes, "{made:#?}");
    let ways = ["before", "synced", "after"];
    let all = std::env::var_os("PLAYBOOK_DOCKER_POINTS").is_some();
    let points: Vec<String> = (2..=events)
        .flat_map(|seq| ways.iter().enumerate().map(move |(at, way)| (seq, at, way)))
        .filter(|(seq, at, _)| all || (seq % 2 == 0 && seq / 2 % ways.len() == *at))
        .map(|(seq, _, way)| format!("{way}:{seq}"))
        .collect();
    let next = AtomicUsize::new(0);
    let one = |at: usize, point: &str| {
        let story = Story::new(compose, steps).unwrap();
        story.killed_at(Some(point));
        let done = story.scene.run(&["resume", "last"]);
        if done.err().contains("never began") {
            return;
        }
        assert!(done.code() == 0 || done.err().contains("is over"), "{point}: {}{}", done.out(), done.err());
        assert_eq!(story.stand(), expected, "{point}: {}", done.out());
        assert_eq!(story.made(), made, "{point}: {}", done.out());
        // Some of them are taken back as well.
        if at.is_multiple_of(4) {
            story.scene.run(&["rollback", "last", "--yes"]).expect(0);
            assert_eq!(story.stand(), before, "{point}");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((at, point)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, points.get(at)?)))
                {
                    one(at, point);
                }
            });
        }
    });
}

#[test]
fn killed_at_every_event_and_resumed_it_ends_the_same_and_makes_nothing_twice() {
    let run = format!("id: run, docker: run -d --name @-c {WELL} busybox:test sleep 1000");
    let steps = [
        "id: restart, docker: restart -t 0 @-a",
        "id: stop, docker: stop @-b @-a",
        "id: update, docker: update --restart on-failure @-a",
        "id: rename, docker: rename @-a @-d",
        &run,
    ];
    killed_at_every_boundary(Compose::None, &steps, 7);
}

#[test]
fn killed_at_every_event_of_up_and_down_and_resumed_it_ends_the_same_and_makes_nothing_twice() {
    let steps = [
        "id: up, docker: compose -p @-p up -d",
        "id: some, docker: compose -p @-p stop web",
        "id: down, docker: compose -p @-p down -t 0",
        "id: again, docker: compose -p @-p up -d db",
    ];
    killed_at_every_boundary(Compose::V2, &steps, 13);
}

/// What a killed rollback made again the next one knows as its own: by a label, since ids are new.
#[test]
fn a_rollback_that_is_killed_is_gone_on_with_by_the_next() {
    let begun = || {
        let story = Story::new(Compose::V2, &["id: down, docker: compose -p @-p down -t 0"])?;
        let up = story.scene.file("up.yaml", &UP.replace('@', &story.case));
        story.scene.run(&["run", &up]).expect(0);
        let before = story.stand();
        story.killed_at(None);
        assert_ne!(story.stand(), before);
        Some((story, before))
    };
    let Some((whole, before)) = begun() else { return };
    let first = whole.scene.journal().len();
    whole.scene.run(&["rollback", "last", "--yes"]).expect(0);
    let events = whole.scene.journal().len();
    assert_eq!(whole.stand(), before);
    for seq in first + 1..=events {
        let (story, before) = begun().unwrap();
        let mut command = story.scene.playbook(&["rollback", "last", "--yes"]);
        command.env("PLAYBOOK_FAILPOINT", format!("before:{seq}"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        let done = story.scene.run(&["rollback", "last", "--yes"]);
        assert!(done.code() == 0 || done.err().contains("is over"), "{seq}: {}{}", done.out(), done.err());
        assert_eq!(story.stand(), before, "{seq}: {}", done.out());
    }
}
