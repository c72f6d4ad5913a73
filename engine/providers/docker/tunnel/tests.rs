//! Ways to containers of a small engine.

use futures_util::{AsyncReadExt as _, AsyncWriteExt as _};
use playbook_core::action::FaultKind;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::docker::client::testing::{Asked, Does, Fake};

/// Somebody who listens, and says back what it is told.
async fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut four = [0; 4];
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut four).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, &four).await.unwrap();
        }
    });
    port
}

fn container(name: &str, mode: &str, port: u16, state: &str) -> Value {
    json!({"Id": format!("{name}-id"), "Name": format!("/{name}"), "HostConfig": {"NetworkMode": mode},
        "State": {"Status": state, "Running": state == "running", "ExitCode": 137},
        "NetworkSettings": {"Ports": {"6379/tcp": [{"HostIp": "0.0.0.0", "HostPort": port.to_string()}], "1/tcp": null},
            "Networks": {}}})
}

fn engine(port: u16) -> Fake {
    Fake::start(move |asked: &Asked| {
        let found = match asked.path.as_str() {
            "/containers/redis/json" | "/containers/redis-id/json" => container("redis", "bridge", port, "running"),
            "/containers/beside/json" => container("beside", "container:redis-id", 1, "running"),
            "/containers/host/json" => container("host", "host", 1, "running"),
            "/containers/dead/json" => container("dead", "bridge", port, "exited"),
            "/containers/json" if asked.query.contains("two") => json!([
                {"Id": "a", "Labels": {"com.docker.compose.project": "one"}},
                {"Id": "b", "Labels": {"com.docker.compose.project": "two"}},
            ]),
            "/containers/json" if asked.query.contains("shop") => json!([
                {"Id": "other-id", "State": "running", "Status": "Up (unhealthy)",
                    "Labels": {"com.docker.compose.container-number": "1"}},
                {"Id": "redis-id", "State": "running", "Status": "Up",
                    "Labels": {"com.docker.compose.container-number": "2"}},
            ]),
            "/containers/json" => json!([]),
            _ => return None,
        };
        Some(Does::Json(200, found))
    })
}

async fn tunnel(engine: &Fake, wanted: Wanted) -> ContainerTunnel {
    let wire = engine.target().wire().await.unwrap();
    ContainerTunnel { source: Source::Wire(wire), wanted, port: None, way: "docker".into(), chosen: Mutex::default() }
}

fn named(name: &str) -> Wanted {
    Wanted::Container(name.to_owned())
}

fn service(name: &str, project: Option<&str>) -> Wanted {
    Wanted::Service { name: name.to_owned(), project: project.map(str::to_owned) }
}

async fn fault(engine: &Fake, wanted: Wanted, port: &str) -> Fault {
    match tunnel(engine, wanted).await.open(port).await {
        Ok(_) => panic!("it was opened"),
        Err(fault) => fault,
    }
}

#[tokio::test]
async fn a_port_is_reached_where_it_is_published() {
    let port = echo().await;
    let engine = engine(port);
    let host = port.to_string();
    for (wanted, port) in [
        (named("redis"), "6379"),
        (named("beside"), "6379"),
        (named("host"), host.as_str()),
        (service("redis", Some("shop")), "6379"),
    ] {
        let tunnel = tunnel(&engine, wanted.clone()).await;
        let mut stream = tunnel.open(port).await.unwrap();
        stream.write_all(b"ping").await.unwrap();
        let mut back = [0; 4];
        stream.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"ping", "{wanted:?}");
        assert_eq!(tunnel.facts().len(), 1);
    }
    let tunnel = tunnel(&engine, service("redis", Some("shop"))).await;
    tunnel.open("6379").await.unwrap();
    assert_eq!(tunnel.facts(), [("container".to_owned(), "redis (redis-id)".to_owned())]);
    assert_eq!(tunnel.end(), "service/redis of shop");
    assert!(engine.seen().iter().all(|asked| asked.method == "GET"));
}

#[tokio::test]
async fn what_leads_nowhere_says_so() {
    let engine = engine(1);
    for (wanted, port, kind, words) in [
        (named("dead"), "6379", FaultKind::Unreachable, "does not run: it is exited; its last exit code is 137"),
        (named("gone"), "6379", FaultKind::Refused, "there is no container `gone`"),
        (named("redis"), "redis", FaultKind::Invalid, "`redis` is no port"),
        (named("redis"), "7000", FaultKind::Invalid, "the container has no network"),
        (service("two", None), "6379", FaultKind::Invalid, "one, two"),
        (service("none", None), "6379", FaultKind::Unreachable, "no container of service `none` runs"),
    ] {
        let fault = fault(&engine, wanted, port).await;
        assert!(fault.kind == kind && fault.message.contains(words), "{fault:?}");
        assert!(!fault.help.is_empty());
    }
}
