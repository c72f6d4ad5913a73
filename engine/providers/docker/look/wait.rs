//! `wait`: until containers have ended.

use std::time::Duration;

use playbook_core::action::{Fault, FaultKind, Look, ReadAccess};
use serde_json::{Value, json};

use super::inspect::container;
use super::time::since;
use super::{Call, Reader, field, filters, flattened, missing, text};
use crate::docker::client::part;
use crate::docker::line::model::What;

/// How long an event is waited for before the container itself is looked at again: an event that came
/// before the engine listened to us never comes again.
const QUIET: Duration = Duration::from_secs(20);

/// Waits for each of them, and gives their exit codes.
pub(super) async fn wait(reader: &Reader<'_>, containers: &[String]) -> Result<Value, Fault> {
    // All are known before any is waited for.
    let mut all = Vec::new();
    for name in containers {
        all.push(container(reader, name).await?);
    }
    let mut rows = Vec::new();
    for found in all {
        let code = ended(reader, &found).await?;
        rows.push(row(&found, &code));
    }
    Ok(flattened(rows, containers.len()))
}

/// Have they ended already?
pub(in crate::docker) async fn peek(access: ReadAccess<'_>, containers: &[String]) -> Result<Look, Fault> {
    let reader = Reader::open(access).await?;
    let mut rows = Vec::new();
    let mut running = Vec::new();
    for name in containers {
        let found = container(&reader, name).await?;
        if runs(&found) {
            running.push(text(&found, "/Name").trim_start_matches('/').to_owned());
        }
        rows.push(row(&found, &field(&found, "/State/ExitCode")));
    }
    if running.is_empty() {
        return Ok(Look::Now(flattened(rows, containers.len())));
    }
    let verb = if running.len() == 1 { "runs" } else { "run" };
    Ok(Look::NotYet(format!("{} still {verb}", running.join(", "))))
}

fn row(found: &Value, code: &Value) -> Value {
    json!({"name": text(found, "/Name").trim_start_matches('/'), "id": field(found, "/Id"), "exit_code": code})
}

fn runs(found: &Value) -> bool {
    // One that is started again and again has ended each time: as docker wait.
    let is = |at: &str| found.pointer(at).and_then(Value::as_bool).unwrap_or(false);
    is("/State/Running") && !is("/State/Restarting")
}

/// Waits for one that was inspected, and gives its exit code.
async fn ended(reader: &Reader<'_>, found: &Value) -> Result<Value, Fault> {
    let id = text(found, "/Id").to_owned();
    let mut found = found.clone();
    while runs(&found) {
        if let Some(code) = died(reader, &id, text(&found, "/State/StartedAt")).await? {
            return Ok(code);
        }
        let call = Call::get(format!("/containers/{}/json", part(&id)));
        let name = text(&found, "/Name").trim_start_matches('/').to_owned();
        found = reader.find(&call).await?.ok_or_else(|| {
            let fault = missing(Some(What::Container), &name);
            Fault { message: format!("container `{name}` was removed before it had ended"), ..fault }
        })?;
    }
    Ok(field(&found, "/State/ExitCode"))
}

/// Listens for its end since it was started; nothing if none came for a while.
async fn died(reader: &Reader<'_>, id: &str, started: &str) -> Result<Option<Value>, Fault> {
    let chosen = [("type", "container"), ("container", id), ("event", "die")];
    let chosen: Vec<(String, String)> = chosen.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let call = Call::get("/events")
        .query_if("filters", filters(&chosen))
        .query("since", since(started, jiff::Timestamp::now())?)
        .within(QUIET);
    let mut events = reader.follow(&call).await?;
    match events.next().await {
        Ok(Some(event)) => {
            let code = text(&event, "/Actor/Attributes/exitCode").parse::<i64>().ok();
            Ok(code.map(Value::from))
        }
        // The engine goes: whether it comes back, the next question shows.
        Ok(None) => {
            reader.rest(Duration::from_millis(500)).await?;
            Ok(None)
        }
        Err(fault) if matches!(fault.kind, FaultKind::Timeout | FaultKind::Unreachable) => Ok(None),
        Err(fault) => Err(fault),
    }
}
