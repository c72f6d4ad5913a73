//! Connections that break in the middle, and being told to stop.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use playbook_core::action::{Executable, FaultKind, Happened, ReadAccess, UndoPart, Verdict};
use playbook_core::ports::{BoxFuture, Cancel};

use super::server::{LIMIT, Server, Site};

/// Passes bytes on until the client sends EXEC: then it cuts the connection, before or after the
/// server has got it.
fn cutting(server: &Server, deliver: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = server.port;
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || pass(client, TcpStream::connect(("127.0.0.1", to)).unwrap(), deliver));
        }
    });
    port
}

fn pass(mut client: TcpStream, mut server: TcpStream, deliver: bool) {
    let cut = Arc::new(AtomicBool::new(false));
    let (mut from, mut into, is_cut) = (server.try_clone().unwrap(), client.try_clone().unwrap(), Arc::clone(&cut));
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if is_cut.load(Ordering::SeqCst) || into.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = into.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 65536];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let last = buffer[..count].windows(4).any(|window| window == b"EXEC");
        cut.store(last, Ordering::SeqCst);
        if (!last || deliver) && server.write_all(&buffer[..count]).is_err() {
            break;
        }
        if last {
            // The server answers when it has run everything.
            let _ = server.shutdown(if deliver { Shutdown::Write } else { Shutdown::Both });
            let _ = client.shutdown(Shutdown::Both);
            break;
        }
    }
}

async fn broken(server: &Server, deliver: bool, kind: &str, yaml: &str) -> (UndoPart, Verdict) {
    let site = Site::at(&format!("redis://127.0.0.1:{}", cutting(server, deliver)));
    let action = site.step(kind, yaml);
    let mut change = action.change(site.writing()).await.unwrap();
    let capture = change.capture().await.unwrap().unwrap();
    let fault = change.apply().await.unwrap_err();
    assert_eq!((fault.kind, fault.happened), (FaultKind::Unreachable, Happened::Unclear), "{yaml}");
    drop(change);
    let part = UndoPart { record: capture.undo, after: None, words: capture.words };
    let verdict = server.site().probe(&part).await;
    (part, verdict)
}

const CHANGES: &[(&str, &str)] = &[
    ("redis", "SET k new"),
    ("redis", "DEL k l"),
    ("redis", "INCR n"),
    ("redis", "RPUSH l c"),
    ("redis", "CONFIG SET timeout 77"),
    ("redis.keys", "{match: '*', do: unlink}"),
    ("redis.keys", "{match: '*', do: expire 1h}"),
];

fn fill(server: &Server) {
    let mut other = server.other();
    for line in ["FLUSHALL", "SET k old EX 5000", "RPUSH l a b", "SET n 5", "CONFIG SET timeout 0"] {
        other.run(line);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_change_arrives_has_changed_nothing() {
    let server = Server::start(&[]);
    for (kind, yaml) in CHANGES {
        fill(&server);
        let (_, verdict) = broken(&server, false, kind, yaml).await;
        assert_eq!(verdict, Verdict::NotDone, "{yaml}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_reply_is_looked_into_and_can_be_taken_back() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    for (kind, yaml) in CHANGES {
        fill(&server);
        let before = server.other().digest();
        let (part, verdict) = broken(&server, true, kind, yaml).await;
        assert!(matches!(verdict, Verdict::Done(_)), "{yaml}: {verdict:?}");
        let back = server.site().undo(&[part]).await;
        assert!(back.conflicts.is_empty() && back.differs.is_empty() && back.failed.is_none(), "{yaml}: {back:?}");
        assert_eq!(server.other().digest(), before, "{yaml}");
        assert_eq!(server.site().read("CONFIG GET timeout").await.unwrap()["timeout"], 0);
    }
}

#[derive(Default)]
struct Stop {
    told: AtomicBool,
    notify: tokio::sync::Notify,
}

impl Stop {
    fn tell(&self) {
        self.told.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }
}

impl Cancel for Stop {
    fn is_cancelled(&self) -> bool {
        self.told.load(Ordering::SeqCst)
    }
    fn cancelled(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let told = self.notify.notified();
            if !self.is_cancelled() {
                told.await;
            }
        })
    }
}

#[tokio::test]
async fn a_long_change_stops_between_two_batches_and_what_was_done_can_be_taken_back() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let (site, mut other) = (server.site(), server.other());
    other.run("DEBUG POPULATE 1000 k 10");
    let before = other.digest();
    let stop = Stop::default();
    let seen = std::sync::Mutex::new(Vec::new());
    let progress = |done, of| seen.lock().unwrap().push((done, of));
    let read = ReadAccess::new(site.target.as_ref(), &stop);
    let action = site.step("redis.keys", "{match: '*', do: unlink, batch: 100}");
    let mut change = action.change(Executable::for_tests(LIMIT).write(read, &progress)).await.unwrap();
    let mut parts = Vec::new();
    let fault = loop {
        let capture = match change.capture().await {
            Ok(capture) => capture.unwrap(),
            Err(fault) => break fault,
        };
        let applied = change.apply().await.unwrap();
        parts.insert(0, UndoPart { record: capture.undo, after: Some(applied.after), words: capture.words });
        if parts.len() == 3 {
            stop.tell();
        }
    };
    assert_eq!((fault.kind, fault.happened), (FaultKind::Cancelled, Happened::No));
    assert_eq!(other.int("DBSIZE"), 700);
    assert_eq!(seen.lock().unwrap().iter().map(|(done, _)| *done).collect::<Vec<_>>(), [100, 200, 300]);
    assert_eq!(site.undo(&parts).await.restored, 300);
    assert_eq!(other.digest(), before);
}

#[tokio::test]
async fn a_read_that_waits_ends_when_it_is_told_to() {
    let server = Server::start(&[]);
    let site = server.site();
    site.read("PING").await.unwrap();
    server.other().run("CLIENT PAUSE 60000 ALL");
    let stop = Stop::default();
    let action = site.redis("GET k");
    let read = action.read(ReadAccess::new(site.target.as_ref(), &stop));
    let (result, ()) = tokio::join!(read, async {
        tokio::task::yield_now().await;
        stop.tell();
    });
    assert_eq!(result.unwrap_err().kind, FaultKind::Cancelled);
}

#[tokio::test]
async fn a_rate_is_kept() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let site = server.site();
    server.other().run("DEBUG POPULATE 60");
    let began = std::time::Instant::now();
    site.change(site.step("redis.keys", "{match: '*', do: unlink, batch: 20, rate: 400/s}").as_ref()).await.unwrap();
    // The last batch begins when the forty before it are due.
    assert!(began.elapsed().as_millis() >= 100, "{:?}", began.elapsed());
}
