//! What a step asks for: a line, and what its files hold.

use playbook_core::diagnostic::Diagnostics;
use playbook_core::files::Files;
use playbook_core::secret::Secrets;
use playbook_core::source::Span;

use super::line::model::{Line, Patch, Verb};
use super::manifest::{self, Held};
use super::target::Acting;

/// A line and what its files hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) line: Line,
    pub(super) held: Held,
}

impl Asked {
    /// Reads the files of a line; problems go to `found`.
    pub(super) fn read(
        line: Line,
        files: &dyn Files,
        secrets: &Secrets,
        span: Span,
        found: &mut Diagnostics,
    ) -> Option<Self> {
        let held = manifest::read(&line, files, secrets, span, found)?;
        Some(Self::with(line, held))
    }

    /// Whom it acts as.
    pub(super) fn acting(&self) -> Option<Acting> {
        let groups = self.line.as_groups.clone();
        self.line.as_user.clone().map(|user| Acting { user, groups })
    }

    /// The same with other values in the line.
    pub(super) fn with(mut line: Line, held: Held) -> Self {
        if let (Verb::Patch { patch, .. }, Some(read)) = (&mut line.verb, &held.patch) {
            *patch = Patch::Known(read.clone());
        }
        Self { line, held }
    }
}
