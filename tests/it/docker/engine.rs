//! A dockerd that the tests start, and end.
//!
//! All of it is in network, mount and process namespaces of its own: no bridge, rule or mount is the
//! machine's, and when the first process is killed the kernel ends the rest. Its socket is a file, which
//! is reached from everywhere; ports that it publishes and addresses of containers only from inside.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, OnceLock};
use std::time::Duration;

use serde_json::Value;

use super::daemon::Own;
use super::namespaces::{Parts, daemon_flags, namespaces, parts};
use super::registry::Registry;
use crate::installed::{cached, on_path, skip};
use crate::keeper::{Keeper, Running, until};

/// How long an engine may take for what it does within a second when nothing else runs.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// An engine with the images `redis:test`, `redis:7-alpine` (the same), `redis:next` (another one) and
/// `busybox:test`.
///
/// Containers are to have names from [`Engine::name`], so that tests do not meet one another.
pub(super) struct Engine {
    /// Ends the engine, and removes the folder, when dropped.
    keeper: Mutex<Keeper>,
    dir: PathBuf,
    /// The value of DOCKER_HOST.
    host: String,
    /// The settings of clients: none.
    config: PathBuf,
    /// None: somebody else's, of which only the socket is known.
    pub(super) own: Option<Own>,
    registry: OnceLock<Registry>,
}

/// How an engine of a test's own differs.
#[derive(Default)]
pub(super) struct Options {
    /// Further flags of dockerd.
    pub(super) flags: Vec<String>,
    /// Its images, containers and volumes are on a disk of this size, such as `150m`.
    pub(super) disk: Option<&'static str>,
}

impl Engine {
    /// The engine all tests share: that of DOCKER_HOST, if it is set; None, with a notice, where there
    /// is none and none can be started.
    pub(super) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Result<Engine, String>>> = OnceLock::new();
        let start = || match std::env::var("DOCKER_HOST") {
            Ok(host) if !host.is_empty() => Some(Self::of(host)),
            _ => Self::attempt(&Options::default()),
        };
        // Where it cannot start, it is not tried again for each test.
        Some(SHARED.get_or_init(start).as_ref()?.as_ref().unwrap_or_else(|why| panic!("{why}")))
    }

    /// One of a test's own, to stop and start.
    pub(super) fn own() -> Option<Self> {
        Self::with(&Options::default())
    }

    /// One of a test's own whose disk is soon full.
    pub(super) fn on_small_disk() -> Option<Self> {
        Self::with(&Options { disk: Some("150m"), ..Options::default() })
    }

    /// One of a test's own.
    pub(super) fn with(options: &Options) -> Option<Self> {
        Self::attempt(options).map(|engine| engine.unwrap_or_else(|why| panic!("{why}")))
    }

    fn attempt(options: &Options) -> Option<Result<Self, String>> {
        static TOLD: Once = Once::new();
        match parts() {
            Ok(parts) => {
                Some(Self::start_new(parts, options).map_err(|why| format!("no engine could be started: {why}")))
            }
            Err(why) => skip(&why, "PLAYBOOK_REQUIRE_DOCKER", &TOLD),
        }
    }

    fn start_new(parts: Parts, options: &Options) -> Result<Self, String> {
        let (keeper, first) = namespaces(options.disk)?;
        let dir = keeper.dir().to_path_buf();
        let mut flags = daemon_flags(&dir);
        flags.extend(options.flags.iter().cloned());
        let images = parts.images.clone();
        let own = Own { parts, first, flags, daemons: Mutex::default() };
        let host = format!("unix://{}", dir.join("docker.sock").display());
        let engine = Self::made(keeper, host, Some(own));
        engine.start();
        engine.load(&images);
        Ok(engine)
    }

    /// An engine that runs already. What tests make there is removed at the end.
    fn of(host: String) -> Result<Self, String> {
        let images = cached("docker").ok_or("no images for an engine here: scripts/need-docker gets them")?;
        let named = format!("--filter name={}", prefix());
        let keeper = Keeper::new(
            "docker",
            &format!(
                "  {{\n    for one in $(docker ps -aq {named}); do docker rm -fv \"$one\"; done\n    \
                 for one in $(docker network ls -q {named}); do docker network rm \"$one\"; done\n    \
                 for one in $(docker volume ls -q {named}); do docker volume rm \"$one\"; done\n  }} >/dev/null 2>&1"
            ),
        );
        let engine = Self::made(keeper, host, None);
        if let Err(why) = engine.try_docker(&["version"]) {
            return Err(format!("the engine of DOCKER_HOST does not answer: {why}"));
        }
        engine.load(&images);
        Ok(engine)
    }

    fn made(keeper: Keeper, host: String, own: Option<Own>) -> Self {
        let dir = keeper.dir().to_path_buf();
        let config = dir.join("config");
        std::fs::create_dir(&config).unwrap();
        Self { keeper: Mutex::new(keeper), dir, host, config, own, registry: OnceLock::new() }
    }

    fn load(&self, images: &Path) {
        for name in ["busybox", "redis", "next"] {
            self.docker(&["load", "--input", images.join(format!("{name}.tar")).to_str().unwrap()]);
        }
    }

    /// The value of DOCKER_HOST for this engine.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The file of its socket.
    pub(super) fn socket(&self) -> &Path {
        Path::new(self.host.strip_prefix("unix://").expect("the engine of the tests has a socket"))
    }

    /// The folder of the engine, for files that containers are to see as well.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A name nobody else uses.
    pub(super) fn name(&self, word: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        format!("{}{word}-{}", prefix(), NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// What the docker client prints; the test ends when it fails.
    #[track_caller]
    pub(super) fn docker(&self, args: &[&str]) -> String {
        self.try_docker(args).unwrap_or_else(|why| panic!("docker {}: {why}{}", args.join(" "), self.last_words()))
    }

    /// The same, with its failure in its own words.
    pub(super) fn try_docker(&self, args: &[&str]) -> Result<String, String> {
        let done = self.client("docker").args(args).output().map_err(|error| error.to_string())?;
        told(&done)
    }

    /// A program that talks to this engine from inside, such as `docker` or `redis-cli`.
    pub(super) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(on_path(program).unwrap_or_else(|| program.into()));
        self.settings(&mut command);
        self.inside(&command)
    }

    /// What a program prints inside; the test ends when it fails.
    #[track_caller]
    pub(super) fn say(&self, program: &str, args: &[&str]) -> String {
        let done = self.client(program).args(args).output().unwrap();
        told(&done).unwrap_or_else(|why| panic!("{program} {}: {why}", args.join(" ")))
    }

    /// The environment of a program that is to find this engine and nothing else.
    pub(super) fn settings(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("DOCKER_") || name.starts_with("COMPOSE_") {
                command.env_remove(name.as_ref());
            }
        }
        command.env("DOCKER_HOST", &self.host).env("DOCKER_CONFIG", &self.config);
    }

    /// The same command where published ports and addresses of containers can be reached. It keeps its
    /// process id: nsenter becomes the program.
    pub(super) fn inside(&self, command: &Command) -> Command {
        let mut words = self.own.as_ref().map(Own::network).unwrap_or_default();
        words.push(command.get_program().to_owned());
        let mut inside = Command::new(words.remove(0));
        inside.args(words).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            inside.current_dir(dir);
        }
        inside
    }

    /// What the API has at a path, such as `/containers/NAME/json`; None when it has nothing.
    pub(super) fn find(&self, path: &str) -> Option<Value> {
        let mut socket = UnixStream::connect(self.socket()).unwrap();
        // Of this version the answer is not in chunks, and the connection ends after it.
        write!(socket, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("GET {path}: {answer}"));
        match head.split(' ').nth(1) {
            Some("200") => Some(serde_json::from_str(body).unwrap()),
            Some("404") => None,
            _ => panic!("GET {path}: {answer}"),
        }
    }

    /// A container, as `inspect` has it.
    #[track_caller]
    pub(super) fn container(&self, name: &str) -> Value {
        self.find(&format!("/containers/{name}/json")).unwrap_or_else(|| panic!("there is no container {name}"))
    }

    /// Polls a container until a condition holds; fails with what it is then.
    #[track_caller]
    pub(super) fn wait(&self, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        until(PATIENCE, || self.find(&format!("/containers/{name}/json")).filter(|it| holds(it))).unwrap_or_else(|| {
            panic!("{name} did not become what the test waits for; it is {:#}", self.container(name))
        })
    }

    /// A Redis that answers, started as `docker run -d --name NAME FLAGS redis:test`.
    #[track_caller]
    pub(super) fn redis(&self, word: &str, flags: &[&str]) -> String {
        let name = self.name(word);
        let words = [&["run", "--detach", "--name", &name][..], flags, &["redis:test"]].concat();
        self.docker(&words);
        self.wait_redis(&name);
        name
    }

    /// Waits until the Redis of a container answers.
    #[track_caller]
    pub(super) fn wait_redis(&self, name: &str) {
        let answers = || self.try_docker(&["exec", name, "redis-cli", "ping"]).ok().filter(|said| said == "PONG");
        assert!(until(PATIENCE, answers).is_some(), "{name} does not answer: {}", self.docker(&["logs", name]));
    }

    /// A registry beside the engine, started when it is first asked for; None for somebody else's engine.
    pub(super) fn registry(&self) -> Option<&Registry> {
        self.own.as_ref()?;
        Some(self.registry.get_or_init(|| Registry::start(self)))
    }

    /// Starts a program in the namespaces of the engine; it ends with it.
    pub(super) fn spawn(&self, name: &str, program: &Path, args: &[String]) -> Running {
        self.keeper.lock().unwrap().spawn(name, program, args)
    }
}

/// How all names of these tests begin.
fn prefix() -> String {
    format!("pbt{}-", std::process::id())
}

fn told(done: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr) + &text(&done.stdout)) }
}
