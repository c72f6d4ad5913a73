//! What every command has: environment, output, providers, store.

use std::collections::BTreeMap;
use std::sync::Arc;

use playbook_core::registry::Registry;
use playbook_core::secret::Secrets;
use playbook_core::starter::Starter;
use playbook_runtime::{Local, Store};

use crate::args::{Colour, Global};
use crate::error::Failure;
use crate::out::Out;
use crate::render;

/// What every command has.
#[derive(Clone)]
pub(crate) struct App {
    /// The environment, read once.
    pub env: BTreeMap<String, String>,
    /// What must not be shown.
    pub secrets: Secrets,
    /// Where words go.
    pub out: Out,
    /// Colour on standard output?
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// The providers.
    pub registry: Registry,
    /// Starts servers of drills that are not installed here.
    pub starter: Arc<dyn Starter>,
    /// The state directory, where it is not the one of the environment.
    state: Option<std::path::PathBuf>,
}

impl App {
    /// Looks at the environment and the terminal.
    pub(crate) fn new(global: &Global) -> Self {
        let env: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let secrets = Secrets::new();
        let out = Out::new(secrets.clone());
        let is_set = |name: &str| env.get(name).is_some_and(|value| !value.is_empty() && value != "0");
        let dumb = env.get("TERM").is_some_and(|term| term == "dumb");
        let colour = match global.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if env.get("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
            Colour::Auto if is_set("CLICOLOR_FORCE") => true,
            Colour::Auto => out.is_terminal() && !dumb,
        };
        let width = env
            .get("COLUMNS")
            .and_then(|columns| columns.parse().ok())
            .or_else(|| out.is_terminal().then(|| usize::from(console::Term::stdout().size().1)))
            .unwrap_or(80)
            .clamp(40, 200);
        let registry = registry(&secrets);
        let starter = playbook_providers::docker::drill::starter();
        Self { env, secrets, out, colour, width, registry, starter, state: None }
    }

    /// Where runs are kept.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(Local::at(self.state_dir()))
    }

    /// The state directory.
    pub(crate) fn state_dir(&self) -> std::path::PathBuf {
        self.state.clone().unwrap_or_else(|| Local::root(|name| self.env.get(name).cloned()))
    }

    /// The same, with its state elsewhere: for what should leave no trace.
    pub(crate) fn with_state(&self, dir: &std::path::Path) -> Self {
        Self { state: Some(dir.to_owned()), ..self.clone() }
    }

    /// Is there a person at this terminal who can be asked?
    pub(crate) fn is_interactive(&self, no_input: bool) -> bool {
        use std::io::IsTerminal as _;
        !no_input && !self.in_ci() && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
    }

    /// Does a build server run this?
    pub(crate) fn in_ci(&self) -> bool {
        self.env.get("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
    }

    /// Says why a command ended.
    pub(crate) fn report(&self, failure: &Failure) {
        let colour = self.colour && std::io::IsTerminal::is_terminal(&std::io::stderr());
        match failure {
            Failure::Source(sources, found) => {
                self.out.error(render::diagnostics::text(sources, found, self.width, colour).trim_end());
            }
            Failure::Plain { code, message, help, .. } => {
                self.out.error(&render::diagnostics::plain(*code, message, help, colour));
            }
        }
    }
}

/// The providers, and what they do for one another: none of them knows it.
fn registry(secrets: &Secrets) -> Registry {
    use playbook_providers::{docker, kubernetes, redis};
    let redis = redis::provider(secrets.clone(), vec![kubernetes::way(secrets.clone()), docker::way()]);
    let insider = || redis::insider(secrets.clone(), Arc::clone(&redis));
    let kubernetes = kubernetes::provider(secrets.clone(), vec![insider()]);
    let docker = docker::provider(secrets.clone(), vec![insider()]);
    Registry::new(vec![redis, kubernetes, docker])
}

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
