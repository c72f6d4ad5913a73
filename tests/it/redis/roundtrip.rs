//! Any change of any data comes back, and what is found out after a crash is never wrong.

use playbook_core::action::{Happened, UndoPart, Verdict};
use playbook_providers::redis::drill::{Ignoring, Snapshot};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::server::{Server, Site, in_doubt};

#[derive(Clone, Debug)]
enum Data {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(Vec<Vec<u8>>),
    Hash(Vec<(Vec<u8>, Vec<u8>)>),
    Sorted(Vec<(f64, Vec<u8>)>),
    Stream(Vec<Vec<u8>>),
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-e]{0,3}".prop_map(String::into_bytes),
        (-200_i64..200).prop_map(|n| n.to_string().into_bytes()),
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..40),
        (1usize..400).prop_map(|n| b"abc".repeat(n)),
    ]
}

fn many<S: Strategy>(item: fn() -> S) -> impl Strategy<Value = Vec<S::Value>> {
    prop_oneof![8 => proptest::collection::vec(item(), 1..6), 1 => proptest::collection::vec(item(), 130..160)]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![(-5..5).prop_map(f64::from), -1e6..1e6, Just(f64::INFINITY), Just(0.1), Just(-0.0)]
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        bytes().prop_map(Data::Text),
        many(bytes).prop_map(Data::List),
        many(bytes).prop_map(Data::Set),
        proptest::collection::vec(any::<i32>(), 1..600)
            .prop_map(|all| Data::Set(all.iter().map(|n| n.to_string().into_bytes()).collect())),
        many(|| (bytes(), bytes())).prop_map(Data::Hash),
        many(|| (number(), bytes())).prop_map(Data::Sorted),
        many(bytes).prop_map(Data::Stream),
    ]
}

fn load(key: &str, data: &Data, ttl: Option<i64>, into: &mut redis::Connection) {
    let run = |cmd: &mut redis::Cmd, into: &mut redis::Connection| cmd.exec(into).unwrap();
    match data {
        Data::Text(text) => run(redis::cmd("SET").arg(key).arg(text), into),
        Data::List(items) => run(redis::cmd("RPUSH").arg(key).arg(items), into),
        Data::Set(items) => run(redis::cmd("SADD").arg(key).arg(items), into),
        Data::Hash(fields) => run(redis::cmd("HSET").arg(key).arg(fields), into),
        Data::Sorted(items) => run(redis::cmd("ZADD").arg(key).arg(items), into),
        Data::Stream(items) => {
            items.iter().for_each(|item| run(redis::cmd("XADD").arg(key).arg("*").arg("f").arg(item), into));
            run(redis::cmd("XGROUP").arg("CREATE").arg(key).arg("g").arg("0"), into);
        }
    }
    if let Some(ttl) = ttl {
        run(redis::cmd("PEXPIRE").arg(key).arg(ttl), into);
    }
}

/// Commands with `%` for a key, `@` for a value and `#` for a number.
const COMMANDS: &[&str] = &[
    "SET % @",
    "SET % @ EX 1000",
    "SET % @ KEEPTTL",
    "SET % @ NX",
    "SET % @ XX GET",
    "SETNX % @",
    "SETEX % 900 @",
    "PSETEX % 900000 @",
    "GETSET % @",
    "GETDEL %",
    "GETEX % PERSIST",
    "MSET % @ % @",
    "MSETNX % @ % @",
    "APPEND % @",
    "SETRANGE % 3 @",
    "INCR %",
    "DECRBY % #",
    "INCRBY % #",
    "INCRBYFLOAT % 0.5",
    "DEL %",
    "DEL % % %",
    "UNLINK % %",
    "EXPIRE % 500",
    "PEXPIRE % 500000 NX",
    "EXPIRE % 500 XX",
    "EXPIRE % 10 GT",
    "EXPIREAT % 99999999999",
    "PERSIST %",
    "RENAME % %",
    "RENAMENX % %",
    "COPY % %",
    "COPY % % REPLACE",
    "LPUSH % @ @",
    "RPUSH % @",
    "LPUSHX % @",
    "RPUSHX % @",
    "LPOP %",
    "RPOP % 2",
    "LTRIM % 1 -2",
    "LTRIM % 5 1",
    "LREM % 0 @",
    "LSET % 0 @",
    "LINSERT % BEFORE @ @",
    "LMOVE % % LEFT RIGHT",
    "SADD % @ @",
    "SADD % # #",
    "SREM % @ #",
    "SPOP %",
    "SMOVE % % @",
    "SUNIONSTORE % % %",
    "SINTERSTORE % % %",
    "SDIFFSTORE % % %",
    "HSET % @ @",
    "HSET % @ @ @ @",
    "HMSET % @ @",
    "HSETNX % @ @",
    "HDEL % @ @",
    "HINCRBY % @ #",
    "HINCRBYFLOAT % @ 0.5",
    "ZADD % # @",
    "ZADD % CH # @ # @",
    "ZADD % NX # @",
    "ZREM % @",
    "ZINCRBY % # @",
    "ZPOPMIN %",
    "ZREMRANGEBYRANK % 0 1",
    "ZUNIONSTORE % 2 % %",
    "ZRANGESTORE % % 0 2",
    "XADD % * f @",
    "XTRIM % MAXLEN 1",
    "XDEL % 1-1",
    "XGROUP CREATE % h 0",
    "XREADGROUP GROUP g c COUNT 2 STREAMS % >",
    "XGROUP DESTROY % g",
    "PFADD % @ @",
    "PFMERGE % %",
    "PFCOUNT %",
    "SETBIT % 7 1",
    "BITOP NOT % %",
    "BITFIELD % SET u8 0 200",
    "SORT % ALPHA STORE %",
    "GEOADD % 13.4 52.5 @",
    "LMPOP 1 % LEFT COUNT 2",
    "ZMPOP 1 % MIN",
    "EVAL redis.call('SET',KEYS[1],ARGV[1]);redis.call('DEL',KEYS[2]) 2 % % @",
];

fn command() -> impl Strategy<Value = Vec<String>> {
    let word = || prop_oneof!["[a-e]{0,3}", (-200_i64..200).prop_map(|n| n.to_string()), "[a-z ]{0,60}", "é[ -z]{0,4}"];
    let fill = (0..COMMANDS.len(), proptest::collection::vec((0..5_usize, word(), -50_i64..50), 8));
    fill.prop_map(|(at, fillers)| {
        let mut fillers = fillers.into_iter();
        let words = COMMANDS[at].split(' ').map(|word| match word {
            "%" => format!("k{}", fillers.next().unwrap().0),
            "@" => fillers.next().unwrap().1,
            "#" => fillers.next().unwrap().2.to_string(),
            word => word.replace(';', "; "),
        });
        words.collect()
    })
}

async fn snapshot(server: &Server) -> Snapshot {
    Snapshot::take(&server.url()).await.unwrap()
}

fn same(before: &Snapshot, after: &Snapshot) -> Result<(), TestCaseError> {
    let differences = before.differences(after, &Ignoring::default());
    prop_assert!(differences.is_empty(), "{differences:?}");
    Ok(())
}

/// Runs one command as a step, and checks what is said of it.
async fn step(server: &Server, site: &Site, words: &[String]) -> Result<Option<UndoPart>, TestCaseError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let action = site.words(&words);
    let before = snapshot(server).await;
    let class = action.class();
    prop_assert!(class.effect.changes(), "{words:?}");
    action.plan(site.reading()).await.map_err(|fault| TestCaseError::fail(format!("{words:?}: {fault:?}")))?;
    same(&before, &snapshot(server).await)?;
    // Captured, and then nothing happens.
    let mut change = action.change(site.writing()).await.unwrap();
    let capture = match change.capture().await {
        Ok(capture) => capture.unwrap(),
        Err(fault) => {
            prop_assert_eq!(fault.happened, Happened::No);
            drop(change);
            return same(&before, &snapshot(server).await).map(|()| None);
        }
    };
    drop(change);
    let lost = UndoPart { record: capture.undo, after: None, words: capture.words };
    let verdict = site.probe(&lost).await;
    prop_assert!(!matches!(verdict, Verdict::Done(_)), "{words:?} was not done: {verdict:?}");
    match site.change(action.as_ref()).await {
        Err(fault) => {
            prop_assert_eq!(fault.happened, Happened::No, "{:?}: {:?}", words, fault);
            same(&before, &snapshot(server).await)?;
            Ok(None)
        }
        Ok(done) => {
            let after = snapshot(server).await;
            let differences = before.differences(&after, &Ignoring::default());
            let differs = !differences.is_empty();
            let script = words[0] == "EVAL";
            prop_assert!(done.changed() == differs || script, "{words:?} changed {}: {differences:?}", done.changed());
            let verdict = site.probe(&in_doubt(&done.parts[0])).await;
            match verdict {
                Verdict::Done(left) => prop_assert_eq!(Some(&left), done.parts[0].after.as_ref(), "{:?}", words),
                Verdict::NotDone => prop_assert!(!differs, "{words:?} was done"),
                Verdict::Unclear(_) => {}
            }
            Ok(Some(done.parts[0].clone()))
        }
    }
}

type Start = Vec<(usize, Data, Option<i64>)>;

async fn case(server: &Server, site: &Site, start: Start, commands: Vec<Vec<String>>) -> Result<(), TestCaseError> {
    let mut other = server.other();
    other.run("FLUSHALL");
    for (key, data, ttl) in &start {
        other.run(&format!("DEL k{key}"));
        load(&format!("k{key}"), data, *ttl, &mut other.0);
    }
    let before = snapshot(server).await;
    let mut parts = Vec::new();
    for words in &commands {
        parts.splice(0..0, step(server, site, words).await?);
    }
    let planned = site.provider.plan_undo(site.reading(), &parts).await.unwrap();
    prop_assert!(!planned.notes.iter().any(|note| note.contains("conflict")), "{:?}", planned.notes);
    // Twice: the second time there is nothing left to do.
    for _ in 0..2 {
        let back = site.undo(&parts).await;
        // What scripts do besides their keys nobody knows, and that is said.
        let scripts = back.differs.iter().filter(|difference| difference.subject.starts_with("EVAL")).count();
        prop_assert!(scripts == back.differs.len(), "{back:?}");
        prop_assert!(back.conflicts.is_empty() && back.failed.is_none(), "{back:?}");
        same(&before, &snapshot(server).await)?;
    }
    Ok(())
}

/// `PROPTEST_CASES` asks for more.
fn runner(cases: u32) -> TestRunner {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(cases);
    TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() })
}

#[test]
fn any_change_of_any_data_comes_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::start(&[]);
    let site = runtime.block_on(async { server.site() });
    let start = proptest::collection::vec((0..5_usize, data(), proptest::option::of(60_000_i64..90_000_000)), 0..5);
    let commands = proptest::collection::vec(command(), 1..4);
    runner(150)
        .run(&(start, commands), |(start, commands)| runtime.block_on(case(&server, &site, start, commands)))
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_same_values_in_other_encodings_are_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let plain = Server::start(&[]);
    let other = Server::start(&[
        "--hash-max-listpack-entries",
        "0",
        "--zset-max-listpack-entries",
        "0",
        "--set-max-intset-entries",
        "0",
        "--list-max-listpack-size",
        "1",
        "--list-compress-depth",
        "1",
        "--rdbcompression",
        "no",
    ]);
    let start = proptest::collection::vec(data(), 1..5);
    runner(50)
        .run(&start, |start| {
            for server in [&plain, &other] {
                let mut connection = server.other();
                connection.run("FLUSHALL");
                // Ids of streams are made from the clock.
                let all = start.iter().filter(|data| !matches!(data, Data::Stream(_))).enumerate();
                all.for_each(|(n, data)| load(&format!("k{n}"), data, None, &mut connection.0));
            }
            let (one, two) = runtime.block_on(async { (snapshot(&plain).await, snapshot(&other).await) });
            same(&one.subset(&["*".into()]), &two.subset(&["*".into()]))
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn keys_and_values_of_any_bytes_are_deleted_and_come_back() {
    let server = Server::start(&[]);
    let (site, mut other) = (server.site(), server.other());
    for n in 0..=255_u8 {
        redis::cmd("SET").arg(&[b'b', n, 0, 0xff][..]).arg(&[n; 300][..]).exec(&mut other.0).unwrap();
    }
    let before = snapshot(&server).await;
    let done = site.change(site.step("redis.keys", "{match: 'b*', do: unlink, batch: 100}").as_ref()).await.unwrap();
    assert_eq!(done.result["changed"], 256);
    assert_eq!(site.undo(&done.parts).await.restored, 256);
    assert_eq!(before.differences(&snapshot(&server).await, &Ignoring::default()), Vec::<String>::new());
}
