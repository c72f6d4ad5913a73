//! The table of commands is what the installed server says of itself.

use std::path::PathBuf;

use redis::Value as Reply;
use serde_json::{Value, json};

use super::server::Server;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("engine/providers/redis/commands.json")
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::BulkString(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        Reply::SimpleString(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

fn items(reply: Option<&Reply>) -> Vec<Reply> {
    match reply {
        Some(Reply::Array(items)) => items.clone(),
        _ => Vec::new(),
    }
}

fn joined(reply: Option<&Reply>) -> String {
    items(reply).iter().map(|item| text(item).trim_start_matches('@').to_owned()).collect::<Vec<_>>().join(" ")
}

fn rows(entry: &Reply, rows_: &mut Vec<Value>) {
    let parts = items(Some(entry));
    let int = |at: usize| match parts[at] {
        Reply::Int(number) => number,
        _ => 0,
    };
    rows_.push(json!([
        text(&parts[0]).to_lowercase(),
        int(1),
        joined(parts.get(2)),
        int(3),
        int(4),
        int(5),
        joined(parts.get(6)),
        joined(parts.get(7)),
    ]));
    for sub in items(parts.get(9)) {
        rows(&sub, rows_);
    }
}

fn render(parts: &[Value]) -> String {
    let part = |part: &Value| {
        let rows: Vec<String> = part["commands"].as_array().unwrap().iter().map(|row| format!("  {row}")).collect();
        format!(" {{\"server\":{},\"commands\":[\n{}\n ]}}", part["server"], rows.join(",\n"))
    };
    format!("[\n{}\n]\n", parts.iter().map(part).collect::<Vec<_>>().join(",\n"))
}

/// `PLAYBOOK_UPDATE=1` writes the file again.
#[test]
fn the_table_is_what_the_installed_server_says() {
    let server = Server::start(&[]);
    let mut other = server.other();
    let info = other.text("INFO server");
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(|v| v.trim().to_owned());
    let version = match field("valkey_version:") {
        Some(version) => format!("valkey {version}"),
        None => format!("redis {}", field("redis_version:").unwrap()),
    };
    let mut found = Vec::new();
    items(Some(&other.run("COMMAND"))).iter().for_each(|entry| rows(entry, &mut found));
    found.sort_by_key(|row| row[0].as_str().unwrap().to_owned());
    let written = std::fs::read_to_string(path()).unwrap();
    let mut parts: Vec<Value> = serde_json::from_str(&written).unwrap();
    assert_eq!(render(&parts), written, "commands.json is not in its own format");
    let at = parts.iter().position(|part| part["server"] == version.as_str());
    let known: Vec<Value> = parts[..at.unwrap_or(parts.len())]
        .iter()
        .flat_map(|part| part["commands"].as_array().unwrap().iter().map(|row| row[0].clone()))
        .collect();
    found.retain(|row| !known.contains(&row[0]));
    let part = json!({"server": version, "commands": found});
    match (at, std::env::var("PLAYBOOK_UPDATE").is_ok()) {
        (Some(at), true) => parts[at] = part,
        (None, true) => parts.push(part),
        (Some(at), false) => return assert_eq!(parts[at], part, "run with PLAYBOOK_UPDATE=1"),
        (None, false) => return,
    }
    std::fs::write(path(), render(&parts)).unwrap();
}
