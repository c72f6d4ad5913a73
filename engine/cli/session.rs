//! One run or plan put together: playbook, inputs, targets, names; and the process around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use playbook_core::check::Checked;
use playbook_core::codes::Code;
use playbook_core::event::{Actor, Git, RunStarted, Settings};
use playbook_core::expr::EvalError;
use playbook_core::input::Inputs;
use playbook_core::model::RunId;
use playbook_core::plan::{Asked, Plan, World, offline};
use playbook_core::ports::Clock as _;
use playbook_runtime::{Ended, Engine, Input, Random, Said, Sink, Start, SystemClock, Targets, seal};
use tokio::sync::mpsc;

use crate::actor;
use crate::app::{App, VERSION};
use crate::compile::Compiled;
use crate::error::Failure;
use crate::ui::Ui;

/// Everything about one run or plan that does not depend on how it goes.
pub(crate) struct Session {
    /// The playbook.
    pub compiled: Compiled,
    /// Its inputs.
    pub inputs: Inputs,
    /// Names that templates see.
    pub world: World,
    /// Its targets, not yet connected.
    pub targets: Targets,
    /// Their addresses.
    pub addresses: BTreeMap<String, String>,
}

impl Session {
    /// Opens the targets. No connection is made.
    pub(crate) fn new(app: &App, compiled: Compiled, inputs: Inputs, run: Option<&RunId>) -> Result<Self, Failure> {
        let person = actor::person(&app.env, "cli");
        let facts = serde_json::json!({
            "id": run.map(RunId::as_str),
            "playbook": compiled.checked.name(),
            "started": format!("{:.0}", SystemClock::new().now().wall),
            "user": person.name(),
            "host": actor::host(),
        });
        let env = || app.env.iter().map(|(name, value)| (name.clone(), value.clone()));
        let first = World::new(&inputs, &BTreeMap::new(), &facts, env(), &app.secrets);
        let targets = Targets::open(&compiled.checked, &first, &app.secrets).map_err(|(name, error)| {
            let (message, help) = match error {
                EvalError::Failed { message, help, .. } => (message, help),
                EvalError::Unknown(_) => ("its address is not known".into(), "targets can use inputs and env".into()),
            };
            Failure::input(Code::TargetAddress, format!("target `{name}`: {message}"), help)
        })?;
        let addresses = targets.addresses();
        let world = World::new(&inputs, &addresses, &facts, env(), &app.secrets);
        Ok(Self { compiled, inputs, world, targets, addresses })
    }

    /// The playbook.
    pub(crate) fn checked(&self) -> &Checked {
        &self.compiled.checked
    }

    /// What plans are made from.
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked {
            inputs: &self.inputs,
            environment: self.compiled.environment.clone(),
            addresses: &self.addresses,
            engine: VERSION,
            world: &self.world,
            sources: &self.compiled.sources,
        }
    }

    /// The plan that needs no connection.
    pub(crate) fn offline(&self) -> Plan {
        offline(self.checked(), &self.asked())
    }

    /// How a fresh run begins.
    pub(crate) fn started(&self, app: &App, settings: Settings, drill: bool) -> Result<RunStarted, Failure> {
        let sealed = seal(&app.secrets, self.compiled.located.text.clone().into_bytes());
        let source_blob = app.store().put(&sealed)?;
        let header = &self.checked().header;
        Ok(RunStarted {
            playbook: self.checked().name().to_owned(),
            title: header.title.clone(),
            path: self.compiled.located.name.clone(),
            source: self.checked().digest,
            source_blob,
            files: self.compiled.located.beside.keep(app)?,
            git: self.compiled.located.path.as_deref().and_then(git),
            environment: self.compiled.environment.clone(),
            overrides: self.compiled.overrides.clone(),
            inputs: self.inputs.redacted(),
            targets: self.addresses.clone(),
            drill,
            engine: VERSION.to_owned(),
            plan: self.offline().digest,
            steps: self.checked().steps.len() as u32,
            followups: header.followups.clone(),
            settings,
        })
    }

    /// Carries out a run, shows it, and gives how it ended.
    pub(crate) fn execute(
        self,
        app: &App,
        run: RunId,
        start: Start,
        ui: Ui,
        interactive: bool,
    ) -> Result<Ended, Failure> {
        let store = app.store();
        let (to_loop, inbox) = mpsc::channel(64);
        let person = actor::person(&app.env, "tty");
        let (sink, screen) = ui.start(to_loop.clone(), person.clone(), interactive);
        let sinks: Vec<Box<dyn Sink>> = vec![sink];
        let engine = Engine {
            checked: self.compiled.checked,
            sources: self.compiled.sources,
            registry: app.registry.clone(),
            world: self.world,
            targets: self.targets,
            secrets: app.secrets.clone(),
            store,
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(Random),
            actor: person.clone(),
            interactive,
            sinks,
        };
        let ended = runtime()?.block_on(async {
            let signals = tokio::spawn(signals(to_loop, person));
            let ended = engine.run(run, start, inbox).await;
            signals.abort();
            ended
        });
        match ended {
            Ok(ended) => {
                screen.finish(Some(&ended));
                Ok(ended)
            }
            Err(error) => {
                screen.finish(None);
                Err(error.into())
            }
        }
    }
}

/// The asynchronous runtime, only for commands that need one.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|error| {
        Failure::failed(Code::Internal, format!("no threads: {error}"), "check the limits of this user")
    })
}

/// Ctrl-C and its kin, as words to the loop: the first ends the run gently, the third at once.
async fn signals(to_loop: mpsc::Sender<Input>, person: Actor) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return;
    };
    let mut count = 0;
    loop {
        let name = tokio::select! {
            Some(()) = interrupt.recv() => "SIGINT",
            Some(()) = terminate.recv() => "SIGTERM",
            Some(()) = hangup.recv() => "SIGHUP",
            else => return,
        };
        count += 1;
        let said = Said::Cancel { by: name.to_owned() };
        let input = Input { id: format!("signal-{count}"), actor: person.clone(), said };
        if to_loop.send(input).await.is_err() {
            return;
        }
    }
}

/// The commit that a file belongs to, read from git itself if it is there.
fn git(path: &std::path::Path) -> Option<Git> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    if !dir.canonicalize().ok()?.ancestors().any(|above| above.join(".git").exists()) {
        return None;
    }
    let ask = |args: &[&str]| {
        let output = std::process::Command::new("git").arg("-C").arg(dir).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let rev = ask(&["rev-parse", "HEAD"])?;
    let file = path.file_name()?.to_string_lossy().into_owned();
    let dirty = ask(&["status", "--porcelain", "--", &file]).is_none_or(|status| !status.is_empty());
    Some(Git { rev, dirty })
}
