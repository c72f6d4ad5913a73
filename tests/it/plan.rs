//! A plan cannot write.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use crate::live::{Desk, Redis};
use crate::rollback::furnished;

/// MONITOR on a connection of its own; gives what was sent until `QUIT-MONITOR` is seen.
struct Monitor(BufReader<TcpStream>);

impl Monitor {
    fn start(redis: &Redis) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", redis.port)).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "+OK");
        Self(reader)
    }

    /// The commands that reached the server, as lists of words.
    fn stop(mut self, redis: &Redis) -> Vec<Vec<String>> {
        redis.send("ECHO end-of-monitor");
        let mut seen = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let words: Vec<String> =
                line.split('"').enumerate().filter(|(at, _)| at % 2 == 1).map(|(_, word)| word.to_owned()).collect();
            if words.iter().any(|word| word == "end-of-monitor") {
                return seen;
            }
            seen.push(words);
        }
    }
}

/// Does the server itself say that this command writes, or may harm?
fn writes(redis: &Redis, words: &[String]) -> bool {
    let info: redis::Value = redis::cmd("COMMAND").arg("INFO").arg(&words[0]).query(&mut redis.connect()).unwrap();
    let text = format!("{info:?}").to_lowercase();
    let subcommand = words.get(1).map(|word| word.to_lowercase()).unwrap_or_default();
    let container = match words[0].to_lowercase().as_str() {
        "config" => subcommand != "get",
        "acl" => !["whoami", "dryrun", "list", "getuser", "cat", "users"].contains(&subcommand.as_str()),
        "client" => !["list", "info", "id", "getname", "setname", "setinfo", "no-touch", "no-evict"]
            .contains(&subcommand.as_str()),
        "debug" | "shutdown" | "eval" | "fcall" | "script" | "function" | "multi" | "exec" => true,
        _ => false,
    };
    text.contains("simple-string(\"write\")") || text.contains("\"write\"") || text.contains("write,") || container
}

#[test]
fn no_command_that_writes_leaves_a_plan() {
    let mut files: Vec<_> = ["playbooks", "tests/fixtures/playbooks"]
        .iter()
        .flat_map(|dir| std::fs::read_dir(dir).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        // Those of a cluster are held against its audit log.
        .filter(|path| !std::fs::read_to_string(path).unwrap().contains("kubernetes:"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let redis = furnished(&[]);
        let before = redis.everything();
        let desk = Desk::new();
        let monitor = Monitor::start(&redis);
        let target = format!("cache={}", redis.url());
        let done = desk.run(&["plan", file.to_str().unwrap(), "--live", "-t", &target, "-o", "json"]).expect(0);
        let seen = monitor.stop(&redis);
        assert!(seen.len() > 3, "the plan asked nothing: {seen:?}");
        let wrote: Vec<_> = seen.iter().filter(|words| writes(&redis, words)).collect();
        assert!(wrote.is_empty(), "{}: {wrote:?}", file.display());
        assert_eq!(before, redis.everything());
        assert_eq!(done.json()["depth"], "live");
        assert!(!desk.dir.path().join("state").exists(), "a plan left something in the state directory");
    }
}

#[test]
fn the_plan_of_a_full_server_names_keys_bytes_and_settings() {
    let redis = Redis::start(&["--maxmemory", "8mb", "--maxmemory-policy", "noeviction"]);
    redis.send("DEBUG POPULATE 8000 dash:queue:dead 1000");
    let desk = Desk::new();
    let target = format!("cache={}", redis.url());
    let args = ["plan", "playbooks/redis-oom.yaml", "--live", "-t", &target, "-i", "new_limit=64mb"];
    let plan = desk.run(&[&args[..], &["-o", "json"]].concat()).expect(0).json();
    let step = |id: &str| plan["steps"].as_array().unwrap().iter().find(|step| step["id"] == id).unwrap().clone();
    let purge = step("purge");
    assert_eq!(purge["planned"]["impact"][0]["count"], 8000);
    assert!(purge["planned"]["impact"][0]["bytes"].as_u64().unwrap() > 8_000_000, "{purge}");
    let raise = step("raise");
    assert_eq!(raise["conditional"], true);
    assert_eq!(raise["planned"]["changes"][0]["before"]["value"], "8388608");
    assert_eq!(raise["planned"]["changes"][0]["after"]["value"], "67108864");
    let text = desk.run(&args).expect(0).out();
    for part in ["8,000 keys", "maxmemory", "dash:queue:dead:", "known after run"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    let code = desk.run(&[&args[..], &["--detailed-exitcode"]].concat()).code();
    assert_eq!(code, 10);
}

#[test]
fn nothing_to_change_is_exit_0_even_with_detailed_exitcode() {
    let redis = Redis::start(&["--maxmemory", "100mb"]);
    let desk = Desk::new();
    let file = desk.file(
        "same.yaml",
        "playbook: same\ntargets: {cache: {redis: \"redis://127.0.0.1:1\"}}\nsteps:\n  - redis: CONFIG SET maxmemory 100mb\n",
    );
    let target = format!("cache={}", redis.url());
    desk.run(&["plan", &file, "--live", "-t", &target, "--detailed-exitcode"]).expect(0);
}

#[test]
fn what_steps_before_will_have_changed_is_not_said_to_be_so_already() {
    let redis = Redis::start(&[]);
    let desk = Desk::new();
    let text = format!(
        "playbook: twice\ntargets: {{cache: {{redis: '{}'}}}}\nsteps:\n- {{id: early, redis: DEL shop}}\n\
         - {{id: make, redis: SET shop open}}\n- {{id: late, redis: DEL shop}}\n",
        redis.url()
    );
    let plan = desk.run(&["plan", "--live", &desk.file("twice.yaml", &text)]).expect(0).out();
    let (early, late) = plan.split_once("late").unwrap();
    assert!(early.contains("nothing would change") && !early.contains("as things are now"), "{plan}");
    assert!(late.contains("as things are now"), "{plan}");
}

#[test]
fn an_offline_plan_opens_no_connection() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let target = format!("cache=redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let desk = Desk::new();
    desk.run(&["plan", "playbooks/redis-oom.yaml", "-t", &target]).expect(0);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
