//! A throwaway redis-server and a private state directory: what a test of a whole run needs.

use std::collections::BTreeMap;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::cli;

/// A redis-server of this test alone; gone when dropped.
pub struct Redis {
    child: Child,
    pub port: u16,
    _dir: tempfile::TempDir,
}

impl Redis {
    /// Starts a server with settings such as `["--maxmemory", "8mb"]`.
    pub fn start(settings: &[&str]) -> Self {
        for _ in 0..20 {
            let port = free_port();
            let dir = tempfile::tempdir().unwrap();
            let mut child = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
                .args(["--dir", dir.path().to_str().unwrap(), "--enable-debug-command", "yes"])
                .args(settings)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("redis-server is on PATH: make needs-redis");
            if answers(port, &mut child) {
                return Self { child, port, _dir: dir };
            }
        }
        panic!("no redis-server could be started");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn connect(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// One command, words separated by spaces.
    pub fn send(&self, line: &str) -> redis::Value {
        let mut command = redis::Cmd::new();
        for word in line.split(' ') {
            command.arg(word);
        }
        command.query(&mut self.connect()).unwrap()
    }

    /// DUMP and expiry of every key, and CONFIG GET *: what a rollback has to bring back. Sets and
    /// hashes in hash tables are taken by content: their DUMP follows the order of the table, which
    /// is another after RESTORE and on another server.
    pub fn everything(&self) -> Everything {
        let mut connection = self.connect();
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
        let mut all = BTreeMap::new();
        for key in keys {
            let encoding: String = redis::cmd("OBJECT").arg("ENCODING").arg(&key).query(&mut connection).unwrap();
            let kind: String = redis::cmd("TYPE").arg(&key).query(&mut connection).unwrap();
            let dump: Vec<u8> = match (kind.as_str(), encoding.as_str()) {
                ("set", "hashtable") => {
                    let mut members: Vec<Vec<u8>> = redis::cmd("SMEMBERS").arg(&key).query(&mut connection).unwrap();
                    members.sort();
                    members.join(&b"\n"[..])
                }
                ("hash", "hashtable") => {
                    let fields: BTreeMap<Vec<u8>, Vec<u8>> =
                        redis::cmd("HGETALL").arg(&key).query(&mut connection).unwrap();
                    fields.into_iter().flat_map(|(field, value)| [field, value]).collect::<Vec<_>>().join(&b"\n"[..])
                }
                _ => redis::cmd("DUMP").arg(&key).query(&mut connection).unwrap(),
            };
            let expiry: i64 = redis::cmd("PEXPIRETIME").arg(&key).query(&mut connection).unwrap();
            all.insert(key, (dump, expiry));
        }
        let mut config: BTreeMap<String, String> =
            redis::cmd("CONFIG").arg("GET").arg("*").query(&mut connection).unwrap();
        // These name the server itself, and cannot be set.
        config.retain(|name, _| !["port", "dir", "pidfile"].contains(&name.as_str()));
        Everything { keys: all, config }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All data and settings of a server.
#[derive(Debug, PartialEq, Eq)]
pub struct Everything {
    pub keys: BTreeMap<Vec<u8>, (Vec<u8>, i64)>,
    pub config: BTreeMap<String, String>,
}

impl Everything {
    /// What differs, by name; `with_expiry` compares the times of expiry as well.
    pub fn differences(&self, other: &Self, with_expiry: bool) -> Vec<String> {
        let names: std::collections::BTreeSet<_> = self.keys.keys().chain(other.keys.keys()).collect();
        let view = |all: &Self, key: &Vec<u8>| {
            all.keys.get(key).map(|(dump, expiry)| (dump.clone(), if with_expiry { *expiry } else { expiry.signum() }))
        };
        let mut differ: Vec<String> = names
            .into_iter()
            .filter(|key| view(self, key) != view(other, key))
            .map(|key| format!("key {}", String::from_utf8_lossy(key)))
            .collect();
        for (name, value) in &self.config {
            if other.config.get(name) != Some(value) {
                differ.push(format!("config {name}: {value} and {:?}", other.config.get(name)));
            }
        }
        differ
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until the server answers; false if it ended (the port was taken meanwhile).
fn answers(port: u16, child: &mut Child) -> bool {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let pong = client
            .get_connection_with_timeout(Duration::from_secs(1))
            .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
        if pong.is_ok() {
            return true;
        }
        std::thread::yield_now();
    }
}

/// A private state directory and the program in it.
pub struct Desk {
    pub dir: tempfile::TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// The program with its state here.
    pub fn playbook(&self, args: &[&str]) -> Command {
        let mut command = cli::playbook();
        command.env("PLAYBOOK_STATE_DIR", self.dir.path().join("state")).args(args).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, args: &[&str]) -> Done {
        Done(self.playbook(args).output().unwrap())
    }

    /// A file beside the state.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Every file of the state, as text; what is compressed is read as it was before.
    pub fn everything(&self) -> Vec<String> {
        use std::io::Read as _;
        let mut left = vec![self.dir.path().join("state")];
        let mut all = Vec::new();
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let mut plain = Vec::new();
            let zipped = flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).is_ok();
            all.push(String::from_utf8_lossy(if zipped { &plain } else { &bytes }).into_owned());
        }
        all
    }
}

/// A run of the program that is over.
pub struct Done(pub Output);

impl Done {
    pub fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.out(), self.err()))
    }

    /// Ends the test unless the program ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "--- stdout\n{}\n--- stderr\n{}", self.out(), self.err());
        self
    }
}
