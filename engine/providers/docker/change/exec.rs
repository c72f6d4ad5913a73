//! Programs in containers that nobody here knows: run, and heard to their end.

use std::time::Duration;

use playbook_core::action::{Fault, FaultKind, Happened};
use playbook_core::codes::Code;
use serde_json::{Value, json};

use super::item::{Made, Seen, applied};
use super::mark;
use crate::docker::client::{Call, Keep, Output, Reader, Writer, part};
use crate::docker::find;
use crate::docker::known::Known;
use crate::docker::line::model::Exec;
use crate::docker::record::Kept;
use crate::docker::standing::{Does, Standing, id, name};

/// Bytes that are kept of each stream of a program.
pub(in crate::docker) const PRINTED: Keep = Keep::First(8 << 20);
/// As long as the step has time.
pub(super) const LONG: Duration = Duration::from_secs(24 * 3600);
/// Lines of a failed program that are told.
const TOLD: usize = 5;

/// A program in a container.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::docker) struct Work {
    exec: Exec,
    mark: String,
}

impl Work {
    /// # Errors
    /// When the container is not there or does not run.
    pub(in crate::docker) async fn of(reader: &Reader<'_>, exec: &Exec) -> Result<Self, Fault> {
        let found = running(reader, &exec.container).await?;
        let exec = Exec { container: id(&found).to_owned(), ..exec.clone() };
        Ok(Self { exec, mark: mark::new() })
    }

    pub(super) async fn look(&self, reader: &Reader<'_>) -> Result<Seen, Fault> {
        let thing = running(reader, &self.exec.container).await?;
        let kept = Kept::Ran { mark: self.mark.clone(), container: Some(name(&thing).to_owned()) };
        Ok(Seen { kept, blob: None, thing })
    }

    pub(super) fn words(&self, seen: &Seen) -> Vec<String> {
        let lead = ["exec", name(&seen.thing)].into_iter().map(str::to_owned);
        crate::docker::line::mask(lead.chain(self.exec.command.iter().cloned()).collect())
    }

    pub(super) async fn apply(&self, writer: &Writer<'_>, seen: &Seen) -> Result<Made, Fault> {
        let row = self.run(writer, &seen.thing).await?;
        writer.reading().target().memory().end(&self.mark);
        // It ran: whether it failed or not, it may have changed something.
        let row = ended(row, &self.exec.command, name(&seen.thing), false)
            .map_err(|fault| Fault { happened: Happened::Unclear, ..fault })?;
        Ok(Made { applied: applied(true, json!({"ended": true}), Vec::new()), row })
    }

    /// Runs it to its end.
    async fn run(&self, writer: &Writer<'_>, container: &Value) -> Result<Value, Fault> {
        let Exec { command, environment, user, folder, privileged, detached, .. } = &self.exec;
        let attached = !detached;
        let body = json!({"Cmd": command, "Env": environment, "User": user.clone().unwrap_or_default(),
            "WorkingDir": folder.clone().unwrap_or_default(), "Privileged": privileged, "Tty": false,
            "AttachStdin": false, "AttachStdout": attached, "AttachStderr": attached});
        let call = Call::post(format!("/containers/{}/exec", part(id(container)))).body(body);
        let made = writer.send(&call).await?.body;
        let exec = id(&made).to_owned();
        let start = Call::post(format!("/exec/{}/start", part(&exec))).body(json!({"Detach": detached, "Tty": false}));
        if *detached {
            writer.send(&start).await?;
            return Ok(json!({"id": exec, "stdout": "", "stderr": "", "code": 0, "lines": [], "truncated": false}));
        }
        let output = Known::of(container).clean(writer.attach(&start.within(LONG), false, PRINTED).await?);
        let told = writer.reading().get(&Call::get(format!("/exec/{}/json", part(&exec)))).await?;
        let code = told.get("ExitCode").and_then(Value::as_i64);
        let code = code.ok_or_else(|| {
            let message = format!("a program in container {} was cut off", name(container));
            Fault::new(FaultKind::Unreachable, Code::Unreachable, message)
                .help("the connection to the engine ended before the program did; look at the container")
                .unclear()
        })?;
        Ok(printed(&output, code))
    }
}

/// Runs a program that only looks, or whose author says so: only a run may.
pub(in crate::docker) async fn look_in_run(writer: &Writer<'_>, exec: &Exec) -> Result<Value, Fault> {
    let work = Work::of(writer.reading(), exec).await?;
    let container = running(writer.reading(), &work.exec.container).await?;
    let row = work.run(writer, &container).await?;
    ended(row, &work.exec.command, name(&container), true)
}

/// A container in which something can be run.
pub(in crate::docker) async fn running(reader: &Reader<'_>, named: &str) -> Result<Value, Fault> {
    let found = find::container(reader, named).await?;
    let standing = Standing::of(&found);
    if standing.does() == Does::Run {
        return Ok(found);
    }
    let message = format!("container {} does not run: it is {}", name(&found), standing.shown());
    // It may be on its way.
    Err(Fault::new(FaultKind::Unreachable, Code::Unreachable, message)
        .help(format!("`docker: logs {0}` tells why; `docker: start {0}` starts it", name(&found)))
        .server("409", true))
}

/// What a program printed, as the result of a step.
pub(super) fn printed(output: &Output, code: i64) -> Value {
    let lines: Vec<&str> = output.stdout.lines().collect();
    json!({"stdout": output.stdout, "stderr": output.stderr, "code": code, "lines": lines, "truncated": output.cut})
}

/// An exit code that says that it failed is an error. A look can be repeated.
pub(super) fn ended(row: Value, command: &[String], place: &str, looks: bool) -> Result<Value, Fault> {
    let code = row.get("code").and_then(Value::as_i64).unwrap_or_default();
    if code == 0 {
        return Ok(row);
    }
    let text = |field: &str| row.get(field).and_then(Value::as_str).unwrap_or_default();
    let said = if text("stderr").trim().is_empty() { text("stdout") } else { text("stderr") };
    let lines: Vec<&str> = said.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(TOLD)..].join("; ");
    let last = if last.is_empty() { "it said nothing".to_owned() } else { last };
    let program = command.first().map_or("its program", String::as_str);
    let message = format!("{program} in {place} ended with code {code}: {last}");
    Err(Fault::new(FaultKind::Refused, Code::ServerError, message)
        .help("the words after the code are the program's own")
        .server(format!("exit {code}"), looks))
}
