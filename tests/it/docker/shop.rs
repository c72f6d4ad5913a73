//! A small project of compose in a folder of its own, with a playbook beside it.

use std::path::PathBuf;

use serde_json::json;

use super::compose::Compose;
use super::engine::Engine;
use super::scene::Scene;
use crate::live::Done;

/// Two services, one of which waits for the other.
pub(super) const PROJECT: &str = "version: '2.4'
services:
  cache:
    image: redis:test
    stop_signal: KILL
    volumes: ['data:/data']
  web:
    image: busybox:test
    command: sleep 1000
    stop_signal: KILL
    depends_on: [cache]
volumes: {data: {}}
";

/// A folder with a project that has the name of the folder, and a playbook beside it.
pub(super) struct Shop {
    pub(super) scene: Scene<'static>,
    pub(super) dir: PathBuf,
    pub(super) name: String,
    pub(super) compose: Compose,
}

impl Shop {
    pub(super) fn new(compose: Compose) -> Option<Self> {
        let scene = Scene::composed(compose)?;
        let name = scene.engine.name("shop");
        let dir = scene.engine.dir().join(&name);
        std::fs::create_dir(&dir).unwrap();
        let shop = Self { scene, dir, name, compose };
        shop.write(PROJECT);
        Some(shop)
    }

    pub(super) fn write(&self, text: &str) {
        std::fs::write(self.dir.join("compose.yaml"), text).unwrap();
    }

    pub(super) fn engine(&self) -> &'static Engine {
        self.scene.engine
    }

    /// A container of a service, as this compose calls it.
    pub(super) fn container(&self, service: &str) -> String {
        let between = if self.compose == Compose::V1 { '_' } else { '-' };
        format!("{}{between}{service}{between}1", self.name)
    }

    /// Asks compose itself.
    #[track_caller]
    pub(super) fn by_hand(&self, args: &[&str]) {
        let done = Done(self.compose.command(self.engine(), &self.dir, args).unwrap().output().unwrap());
        assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
    }

    /// A playbook with a step for each line; NAME stands for that of the project.
    pub(super) fn file(&self, lines: &[&str]) -> String {
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
    pub(super) fn everything(&self) -> Vec<String> {
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
    pub(super) fn plan(&self, line: &str) -> String {
        flat(&self.scene.run(&["plan", &self.file(&[line]), "--live"]).expect(0))
    }

    #[track_caller]
    pub(super) fn says(&self, line: &str, wanted: &[&str]) {
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
