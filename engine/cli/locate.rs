//! Names → playbooks: a path, else `playbooks/NAME.yaml` upward from here, else `$PLAYBOOK_PATH`,
//! else the library that ships with the program.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use playbook_core::codes::Code;
use playbook_core::diagnostic::nearest;

use crate::app::App;
use crate::beside::Beside;
use crate::error::Failure;

/// The playbooks that ship with the program.
const LIBRARY: &[(&str, &str)] = &[
    ("redis-memory-limit", include_str!("../../playbooks/redis-memory-limit.yaml")),
    ("redis-oom", include_str!("../../playbooks/redis-oom.yaml")),
    ("redis-pod-crash", include_str!("../../playbooks/redis-pod-crash.yaml")),
];

/// A playbook that was found.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    /// What to call the file.
    pub name: String,
    /// The file; none for the library.
    pub path: Option<PathBuf>,
    /// Its text.
    pub text: String,
    /// The files that its steps name.
    pub beside: Arc<Beside>,
}

/// Finds one playbook.
pub(crate) fn one(app: &App, name: &str) -> Result<Located, Failure> {
    let looks_like_path = name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml");
    if looks_like_path {
        return read(Path::new(name));
    }
    for dir in dirs(app) {
        for ending in ["yaml", "yml"] {
            let path = dir.join(format!("{name}.{ending}"));
            if path.is_file() {
                return read(&path);
            }
        }
    }
    if let Some((name, text)) = LIBRARY.iter().find(|(known, _)| *known == name) {
        return Ok(Located {
            name: format!("library/{name}.yaml"),
            path: None,
            text: (*text).to_owned(),
            beside: Arc::default(),
        });
    }
    let known: Vec<String> = all(app).into_iter().map(|located| stem(&located.name)).collect();
    let near = nearest(name, known.iter().map(String::as_str));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`playbook list` shows those that are found; a path with a slash works as well".to_owned(),
    };
    Err(Failure::input(Code::PlaybookNotFound, format!("there is no playbook `{name}`"), help))
}

/// All playbooks that names can reach, each name once.
pub(crate) fn all(app: &App) -> Vec<Located> {
    let mut found: Vec<Located> = Vec::new();
    let mut add = |located: Located| {
        if !found.iter().any(|known| stem(&known.name) == stem(&located.name)) {
            found.push(located);
        }
    };
    for dir in dirs(app) {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(&dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
            if is_yaml && path.file_stem().is_some_and(|stem| stem != "targets") {
                read(&path).into_iter().for_each(&mut add);
            }
        }
    }
    for (name, text) in LIBRARY {
        add(Located {
            name: format!("library/{name}.yaml"),
            path: None,
            text: (*text).to_owned(),
            beside: Arc::default(),
        });
    }
    found
}

/// A file's name without directory and ending.
pub(crate) fn stem(name: &str) -> String {
    Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Directories in which names are looked up, nearest first.
fn dirs(app: &App) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    if let Ok(here) = std::env::current_dir() {
        for above in here.ancestors() {
            let dir = above.join("playbooks");
            if dir.is_dir() {
                dirs.push(relative(&dir, &here));
                break;
            }
        }
    }
    if let Some(path) = app.env.get("PLAYBOOK_PATH") {
        dirs.extend(std::env::split_paths(path).filter(|dir| !dir.as_os_str().is_empty()));
    }
    dirs
}

/// Shown as people would type it.
fn relative(dir: &Path, here: &Path) -> PathBuf {
    dir.strip_prefix(here).map_or_else(|_| dir.to_owned(), Path::to_owned)
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Located, Failure> {
    let text = std::fs::read(path).map_err(|error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "`playbook list` shows those that are found by name",
            _ => "the file must be readable for this user",
        };
        Failure::input(Code::PlaybookNotFound, format!("cannot read {}: {error}", path.display()), help)
    })?;
    let text = String::from_utf8(text).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        Failure::input(Code::Yaml, format!("{}:{line}: the file is not UTF-8", path.display()), "save it as UTF-8")
    })?;
    let beside = Arc::new(Beside::of(path));
    Ok(Located { name: path.display().to_string(), path: Some(path.to_owned()), text, beside })
}
