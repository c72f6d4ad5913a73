//! Users, functions, roles, and what cannot be taken back.

use playbook_core::model::{Effect, Reversal};
use serde_json::json;

use super::server::Server;

#[tokio::test]
async fn a_new_user_is_removed_again_and_changed_rules_come_back() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    let done = site.run("ACL SETUSER new on nopass ~x +get").await;
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, back.differs.len()), (1, 0), "{back:?}");
    assert_eq!(site.read("ACL GETUSER new").await.unwrap(), json!(null));
    other.run("ACL SETUSER old on >secretpw ~a ~b &c -@all +get +@list");
    let before = site.read("ACL LIST").await.unwrap();
    let done = site.run("ACL SETUSER old off ~c +set allchannels").await;
    assert_eq!(done.applied[0].diff.len(), 1);
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, back.differs.len(), back.conflicts.len()), (1, 0, 0), "{back:?}");
    assert_eq!(site.read("ACL LIST").await.unwrap(), before);
    // The password is as it was: it was never touched.
    let client = redis::Client::open(format!("redis://old:secretpw@127.0.0.1:{}", server.port)).unwrap();
    client.get_connection().unwrap();
}

fn enters(server: &Server, user: &str, password: &str) -> bool {
    let client = redis::Client::open(format!("redis://{user}:{password}@127.0.0.1:{}", server.port)).unwrap();
    client.get_connection().is_ok()
}

const PASSWORD_LINES: [&str; 5] = [
    "ACL SETUSER u on nopass",
    "ACL SETUSER u >second",
    "ACL SETUSER u >second <first",
    "ACL SETUSER u reset",
    "ACL DELUSER u",
];

#[tokio::test]
async fn passwords_of_users_come_back_while_the_process_lives_and_are_in_no_record() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    for line in PASSWORD_LINES {
        other.run("ACL SETUSER u reset on >first >also ~* +@all");
        let before = format!("{:?}", other.run("ACL LIST"));
        let done = site.run(line).await;
        for hash in before.split(['#', ' ']).filter(|word| word.len() == 64) {
            assert!(!done.recorded().contains(hash), "{line}");
        }
        for _ in 0..2 {
            let back = site.undo(&done.parts).await;
            assert_eq!((back.restored, back.differs.len(), back.conflicts.len()), (1, 0, 0), "{line}: {back:?}");
        }
        assert_eq!(format!("{:?}", other.run("ACL LIST")), before, "{line}");
        assert!(enters(&server, "u", "first") && enters(&server, "u", "also") && !enters(&server, "u", "second"));
    }
    // Another password of someone else is left.
    let done = site.run("ACL SETUSER u >second").await;
    other.run("ACL SETUSER u <second >theirs");
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, back.differs.len(), back.conflicts.len()), (0, 0, 1), "{back:?}");
}

#[tokio::test]
async fn a_rollback_that_does_not_know_passwords_leaves_no_open_door_and_says_so() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    for line in PASSWORD_LINES {
        other.run("ACL SETUSER u reset on >first ~* +@all");
        let done = site.run(line).await;
        let later = server.site();
        for _ in 0..2 {
            let back = later.undo(&done.parts).await;
            assert_eq!((back.restored, back.differs.len(), back.conflicts.len()), (0, 1, 0), "{line}: {back:?}");
            assert!(back.differs[0].now.contains("have to be set again"), "{line}: {back:?}");
        }
        assert!(!["first", "second", "any"].iter().any(|password| enters(&server, "u", password)), "{line}");
    }
    // What had no password before needs none to be known.
    other.run("ACL SETUSER u reset on nopass ~* +@all");
    let done = site.run("ACL SETUSER u resetpass >second").await;
    let back = server.site().undo(&done.parts).await;
    assert_eq!((back.restored, back.differs.len()), (1, 0), "{back:?}");
    assert!(enters(&server, "u", "any"));
}

#[tokio::test]
async fn functions_come_back_from_their_dump() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.words(&["FUNCTION", "LOAD", "#!lua name=one\nredis.register_function('f1', function() return 1 end)"]);
    let done = site.run("FUNCTION FLUSH").await;
    assert_eq!(site.undo(&done.parts).await.restored, 1);
    assert_eq!(site.read("FUNCTION LIST").await.unwrap()[0]["library_name"], "one");
    let load = ["FUNCTION", "LOAD", "#!lua name=two\nredis.register_function('f2', function() return 2 end)"];
    let done = site.change(site.words(&load).as_ref()).await.unwrap();
    other.run("FUNCTION DELETE one");
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, back.conflicts.len()), (0, 1), "{back:?}");
}

#[tokio::test]
async fn a_replica_becomes_a_master_and_a_replica_again() {
    let (master, server) = (Server::start(&[]), Server::start(&[]));
    server.other().run(&format!("REPLICAOF 127.0.0.1 {}", master.port));
    let site = server.site();
    let done = site.run("REPLICAOF NO ONE").await;
    assert_eq!(site.read("ROLE").await.unwrap()["role"], "master");
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, back.differs.len(), back.conflicts.len()), (1, 0, 0), "{back:?}");
    assert_eq!(site.read("ROLE").await.unwrap()["master_port"], json!(master.port));
    // What a replica refuses is told beforehand.
    let fault = site.change(site.redis("SET k v").as_ref()).await.err().unwrap();
    assert_eq!(fault.server_code.as_deref(), Some("READONLY"));
    assert!(site.plan("SET k v").await.notes.iter().any(|note| note.contains("READONLY")));
}

#[tokio::test]
async fn a_pause_is_ended() {
    let server = Server::start(&[]);
    let site = server.site();
    let done = site.run("CLIENT PAUSE 60000 WRITE").await;
    assert_eq!(site.undo(&done.parts).await.restored, 1);
    server.other().run("SET k v");
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_never_called_restored() {
    let server = Server::start(&[]);
    let (site, mut other, mut listener) = (server.site(), server.other(), server.other());
    let mut listener = listener.0.as_pubsub();
    listener.subscribe("a").unwrap();
    for line in [
        "FLUSHALL",
        "PUBLISH a b",
        "CONFIG RESETSTAT",
        "SCRIPT FLUSH",
        "SLOWLOG RESET",
        "EVAL 'return redis.call(\"SET\",\"x\",1)' 0",
    ] {
        other.run("SET k v");
        let action = site.redis(line);
        assert!(matches!(action.class().reversal, Reversal::Impossible(_)), "{line}");
        let done = site.change(action.as_ref()).await.unwrap();
        assert!(done.changed(), "{line}");
        let back = site.undo(&done.parts).await;
        assert_eq!((back.restored, back.differs.len()), (0, 1), "{line}: {back:?}");
    }
    let done = site.run("SWAPDB 0 1").await;
    let back = site.undo(&done.parts).await;
    assert_eq!((back.restored, back.differs.len()), (0, 1), "{back:?}");
}

#[tokio::test]
async fn commands_that_leave_nothing_need_no_rollback() {
    let server = Server::start(&[]);
    let site = server.site();
    for line in ["BGSAVE", "MEMORY PURGE", "SCRIPT LOAD 'return 1'"] {
        let action = site.redis(line);
        assert_eq!(action.class().reversal, Reversal::NoneNeeded, "{line}");
        let done = site.change(action.as_ref()).await.unwrap();
        assert!(!done.changed(), "{line}");
        let back = site.undo(&done.parts).await;
        assert_eq!((back.restored, back.differs.len(), back.conflicts.len()), (0, 0, 0));
    }
}

#[tokio::test]
async fn a_server_that_was_told_to_stop_has_stopped() {
    let server = Server::start(&[]);
    let site = server.site();
    let action = site.redis("SHUTDOWN NOSAVE");
    assert_eq!(action.class().effect, Effect::Disrupt);
    let done = site.change(action.as_ref()).await.unwrap();
    assert!(done.changed());
    assert_eq!(site.read("PING").await.unwrap_err().code, playbook_core::codes::Code::Unreachable);
}

#[tokio::test]
async fn replies_become_data() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("HSET h a 1 b x");
    other.run("ZADD z 1.5 m");
    let info = site.read("INFO").await.unwrap();
    assert!(
        info["used_memory"].is_i64()
            && info["redis_version"].is_string()
            && info["mem_fragmentation_ratio"].is_number()
    );
    assert_eq!(info["db0"]["keys"], 2);
    assert_eq!(site.read("HGETALL h").await.unwrap(), json!({"a": "1", "b": "x"}));
    assert_eq!(site.read("ZRANGE z 0 -1 WITHSCORES").await.unwrap(), json!([["m", 1.5]]));
    assert_eq!(site.read("GET nothing").await.unwrap(), json!(null));
    assert_eq!(site.read("CONFIG GET databases").await.unwrap(), json!({"databases": 16}));
    assert!(
        site.read("CLIENT LIST").await.unwrap().as_array().unwrap().iter().any(|client| client["name"] == "playbook")
    );
    assert_eq!(site.read("CLIENT INFO").await.unwrap()["name"], "playbook");
    assert_eq!(site.read("ROLE").await.unwrap()["role"], "master");
    assert!(site.read("MEMORY STATS").await.unwrap()["total.allocated"].is_i64());
    assert!(site.read("SLOWLOG GET").await.unwrap().is_array());
    assert!(site.read("TIME").await.unwrap()[0].is_i64());
    redis::cmd("SET").arg("bin").arg(&[0xff_u8, 0][..]).exec(&mut other.0).unwrap();
    assert_eq!(site.read("GET bin").await.unwrap(), json!({"$bytes": "ff00"}));
}

#[tokio::test]
async fn what_happened_beyond_captured_keys_is_never_called_restored() {
    let server = Server::start(&[]);
    let elsewhere = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    other.run("SCRIPT LOAD return(redis.call('del',KEYS[1],'hidden'))");
    let library =
        "#!lua name=f\nredis.register_function('w', function(k) return redis.call('DEL', k[1], 'hidden') end)";
    other.words(&["FUNCTION", "LOAD", library]);
    let sha = other.text("SCRIPT LOAD return(redis.call('del',KEYS[1],'hidden'))");
    for words in [
        &["MOVE", "k", "1"][..],
        &["COPY", "k", "k2", "DB", "1", "REPLACE"],
        &["MIGRATE", "127.0.0.1", &elsewhere.port.to_string(), "k", "0", "5000"],
        &["EVAL", "redis.call('del', KEYS[1]) return redis.call('del', 'hidden')", "1", "k"],
        &["EVALSHA", &sha, "1", "k"],
        &["FCALL", "w", "1", "k"],
    ] {
        other.run("FLUSHALL");
        other.run("MSET k v hidden v");
        let done = site.change(site.words(words).as_ref()).await.unwrap();
        assert!(done.changed(), "{words:?}");
        let planned = site.provider.plan_undo(site.reading(), &done.parts).await.unwrap();
        assert!(planned.notes.iter().any(|note| note.contains("left as it is")), "{words:?} {planned:?}");
        for parts in [done.parts.clone(), done.parts.iter().map(super::server::in_doubt).collect()] {
            let back = site.undo(&parts).await;
            assert_eq!((back.differs.len(), back.conflicts.len()), (1, 0), "{words:?}: {back:?}");
            assert!(back.differs[0].now.starts_with("left as it is: "), "{back:?}");
        }
        assert_eq!(other.text("GET k"), "v", "{words:?}");
    }
    // Where the reply tells that nothing happened, nothing differs.
    for words in [&["MOVE", "nothing", "1"][..], &["COPY", "nothing", "k2", "DB", "1"]] {
        let done = site.change(site.words(words).as_ref()).await.unwrap();
        assert!(!done.changed(), "{words:?}");
        assert_eq!(site.undo(&done.parts).await.differs, [], "{words:?}");
    }
}

#[tokio::test]
async fn what_the_reply_says_did_nothing_changed_nothing() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    for line in ["CLIENT KILL ADDR 1.2.3.4:5", "CLIENT UNBLOCK 99999", "PUBLISH a b", "LATENCY RESET"] {
        assert!(!site.run(line).await.changed(), "{line}");
    }
    let id = other.int("CLIENT ID");
    assert!(site.run(&format!("CLIENT KILL ID {id}")).await.changed());
    // Those who listen at a replica are not counted in the reply.
    let replica = Server::start(&[]);
    replica.other().run(&format!("REPLICAOF 127.0.0.1 {}", server.port));
    let mut other = server.other();
    while !other.text("INFO replication").contains("connected_slaves:1") {}
    assert!(site.run("PUBLISH a b").await.changed());
}
