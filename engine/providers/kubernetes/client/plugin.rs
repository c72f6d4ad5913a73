//! Credential plugins: a program that prints a token or a certificate (`users: exec:`).
//!
//! The contract is `ExecCredential` of client.authentication.k8s.io. Invariant: nothing that a plugin
//! prints on its standard output is ever shown; of its errors a few words are, without what looks like
//! a token.

use std::io::IsTerminal as _;
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use kube::config::{ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::kubeconfig::unusable;

/// How long a plugin may take that asks nobody, and one that asks a person.
const ALONE: Duration = Duration::from_secs(60);
const WITH_PERSON: Duration = Duration::from_secs(300);
/// Bytes that are read of what it prints, of each stream.
const LIMIT: u64 = 1 << 20;
/// Versions of the contract; all agree in what is used here.
const VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha1"];
const GROUP: &str = "client.authentication.k8s.io";

/// A program that gives credentials.
#[derive(Debug)]
pub(super) struct Plugin {
    command: String,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    hint: Option<String>,
    mode: Mode,
    version: String,
    cluster: Option<ExecAuthCluster>,
}

/// May it ask a person?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Never,
    IfAvailable,
    Always,
}

/// What it gave.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) token: Option<String>,
    /// Certificate and key, PEM.
    pub(super) certificate: Option<(String, String)>,
}

#[derive(Deserialize)]
struct Printed {
    #[serde(rename = "apiVersion")]
    version: String,
    kind: String,
    status: Option<Status>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Plugin {
    pub(super) fn read(exec: &ExecConfig) -> Result<Self, Fault> {
        let help = "see users: exec: in the documentation of Kubernetes";
        let command = exec.command.clone().filter(|command| !command.is_empty());
        let command = command.ok_or_else(|| unusable("exec: of the user names no command", help))?;
        let version = exec.api_version.clone().unwrap_or_default();
        if version.strip_prefix(GROUP).and_then(|rest| rest.strip_prefix('/')).is_none_or(|v| !VERSIONS.contains(&v)) {
            let what = format!("the credential plugin `{command}` speaks {version:?}");
            return Err(unusable(what, format!("known are {GROUP}/v1 and v1beta1")));
        }
        let value = |pair: &std::collections::HashMap<String, String>| {
            Some((pair.get("name")?.clone(), pair.get("value")?.clone()))
        };
        let mode = match exec.interactive_mode {
            Some(ExecInteractiveMode::Never) => Mode::Never,
            Some(ExecInteractiveMode::Always) => Mode::Always,
            Some(ExecInteractiveMode::IfAvailable) | None => Mode::IfAvailable,
        };
        Ok(Self {
            command,
            args: exec.args.clone().unwrap_or_default(),
            environment: exec.env.iter().flatten().filter_map(value).collect(),
            hint: exec.install_hint.as_deref().map(one_line).filter(|hint| !hint.is_empty()),
            mode,
            version,
            cluster: exec.cluster.clone(),
        })
    }

    /// For people.
    pub(super) fn title(&self) -> String {
        format!("the credential plugin `{}`", self.command)
    }

    /// Runs it.
    ///
    /// # Errors
    /// When it is not there, fails, takes too long, or prints something else.
    pub(super) async fn run(&self) -> Result<(Credential, Option<Timestamp>), Fault> {
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let interactive = match (self.mode, terminal) {
            (Mode::Always, false) => {
                return Err(self.fault("wants to ask someone, and there is no terminal").help(
                    "log in beforehand, so that it has nothing to ask, or give it interactiveMode: IfAvailable",
                ));
            }
            (Mode::Never, _) | (_, false) => false,
            (Mode::IfAvailable | Mode::Always, true) => true,
        };
        self.run_within(interactive, if interactive { WITH_PERSON } else { ALONE }).await
    }

    async fn run_within(&self, interactive: bool, limit: Duration) -> Result<(Credential, Option<Timestamp>), Fault> {
        let running = async {
            let mut group = Group(self.start(interactive)?, !interactive);
            let child = &mut group.0;
            let (out, err) = (child.stdout.take(), child.stderr.take());
            let (out, err, ended) = tokio::join!(all(out), all(err), child.wait());
            let ended = ended.map_err(|why| self.fault(&format!("was lost: {why}")))?;
            if !ended.success() {
                return Err(self.failed(ended, &out, &err));
            }
            self.understand(&out)
        };
        let ended = tokio::time::timeout(limit, running).await;
        ended.unwrap_or_else(|_| {
            let fault = Fault::new(
                FaultKind::Timeout,
                Code::TimedOut,
                format!("{} has printed no credentials after {limit:?}", self.title()),
            );
            let fault = fault.help("does it wait for someone to log in? log in beforehand");
            Err(Fault { transient: false, ..fault })
        })
    }

    fn start(&self, interactive: bool) -> Result<Child, Fault> {
        let mut spec = json!({"interactive": interactive});
        if let Some(cluster) = &self.cluster {
            spec["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
        }
        let asked = json!({"apiVersion": self.version, "kind": "ExecCredential", "spec": spec});
        let mut command = Command::new(&self.command);
        command.args(&self.args).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("KUBERNETES_EXEC_INFO", asked.to_string()).stdout(Stdio::piped()).kill_on_drop(true);
        if interactive {
            command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
        } else {
            // A group of its own ends with all that it started; at a terminal it could not read there.
            command.stdin(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        }
        command.spawn().map_err(|why| {
            let fault = if why.kind() == std::io::ErrorKind::NotFound {
                self.fault("is not installed")
            } else {
                self.fault(&format!("cannot be started: {why}"))
            };
            let help = format!("install `{}`, or put it on PATH", self.command);
            fault.help(self.hint.clone().unwrap_or(help))
        })
    }

    fn fault(&self, what: &str) -> Fault {
        let message = format!("{} {what}", self.title());
        Fault::new(FaultKind::Unauthorised, Code::Unauthorised, message)
            .help("run a kubectl command with this context by hand; it may ask to log in")
    }

    fn failed(&self, ended: std::process::ExitStatus, out: &[u8], err: &[u8]) -> Fault {
        let how = ended.code().map_or_else(|| "was killed".to_owned(), |code| format!("failed with code {code}"));
        let mut said = last_words(&String::from_utf8_lossy(err));
        // It may tell its token before it fails, or be told one.
        let printed = serde_yaml::from_slice::<Printed>(out).ok().and_then(|printed| printed.status?.token);
        let told = self.environment.iter().filter(|(name, value)| is_secret(name) && value.len() > 3);
        for secret in told.map(|(_, value)| value).chain(&printed).filter(|secret| !secret.is_empty()) {
            said = said.replace(secret.as_str(), HIDDEN);
        }
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        let fault = self.fault(&format!("{how}{said}"));
        match &self.hint {
            Some(hint) if ended.code() == Some(127) => fault.help(hint.clone()),
            _ => fault,
        }
    }

    /// What it printed is never quoted.
    fn understand(&self, out: &[u8]) -> Result<(Credential, Option<Timestamp>), Fault> {
        let printed: Printed =
            serde_yaml::from_slice(out).map_err(|_| self.fault("printed something else than an ExecCredential"))?;
        if printed.kind != "ExecCredential" {
            return Err(self.fault("printed something else than an ExecCredential"));
        }
        if printed.version != self.version {
            let known = VERSIONS.iter().map(|version| format!("{GROUP}/{version}"));
            let theirs = known.into_iter().find(|version| *version == printed.version);
            let theirs = theirs.unwrap_or_else(|| "another version".into());
            return Err(self
                .fault(&format!("printed {theirs}, and the kubeconfig says {}", self.version))
                .help("update the kubeconfig or the plugin, so that both speak the same version"));
        }
        let status = printed.status.unwrap_or_default();
        let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let certificate = given(status.client_certificate_data).zip(given(status.client_key_data));
        let credential = Credential { token: given(status.token), certificate };
        if credential == Credential::default() {
            return Err(self.fault("printed neither a token nor a certificate with its key"));
        }
        let until = given(status.expiration_timestamp).map(|text| text.parse::<Timestamp>()).transpose();
        Ok((credential, until.map_err(|_| self.fault("printed an expirationTimestamp that is no time"))?))
    }
}

/// A child and, perhaps, what it started: gone when dropped.
struct Group(Child, bool);

impl Drop for Group {
    fn drop(&mut self) {
        // No id: it has ended, and was waited for.
        let id = self.0.id().filter(|_| self.1).and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

async fn all(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(LIMIT).read_to_end(&mut bytes).await;
    }
    bytes
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const HIDDEN: &str = "[hidden]";

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "token", "password", "passwd", "key", "credential"].iter().any(|part| name.contains(part))
}

/// The last words of an error, for people. A run of letters and digits as long as tokens are is left
/// out, whatever it is.
fn last_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = lines[lines.len().saturating_sub(3)..].join("; ");
    let of_token = |c: char| c.is_ascii_alphanumeric() || "-_.+=~".contains(c);
    let mut out = String::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find(|c| !of_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push_str(if word.len() >= 24 { HIDDEN } else { word });
        let next = after.find(of_token).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        out.extend(between.chars().filter(|c| !c.is_control()));
        rest = after;
    }
    match out.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &out[..end]),
        None => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(script: &str) -> Plugin {
        let exec = ExecConfig {
            api_version: Some(format!("{GROUP}/v1")),
            command: Some("sh".into()),
            args: Some(vec!["-c".into(), script.into()]),
            ..ExecConfig::default()
        };
        Plugin::read(&exec).expect("a plugin")
    }

    #[tokio::test]
    async fn one_that_hangs_is_given_up_and_ended_with_all_that_it_started() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.path().display());
        let plugin = plugin(&script);
        let fault = plugin.run_within(false, Duration::from_millis(500)).await.err().expect("a fault");
        assert_eq!((fault.kind, fault.transient), (FaultKind::Timeout, false));
        assert!(
            fault.message.starts_with("the credential plugin `sh` has printed no credentials"),
            "{}",
            fault.message
        );
        let id = std::fs::read_to_string(file.path()).expect("an id");
        let status = format!("/proc/{}/stat", id.trim());
        let runs = || std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z "));
        while runs() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_it_prints_is_never_quoted() {
        for (script, expected) in [
            ("echo canary-4711", "printed something else than an ExecCredential"),
            ("echo '{\"kind\": \"canary-4711\", \"apiVersion\": \"x\"}'", "printed something else"),
            (
                "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"canary-4711\"}'",
                "printed another version, and the kubeconfig says client.authentication.k8s.io/v1",
            ),
            (
                "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\"}'",
                "printed neither a token nor a certificate",
            ),
            (
                "echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \
                 \"status\": {\"token\": \"canary-4711\"}}'; echo canary-4711 >&2; exit 3",
                "failed with code 3: [hidden]",
            ),
            (
                "echo abcdefghijklmnopqrstuvwxyz-canary-4711 is wrong >&2; exit 1",
                "failed with code 1: [hidden] is wrong",
            ),
        ] {
            let fault = plugin(script).run_within(false, ALONE).await.err().expect("a fault");
            assert!(fault.message.contains(expected), "{script}: {}", fault.message);
            assert!(!format!("{fault:?}").contains("canary-4711"), "{script}: {fault:?}");
        }
    }
}
