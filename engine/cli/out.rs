//! Standard output and error. A reader that goes away ends the writing, not the program; secrets
//! that are known by now are taken out.

use std::io::{IsTerminal as _, Write as _};

use playbook_core::secret::Secrets;

/// Where words go.
#[derive(Clone)]
pub(crate) struct Out {
    secrets: Secrets,
}

impl Out {
    /// Writes that pass through the secrets.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { secrets }
    }

    /// Without secrets, for whatever is cut or wrapped before it is written.
    pub(crate) fn clean<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        self.secrets.text(text)
    }

    /// To standard output, as it is.
    pub(crate) fn print(&self, text: &str) {
        let text = self.secrets.text(text);
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// A line to standard output.
    pub(crate) fn line(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// A line to standard error.
    pub(crate) fn error(&self, text: &str) {
        let text = self.secrets.text(text);
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(format!("{text}\n").as_bytes());
    }

    /// Is a person looking?
    pub(crate) fn is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }
}
