//! A directory on this machine: `runs/ID.jsonl`, `heads/ID.head`, `blobs/sha256/ab/…`, `locks/`.
//! Directories are 0700, files 0600.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use notify::Watcher as _;
use playbook_core::event::Record;
use playbook_core::journal::{self, Head};
use playbook_core::model::{Digest, RunId};

use super::{Lock, RunLine, Store, Writer, blobs, locks};
use crate::error::RuntimeError;

/// A directory on this machine.
pub struct Local {
    root: PathBuf,
}

impl Local {
    /// `$PLAYBOOK_STATE_DIR`, else `$XDG_STATE_HOME/playbook`, else `~/.local/state/playbook`.
    pub fn root(env: impl Fn(&str) -> Option<String>) -> PathBuf {
        let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set("PLAYBOOK_STATE_DIR")
            .or_else(|| set("XDG_STATE_HOME").map(|dir| dir.join("playbook")))
            .or_else(|| set("HOME").map(|home| home.join(".local/state/playbook")))
            .unwrap_or_else(|| PathBuf::from(".playbook-state"))
    }

    /// Uses a directory; it is made when something is first written.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.root
    }

    fn journal(&self, run: &RunId) -> PathBuf {
        self.root.join("runs").join(format!("{run}.jsonl"))
    }

    fn inbox(&self, run: &RunId) -> PathBuf {
        self.root.join("runs").join(format!("{run}.inbox.jsonl"))
    }
}

/// Makes a directory and those above it, for this user alone.
pub(super) fn make_dir(path: &Path) -> Result<(), RuntimeError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(RuntimeError::file("cannot make", path))
}

/// Puts a file in place whole or not at all, and on disk.
pub(super) fn put_file(path: &Path, bytes: &[u8]) -> Result<(), RuntimeError> {
    let dir = path.parent().unwrap_or(path);
    make_dir(dir)?;
    static DRAFTS: AtomicU64 = AtomicU64::new(0);
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let draft = path.with_extension(format!("tmp{}-{number}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(RuntimeError::file("cannot write", &draft))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&draft, path));
    if let Err(source) = written {
        // A full disk is not made fuller by what could not be written.
        let _ = fs::remove_file(&draft);
        return Err(RuntimeError::File { action: "cannot write", path: path.to_owned(), source });
    }
    sync_dir(dir)
}

/// A new name in a directory is on disk only when the directory is.
pub(super) fn sync_dir(dir: &Path) -> Result<(), RuntimeError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(RuntimeError::file("cannot write", dir))
}

struct LocalWriter {
    file: File,
    path: PathBuf,
}

impl Writer for LocalWriter {
    fn append(&mut self, line: &str) -> Result<(), RuntimeError> {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        let Err(source) = self.file.write_all(&bytes) else { return Ok(()) };
        // A journal without its first line tells of a run that never was.
        let begun = fs::read(&self.path).is_ok_and(|bytes| bytes.contains(&b'\n'));
        if !begun {
            let _ = fs::remove_file(&self.path);
        }
        Err(RuntimeError::File { action: "cannot write", path: self.path.clone(), source })
    }

    fn sync(&mut self) -> Result<(), RuntimeError> {
        self.file.sync_data().map_err(RuntimeError::file("cannot write", &self.path))
    }
}

impl Store for Local {
    fn create(&self, run: &RunId) -> Result<Box<dyn Writer>, RuntimeError> {
        let path = self.journal(run);
        let dir = self.root.join("runs");
        make_dir(&dir)?;
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(RuntimeError::file("cannot create", &path))?;
        file.lock().map_err(RuntimeError::file("cannot lock", &path))?;
        sync_dir(&dir)?;
        Ok(Box::new(LocalWriter { file, path }))
    }

    fn reopen(&self, run: &RunId) -> Result<(Box<dyn Writer>, Vec<u8>), RuntimeError> {
        let path = self.journal(run);
        let mut file =
            OpenOptions::new().read(true).append(true).open(&path).map_err(RuntimeError::file("cannot open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(RuntimeError::Busy(run.to_string())),
            Err(fs::TryLockError::Error(source)) => {
                return Err(RuntimeError::File { action: "cannot lock", path, source });
            }
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(RuntimeError::file("cannot read", &path))?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let torn = bytes.split_off(whole);
        if !torn.is_empty() {
            // Kept beside the journal: set aside, not thrown away.
            put_file(&path.with_extension("torn"), &torn)?;
            file.set_len(whole as u64).map_err(RuntimeError::file("cannot write", &path))?;
            file.seek(SeekFrom::End(0)).map_err(RuntimeError::file("cannot write", &path))?;
            file.sync_all().map_err(RuntimeError::file("cannot write", &path))?;
        }
        Ok((Box::new(LocalWriter { file, path }), torn))
    }

    fn read(&self, run: &RunId) -> Result<Vec<u8>, RuntimeError> {
        let path = self.journal(run);
        fs::read(&path).map_err(RuntimeError::file("cannot read", path))
    }

    fn is_alive(&self, run: &RunId) -> bool {
        let Ok(file) = File::open(self.journal(run)) else { return false };
        match file.try_lock_shared() {
            Ok(()) => false,
            Err(fs::TryLockError::WouldBlock) => true,
            Err(fs::TryLockError::Error(_)) => false,
        }
    }

    fn list(&self) -> Result<Vec<RunLine>, RuntimeError> {
        let mut ids = self.ids()?;
        ids.sort();
        ids.reverse();
        Ok(ids
            .into_iter()
            .map(|id| {
                let (first, last) = ends(&self.journal(&id));
                RunLine { alive: self.is_alive(&id), id, first, last }
            })
            .collect())
    }

    fn find(&self, name: &str) -> Result<RunId, RuntimeError> {
        let mut ids = self.ids()?;
        ids.sort();
        if name == "last" || name == "latest" {
            return ids.pop().ok_or_else(|| RuntimeError::RunNotFound("there are no runs yet".into()));
        }
        let name = name.strip_suffix(".jsonl").unwrap_or(name);
        if let Some(exact) = ids.iter().find(|id| id.as_str() == name) {
            return Ok(exact.clone());
        }
        let fitting: Vec<&RunId> =
            ids.iter().filter(|id| id.as_str().starts_with(name) || id.as_str().ends_with(name)).collect();
        match fitting.as_slice() {
            [only] => Ok((*only).clone()),
            [] => Err(RuntimeError::RunNotFound(format!("no run goes by `{name}`"))),
            several => {
                let list: Vec<&str> = several.iter().rev().take(5).map(|id| id.as_str()).collect();
                Err(RuntimeError::RunNotFound(format!("{} runs go by `{name}`: {}", several.len(), list.join(", "))))
            }
        }
    }

    fn put(&self, bytes: &[u8]) -> Result<Digest, RuntimeError> {
        blobs::put(&self.root, bytes)
    }

    fn get(&self, digest: &Digest) -> Result<Vec<u8>, RuntimeError> {
        blobs::get(&self.root, digest)
    }

    fn put_head(&self, head: &Head) -> Result<(), RuntimeError> {
        put_file(&self.root.join("heads").join(format!("{}.head", head.run)), head.to_string().as_bytes())
    }

    fn head(&self, run: &RunId) -> Option<Head> {
        fs::read_to_string(self.root.join("heads").join(format!("{run}.head"))).ok()?.parse().ok()
    }

    fn lock(&self, lock: &Lock) -> Result<(), RuntimeError> {
        locks::take(&self.root, lock)
    }

    fn unlock_all(&self, run: &RunId) -> Result<(), RuntimeError> {
        locks::release(&self.root, run)
    }

    fn locks(&self) -> Vec<Lock> {
        locks::all(&self.root)
    }

    fn break_lock(&self, identity: &str) -> Result<(), RuntimeError> {
        locks::remove(&self.root, identity)
    }

    fn post(&self, run: &RunId, message: &str) -> Result<(), RuntimeError> {
        let path = self.inbox(run);
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(RuntimeError::file("cannot write", &path))?;
        file.lock().map_err(RuntimeError::file("cannot lock", &path))?;
        file.write_all(format!("{message}\n").as_bytes()).map_err(RuntimeError::file("cannot write", &path))?;
        file.sync_data().map_err(RuntimeError::file("cannot write", &path))
    }

    fn messages(&self, run: &RunId, skip: usize) -> Vec<String> {
        let text = fs::read_to_string(self.inbox(run)).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |at| &text[..at]);
        whole.lines().skip(skip).map(str::to_owned).collect()
    }

    fn follow(&self, run: &RunId, changed: Box<dyn Fn() + Send + Sync>) -> Box<dyn Send> {
        let prefix = format!("{run}.");
        let dir = self.root.join("runs");
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own reading is an event as well.
            let ours = event.is_ok_and(|event| {
                !event.kind.is_access()
                    && event
                        .paths
                        .iter()
                        .any(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)))
            });
            if ours {
                changed();
            }
        });
        match watcher.and_then(|mut watcher| watcher.watch(&dir, notify::RecursiveMode::NonRecursive).map(|()| watcher))
        {
            Ok(watcher) => Box::new(watcher),
            Err(_) => Box::new(()),
        }
    }

    fn place(&self, run: &RunId) -> String {
        self.journal(run).display().to_string()
    }
}

impl Local {
    fn ids(&self) -> Result<Vec<RunId>, RuntimeError> {
        let dir = self.root.join("runs");
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(RuntimeError::File { action: "cannot read", path: dir, source }),
        };
        Ok(entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                    return None;
                }
                let stem = name.strip_suffix(".jsonl").filter(|stem| !stem.ends_with(".inbox"))?;
                stem.parse().ok()
            })
            .collect())
    }
}

/// The first and the last whole line of a journal.
fn ends(path: &Path) -> (Option<Record>, Option<Record>) {
    const TAIL: u64 = 256 * 1024;
    let read = || -> std::io::Result<(String, String)> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut head = vec![0; size.min(TAIL) as usize];
        file.read_exact(&mut head)?;
        file.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok((String::from_utf8_lossy(&head).into_owned(), String::from_utf8_lossy(&tail).into_owned()))
    };
    let Ok((head, tail)) = read() else { return (None, None) };
    let first = head.split_once('\n').and_then(|(line, _)| journal::read(line).ok());
    let whole = tail.rfind('\n').map_or("", |at| &tail[..at]);
    let last = whole.lines().next_back().and_then(|line| journal::read(line).ok());
    (first, last)
}
