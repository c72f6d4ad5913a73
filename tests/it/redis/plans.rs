//! What a plan says.

use playbook_core::plan::Image;
use serde_json::json;

use super::server::{Server, Site};

#[tokio::test]
async fn settings_are_shown_before_and_after_as_the_server_shows_them() {
    let server = Server::start(&["--maxmemory", "100mb"]);
    let site = server.site();
    let planned = site.plan("CONFIG SET maxmemory 3gb timeout 0").await;
    assert_eq!(planned.changes[0].before, Image::of("104857600"));
    assert_eq!(planned.changes[0].after, Image::of("3221225472"));
    assert!(planned.changes[1].is_noop());
    assert!(site.plan("CONFIG SET maxmemory 100mb").await.is_noop());
}

#[tokio::test]
async fn keys_are_counted_measured_and_shown_before_and_after() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SET a old EX 1000");
    other.run("RPUSH l 1 2 3");
    let planned = site.plan("DEL a l nothing").await;
    assert_eq!(planned.impact[0].count, 2);
    assert!(planned.impact[0].bytes.unwrap() > 0);
    assert_eq!(planned.impact[0].samples[0].name, "a");
    assert!(planned.impact[0].samples[0].about.starts_with("string, "), "{:?}", planned.impact);
    assert_eq!(planned.changes[0].after, Image::Absent);
    let planned = site.plan("SET a new").await;
    assert!(planned.changes[0].before.show().starts_with("\"old\", expires 20"), "{:?}", planned.changes);
    // What an approval is about does not change by waiting.
    let words = ["SET".to_owned()];
    other.run("DEBUG SLEEP 0.002");
    assert_eq!(site.plan("SET a new").await.fingerprint(&words, None), planned.fingerprint(&words, None));
    assert_eq!(site.plan("EXPIRE l 90").await.changes[0].after, Image::of("list, 3 items, expires 1m 30s later"));
    assert_eq!(planned.changes[0].after, Image::of("\"new\""));
    assert_eq!(site.plan("SETRANGE a 0 x").await.changes[0].after, Image::Unknown);
    assert!(site.plan("DEL nothing").await.is_noop());
    assert!(site.plan("PERSIST l").await.is_noop());
    assert!(site.plan("SET n 1 NX").await.changes[0].before == Image::Absent);
    // What is cut to be readable is not taken for equal.
    other.words(&["SET", "long", &"x".repeat(200)]);
    other.run("HSET h a 1");
    assert!(!site.plan(&format!("SET long {}y", "x".repeat(199))).await.is_noop());
    assert!(!site.plan("HSET h a 2").await.is_noop());
    assert!(site.plan("HSET h a 1").await.is_noop());
}

#[tokio::test]
async fn what_blocks_the_server_is_told_with_its_size() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    let items: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    redis::cmd("RPUSH").arg("big").arg(&items).exec(&mut other.0).unwrap();
    let notes = site.plan("DEL big").await.notes.join("; ");
    assert!(notes.contains("20,000 items") && notes.contains("UNLINK"), "{notes}");
    assert!(site.plan("UNLINK big").await.notes.is_empty());
}

#[tokio::test]
async fn what_the_user_may_not_do_is_told_before_it_is_tried() {
    let server = Server::start(&[]);
    server
        .other()
        .run("ACL SETUSER reader on >pw ~* +@read +info +command +time +acl|whoami +acl|dryrun +multi +exec +watch");
    let site = Site::at(&format!("redis://reader:pw@127.0.0.1:{}", server.port));
    let notes = site.plan("SET k v").await.notes.join("; ");
    assert!(notes.contains("user reader may not run this"), "{notes}");
    let fault = site.change(site.redis("SET k v").as_ref()).await.err().unwrap();
    assert_eq!(fault.code, playbook_core::codes::Code::Unauthorised);
    assert_eq!(server.other().text("GET k"), "(nil)");
}

#[tokio::test]
async fn a_flush_tells_how_many_keys_go() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let (site, mut other) = (server.site(), server.other());
    other.run("DEBUG POPULATE 300");
    assert_eq!(site.plan("FLUSHALL").await.impact[0].count, 300);
    assert_eq!(site.plan("FLUSHDB").await.impact[0].count, 300);
}

#[tokio::test]
async fn a_plan_of_a_rollback_says_what_would_be_done_and_does_nothing() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let (site, mut other) = (server.site(), server.other());
    for line in ["SET a 1", "SET b 1", "SET c 1"] {
        other.run(line);
    }
    let done = site.run("MSET a 2 b 2 c 2").await;
    other.run("SET b 3");
    other.run("SET c 1");
    let before = other.digest();
    let planned = site.provider.plan_undo(site.reading(), &done.parts).await.unwrap();
    assert_eq!((planned.impact[0].what.as_str(), planned.impact[0].count), ("keys to put back", 1));
    let notes = planned.notes.join("; ");
    assert!(notes.contains("conflict at key b: before \"1\"") && notes.contains("1 keys are as they were"), "{notes}");
    assert_eq!(other.digest(), before);
    let done = site.run("CONFIG SET timeout 5").await;
    let planned = site.provider.plan_undo(site.reading(), &done.parts).await.unwrap();
    assert_eq!(planned.changes[0].after, Image::of("0"));
    assert_eq!(site.read("CONFIG GET timeout").await.unwrap(), json!({"timeout": 5}));
}
