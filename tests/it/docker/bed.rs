//! The testbed is what it says it is.

use std::time::Duration;

use super::compose::Compose;
use super::engine::{Engine, Options};
use super::fault::Fault;
use super::proxy::Proxy;
use super::scene::Scene;
use crate::keeper::until;

/// The docker client through a proxy.
fn through(engine: &Engine, proxy: &Proxy, args: &[&str]) -> Result<String, String> {
    let done = engine.client("docker").env("DOCKER_HOST", proxy.host()).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
}

#[test]
fn the_engine_runs_a_redis_whose_port_is_reached_from_inside() {
    let Some(engine) = Engine::shared() else { return };
    let name = engine.redis("cache", &["--publish", "127.0.0.1::6379"]);
    assert_ne!(engine.name("cache"), name);
    assert_eq!(engine.docker(&["exec", &name, "redis-cli", "set", "a", "1"]), "OK");
    let container = engine.container(&name);
    let port = container["NetworkSettings"]["Ports"]["6379/tcp"][0]["HostPort"].as_str().unwrap().to_owned();
    assert_eq!(engine.say("redis-cli", &["-p", &port, "get", "a"]), "1");
    let address = container["NetworkSettings"]["IPAddress"].as_str().unwrap();
    assert_eq!(engine.say("redis-cli", &["-h", address, "get", "a"]), "1");
    assert!(engine.docker(&["logs", &name]).contains("Ready to accept connections"));
    engine.docker(&["rm", "--force", "--volumes", &name]);
    assert_eq!(engine.find(&format!("/containers/{name}/json")), None);
}

#[test]
fn the_images_are_those_that_tests_name() {
    let Some(engine) = Engine::shared() else { return };
    let id = |image: &str| engine.find(&format!("/images/{image}/json")).unwrap()["Id"].clone();
    assert_eq!(id("redis:test"), id("redis:7-alpine"));
    assert_ne!(id("redis:test"), id("redis:next"));
    assert_eq!(engine.docker(&["run", "--rm", "busybox:test", "echo", "here"]), "here");
    let check =
        ["run", "--rm", "redis:test", "sh", "-c", "redis-check-aof 2>&1; redis-check-rdb 2>&1; redis-server -v"];
    let said = engine.docker(&check);
    assert!(said.contains("Usage: redis-check-aof") || said.contains("Usage: redis-check-rdb"), "{said}");
    assert!(said.contains("Redis server v="), "{said}");
}

#[test]
fn a_command_inside_is_the_program_itself() {
    let Some(engine) = Engine::shared() else { return };
    let mut waits = engine.client("sleep").arg("100").spawn().unwrap();
    let became = || std::fs::read_to_string(format!("/proc/{}/comm", waits.id())).ok().filter(|it| it == "sleep\n");
    assert!(until(Duration::from_secs(30), became).is_some());
    waits.kill().unwrap();
    waits.wait().unwrap();
}

#[test]
fn the_program_is_run_in_a_scene() {
    let Some(scene) = Scene::shared() else { return };
    scene.run(&["--version"]).expect(0);
}

#[test]
fn a_proxy_sees_each_request_and_answers_in_place_of_the_engine() {
    let Some(engine) = Engine::shared() else { return };
    let (proxy, name) = (Proxy::new(engine), engine.name("seen"));
    through(engine, &proxy, &["create", "--name", &name, "busybox:test", "sleep", "1000"]).unwrap();
    let created = proxy.wait_seen("POST", "/containers/create", 1);
    assert!(String::from_utf8_lossy(&created[0].body).contains("\"Image\":\"busybox:test\""));
    assert_eq!((created[0].path.as_str(), created[0].is_look()), ("/containers/create", false));

    proxy.forget();
    proxy.after(1, "POST", "/start", Fault::no_space());
    through(engine, &proxy, &["start", &name]).unwrap();
    through(engine, &proxy, &["stop", "--time", "0", &name]).unwrap();
    let refused = through(engine, &proxy, &["start", &name]).unwrap_err();
    assert!(refused.contains("no space left on device"), "{refused}");
    assert_eq!(proxy.left(), 0);
    assert_eq!(engine.container(&name)["State"]["Running"], false);
    let changes = proxy.changes();
    assert_eq!(changes[0], format!("POST /containers/{name}/start"));
    assert_eq!(changes.len(), 3, "{changes:?}");
    engine.docker(&["rm", &name]);
}

#[test]
fn a_proxy_cuts_connections_before_and_after_the_engine_has_acted() {
    let Some(engine) = Engine::shared() else { return };
    let (proxy, name) = (Proxy::new(engine), engine.name("cut"));
    engine.docker(&["create", "--name", &name, "busybox:test", "sleep", "1000"]);
    proxy.next("POST", "/start", Fault::Cut);
    through(engine, &proxy, &["start", &name]).unwrap_err();
    assert_eq!(engine.container(&name)["State"]["Running"], false);
    proxy.next("POST", "/start", Fault::CutAnswer(0));
    through(engine, &proxy, &["start", &name]).unwrap_err();
    assert_eq!(engine.container(&name)["State"]["Running"], true);
    proxy.next("GET", "/json", Fault::CutAnswer(300));
    through(engine, &proxy, &["inspect", &name]).unwrap_err();

    // The engine has acted, and somebody else before the answer comes.
    let also = name.clone();
    proxy.next("POST", "/pause", Fault::Then(Box::new(move || drop(engine.docker(&["unpause", &also])))));
    through(engine, &proxy, &["pause", &name]).unwrap();
    assert_eq!(engine.container(&name)["State"]["Paused"], false);
    engine.docker(&["rm", "--force", &name]);
}

#[test]
fn a_proxy_holds_requests_and_answers() {
    let Some(engine) = Engine::shared() else { return };
    let (proxy, name) = (Proxy::new(engine), engine.name("held"));
    engine.docker(&["create", "--name", &name, "busybox:test", "sleep", "1000"]);
    let running = || engine.container(&name)["State"]["Running"] == true;
    std::thread::scope(|scope| {
        let start = || scope.spawn(|| through(engine, &proxy, &["start", &name]));
        let held = proxy.hold("POST", "/start");
        let starter = start();
        held.arrived();
        assert!(!running() && proxy.open() > 0);
        held.release();
        starter.join().unwrap().unwrap();
        assert!(running());

        engine.docker(&["kill", &name]);
        let held = proxy.hold_answer("POST", "/start");
        let starter = start();
        held.arrived();
        assert!(running() && !starter.is_finished());
        held.release();
        starter.join().unwrap().unwrap();
    });
    engine.docker(&["rm", "--force", &name]);
}

#[test]
fn a_proxy_passes_streams_through() {
    let Some(engine) = Engine::shared() else { return };
    let (proxy, name) = (Proxy::new(engine), engine.redis("stream", &[]));
    let said = through(engine, &proxy, &["exec", &name, "sh", "-c", "echo out; echo err >&2; exit 3"]).unwrap_err();
    assert_eq!(said, "err");
    // What is written to a program, to its end.
    let mut command = engine.client("docker");
    command.env("DOCKER_HOST", proxy.host()).args(["exec", "--interactive", &name, "wc", "-c"]);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &vec![b'a'; 100_000]).unwrap();
    let said = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "100000");
    // A stream of events, to which the client does not write.
    let mut command = engine.client("docker");
    command.env("DOCKER_HOST", proxy.host()).args(["logs", "--follow", &name]);
    let mut follows = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    proxy.wait_seen("GET", "/logs", 1);
    engine.docker(&["rm", "--force", "--volumes", &name]);
    assert!(follows.wait().unwrap().success());
}

#[test]
fn images_are_pulled_from_a_registry() {
    let Some(engine) = Engine::shared() else { return };
    let Some(registry) = engine.registry() else { return };
    let image = registry.image("busybox:test");
    assert!(engine.docker(&["pull", &image]).contains("Downloaded newer image"));
    assert_eq!(engine.docker(&["run", "--rm", &image, "echo", "here"]), "here");
    engine.docker(&["rmi", &image]);
    let none = engine.try_docker(&["pull", &registry.image("nothing:1")]).unwrap_err();
    assert!(none.contains("manifest unknown") || none.contains("not found"), "{none}");
}

/// A project of two services, in a folder of its own.
fn project(engine: &Engine, word: &str) -> (String, std::path::PathBuf) {
    let name = engine.name(word);
    let dir = engine.dir().join(&name);
    std::fs::create_dir(&dir).unwrap();
    let text = "
services:
  cache: {image: 'redis:test', healthcheck: {test: [CMD, redis-cli, ping], interval: 1s}}
  web: {image: 'busybox:test', command: sleep 1000, stop_grace_period: 0s, depends_on: [cache]}
";
    std::fs::write(dir.join("docker-compose.yml"), format!("version: '2.4'{text}")).unwrap();
    (name, dir)
}

#[test]
fn either_compose_brings_a_project_up_and_down() {
    let Some(engine) = Engine::shared() else { return };
    for compose in [Compose::V1, Compose::V2] {
        let (name, dir) = project(engine, "project");
        let Some(mut up) = compose.command(engine, &dir, &["-p", &name, "up", "-d"]) else { continue };
        let said = up.output().unwrap();
        assert!(said.status.success(), "{compose:?}: {}", String::from_utf8_lossy(&said.stderr));
        let of = format!("label=com.docker.compose.project={name}");
        assert_eq!(engine.docker(&["ps", "--quiet", "--filter", &of]).lines().count(), 2, "{compose:?}");
        let down = compose.command(engine, &dir, &["-p", &name, "down", "-v", "-t", "0"]).unwrap().output().unwrap();
        assert!(down.status.success(), "{compose:?}: {}", String::from_utf8_lossy(&down.stderr));
        assert_eq!(engine.docker(&["ps", "--all", "--quiet", "--filter", &of]), "");
    }
}

#[test]
fn no_compose_is_found_where_there_is_to_be_none() {
    let Some(engine) = Engine::shared() else { return };
    let settings = Compose::None.settings(engine).unwrap();
    let (_, path) = settings.iter().find(|(name, _)| *name == "PATH").unwrap();
    assert!(path.join("docker").exists() && !path.join("docker-compose").exists());
}

#[test]
fn an_engine_of_ones_own_is_restarted_and_killed() {
    let Some(engine) = Engine::own() else { return };
    let name = engine.redis("cache", &["--restart", "always"]);
    let id = engine.find("/info").unwrap()["ID"].clone();
    engine.restart();
    assert_eq!(engine.find("/info").unwrap()["ID"], id);
    engine.wait_redis(&name);
    let started = engine.container(&name)["State"]["StartedAt"].clone();
    // What is not stopped is found again.
    engine.kill();
    assert!(engine.try_docker(&["version"]).is_err());
    engine.start();
    engine.wait_redis(&name);
    assert_ne!(started, serde_json::Value::Null);
}

#[test]
fn a_small_disk_is_filled_and_freed() {
    let Some(engine) = Engine::on_small_disk() else { return };
    let name = engine.redis("cache", &[]);
    engine.fill();
    let refused = engine.try_docker(&["run", "--detach", "redis:test"]).unwrap_err();
    assert!(refused.contains("no space left on device"), "{refused}");
    let write = ["exec", &name, "sh", "-c", "echo more >/data/more"];
    assert!(engine.try_docker(&write).is_err());
    engine.free();
    engine.docker(&write);
}

#[test]
fn nothing_is_left_of_an_engine_that_was_dropped() {
    let options = Options { flags: vec!["--label=testbed=1".into()], ..Options::default() };
    let Some(engine) = Engine::with(&options) else { return };
    engine.redis("cache", &[]);
    let dir = engine.dir().to_path_buf();
    let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(programs_with(&name) > 0);
    drop(engine);
    assert!(!dir.exists());
    assert_eq!(programs_with(&name), 0);
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    assert!(!mounts.contains(&name), "{mounts}");
    assert!(!std::path::Path::new("/sys/fs/cgroup/memory").join(&name).exists());
}

/// How many running programs have a text among their arguments.
fn programs_with(text: &str) -> usize {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .filter(|words| String::from_utf8_lossy(words).contains(text))
        .count()
}
