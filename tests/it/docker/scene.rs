//! An engine, a private state directory, and the program between the two.

use std::path::PathBuf;
use std::process::Command;

use super::compose::Compose;
use super::engine::Engine;
use super::proxy::Proxy;
use crate::live::{Desk, Done};

pub(super) struct Scene<'a> {
    pub(super) engine: &'a Engine,
    pub(super) desk: Desk,
    /// What the program finds in its environment besides the engine.
    env: Vec<(&'static str, PathBuf)>,
}

impl Scene<'static> {
    /// With the engine all tests share.
    pub(super) fn shared() -> Option<Self> {
        Engine::shared().map(Scene::new)
    }

    /// With that engine, and one Compose.
    pub(super) fn composed(compose: Compose) -> Option<Self> {
        let engine = Engine::shared()?;
        Some(Self { env: compose.settings(engine)?, ..Scene::new(engine) })
    }
}

impl<'a> Scene<'a> {
    pub(super) fn new(engine: &'a Engine) -> Self {
        Self { engine, desk: Desk::new(), env: Vec::new() }
    }

    /// The program reaches the engine through a proxy from now on.
    pub(super) fn through(&mut self, proxy: &Proxy) {
        self.env.push(("DOCKER_HOST", proxy.host().into()));
    }

    /// The program's environment has this as well.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<PathBuf>) {
        self.env.push((name, value.into()));
    }

    /// The program, where published ports and addresses of containers can be reached.
    pub(super) fn playbook(&self, args: &[&str]) -> Command {
        let mut command = self.desk.playbook(args);
        self.engine.settings(&mut command);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        let mut inside = self.engine.inside(&command);
        inside.stdin(std::process::Stdio::null()).current_dir(self.desk.dir.path());
        inside
    }

    /// Runs it to its end.
    pub(super) fn run(&self, args: &[&str]) -> Done {
        Done(self.playbook(args).output().unwrap())
    }

    /// A file beside the state, which is where the program is run.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        self.desk.file(name, text)
    }
}
