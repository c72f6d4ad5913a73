//! What a step asks for: a line, and the playbook's folder, which its paths are relative to.

use std::path::{Path, PathBuf};

use playbook_core::action::Fault;

use super::compose::project::{self, Project};
use super::line::model::{Compose, Verb};

/// A line and where its paths begin.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) verb: Verb,
    /// The playbook's folder; of the library, where the program was started.
    pub(super) base: PathBuf,
}

impl Asked {
    pub(super) fn new(verb: Verb, base: Option<&str>) -> Self {
        Self { verb, base: Path::new(base.unwrap_or(".")).to_owned() }
    }

    /// The project that a compose line means.
    ///
    /// # Errors
    /// When nothing says which it is.
    pub(super) fn project(&self, line: &Compose) -> Result<Project, Fault> {
        project::find(line, &self.base, &|name| std::env::var(name).ok())
    }

    /// A path of this machine, whole.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        let path = self.base.join(path);
        std::path::absolute(&path).unwrap_or(path)
    }
}
