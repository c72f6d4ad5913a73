//! Where runs are kept. Behind a trait, so that a shared store can stand in for the local
//! directory without the engine knowing.

mod blobs;
mod local;
mod locks;

use playbook_core::event::Record;
use playbook_core::journal::Head;
use playbook_core::model::{Digest, RunId};
use serde::{Deserialize, Serialize};

use crate::error::RuntimeError;

pub use local::Local;

/// The lines of one journal, open for writing. Only one at a time.
pub trait Writer: Send {
    /// Appends one line; it is in the file, not necessarily on disk, when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    fn append(&mut self, line: &str) -> Result<(), RuntimeError>;

    /// Everything that was appended is on disk when this returns.
    ///
    /// # Errors
    /// When the disk says no.
    fn sync(&mut self) -> Result<(), RuntimeError>;
}

/// A run as a list shows it, without reading all of it.
#[derive(Clone, Debug)]
pub struct RunLine {
    /// Its id.
    pub id: RunId,
    /// How it began.
    pub first: Option<Record>,
    /// The latest event.
    pub last: Option<Record>,
    /// Is a process at it?
    pub alive: bool,
}

/// Who holds a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The identity that is held.
    pub identity: String,
    /// The target's name in the playbook.
    pub target: String,
    /// The run that holds it.
    pub run: RunId,
    /// The playbook of that run.
    pub playbook: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// By whom.
    pub user: String,
}

/// Where runs are kept.
pub trait Store: Send + Sync {
    /// Opens the journal of a new run.
    ///
    /// # Errors
    /// When it exists already or cannot be written.
    fn create(&self, run: &RunId) -> Result<Box<dyn Writer>, RuntimeError>;

    /// Opens the journal of a run to go on with it. A torn last line is cut off and given back.
    ///
    /// # Errors
    /// [`RuntimeError::Busy`] when another process has it open.
    fn reopen(&self, run: &RunId) -> Result<(Box<dyn Writer>, Vec<u8>), RuntimeError>;

    /// The bytes of a journal as they stand.
    ///
    /// # Errors
    /// When there is none.
    fn read(&self, run: &RunId) -> Result<Vec<u8>, RuntimeError>;

    /// Is a process at it?
    fn is_alive(&self, run: &RunId) -> bool;

    /// All runs, latest first.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn list(&self) -> Result<Vec<RunLine>, RuntimeError>;

    /// Finds a run by its id, the beginning or the end of it, or `last`.
    ///
    /// # Errors
    /// When none, or more than one, fits.
    fn find(&self, name: &str) -> Result<RunId, RuntimeError>;

    /// Keeps bytes under their digest. Durable when this returns.
    ///
    /// # Errors
    /// When they cannot be written.
    fn put(&self, bytes: &[u8]) -> Result<Digest, RuntimeError>;

    /// The bytes under a digest.
    ///
    /// # Errors
    /// When they are missing or damaged.
    fn get(&self, digest: &Digest) -> Result<Vec<u8>, RuntimeError>;

    /// Keeps the head of a journal.
    ///
    /// # Errors
    /// When it cannot be written.
    fn put_head(&self, head: &Head) -> Result<(), RuntimeError>;

    /// The head that was kept, if one was.
    fn head(&self, run: &RunId) -> Option<Head>;

    /// Takes a target for a run; taking it again for the same run is fine.
    ///
    /// # Errors
    /// [`RuntimeError::Locked`] with who has it.
    fn lock(&self, lock: &Lock) -> Result<(), RuntimeError>;

    /// Gives back what a run holds.
    ///
    /// # Errors
    /// When a lock cannot be removed.
    fn unlock_all(&self, run: &RunId) -> Result<(), RuntimeError>;

    /// All locks.
    fn locks(&self) -> Vec<Lock>;

    /// Takes a lock away from its run.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn break_lock(&self, identity: &str) -> Result<(), RuntimeError>;

    /// Leaves a message for the process that carries out a run.
    ///
    /// # Errors
    /// When it cannot be written.
    fn post(&self, run: &RunId, message: &str) -> Result<(), RuntimeError>;

    /// The messages after the first `skip`.
    fn messages(&self, run: &RunId, skip: usize) -> Vec<String>;

    /// Calls `changed` whenever the journal or the messages of a run may have changed, until the
    /// guard is dropped.
    fn follow(&self, run: &RunId, changed: Box<dyn Fn() + Send + Sync>) -> Box<dyn Send>;

    /// Where a person can look for the journal.
    fn place(&self, run: &RunId) -> String;
}
