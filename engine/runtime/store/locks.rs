//! One changing run per target at a time. A lock is a file named by the digest of the identity; it
//! outlives its process, because what it guards does.

use std::fs;
use std::path::{Path, PathBuf};

use playbook_core::model::{Digest, RunId};

use super::Lock;
use super::local::{make_dir, put_file};
use crate::error::RuntimeError;

fn path(root: &Path, identity: &str) -> PathBuf {
    root.join("locks").join(format!("{}.json", Digest::of(identity.as_bytes()).short()))
}

fn read(path: &Path) -> Option<Lock> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

pub(super) fn take(root: &Path, lock: &Lock) -> Result<(), RuntimeError> {
    let path = path(root, &lock.identity);
    make_dir(&root.join("locks"))?;
    let text = serde_json::to_vec(lock).map_err(|error| RuntimeError::Internal(error.to_string()))?;
    let draft = path.with_extension(format!("{}.draft", lock.run));
    put_file(&draft, &text)?;
    // A hard link comes into being whole, and only if the name is free.
    let taken = fs::hard_link(&draft, &path);
    let _ = fs::remove_file(&draft);
    match taken {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => match read(&path) {
            Some(holder) if holder.run == lock.run => Ok(()),
            Some(holder) => Err(RuntimeError::Locked(format!(
                "`{}` is held by run {} ({}, started by {}) since {}",
                lock.target, holder.run, holder.playbook, holder.user, holder.since
            ))),
            None => Err(RuntimeError::Locked(format!("`{}` is held, and the lock cannot be read", lock.target))),
        },
        Err(source) => Err(RuntimeError::File { action: "cannot write", path, source }),
    }
}

pub(super) fn all(root: &Path) -> Vec<Lock> {
    let Ok(entries) = fs::read_dir(root.join("locks")) else { return Vec::new() };
    let mut locks: Vec<Lock> = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "json"))
        .filter_map(|entry| read(&entry.path()))
        .collect();
    locks.sort_by(|a, b| a.since.cmp(&b.since));
    locks
}

pub(super) fn release(root: &Path, run: &RunId) -> Result<(), RuntimeError> {
    all(root).into_iter().filter(|lock| lock.run == *run).try_for_each(|lock| remove(root, &lock.identity))
}

pub(super) fn remove(root: &Path, identity: &str) -> Result<(), RuntimeError> {
    let path = path(root, identity);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RuntimeError::File { action: "cannot remove", path, source: error })
        }
        _ => Ok(()),
    }
}
