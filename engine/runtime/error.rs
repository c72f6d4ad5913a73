//! What can go wrong below the command line.

use std::path::PathBuf;

use playbook_core::action::Fault;
use playbook_core::codes::Code;

/// What can go wrong below the command line.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// A file of the state directory.
    #[error("{action} {path}: {source}", path = path.display())]
    File {
        /// What was tried: `cannot write`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// No run, or more than one, goes by this name.
    #[error("{0}")]
    RunNotFound(String),
    /// Another process runs it.
    #[error("run {0} is being carried out by another process")]
    Busy(String),
    /// The journal does not hold together.
    #[error("the journal of run {run} was changed: {why}")]
    Damaged {
        /// The run.
        run: String,
        /// Which line, and what is wrong with it.
        why: String,
    },
    /// A line of the journal cannot be read or written.
    #[error("the journal of run {run}, line {line}: {why}")]
    Line {
        /// The run.
        run: String,
        /// Which line.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A stored part is missing or damaged.
    #[error("the stored part {digest} {why}")]
    Blob {
        /// Its digest.
        digest: String,
        /// What is wrong with it.
        why: String,
    },
    /// A secret that a stored part needs is not known.
    #[error("the secret `{0}` is needed to read what was captured")]
    SecretNeeded(String),
    /// Someone else answers at a target than when it was changed.
    #[error("`{target}` ({address}) is not the one that the run changed: that was {before}, this is {now}")]
    OtherTarget {
        /// Its name.
        target: String,
        /// Where it is now.
        address: String,
        /// Who answered then.
        before: String,
        /// Who answers now.
        now: String,
    },
    /// A target that the run has changed lets nobody in any more.
    #[error("`{target}`: {}", fault.message)]
    NotLetIn {
        /// Its name.
        target: String,
        /// What it said.
        fault: Box<Fault>,
    },
    /// Another run holds the target.
    #[error("{0}")]
    Locked(String),
    /// A fault in playbook itself.
    #[error("{0}")]
    Internal(String),
}

impl RuntimeError {
    /// About a file.
    pub fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// Its page.
    pub fn code(&self) -> Code {
        match self {
            Self::File { .. } | Self::Blob { .. } => Code::State,
            Self::RunNotFound(_) => Code::RunNotFound,
            Self::Busy(_) | Self::Locked(_) => Code::Locked,
            Self::Damaged { .. } | Self::Line { .. } => Code::JournalDamaged,
            Self::SecretNeeded(_) => Code::SecretUnavailable,
            Self::OtherTarget { .. } => Code::WrongTarget,
            Self::NotLetIn { fault, .. } => fault.code,
            Self::Internal(_) => Code::Internal,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                "give this user write access, or set PLAYBOOK_STATE_DIR to a directory that it may write".into()
            }
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                "make room on that disk; nothing is changed without a record of it".into()
            }
            Self::File { .. } => "look at the disk, or set PLAYBOOK_STATE_DIR to another place".into(),
            Self::RunNotFound(_) => "`playbook runs` lists them; the last part of an id is enough".into(),
            Self::Busy(run) => format!("follow it with `playbook watch {run}`"),
            Self::Damaged { run, .. } | Self::Line { run, .. } => {
                format!("`playbook verify {run}` says where; nothing is done from a journal that was changed")
            }
            Self::Blob { .. } => "restore the state directory from where it was copied to".into(),
            Self::SecretNeeded(name) => format!("give the secret again, from where the input `{name}` takes it"),
            Self::NotLetIn { fault, .. } => format!("{}; the run is as it was, and can be resumed then", fault.help),
            Self::OtherTarget { target, .. } => format!(
                "point it at the server that was changed; if this is the same one, restarted, add --accept-target {target}"
            ),
            Self::Locked(_) => "`playbook runs` shows who; resume or roll back that run, or `playbook unlock`".into(),
            Self::Internal(_) => "this is a fault in playbook; the journal has everything up to here".into(),
        }
    }
}
