//! The compose that is installed: the docker CLI's plugin, else `docker-compose`. Only what needs the
//! compose file is left to it: what a file says, and carrying it out.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use playbook_core::ports::Cancel;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::project::Project;
use crate::docker::faults;

/// How long it may take to say what a file means.
const READING: Duration = Duration::from_secs(60);
/// How long it may take to end when it is told to.
const ENDING: Duration = Duration::from_secs(20);
/// Bytes that are kept of each of its streams, from the end.
const KEPT: usize = 1 << 20;
/// There is no engine here: a plan that asks what a file means can reach none.
pub(super) const NOWHERE: &str = "unix:///playbook/plans/reach/no/engine";

/// A program that knows compose files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::docker) struct Tool {
    program: &'static str,
    lead: &'static [&'static str],
    /// As it says.
    pub(in crate::docker) version: String,
}

/// What it printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::docker) struct Done {
    pub(in crate::docker) code: i32,
    pub(in crate::docker) stdout: String,
    pub(in crate::docker) stderr: String,
}

impl Tool {
    /// Finds one.
    ///
    /// # Errors
    /// When there is none.
    pub(in crate::docker) async fn find() -> Result<Self, Fault> {
        for (program, lead) in [("docker", &["compose"] as &[&str]), ("docker-compose", &[])] {
            let mut command = Command::new(program);
            command.args(lead).args(["version", "--short"]).env("DOCKER_HOST", NOWHERE);
            let asked = command.stdin(Stdio::null()).kill_on_drop(true).output();
            if let Ok(Ok(output)) = tokio::time::timeout(READING, asked).await
                && output.status.success()
            {
                let version = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned();
                return Ok(Self { program, lead, version });
            }
        }
        Err(Fault::new(FaultKind::Refused, Code::ServerError, "this takes compose, and there is none on this machine")
            .help(
                "install the docker compose plugin, or docker-compose; start, stop, restart, ps and logs work without",
            ))
    }

    /// Is it the first one, written in Python?
    pub(in crate::docker) fn is_first(&self) -> bool {
        self.version.starts_with("1.")
    }

    /// As a person would type it.
    pub(in crate::docker) fn words(&self) -> Vec<String> {
        std::iter::once(self.program).chain(self.lead.iter().copied()).map(str::to_owned).collect()
    }

    /// Asks it something about the files. `host`: the engine that it is given to reach.
    ///
    /// # Errors
    /// When it does not understand them, with its own words.
    pub(in crate::docker) async fn ask(
        &self,
        project: &Project,
        words: &[&str],
        host: &str,
        cancel: &dyn Cancel,
    ) -> Result<String, Fault> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let engine = [("DOCKER_HOST", Some(host.to_owned()))];
        let asked = tokio::time::timeout(READING, self.run(project, &words, &engine, cancel)).await;
        let done = asked.unwrap_or_else(|_| Err(silent()))?;
        if done.code == 0 {
            return Ok(done.stdout);
        }
        Err(Fault::new(
            FaultKind::Invalid,
            Code::ServerError,
            format!("compose does not understand project {}: {}", project.name, said(&done)),
        )
        .help("`docker compose config` shows what it makes of the files"))
    }

    /// Runs it. Told to stop, it is told to end, and what it printed is known all the same.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(in crate::docker) async fn run(
        &self,
        project: &Project,
        words: &[String],
        environment: &[(&str, Option<String>)],
        cancel: &dyn Cancel,
    ) -> Result<Done, Fault> {
        let mut command = Command::new(self.program);
        command.args(self.lead).args(arguments(project)).args(words);
        for name in ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_TLS"] {
            command.env_remove(name);
        }
        for name in ["COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_REMOVE_ORPHANS"] {
            command.env_remove(name);
        }
        for (name, value) in environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("COMPOSE_PROGRESS", "plain").env("COMPOSE_ANSI", "never").env("COMPOSE_MENU", "false");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: a Ctrl-C at the terminal is for playbook, which tells it in its turn.
        let spawned = command.process_group(0).kill_on_drop(true).spawn();
        let mut child =
            spawned.map_err(|why| faults::internal(format!("{} cannot be started: {why}", self.program)))?;
        let group = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        let (out, err) = (tail(child.stdout.take()), tail(child.stderr.take()));
        let told = async {
            cancel.cancelled().await;
            if let Some(group) = group {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
            }
            tokio::time::sleep(ENDING).await;
            if let Some(group) = group {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            std::future::pending::<()>().await;
        };
        let running = async { tokio::join!(out, err, child.wait()) };
        let (stdout, stderr, ended) = tokio::select! {
            ended = running => ended,
            () = told => return Err(faults::internal("a wait that ended")),
        };
        let ended = ended.map_err(|why| faults::internal(format!("{} was lost: {why}", self.program)))?;
        Ok(Done { code: ended.code().unwrap_or(-1), stdout, stderr })
    }
}

/// What says which project it is.
fn arguments(project: &Project) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec!["-p".into(), project.name.clone().into()];
    all.extend(["--project-directory".into(), whole(&project.folder).into()]);
    for file in &project.files {
        all.extend(["-f".into(), whole(file).into()]);
    }
    for profile in &project.profiles {
        all.extend(["--profile".into(), profile.into()]);
    }
    for file in &project.env_files {
        all.extend(["--env-file".into(), whole(file).into()]);
    }
    all
}

fn whole(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The last lines of what it said, in one.
pub(in crate::docker) fn said(done: &Done) -> String {
    let text = if done.stderr.trim().is_empty() { &done.stdout } else { &done.stderr };
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(4)..].join("; ");
    let text = playbook_core::brief::one_line(&last, 400);
    if text.is_empty() { format!("code {}", done.code) } else { text }
}

fn silent() -> Fault {
    Fault::new(FaultKind::Timeout, Code::TimedOut, format!("compose does not answer within {READING:?}"))
        .help("`docker compose config` by hand may tell why")
}

/// The end of a stream.
async fn tail(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    let mut piece = vec![0; 64 << 10];
    while let Ok(count @ 1..) = stream.read(&mut piece).await {
        kept.extend_from_slice(&piece[..count]);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}
