//! `redis.keys`: what people do with `--scan | xargs`, planned, captured and taken back.

use playbook_core::action::{FaultKind, Happened, Verdict};
use serde_json::json;

use super::server::{Server, in_doubt};

#[tokio::test]
async fn keys_are_counted_listed_and_sampled_by_pattern_type_and_condition() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    for n in 0..30 {
        other.run(&format!("SET q:{n} {n}"));
    }
    other.run("RPUSH q:list a b");
    other.run("SET x 1");
    other.run("EXPIRE q:1 1000");
    let read = async |yaml: &str| site.step("redis.keys", yaml).read(site.reading()).await.unwrap();
    assert_eq!(read("{match: 'q:*', do: count}").await["matched"], 31);
    assert_eq!(read("{match: 'q:*', type: list, do: list}").await["keys"], json!(["q:list"]));
    assert_eq!(read("{match: 'q:*', where: 'ttl > 0', do: list}").await["keys"], json!(["q:1"]));
    assert_eq!(read("{match: '*', where: \"ttl < 0 and type == 'string'\", do: count}").await["matched"], 30);
    assert_eq!(read("{match: '*', where: \"key is startingwith('x')\", do: count}").await["matched"], 1);
    assert_eq!(read("{match: 'q:*', do: count, limit: 7}").await["matched"], 7);
    let sample = read("{match: 'q:list', do: sample 3}").await;
    assert_eq!(sample["examples"][0]["type"], "list");
    assert_eq!(sample["bytes"], sample["examples"][0]["memory"]);
}

#[tokio::test]
async fn fifty_thousand_keys_are_deleted_and_come_back() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let (site, mut other) = (server.site(), server.other());
    other.run("DEBUG POPULATE 50000 dead 64");
    other.run("EXPIRE dead:7 99999");
    other.run("SET alive 1");
    let (before, expiry) = (other.digest(), other.int("PEXPIRETIME dead:7"));
    let done = site.change(site.step("redis.keys", "{match: 'dead:*', do: unlink}").as_ref()).await.unwrap();
    assert_eq!(done.result, json!({"matched": 50_000, "changed": 50_000}));
    assert_eq!(other.int("DBSIZE"), 1);
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, back.differs.len(), back.conflicts.len()), (50_000, 0, 0));
    assert_eq!((other.digest(), other.int("PEXPIRETIME dead:7")), (before, expiry));
}

#[tokio::test]
async fn a_condition_holds_when_the_keys_are_changed_not_only_when_they_are_found() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    for n in 0..10 {
        other.run(&format!("SET k:{n} v"));
    }
    let action = site.step("redis.keys", "{match: 'k:*', where: 'ttl < 0', do: unlink, batch: 4}");
    let mut change = action.change(site.writing()).await.unwrap();
    let first = change.capture().await.unwrap().unwrap();
    assert_eq!(first.count, 4);
    change.apply().await.unwrap();
    let left: Vec<String> =
        (0..10).map(|n| format!("k:{n}")).filter(|k| other.int(&format!("EXISTS {k}")) == 1).collect();
    assert_eq!(left.len(), 6);
    other.run(&format!("DEL {}", left[0]));
    for key in &left[1..] {
        other.run(&format!("EXPIRE {key} 1000"));
    }
    assert!(change.capture().await.unwrap().is_none());
    assert_eq!(other.int("DBSIZE"), 5);
}

#[tokio::test]
async fn a_batch_in_which_a_key_changes_is_not_applied_and_taken_again() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    for n in 0..8 {
        other.run(&format!("SET k:{n} v"));
    }
    let action = site.step("redis.keys", "{match: 'k:*', do: unlink}");
    let mut change = action.change(site.writing()).await.unwrap();
    assert_eq!(change.capture().await.unwrap().unwrap().count, 8);
    other.run("SET k:3 newer");
    let fault = change.apply().await.unwrap_err();
    assert_eq!((fault.kind, fault.happened), (FaultKind::Moved, Happened::No));
    assert_eq!(other.int("DBSIZE"), 8);
    let mut count = 0;
    while let Some(capture) = change.capture().await.unwrap() {
        count += capture.count;
        change.apply().await.unwrap();
    }
    assert_eq!((count, other.int("DBSIZE")), (8, 0));
}

#[tokio::test]
async fn expiries_are_given_and_taken_and_come_back() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET a 1 PXAT 99999999999999");
    other.run("SET b 1");
    let done = site.change(site.step("redis.keys", "{match: '*', do: expire 1h}").as_ref()).await.unwrap();
    assert_eq!(done.result, json!({"matched": 2, "changed": 2}));
    let left = other.int("TTL b");
    assert!((3590..=3600).contains(&left), "{left}");
    assert_eq!(site.undo(&done.parts).await.restored, 2);
    assert_eq!((other.int("PEXPIRETIME a"), other.int("TTL b")), (99_999_999_999_999, -1));
    let done = site.change(site.step("redis.keys", "{match: '*', do: persist}").as_ref()).await.unwrap();
    assert_eq!(done.result, json!({"matched": 2, "changed": 1}));
    assert_eq!(other.int("TTL a"), -1);
    assert_eq!(site.undo(&done.parts).await.restored, 1);
    assert_eq!(other.int("PEXPIRETIME a"), 99_999_999_999_999);
}

#[tokio::test]
async fn what_would_exceed_the_capture_limit_is_not_changed_at_all() {
    let server = Server::start(&[]);
    let (mut site, mut other) = (server.site(), server.other());
    for n in 0..10 {
        other.words(&["SET", &format!("k:{n}"), &format!("{n}abcdefghij0123456789ABCDEFGHIJ")]);
    }
    site.limit = 100;
    let fault = site.change(site.step("redis.keys", "{match: 'k:*', do: unlink}").as_ref()).await.err().unwrap();
    assert_eq!((fault.kind, fault.happened), (FaultKind::CaptureLimit, Happened::No));
    assert_eq!(other.int("DBSIZE"), 10);
    let fault = site.change(site.redis("DEL k:1 k:2 k:3").as_ref()).await.err().unwrap();
    assert_eq!(fault.kind, FaultKind::CaptureLimit);
    assert_eq!(other.int("DBSIZE"), 10);
}

#[tokio::test]
async fn a_plan_counts_and_changes_nothing() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let (site, mut other) = (server.site(), server.other());
    other.run("DEBUG POPULATE 6000 dead 32");
    other.run("EXPIRE dead:1 30");
    let before = other.digest();
    let action = site.step("redis.keys", "{match: 'dead:*', do: unlink}");
    let planned = action.plan(site.reading()).await.unwrap();
    assert_eq!(planned.impact[0].count, 6000);
    assert!(planned.impact[0].bytes.unwrap() > 6000 * 32);
    assert_eq!(planned.impact[0].samples.len(), 5);
    assert!(planned.notes.iter().any(|note| note.contains("4,096 of 6,000")), "{:?}", planned.notes);
    assert!(planned.notes.iter().any(|note| note.starts_with("expiries: ")));
    assert_eq!(other.digest(), before);
    let nothing = site.step("redis.keys", "{match: 'none:*', do: unlink}").plan(site.reading()).await.unwrap();
    assert!(nothing.is_noop());
}

#[tokio::test]
async fn a_batch_in_doubt_is_told_done_from_not_done_from_someone_elses() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    for yaml in ["{match: 'k:*', do: unlink}", "{match: 'k:*', do: expire 500}", "{match: 'k:*', do: persist}"] {
        other.run("FLUSHALL");
        other.run("SET k:1 a PXAT 99999999999999");
        other.run("SET k:2 b PXAT 99999999999999");
        let action = site.step("redis.keys", yaml);
        let mut change = action.change(site.writing()).await.unwrap();
        let capture = change.capture().await.unwrap().unwrap();
        let part = playbook_core::action::UndoPart { record: capture.undo, after: None, words: capture.words };
        drop(change);
        assert_eq!(site.probe(&part).await, Verdict::NotDone, "{yaml}");
        let done = site.change(action.as_ref()).await.unwrap();
        let part = in_doubt(&done.parts[0]);
        assert!(
            matches!(site.probe(&part).await, Verdict::Done(after) if Some(&after) == done.parts[0].after.as_ref()),
            "{yaml}"
        );
        other.run("SET k:2 other");
        assert!(matches!(site.probe(&part).await, Verdict::Unclear(_)), "{yaml}");
    }
}

#[tokio::test]
async fn mistakes_are_told_before_anything_runs() {
    let server = Server::start(&[]);
    let site = server.site();
    let problems = |yaml: &str| site.problems("redis.keys", yaml).join("; ");
    assert_eq!(problems("{match: 'a', do: delete}"), "PB0502 `delete` is nothing to do with keys");
    assert_eq!(problems("{match: 'a', do: expire}"), "PB0503 expire needs to know when: do: expire 1h");
    assert_eq!(problems("{match: 'a', do: expire never}"), "PB0503 `never` is not a time to live");
    assert_eq!(problems("{match: 'a', do: count, where: 'tll < 0'}"), "PB0306 a key has no `tll`");
    assert_eq!(problems("{match: 'a', do: count, rate: fast}"), "PB0106 `fast` is not a rate");
    assert_eq!(problems("{do: count}"), "PB0107 `match` is missing");
    assert_eq!(problems("{match: 'a', do: unlink, rate: 50000/s, batch: 10, count: 5, limit: 9}"), "");
}
