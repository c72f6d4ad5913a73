//! Rollback brings back every key and every setting.

use crate::live::{Desk, Everything, Redis};

const EVERY_KIND: &str = "tests/fixtures/playbooks/every-kind.yaml";

/// A server with something for every step of `every-kind` to change.
pub fn furnished(settings: &[&str]) -> Redis {
    let redis = Redis::start(settings);
    for line in [
        "SET counter 41",
        "SET greeting hello",
        "HSET profile name Ana age 30",
        "RPUSH queue one two three",
        "SADD tags a b c",
        "ZADD board 1 ana 2 carl",
        "SET old gone-soon PX 9000000",
        "SET temp contents",
        "SET session s1",
        "SET left 10",
        "SET right 10",
        "SET bystander untouched",
    ] {
        redis.send(line);
    }
    for n in 0..40 {
        redis.send(&format!("SET trash:{n} {n}"));
        redis.send(&format!("SET keep:{n} {n}"));
    }
    redis
}

fn target(redis: &Redis) -> String {
    format!("cache={}", redis.url())
}

#[test]
fn a_run_whose_last_step_fails_leaves_every_key_and_setting_as_before() {
    let redis = furnished(&[]);
    let before = redis.everything();
    let desk = Desk::new();
    let done = desk.run(&["run", EVERY_KIND, "--yes", "-t", &target(&redis), "-i", "fail_at_the_end=true"]);
    let done = done.expect(4);
    assert_same(&before, &redis.everything(), &done.out());
}

#[test]
fn a_run_that_succeeded_can_be_taken_back_later() {
    let redis = furnished(&[]);
    let before = redis.everything();
    let desk = Desk::new();
    desk.run(&["run", EVERY_KIND, "--yes", "-t", &target(&redis)]).expect(0);
    assert_ne!(before.keys, redis.everything().keys);
    let dry = desk.run(&["rollback", "last", "--dry-run"]).expect(0);
    assert!(dry.out().contains("put back"), "{}", dry.out());
    assert_ne!(before.keys, redis.everything().keys, "a dry run of a rollback changed something");
    desk.run(&["rollback", "last", "--yes"]).expect(0);
    assert_same(&before, &redis.everything(), "");
    let again = desk.run(&["rollback", "last", "--yes"]).expect(0);
    assert!(again.out().contains("nothing that is left"), "{}", again.out());
}

#[test]
fn what_someone_else_changed_since_is_shown_three_ways_and_left() {
    let redis = furnished(&[]);
    let desk = Desk::new();
    desk.run(&["run", EVERY_KIND, "--yes", "-t", &target(&redis)]).expect(0);
    redis.send("SET greeting theirs");
    let done = desk.run(&["rollback", "last", "--yes"]).expect(5);
    for word in ["greeting", "hello", "theirs"] {
        assert!(done.out().contains(word), "{word} is missing:\n{}", done.out());
    }
    assert_eq!(redis.send("GET greeting"), redis::Value::BulkString(b"theirs".to_vec()));
    assert_eq!(redis.send("GET counter"), redis::Value::BulkString(b"41".to_vec()));
}

#[test]
fn streams_and_scripts_with_declared_keys_come_back() {
    let redis = Redis::start(&[]);
    redis.send("XADD log 1-1 event early");
    redis.send("SET n 1");
    let before = redis.everything();
    let desk = Desk::new();
    let file = desk.file(
        "other-kinds.yaml",
        "playbook: other-kinds\ntargets: {cache: {redis: \"redis://127.0.0.1:1\"}}\non_failure: rollback\nsteps:\n  \
         - redis: XADD log * event late\n  \
         - redis: [EVAL, \"return redis.call('incr', KEYS[1])\", '1', n]\n    confirm: Sure?\n  \
         - assert: 1 > 2\n",
    );
    // Nobody knows what a script did besides its keys, so this is never called complete.
    let done = desk.run(&["run", &file, "--yes", "-t", &target(&redis)]).expect(5);
    assert!(done.out().contains("beyond") || done.out().contains("besides"), "{}", done.out());
    assert_same(&before, &redis.everything(), &done.out());
}

#[test]
fn a_server_that_is_out_of_memory_gets_everything_back() {
    let redis = Redis::start(&["--maxmemory", "8mb", "--maxmemory-policy", "noeviction"]);
    redis.send("SET live-1 one");
    redis.send("DEBUG POPULATE 8000 dash:queue:dead 1000");
    let before = redis.everything();
    let desk = Desk::new();
    let text = std::fs::read_to_string("playbooks/redis-oom.yaml").unwrap();
    let failing = text.replace("finally:", "  - id: doomed\n    assert: 1 > 2\n\nfinally:");
    let file = desk.file("redis-oom.yaml", &failing);
    let args = ["run", &file, "--yes", "-t", &target(&redis), "-i", "new_limit=64mb"];
    let done = desk.run(&args).expect(4);
    assert_same(&before, &redis.everything(), &done.out());
}

#[track_caller]
fn assert_same(before: &Everything, after: &Everything, context: &str) {
    let differ = before.differences(after, true);
    assert!(differ.is_empty(), "{differ:?}\n{context}");
}

#[test]
fn a_limit_that_was_lowered_and_raised_again_is_as_before() {
    for (first, second) in [("100mb", "300mb"), ("300mb", "100mb")] {
        let redis = Redis::start(&["--maxmemory", "200mb"]);
        let desk = Desk::new();
        let steps = format!("  - redis: CONFIG SET maxmemory {first}\n  - redis: CONFIG SET maxmemory {second}\n");
        let head = format!("playbook: twice\ntargets: {{cache: {{redis: \"{}\"}}}}\nsteps:\n", redis.url());
        desk.run(&["run", &desk.file("twice.yaml", &(head + &steps))]).expect(0);
        desk.run(&["rollback", "last", "--yes"]).expect(0);
        let now: (String, u64) = redis::cmd("CONFIG").arg("GET").arg("maxmemory").query(&mut redis.connect()).unwrap();
        assert_eq!(now.1, 200 << 20, "{first} then {second}");
    }
}
