//! What goes wrong between here and the engine, by a proxy that stands there: lost answers, refusals.

use super::engine::Engine;
use super::fault::Fault;
use super::proxy::Proxy;
use super::scene::Scene;

/// What a step is done to: a container that runs, one that rests, a network, and a proxy before them.
struct Bench {
    scene: Scene<'static>,
    proxy: Proxy,
    runs: String,
    rests: String,
    net: String,
}

impl Bench {
    fn new() -> Option<Self> {
        let engine = Engine::shared()?;
        let (mut scene, proxy) = (Scene::new(engine), Proxy::new(engine));
        scene.through(&proxy);
        let [runs, rests, net] = ["runs", "rests", "net"].map(|word| engine.name(word));
        engine.docker(&["network", "create", &net]);
        for (verb, name) in [("run", &runs), ("create", &rests)] {
            let own = ["--name", name, "--stop-signal", "KILL", "busybox:test", "sleep", "1000"];
            engine.docker(&[&[verb][..], if verb == "run" { &["--detach"] } else { &[] }, &own].concat());
        }
        Some(Self { scene, proxy, runs, rests, net })
    }

    fn line(&self, line: &str) -> String {
        line.replace("RUNS", &self.runs).replace("RESTS", &self.rests).replace("NET", &self.net)
    }

    /// What matters of both containers.
    fn stand(&self) -> Vec<serde_json::Value> {
        let of = |name: &String| {
            let found = self.scene.engine.find(&format!("/containers/{name}/json"))?;
            let networks =
                found["NetworkSettings"]["Networks"].as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
            let runs = found["State"]["Running"] == true && found["State"]["Paused"] == false;
            Some(serde_json::json!([runs, found["HostConfig"]["RestartPolicy"]["Name"], networks]))
        };
        let new = format!("{}-new", self.runs);
        [&self.runs, &self.rests, &new].into_iter().map(|name| of(name).unwrap_or_default()).collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let new = format!("{}-new", self.runs);
        let _ = self.scene.engine.try_docker(&["rm", "--force", &self.runs, &self.rests, &new]);
        let _ = self.scene.engine.try_docker(&["network", "rm", &self.net]);
    }
}

/// Lines, and the path of the request that makes the change.
const LINES: &[(&str, &str)] = &[
    ("stop RUNS", "/stop"),
    ("start RESTS", "/start"),
    ("restart -t 0 RUNS", "/restart"),
    ("pause RUNS", "/pause"),
    ("update --restart always RUNS", "/update"),
    ("rename RUNS RUNS-new", "/rename"),
    ("network connect NET RUNS", "/connect"),
    ("network disconnect bridge RUNS", "/disconnect"),
    ("run -d --name RUNS-new --stop-signal KILL busybox:test sleep 1000", "/containers/create"),
    ("run -d --name RUNS-new --stop-signal KILL busybox:test sleep 1000", "/start"),
];

#[test]
fn a_change_whose_answer_is_lost_is_found_out_and_not_made_twice() {
    for (line, path) in LINES {
        let Some(bench) = Bench::new() else { return };
        let (before, line) = (bench.stand(), bench.line(line));
        bench.proxy.next("POST", path, Fault::CutAnswer(0));
        let done = bench.scene.follow(&[&format!("id: it, docker: {line}")]);
        assert_eq!(bench.proxy.left(), 0, "{line}: {}", done.out());
        assert_eq!(done.code(), 0, "{line}: {}{}", done.out(), done.err());
        let sent = bench.proxy.changes().into_iter().filter(|sent| sent.contains(path)).count();
        assert_eq!(sent, 1, "{line}: {:?}", bench.proxy.changes());
        bench.scene.run(&["rollback", "last", "--yes"]).expect(0);
        assert_eq!(bench.stand(), before, "{line}");
    }
}

#[test]
fn a_change_that_never_arrived_is_found_out_and_told() {
    for (line, path) in LINES {
        let Some(bench) = Bench::new() else { return };
        let (before, line) = (bench.stand(), bench.line(line));
        bench.proxy.next("POST", path, Fault::Cut);
        let done = bench.scene.follow(&[&format!("id: it, docker: {line}")]);
        assert_eq!(bench.proxy.left(), 0, "{line}: {}", done.out());
        let said = done.out().split_whitespace().collect::<Vec<_>>().join(" ");
        if line.starts_with("run") && path == &"/start" {
            // It was made, and is started then.
            assert_eq!(done.code(), 0, "{line}: {said}");
        } else {
            assert_eq!(done.code(), 1, "{line}: {said}");
            assert!(said.contains("broke off before it had answered"), "{line}: {said}");
            assert!(said.contains("nothing was changed"), "{line}: {said}");
        }
        bench.scene.run(&["rollback", "last", "--yes"]);
        assert_eq!(bench.stand(), before, "{line}: {said}");
    }
}

#[test]
fn what_the_engine_refuses_is_told_in_its_words_and_changes_nothing() {
    for (status, words) in [(409, "a conflict of sorts"), (500, "the driver failed"), (503, "not now")] {
        for (line, path) in LINES {
            let Some(bench) = Bench::new() else { return };
            let (before, line) = (bench.stand(), bench.line(line));
            bench.proxy.next("POST", path, Fault::status(status, words));
            let done = bench.scene.follow(&[&format!("id: it, docker: {line}")]);
            assert_eq!((done.code(), bench.proxy.left()), (1, 0), "{line}: {}{}", done.out(), done.err());
            assert!(done.out().contains(words), "{line}: {}", done.out());
            bench.scene.run(&["rollback", "last", "--yes"]);
            assert_eq!(bench.stand(), before, "{line}: {}", done.out());
        }
    }
}

#[test]
fn reads_are_sent_again() {
    for fault in [Fault::Cut, Fault::CutAnswer(0), Fault::CutAnswer(120)] {
        let Some(bench) = Bench::new() else { return };
        bench.proxy.next("GET", &format!("/containers/{}", bench.runs), fault);
        let line = bench.line("id: it, docker: inspect RUNS, expect: result.running");
        bench.scene.follow(&[&line]).expect(0);
        assert_eq!(bench.proxy.left(), 0);
    }
}

#[test]
fn a_container_that_someone_removes_in_mid_run_is_told_and_the_rest_is_taken_back() {
    let Some(bench) = Bench::new() else { return };
    let (engine, name) = (bench.scene.engine, bench.rests.clone());
    let removes = Fault::First(Box::new(move || drop(engine.docker(&["rm", "--force", &name]))));
    bench.proxy.next("POST", "/start", removes);
    let steps = [bench.line("id: first, docker: pause RUNS"), bench.line("id: second, docker: start RESTS")];
    let done = bench.scene.follow(&[&steps[0], &steps[1]]).expect(1);
    assert!(done.out().contains("No such container"), "{}", done.out());
    bench.scene.run(&["verify", "last"]).expect(0);
    bench.scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(engine.container(&bench.runs)["State"]["Status"], "running");
}

#[test]
fn a_rollback_of_what_someone_removed_since_says_that_it_is_gone() {
    let Some(bench) = Bench::new() else { return };
    bench.scene.follow(&[&bench.line("id: it, docker: stop RUNS")]).expect(0);
    bench.scene.engine.docker(&["rm", &bench.runs]);
    let back = bench.scene.run(&["rollback", "last", "--yes"]).expect(5);
    assert!(back.out().contains("now gone"), "{}", back.out());
}

#[test]
fn what_someone_else_did_since_is_a_conflict_and_stays() {
    let Some(bench) = Bench::new() else { return };
    bench.scene.follow(&[&bench.line("id: it, docker: pause RUNS")]).expect(0);
    bench.scene.engine.docker(&["unpause", &bench.runs]);
    bench.scene.engine.docker(&["stop", &bench.runs]);
    let back = bench.scene.run(&["rollback", "last", "--yes"]).expect(5);
    let said = back.out().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("before running, ours paused, now exited"), "{said}");
    assert_eq!(bench.scene.engine.container(&bench.runs)["State"]["Status"], "exited");
}

#[test]
fn where_no_engine_is_it_says_where_it_looked_and_what_to_do() {
    let Some(mut bench) = Bench::new() else { return };
    let nobody = bench.scene.desk.dir.path().join("nobody.sock");
    bench.scene.set("DOCKER_HOST", format!("unix://{}", nobody.display()));
    let done = bench.scene.follow(&["id: it, docker: stop x"]);
    assert_eq!(done.code(), 1, "{}{}", done.out(), done.err());
    let said = (done.out() + &done.err()).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("nobody.sock cannot be reached: there is no such socket"), "{said}");
    assert!(said.contains("is the engine running"), "{said}");
}

#[test]
fn another_engine_than_the_playbook_expects_is_asked_who_it_is_and_nothing_else() {
    let Some(bench) = Bench::new() else { return };
    for (expect, differs) in [
        ("engine: 'ABCD:EFGH'", "and ABCD:EFGH is expected"),
        ("version: '<1.0'", "and <1.0 is expected"),
        ("name: elsewhere", "and elsewhere is expected"),
    ] {
        bench.proxy.forget();
        let head = format!("playbook: other\ntargets: {{d: {{docker: {{}}, expect: {{{expect}}}}}}}\n");
        let text = head + &bench.line("steps:\n  - {id: it, docker: stop RUNS}\n");
        let file = bench.scene.file("other.yaml", &text);
        let done = bench.scene.run(&["run", &file]);
        assert_eq!(done.code(), 6, "{}{}", done.out(), done.err());
        let said = (done.out() + &done.err()).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(differs), "{said}");
        assert!(bench.proxy.lines().iter().all(|line| ["GET /version", "GET /info"].contains(&line.as_str())));
    }
}

#[test]
fn a_volume_that_holds_data_by_now_is_left_and_told() {
    let Some(scene) = Scene::shared() else { return };
    for (writes, code) in [(false, 4), (true, 5)] {
        let name = scene.engine.name("volume");
        let make = format!("id: make, docker: volume create {name}");
        scene.run(&["run", &scene.steps(&[&make])]).expect(0);
        if writes {
            let mount = format!("{name}:/data");
            scene.engine.docker(&[
                "run",
                "--rm",
                "--volume",
                &mount,
                "busybox:test",
                "sh",
                "-c",
                "echo kept > /data/x",
            ]);
        }
        let done = scene.run(&["rollback", "last", "--yes"]);
        let said = done.out() + &done.err();
        assert_eq!(said.contains("removes no data"), writes, "{said}");
        assert_eq!(scene.engine.find(&format!("/volumes/{name}")).is_some(), writes, "{said}");
        assert!(done.code() == code || (!writes && done.code() == 0), "{}: {said}", done.code());
        scene.engine.try_docker(&["volume", "rm", "--force", &name]).unwrap();
    }
}
