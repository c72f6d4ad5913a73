//! A redis-server of a test's own, and the provider on it.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use playbook_core::action::{
    Action, Applied, Capture, Executable, Fault, FaultKind, Provider, ReadAccess, Restore, Target, UndoPart, Verdict,
    WriteAccess,
};
use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::Scope;
use playbook_core::files::NoFiles;
use playbook_core::plan::Planned;
use playbook_core::ports::{BoxFuture, Cancel};
use playbook_core::secret::Secrets;
use playbook_core::source::{FileId, Sources, Span, Spanned};
use playbook_core::syntax::tree::{Entry, Node, parse};
use serde_json::Value;

/// Capture limit of tests.
pub(super) const LIMIT: u64 = 256 << 20;

/// Never told to stop.
pub(super) struct GoOn;

impl Cancel for GoOn {
    fn is_cancelled(&self) -> bool {
        false
    }
    fn cancelled(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

pub(super) static GO_ON: GoOn = GoOn;

fn no_progress(_: u64, _: Option<u64>) {}

/// A server that lives as long as the test.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    pub(super) dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one that keeps nothing on disk.
    pub(super) fn start(settings: &[&str]) -> Self {
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(server) = Self::on(port, settings) {
                return server;
            }
        }
        panic!("no redis-server could be started");
    }

    fn on(port: u16, settings: &[&str]) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let binary = std::env::var("PLAYBOOK_TEST_REDIS").unwrap_or_else(|_| "redis-server".into());
        let mut child = Command::new(binary)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(dir.path())
            .args(["--unixsocket", dir.path().join("redis.sock").to_str().unwrap()])
            .args(settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            if std::os::unix::net::UnixStream::connect(dir.path().join("redis.sock")).is_ok() {
                return Some(Self { child, port, dir });
            }
            std::thread::yield_now();
        }
        let _ = child.kill();
        let _ = child.wait();
        None
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection of someone else.
    pub(super) fn other(&self) -> Other {
        Other(redis::Client::open(self.url()).unwrap().get_connection().unwrap())
    }

    /// The provider with this server as its target.
    pub(super) fn site(&self) -> Site {
        Site::at(&self.url())
    }
}

/// Someone else's connection.
pub(super) struct Other(pub(super) redis::Connection);

impl Other {
    /// Runs a line of plain words.
    pub(super) fn run(&mut self, line: &str) -> redis::Value {
        self.words(&line.split(' ').collect::<Vec<_>>())
    }

    pub(super) fn words(&mut self, words: &[&str]) -> redis::Value {
        let mut cmd = redis::Cmd::new();
        for word in words {
            cmd.arg(word);
        }
        cmd.query(&mut self.0).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    pub(super) fn text(&mut self, line: &str) -> String {
        let value: Option<Vec<u8>> = redis::from_redis_value(self.run(line)).unwrap();
        value.map_or_else(|| "(nil)".into(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn int(&mut self, line: &str) -> i64 {
        redis::from_redis_value(self.run(line)).unwrap()
    }

    /// A digest of all keys of the database: contents, not expiries.
    pub(super) fn digest(&mut self) -> String {
        match self.run("DEBUG DIGEST") {
            redis::Value::SimpleString(text) => text,
            other => panic!("{other:?}"),
        }
    }
}

/// The provider and a target.
pub(super) struct Site {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) target: Arc<dyn Target>,
    pub(super) scope: Scope,
    pub(super) limit: u64,
}

impl Site {
    pub(super) fn at(url: &str) -> Self {
        Self::of(&format!("redis: {}", serde_json::to_string(url).unwrap())).unwrap()
    }

    /// From the YAML of a target.
    pub(super) fn of(yaml: &str) -> Result<Self, String> {
        Self::with(yaml, &Secrets::new(), Scope::new())
    }

    pub(super) fn with(yaml: &str, secrets: &Secrets, scope: Scope) -> Result<Self, String> {
        let provider = playbook_providers::redis::provider(secrets.clone(), Vec::new());
        let mut found = Diagnostics::new();
        let node = tree(yaml);
        let entries = node.entries().unwrap();
        let (own, rest): (Vec<Entry>, Vec<Entry>) = entries.iter().cloned().partition(|e| e.key.value == "redis");
        let draft = provider.target(&own[0], &rest, &mut found);
        let problems: Vec<String> = found.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
        let Some(draft) = draft else { return Err(problems.join("; ")) };
        let target = draft
            .open("cache", &scope, &mut |name, value| secrets.add(name, value))
            .map_err(|error| error.to_string())?;
        Ok(Self { provider, target, scope, limit: LIMIT })
    }

    /// What `check` says of a step.
    pub(super) fn problems(&self, kind: &str, yaml: &str) -> Vec<String> {
        let mut found = Diagnostics::new();
        let kind = self.provider.kinds().into_iter().find(|k| k.name() == kind).unwrap();
        if let Some(draft) = kind.read(&Spanned::new("x".into(), Span::default()), &tree(yaml), &NoFiles, &mut found) {
            draft.lint(Span::default(), &mut found);
        }
        found.iter().map(|d| format!("{} {}", d.code, d.message)).collect()
    }

    /// A step of a kind with parameters in YAML.
    pub(super) fn step(&self, kind: &str, yaml: &str) -> Arc<dyn Action> {
        let mut found = Diagnostics::new();
        let kind = self.provider.kinds().into_iter().find(|k| k.name() == kind).unwrap();
        let draft = kind.read(&Spanned::new("x".into(), Span::default()), &tree(yaml), &NoFiles, &mut found);
        let problems: Vec<String> = found.iter().map(|d| d.message.clone()).collect();
        draft.unwrap_or_else(|| panic!("{problems:?}")).prepare(&self.scope).unwrap()
    }

    /// A command as a line.
    pub(super) fn redis(&self, line: &str) -> Arc<dyn Action> {
        self.step("redis", &serde_json::to_string(line).unwrap())
    }

    /// A command as words.
    pub(super) fn words(&self, words: &[&str]) -> Arc<dyn Action> {
        self.step("redis", &serde_json::to_string(words).unwrap())
    }

    pub(super) fn reading(&self) -> ReadAccess<'_> {
        ReadAccess::new(self.target.as_ref(), &GO_ON)
    }

    pub(super) fn writing(&self) -> WriteAccess<'_> {
        Executable::for_tests(self.limit).write(self.reading(), &no_progress)
    }

    pub(super) async fn read(&self, line: &str) -> Result<Value, Fault> {
        self.redis(line).read(self.reading()).await
    }

    pub(super) async fn plan(&self, line: &str) -> Planned {
        self.redis(line).plan(self.reading()).await.unwrap()
    }

    /// Carries a change out as the engine does.
    pub(super) async fn change(&self, action: &dyn Action) -> Result<Changed, Fault> {
        let mut change = action.change(self.writing()).await?;
        let mut done = Changed { parts: Vec::new(), applied: Vec::new(), result: Value::Null, captures: Vec::new() };
        let mut moves = 0;
        while let Some(capture) = change.capture().await? {
            match change.apply().await {
                Ok(applied) => {
                    let last = capture.last;
                    done.record(capture, applied);
                    if last {
                        break;
                    }
                }
                Err(fault) if fault.kind == FaultKind::Moved && moves < 20 => moves += 1,
                Err(fault) => return Err(fault),
            }
        }
        done.result = change.result();
        Ok(done)
    }

    /// Carries out a command.
    pub(super) async fn run(&self, line: &str) -> Changed {
        self.change(self.redis(line).as_ref()).await.unwrap_or_else(|fault| panic!("{line}: {fault:?}"))
    }

    /// Takes back what was changed.
    pub(super) async fn undo(&self, parts: &[UndoPart]) -> Restore {
        let mut undo = self.provider.undo(self.writing(), parts.to_vec()).await.unwrap();
        undo.prepare().await.unwrap();
        undo.run().await
    }

    pub(super) async fn probe(&self, part: &UndoPart) -> Verdict {
        self.provider.probe(self.reading(), part).await.unwrap()
    }
}

/// What a change did.
pub(super) struct Changed {
    /// Latest first.
    pub(super) parts: Vec<UndoPart>,
    pub(super) applied: Vec<Applied>,
    pub(super) captures: Vec<Capture>,
    pub(super) result: Value,
}

impl Changed {
    pub(super) fn record(&mut self, capture: Capture, applied: Applied) {
        let record = applied.corrected.clone().unwrap_or_else(|| capture.undo.clone());
        let part = UndoPart { record, after: Some(applied.after.clone()), words: capture.words.clone() };
        self.parts.insert(0, part);
        self.captures.push(capture);
        self.applied.push(applied);
    }

    pub(super) fn changed(&self) -> bool {
        self.applied.iter().any(|applied| applied.changed)
    }

    /// Everything that would be written down, as text.
    pub(super) fn recorded(&self) -> String {
        let mut text = String::new();
        for (part, capture) in self.parts.iter().zip(&self.captures) {
            text.push_str(&format!("{:?} {:?} {:?}", part.record.data, part.after, part.words));
            text.push_str(&capture.subject);
            text.push_str(&String::from_utf8_lossy(part.record.blob.as_deref().unwrap_or_default()));
        }
        for applied in &self.applied {
            text.push_str(&format!("{:?}", applied.diff));
        }
        text
    }
}

/// A part whose result was lost.
pub(super) fn in_doubt(part: &UndoPart) -> UndoPart {
    UndoPart { after: None, ..part.clone() }
}

pub(super) fn tree(yaml: &str) -> Node {
    let mut sources = Sources::new();
    let file: FileId = sources.add("test.yaml", yaml);
    let (node, found) = parse(file, sources.get(file).unwrap());
    assert!(found.is_empty(), "{yaml}: {found:?}");
    node.unwrap()
}
