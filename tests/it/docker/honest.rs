//! A plan sends nothing but GET, whatever the line; and says what the run then does.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::compose::Compose;
use super::engine::Engine;
use super::proxy::Proxy;
use super::scene::Scene;
use crate::live::Done;

/// Two services, one of which waits for the other.
const PROJECT: &str = "version: '2.4'
services:
  cache:
    image: redis:test
    stop_grace_period: 0s
    volumes: ['data:/data']
  web:
    image: busybox:test
    command: sleep 1000
    stop_grace_period: 0s
    depends_on: [cache]
volumes: {data: {}}
";

/// A folder with a project that has the name of the folder, and a playbook beside it.
struct Shop {
    scene: Scene<'static>,
    dir: PathBuf,
    name: String,
    compose: Compose,
}

impl Shop {
    fn new(compose: Compose) -> Option<Self> {
        let scene = Scene::composed(compose)?;
        let name = scene.engine.name("shop");
        let dir = scene.engine.dir().join(&name);
        std::fs::create_dir(&dir).unwrap();
        let shop = Self { scene, dir, name, compose };
        shop.write(PROJECT);
        Some(shop)
    }

    fn write(&self, text: &str) {
        std::fs::write(self.dir.join("compose.yaml"), text).unwrap();
    }

    fn engine(&self) -> &'static Engine {
        self.scene.engine
    }

    /// A container of a service, as this compose calls it.
    fn container(&self, service: &str) -> String {
        let between = if self.compose == Compose::V1 { '_' } else { '-' };
        format!("{}{between}{service}{between}1", self.name)
    }

    /// Asks compose itself.
    #[track_caller]
    fn by_hand(&self, args: &[&str]) {
        let done = Done(self.compose.command(self.engine(), &self.dir, args).unwrap().output().unwrap());
        assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
    }

    /// A playbook with a step for each line; NAME stands for that of the project.
    fn file(&self, lines: &[&str]) -> String {
        let steps: String = lines
            .iter()
            .enumerate()
            .map(|(at, line)| {
                let line = line.replace("NAME", &self.name);
                let step = json!({"id": format!("s{at}"), "docker": line, "confirm": "Sure?", "timeout": "2m"});
                format!("  - {step}\n")
            })
            .collect();
        let path = self.dir.join("line.yaml");
        std::fs::write(&path, format!("playbook: line\ntargets: {{docker: {{docker: {{}}}}}}\nsteps:\n{steps}"))
            .unwrap();
        path.display().to_string()
    }

    /// What there is of this test: containers and how they stand, networks, volumes.
    fn everything(&self) -> Vec<String> {
        let of = format!("name={}", self.name);
        let ask = |args: &[&str]| self.engine().docker(&[args, &["--filter", &of]].concat());
        let containers = ask(&["ps", "-aq", "--no-trunc"]);
        let state = |id: &str| {
            let it = self.engine().container(id);
            format!("{} {} {} {}", it["Name"], it["Id"], it["State"], it["HostConfig"])
        };
        let mut all: Vec<String> = containers.lines().map(state).collect();
        all.push(ask(&["network", "ls", "-q", "--no-trunc"]));
        all.push(ask(&["volume", "ls", "-q"]));
        all
    }

    /// The plan of one line, in words.
    #[track_caller]
    fn plan(&self, line: &str) -> String {
        flat(&self.scene.run(&["plan", &self.file(&[line]), "--live"]).expect(0))
    }

    #[track_caller]
    fn says(&self, line: &str, wanted: &[&str]) {
        let plan = self.plan(line);
        for words in wanted {
            let words = words.replace("NAME", &self.name);
            assert!(plan.contains(&words), "{line} does not say: {words}\n{plan}");
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let of = format!("name={}", self.name);
        let ids = self.engine().try_docker(&["ps", "-aq", "--filter", &of]).unwrap_or_default();
        for id in ids.lines() {
            let _ = self.engine().try_docker(&["rm", "-fv", id]);
        }
    }
}

fn flat(done: &Done) -> String {
    (done.out() + &done.err()).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line of each kind that changes something. `NAME-a` runs, `NAME-b` rests, `NAME-p` is paused.
const CHANGES: [&str; 41] = [
    "start NAME-b",
    "stop NAME-a",
    "restart NAME-a",
    "kill NAME-a",
    "pause NAME-a",
    "unpause NAME-p",
    "update --memory 100m NAME-a",
    "rename NAME-a NAME-c",
    "rm NAME-b",
    "rm -f -v NAME-a",
    "exec NAME-a touch /made",
    "run --rm busybox:test touch /made",
    "run -d --name NAME-d busybox:test sleep 1000",
    "pull busybox:test",
    "volume create NAME-more",
    "volume rm NAME-v",
    "volume prune",
    "network create NAME-more",
    "network rm NAME-n",
    "network connect NAME-n NAME-a",
    "network disconnect bridge NAME-a",
    "network prune",
    "container prune",
    "image prune -a",
    "compose up -d",
    "compose up -d --force-recreate",
    "compose up -d --scale web=3",
    "compose scale web=2",
    "compose down",
    "compose down -v",
    "compose stop",
    "compose start",
    "compose restart cache",
    "compose kill",
    "compose pause",
    "compose unpause",
    "compose rm -f -s",
    "compose pull",
    "compose exec web touch /made",
    "compose run --rm web touch /made",
    "compose down --rmi all",
];

fn plans_only_look(compose: Compose) {
    let Some(mut shop) = Shop::new(compose) else { return };
    shop.by_hand(&["up", "-d"]);
    for (name, verb) in [("a", "run"), ("b", "create"), ("p", "run")] {
        let name = format!("{}-{name}", shop.name);
        let detach = if verb == "run" { "-d" } else { "-i" };
        shop.engine().docker(&[verb, detach, "--name", &name, "busybox:test", "sleep", "1000"]);
    }
    shop.engine().docker(&["pause", &format!("{}-p", shop.name)]);
    shop.engine().docker(&["volume", "create", &format!("{}-v", shop.name)]);
    shop.engine().docker(&["network", "create", &format!("{}-n", shop.name)]);
    // Something that compose would make anew.
    shop.write(&PROJECT.replace("sleep 1000", "sleep 2000"));

    let proxy = Proxy::new(shop.engine());
    shop.scene.through(&proxy);
    let before = shop.everything();
    let plan = shop.scene.run(&["plan", &shop.file(&CHANGES), "--live", "-o", "json"]).expect(0).json();
    for step in plan["steps"].as_array().unwrap() {
        assert!(!step["planned"].is_null(), "{compose:?}: {step:#}");
    }
    let seen = proxy.seen();
    assert!(seen.len() > CHANGES.len());
    let others: Vec<String> = seen.iter().filter(|it| it.method != "GET").map(|it| it.line()).collect();
    assert_eq!(others, [""; 0], "{compose:?}");
    assert_eq!(shop.everything(), before);
}

#[test]
fn a_plan_of_any_line_only_looks_with_the_first_compose() {
    plans_only_look(Compose::V1);
}

#[test]
fn a_plan_of_any_line_only_looks_with_the_second_compose() {
    plans_only_look(Compose::V2);
}
