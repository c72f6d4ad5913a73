//! Everything that can end a command: words, help and exit code.

use playbook_core::codes::Code;
use playbook_core::diagnostic::Diagnostics;
use playbook_core::source::Sources;
use playbook_runtime::RuntimeError;

/// Why a command ended.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A file is wrong, with places.
    Source(Sources, Diagnostics),
    /// Anything else.
    Plain {
        /// Its page.
        code: Code,
        /// What happened.
        message: String,
        /// What to do.
        help: String,
        /// The exit code.
        exit: u8,
    },
}

impl Failure {
    /// The input is wrong.
    pub(crate) fn input(code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Plain { code, message: message.into(), help: help.into(), exit: 2 }
    }

    /// It was tried and failed.
    pub(crate) fn failed(code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Plain { code, message: message.into(), help: help.into(), exit: 1 }
    }

    /// A person stopped it.
    pub(crate) fn cancelled() -> Self {
        let (message, help) = ("told to stop".into(), "what it had started is cleared away; start it again".into());
        Self::Plain { code: Code::Drill, message, help, exit: 130 }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Source(..) => 2,
            Self::Plain { exit, .. } => *exit,
        }
    }
}

impl From<RuntimeError> for Failure {
    fn from(error: RuntimeError) -> Self {
        let exit = match &error {
            RuntimeError::RunNotFound(_) => 2,
            RuntimeError::Busy(_)
            | RuntimeError::Locked(_)
            | RuntimeError::OtherTarget { .. }
            | RuntimeError::NotLetIn { .. } => 6,
            RuntimeError::Damaged { .. } | RuntimeError::Line { .. } => 20,
            RuntimeError::File { .. }
            | RuntimeError::Blob { .. }
            | RuntimeError::SecretNeeded(_)
            | RuntimeError::Internal(_) => 1,
        };
        Self::Plain { code: error.code(), message: error.to_string(), help: error.help(), exit }
    }
}
