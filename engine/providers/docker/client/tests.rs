//! The client against a small engine.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use playbook_core::action::{Executable, FaultKind, Happened, ReadAccess};
use playbook_core::ports::Never;
use serde_json::json;

use super::open::Road;
use super::ssh::Ssh;
use super::testing::{Asked, Does, Fake};
use super::*;
use crate::docker::faults;

/// A writer for a target; a reader is in it.
async fn writer(target: &DockerTarget) -> Writer<'_> {
    let access = Executable::for_tests(1 << 20).write(ReadAccess::new(target, &Never), &|_, _| ());
    Writer::open(&access).await.unwrap()
}

#[test]
fn a_part_of_a_path_stays_one() {
    assert_eq!(part("web-1_a.b"), "web-1_a.b");
    assert_eq!(part("library/redis:7@sha256:ab"), "library%2Fredis:7%40sha256:ab");
    assert_eq!(part("a?y#z"), "a%3Fy%23z");
    assert_eq!(part("../x"), "%252E%252E%252Fx");
    assert_eq!((part("..").as_str(), part("").as_str()), ("%252E%252E", "%2520"));
}

#[tokio::test]
async fn the_version_is_agreed_on_once_and_stands_before_each_path() {
    let engine = Fake::start(|asked: &Asked| (asked.path == "/info").then(|| Does::Json(200, json!({"ID": "A"}))));
    let target = engine.target();
    let writer = writer(&target).await;
    for _ in 0..2 {
        let call = Call::get("/info").query("filters", "{\"a b\":[\"c=d\"]}");
        assert_eq!(writer.reading().get(&call).await.unwrap(), json!({"ID": "A"}));
    }
    let seen = engine.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen[0].head.starts_with("GET /v1.41/info?filters=%7B%22a%20b%22%3A%5B%22c%3Dd%22%5D%7D HTTP/1.1\r\n"));
    assert_eq!(writer.reading().wire().version(), Some("1.41"));
}

#[tokio::test]
async fn an_engine_without_a_common_version_is_refused() {
    for (newest, oldest) in [("1.23", "1.12"), ("1.99", "1.60")] {
        let told = json!({"ApiVersion": newest, "MinAPIVersion": oldest});
        let engine =
            Fake::start(move |asked: &Asked| (asked.path == "/version").then(|| Does::Json(200, told.clone())));
        let target = engine.target();
        let fault = writer(&target).await.reading().get(&Call::get("/info")).await.unwrap_err();
        assert!(fault.message.contains(newest) && fault.message.contains("1.24 to 1.51"), "{}", fault.message);
        assert_eq!(engine.seen().len(), 0);
    }
}

#[tokio::test]
async fn a_read_that_is_lost_is_sent_again_and_a_write_never() {
    let lost = AtomicUsize::new(0);
    let engine = Fake::start(move |asked: &Asked| match asked.title().as_str() {
        "GET /info" if lost.fetch_add(1, Ordering::SeqCst) == 0 => Some(Does::Goes),
        "GET /info" => Some(Does::Json(200, json!({"ID": "A"}))),
        "POST /containers/a/stop" => Some(Does::Goes),
        _ => None,
    });
    let target = engine.target();
    let writer = writer(&target).await;
    assert_eq!(writer.reading().get(&Call::get("/info")).await.unwrap(), json!({"ID": "A"}));
    let fault = writer.send(&Call::post("/containers/a/stop")).await.unwrap_err();
    assert_eq!((fault.kind, fault.happened), (FaultKind::Unreachable, Happened::Unclear));
    assert_eq!(engine.seen().len(), 3);
}

#[tokio::test]
async fn what_could_not_be_sent_did_not_happen() {
    let engine = Fake::start(|_: &Asked| None);
    let target = engine.target();
    let writer = writer(&target).await;
    assert!(writer.reading().find(&Call::get("/info")).await.unwrap().is_none());
    std::fs::remove_file(engine.socket()).unwrap();
    let fault = writer.send(&Call::post("/containers/a/stop")).await.unwrap_err();
    assert_eq!((fault.kind, fault.happened), (FaultKind::Unreachable, Happened::No));
    assert!(fault.message.contains("no such socket") && fault.help.contains("systemctl"), "{}", fault.message);
}

#[tokio::test]
async fn an_engine_that_hangs_is_not_waited_for() {
    let engine = Fake::start(|asked: &Asked| (asked.path == "/containers/a/stop").then_some(Does::Hangs));
    let target = engine.target();
    let writer = writer(&target).await;
    let call = Call::post("/containers/a/stop").within(Duration::from_millis(300));
    let fault = writer.send(&call).await.unwrap_err();
    assert_eq!((fault.kind, fault.happened), (FaultKind::Timeout, Happened::Unclear));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let engine = Fake::start(|asked: &Asked| {
        let (code, message) = match asked.title().as_str() {
            "POST /containers/gone/start" => (404, "No such container: gone"),
            "POST /containers/full/start" => (500, "mkdir /var/lib/docker/x: no space left on device"),
            "POST /containers/odd/stop" => (500, "something broke"),
            "POST /containers/same/stop" => return Some(Does::Json(304, Value::Null)),
            _ => return None,
        };
        Some(Does::Json(code, json!({"message": message})))
    });
    let target = engine.target();
    let writer = writer(&target).await;
    let refused = async |path: &str| writer.send(&Call::post(path)).await.unwrap_err();
    let gone = refused("/containers/gone/start").await;
    assert_eq!(
        (gone.kind, gone.server_code.as_deref(), gone.happened),
        (FaultKind::Refused, Some("404"), Happened::No)
    );
    assert_eq!(gone.message, "No such container: gone");
    let full = refused("/containers/full/start").await;
    assert!(full.help.contains("docker system df") && full.happened == Happened::No);
    assert_eq!(refused("/containers/odd/stop").await.happened, Happened::Unclear);
    let same = writer.send(&Call::post("/containers/same/stop")).await.unwrap();
    assert_eq!(same, Answer { status: 304, body: Value::Null });
}

#[tokio::test]
async fn output_is_read_from_an_upgraded_connection_and_from_a_plain_answer() {
    let frames = b"\x01\0\0\0\0\0\0\x04out\n\x02\0\0\0\0\0\0\x04err\n";
    let engine = Fake::start(move |asked: &Asked| {
        let upgraded = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
        let plain = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
        let head = if asked.path == "/exec/a/start" { upgraded } else { plain };
        Some(Does::Raw([head.as_bytes(), frames].concat())).filter(|_| asked.path != "/version")
    });
    let target = engine.target();
    let writer = writer(&target).await;
    for path in ["/exec/a/start", "/exec/b/start"] {
        let call = Call::post(path).body(json!({"Detach": false, "Tty": false}));
        let output = writer.attach(&call, false, Keep::Last(100)).await.unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.cut), ("out\n", "err\n", false));
    }
    let log = writer.reading().output(&Call::get("/containers/a/logs"), false, Keep::First(4)).await.unwrap();
    assert_eq!((log.text.as_str(), log.cut), ("out\n", true));
    assert!(engine.seen()[0].head.to_ascii_lowercase().contains("upgrade: tcp"));
}

#[tokio::test]
async fn a_pull_tells_line_by_line_and_may_end_in_an_error() {
    let engine = Fake::start(|asked: &Asked| {
        let error = "{\"errorDetail\":{\"message\":\"manifest unknown\"},\"error\":\"manifest unknown\"}";
        let last = if asked.query.contains("bad") { error } else { "{\"status\":\"Done\"}" };
        let text = format!("HTTP/1.1 200 OK\r\n\r\n{{\"status\":\"Pulling\"}}\r\n{last}");
        (asked.path == "/images/create").then(|| Does::Raw(text.into_bytes()))
    });
    let target = engine.target();
    let writer = writer(&target).await;
    let mut told = Vec::new();
    let mut each = |line: &Value| {
        told.push(line.get("status").and_then(Value::as_str).unwrap_or_default().to_owned());
        Ok(())
    };
    writer.lines(&Call::post("/images/create").query("tag", "good"), &mut each).await.unwrap();
    let fault = writer.lines(&Call::post("/images/create").query("tag", "bad"), &mut each).await.unwrap_err();
    assert_eq!(told, ["Pulling", "Done", "Pulling"]);
    assert!(fault.message == "manifest unknown" && fault.help.contains("no such tag"));
}

/// A program that stands in for `ssh`.
fn program(folder: &tempfile::TempDir, script: &str) -> Wire {
    let path = folder.path().join("ssh");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut opened = open(&Place { host: Some("ssh://ops@far:2222/run/d.sock".into()), ..Place::default() }).unwrap();
    let mut ssh = Ssh::read("ops@far:2222/run/d.sock").unwrap();
    ssh.program = path.to_str().unwrap().to_owned().leak();
    opened.road = Road::Ssh(ssh);
    Wire::new(opened)
}

#[tokio::test]
async fn an_engine_behind_ssh_is_reached_through_the_program() {
    let engine = Fake::start(|asked: &Asked| (asked.path == "/info").then(|| Does::Json(200, json!({"ID": "A"}))));
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        r#"#!/usr/bin/env python3
import os, socket, sys, threading
wanted = "-T -o BatchMode=yes -o ConnectTimeout=20 -p 2222 -l ops -- far docker --host unix:///run/d.sock system dial-stdio"
if sys.argv[1:] != wanted.split(" "):
    sys.exit("unexpected: " + " ".join(sys.argv[1:]))
s = socket.socket(socket.AF_UNIX)
s.connect("{}")
def there():
    while data := os.read(0, 65536):
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=there, daemon=True).start()
while data := s.recv(65536):
    os.write(1, data)
"#,
        engine.socket().display()
    );
    let wire = program(&folder, &script);
    let answer = wire.send(&Call::get("/info"), &Never).await.unwrap();
    assert_eq!(answer.body, json!({"ID": "A"}));
}

#[tokio::test]
async fn ssh_that_does_not_get_there_says_why_and_nothing_happened() {
    let folder = tempfile::tempdir().unwrap();
    let wire = program(&folder, "#!/bin/sh\necho 'ops@far: Permission denied (publickey).' >&2\nexit 255\n");
    let fault = wire.send(&Call::post("/containers/a/stop"), &Never).await.unwrap_err();
    assert_eq!((fault.kind, fault.happened), (FaultKind::Unauthorised, Happened::No));
    assert!(fault.message.ends_with("ssh says: ops@far: Permission denied (publickey)."), "{}", fault.message);
}

#[test]
fn an_engine_that_does_not_take_our_certificate_did_nothing() {
    let fault = faults::lost("connection error: received fatal alert: BadCertificate", "tcp://h:2376", true);
    assert_eq!((fault.kind, fault.happened), (FaultKind::Unauthorised, Happened::No));
    assert!(fault.message == "tcp://h:2376 does not take our certificate: BadCertificate", "{}", fault.message);
}

/// What providers do is moved between threads.
#[tokio::test]
async fn everything_that_is_sent_can_be_moved() {
    fn moved<T: Send>(it: T) -> T {
        it
    }
    let engine = Fake::start(|_: &Asked| None);
    let target = engine.target();
    let writer = writer(&target).await;
    let call = Call::get("/none");
    assert!(moved(writer.send(&call)).await.is_err());
    assert!(moved(writer.lines(&call, &mut |_| Ok(()))).await.is_err());
    assert!(moved(writer.attach(&call, true, Keep::Last(1))).await.is_err());
    assert!(moved(writer.attach_open(&call)).await.is_err());
    assert!(moved(writer.reading().output(&call, true, Keep::Last(1))).await.is_err());
    assert!(moved(writer.reading().follow(&call)).await.is_err());
}
