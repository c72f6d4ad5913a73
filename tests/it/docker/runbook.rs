//! Every docker and docker-compose line of real runbooks of Redis outages, as it is written in a step:
//! planned with nothing but GET, and run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::compose::Compose;
use super::proxy::Proxy;
use super::scene::Scene;
use crate::live::Done;

const LINES: &str = include_str!("../../fixtures/docker/runbook.lines");
/// The project of a runbook, with a name for its container.
const PROJECT: &str = include_str!("../../fixtures/docker/project.yaml");
/// Where Redis 7 keeps what was appended last.
const TAIL: &str = "data/appendonlydir/appendonly.aof.1.incr.aof";
/// What checks it, and all that belongs to it.
const CHECK: &str = "run --rm -v ./data:/data redis:7-alpine redis-check-aof";

/// A folder with a project and a playbook.
struct Runbook {
    scene: Scene<'static>,
    proxy: Proxy,
    dir: PathBuf,
    /// Of the project, and of its container.
    name: String,
}

impl Runbook {
    fn new(compose: Compose, file: &str) -> Option<Self> {
        let scene = Scene::composed(compose)?;
        let name = scene.engine.name("redis");
        let dir = scene.engine.dir().join(&name);
        std::fs::create_dir_all(dir.join("data")).unwrap();
        std::fs::write(dir.join(file), PROJECT.replace("NAME", &name)).unwrap();
        let proxy = Proxy::new(scene.engine);
        Some(Self { scene, proxy, dir, name })
    }

    /// The playbook of one line. In what is expected, `it` is the one container that was found.
    fn file(&self, line: &str, expect: &str) -> String {
        let mut step = json!({"id": "it", "docker": line, "confirm": "Sure?", "timeout": "2m"});
        if !expect.is_empty() {
            step["expect"] = expect.replace("NAME", &self.name).into();
        }
        let text = format!("playbook: line\ntargets: {{docker: {{docker: {{}}}}}}\nsteps:\n  - {step}\n");
        let path = self.dir.join("line.yaml");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// What is planned, for which the engine was only looked at; not even compose reached it.
    fn planned(&self, file: &str) -> Done {
        self.proxy.forget();
        let mut plan = self.scene.playbook(&["plan", file, "--live"]);
        let plan = Done(plan.env("DOCKER_HOST", self.proxy.host()).output().unwrap());
        assert_eq!(self.proxy.changes(), [""; 0], "{}", plan.out());
        plan
    }

    /// Plans a line and runs it: the plan says `plan`, and the result is as expected.
    #[track_caller]
    fn does(&self, line: &str, plan: &str, expect: &str) {
        // Who calls the container redis is alone on the engine.
        let own = ["exec redis ", "stats redis"].iter().any(|start| line.starts_with(start));
        let line = if own { line.replacen(" redis", &format!(" {}", self.name), 1) } else { line.to_owned() };
        let file = self.file(&line, expect);
        let planned = flat(&self.planned(&file).expect(0));
        assert!(planned.contains(&plan.replace("NAME", &self.name)), "{line}: {planned}");
        self.scene.run(&["run", &file, "--yes"]).expect(0);
    }

    /// The same of a line that fails, and why.
    #[track_caller]
    fn fails(&self, line: &str, why: &str) {
        let file = self.file(line, "");
        self.planned(&file).expect(0);
        let said = flat(&self.scene.run(&["run", &file, "--yes"]).expect(1));
        assert!(said.contains(why), "{line}: {said}");
    }

    fn cli(&self, words: &[&str]) -> String {
        self.scene.engine.docker(&[&["exec", &self.name, "redis-cli"], words].concat())
    }

    fn state(&self) -> Value {
        self.scene.engine.container(&self.name)["State"].clone()
    }

    fn is_gone(&self) -> bool {
        self.scene.engine.find(&format!("/containers/{}/json", self.name)).is_none()
    }
}

fn flat(done: &Done) -> String {
    (done.out() + &done.err()).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a step that starts something waits for.
const HEALTHY: &str = "result.settled.items[0].name == 'NAME' and result.settled.items[0].health == 'healthy'";
const LOGGED: &str = "'Ready to accept connections' in result.text";

/// Restart, logs, stop, start, however the compose file is named.
const DEV: [&str; 4] = [
    "compose -f docker-compose.dev.yml restart redis",
    "compose -f docker-compose.dev.yml logs redis",
    "compose -f docker-compose.dev.yml stop redis",
    "compose -f docker-compose.dev.yml start redis",
];
const OWN: [&str; 4] = ["compose restart redis", "compose logs redis", "compose stop redis", "compose start redis"];

fn comes_and_goes(book: &Runbook, [restart, logs, stop, start]: [&str; 4]) {
    let began = book.state()["StartedAt"].clone();
    book.does(restart, "container NAME: running (healthy) → started anew, running", HEALTHY);
    assert_ne!(book.state()["StartedAt"], began);
    book.does(logs, "docker: compose", LOGGED);
    book.does(stop, "container NAME: running (healthy) → exited", "");
    assert_eq!(book.state()["Status"], "exited");
    // It is done when the container is healthy.
    book.does(start, "container NAME: exited (0) → running", HEALTHY);
    assert_eq!(book.state()["Health"]["Status"], "healthy");
}

/// What else only looks, or asks redis-cli.
const LOOKS: [(&str, &str); 5] = [
    ("ps --filter name=redis", "result.items | selectattr('name', 'eq', 'NAME') | list | length == 1"),
    ("compose ps", "result.items[0].name == 'NAME' and result.items[0].health == 'healthy'"),
    ("compose logs --tail=100 redis", "result.lines | length > 3"),
    ("stats redis", "result.memory_usage > 0 and result.cpu_percent >= 0"),
    ("exec redis redis-cli bgsave", "'Background saving started' in result"),
];

/// Up and down, for which somebody has to read the compose file.
const MAKES: [&str; 3] = ["compose up -d", "compose down", "compose down -v"];
/// As it is written there: of a file that Redis 7 makes no longer, but that an older one left.
const FIX: &str = "run --rm -v ./data:/data redis:7-alpine redis-check-aof --fix /data/appendonly.aof";

#[test]
fn no_line_of_the_runbooks_is_forgotten_here() {
    let written: BTreeSet<&str> = LINES.lines().filter_map(|line| line.strip_prefix("step: ")).collect();
    let looks = LOOKS.map(|(line, _)| line);
    let known = [&DEV[..], &OWN, &looks, &MAKES, &[FIX]].concat();
    assert_eq!(known.into_iter().collect::<BTreeSet<_>>(), written);
}

/// All of them, in the order of an outage.
fn outage(compose: Compose) {
    let Some(book) = Runbook::new(compose, "docker-compose.yaml") else { return };
    let [up, down, down_v] = MAKES;
    book.does(up, "container NAME: (absent) → running", HEALTHY);
    book.cli(&["set", "session:1", "kept"]);
    comes_and_goes(&book, OWN);
    for (line, expect) in LOOKS {
        book.does(line, "docker: ", expect);
    }
    book.does("ps", "docker: ps", LOOKS[0].1);

    book.does(down, "container NAME: running (healthy) → exited", "");
    assert!(book.is_gone());
    book.does(up, "container NAME: (absent) → running", HEALTHY);
    assert_eq!(book.cli(&["get", "session:1"]), "kept");
    book.does(down_v, "destroys data", "");
    assert!(book.is_gone() && book.dir.join(TAIL).exists());
}

#[test]
fn every_line_of_an_outage_is_planned_and_runs_with_the_first_compose() {
    outage(Compose::V1);
}

#[test]
fn every_line_of_an_outage_is_planned_and_runs_with_the_second_compose() {
    outage(Compose::V2);
}

/// A project that is up, for which compose was only needed once.
fn without_compose(file: &str) -> Option<Runbook> {
    let book = Runbook::new(Compose::None, file)?;
    let up = ["-f", file, "up", "-d"];
    let up = Compose::V2.command(book.scene.engine, &book.dir, &up)?.output().unwrap();
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    book.scene.engine.wait(&book.name, |it| it["State"]["Health"]["Status"] == "healthy");
    Some(book)
}

#[test]
fn what_labels_tell_takes_no_compose() {
    let Some(book) = without_compose("docker-compose.yaml") else { return };
    comes_and_goes(&book, OWN);
    for (line, expect) in LOOKS {
        book.does(line, "docker: ", expect);
    }
    book.does("compose down", "container NAME: running (healthy) → exited", "");
    assert!(book.is_gone());
    let plan = flat(&book.planned(&book.file("compose up -d", "")));
    assert!(plan.contains("this takes compose, and there is none on this machine"), "{plan}");
}

#[test]
fn a_compose_file_is_named_by_f() {
    let Some(book) = without_compose("docker-compose.dev.yml") else { return };
    comes_and_goes(&book, DEV);
    book.does("compose -f docker-compose.dev.yml down", "→ exited", "");
}

#[test]
fn a_broken_append_only_file_is_checked_and_mended_in_a_throwaway_container() {
    let Some(book) = without_compose("docker-compose.yaml") else { return };
    for key in ["a", "b", "c"] {
        book.cli(&["set", key, "kept"]);
    }
    book.does("compose stop redis", "→ exited", "");
    let tail = book.dir.join(TAIL);
    let bytes = std::fs::read(&tail).unwrap();
    std::fs::write(&tail, &bytes[..bytes.len() - 4]).unwrap();
    let files = "/data/appendonlydir/appendonly.aof.manifest";

    book.fails(&format!("{CHECK} {files}"), "Use the --fix option to try fixing it");
    // It asks, and nobody is there: as with docker run without -i, it does not hang and changes nothing.
    book.fails(&format!("{CHECK} --fix {files}"), "Continue? [y/N]: Aborting...");
    assert_eq!(std::fs::read(&tail).unwrap().len(), bytes.len() - 4);
    let yes = format!("run --rm -v ./data:/data redis:7-alpine sh -c 'echo y | redis-check-aof --fix {files}'");
    book.does(&yes, "nobody knows what the program does", "'Successfully truncated AOF' in result.stdout");
    book.does(&format!("{CHECK} {files}"), "docker: run", "'All AOF files and manifest are valid' in result.stdout");

    book.does("compose start redis", "→ running", HEALTHY);
    assert_eq!(book.cli(&["mget", "a", "b", "c"]), "kept\nkept");
    book.does("compose down -t 0", "→ exited", "");
    let here = format!("volume={}", book.dir.join("data").display());
    let left = book.scene.engine.docker(&["ps", "-aq", "--filter", &here]);
    assert_eq!(left, "", "a throwaway container is thrown away");
}

#[test]
fn an_append_only_file_of_before_is_fixed_by_the_line_as_it_stands() {
    let Some(book) = Runbook::new(Compose::None, "docker-compose.yaml") else { return };
    let file = book.dir.join("data/appendonly.aof");
    let whole = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\nkept\r\n";
    book.fails(FIX, "Cannot open file");
    std::fs::write(&file, whole).unwrap();
    // Nothing is wrong with it: it does not ask.
    book.does(FIX, "cannot be rolled back", "'AOF is valid' in result.stdout or 'is valid' in result.stdout");
    std::fs::write(&file, format!("{whole}*3\r\n$3\r\nSET\r\n$1")).unwrap();
    book.fails(FIX, "Aborting...");
    book.does(
        &FIX.replace("redis-check-aof", "sh -c 'echo y | redis-check-aof").replace("appendonly.aof", "appendonly.aof'"),
        "",
        "result.code == 0",
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), whole);
}
