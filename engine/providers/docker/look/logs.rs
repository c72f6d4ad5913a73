//! `logs`.

use jiff::Timestamp;
use playbook_core::action::Fault;
use serde_json::{Value, json};

use super::inspect::container;
use super::time::since;
use super::{Call, Reader};
use crate::docker::client::{Keep, Output, part};
use crate::docker::known::Known;
use crate::docker::line::model::Logs;

/// Longest log that is read, in bytes; the end of it is what matters.
const LOG: usize = 4 << 20;
/// How many lines are asked for where the line does not say: an engine reads all that it is asked for.
const LINES: u64 = 50_000;

/// What one container wrote.
pub(super) async fn of_container(reader: &Reader<'_>, logs: &Logs) -> Result<Value, Fault> {
    let name = logs.of.first().map(String::as_str).unwrap_or_default();
    let found = container(reader, name).await?;
    let Output { stdout, stderr, text, cut } = read(reader, &found, logs, LOG).await?;
    let lines: Vec<&str> = text.lines().collect();
    let truncated = cut || (logs.tail.is_none() && lines.len() as u64 >= LINES);
    Ok(json!({"stdout": stdout, "stderr": stderr, "lines": lines, "text": text, "truncated": truncated}))
}

/// What an inspected container wrote, at most so many bytes of it.
pub(super) async fn read(reader: &Reader<'_>, found: &Value, logs: &Logs, limit: usize) -> Result<Output, Fault> {
    let tty = found.pointer("/Config/Tty").and_then(Value::as_bool).unwrap_or(false);
    let now = Timestamp::now();
    let moment = |written: &Option<String>| written.as_deref().map(|written| since(written, now)).transpose();
    let call = Call::get(format!("/containers/{}/logs", part(super::text(found, "/Id"))))
        .query("stdout", "1")
        .query("stderr", "1")
        .query("tail", logs.tail.unwrap_or(LINES).to_string())
        .query_if("since", moment(&logs.since)?)
        .query_if("until", moment(&logs.until)?)
        .query_if("timestamps", logs.timestamps.then_some("1"));
    Ok(Known::of(found).clean(reader.output(&call, tty, Keep::Last(limit)).await?))
}
