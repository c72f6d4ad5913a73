//! What is given leave to read cannot write, whatever it is told to send.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use playbook_core::action::FaultKind;
use serde_json::Value;

use super::server::{Server, Site};

/// Everything that reaches a server, as MONITOR shows it.
struct Watcher(Arc<Mutex<Vec<String>>>);

impl Watcher {
    fn on(server: &Server) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "+OK");
        let into = Arc::clone(&seen);
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| into.lock().unwrap().push(line)));
        Self(seen)
    }

    /// The names of the commands so far, up to a mark that someone else sets.
    fn names(&self, server: &Server) -> Vec<String> {
        server.other().run("ECHO end-of-test");
        loop {
            let seen = self.0.lock().unwrap().clone();
            if seen.iter().any(|line| line.contains("end-of-test")) {
                return seen.iter().filter_map(|line| Some(line.split('"').nth(1)?.to_lowercase())).collect();
            }
            std::thread::yield_now();
        }
    }
}

fn commands() -> Vec<(String, i64)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/providers/redis/commands.json");
    let parts: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rows = parts.iter().flat_map(|part| part["commands"].as_array().unwrap());
    rows.map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_i64().unwrap())).collect()
}

fn fill(server: &Server) {
    let mut other = server.other();
    for line in [
        "SET k 1",
        "RPUSH l a b",
        "SADD s a b",
        "HSET h a 1",
        "ZADD z 1 a",
        "XADD x 1-1 a b",
        "PFADD hll a b c",
        "SET t 1 EX 1000",
        "XGROUP CREATE x g 0",
        "CONFIG SET maxmemory 100mb",
    ] {
        other.run(line);
    }
    other.words(&[
        "FUNCTION",
        "LOAD",
        "#!lua name=f\nredis.register_function('w', function(k) return redis.call('SET', k[1], 'x') end)",
    ]);
}

async fn state(server: &Server, site: &Site) -> String {
    let mut other = server.other();
    let persistence = site.read("INFO persistence").await.unwrap();
    let rest = [
        site.read("CONFIG GET *").await.unwrap(),
        site.read("ACL LIST").await.unwrap(),
        site.read("FUNCTION LIST").await.unwrap(),
        // The offset moves with WAIT, which writes nothing.
        site.read("ROLE").await.unwrap()["role"].clone(),
    ];
    format!("{} {} {rest:?}", other.digest(), persistence["rdb_changes_since_last_save"])
}

#[tokio::test]
async fn no_command_of_the_table_writes_when_it_is_given_leave_to_read() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let site = server.site();
    fill(&server);
    let before = state(&server, &site).await;
    let watcher = Watcher::on(&server);
    let (mut sent, mut refused) = (0, 0);
    for (name, arity) in commands() {
        let mut words: Vec<&str> = name.split('|').collect();
        let least = usize::try_from(arity.abs()).unwrap();
        for filler in [
            ["k"; 6],
            ["1"; 6],
            ["l", "0", "1", "2", "3", "4"],
            ["x", "g", "c", "0", "1-1", "k"],
            ["hll"; 6],
            ["t", "1", "2", "3", "4", "5"],
        ] {
            let more = filler.iter().cycle().take(least.saturating_sub(words.len()).max(usize::from(arity < 0)));
            let line: Vec<&str> = words.iter().copied().chain(more.copied()).collect();
            if !site.problems("redis", &serde_json::to_string(&line).unwrap()).iter().all(|p| p.starts_with("PB0505")) {
                continue;
            }
            match site.words(&line).read(site.reading()).await {
                Err(fault) if fault.kind == FaultKind::ReadOnly => refused += 1,
                _ => sent += 1,
            }
        }
        words.clear();
    }
    assert!(sent > 300 && refused > 500, "{sent} {refused}");
    let names = watcher.names(&server);
    let mut other = server.other();
    let mut unique = names.clone();
    unique.sort();
    unique.dedup();
    for name in unique {
        let redis::Value::Array(info) = other.words(&["COMMAND", "INFO", &name]) else { panic!("{name}") };
        let redis::Value::Array(entry) = &info[0] else { continue };
        let flags = format!("{:?}", entry[2]);
        assert!(!flags.contains("\"write\""), "{name} was sent: {flags}");
    }
    assert_eq!(state(&server, &site).await, before);
}

#[tokio::test]
async fn writes_in_disguise_are_refused_before_they_are_sent() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let site = server.site();
    fill(&server);
    let before = state(&server, &site).await;
    let watcher = Watcher::on(&server);
    for line in [
        "SET k v",
        "set k v",
        "SeT k v",
        "SORT l ALPHA STORE dst",
        "GEORADIUS g 1 1 1 km STORE dst",
        "GETEX k EX 5",
        "GETDEL k",
        "BITFIELD k SET u8 0 1",
        "EVAL 'redis.call(\"SET\",KEYS[1],1)' 1 k",
        "FCALL w 1 k",
        "PFCOUNT hll",
        "TOUCH k",
        "XREADGROUP GROUP g c STREAMS x >",
        "CONFIG SET maxmemory 1",
        "CONFIG RESETSTAT",
        "CONFIG REWRITE",
        "ACL LOG RESET",
        "ACL SETUSER u on",
        "CLIENT KILL TYPE normal",
        "CLIENT PAUSE 1",
        "SCRIPT LOAD 'return 1'",
        "SCRIPT FLUSH",
        "FUNCTION FLUSH",
        "SLOWLOG RESET",
        "LATENCY RESET",
        "MEMORY PURGE",
        "DEBUG SLEEP 0",
        "PUBLISH a b",
        "SWAPDB 0 1",
        "FLUSHALL",
        "REPLICAOF NO ONE",
        "BGSAVE",
        "SAVE",
        "SHUTDOWN NOSAVE",
        "CLUSTER RESET",
        "MODULE LOAD /x",
        "JSON.SET k $ 1",
        "MIGRATE h 1 k 0 1",
        "COPY k k2",
        "RESTORE k 0 x",
        "LATENCY RESET event",
        "OBJECT FREEZE k",
        "FAILOVER",
    ] {
        if !site
            .problems("redis", &serde_json::to_string(line).unwrap())
            .iter()
            .all(|p| p.starts_with("PB05") && p.starts_with("PB0505"))
        {
            continue;
        }
        let fault = site.read(line).await.expect_err(line);
        assert_eq!(fault.kind, FaultKind::ReadOnly, "{line}: {fault:?}");
    }
    let names = watcher.names(&server);
    assert!(
        names.iter().all(|name| ["command", "hello", "client", "info", "echo"].contains(&name.as_str())),
        "{names:?}"
    );
    assert_eq!(state(&server, &site).await, before);
}

#[tokio::test]
async fn a_script_is_sent_by_a_run_and_never_by_a_plan() {
    let server = Server::start(&["--slowlog-log-slower-than", "0"]);
    let site = server.site();
    fill(&server);
    let mut other = server.other();
    let library = "#!lua name=r\nredis.register_function{function_name='ro', flags={'no-writes'}, callback=function() redis.call('SLOWLOG','RESET') return 1 end}";
    other.words(&["FUNCTION", "LOAD", library]);
    let clears = "return redis.call('SLOWLOG','RESET')";
    let sha = other.text(&format!("SCRIPT LOAD {}", "return(redis.call('SLOWLOG','RESET'))"));
    let watcher = Watcher::on(&server);
    for words in [
        &["EVAL_RO", clears, "0"][..],
        &["eval_ro", "while true do end", "0"],
        &["EVALSHA_RO", &sha, "0"],
        &["FCALL_RO", "ro", "0"],
        &["KEYS", "*"],
        &["WAIT", "1", "100000"],
        &["WAITAOF", "0", "1", "100000"],
    ] {
        let action = site.words(words);
        assert_eq!(action.class().effect, playbook_core::model::Effect::Read, "{words:?}");
        assert!(action.only_in_run().is_some(), "{words:?}");
        let fault = action.read(site.reading()).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::ReadOnly, "{words:?}: {fault:?}");
        action.plan(site.reading()).await.unwrap();
    }
    let names = watcher.names(&server);
    assert!(
        names.iter().all(|name| ["command", "hello", "client", "info", "echo"].contains(&name.as_str())),
        "{names:?}"
    );
    assert!(other.int("SLOWLOG LEN") > 0);
    let in_run = async |words: &[&str]| site.words(words).read_in_run(site.writing()).await;
    assert_eq!(in_run(&["EVAL_RO", "return redis.call('GET', KEYS[1])", "1", "k"]).await.unwrap(), "1");
    assert_eq!(in_run(&["EVALSHA_RO", &sha, "0"]).await.unwrap(), "OK");
    assert_eq!(in_run(&["FCALL_RO", "ro", "0"]).await.unwrap(), 1);
    assert_eq!(in_run(&["KEYS", "k"]).await.unwrap(), serde_json::json!(["k"]));
    assert_eq!(in_run(&["GET", "k"]).await.unwrap(), "1");
    // The server holds a script to it that it does not write.
    let fault = in_run(&["EVAL_RO", "return redis.call('SET', KEYS[1], 1)", "1", "k"]).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused);
    // What is no read does not become one by being asked in a run.
    assert_eq!(in_run(&["EVAL", "return 1", "0"]).await.unwrap_err().kind, FaultKind::ReadOnly);
}

#[tokio::test]
async fn a_script_under_another_name_is_not_taken_for_a_read() {
    let server = Server::start(&["--rename-command", "EVAL_RO", "my.read"]);
    let site = server.site();
    let fault = site.words(&["MY.READ", "return 1", "0"]).read(site.reading()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ReadOnly);
}

/// Every command that Redis or Valkey calls read-only or that runs scripts, and that a plan may all
/// the same not send: looked at one by one.
#[test]
fn every_read_of_the_table_that_runs_scripts_or_waits_is_kept_out_of_plans() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/providers/redis/commands.json");
    let parts: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let server = Server::start(&[]);
    let site = server.site();
    let mut kept_out = std::collections::BTreeSet::new();
    for row in parts.iter().flat_map(|part| part["commands"].as_array().unwrap()) {
        let text = |at: usize| row[at].as_str().unwrap().to_owned();
        let (name, flags, categories) = (text(0), text(2), text(6));
        let has = |list: &str, word: &str| list.split(' ').any(|other| other == word);
        // Other subcommands of SCRIPT and FUNCTION run nothing; XREAD is refused with BLOCK.
        let runs = has(&flags, "readonly") && has(&categories, "scripting");
        let waits =
            (has(&flags, "blocking") || has(&categories, "blocking")) && !has(&flags, "write") && name != "xread";
        if !runs && !waits && !["keys", "wait"].contains(&name.as_str()) {
            continue;
        }
        let least = usize::try_from(row[1].as_i64().unwrap().abs()).unwrap();
        let words: Vec<&str> = std::iter::once(name.as_str()).chain(std::iter::repeat("1")).take(least).collect();
        assert!(site.words(&words).only_in_run().is_some(), "{name}");
        kept_out.insert(name);
    }
    let expected = ["eval_ro", "evalsha_ro", "fcall_ro", "keys", "wait", "waitaof"].map(str::to_owned);
    assert_eq!(kept_out, expected.into_iter().collect());
}

#[tokio::test]
async fn plans_of_every_kind_of_change_write_nothing() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let site = server.site();
    fill(&server);
    let before = state(&server, &site).await;
    for line in [
        "SET k 2",
        "DEL k l s",
        "EXPIRE k 10",
        "CONFIG SET maxmemory 200mb",
        "FLUSHALL",
        "EVAL 'redis.call(\"SET\",KEYS[1],1)' 1 k",
        "RENAME k k2",
        "SORT l ALPHA STORE dst",
        "PFCOUNT hll",
        "ACL SETUSER u on",
        "FUNCTION FLUSH",
        "SHUTDOWN",
        "SWAPDB 0 1",
        "XADD x * a b",
        "MIGRATE h 1 k 0 1",
        "BGSAVE",
        "PUBLISH a b",
        "CLIENT PAUSE 5000",
        "DEBUG SLEEP 5",
    ] {
        site.redis(line).plan(site.reading()).await.unwrap_or_else(|fault| panic!("{line}: {fault:?}"));
    }
    for yaml in ["{match: '*', do: unlink}", "{match: '*', do: expire 5}", "{match: '*', do: persist}"] {
        site.step("redis.keys", yaml).plan(site.reading()).await.unwrap();
    }
    assert_eq!(state(&server, &site).await, before);
}
