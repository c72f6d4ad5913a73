//! Small random worlds of containers, and random lines about them.

use proptest::prelude::*;

use super::compose::Compose;
use super::engine::Engine;
use super::scene::Scene;

/// How a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Created,
    Running,
    Paused,
    Exited,
}

/// A container of nobody's project.
#[derive(Clone, Debug)]
struct Plain {
    flags: Vec<&'static str>,
    /// Joins the network of the test, and no other.
    joins: bool,
    /// A volume with a name.
    named: bool,
    stands: Stands,
}

/// A service of the project.
#[derive(Clone, Debug)]
struct Service {
    options: Vec<&'static str>,
    /// It writes a file outside of volumes.
    writes: bool,
    scale: u8,
    stands: Stands,
}

/// What there is before a playbook is run.
#[derive(Clone, Debug)]
pub(super) struct World {
    plain: Vec<Plain>,
    services: Vec<Service>,
    /// The project has been brought up.
    up: bool,
    pub(super) compose: Compose,
}

/// A line, with `@` for what the names of the case begin with.
#[derive(Clone, Debug)]
pub(super) struct Line(String);

const NAMES: &[&str] = &["a", "b"];
const SERVICES: &[&str] = &["web", "db"];
const FLAGS: &[&str] = &[
    "--restart=always",
    "--restart=on-failure:3",
    "--health-cmd=true",
    "--volume=/anonymous",
    "--memory=64m",
    "--cpus=0.5",
    "--env=A=b c",
    "--label=team=x",
    "--publish=127.0.0.1::80",
    "--cpu-shares=512",
    "--network-alias=other",
];
const OPTIONS: &[&str] = &[
    "restart: unless-stopped",
    "healthcheck: {test: 'true', interval: 200ms}",
    "volumes: [/anonymous]",
    "volumes: ['named:/named']",
    "environment: {A: b c}",
    "labels: {team: x}",
    "ports: ['127.0.0.1::80']",
    "mem_limit: 64m",
    "networks: [default, other]",
];

fn stands() -> impl Strategy<Value = Stands> {
    prop_oneof![
        3 => Just(Stands::Running),
        1 => Just(Stands::Created),
        1 => Just(Stands::Paused),
        1 => Just(Stands::Exited),
    ]
}

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(of, 0..4).prop_map(|mut chosen| {
        // One of each kind.
        chosen.dedup_by_key(|it| it.split(['=', ':']).next());
        chosen
    })
}

impl World {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let plain =
            (some(FLAGS), any::<bool>(), any::<bool>(), stands()).prop_map(|(mut flags, joins, named, stands)| {
                flags.retain(|flag| joins || !flag.starts_with("--network-alias"));
                Plain { flags, joins, named, stands }
            });
        let service =
            (some(OPTIONS), any::<bool>(), 1..3_u8, stands()).prop_map(|(mut options, writes, scale, stands)| {
                // Two of them would want the same volume, and one of them alone is looked at.
                options.retain(|option| scale == 1 || !option.contains("named"));
                Service { options, writes, scale, stands }
            });
        let compose = prop_oneof![Just(Compose::V2), Just(Compose::V1)];
        let plain = proptest::collection::vec(plain, 1..=NAMES.len());
        let services = proptest::collection::vec(service, 1..=SERVICES.len());
        (plain, services, proptest::bool::weighted(0.8), compose).prop_map(|(plain, services, up, compose)| Self {
            plain,
            services,
            up,
            compose,
        })
    }

    /// Makes it, with names that begin so.
    pub(super) fn make(&self, scene: &Scene, case: &str) {
        let engine = scene.engine;
        engine.docker(&["network", "create", &format!("{case}-net")]);
        for (word, plain) in NAMES.iter().zip(&self.plain) {
            let (name, network) = (format!("{case}-{word}"), format!("--network={case}-net"));
            let volume = format!("--volume={case}-data:/data");
            let mut words = vec!["create", "--name", &name, "--stop-signal=KILL", "--health-interval=200ms"];
            words.extend(&plain.flags);
            if plain.joins {
                words.push(&network);
            }
            if plain.named {
                words.push(&volume);
            }
            words.extend(["busybox:test", "sleep", "1000"]);
            engine.docker(&words);
            stand(engine, &[&name], plain.stands);
        }
        scene.file("project.yml", &self.project("first"));
        scene.file("edited.yml", &self.project("second"));
        if !self.up {
            return;
        }
        let project = format!("{case}-p");
        let scales = SERVICES.iter().zip(&self.services).map(|(name, it)| format!("--scale={name}={}", it.scale));
        let scales: Vec<String> = scales.collect();
        let mut words = vec!["-p", &project, "-f", "project.yml", "up", "--no-start"];
        words.extend(scales.iter().map(String::as_str));
        let Some(mut up) = self.compose.command(engine, scene.desk.dir.path(), &words) else { return };
        let done = up.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        for (name, service) in SERVICES.iter().zip(&self.services) {
            let of = [
                format!("label=com.docker.compose.project={project}"),
                format!("label=com.docker.compose.service={name}"),
            ];
            let all = engine.docker(&["ps", "--all", "--quiet", "--filter", &of[0], "--filter", &of[1]]);
            let all: Vec<&str> = all.lines().collect();
            assert_eq!(all.len(), usize::from(service.scale));
            stand(engine, &all, service.stands);
        }
    }

    fn project(&self, edition: &str) -> String {
        let mut text = "version: '2.4'\nservices:\n".to_owned();
        for (name, service) in SERVICES.iter().zip(&self.services) {
            let command = if service.writes { "echo x >/written; exec sleep 1000" } else { "exec sleep 1000" };
            text += &format!(
                "  {name}:\n    image: busybox:test\n    command: [sh, -c, '{command}']\n    stop_signal: KILL\n    \
                 hostname: {name}-{edition}\n"
            );
            for option in &service.options {
                text += &format!("    {option}\n");
            }
            if *name == "db" {
                text += "    depends_on: [web]\n";
            }
        }
        text + "networks: {other: {}}\nvolumes: {named: {}}\n"
    }

    /// Removes everything of a case.
    pub(super) fn clear(engine: &Engine, case: &str) {
        let filter = format!("name={case}");
        let list = |words: &[&str]| engine.docker(&[words, &["--quiet", "--filter", &filter]].concat());
        for (all, remove) in [
            (&["ps", "--all"][..], &["rm", "--force", "--volumes"][..]),
            (&["network", "ls"], &["network", "rm"]),
            (&["volume", "ls"], &["volume", "rm"]),
        ] {
            let found = list(all);
            if !found.is_empty() {
                let found: Vec<&str> = found.lines().collect();
                engine.docker(&[remove, &found].concat());
            }
        }
    }
}

fn stand(engine: &Engine, names: &[&str], stands: Stands) {
    let all = |word: &str| drop(engine.docker(&[&[word], names].concat()));
    if stands != Stands::Created {
        all("start");
    }
    match stands {
        Stands::Paused => all("pause"),
        Stands::Exited => all("kill"),
        Stands::Created | Stands::Running => {}
    }
}

impl Line {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let name = || prop_oneof![4 => Just("a"), 3 => Just("b"), 1 => Just("new")];
        let service = || prop_oneof![Just(""), Just("web"), Just("db")];
        let plain = (
            proptest::sample::select(vec![
                "stop -t 0",
                "start",
                "restart -t 0",
                "pause",
                "unpause",
                "kill",
                "stop",
                "start",
                "update --memory 80m --memory-swap 160m",
                "update --cpus 0.3",
                "update --cpu-shares 256",
                "update --restart unless-stopped",
                "update --restart no",
                "update --pids-limit 40",
                "network connect @-net",
                "network connect --alias more @-net",
                "network disconnect @-net",
                "network disconnect bridge",
                "network connect bridge",
            ]),
            name(),
        );
        let both = (proptest::sample::select(vec!["stop -t 0", "start", "pause", "unpause"]), Just("a @-b"));
        let composed = (
            proptest::sample::select(vec![
                "stop -t 0",
                "start",
                "restart -t 0",
                "pause",
                "unpause",
                "kill",
                "up -d",
                "up -d --force-recreate",
                "up -d --no-deps",
                "up -d --no-start",
            ]),
            service(),
        );
        let edited = (Just("up -d"), service());
        let scaled = (
            proptest::sample::select(vec!["scale", "up -d --scale"]),
            proptest::sample::select(vec!["web=2", "web=1", "web=0", "db=2"]),
        );
        prop_oneof![
            8 => plain.prop_map(|(verb, name)| Self(format!("{verb} @-{name}"))),
            1 => both.prop_map(|(verb, names)| Self(format!("{verb} @-{names}"))),
            2 => (name(), name()).prop_map(|(from, to)| Self(format!("rename @-{from} @-{to}"))),
            5 => composed.prop_map(|(verb, name)| Self(format!("compose -p @-p -f project.yml {verb} {name}"))),
            2 => edited.prop_map(|(verb, name)| Self(format!("compose -p @-p -f edited.yml {verb} {name}"))),
            2 => scaled.prop_map(|(verb, scale)| Self(format!("compose -p @-p -f project.yml {verb} {scale}"))),
            1 => Just(Self("compose -p @-p -f project.yml down -t 0".into())),
        ]
    }

    /// For names that begin so.
    pub(super) fn written(&self, case: &str) -> String {
        self.0.replace('@', case).trim().to_owned()
    }
}
