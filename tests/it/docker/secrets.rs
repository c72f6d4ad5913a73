//! Canaries: passwords of containers, of compose files and of inputs are looked for in everything that the
//! program prints and leaves. What a container is made again from has to hold them, and is the only place.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::compose::Compose;
use super::shop::Shop;
use crate::live::Done;
use crate::secrets::forms;

/// Given to the program, as an input.
const INPUT: &str = "canary-Inp\"ut 7f3a&x";
/// In the environment of a container.
const ENVIRONMENT: &str = "canary-env-2b8d";
/// In its command line.
const COMMAND: &str = "canary-cmd-9e41";
/// In the .env of a project.
const FILE: &str = "canary-file-5c07";

/// Of which the passwords are in `.env`, and in the environment of whoever runs it.
const PROJECT: &str = "version: '2.4'
services:
  cache:
    image: redis:test
    stop_signal: KILL
    command: redis-server --requirepass ${CACHE_PASSWORD}
    environment: {REDISCLI_AUTH: '${CACHE_PASSWORD}', TOKEN: '${CANARY_INPUT}'}
    healthcheck: {test: 'redis-cli ping', interval: 300ms}
  web:
    image: busybox:test
    stop_signal: KILL
    command: sh -c 'while true; do sleep 1; done; echo --requirepass ${CACHE_PASSWORD}'
    environment: [DB_PASSWORD]
    env_file: .env
";

/// A project with secrets, and what was found of them.
struct Hunt {
    shop: Shop,
    /// Where a secret was found, and which.
    found: Vec<(PathBuf, &'static str)>,
}

impl Hunt {
    fn new(compose: Compose) -> Option<Self> {
        let shop = Shop::new(compose)?;
        shop.write(PROJECT);
        std::fs::write(shop.dir.join(".env"), format!("CACHE_PASSWORD={FILE}\nDB_PASSWORD={FILE}\n")).unwrap();
        Some(Self { shop, found: Vec::new() })
    }

    /// Runs the program, and looks at all that it prints.
    #[track_caller]
    fn run(&mut self, args: &[&str], codes: &[i32]) -> Done {
        let done = Done(self.shop.scene.playbook(args).env("CANARY_INPUT", INPUT).output().unwrap());
        self.look(Path::new("printed"), &[&done.0.stdout[..], &done.0.stderr].concat());
        assert!(self.found.is_empty(), "{args:?}: {:?}\n{}{}", self.found, done.out(), done.err());
        assert!(codes.contains(&done.code()), "{args:?}: {}\n{}{}", done.code(), done.out(), done.err());
        done
    }

    /// Plans lines, runs them, takes them back, and shows all that in every form.
    #[track_caller]
    fn lines(&mut self, lines: &[&str], run: i32, back: &[i32]) {
        let file = self.shop.file(lines);
        let text = std::fs::read_to_string(&file).unwrap();
        let input = "inputs: {token: {type: secret, from: {env: CANARY_INPUT}}}\n";
        std::fs::write(&file, text.replacen("targets:", &format!("{input}targets:"), 1)).unwrap();
        let shown = |hunt: &mut Self| {
            for form in ["json", "markdown"] {
                hunt.run(&["timeline", "last", "-o", form], &[0]);
            }
            hunt.run(&["show", "last"], &[0]);
            hunt.run(&["show", "last", "-o", "json"], &[0]);
        };
        for form in ["text", "json", "markdown"] {
            self.run(&["plan", &file, "--live", "-o", form], &[0]);
        }
        self.run(&["run", &file, "--yes"], &[run]);
        shown(self);
        self.run(&["rollback", "last", "--dry-run"], &[0, 1]);
        self.run(&["rollback", "last", "--yes"], back);
        shown(self);
    }

    fn look(&mut self, place: &Path, bytes: &[u8]) {
        for secret in [INPUT, ENVIRONMENT, COMMAND, FILE] {
            let holds = |form: &Vec<u8>| bytes.windows(form.len()).any(|window| window == form);
            if forms(secret).iter().any(holds) {
                self.found.push((place.to_owned(), secret));
            }
        }
    }

    /// Looks at all files that were left.
    fn files(&mut self) -> Vec<(PathBuf, &'static str)> {
        let mut left = vec![self.shop.scene.desk.dir.path().join("state")];
        let mut count = 0;
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            count += 1;
            let bytes = std::fs::read(&path).unwrap();
            self.look(&path, &bytes);
            let mut plain = Vec::new();
            if flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).is_ok() {
                self.look(&path, &plain);
            }
        }
        assert!(count >= 3, "there should be files to look at");
        std::mem::take(&mut self.found)
    }
}

#[test]
fn passwords_of_containers_are_in_nothing_that_is_looked_at_or_recorded() {
    let Some(mut hunt) = Hunt::new(Compose::None) else { return };
    let name = format!("{}-redis", hunt.shop.name);
    let secret = format!("REDIS_PASSWORD={ENVIRONMENT}");
    let auth = format!("REDISCLI_AUTH={COMMAND}");
    let url = format!("CACHE_URL=redis://:{ENVIRONMENT}@cache:6379/0");
    let flags = ["run", "-d", "--name", &name, "--stop-signal", "KILL", "-e", &secret, "-e", &auth, "-e", &url];
    let command = ["--health-cmd", &format!("redis-cli -a {COMMAND} ping"), "--health-interval", "300ms", "redis:test"];
    let server = ["redis-server", "--requirepass", COMMAND];
    hunt.shop.engine().docker(&[&flags[..], &command, &server].concat());
    hunt.lines(
        &[
            "ps --filter name=NAME",
            "inspect NAME-redis",
            "top NAME-redis",
            "logs NAME-redis",
            "stats NAME-redis",
            "exec NAME-redis env",
            "exec NAME-redis redis-cli ping",
            "exec NAME-redis redis-cli config get requirepass",
            "stop NAME-redis",
            "start NAME-redis",
            "update --restart always NAME-redis",
            "rename NAME-redis NAME-other",
            "pause NAME-other",
        ],
        0,
        &[0, 4, 5],
    );
    hunt.lines(&["rm -f NAME-redis"], 0, &[0, 4, 5]);
    assert_eq!(hunt.files(), []);
}

#[test]
fn a_secret_input_is_given_to_programs_and_to_nobody_else() {
    let Some(mut hunt) = Hunt::new(Compose::None) else { return };
    let name = hunt.shop.engine().redis("takes", &[]);
    let exec = |rest: &str| format!("exec -e 'TOKEN={{{{ inputs.token }}}}' {name} {rest}");
    let run = |rest: &str| format!("run {rest}").replace("-e", "-e 'TOKEN={{ inputs.token }}'");
    hunt.lines(
        &[
            &exec("sh -c 'echo $TOKEN; echo $TOKEN >&2'"),
            &exec("env"),
            &run("--rm -e busybox:test sh -c 'echo it is $TOKEN'"),
            &run("--rm busybox:test echo {{ inputs.token }}"),
            &run("-d --name NAME-run -e busybox:test sleep 1000"),
            "inspect NAME-run",
            "rm -f NAME-run",
        ],
        0,
        &[0, 4, 5],
    );
    // A program that fails is told in its own words.
    hunt.lines(&[&exec("sh -c 'echo no: $TOKEN >&2; exit 3'")], 1, &[0, 4, 5]);
    hunt.shop.engine().docker(&["rm", "-f", &name]);
    assert_eq!(hunt.files(), []);
}

#[test]
fn secrets_of_a_project_are_only_where_it_is_made_again_from() {
    let Some(mut hunt) = Hunt::new(Compose::V2) else { return };
    hunt.lines(&["compose up -d", "compose ps", "compose logs", "compose top", "compose images"], 0, &[0]);
    let up = hunt.shop.file(&["compose up -d"]);
    hunt.run(&["run", &up, "--yes"], &[0]);
    let mark = |hunt: &Hunt| {
        let it = hunt.shop.engine().container(&hunt.shop.container("cache"));
        (it["Config"]["Env"].clone(), it["Config"]["Cmd"].clone())
    };
    let before = mark(&hunt);
    assert!(before.0.to_string().contains("canary-Inp"));
    let run = "compose run --rm -e 'SECRET={{ inputs.token }}' web sh -c 'echo $SECRET'";
    hunt.lines(&[run, "compose exec web env", "compose stop", "compose start"], 0, &[0, 4, 5]);
    hunt.lines(&["compose down"], 0, &[0, 4]);
    // What is made again is what it was.
    assert_eq!(mark(&hunt), before);
    hunt.shop.write(&PROJECT.replace("while true", "while sleep 1"));
    hunt.lines(&["compose up -d"], 0, &[0, 4, 5]);
    assert_eq!(mark(&hunt), before);

    let found = hunt.files();
    assert!(!found.is_empty());
    for (path, secret) in found {
        let text = path.display().to_string();
        assert!(text.contains("/blobs/") && secret != ENVIRONMENT && secret != COMMAND, "{text}: {secret}");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{text}");
    }
}
