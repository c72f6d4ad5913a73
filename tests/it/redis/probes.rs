//! After a crash: done, not done, or someone else's work.

use playbook_core::action::{UndoPart, Verdict};

use super::server::{Server, Site, in_doubt};

async fn captured(site: &Site, line: &str) -> UndoPart {
    let action = site.redis(line);
    let mut change = action.change(site.writing()).await.unwrap();
    let capture = change.capture().await.unwrap().unwrap();
    UndoPart { record: capture.undo, after: None, words: capture.words }
}

#[tokio::test]
async fn what_was_captured_and_never_sent_is_not_done() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k 1");
    for line in [
        "SET k 2",
        "DEL k",
        "EXPIRE k 5",
        "SPOP s",
        "CONFIG SET maxmemory 1gb",
        "REPLICAOF 127.0.0.1 1",
        "ACL SETUSER new on",
        "FUNCTION FLUSH",
        "BGSAVE",
    ] {
        let part = captured(&site, line).await;
        assert_eq!(site.probe(&part).await, Verdict::NotDone, "{line}");
    }
}

#[tokio::test]
async fn what_was_done_is_recognised_by_what_it_left() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    for line in ["SET t 5", "RPUSH l a b c", "SADD s a b", "HSET h a 1", "ZADD z 1 a 2 b", "SET e 1 EX 100"] {
        other.run(line);
    }
    for line in [
        "SET t 6",
        "INCRBY t 4",
        "APPEND t x",
        "SET t 7 EX 100",
        "DEL s",
        "SADD s c",
        "SREM s c",
        "SADD s a b",
        "SREM s a",
        "HSET h b 2",
        "HDEL h b",
        "HINCRBY h a 5",
        "ZADD z 3 c",
        "ZREM z a",
        "ZINCRBY z 1.5 b",
        "LPUSH l x y",
        "RPUSH l z",
        "LPOP l",
        "RPOP l 2",
        "LTRIM l 0 0",
        "RENAME l l2",
        "EXPIRE t 900",
        "PEXPIREAT t 99999999999999",
        "PERSIST t",
        "GETDEL t",
        "UNLINK h",
        "CONFIG SET maxmemory 1gb",
        "MSET a 1 b 2",
    ] {
        let done = site.run(line).await;
        assert!(done.changed(), "{line}");
        let verdict = site.probe(&in_doubt(&done.parts[0])).await;
        assert!(
            matches!(&verdict, Verdict::Done(after) if Some(after) == done.parts[0].after.as_ref()),
            "{line}: {verdict:?}"
        );
    }
}

#[tokio::test]
async fn what_someone_else_did_is_not_taken_for_it() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    for line in ["SET k 2", "INCR k", "APPEND k x", "DEL k", "EXPIRE k 100", "RENAME k k2"] {
        other.run("FLUSHALL");
        other.run("SET k 1");
        let part = captured(&site, line).await;
        other.run("SET k 77");
        assert!(matches!(site.probe(&part).await, Verdict::Unclear(_)), "{line}");
        // And what cannot be told apart is not taken back.
        let back = site.undo(&[part]).await;
        assert_eq!(
            (back.restored, back.conflicts.len()),
            (u64::from(line.starts_with("RENAME")), 1),
            "{line}: {back:?}"
        );
        assert_eq!(other.text("GET k"), "77");
    }
}

#[tokio::test]
async fn a_change_in_doubt_that_happened_is_taken_back() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k 1 EX 5000");
    let done = site.run("SET k 2").await;
    let back = site.undo(&[in_doubt(&done.parts[0])]).await;
    assert_eq!((back.restored, back.conflicts.len()), (1, 0));
    assert_eq!(other.text("GET k"), "1");
    // A command whose outcome nobody can work out is left, and said.
    let done = site.run("SETRANGE k 0 xyz").await;
    let back = site.undo(&[in_doubt(&done.parts[0])]).await;
    assert_eq!((back.restored, back.conflicts.len()), (0, 1));
    assert_eq!(other.text("GET k"), "xyz");
}

#[tokio::test]
async fn what_touches_no_key_that_could_tell_is_unclear() {
    let server = Server::start(&[]);
    let site = server.site();
    for line in ["PUBLISH a b", "SWAPDB 0 1", "EVAL 'return 1' 0", "CONFIG RESETSTAT"] {
        let part = captured(&site, line).await;
        assert!(matches!(site.probe(&part).await, Verdict::Unclear(_)), "{line}");
    }
}

#[tokio::test]
async fn an_answer_waits_for_the_connection_that_may_still_bring_the_change() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET k 1");
    let action = site.redis("SET k 2");
    let mut change = action.change(site.writing()).await.unwrap();
    let capture = change.capture().await.unwrap().unwrap();
    let part = UndoPart { record: capture.undo, after: None, words: capture.words };
    // The connection is open: an answer now could be wrong in a moment.
    let verdict = {
        let probe = site.probe(&part);
        tokio::pin!(probe);
        let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut probe).await;
        assert!(early.is_err(), "{early:?}");
        drop(change);
        probe.await
    };
    assert_eq!(verdict, Verdict::NotDone);
}

#[tokio::test]
async fn after_a_restart_of_the_server_the_old_connection_is_not_waited_for() {
    let server = Server::start(&[]);
    let site = server.site();
    let mut part = captured(&site, "SET k 2").await;
    part.record.data["run_id"] = "another".into();
    part.record.data["client"] = site.read("CLIENT ID").await.unwrap();
    assert_eq!(site.probe(&part).await, Verdict::NotDone);
}
