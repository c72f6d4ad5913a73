//! What looks make of what a small engine says.

use playbook_core::action::{FaultKind, Look};
use playbook_core::ports::Never;
use serde_json::json;

use super::*;
use crate::docker::client::testing::{Asked, Does, Fake};
use crate::docker::line::model::{ComposeVerb, Logs};

fn listed() -> Value {
    let labels = json!({"com.docker.compose.project": "shop", "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "1"});
    json!([{"Id": "13a0", "Names": ["/other/alias", "/web"], "Image": "shop/web:1", "State": "running",
        "Command": "redis-server --requirepass geheim", "Created": 1_795_269_067, "Status": "Up 3 minutes (healthy)",
        "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 18080, "Type": "tcp"}], "Labels": labels,
        "NetworkSettings": {"Networks": {"shop_default": {}}}, "Mounts": [{"Name": "data"}, {"Source": "/srv"}]}])
}

fn inspected(running: bool) -> Value {
    json!({"Id": "13a0", "Name": "/web", "RestartCount": 2, "Config": {"Image": "shop/web:1", "Tty": false,
        "Env": ["DB_PASSWORD=geheim"]}, "State": {"Status": if running { "running" } else { "exited" },
        "Running": running, "ExitCode": if running { 0 } else { 3 }, "OOMKilled": false,
        "StartedAt": "2026-11-21T13:51:07.5Z", "FinishedAt": "0001-01-01T00:00:00Z",
        "Health": {"Status": "unhealthy"}},
        "NetworkSettings": {"IPAddress": "", "Networks": {"a": {"IPAddress": ""}, "b": {"IPAddress": "10.0.0.7"}}}})
}

async fn found(engine: &Fake, verb: &Verb) -> Result<Value, Fault> {
    look(ReadAccess::new(&engine.target(), &Never), verb).await
}

#[tokio::test]
async fn ps_gives_typed_rows() {
    let engine = Fake::start(|asked: &Asked| (asked.path == "/containers/json").then(|| Does::Json(200, listed())));
    let filters = vec![("status".to_owned(), "running".to_owned()), ("label".to_owned(), "a=b".to_owned())];
    let verb = Verb::Ps { all: true, last: None, size: false, filters };
    let rows = found(&engine, &verb).await.unwrap();
    let wanted = json!({"count": 1, "items": [{
        "id": "13a0", "name": "web", "image": "shop/web:1", "command": "redis-server --requirepass [redacted]",
        "state": "running", "status": "Up 3 minutes (healthy)", "health": "healthy",
        "ports": [{"ip": "0.0.0.0", "public": 18080, "private": 80, "type": "tcp"}], "networks": ["shop_default"],
        "mounts": ["data", "/srv"], "labels": listed()[0]["Labels"], "created": "2026-11-21T13:51:07Z",
        "project": "shop", "service": "web"}]});
    assert_eq!(rows, wanted);
    let query = &engine.seen()[0].query;
    assert_eq!(query, "all=1&filters=%7B%22status%22%3A%5B%22running%22%5D%2C%22label%22%3A%5B%22a%3Db%22%5D%7D");
}

#[tokio::test]
async fn inspect_looks_in_the_order_of_docker_and_says_what_is_not_there() {
    let engine = Fake::start(|asked: &Asked| match asked.path.as_str() {
        "/containers/web/json" => Some(Does::Json(200, inspected(true))),
        "/volumes/data" => Some(Does::Json(200, json!({"Name": "data", "Mountpoint": "/x"}))),
        "/images/data/json" => Some(Does::Json(400, json!({"message": "invalid reference format"}))),
        _ => None,
    });
    let verb = |names: &[&str], what| Verb::Inspect {
        what,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        size: false,
    };
    let web = found(&engine, &verb(&["web"], None)).await.unwrap();
    for (name, wanted) in [
        ("name", json!("web")),
        ("state", json!("running")),
        ("health", json!("unhealthy")),
        ("restarts", json!(2)),
        ("started_at", json!("2026-11-21T13:51:07.5Z")),
        ("finished_at", Value::Null),
        ("ip", json!("10.0.0.7")),
        ("RestartCount", json!(2)),
    ] {
        assert_eq!(web[name], wanted, "{name}");
    }
    assert_eq!(web["Config"]["Env"], json!(["DB_PASSWORD=[redacted]"]));
    let both = found(&engine, &verb(&["web", "data"], None)).await.unwrap();
    assert_eq!((&both["count"], &both["items"][1]["mountpoint"]), (&json!(2), &json!("/x")));
    let fault = found(&engine, &verb(&["data"], Some(What::Container))).await.unwrap_err();
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Refused, "there is no container `data`"));
}

#[tokio::test]
async fn logs_are_told_apart_and_together() {
    let engine = Fake::start(|asked: &Asked| match asked.path.as_str() {
        "/containers/web/json" => Some(Does::Json(200, inspected(true))),
        "/containers/13a0/logs" => {
            let frames = b"\x01\0\0\0\0\0\0\x04out\n\x02\0\0\0\0\0\0\x04err\n";
            Some(Does::Raw([&b"HTTP/1.1 200 OK\r\n\r\n"[..], frames].concat()))
        }
        _ => None,
    });
    let logs = Logs { of: vec!["web".into()], tail: Some(2), since: Some("1.5".into()), ..Logs::default() };
    let all = found(&engine, &Verb::Logs(logs)).await.unwrap();
    let wanted = json!({"stdout": "out\n", "stderr": "err\n", "lines": ["out", "err"], "text": "out\nerr\n",
        "truncated": false});
    assert_eq!(all, wanted);
    assert_eq!(engine.seen()[1].query, "stdout=1&stderr=1&tail=2&since=1.5");
}

#[tokio::test]
async fn the_end_of_a_container_is_waited_for_by_its_events() {
    let engine = Fake::start(|asked: &Asked| match asked.path.as_str() {
        "/containers/web/json" | "/containers/13a0/json" => Some(Does::Json(200, inspected(true))),
        "/events" => {
            let event = json!({"Type": "container", "Action": "die", "Actor": {"Attributes": {"exitCode": "3"}}});
            Some(Does::Raw(format!("HTTP/1.1 200 OK\r\n\r\n{event}\n").into_bytes()))
        }
        _ => None,
    });
    let ended = found(&engine, &Verb::Wait { containers: vec!["web".into()] }).await.unwrap();
    assert_eq!((&ended["name"], &ended["exit_code"]), (&json!("web"), &json!(3)));
    assert!(engine.seen()[1].query.contains("since=1795269067.500000000"), "{}", engine.seen()[1].query);
    let target = engine.target();
    let now = peek(ReadAccess::new(&target, &Never), &["web".into()]).await.unwrap();
    assert_eq!(now, Look::NotYet("web still runs".into()));
    assert!(engine.seen().iter().all(|asked| asked.method == "GET"));
}

#[tokio::test]
async fn compose_is_seen_by_its_labels() {
    let engine = Fake::start(|asked: &Asked| (asked.path == "/containers/json").then(|| Does::Json(200, listed())));
    let target = engine.target();
    let access = ReadAccess::new(&target, &Never);
    let ps = ComposeVerb::Ps { services: vec!["web".into()], all: false };
    let rows = compose_look(access, "shop", &ps).await.unwrap();
    assert_eq!((&rows["project"], &rows["items"][0]["name"]), (&json!("shop"), &json!("web")));
    assert!(engine.seen()[0].query.contains("com.docker.compose.oneoff%3DFalse"));
    let others = ComposeVerb::Ps { services: vec!["db".into()], all: false };
    assert_eq!(compose_look(access, "shop", &others).await.unwrap()["count"], 0);
    let all = compose_look(access, "", &ComposeVerb::Projects { all: true }).await.unwrap();
    assert_eq!((&all["items"][0]["status"], &all["items"][0]["services"]), (&json!("running(1)"), &json!({"web": 1})));
}
