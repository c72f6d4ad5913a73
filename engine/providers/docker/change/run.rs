//! `run`: a container of its own for one program.

use playbook_core::action::{Fault, FaultKind, Happened};
use playbook_core::codes::Code;
use playbook_core::plan::{Change as Diff, Image};
use serde_json::{Map, Value, json};

use super::exec::{LONG, PRINTED, ended, printed};
use super::item::{Made, Seen, applied};
use super::{mark, pull};
use crate::docker::asked::Asked;
use crate::docker::client::{Call, Reader, Writer, part};
use crate::docker::known::Known;
use crate::docker::line::model::Run;
use crate::docker::record::{Kept, Thing};

/// A container and its program.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::docker) struct Work {
    run: Run,
    /// Of `POST /containers/create`, with paths made whole.
    body: Map<String, Value>,
    mark: String,
    /// What is in the files of variables.
    known: Known,
}

impl Work {
    /// # Errors
    /// When a file that it names cannot be read.
    pub(in crate::docker) fn of(asked: &Asked, run: &Run) -> Result<Self, Fault> {
        let mark = mark::new();
        let mut body = run.body.clone();
        body.insert("Image".into(), run.image.as_str().into());
        if !run.command.is_empty() {
            body.insert("Cmd".into(), json!(run.command));
        }
        let from_files = variables(asked, &run.env_files)?;
        let known = Known::default().and(&json!({"Env": from_files}));
        if !from_files.is_empty() {
            let own = body.get("Env").and_then(Value::as_array).cloned().unwrap_or_default();
            // What is written in the line counts.
            body.insert("Env".into(), from_files.into_iter().map(Value::from).chain(own).collect());
        }
        let labels = body.entry("Labels").or_insert_with(|| json!({}));
        labels[mark::MARK] = mark.as_str().into();
        if let Some(Value::Array(binds)) = body.get_mut("HostConfig").and_then(|host| host.get_mut("Binds")) {
            for bind in binds {
                if let Some(whole) = bind.as_str().and_then(|bind| whole(asked, bind)) {
                    *bind = whole.into();
                }
            }
        }
        if let Some(Value::Array(mounts)) = body.get_mut("HostConfig").and_then(|host| host.get_mut("Mounts")) {
            for mount in mounts.iter_mut().filter(|mount| mount.get("Type").is_some_and(|kind| kind == "bind")) {
                if let Some(source) = mount.get("Source").and_then(Value::as_str).filter(|source| is_relative(source)) {
                    let whole = asked.path(source).display().to_string();
                    mount["Source"] = whole.into();
                }
            }
        }
        if !run.detached {
            for stream in ["AttachStdout", "AttachStderr"] {
                body.insert(stream.into(), true.into());
            }
        }
        // Of one that is heard to its end, the engine would remove it before that could be read.
        if run.remove && run.detached {
            body.entry("HostConfig").or_insert_with(|| json!({}))["AutoRemove"] = true.into();
        }
        Ok(Self { run: run.clone(), body, mark, known })
    }

    pub(super) async fn look(&self, reader: &Reader<'_>) -> Result<Seen, Fault> {
        if let Some(name) = &self.run.name
            && reader.find(&Call::get(Thing::Container.read(name))).await?.is_some()
        {
            let message = format!("there is a container `{name}` already");
            return Err(Fault::new(FaultKind::Refused, Code::ServerError, message)
                .help("choose another name, or remove it first")
                .server("409", false));
        }
        let thing = reader.find(&Call::get(Thing::Image.read(&self.run.image))).await?.unwrap_or(Value::Null);
        let name = self.run.name.clone().unwrap_or_else(|| format!("of {}", self.run.image));
        let mark = self.mark.clone();
        let kept = if self.run.detached {
            Kept::Made { what: Thing::Container, name, mark: Some(mark), ready: true, there: false }
        } else {
            Kept::Ran { mark, container: None }
        };
        Ok(Seen { kept, blob: None, thing })
    }

    pub(super) fn words(&self) -> Vec<String> {
        let mut words = vec!["run".to_owned()];
        words.extend(self.run.name.iter().map(|name| format!("--name={name}")));
        words.push(self.run.image.clone());
        words.extend(self.run.command.iter().cloned());
        crate::docker::line::mask(words)
    }

    pub(super) async fn apply(&self, writer: &Writer<'_>, seen: &Seen) -> Result<Made, Fault> {
        self.fetched(writer, seen).await?;
        let container = self.created(writer).await?;
        if self.run.detached {
            self.started(writer, &container).await?;
            let id = container.as_str();
            let now = writer.reading().find(&Call::get(Thing::Container.read(id))).await.ok().flatten();
            let name = now.as_ref().map(crate::docker::standing::name).unwrap_or_default();
            let diff = Diff::new(format!("container {name}"), Image::Absent, Image::of("running"));
            let row = json!({"id": id, "name": name});
            return Ok(Made { applied: applied(true, json!({"id": id}), vec![diff]), row });
        }
        let row = self.heard(writer, &container).await?;
        writer.reading().target().memory().end(&self.mark);
        let program =
            if self.run.command.is_empty() { std::slice::from_ref(&self.run.image) } else { &self.run.command };
        let row = ended(row, program, &format!("a container of {}", self.run.image), false)
            .map_err(|fault| Fault { happened: Happened::Unclear, ..fault })?;
        Ok(Made { applied: applied(true, json!({"id": container}), Vec::new()), row })
    }

    /// Is the image here? Else it is fetched, unless the author says never.
    async fn fetched(&self, writer: &Writer<'_>, seen: &Seen) -> Result<(), Fault> {
        let absent = seen.thing.is_null();
        match self.run.pull.as_deref() {
            Some("never") if absent => Err(Fault::new(
                FaultKind::Refused,
                Code::ServerError,
                format!("there is no image `{}` here, and --pull=never says not to fetch it", self.run.image),
            )
            .help("`docker: images` lists what is here")
            .server("404", false)),
            Some("always") => pull::fetch(writer, &self.run.image, self.run.platform.as_deref()).await,
            _ if absent => pull::fetch(writer, &self.run.image, self.run.platform.as_deref()).await,
            _ => Ok(()),
        }
    }

    async fn created(&self, writer: &Writer<'_>) -> Result<String, Fault> {
        let mut call = Call::post("/containers/create").body(Value::Object(self.body.clone()));
        if let Some(name) = &self.run.name {
            call = call.query("name", name);
        }
        if let Some(platform) = &self.run.platform {
            call = call.query("platform", platform);
        }
        let made = writer.send(&call).await?.body;
        Ok(crate::docker::standing::id(&made).to_owned())
    }

    /// A container that cannot be started is no use to anyone.
    async fn started(&self, writer: &Writer<'_>, container: &str) -> Result<(), Fault> {
        let start = Call::post(format!("/containers/{}/start", part(container)));
        let started = writer.send(&start).await;
        if started.as_ref().is_err_and(|fault| fault.happened == Happened::No) {
            let gone = Call::delete(format!("/containers/{}", part(container))).query("force", "1").query("v", "1");
            writer.send(&gone).await?;
        }
        started.map(drop)
    }

    /// Starts it and hears it to its end.
    async fn heard(&self, writer: &Writer<'_>, container: &str) -> Result<Value, Fault> {
        let path = format!("/containers/{}", part(container));
        let attach = Call::post(format!("{path}/attach"))
            .query("stream", "1")
            .query("stdout", "1")
            .query("stderr", "1")
            .within(LONG);
        let attached = writer.attach_open(&attach).await?;
        if let Err(fault) = self.started(writer, container).await {
            if fault.kind == FaultKind::Cancelled {
                self.end(writer, &path).await;
            }
            return Err(fault);
        }
        let tty = self.body.get("Tty").and_then(Value::as_bool).unwrap_or(false);
        let heard = attached.read(tty, PRINTED).await;
        if let Err(fault) = heard {
            if fault.kind == FaultKind::Cancelled {
                // What is not waited for any longer does not go on unseen.
                self.end(writer, &path).await;
            }
            return Err(Fault { happened: Happened::Unclear, ..fault });
        }
        let output = self.known.clean(heard?);
        let waited = writer.send(&Call::post(format!("{path}/wait")).within(LONG)).await?.body;
        let code = waited.get("StatusCode").and_then(Value::as_i64).unwrap_or(-1);
        if self.run.remove {
            let gone = Call::delete(path).query("force", "1").query("v", "1");
            writer.send(&gone).await?;
        }
        let mut row = printed(&output, code);
        if !self.run.remove {
            row["id"] = container.into();
        }
        Ok(row)
    }

    async fn end(&self, writer: &Writer<'_>, path: &str) {
        let ended = writer.send_in_the_end(&Call::post(format!("{path}/kill"))).await;
        if self.run.remove && ended.is_ok() {
            let gone = Call::delete(path).query("force", "1").query("v", "1");
            let _ = writer.send_in_the_end(&gone).await;
        }
    }
}

/// Runs a program whose author says that it only looks: only a run may.
pub(in crate::docker) async fn look_in_run(writer: &Writer<'_>, asked: &Asked, run: &Run) -> Result<Value, Fault> {
    let work = Work::of(asked, run)?;
    let seen = work.look(writer.reading()).await?;
    work.apply(writer, &seen).await.map(|made| made.row).map_err(|fault| Fault { happened: Happened::No, ..fault })
}

/// A bind whose path on this machine is relative: from the playbook's folder on.
pub(super) fn whole(asked: &Asked, bind: &str) -> Option<String> {
    let (source, rest) = bind.split_once(':')?;
    is_relative(source).then(|| format!("{}:{rest}", asked.path(source).display()))
}

/// As docker: what begins with a dot is a path, and other words are names of volumes.
fn is_relative(source: &str) -> bool {
    source == "." || source == ".." || source.starts_with("./") || source.starts_with("../")
}

/// `NAME=VALUE` of files; a name alone is taken from here.
fn variables(asked: &Asked, files: &[String]) -> Result<Vec<String>, Fault> {
    let mut all = Vec::new();
    for file in files {
        let path = asked.path(file);
        let text = std::fs::read_to_string(&path).map_err(|why| {
            let message = format!("{} cannot be read: {why}", path.display());
            Fault::new(FaultKind::Invalid, Code::Arguments, message).help("--env-file is relative to the playbook")
        })?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once('=') {
                Some(_) => all.push(line.to_owned()),
                None => all.extend(std::env::var(line).ok().map(|value| format!("{line}={value}"))),
            }
        }
    }
    Ok(all)
}
