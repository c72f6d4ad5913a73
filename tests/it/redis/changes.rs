//! Commands are carried out, taken back, and what others do meanwhile is respected.

use playbook_core::action::{FaultKind, Happened};
use serde_json::json;

use super::server::Server;

#[tokio::test]
async fn a_text_with_an_expiry_is_changed_and_comes_back_to_the_millisecond() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k old PXAT 99999999999999");
    let done = site.run("SET k new").await;
    assert!(done.changed());
    assert_eq!(done.result, json!("OK"));
    assert_eq!(done.captures[0].subject, "key k");
    assert_eq!(other.text("GET k"), "new");
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, &back.differs, &back.conflicts, &back.failed), (1, &vec![], &vec![], &None));
    assert_eq!(other.text("GET k"), "old");
    assert_eq!(other.int("PEXPIRETIME k"), 99_999_999_999_999);
}

#[tokio::test]
async fn a_key_that_was_not_there_is_removed_again() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    let done = site.run("RPUSH l a b").await;
    assert_eq!(site.undo(&done.parts).await.restored, 1);
    assert_eq!(other.int("EXISTS l"), 0);
}

#[tokio::test]
async fn a_command_that_changes_nothing_says_so() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k v");
    assert!(!site.run("SET k v").await.changed());
    assert!(!site.run("DEL nothing").await.changed());
}

#[tokio::test]
async fn what_the_server_refuses_has_certainly_not_happened() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k v");
    let fault = site.change(site.redis("LPUSH k a").as_ref()).await.err().unwrap();
    assert_eq!(fault.happened, Happened::No);
    assert_eq!(fault.server_code.as_deref(), Some("WRONGTYPE"));
}

#[tokio::test]
async fn someone_elses_change_between_capture_and_apply_is_noticed_and_captured_again() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k one");
    let action = site.redis("APPEND k !");
    let mut change = action.change(site.writing()).await.unwrap();
    change.capture().await.unwrap().unwrap();
    other.run("SET k two");
    let fault = change.apply().await.unwrap_err();
    assert_eq!((fault.kind, fault.happened), (FaultKind::Moved, Happened::No));
    assert_eq!(other.text("GET k"), "two");
    change.capture().await.unwrap().unwrap();
    change.apply().await.unwrap();
    assert_eq!(other.text("GET k"), "two!");
    assert!(change.capture().await.unwrap().is_none());
}

#[tokio::test]
async fn a_conflict_is_shown_three_ways_and_nothing_is_overwritten() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k before");
    other.run("SET free before");
    let done = site.run("MSET k ours free ours").await;
    other.run("SET k theirs");
    let back = site.undo(&done.parts).await;
    assert_eq!(back.restored, 1);
    assert_eq!(back.conflicts.len(), 1);
    let conflict = &back.conflicts[0];
    assert_eq!(
        (conflict.subject.as_str(), conflict.before.as_str(), conflict.now.as_str()),
        ("key k", "\"before\"", "\"theirs\"")
    );
    assert_eq!(other.text("GET k"), "theirs");
    assert_eq!(other.text("GET free"), "before");
}

#[tokio::test]
async fn a_rollback_can_be_repeated() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SADD s a b c");
    let done = site.run("SREM s a b").await;
    for _ in 0..3 {
        let back = site.undo(&done.parts).await;
        assert_eq!((back.restored, back.conflicts.len(), back.differs.len()), (1, 0, 0));
    }
    assert_eq!(other.int("SCARD s"), 3);
}

#[tokio::test]
async fn settings_come_back_and_a_setting_that_someone_changed_since_does_not() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    let done = site.run("CONFIG SET maxmemory 100mb timeout 7").await;
    assert_eq!(done.captures[0].subject, "maxmemory, timeout");
    assert_eq!(done.applied[0].diff.len(), 2);
    other.run("CONFIG SET timeout 9");
    let back = site.undo(&done.parts).await;
    assert_eq!(back.restored, 1);
    assert_eq!(back.conflicts[0].subject, "config timeout");
    let now = site.read("CONFIG GET maxmemory").await.unwrap();
    assert_eq!(now, json!({"maxmemory": 0}));
    assert_eq!(site.read("CONFIG GET timeout").await.unwrap(), json!({"timeout": 9}));
}

#[tokio::test]
async fn a_key_that_would_have_expired_since_is_restored_as_gone() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k v PX 40");
    let done = site.run("PERSIST k").await;
    let deleted = {
        other.run("SET gone v PX 40");
        site.run("UNLINK gone").await
    };
    let now = |other: &mut super::server::Other| -> f64 {
        let (s, us): (f64, f64) = redis::from_redis_value(other.run("TIME")).unwrap();
        s * 1000.0 + us / 1000.0
    };
    let later = now(&mut other) + 45.0;
    while now(&mut other) < later {}
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, back.conflicts.len(), back.differs.len()), (1, 0, 0), "{back:?}");
    assert_eq!(site.undo(&deleted.parts).await.restored, 1);
    assert_eq!(other.int("DBSIZE"), 0);
}

#[tokio::test]
async fn a_key_whose_own_new_expiry_has_passed_comes_back() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k v");
    let done = site.run("PEXPIRE k 5").await;
    while other.int("EXISTS k") == 1 {}
    assert_eq!(site.undo(&done.parts).await.restored, 1);
    assert_eq!((other.text("GET k"), other.int("TTL k")), ("v".into(), -1));
}

#[tokio::test]
async fn several_changes_of_one_key_are_taken_back_together_and_stop_at_someone_elses() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k 1");
    let first = site.run("SET k 2").await;
    let second = site.run("SET k 3").await;
    let both = [second.parts.clone(), first.parts.clone()].concat();
    assert_eq!(site.undo(&both).await.restored, 1);
    assert_eq!(other.text("GET k"), "1");
    let first = site.run("SET k 2").await;
    other.run("SET k theirs");
    let second = site.run("SET k 3").await;
    let both = [second.parts.clone(), first.parts.clone()].concat();
    let back = site.undo(&both).await;
    assert_eq!((back.restored, back.conflicts.len()), (0, 1), "{back:?}");
    assert_eq!(other.text("GET k"), "theirs");
}
