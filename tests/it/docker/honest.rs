//! A plan sends nothing but GET, whatever the line; and says what stops, who misses it and what is lost.

use super::compose::Compose;
use super::proxy::Proxy;
use super::request::Seen;
use super::shop::{PROJECT, Shop};

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
    let others: Vec<String> = seen.iter().filter(|it| it.method != "GET").map(Seen::line).collect();
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

#[test]
fn a_plan_of_what_gets_its_name_later_is_the_same_twice() {
    let Some(scene) = crate::docker::scene::Scene::shared() else { return };
    let file = scene.steps(&["id: it, docker: volume create", "id: new, docker: run -d busybox:test sleep 1"]);
    let digest = || {
        let plan = scene.run(&["plan", "--live", "--output", "json", &file]).expect(0).json();
        plan["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest(), digest());
}
