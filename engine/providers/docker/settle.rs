//! Steps that start something end when it is ready.

use std::time::Duration;

use playbook_core::action::{Fault, FaultKind, UndoPart, UndoRecord, WriteAccess};
use playbook_core::codes::Code;
use serde_json::{Value, json};

use super::change::life;
use super::client::{Call, Reader, Writer};
use super::line::model::Act;
use super::ready::ready;
use super::record::{CHANGE, Kept, Thing};
use super::standing::Standing;

/// Is this change done only when what it started is ready?
pub(super) fn settles(record: &UndoRecord) -> bool {
    let kept = serde_json::from_value(record.data.clone());
    record.kind == CHANGE
        && kept.is_ok_and(|kept| match kept {
            Kept::Standing { ready, .. } | Kept::Made { ready, .. } => ready,
            Kept::Project { .. } => true,
            Kept::Settings { .. }
            | Kept::Name { .. }
            | Kept::Container { .. }
            | Kept::Network { .. }
            | Kept::Endpoint { .. }
            | Kept::Tag { .. }
            | Kept::Removed { .. }
            | Kept::Ran { .. } => false,
        })
}

/// Waits for what these parts started.
///
/// # Errors
/// When something of it does not become ready, with its last words.
pub(super) async fn settle(access: WriteAccess<'_>, parts: &[UndoPart]) -> Result<Value, Fault> {
    let reader = Reader::open(access.reading()).await?;
    let mut limit = None;
    let mut containers: Vec<String> = Vec::new();
    for part in parts {
        let left = part.after.as_ref();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match Kept::read(part)? {
            Kept::Standing { id, .. } => containers.push(id),
            Kept::Made { .. } => {
                let made = left.and_then(|left| text(left.get("id")?));
                if let Some(made) = &made {
                    started(&access, made).await?;
                }
                containers.extend(made);
            }
            Kept::Project { wait_seconds, .. } => {
                let all = left.and_then(|left| left.get("ready")?.as_array()).into_iter().flatten();
                containers.extend(all.filter_map(text));
                limit = limit.max(wait_seconds);
            }
            _ => {}
        }
    }
    let waiting = async {
        let of = containers.len() as u64;
        let mut rows = Vec::new();
        for (at, container) in containers.iter().enumerate() {
            access.progress(at as u64, Some(of));
            rows.push(ready(&reader, container).await?);
        }
        Ok(json!({"items": rows}))
    };
    let Some(limit) = limit.map(Duration::from_secs) else { return waiting.await };
    tokio::time::timeout(limit, waiting).await.unwrap_or_else(|_| {
        let message = format!("not everything is ready after {limit:?}");
        Err(Fault::new(FaultKind::Timeout, Code::TimedOut, message)
            .help("raise --wait-timeout; docker: compose ps tells what is missing"))
    })
}

/// What was cut off between its making and its start is started: both were intended.
async fn started(access: &WriteAccess<'_>, container: &str) -> Result<(), Fault> {
    let writer = Writer::open(access).await?;
    let found = writer.reading().find(&Call::get(Thing::Container.read(container))).await?;
    if let Some(found) = found.filter(|found| Standing::of(found).status == "created") {
        writer.send(&life(&found, &Act::Start)).await?;
    }
    Ok(())
}
