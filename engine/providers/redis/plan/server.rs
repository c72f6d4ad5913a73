//! What the server would say to a command: may this user run it, is there memory, is it a replica.

use playbook_core::action::Fault;
use playbook_core::model::Bytes;
use playbook_core::plan::Planned;

use crate::redis::call::Call;
use crate::redis::client::{Lines, ReadConn};
use crate::redis::meta::Flags;
use crate::redis::reply::info_fields;
use crate::redis::value::Reply;

/// Adds what the server would refuse.
pub(super) async fn notes(read: &mut ReadConn<'_>, call: &Call, planned: &mut Planned) -> Result<(), Fault> {
    let Some(meta) = read.meta(call.name()).await? else {
        planned.notes.push(format!("{} has no command {}", read.server().title, call.title()));
        return Ok(());
    };
    let mut lines = Lines::new();
    lines.add(["INFO", "memory"]).add(["INFO", "replication"]).add(["ACL", "WHOAMI"]);
    let replies = read.ask(&lines).await?;
    let fields = |at: usize| info_fields(replies.get(at).and_then(Reply::text).unwrap_or_default());
    if meta.flags.has(Flags::DENYOOM) {
        planned.notes.extend(memory(&fields(0)));
    }
    let replication = fields(1);
    let field = |name: &str| replication.get(name).map(String::as_str);
    if meta.flags.has(Flags::WRITE) && field("role") == Some("slave") && field("slave_read_only") != Some("0") {
        let host = field("master_host").unwrap_or("?");
        let port = field("master_port").unwrap_or("?");
        planned.notes.push(format!("the server would refuse it (READONLY): it is a replica of {host}:{port}"));
    }
    if let Some(user) = replies.get(2).and_then(Reply::text) {
        planned.notes.extend(permission(read, call, user).await?);
    }
    Ok(())
}

fn memory(fields: &std::collections::BTreeMap<String, String>) -> Option<String> {
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let (used, limit) = (number("used_memory"), number("maxmemory"));
    if limit == 0 || used <= limit {
        return None;
    }
    let policy = fields.get("maxmemory_policy").map_or("noeviction", String::as_str);
    let full = format!("{} of {} are used", Bytes(used), Bytes(limit));
    Some(match policy {
        "noeviction" => format!("the server would refuse it (OOM): {full}"),
        policy => format!("{full}: the server would evict other keys first ({policy})"),
    })
}

/// Asks without running it. A command with secrets is not asked about: the question would show them
/// to whoever watches the server.
async fn permission(read: &mut ReadConn<'_>, call: &Call, user: &str) -> Result<Option<String>, Fault> {
    if call.has_secrets() || read.server().version < (7, 0, 0) {
        return Ok(None);
    }
    let words = ["ACL", "DRYRUN", user].into_iter().chain(call.words().iter().map(String::as_str));
    let reply = read.ask(&Lines::of(words)).await?.into_iter().next().unwrap_or(Reply::Nil);
    Ok(match reply.text() {
        Some("OK") | None => None,
        Some(refusal) => Some(call.clean(&format!("user {user} may not run this: {refusal}"))),
    })
}
