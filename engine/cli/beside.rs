//! The files that the steps of a playbook name, read from the playbook's folder.
//!
//! A run keeps a copy of each, and goes on with what they were when it began.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use playbook_core::event::FileKept;
use playbook_core::files::{Attached, Files};
use playbook_core::model::Digest;
use playbook_runtime::{open, seal};

use crate::app::App;
use crate::error::Failure;

/// Bytes that one file may have.
const LARGEST: u64 = 16 << 20;
/// Files that a folder may have.
const MOST: usize = 1000;

/// What stands beside a playbook.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// None for the library.
    dir: Option<PathBuf>,
    /// The same, whole.
    folder: Option<String>,
    /// As an earlier run began with them; these count, not what is there now.
    kept: Option<BTreeMap<String, String>>,
    /// What was read.
    seen: Mutex<BTreeMap<String, String>>,
}

impl Beside {
    /// Of a playbook.
    pub(crate) fn of(playbook: &Path) -> Self {
        let dir = playbook.parent().unwrap_or(Path::new("")).to_owned();
        let whole = std::path::absolute(if dir.as_os_str().is_empty() { Path::new(".") } else { &dir });
        let folder = whole.ok().and_then(|whole| whole.into_os_string().into_string().ok());
        Self { dir: Some(dir), folder, ..Self::default() }
    }

    /// Of a run that began earlier.
    pub(crate) fn as_started(app: &App, playbook: &Path, files: &[FileKept]) -> Result<Self, Failure> {
        let mut all = Self::of(playbook);
        let mut kept = BTreeMap::new();
        for file in files {
            // The file itself, if it is the same: secrets in it are not in the copy.
            let same = all.dir.as_ref().and_then(|dir| std::fs::read_to_string(dir.join(&file.path)).ok());
            let text = match same.filter(|text| Digest::of(text.as_bytes()) == file.source) {
                Some(text) => text,
                None => {
                    let stored = app.store().get(&file.blob)?;
                    String::from_utf8_lossy(&open(&app.secrets, stored)?).into_owned()
                }
            };
            kept.insert(file.path.clone(), text);
        }
        all.kept = Some(kept);
        Ok(all)
    }

    /// Stores what was read.
    pub(crate) fn keep(&self, app: &App) -> Result<Vec<FileKept>, Failure> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let keep = |(path, text): (&String, &String)| {
            let blob = app.store().put(&seal(&app.secrets, text.clone().into_bytes()))?;
            Ok(FileKept { path: path.clone(), source: Digest::of(text.as_bytes()), blob })
        };
        seen.iter().map(keep).collect()
    }

    fn find(&self, path: &str, recursive: bool) -> Result<Vec<Attached>, String> {
        if let Some(kept) = &self.kept {
            let folder = Path::new(path);
            let fits = |name: &Path| {
                name == folder || (name.starts_with(folder) && (recursive || name.parent() == Some(folder)))
            };
            let found = kept.iter().filter(|(name, _)| fits(Path::new(name)));
            return Ok(found.map(|(path, text)| Attached { path: path.clone(), text: text.clone() }).collect());
        }
        let dir = self.dir.as_ref().ok_or("this playbook is of the library, and has no folder")?;
        let mut names = Vec::new();
        if dir.join(path).is_dir() {
            walk(dir, Path::new(path), recursive, &mut names)?;
            if names.is_empty() {
                return Err("no .yaml, .yml or .json in this folder".to_owned());
            }
        } else {
            names.push(PathBuf::from(path));
        }
        let read = |name: PathBuf| {
            let whole = dir.join(&name);
            let size = std::fs::metadata(&whole).map_err(|error| missing(&error))?.len();
            if size > LARGEST {
                return Err(format!("larger than {} MiB", LARGEST >> 20));
            }
            let text = std::fs::read_to_string(&whole).map_err(|error| missing(&error))?;
            Ok(Attached { path: name.display().to_string(), text })
        };
        names.into_iter().map(read).collect()
    }
}

fn missing(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file beside the playbook".to_owned(),
        _ => error.to_string(),
    }
}

/// The files of a folder, in the order of their names.
fn walk(dir: &Path, folder: &Path, recursive: bool, names: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = std::fs::read_dir(dir.join(folder)).map_err(|error| error.to_string())?;
    let mut here: Vec<_> = entries.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    here.sort_by_key(std::fs::DirEntry::file_name);
    for entry in here {
        let name = folder.join(entry.file_name());
        let kind = std::fs::metadata(entry.path()).map_err(|error| error.to_string())?;
        let fits = name.extension().is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known));
        if kind.is_dir() && recursive && !entry.path().is_symlink() {
            walk(dir, &name, recursive, names)?;
        } else if kind.is_file() && fits {
            names.push(name);
        }
        if names.len() > MOST {
            return Err(format!("more than {MOST} files"));
        }
    }
    Ok(())
}

impl Files for Beside {
    fn read(&self, path: &str, recursive: bool) -> Result<Vec<Attached>, String> {
        let found = self.find(path, recursive)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(found.iter().map(|file| (file.path.clone(), file.text.clone())));
        Ok(found)
    }

    fn folder(&self) -> Option<&str> {
        self.folder.as_deref()
    }
}
