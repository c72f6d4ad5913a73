//! Canaries: secrets that are given to the program are looked for in everything it leaves.

use std::io::Read as _;
use std::path::Path;

use crate::live::{Desk, Done, Redis};

const INPUT: &str = "canary-Inp\"ut 7f3a&x";
const PASSWORD: &str = "canary-Passw0rd/9c1e";
const WRONG: &str = "canary-wrong-4d2b";

const PLAYBOOK: &str = r#"
playbook: canaries
inputs:
  api_key: {type: secret, from: {env: CANARY_INPUT}}
  password: {type: secret, from: {env: CANARY_PASSWORD}}
  fail: {type: bool, default: true}
targets:
  cache: {redis: "redis://127.0.0.1:1"}
on_failure: rollback
steps:
  - id: put
    redis: SET token {{ inputs.api_key }}
  - id: derived
    redis: [SET, derived, "Bearer {{ inputs.api_key|b64encode }}", EX, "1000"]
  - id: got
    title: "Token {{ inputs.api_key }}"
    redis: GET token
    expect: result == inputs.api_key
  - id: echo
    redis: ECHO "again {{ steps.got.result }}"
  - id: key
    redis: ["HSET", "by:{{ inputs.api_key }}", "field", "1"]
  - id: settings
    redis: CONFIG GET *
  - id: change
    redis: CONFIG SET masterauth {{ inputs.api_key }}
  - id: drop
    redis: DEL token
  - id: failing
    when: inputs.fail
    redis: ["LPUSH", "derived", "{{ inputs.api_key }}"]
finally:
  - note: "it was {{ inputs.api_key }}"
"#;

pub fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let url: String = secret
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    let json = serde_json::to_string(secret).unwrap().trim_matches('"').to_owned();
    let base64 = base64(secret.as_bytes());
    [secret.to_owned(), json, hex, url, base64.trim_end_matches('=').to_owned()].map(String::into_bytes).to_vec()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let mut word = [0; 3];
            word[..chunk.len()].copy_from_slice(chunk);
            let n = u32::from_be_bytes([0, word[0], word[1], word[2]]);
            (0..=chunk.len()).map(move |at| char::from(DIGITS[(n >> (18 - 6 * at) & 63) as usize]))
        })
        .collect()
}

fn hunt(place: &str, bytes: &[u8], found: &mut Vec<String>) {
    for secret in [INPUT, PASSWORD, WRONG] {
        for form in forms(secret) {
            if let Some(at) = bytes.windows(form.len()).position(|window| window == form) {
                let around = &bytes[at.saturating_sub(60)..(at + form.len() + 20).min(bytes.len())];
                found.push(format!("{place}: {}", String::from_utf8_lossy(around)));
            }
        }
    }
}

fn hunt_files(dir: &Path, found: &mut Vec<String>) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            count += hunt_files(&path, found);
            continue;
        }
        count += 1;
        let bytes = std::fs::read(&path).unwrap();
        hunt(&path.display().to_string(), &bytes, found);
        if path.extension().is_some_and(|ending| ending == "gz") {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).unwrap();
            hunt(&format!("{} (unpacked)", path.display()), &plain, found);
        }
    }
    count
}

struct Scene {
    redis: Redis,
    desk: Desk,
    file: String,
    found: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        let redis = Redis::start(&[]);
        redis.send(&format!("CONFIG SET requirepass {PASSWORD}"));
        let desk = Desk::new();
        let file = desk.file("canaries.yaml", PLAYBOOK);
        Self { redis, desk, file, found: Vec::new() }
    }

    fn target(&self) -> String {
        format!("cache=redis://:{}@127.0.0.1:{}", "{{ inputs.password }}", self.redis.port)
    }

    fn run(&mut self, args: &[&str]) -> Done {
        let done = Done(
            self.desk
                .playbook(args)
                .env("CANARY_INPUT", INPUT)
                .env("CANARY_PASSWORD", PASSWORD)
                .env("CANARY_WRONG", WRONG)
                .output()
                .unwrap(),
        );
        hunt(&format!("stdout of {args:?}"), &done.0.stdout, &mut self.found);
        hunt(&format!("stderr of {args:?}"), &done.0.stderr, &mut self.found);
        done
    }

    fn nothing_found(mut self) {
        let count = hunt_files(&self.desk.dir.path().join("state"), &mut self.found);
        assert!(count >= 3, "there should be files to look at");
        assert!(self.found.is_empty(), "secrets got out:\n{}", self.found.join("\n"));
    }
}

#[test]
fn no_secret_is_in_any_file_or_output_of_a_run_its_rollback_and_its_exports() {
    let mut scene = Scene::new();
    let (file, target) = (scene.file.clone(), scene.target());
    for output in ["text", "json", "markdown"] {
        scene.run(&["plan", &file, "-t", &target, "-o", output]).expect(0);
        scene.run(&["plan", &file, "-t", &target, "--live", "-o", output]).expect(0);
    }
    // The last step fails with WRONGTYPE, so everything is taken back.
    let done = scene.run(&["run", &file, "-t", &target, "--yes"]);
    assert!([4, 5].contains(&done.code()), "{}{}", done.out(), done.err());
    scene.run(&["run", &file, "-t", &target, "--yes", "-i", "fail=false", "-o", "json"]).expect(0);
    for args in [
        &["timeline", "last"][..],
        &["timeline", "last", "-o", "json"],
        &["show", "last"],
        &["show", "last", "-o", "json"],
        &["runs", "-o", "json"],
        &["verify", "last"],
        &["rollback", "last", "--dry-run"],
        &["rollback", "last", "--yes"],
        &["timeline", "last"],
    ] {
        scene.run(args);
    }
    scene.nothing_found();
}

#[test]
fn no_password_is_in_the_error_of_a_server_that_refuses_it() {
    let mut scene = Scene::new();
    let file = scene.file.clone();
    let target = format!("cache=redis://:{{{{ inputs.password }}}}@127.0.0.1:{}", scene.redis.port);
    let done = Done(
        scene
            .desk
            .playbook(&["run", &file, "-t", &target, "--yes"])
            .env("CANARY_INPUT", INPUT)
            .env("CANARY_PASSWORD", WRONG)
            .output()
            .unwrap(),
    );
    assert_eq!(done.code(), 1, "{}{}", done.out(), done.err());
    assert!(done.out().contains("WRONGPASS") || done.out().contains("refus"), "{}", done.out());
    hunt("stdout", &done.0.stdout, &mut scene.found);
    hunt("stderr", &done.0.stderr, &mut scene.found);
    scene.nothing_found();
}

#[test]
fn a_password_that_someone_wrote_into_the_playbook_is_not_repeated_anywhere() {
    let mut scene = Scene::new();
    let text = format!(
        "playbook: careless\ninputs:\n  key: {{type: secret, default: {WRONG}, required: false}}\ntargets:\n  cache: {{redis: \"redis://:{PASSWORD}@127.0.0.1:{}\"}}\nsteps:\n  - redis: SET a 1\n",
        scene.redis.port
    );
    let file = scene.desk.file("careless.yaml", &text);
    for output in ["text", "json", "github"] {
        let done = scene.run(&["check", &file, "-o", output]);
        assert_eq!(done.code(), 2, "a default for a secret is an error");
    }
    let file = scene.desk.file("careless.yaml", &text.replace(&format!("default: {WRONG}, "), ""));
    for args in [
        &["check", &file][..],
        &["plan", &file, "--live"],
        &["show", &file],
        &["graph", &file],
        &["run", &file],
        &["timeline", "last"],
        &["show", "last", "-o", "json"],
        &["rollback", "last", "--yes"],
    ] {
        let done = scene.run(args);
        assert_eq!(done.code(), 0, "{args:?}: {}{}", done.out(), done.err());
    }
    scene.nothing_found();
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let desk = Desk::new();
    let file = desk.file("canaries.yaml", PLAYBOOK);
    let done = desk.run(&["run", &file, "-i", &format!("api_key={WRONG}")]).expect(2);
    assert!(done.err().contains("PB0404"), "{}", done.err());
    assert!(!done.err().contains(WRONG), "{}", done.err());
}

#[test]
fn a_run_that_held_secrets_resumes_after_a_kill_and_asks_for_them_again() {
    let mut scene = Scene::new();
    let (file, target) = (scene.file.clone(), scene.target());
    let mut child = scene
        .desk
        .playbook(&["run", &file, "-t", &target, "--yes", "-i", "fail=false"])
        .env("CANARY_INPUT", INPUT)
        .env("CANARY_PASSWORD", PASSWORD)
        .env("PLAYBOOK_FAILPOINT", "after:30")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    child.wait().unwrap();
    let without = scene.desk.run(&["resume", "last"]);
    assert_eq!(without.code(), 2, "{}{}", without.out(), without.err());
    assert!(without.err().contains("CANARY_INPUT") || without.err().contains("CANARY_PASSWORD"), "{}", without.err());
    scene.run(&["resume", "last"]).expect(0);
    scene.run(&["rollback", "last", "--yes"]);
    scene.nothing_found();
}

const WEAK: &str = r#"
playbook: weak
inputs: {pw: {type: secret, from: {env: WEAK}}}
targets:
  cache: {redis: {url: "redis://127.0.0.1:1", password: "{{ inputs.pw }}"}}
steps:
  - {id: a, redis: SET a 2}
  - {id: c, redis: CONFIG SET maxmemory 100mb}
  - {id: d, redis: DEL hh}
  - {id: keys, redis.keys: {match: "k:*", do: unlink}, confirm: sure?}
"#;

/// Passwords that are part of what a journal is made of: fields, kinds, states, digests, numbers.
#[test]
fn a_weak_secret_garbles_no_record_so_that_everything_comes_back() {
    for weak in ["change", "42", "redis", "keys", "ok", "1", "a", "status", "restored", "3", "sha256", "record"] {
        let redis = Redis::start(&[]);
        redis.send(&format!("CONFIG SET requirepass {weak}"));
        let mut other =
            redis::Client::open(format!("redis://:{weak}@127.0.0.1:{}", redis.port)).unwrap().get_connection().unwrap();
        let mut send = |line: &str| -> redis::Value {
            let mut command = redis::Cmd::new();
            for word in line.split(' ') {
                command.arg(word);
            }
            command.query(&mut other).unwrap()
        };
        send("SET a 1");
        send("HSET hh x y");
        for n in 0..5 {
            send(&format!("SET k:{n} {weak}"));
        }
        let before = [send("GET a"), send("HGETALL hh"), send("GET k:3"), send("CONFIG GET maxmemory"), send("DBSIZE")];
        let desk = Desk::new();
        let file = desk.file("weak.yaml", &WEAK.replace("127.0.0.1:1\"", &format!("127.0.0.1:{}\"", redis.port)));
        let run = |args: &[&str]| Done(desk.playbook(args).env("WEAK", weak).output().unwrap());
        run(&["run", &file, "--yes"]).expect(0);
        assert_ne!(send("GET a"), before[0], "{weak}");
        run(&["verify", "last"]).expect(0);
        run(&["rollback", "last", "--yes"]).expect(0);
        let after = [send("GET a"), send("HGETALL hh"), send("GET k:3"), send("CONFIG GET maxmemory"), send("DBSIZE")];
        assert_eq!(after, before, "{weak}");
    }
}

const LONG: &str = r#"
playbook: long
inputs: {tok: {type: secret, from: {env: CANARY_INPUT}}}
targets: {cache: {redis: "redis://127.0.0.1:1"}}
steps:
  - {id: g, redis: GET conf, expect: result == "x", on_failure: continue}
  - id: told
    assert: steps.g.result == "a"
    message: "the key that we are about to use for this operation of today is {{ steps.g.result }} ok"
    otherwise: warn
  - {id: set, redis: [SET, copy, "{{ inputs.tok }}"]}
  - {id: del, redis: DEL conf}
  - {id: last, assert: "false", message: "the key that we are about to use for this operation is {{ steps.g.result }}"}
"#;

/// Wherever it stands in a text that is cut or wrapped, no part of it is seen.
#[test]
fn no_part_of_a_secret_is_left_where_a_text_is_cut_or_wrapped() {
    let token = "sk_live_4eC39HqLyjWDarjtT1zdp7dcCANARYabcdefghijklmnopqrstuvwxyz0123456789";
    for pad in (0..240).step_by(13) {
        let redis = Redis::start(&[]);
        let value = format!("{}{token} and more", "x".repeat(pad));
        redis::cmd("SET").arg("conf").arg(&value).exec(&mut redis.connect()).unwrap();
        let desk = Desk::new();
        let file = desk.file("long.yaml", &LONG.replace("127.0.0.1:1\"", &format!("127.0.0.1:{}\"", redis.port)));
        let mut heard = Vec::new();
        for columns in ["40", "80"] {
            for args in [
                &["plan", &file, "--live"][..],
                &["plan", &file, "--live", "-o", "markdown"],
                &["run", &file, "-y"],
                &["timeline", "last"],
                &["show", "last"],
            ] {
                let done = desk.playbook(args).env("CANARY_INPUT", token).env("COLUMNS", columns).output().unwrap();
                heard.extend([done.stdout, done.stderr]);
            }
        }
        let mut files = vec![desk.dir.path().join("state")];
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else if path.extension().is_some_and(|ending| ending == "gz") {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap()).read_to_end(&mut plain).unwrap();
                heard.push(plain);
            } else {
                heard.push(std::fs::read(&path).unwrap());
            }
        }
        for part in token.as_bytes().windows(8) {
            for text in &heard {
                let at = text.windows(8).position(|window| window == part);
                assert!(
                    at.is_none(),
                    "pad {pad}: {}",
                    String::from_utf8_lossy(&text[at.unwrap_or(0).saturating_sub(200)..])
                        .chars()
                        .take(400)
                        .collect::<String>()
                );
            }
        }
    }
}
