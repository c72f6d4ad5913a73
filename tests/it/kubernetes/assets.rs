//! The programs of a Kubernetes testbed.

use std::path::PathBuf;
use std::process::Command;

use crate::installed::cached;

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
