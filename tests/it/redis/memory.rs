//! A server that is out of memory gets its data back.

use playbook_core::action::Restore;
use playbook_providers::redis::drill::{Ignoring, Snapshot};
use serde_json::json;

use super::server::{Other, Server};

fn fill(other: &mut Other, keys: u32) {
    for n in 0..keys {
        other.words(&["SET", &format!("dead:{n}"), &format!("{n}").repeat(400)]);
    }
    let used: i64 = {
        let info = other.text("INFO memory");
        info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
    };
    // Full: not even one more key fits.
    other.run(&format!("CONFIG SET maxmemory {}", used - 100_000));
}

fn clean(back: &Restore) -> bool {
    back.differs.is_empty() && back.conflicts.is_empty() && back.failed.is_none()
}

#[tokio::test]
async fn a_server_that_is_full_takes_its_data_back_and_its_limit_stays() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (site, mut other) = (server.site(), server.other());
    fill(&mut other, 2000);
    let before = Snapshot::take(&server.url()).await.unwrap();
    let fault = site.change(site.redis("SET more x").as_ref()).await.err().unwrap();
    assert_eq!(fault.server_code.as_deref(), Some("OOM"));
    assert!(site.plan("SET more x").await.notes.iter().any(|note| note.contains("OOM")));
    let done = site.change(site.step("redis.keys", "{match: 'dead:*', do: unlink}").as_ref()).await.unwrap();
    assert_eq!(done.result["changed"], 2000);
    // Others fill what was freed.
    for n in 0..1500 {
        other.words(&["SET", &format!("live:{n}"), &format!("{n}").repeat(300)]);
    }
    let live = Snapshot::take(&server.url()).await.unwrap();
    let mut undo = site.provider.undo(site.writing(), done.parts.clone()).await.unwrap();
    let capture = undo.prepare().await.unwrap().expect("the limit has to be raised");
    assert_eq!(capture.undo.kind, "redis.headroom/1");
    let back = undo.run().await;
    assert!(clean(&back), "{back:?}");
    assert_eq!(back.restored, 2000);
    let after = Snapshot::take(&server.url()).await.unwrap();
    let dead = ["dead:*".to_owned()];
    assert_eq!(before.subset(&dead).differences(&after.subset(&dead), &Ignoring::default()), Vec::<String>::new());
    let live_too = ["live:*".to_owned()];
    assert_eq!(
        live.subset(&live_too).differences(&after.subset(&live_too), &Ignoring::default()),
        Vec::<String>::new()
    );
    let settings = Ignoring { keys: vec!["*".into()], settings: Vec::new() };
    assert_eq!(before.differences(&after, &settings), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_evicted_while_data_returns() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (site, mut other) = (server.site(), server.other());
    fill(&mut other, 1000);
    let done = site.change(site.step("redis.keys", "{match: 'dead:*', do: unlink}").as_ref()).await.unwrap();
    other.run("CONFIG SET maxmemory-policy allkeys-random");
    for n in 0..500 {
        other.words(&["SET", &format!("live:{n}"), "x"]);
    }
    let back = site.undo(&done.parts).await;
    assert_eq!(back.restored, 1000);
    // The data was full before: rather than evict some of it, the limit stays, and that is said.
    assert_eq!(other.int("DBSIZE"), 1500);
    let limit = |now: &str| now.contains("would evict keys");
    assert!(back.differs.iter().all(|difference| limit(&difference.now)), "{back:?}");
}

#[tokio::test]
async fn a_rollback_that_was_interrupted_puts_the_first_limit_back() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (site, mut other) = (server.site(), server.other());
    fill(&mut other, 1000);
    let limit = site.read("CONFIG GET maxmemory").await.unwrap();
    let done = site.change(site.step("redis.keys", "{match: 'dead:*', do: unlink}").as_ref()).await.unwrap();
    for n in 0..400 {
        other.words(&["SET", &format!("live:{n}"), &format!("{n}").repeat(400)]);
    }
    let mut undo = site.provider.undo(site.writing(), done.parts.clone()).await.unwrap();
    let capture = undo.prepare().await.unwrap().unwrap();
    drop(undo);
    // The process died after it had raised the limit.
    other.run(&format!("CONFIG SET maxmemory {}", capture.undo.data["to"]));
    let interrupted = playbook_core::action::UndoPart { record: capture.undo, after: None, words: capture.words };
    let mut parts = vec![interrupted];
    parts.extend(done.parts.clone());
    let back = site.undo(&parts).await;
    assert!(clean(&back), "{back:?}");
    assert_eq!(back.restored, 1000);
    assert_eq!(site.read("CONFIG GET maxmemory").await.unwrap(), limit);
}

#[tokio::test]
async fn a_limit_that_someone_else_set_meanwhile_is_left() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (site, mut other) = (server.site(), server.other());
    fill(&mut other, 500);
    let done = site.change(site.step("redis.keys", "{match: 'dead:*', do: unlink}").as_ref()).await.unwrap();
    let mut undo = site.provider.undo(site.writing(), done.parts.clone()).await.unwrap();
    let capture = undo.prepare().await.unwrap().unwrap();
    drop(undo);
    other.run("CONFIG SET maxmemory 300mb");
    let interrupted = playbook_core::action::UndoPart { record: capture.undo, after: None, words: capture.words };
    let back = site.undo(&[vec![interrupted], done.parts.clone()].concat()).await;
    assert_eq!(back.restored, 500);
    assert_eq!(back.conflicts[0].subject, "config maxmemory");
    assert_eq!(site.read("CONFIG GET maxmemory").await.unwrap(), json!({"maxmemory": 300 << 20}));
}

#[tokio::test]
async fn large_compressible_values_come_back_to_a_full_server() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (site, mut other) = (server.site(), server.other());
    for n in 0..20 {
        other.words(&["SET", &format!("dead:{n}"), &"a".repeat(1_000_000)]);
    }
    let before = Snapshot::take(&server.url()).await.unwrap();
    let done = site.change(site.step("redis.keys", "{match: 'dead:*', do: unlink}").as_ref()).await.unwrap();
    let info = other.text("INFO memory");
    let used: i64 = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap();
    other.run(&format!("CONFIG SET maxmemory {}", used + 10_000));
    let back = site.undo(&done.parts).await;
    assert!(clean(&back), "{back:?}");
    let after = Snapshot::take(&server.url()).await.unwrap();
    let ignoring = Ignoring { keys: Vec::new(), settings: vec!["maxmemory".into()] };
    assert_eq!(before.differences(&after, &ignoring), Vec::<String>::new());
}

#[tokio::test]
async fn a_full_server_can_be_relieved_by_every_command_that_needs_no_memory() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (site, mut other) = (server.site(), server.other());
    for line in ["RPUSH l a b c d", "SADD s a b c", "HSET h a 1 b 2", "ZADD z 1 a 2 b", "SET e 1 EX 5000", "SET t x"] {
        other.run(line);
    }
    fill(&mut other, 500);
    let before = Snapshot::take(&server.url()).await.unwrap();
    for line in [
        "DEL t",
        "UNLINK t e",
        "EXPIRE t 100",
        "PERSIST e",
        "LTRIM l 1 2",
        "LPOP l",
        "SREM s a",
        "HDEL h a b",
        "ZREM z a",
        "GETDEL t",
        "RENAME t t2",
        "SPOP s",
        "DEL l s h z e t nothing",
    ] {
        let done = site.change(site.redis(line).as_ref()).await.unwrap_or_else(|fault| panic!("{line}: {fault:?}"));
        assert!(done.changed(), "{line}");
        let back = site.undo(&done.parts).await;
        assert!(clean(&back), "{line}: {back:?}");
        let after = Snapshot::take(&server.url()).await.unwrap();
        assert_eq!(before.differences(&after, &Ignoring::default()), Vec::<String>::new(), "{line}");
    }
    // What does need memory is refused, and certainly not done.
    let fault = site.change(site.redis("APPEND t more").as_ref()).await.err().unwrap();
    assert_eq!((fault.server_code.as_deref(), fault.happened), (Some("OOM"), playbook_core::action::Happened::No));
}

#[tokio::test]
async fn on_a_full_server_too_someone_elses_change_is_noticed() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (site, mut other) = (server.site(), server.other());
    other.run("RPUSH l a b c");
    other.run("SET t x EX 5000");
    fill(&mut other, 500);
    for (line, theirs) in [("DEL l", "RPOP l"), ("DEL t", "EXPIRE t 9"), ("DEL nothing l", "LPOP l")] {
        let action = site.redis(line);
        let mut change = action.change(site.writing()).await.unwrap();
        change.capture().await.unwrap().unwrap();
        other.run(theirs);
        let fault = change.apply().await.unwrap_err();
        assert_eq!(
            (fault.kind, fault.happened),
            (playbook_core::action::FaultKind::Moved, playbook_core::action::Happened::No),
            "{line}"
        );
    }
    assert_eq!((other.int("LLEN l"), other.int("EXISTS t")), (1, 1));
}

#[tokio::test]
async fn the_limit_of_a_full_server_is_raised_and_put_back() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (site, mut other) = (server.site(), server.other());
    fill(&mut other, 500);
    let limit = site.read("CONFIG GET maxmemory").await.unwrap();
    let done = site.run("CONFIG SET maxmemory 1gb").await;
    assert_eq!(done.parts[0].record.order, playbook_core::action::UndoOrder::TakesRoom);
    other.run("SET more x");
    assert_eq!(site.undo(&done.parts).await.restored, 1);
    assert_eq!(site.read("CONFIG GET maxmemory").await.unwrap(), limit);
    assert_eq!(site.undo(&done.parts).await.restored, 1);
    for line in ["ACL SETUSER u on", "CONFIG SET timeout 3", "FUNCTION FLUSH"] {
        site.run(line).await;
    }
}
