//! The programs of a testbed, and what happens to a test when they are not there.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// The folder with kube-apiserver, etcd and perhaps the rest.
#[derive(Clone, Debug)]
pub(super) struct Assets {
    pub(super) dir: PathBuf,
    /// The minor version of kube-apiserver: 20 of 1.20.2.
    pub(super) minor: u32,
}

impl Assets {
    /// KUBEBUILDER_ASSETS when it is set, else what `scripts/need-kubernetes` left in the user's cache.
    pub(super) fn find() -> Result<Self, String> {
        let how = "scripts/need-kubernetes gets them (about ten minutes, once), or set KUBEBUILDER_ASSETS";
        let dir = match std::env::var_os("KUBEBUILDER_ASSETS") {
            Some(dir) => PathBuf::from(dir),
            None => cached("kubernetes").ok_or_else(|| format!("no kube-apiserver and etcd here: {how}"))?,
        };
        let server = dir.join("kube-apiserver");
        let said = Command::new(&server)
            .arg("--version")
            .output()
            .map_err(|error| format!("{} does not start ({error}): {how}", server.display()))?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let minor = said.trim().split('.').nth(1).and_then(|minor| minor.parse().ok());
        Ok(Self { minor: minor.ok_or_else(|| format!("kube-apiserver --version says {said:?}"))?, dir })
    }

    /// A program of the folder, if it is there.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        Some(self.dir.join(name)).filter(|path| path.exists())
    }
}

/// The folder of a script in the user's cache, if it is complete.
pub(super) fn cached(name: &str) -> Option<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => Path::new(&std::env::var_os("HOME")?).join(".cache"),
    };
    let mut made: Vec<PathBuf> = std::fs::read_dir(cache.join("playbook").join(name))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("complete").exists())
        .collect();
    made.sort();
    made.pop()
}

/// None, and a notice past the capture of the test harness; fails where `required` is set to 1.
pub(super) fn skip<T>(why: &str, required: &str, told: &Once) -> Option<T> {
    assert!(std::env::var(required).as_deref() != Ok("1"), "{why} ({required}=1 forbids skipping)");
    told.call_once(|| {
        let _ = writeln!(std::io::stderr(), "\nskipped: {why}");
    });
    None
}
