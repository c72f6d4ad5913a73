//! Stands between a client and an engine, writes down what it is asked, and fails as it is told.
//!
//! It listens on a socket of its own. Each request has a connection of its own, as it tells both sides;
//! upgraded ones (exec, attach) are passed through, with the end of either direction.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;

use super::engine::Engine;
use super::fault::Fault;
use super::request::{Seen, read_request};
use crate::keeper::until;

/// A proxy of a test's own; gone when dropped, with all connections.
pub(super) struct Proxy {
    dir: tempfile::TempDir,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A request that waits for a test.
pub(super) struct Held {
    arrived: mpsc::Receiver<()>,
    go: oneshot::Sender<()>,
}

impl Held {
    /// Waits until the request, or its answer, is here.
    #[track_caller]
    pub(super) fn arrived(&self) {
        self.arrived.recv_timeout(Duration::from_secs(60)).expect("the request comes within a minute");
    }

    /// Passes it on. A hold that is dropped closes the connection.
    pub(super) fn release(self) {
        let _ = self.go.send(());
    }
}

struct Shared {
    engine: PathBuf,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
    open: AtomicUsize,
}

struct Rule {
    method: &'static str,
    part: String,
    fault: Fault,
}

impl Proxy {
    pub(super) fn new(engine: &Engine) -> Self {
        Self::before(engine.socket())
    }

    /// Before any socket.
    pub(super) fn before(socket: &Path) -> Self {
        let dir = tempfile::Builder::new().prefix("playbook-proxy-").tempdir().unwrap();
        let shared = Arc::new(Shared {
            engine: socket.to_owned(),
            rules: Mutex::default(),
            seen: Mutex::default(),
            open: AtomicUsize::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = std::os::unix::net::UnixListener::bind(dir.path().join("docker.sock")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || {
                runtime.block_on(async {
                    let listener = UnixListener::from_std(listener).unwrap();
                    tokio::select! {
                        () = serve(listener, shared) => {}
                        _ = stopped => {}
                    }
                });
                // Closures that act for somebody else may be under way.
                runtime.shutdown_background();
            }
        });
        Self { dir, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// The value of DOCKER_HOST for clients that are to go through it.
    pub(super) fn host(&self) -> String {
        format!("unix://{}", self.dir.path().join("docker.sock").display())
    }

    /// What happens to the next request of a method (`""`: any) whose method, path and query contain a
    /// text. Of several faults for the same request the first told is the first taken.
    pub(super) fn next(&self, method: &'static str, part: &str, fault: Fault) {
        self.shared.rules.lock().unwrap().push(Rule { method, part: part.to_owned(), fault });
    }

    /// What happens to such a request after so many others of them have passed.
    pub(super) fn after(&self, count: usize, method: &'static str, part: &str, fault: Fault) {
        for _ in 0..count {
            self.next(method, part, Fault::Pass);
        }
        self.next(method, part, fault);
    }

    /// Makes the next such request wait until the test says go.
    pub(super) fn hold(&self, method: &'static str, part: &str) -> Held {
        self.held(method, part, Fault::Hold)
    }

    /// Makes the answer of the next such request wait until the test says go: the engine has done it.
    pub(super) fn hold_answer(&self, method: &'static str, part: &str) -> Held {
        self.held(method, part, Fault::HoldAnswer)
    }

    fn held(
        &self,
        method: &'static str,
        part: &str,
        fault: impl Fn(mpsc::Sender<()>, oneshot::Receiver<()>) -> Fault,
    ) -> Held {
        let (tell, arrived) = mpsc::channel();
        let (go, wait) = oneshot::channel();
        self.next(method, part, fault(tell, wait));
        Held { arrived, go }
    }

    /// The faults nobody met so far.
    pub(super) fn left(&self) -> usize {
        self.shared.rules.lock().unwrap().len()
    }

    /// All requests so far, in the order they came.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Method, path and query of all requests.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    /// The same, of those that may change something.
    pub(super) fn changes(&self) -> Vec<String> {
        self.seen().iter().filter(|seen| !seen.is_look()).map(Seen::line).collect()
    }

    /// Forgets the requests so far.
    pub(super) fn forget(&self) {
        self.shared.seen.lock().unwrap().clear();
    }

    /// Waits until so many requests of a method contain a text, and gives them.
    #[track_caller]
    pub(super) fn wait_seen(&self, method: &str, part: &str, count: usize) -> Vec<Seen> {
        let of = || self.seen().into_iter().filter(|seen| seen.method == method && seen.line().contains(part));
        until(Duration::from_secs(60), || Some(of().collect::<Vec<_>>()).filter(|found| found.len() >= count))
            .unwrap_or_else(|| panic!("no {count} requests {method} {part}: {:?}", self.lines()))
    }

    /// How many requests are not over: held ones, streams.
    pub(super) fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

async fn serve(listener: UnixListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        let shared = shared.clone();
        tokio::spawn(async move {
            shared.open.fetch_add(1, Ordering::SeqCst);
            // Errors are ends of connections, which is what a client is to cope with.
            let _ = one(client, &shared).await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// What is done with the answer of the engine.
enum Answer {
    Passes,
    IsCut(usize),
    Meets(Box<dyn FnOnce() + Send>),
    Waits(mpsc::Sender<()>, oneshot::Receiver<()>),
}

/// One request and its answer.
async fn one(mut client: UnixStream, shared: &Shared) -> std::io::Result<()> {
    let Some(seen) = read_request(&mut client).await? else { return Ok(()) };
    let fault = {
        // One lock: the fault of a request is the one that was told when it was seen.
        let mut rules = shared.rules.lock().unwrap();
        shared.seen.lock().unwrap().push(seen.clone());
        let matches = |rule: &Rule| ["", &seen.method].contains(&rule.method) && seen.line().contains(&rule.part);
        rules.iter().position(matches).map_or(Fault::Pass, |place| rules.remove(place).fault)
    };
    let answer = match fault {
        Fault::Pass => Answer::Passes,
        Fault::Answer { status, body } => return say(&mut client, status, &body).await,
        Fault::Cut => return Ok(()),
        Fault::CutAnswer(bytes) => Answer::IsCut(bytes),
        Fault::First(act) => {
            tokio::task::spawn_blocking(act).await.map_err(std::io::Error::other)?;
            Answer::Passes
        }
        Fault::Then(act) => Answer::Meets(act),
        Fault::Hold(tell, go) => {
            let _ = tell.send(());
            // The client may give up meanwhile.
            tokio::select! {
                said = go => if said.is_err() { return Ok(()) },
                _ = client.read_u8() => return Ok(()),
            }
            Answer::Passes
        }
        Fault::HoldAnswer(tell, go) => Answer::Waits(tell, go),
    };
    let mut engine = UnixStream::connect(&shared.engine).await?;
    engine.write_all(&seen.head()).await?;
    engine.write_all(&seen.body).await?;
    relay(client, engine, answer).await
}

async fn say(client: &mut UnixStream, status: u16, body: &str) -> std::io::Result<()> {
    let head = "Content-Type: application/json\r\nApi-Version: 1.41\r\nConnection: close";
    let text = format!("HTTP/1.1 {status} Said\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}

/// Passes bytes both ways until the engine is done, or the answer is cut.
async fn relay(client: UnixStream, engine: UnixStream, answer: Answer) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_engine, mut to_engine) = engine.into_split();
    let up = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_engine).await;
        // The engine hears that the client says no more.
        let _ = to_engine.shutdown().await;
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut bytes = vec![0; 16 << 10];
        let mut got = from_engine.read(&mut bytes).await?;
        let mut left = usize::MAX;
        match answer {
            Answer::Passes => {}
            Answer::IsCut(after) => left = after,
            Answer::Meets(act) => tokio::task::spawn_blocking(act).await.map_err(std::io::Error::other)?,
            Answer::Waits(tell, go) => {
                let _ = tell.send(());
                if go.await.is_err() {
                    return Ok(());
                }
            }
        }
        while got > 0 && left > 0 {
            let taken = got.min(left);
            to_client.write_all(&bytes[..taken]).await?;
            left -= taken;
            if left > 0 {
                got = from_engine.read(&mut bytes).await?;
            }
        }
        to_client.shutdown().await
    };
    tokio::select! {
        () = up => Ok(()),
        done = down => done,
    }
}
