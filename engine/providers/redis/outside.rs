//! What a target may take from outside of the playbook.

use std::path::Path;

/// The environment and files, for passwords and certificates.
pub trait Outside: Send + Sync {
    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;

    /// The content of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    fn file(&self, path: &Path) -> std::io::Result<Vec<u8>>;
}

/// This process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisProcess;

impl Outside for ThisProcess {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}
