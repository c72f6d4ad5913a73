//! Commands in containers: those that look, and those of which nobody knows what they do.

use playbook_core::action::{
    Applied, Capture, Change, Fault, FaultKind, Happened, ReadAccess, UndoPart, UndoRecord, Verdict, WriteAccess,
};
use playbook_core::codes::Code;
use playbook_core::model::Class;
use playbook_core::plan::{Impact, Planned, Sample};
use playbook_core::ports::BoxFuture;
use serde_json::{Value, json};

use crate::kubernetes::client::{Call, Ended, Inside, Reader, Writer};
use crate::kubernetes::faults;
use crate::kubernetes::find::Finder;
use crate::kubernetes::line::Look;
use crate::kubernetes::line::model::{Exec, Line, Verb};
use crate::kubernetes::look::{may, missing};
use crate::kubernetes::pods;
use crate::kubernetes::target::KubeTarget;

/// The kind of record of a command that nobody knows.
pub(in crate::kubernetes) const EXEC: &str = "kubernetes.exec/1";
/// Lines of the error output that are told when a command fails.
const TOLD: usize = 3;

/// The command of a line, if it is an exec.
pub(in crate::kubernetes) fn of(line: &Line) -> Option<&Exec> {
    match &line.verb {
        Verb::Exec(exec) => Some(exec),
        _ => None,
    }
}

/// Why only a run carries this command out, although it reads.
pub(in crate::kubernetes) fn only_in_run(exec: &Exec) -> Option<&'static str> {
    match Look::of(exec) {
        None => Some("a plan runs no program of which nobody knows what it does"),
        Some(look) if look.is_long() => Some("it walks through all keys, so a plan does not run it"),
        Some(_) => None,
    }
}

/// The pod and the container that are meant, and the pod as it is.
pub(in crate::kubernetes) async fn place(
    reader: &Reader<'_>,
    line: &Line,
    exec: &Exec,
) -> Result<(Inside, Value), Fault> {
    let door = reader.door();
    let namespace = line.namespace.clone().unwrap_or_else(|| reader.opened().namespace.clone());
    let (resource, name) = &exec.object;
    let pod = if ["pod", "pods", "po"].contains(&resource.as_str()) {
        pods::named(&door, &namespace, name).await?
    } else {
        let finder = Finder::of(reader, line).await?;
        let named = finder.named(resource, name)?;
        if named.resource.kind == "Pod" {
            pods::named(&door, &namespace, name).await?
        } else {
            let owner = door.find(&Call::get(named.path())).await?.ok_or_else(|| missing(&named))?;
            let title = format!("{}/{name}", named.resource.singular);
            pods::of(&door, &namespace, &title, &owner).await?.into_iter().next().unwrap_or_default()
        }
    };
    Ok((pods::inside(&namespace, &pod, exec.container.as_deref())?, pod))
}

/// Says where it would run, and whether this user may.
pub(in crate::kubernetes) async fn plan(
    access: ReadAccess<'_>,
    line: &Line,
    exec: &Exec,
    class: Class,
) -> Result<Planned, Fault> {
    let reader = Reader::for_line(access, line).await?;
    let (inside, _) = place(&reader, line, exec).await?;
    let mut planned = Planned::new(class);
    let title = title(&inside);
    let finder = Finder::of(&reader, line).await?;
    // A stream is opened by GET.
    if !may(&finder, "get", "", "pods", Some(&inside.pod), Some("exec")).await? {
        planned.notes.push(format!("this user may not exec into pod/{}", inside.pod));
    }
    planned.notes.push(format!("it runs in {title}; what it does there is not known"));
    planned.impact.push(Impact {
        what: "containers".into(),
        count: 1,
        bytes: None,
        exact: true,
        samples: vec![Sample { name: title, about: inside.uid }],
    });
    Ok(planned)
}

/// For people: `pod/web-1 in dash, container app`.
fn title(inside: &Inside) -> String {
    format!("pod/{} in {}, container {}", inside.pod, inside.namespace, inside.container)
}

/// Runs a program that only looks.
pub(in crate::kubernetes) async fn look(access: ReadAccess<'_>, line: &Line, exec: &Exec) -> Result<Value, Fault> {
    let Some(look) = Look::of(exec) else {
        return Err(Fault::new(FaultKind::ReadOnly, Code::ReadOnly, "nobody knows what this program does")
            .help("it is run in a run; nothing was sent"));
    };
    let reader = Reader::for_line(access, line).await?;
    let (inside, _) = place(&reader, line, exec).await?;
    let ended = reader.look(&inside, &look).await?;
    failed(exec, &inside, &ended, true)?;
    Ok(result(&ended))
}

/// Runs a program whose author says that it only looks: only a run may.
pub(in crate::kubernetes) async fn look_in_run(
    access: WriteAccess<'_>,
    line: &Line,
    exec: &Exec,
) -> Result<Value, Fault> {
    if Look::of(exec).is_some() {
        return look(access.reading(), line, exec).await;
    }
    let writer = Writer::for_line(&access, line).await?;
    let (inside, _) = place(writer.reading(), line, exec).await?;
    let ended = writer.exec(&inside, &exec.command).await?;
    failed(exec, &inside, &ended, true)?;
    Ok(result(&ended))
}

fn result(ended: &Ended) -> Value {
    let stdout = String::from_utf8_lossy(&ended.stdout);
    let lines: Vec<&str> = stdout.lines().collect();
    json!({"stdout": stdout, "stderr": String::from_utf8_lossy(&ended.stderr), "code": ended.code, "lines": lines,
        "truncated": ended.cut})
}

/// An exit code that says that it failed. A look can be repeated.
fn failed(exec: &Exec, inside: &Inside, ended: &Ended, looks: bool) -> Result<(), Fault> {
    if ended.code == 0 {
        return Ok(());
    }
    let program = exec.command.first().map(String::as_str).unwrap_or_default();
    let said = if ended.stderr.is_empty() { &ended.stdout } else { &ended.stderr };
    let said = String::from_utf8_lossy(said);
    let last: Vec<&str> = said.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = last[last.len().saturating_sub(TOLD)..].join("; ");
    let told = if last.is_empty() { "it said nothing".to_owned() } else { last };
    let message = format!("{program} in pod/{} ended with code {}: {told}", inside.pod, ended.code);
    Err(Fault::new(FaultKind::Refused, Code::ServerError, message)
        .help("the words after the code are the program's own")
        .server(format!("exit {}", ended.code), looks))
}

/// A command that may do anything: nothing can be captured before it.
pub(in crate::kubernetes) struct ExecChange<'a> {
    writer: Writer<'a>,
    known: &'a KubeTarget,
    exec: Exec,
    inside: Inside,
    words: Vec<String>,
    /// Names this command, for as long as the process runs; none once it was captured.
    id: String,
    captured: bool,
    result: Value,
}

impl<'a> ExecChange<'a> {
    /// Finds out where it runs.
    pub(in crate::kubernetes) async fn begin(
        access: &WriteAccess<'a>,
        line: &Line,
        exec: &Exec,
        words: Vec<String>,
    ) -> Result<Self, Fault> {
        let writer = Writer::for_line(access, line).await?;
        let (inside, _) = place(writer.reading(), line, exec).await?;
        let known = KubeTarget::of(access.target())?;
        let id = format!("{}.{}", jiff::Timestamp::now().as_nanosecond(), inside.uid);
        Ok(Self { writer, known, exec: exec.clone(), inside, words, id, captured: false, result: Value::Null })
    }

    async fn run(&mut self) -> Result<Applied, Fault> {
        let ended = self.writer.exec(&self.inside, &self.exec.command).await?;
        self.known.known().end(&self.id);
        // It ran: whether it failed or not, it may have changed something.
        failed(&self.exec, &self.inside, &ended, false)
            .map_err(|fault| Fault { happened: Happened::Unclear, ..fault })?;
        self.result = result(&ended);
        Ok(Applied { changed: true, after: Value::Null, diff: Vec::new(), corrected: None })
    }
}

impl Change for ExecChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(async {
            if std::mem::replace(&mut self.captured, true) {
                return Ok(None);
            }
            let Inside { namespace, pod, uid, container } = &self.inside;
            let data = json!({"id": self.id, "namespace": namespace, "pod": pod, "uid": uid, "container": container});
            Ok(Some(Capture {
                subject: title(&self.inside),
                words: self.words.clone(),
                undo: UndoRecord { data, ..UndoRecord::nothing(EXEC) },
                count: 1,
                last: true,
            }))
        })
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(self.run())
    }

    fn result(&mut self) -> Value {
        std::mem::take(&mut self.result)
    }
}

/// Only who saw the end of a command can tell that it ran.
pub(in crate::kubernetes) fn probe(access: ReadAccess<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let id = part.record.data.get("id").and_then(Value::as_str);
    let id = id.ok_or_else(|| faults::internal(format!("a record of {EXEC} that cannot be read")))?;
    Ok(if KubeTarget::of(access.target())?.known().has_ended(id) {
        Verdict::Done(json!({"ended": true}))
    } else {
        Verdict::Unclear("nobody saw the command end, and what it changes is not known".into())
    })
}
