//! Which project of compose a line means: its name, its folder, its files. As compose itself finds them,
//! except that paths are relative to the playbook's folder.

use std::path::{Path, PathBuf};

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::Value;

use crate::docker::line::model::Compose;

/// Names of the file, in the order in which compose looks for them.
const FILES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// What is laid over the first of them if it is there.
const OVERRIDES: &[&str] =
    &["compose.override.yaml", "compose.override.yml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::docker) struct Project {
    /// What its containers are labelled with.
    pub(in crate::docker) name: String,
    /// Where its relative paths begin.
    pub(in crate::docker) folder: PathBuf,
    /// Its files; none if there are none here.
    pub(in crate::docker) files: Vec<PathBuf>,
    /// `--profile`, each.
    pub(in crate::docker) profiles: Vec<String>,
    /// `--env-file`, each.
    pub(in crate::docker) env_files: Vec<PathBuf>,
}

/// Finds the project that a line means. `base` is the playbook's folder.
///
/// # Errors
/// When nothing says what it is called.
pub(in crate::docker) fn find(
    line: &Compose,
    base: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Project, Fault> {
    let at = |path: &String| base.join(path);
    let mut files: Vec<PathBuf> = line.files.iter().map(at).collect();
    let mut folder = line.folder.as_ref().map(at);
    if files.is_empty() {
        let begin = folder.clone().unwrap_or_else(|| base.to_owned());
        if let Some((place, found)) = look(&begin, folder.is_none()) {
            folder.get_or_insert(place);
            files = found;
        }
    }
    let folder = match (folder, files.first().and_then(|file| file.parent())) {
        (Some(folder), _) => folder,
        (None, Some(parent)) => parent.to_owned(),
        (None, None) => base.to_owned(),
    };
    let env_files: Vec<PathBuf> = line.env_files.iter().map(at).collect();
    let said = |name: &str| environment(name).or_else(|| written(&folder, &env_files, name));
    let given = line.project.clone().or_else(|| said("COMPOSE_PROJECT_NAME")).filter(|name| !name.is_empty());
    let mut profiles = line.profiles.clone();
    if profiles.is_empty() {
        let all = said("COMPOSE_PROFILES").unwrap_or_default();
        profiles.extend(all.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned));
    }
    let name = match given {
        Some(name) => name,
        None if files.is_empty() => {
            let message = format!("there is no compose file in {}", folder.display());
            return Err(Fault::new(FaultKind::Invalid, Code::Arguments, message)
                .help("name it with -f (relative to the playbook), or the project with -p"));
        }
        None => {
            let stated = files.iter().rev().find_map(|file| stated(file));
            stated.or_else(|| of_folder(&folder)).ok_or_else(|| {
                Fault::new(FaultKind::Invalid, Code::Arguments, "nothing says what the project is called")
                    .help("name it with -p")
            })?
        }
    };
    Ok(Project { name, folder, files, profiles, env_files })
}

/// What `.env` of the folder says, or the files in its place, the last first.
fn written(folder: &Path, env_files: &[PathBuf], name: &str) -> Option<String> {
    let usual = [folder.join(".env")];
    let files = if env_files.is_empty() { &usual } else { env_files };
    files.iter().rev().find_map(|file| {
        let text = std::fs::read_to_string(file).ok()?;
        let line = |line: &str| {
            let line = line.trim();
            let (key, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
            (key.trim() == name).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
        };
        text.lines().filter_map(line).next_back()
    })
}

/// A compose file, as far as it can be read without compose. Its own tags only say how files are laid over
/// each other.
pub(in crate::docker) fn parsed(file: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(file).ok()?;
    serde_yaml::from_str(&text.replace("!reset", "").replace("!override", "")).ok()
}

/// The files of a folder, or of the nearest one above it that has any.
fn look(begin: &Path, upward: bool) -> Option<(PathBuf, Vec<PathBuf>)> {
    let mut folder = Some(begin);
    while let Some(place) = folder {
        let there = |names: &[&str]| names.iter().map(|name| place.join(name)).find(|file| file.is_file());
        if let Some(first) = there(FILES) {
            return Some((place.to_owned(), [first].into_iter().chain(there(OVERRIDES)).collect()));
        }
        folder = place.parent().filter(|_| upward);
    }
    None
}

/// `name:` of a file.
fn stated(file: &Path) -> Option<String> {
    let read = parsed(file)?;
    let name = read.get("name")?.as_str()?;
    // One with a variable in it is known to compose alone.
    (!name.contains('$') && !name.is_empty()).then(|| name.to_owned())
}

/// What compose calls a project after its folder.
fn of_folder(folder: &Path) -> Option<String> {
    let whole = std::path::absolute(folder).ok()?;
    let whole = whole.canonicalize().unwrap_or(whole);
    let name: String = whole.file_name()?.to_string_lossy().to_lowercase();
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
    let name = name.trim_start_matches(['_', '-']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::line::model::ComposeVerb;

    fn line() -> Compose {
        Compose {
            files: Vec::new(),
            project: None,
            folder: None,
            profiles: Vec::new(),
            env_files: Vec::new(),
            verb: ComposeVerb::Ps { services: Vec::new(), all: false },
        }
    }

    #[test]
    fn a_project_is_called_after_what_says_so_first() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("My Shop_1");
        let below = folder.join("playbooks");
        std::fs::create_dir_all(&below).unwrap();
        let none = |_: &str| None;
        assert!(find(&line(), &below, &none).is_err());
        std::fs::write(folder.join("docker-compose.yml"), "services: {}").unwrap();
        let found = find(&line(), &below, &none).unwrap();
        assert_eq!((found.name.as_str(), &found.folder), ("myshop_1", &folder));
        std::fs::write(folder.join("compose.yaml"), "name: shop\nservices: {a: {ports: !reset []}}").unwrap();
        std::fs::write(folder.join("compose.override.yaml"), "services: {}").unwrap();
        let found = find(&line(), &below, &none).unwrap();
        assert_eq!((found.name.as_str(), found.files.len()), ("shop", 2));
        let env = |name: &str| (name == "COMPOSE_PROJECT_NAME").then(|| "other".to_owned());
        assert_eq!(find(&line(), &below, &env).unwrap().name, "other");
        std::fs::write(folder.join(".env"), "A=b\nexport COMPOSE_PROJECT_NAME='dotted'\nCOMPOSE_PROFILES=a, b\n")
            .unwrap();
        let found = find(&line(), &below, &none).unwrap();
        assert_eq!((found.name.as_str(), found.profiles), ("dotted", vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(find(&line(), &below, &env).unwrap().name, "other");
        let named = Compose { project: Some("mine".into()), files: vec!["../docker-compose.yml".into()], ..line() };
        assert_eq!(find(&named, &below, &env).unwrap().name, "mine");
    }
}
