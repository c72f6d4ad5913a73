//! Waiting until a container is ready, and why it is not: its health check, its end, its last words.

use std::time::Duration;

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{Call, Keep, Reader, part};
use super::known::Known;
use super::mask;
use super::standing::{Standing, id, name};

/// A container without a health check counts as ready when it has run so long without an end.
const STEADY: Duration = Duration::from_secs(1);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// Lines of its log that are told where it fails.
const LINES: &str = "10";
/// Bytes of them.
const WORDS: usize = 2000;
/// Ends after a start that are taken for a loop.
const ENDS: i64 = 2;

/// Waits until a container is ready: healthy if it has a health check, else up and steady. One that ends
/// by itself with code 0, and is not to be started again, has done what it was for.
///
/// # Errors
/// When it becomes unhealthy, ends with another code, or is started again and again: with its last words.
pub(super) async fn ready(reader: &Reader<'_>, container: &str) -> Result<Value, Fault> {
    let mut first: Option<Standing> = None;
    let mut since = Instant::now();
    let mut rests: Option<Instant> = None;
    loop {
        let Some(now) = reader.find(&Call::get(format!("/containers/{}/json", part(container)))).await? else {
            return Err(gone(container));
        };
        let standing = Standing::of(&now);
        let begun = first.get_or_insert_with(|| standing.clone());
        if begun.started != standing.started {
            since = Instant::now();
            begun.started.clone_from(&standing.started);
        }
        match (standing.status.as_str(), standing.health.as_deref()) {
            ("running", Some("healthy")) => return Ok(row(&now, &standing)),
            ("running", Some("unhealthy")) => {
                let mut why = "it is unhealthy".to_owned();
                if let Some(check) = last_check(&now) {
                    why = format!("{why}: {check}");
                }
                return Err(failed(reader, &now, &why).await);
            }
            ("running", None) if since.elapsed() >= STEADY => return Ok(row(&now, &standing)),
            ("exited", _) if standing.exit == 0 && !comes_back(&now) => return Ok(row(&now, &standing)),
            ("exited" | "dead", _) if !comes_back(&now) => {
                return Err(failed(reader, &now, &ended(&now, &standing)).await);
            }
            // What the engine is about to start again is `restarting`.
            ("exited" | "dead", _) if rests.get_or_insert_with(Instant::now).elapsed() >= STEADY => {
                let why = format!("{}, and is not started again: did somebody stop it?", ended(&now, &standing));
                return Err(failed(reader, &now, &why).await);
            }
            ("created", _) => return Err(failed(reader, &now, "it was made and never started").await),
            ("paused", _) => return Err(failed(reader, &now, "somebody paused it").await),
            _ if standing.restarts - begun.restarts >= ENDS => {
                let why = format!("it ends again and again: {}", ended(&now, &standing));
                return Err(failed(reader, &now, &why).await);
            }
            _ => {}
        }
        if !matches!(standing.status.as_str(), "exited" | "dead") {
            rests = None;
        }
        reader.rest(LOOK).await.map_err(|fault| Fault { message: waits(&now, &standing), ..fault })?;
    }
}

/// What it still waits for when it is told to stop.
fn waits(container: &Value, standing: &Standing) -> String {
    let check = last_check(container).map_or_else(String::new, |check| format!("; {check}"));
    format!("container {} is not ready yet: it is {}{check}", name(container), standing.shown())
}

fn gone(container: &str) -> Fault {
    let short: String = container.chars().take(12).collect();
    Fault::new(FaultKind::Refused, Code::ServerError, format!("container {short} is gone, and was not ready before"))
        .help(
            "it ended and the engine removed it (--rm), or somebody did; without --rm its end and its log can be read",
        )
}

/// A container as the result of a step.
pub(super) fn row(container: &Value, standing: &Standing) -> Value {
    json!({
        "name": name(container), "id": id(container), "state": standing.status, "health": standing.health,
        "running": standing.status == "running", "restarts": standing.restarts, "exit_code": standing.exit,
    })
}

/// Will the engine start it again when it ends?
fn comes_back(container: &Value) -> bool {
    let policy = container.pointer("/HostConfig/RestartPolicy/Name").and_then(Value::as_str).unwrap_or_default();
    let exit = container.pointer("/State/ExitCode").and_then(Value::as_i64).unwrap_or_default();
    let count = container.get("RestartCount").and_then(Value::as_i64).unwrap_or_default();
    let most = container.pointer("/HostConfig/RestartPolicy/MaximumRetryCount").and_then(Value::as_i64);
    match policy {
        "always" | "unless-stopped" => true,
        "on-failure" => exit != 0 && most.is_none_or(|most| most == 0 || count < most),
        _ => false,
    }
}

fn ended(container: &Value, standing: &Standing) -> String {
    let error = container.pointer("/State/Error").and_then(Value::as_str).filter(|error| !error.is_empty());
    let killed = container.pointer("/State/OOMKilled").and_then(Value::as_bool) == Some(true);
    match (error, killed) {
        (Some(error), _) => format!("it ended with code {} ({error})", standing.exit),
        (None, true) => format!("it was killed for want of memory (code {})", standing.exit),
        (None, false) => format!("it ended with code {}", standing.exit),
    }
}

/// What the last health check said.
fn last_check(container: &Value) -> Option<String> {
    let log = container.pointer("/State/Health/Log").and_then(Value::as_array)?;
    let last = log.last()?;
    let said = last.get("Output").and_then(Value::as_str).unwrap_or_default().trim();
    let code = last.get("ExitCode").and_then(Value::as_i64).unwrap_or_default();
    let said = mask::line(&playbook_core::brief::one_line(said, 200));
    Some(if said.is_empty() { format!("its check ends with code {code}") } else { format!("its check says: {said}") })
}

/// The last words of a container, in one line.
pub(super) async fn last_words(reader: &Reader<'_>, container: &Value) -> Option<String> {
    let tty = container.pointer("/Config/Tty").and_then(Value::as_bool).unwrap_or(false);
    let call = Call::get(format!("/containers/{}/logs", part(id(container))))
        .query("stdout", "1")
        .query("stderr", "1")
        .query("tail", LINES);
    let output = reader.output(&call, tty, Keep::Last(WORDS)).await.ok()?;
    let lines: Vec<&str> = output.text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let lines = &lines[lines.len().saturating_sub(5)..];
    (!lines.is_empty()).then(|| mask::line(&Known::of(container).hide(&lines.join("; "))))
}

async fn failed(reader: &Reader<'_>, container: &Value, why: &str) -> Fault {
    let title = name(container).to_owned();
    let words = last_words(reader, container).await;
    let said = words.map_or_else(String::new, |words| format!("; its last words: {words}"));
    let why = Known::of(container).hide(why);
    let message = format!("container {title} is not ready: {why}{said}");
    Fault::new(FaultKind::Refused, Code::ServerError, message)
        .help(format!("`docker: logs {title}` and `docker: inspect {title}` tell more"))
}
