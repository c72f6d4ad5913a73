//! Stands between a client and an API server, writes down what it is asked, and fails as it is told.
//!
//! TLS on both sides, with the server's own certificate, so a kubeconfig differs by its port only.
//! Each request has a connection of its own; upgraded ones (exec, port-forward) are passed through.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::{TlsAcceptor, TlsConnector, server};

use super::cluster::Cluster;
use super::fault::Fault;
use super::https::Https;
use crate::keeper::until;

/// A proxy of a test's own; gone when dropped, with all connections.
pub(super) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A request that came, whatever became of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    /// Without the question mark.
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Method, path and query.
    pub(super) fn line(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, self.query)
    }
}

/// A request that waits for a test.
pub(super) struct Held {
    arrived: mpsc::Receiver<()>,
    go: oneshot::Sender<()>,
}

impl Held {
    /// Waits until the request is here.
    #[track_caller]
    pub(super) fn arrived(&self) {
        self.arrived.recv_timeout(Duration::from_secs(60)).expect("the request comes within a minute");
    }

    /// Passes it on to the server. A hold that is dropped closes the connection.
    pub(super) fn release(self) {
        let _ = self.go.send(());
    }
}

struct Shared {
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
    pub(super) fn new(cluster: &Cluster) -> Self {
        let shared = Arc::new(Shared { rules: Mutex::default(), seen: Mutex::default(), open: AtomicUsize::default() });
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (acceptor, server) = (acceptor(cluster.dir()), cluster.https.clone());
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || {
                runtime.block_on(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    tell.send(listener.local_addr().unwrap().port()).unwrap();
                    tokio::select! {
                        () = serve(listener, acceptor, server, shared) => {}
                        _ = stopped => {}
                    }
                });
                // Closures that act for somebody else may be under way.
                runtime.shutdown_background();
            }
        });
        Self { port: told.recv().unwrap(), shared, stop: Some(stop), thread: Some(thread) }
    }

    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// What happens to the next request of a method (`""`: any) whose path and query contain a text.
    /// Of several faults for the same request the first told is the first taken.
    pub(super) fn next(&self, method: &'static str, part: &str, fault: Fault) {
        self.shared.rules.lock().unwrap().push(Rule { method, part: part.to_owned(), fault });
    }

    /// Makes the next such request wait until the test says go.
    pub(super) fn hold(&self, method: &'static str, part: &str) -> Held {
        let (tell, arrived) = mpsc::channel();
        let (go, wait) = oneshot::channel();
        self.next(method, part, Fault::Hold(tell, wait));
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

    /// Waits until so many requests of a method contain a text, and gives them.
    #[track_caller]
    pub(super) fn wait_seen(&self, method: &str, part: &str, count: usize) -> Vec<Seen> {
        let of = || self.seen().into_iter().filter(|seen| seen.method == method && seen.line().contains(part));
        until(Duration::from_secs(60), || Some(of().collect::<Vec<_>>()).filter(|found| found.len() >= count))
            .unwrap_or_else(|| panic!("no {count} requests {method} {part}: {:?}", self.lines()))
    }

    /// Method, path and query of all requests.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    /// How many requests are not over: watches, held ones, port-forwards.
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

pub(super) fn acceptor(dir: &Path) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(dir.join("server.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, server: Https, shared: Arc<Shared>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { return };
        let (acceptor, server, shared) = (acceptor.clone(), server.clone(), shared.clone());
        tokio::spawn(async move {
            let Ok(client) = acceptor.accept(socket).await else { return };
            shared.open.fetch_add(1, Ordering::SeqCst);
            // Errors are ends of connections, which is what a client is to cope with.
            let _ = one(client, &server, &shared).await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// One request and its answer.
async fn one(mut client: server::TlsStream<TcpStream>, server: &Https, shared: &Shared) -> std::io::Result<()> {
    let Some(seen) = read_request(&mut client).await? else { return Ok(()) };
    let fault = {
        // One lock: the fault of a request is the one that was told when it was seen.
        let mut rules = shared.rules.lock().unwrap();
        shared.seen.lock().unwrap().push(seen.clone());
        let matches = |rule: &Rule| ["", &seen.method].contains(&rule.method) && seen.line().contains(&rule.part);
        rules.iter().position(matches).map(|place| rules.remove(place).fault)
    };
    let end = match fault {
        None => End::Never,
        Some(Fault::Answer { status, headers, body }) => return answer(&mut client, status, &headers, &body).await,
        Some(Fault::Reset) => return client.get_ref().0.set_zero_linger(),
        Some(Fault::CutAnswer(bytes)) => End::Bytes(bytes),
        Some(Fault::CutWatch(events)) => End::Events(events, 0),
        Some(Fault::First(act)) => {
            tokio::task::spawn_blocking(act).await.map_err(std::io::Error::other)?;
            End::Never
        }
        Some(Fault::Hold(tell, go)) => {
            let _ = tell.send(());
            // The client may give up meanwhile.
            tokio::select! {
                said = go => if said.is_err() { return Ok(()) },
                _ = client.read_u8() => return Ok(()),
            }
            End::Never
        }
    };
    let socket = TcpStream::connect(("127.0.0.1", server.port)).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut upstream = TlsConnector::from(server.tls.clone()).connect(name, socket).await?;
    upstream.write_all(&head(&seen)).await?;
    upstream.write_all(&seen.body).await?;
    upstream.flush().await?;
    relay(client, upstream, end).await
}

/// Reads a request to the end of its body; None when the client closes instead.
pub(super) async fn read_request(client: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let mut seen =
        Seen { method, path: path.to_owned(), query: query.to_owned(), headers, body: bytes.split_off(end + 4) };
    assert!(seen.header("transfer-encoding").is_none(), "this proxy reads no chunked requests: {}", seen.line());
    let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    while seen.body.len() < length && client.read_buf(&mut seen.body).await? > 0 {}
    Ok(Some(seen))
}

/// The head as it is passed on: the server closes after its answer, and does not compress.
fn head(seen: &Seen) -> Vec<u8> {
    let upgrades = seen.header("upgrade").is_some();
    let mark = if seen.query.is_empty() { "" } else { "?" };
    let mut text = format!("{} {}{mark}{} HTTP/1.1\r\n", seen.method, seen.path, seen.query);
    for (name, value) in &seen.headers {
        if name != "accept-encoding" && (upgrades || name != "connection") {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    text.push_str(if upgrades { "\r\n" } else { "connection: close\r\n\r\n" });
    text.into_bytes()
}

pub(super) async fn answer(
    client: &mut (impl AsyncWrite + Unpin),
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> std::io::Result<()> {
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n{body}",
        body.len()
    );
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}

/// Where an answer ends before its end.
enum End {
    Never,
    Bytes(usize),
    /// After so many events and a part of the next; the byte before is kept.
    Events(usize, u8),
}

impl End {
    /// How much of these bytes still goes to the client, and whether that was all.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        match self {
            Self::Never => (bytes.len(), false),
            Self::Bytes(left) => {
                let taken = bytes.len().min(*left);
                *left -= taken;
                (taken, *left == 0)
            }
            Self::Events(left, before) => {
                for (place, byte) in bytes.iter().enumerate() {
                    // Newlines within an event are escaped: this ends one.
                    *left -= usize::from((*before, *byte) == (b'}', b'\n'));
                    *before = *byte;
                    if *left == 0 {
                        // The framing of a chunk and the beginning of the next event.
                        *self = Self::Bytes(60);
                        let (more, over) = self.take(&bytes[place + 1..]);
                        return (place + 1 + more, over);
                    }
                }
                (bytes.len(), false)
            }
        }
    }
}

/// Passes bytes both ways until the server is done, or the answer is cut.
async fn relay(
    client: impl AsyncRead + AsyncWrite,
    upstream: impl AsyncRead + AsyncWrite,
    mut end: End,
) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(upstream);
    let up = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        // The server hears that the client has gone, and ends its answer.
        let _ = to_server.shutdown().await;
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut bytes = vec![0; 16 << 10];
        loop {
            let got = from_server.read(&mut bytes).await?;
            if got == 0 {
                return to_client.shutdown().await;
            }
            let (taken, over) = end.take(&bytes[..got]);
            to_client.write_all(&bytes[..taken]).await?;
            to_client.flush().await?;
            if over {
                // Without the goodbye of TLS: a connection that was cut.
                return Ok(());
            }
        }
    };
    tokio::select! {
        () = up => Ok(()),
        done = down => done,
    }
}
