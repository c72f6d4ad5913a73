//! What one process knows of an engine from what it did there itself, for as long as it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// What this process did.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Containers that a rollback made again: the id before, and today's.
    remade: Mutex<BTreeMap<String, String>>,
    /// Containers that a rollback removed.
    removed: Mutex<BTreeSet<String>>,
    /// Containers that it started, by name.
    started: Mutex<BTreeSet<String>>,
    /// Programs whose end was seen, by their marks.
    ended: Mutex<BTreeSet<String>>,
}

impl Memory {
    /// A rollback made this container again.
    pub(super) fn remake(&self, before: &str, now: &str) {
        let mut remade = self.remade.lock().unwrap_or_else(PoisonError::into_inner);
        remade.insert(before.to_owned(), now.to_owned());
    }

    /// The id by which a container is known today.
    pub(super) fn now(&self, id: &str) -> String {
        let remade = self.remade.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = id;
        while let Some(next) = remade.get(id) {
            id = next;
        }
        id.to_owned()
    }

    /// A rollback removed this container.
    pub(super) fn remove(&self, id: &str) {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
    }

    /// Did one?
    pub(super) fn has_removed(&self, id: &str) -> bool {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// It started this container, or started it anew.
    pub(super) fn start(&self, name: &str) {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// Did it?
    pub(super) fn has_started(&self, name: &str) -> bool {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// A program came to its end.
    pub(super) fn end(&self, mark: &str) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(mark.to_owned());
    }

    /// Did it, and this process saw it?
    pub(super) fn has_ended(&self, mark: &str) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains(mark)
    }
}
