//! Files that a playbook names: manifests, patches. They are read once, when the playbook is checked,
//! and a run carries out what they were then.

/// Reads files for a playbook.
pub trait Files: Send + Sync {
    /// One file, or those of a folder that hold objects (`.yaml`, `.yml`, `.json`), by name.
    ///
    /// `path` is relative to the playbook's folder; `recursive` goes into folders of folders.
    ///
    /// # Errors
    /// In words that follow "PATH: ".
    fn read(&self, path: &str, recursive: bool) -> Result<Vec<Attached>, String>;

    /// The playbook's folder, whole: what stays where it is, such as a folder that a container mounts, is
    /// relative to it. A playbook of the library has none.
    fn folder(&self) -> Option<&str> {
        None
    }
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its path, relative to the playbook's folder.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// For playbooks that stand alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str, _: bool) -> Result<Vec<Attached>, String> {
        Err("there are no files here".to_owned())
    }
}
