//! Gates without a terminal: parked, answered from elsewhere, resumed.

use crate::live::{Desk, Redis};

const GATED: &str = "playbook: gated
targets: {cache: {redis: \"redis://127.0.0.1:1\"}}
steps:
  - id: before
    redis: SET before 1
  - id: gate
    approval: {ask: Delete it?, quorum: 1, allow_author: true}
  - id: drop
    redis: DEL victim
";

fn scene(text: &str) -> (Redis, Desk, String, String) {
    let redis = Redis::start(&[]);
    redis.send("SET victim alive");
    let desk = Desk::new();
    let file = desk.file(&format!("{}.yaml", text.lines().next().unwrap().trim_start_matches("playbook: ")), text);
    let target = format!("cache={}", redis.url());
    (redis, desk, file, target)
}

fn exists(redis: &Redis, key: &str) -> bool {
    redis.send(&format!("EXISTS {key}")) == redis::Value::Int(1)
}

#[test]
fn without_a_terminal_a_run_parks_and_goes_on_after_an_answer() {
    let (redis, desk, file, target) = scene(GATED);
    let parked = desk.run(&["run", &file, "-t", &target]).expect(3);
    assert!(parked.out().contains("playbook approve"), "{}", parked.out());
    assert!(exists(&redis, "before") && exists(&redis, "victim"));
    desk.run(&["resume", "last"]).expect(3);
    desk.run(&["approve", "last", "gate", "-m", "seen it"]).expect(0);
    desk.run(&["resume", "last"]).expect(0);
    assert!(!exists(&redis, "victim"));
    let timeline = desk.run(&["timeline", "last"]).expect(0).out();
    for part in ["Delete it?", "seen it"] {
        assert!(timeline.contains(part), "{part} is missing:\n{timeline}");
    }
    desk.run(&["verify", "last"]).expect(0);
}

#[test]
fn yes_answers_questions_and_no_approvals() {
    let (redis, desk, file, target) = scene(GATED);
    desk.run(&["run", &file, "-t", &target, "--yes"]).expect(3);
    assert!(exists(&redis, "victim"));
}

#[test]
fn a_rejection_fails_the_step_and_nothing_of_it_is_sent() {
    let (redis, desk, file, target) = scene(GATED);
    desk.run(&["run", &file, "-t", &target]).expect(3);
    desk.run(&["reject", "last", "-m", "wrong server"]).expect(0);
    let done = desk.run(&["resume", "last"]).expect(1);
    assert!(done.out().contains("wrong server"), "{}", done.out());
    assert!(exists(&redis, "victim"));
}

#[test]
fn the_starter_of_a_run_may_not_approve_it_unless_the_playbook_says_so() {
    let (_redis, desk, file, target) = scene(&GATED.replace("gated", "strict").replace("allow_author: true", "allow_author: false"));
    desk.run(&["run", &file, "-t", &target]).expect(3);
    let refused = desk.run(&["approve", "last"]).expect(6);
    assert!(refused.err().contains("started this run"), "{}", refused.err());
}

#[test]
fn an_approval_lapses_when_what_would_happen_has_changed() {
    let text = "playbook: lapsing
targets: {cache: {redis: \"redis://127.0.0.1:1\"}}
steps:
  - id: gate
    approval: {ask: Lower it?, allow_author: true}
  - id: lower
    redis: CONFIG SET maxmemory 100mb
";
    let (redis, desk, file, target) = scene(text);
    desk.run(&["run", &file, "-t", &target]).expect(3);
    desk.run(&["approve", "last"]).expect(0);
    redis.send("CONFIG SET maxmemory 300mb");
    let done = desk.run(&["resume", "last"]).expect(6);
    assert!(done.out().contains("lapsed"), "{}", done.out());
    let now: Vec<String> = redis::cmd("CONFIG").arg("GET").arg("maxmemory").query(&mut redis.connect()).unwrap();
    assert_eq!(now[1], "314572800");
}

#[test]
fn a_protected_target_asks_although_the_playbook_does_not() {
    let redis = Redis::start(&[]);
    redis.send("SET victim alive");
    let desk = Desk::new();
    let text = format!(
        "playbook: careless\ntargets: {{cache: {{redis: \"{}\", protected: true}}}}\nsteps:\n  - redis: GET victim\n  - id: drop\n    redis: DEL victim\n",
        redis.url()
    );
    let file = desk.file("careless.yaml", &text);
    let parked = desk.run(&["run", &file, "--yes"]).expect(3);
    assert!(parked.out().contains("protected"), "{}", parked.out());
    assert!(exists(&redis, "victim"));
}

#[test]
fn two_runs_do_not_change_one_server_at_a_time() {
    let (redis, desk, file, target) = scene(GATED);
    desk.run(&["run", &file, "-t", &target]).expect(3);
    let other = desk.file(
        "other.yaml",
        "playbook: other\ntargets: {cache: {redis: \"redis://127.0.0.1:1\"}}\nsteps:\n  - redis: GET victim\n  - redis: SET victim theirs\n",
    );
    let refused = desk.run(&["run", &other, "-t", &target]).expect(6);
    assert!(refused.out().contains("held by run"), "{}", refused.out());
    let held = desk.run(&["runs", "-o", "json"]).json();
    assert_eq!(held["locks"].as_array().unwrap().len(), 1);
    let first = held["locks"][0]["run"].as_str().unwrap().to_owned();
    desk.run(&["unlock", &first, "--reason", "the other is abandoned"]).expect(0);
    desk.run(&["run", &other, "-t", &target]).expect(0);
    assert_eq!(redis.send("GET victim"), redis::Value::BulkString(b"theirs".to_vec()));
    assert!(desk.run(&["timeline", &first]).expect(0).out().contains("abandoned"));
}

#[test]
fn a_note_and_an_answer_reach_a_run_that_is_at_work() {
    let text = "playbook: waiting
targets: {cache: {redis: \"redis://127.0.0.1:1\"}}
steps:
  - id: signal
    redis: GET signal
    until: result == \"go\"
    every: 20ms
    timeout: 60s
";
    let (redis, desk, file, target) = scene(text);
    let child = desk.playbook(&["run", &file, "-t", &target]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    while desk.run(&["runs", "-o", "json"]).json()["runs"][0]["state"] != "running" {}
    desk.run(&["note", "last", "paged", "the", "cache", "team"]).expect(0);
    redis.send("SET signal go");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let timeline = desk.run(&["timeline", "last"]).expect(0).out();
    assert!(timeline.contains("paged the cache team"), "{timeline}");
}

#[test]
fn cancel_from_another_terminal_ends_a_run_and_says_who_did() {
    let text = "playbook: endless
targets: {cache: {redis: \"redis://127.0.0.1:1\"}}
on_failure: rollback
steps:
  - id: change
    redis: SET victim changed
  - id: never
    redis: GET never
    until: result == \"go\"
    every: 20ms
    timeout: 10m
";
    let (redis, desk, file, target) = scene(text);
    let child = desk.playbook(&["run", &file, "-t", &target]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    while redis.send("GET victim") != redis::Value::BulkString(b"changed".to_vec()) {}
    desk.run(&["cancel", "last"]).expect(0);
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(130), "{out}");
    assert!(out.contains("rollback"), "{out}");
    assert_eq!(redis.send("GET victim"), redis::Value::BulkString(b"alive".to_vec()));
}

#[test]
fn a_target_that_is_not_the_one_expected_is_refused_before_anything_is_changed() {
    let redis = Redis::start(&[]);
    let desk = Desk::new();
    let text = format!(
        "playbook: pinned\ntargets: {{cache: {{redis: \"{}\", expect: {{role: slave}}}}}}\nsteps:\n  - redis: SET a b\n",
        redis.url()
    );
    let file = desk.file("pinned.yaml", &text);
    let done = desk.run(&["run", &file]).expect(6);
    assert!(done.out().contains("role"), "{}", done.out());
    assert!(!exists(&redis, "a"));
}
