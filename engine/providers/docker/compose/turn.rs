//! Whose turn it is to change a project: compose goes on when the one who ran it is killed, and nobody
//! else is to begin before it has ended.
//!
//! A turn is a lock on a file that compose holds open as its input, so it lasts as long as compose does.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use playbook_core::action::Fault;
use playbook_core::ports::Cancel;
use sha2::{Digest as _, Sha256};

use super::project::Project;
use crate::docker::faults;

/// How often it is asked for.
const LOOK: Duration = Duration::from_millis(200);

/// Takes the turn at a project, as soon as it is free. `host` is where the engine is.
///
/// # Errors
/// When it is told to stop before that; when there is no room for the file.
pub(super) async fn take(project: &Project, host: &str, cancel: &dyn Cancel) -> Result<File, Fault> {
    loop {
        let file = open(&project.name, host).map_err(|why| {
            let path = path(&project.name, host);
            faults::internal(format!("{} cannot be opened: {why}", path.display()))
        })?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(why)) => return Err(faults::internal(format!("a lock: {why}"))),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = cancel.cancelled() => {
                let message = format!("a compose that was begun before is still at project {}", project.name);
                return Err(Fault { message, ..faults::cancelled(false) });
            }
        }
    }
}

/// Is compose still at a project?
pub(in crate::docker) fn is_taken(project: &str, host: &str) -> bool {
    let tried = open(project, host).map(|file| file.try_lock());
    matches!(tried, Ok(Err(TryLockError::WouldBlock)))
}

fn open(project: &str, host: &str) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path(project, host))
}

fn path(project: &str, host: &str) -> PathBuf {
    let own = Sha256::digest(format!("{host} {project}").as_bytes());
    let own: String = own.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    folder.join(format!("playbook-compose-{}-{own}", rustix::process::getuid().as_raw()))
}

#[cfg(test)]
mod tests {
    use playbook_core::ports::Never;

    use super::*;

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_the_program_that_has_it_as_its_input() {
        let project = Project {
            name: format!("turn-{}", std::process::id()),
            folder: ".".into(),
            files: Vec::new(),
            profiles: Vec::new(),
            env_files: Vec::new(),
        };
        let file = take(&project, "unix:///x", &Never).await.unwrap();
        let mut program = std::process::Command::new("sleep").arg("1000").stdin(file).spawn().unwrap();
        assert!(is_taken(&project.name, "unix:///x") && !is_taken(&project.name, "unix:///y"));
        program.kill().unwrap();
        program.wait().unwrap();
        assert!(!is_taken(&project.name, "unix:///x"));
        let _ = std::fs::remove_file(path(&project.name, "unix:///x"));
    }
}
