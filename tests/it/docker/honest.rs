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

/// Containers of the same engine that would miss one of the project.
fn neighbours(shop: &Shop) {
    let (cache, network) = (shop.container("cache"), format!("{}_default", shop.name));
    let run = |word: &str, flags: &[&str]| {
        let name = format!("{}-{word}", shop.name);
        let words = [&["run", "-d", "--name", &name][..], flags, &["busybox:test", "sleep", "1000"]].concat();
        shop.engine().docker(&words);
    };
    run("linked", &["--network", &network, "--link", &format!("{cache}:cache")]);
    run("inside", &["--network", &format!("container:{cache}")]);
    run("reads", &["--volumes-from", &cache]);
    run("once", &["--rm"]);
}

#[test]
fn a_plan_says_what_stops_and_who_misses_it() {
    let Some(shop) = Shop::new(Compose::V2) else { return };
    shop.write(&PROJECT.replace("image: redis:test", "image: redis:test\n    ports: ['127.0.0.1::6379']"));
    shop.by_hand(&["up", "-d"]);
    neighbours(&shop);
    let missed = [
        "NAME-inside uses the network of NAME-cache-1, and loses it",
        "NAME-linked is linked to NAME-cache-1",
        "NAME-reads uses the volumes of NAME-cache-1",
        "NAME-web-1 depends on cache (depends_on of compose)",
        "share the network NAME_default, and may talk to it",
    ];
    let says = |line: &str, more: &[&str]| shop.says(line, &[&missed[..], more].concat());
    says("stop NAME-cache-1", &["container NAME-cache-1: running → exited", "→ 6379/tcp comes free"]);
    says("restart NAME-cache-1", &["running → started anew, running", "→ 6379/tcp does not answer meanwhile"]);
    says("compose stop cache", &["container NAME-cache-1: running → exited", "hits 1 container NAME-cache-1"]);
    says("kill NAME-cache-1", &["running → exited"]);
    says("pause NAME-cache-1", &["running → paused"]);
    shop.says(
        "stop NAME-once",
        &["container NAME-once: running → (absent)", "it was started with --rm: when it ends the engine removes it"],
    );
    shop.says("compose start", &["already so: nothing would change"]);
}

#[test]
fn a_plan_says_what_is_lost() {
    let Some(shop) = Shop::new(Compose::V2) else { return };
    shop.write(&PROJECT.replace("['data:/data']", "['data:/data', '/more']"));
    shop.by_hand(&["up", "-d"]);
    let (cache, web) = (shop.container("cache"), shop.container("web"));
    shop.engine().docker(&["exec", &web, "touch", "/made"]);
    let lost = "what NAME-web-1 wrote outside of volumes is lost (1 file: /made)";
    shop.says("rm -f NAME-web-1", &["destroys data; cannot be rolled back", lost]);
    let down = ["container NAME-web-1: exited → (absent)", "network NAME_default: there → (absent)", lost];
    let networks = ["hits 2 containers", "hits 1 network NAME_default"];
    shop.says("compose down", &[&down[..], &networks, &["volumes stay, also those without a name"]].concat());
    let volumes =
        ["volume NAME_data: there → (absent)", "the volumes at /more of NAME-cache-1 are lost with their data"];
    shop.says("compose down -v", &[&down[..], &volumes].concat());
    // What goes with its volume does not keep it.
    assert!(!shop.plan("compose down -v").contains("so the engine will refuse"));
    shop.says(&format!("volume rm {}_data", shop.name), &["NAME-cache-1 uses the volume", "the engine will refuse"]);
    // A place for a mount is nothing that was written.
    assert!(!shop.plan(&format!("rm -f {cache}")).contains("wrote outside of volumes is lost ("));
}

/// A change, without what is only known afterwards: `running (healthy)` is running.
fn plain(change: &Value) -> String {
    let side = |name: &str| {
        let value = change[name]["value"].as_str().unwrap_or("(absent)");
        value.split(" (").next().unwrap_or_default().replace("exited", "stopped").replace("created", "stopped")
    };
    format!("{}: {} → {}", change["subject"].as_str().unwrap(), side("before"), side("after"))
}

fn of(changes: &Value) -> BTreeSet<String> {
    changes.as_array().into_iter().flatten().map(plain).collect()
}

impl Shop {
    /// Plans a line and runs it: the plan says so many changes, and the run records just those.
    #[track_caller]
    fn agrees(&self, line: &str, count: usize) {
        let file = self.file(&[line]);
        let plan = self.scene.run(&["plan", &file, "--live", "-o", "json"]).expect(0).json();
        let planned = of(&plan["steps"][0]["planned"]["changes"]);
        self.scene.run(&["run", &file, "--yes"]).expect(0);
        let states = self.scene.desk.everything();
        // The last of the journals is that of this run.
        let results: Vec<Value> = states
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|event| event["type"] == "action.result")
            .collect();
        let last = results.iter().max_by_key(|event| event["time"].as_str().unwrap().to_owned()).unwrap();
        assert_eq!(of(&last["data"]["diff"]), planned, "{:?}: {line}", self.compose);
        assert_eq!(planned.len(), count, "{:?}: {line}: {planned:?}", self.compose);
    }
}

fn plans_of_up_come_true(compose: Compose) {
    let Some(shop) = Shop::new(compose) else { return };
    let image = format!("{}:1", shop.name);
    shop.engine().docker(&["tag", "busybox:test", &image]);
    let mut text = PROJECT.replace("busybox:test", &image);
    shop.write(&text);
    // A network, a volume, two containers.
    shop.agrees("compose up -d", 4);
    shop.agrees("compose up -d", 0);
    text = text.replace("sleep 1000", "sleep 2000");
    shop.write(&text);
    shop.agrees("compose up -d cache", 0);
    shop.agrees("compose up -d", 1);
    shop.agrees("compose up -d --force-recreate", 2);
    shop.engine().docker(&["tag", "redis:next", &image]);
    shop.agrees("compose up -d", 1);
    shop.agrees("compose up -d --scale web=3", 2);
    shop.agrees("compose up -d", 2);
    shop.by_hand(&["stop", "web"]);
    shop.agrees("compose up -d", 1);
    text = text[..text.find("  web:").unwrap()].to_owned() + "volumes: {data: {}}\n";
    shop.write(&text);
    shop.agrees("compose up -d --remove-orphans", 1);
    shop.by_hand(&["down", "-v"]);
    shop.engine().docker(&["rmi", &image]);
}

#[test]
fn what_a_plan_of_up_says_happens_with_the_first_compose() {
    plans_of_up_come_true(Compose::V1);
}

#[test]
fn what_a_plan_of_up_says_happens_with_the_second_compose() {
    plans_of_up_come_true(Compose::V2);
}
