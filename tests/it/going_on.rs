//! What may not change between the parts of a run: its servers, its inputs, what people said.

use crate::live::{Desk, Redis};

fn file(desk: &Desk, name: &str, redis: &Redis, rest: &str) -> String {
    let head = format!("playbook: {name}\ntargets: {{cache: {{redis: \"{}\"}}}}\n", redis.url());
    desk.file(&format!("{name}.yaml"), &format!("{head}{rest}"))
}

const WAITS: &str = "inputs: {key: {type: string, default: a}}
steps:
  - {id: one, redis: \"SET {{ inputs.key }} 1\"}
  - {id: gate, manual: go on?}
  - {id: two, redis: \"DEL {{ inputs.key }}\"}
";

#[test]
fn a_rollback_touches_no_other_server_than_the_one_that_was_changed() {
    let (first, second, desk) = (Redis::start(&[]), Redis::start(&[]), Desk::new());
    first.send("SET precious yes");
    let file = file(&desk, "gone", &first, "steps:\n  - redis: DEL precious\n");
    desk.run(&["run", &file]).expect(0);
    let other = format!("cache={}", second.url());
    let refused = desk.run(&["rollback", "last", "--yes", "-t", &other]).expect(6);
    assert!(refused.err().contains("is not the one that the run changed"), "{}", refused.err());
    assert_eq!(second.send("DBSIZE"), redis::Value::Int(0));
    desk.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(first.send("EXISTS precious"), redis::Value::Int(1));
}

#[test]
fn a_run_goes_on_elsewhere_only_if_someone_says_so() {
    let (first, second, desk) = (Redis::start(&[]), Redis::start(&[]), Desk::new());
    let file = file(&desk, "waits", &first, WAITS);
    desk.run(&["run", &file]).expect(3);
    desk.run(&["approve", "last", "gate"]).expect(0);
    let other = format!("cache={}", second.url());
    second.send("SET a 1");
    desk.run(&["resume", "last", "-t", &other]).expect(6);
    assert_eq!(second.send("EXISTS a"), redis::Value::Int(1));
    desk.run(&["resume", "last", "-t", &other, "--accept-target", "cache"]).expect(0);
    assert_eq!(second.send("EXISTS a"), redis::Value::Int(0));
}

#[test]
fn a_run_goes_on_with_the_inputs_it_began_with() {
    let (redis, desk) = (Redis::start(&[]), Desk::new());
    let file = file(&desk, "waits", &redis, WAITS);
    redis.send("SET precious yes");
    desk.run(&["run", &file]).expect(3);
    desk.run(&["approve", "last", "gate"]).expect(0);
    let refused = desk.run(&["resume", "last", "-i", "key=precious"]).expect(2);
    assert!(refused.err().contains("`key` was \"a\""), "{}", refused.err());
    desk.run(&["resume", "last", "-i", "key=a"]).expect(0);
    assert_eq!(redis.send("EXISTS precious"), redis::Value::Int(1));
}

#[test]
fn what_was_said_to_a_run_is_taken_in_once() {
    let (redis, desk) = (Redis::start(&[]), Desk::new());
    let file = file(&desk, "waits", &redis, WAITS);
    desk.run(&["run", &file]).expect(3);
    desk.run(&["note", "last", "looked at the dashboard"]).expect(0);
    desk.run(&["resume", "last"]).expect(3);
    desk.run(&["approve", "last", "gate"]).expect(0);
    desk.run(&["resume", "last"]).expect(0);
    let timeline = desk.run(&["timeline", "last", "-o", "json"]).out();
    assert_eq!(timeline.matches("\"summary\": \"looked at the dashboard\"").count(), 1, "{timeline}");
}

#[test]
fn a_run_that_waits_and_is_rolled_back_is_over() {
    let (redis, desk) = (Redis::start(&[]), Desk::new());
    let file = file(&desk, "waits", &redis, WAITS);
    desk.run(&["run", &file]).expect(3);
    let done = desk.run(&["rollback", "last", "--yes"]).expect(0);
    assert!(done.out().contains("↶ rolled back; everything is as it was"), "{}", done.out());
    assert_eq!(redis.send("DBSIZE"), redis::Value::Int(0));
    let runs = desk.run(&["runs", "-o", "json"]).json();
    assert_eq!(runs["locks"].as_array().map(Vec::len), Some(0));
    desk.run(&["approve", "last", "gate"]).expect(2);
    // The same for one that has changed nothing yet.
    redis.send("SET a 1");
    desk.run(&["run", &file]).expect(3);
    desk.run(&["rollback", "last", "--yes"]).expect(0);
    desk.run(&["resume", "last"]).expect(2);
}

/// An effect that nobody can look into, and a step beside it that fails: killed anywhere, the run
/// that goes on ends or waits; it never hangs.
#[test]
fn a_doubt_that_is_given_up_ends_the_run() {
    let redis = Redis::start(&[]);
    let steps = "steps:
  - parallel:
      - {id: told, redis: PUBLISH news x, confirm: sure?, rollback: {none: nobody can unsay it}}
      - {id: fails, assert: \"1 > 2\", needs: []}
";
    for point in (1..=14).map(|seq| format!("synced:{seq}")) {
        let desk = Desk::new();
        let file = file(&desk, "doubt", &redis, steps);
        desk.playbook(&["run", &file, "--yes"]).env("PLAYBOOK_FAILPOINT", &point).output().unwrap();
        let done = desk.run(&["resume", "last", "--no-input"]);
        assert!([1, 2, 3].contains(&done.code()), "{point}: {} {}{}", done.code(), done.out(), done.err());
    }
}
