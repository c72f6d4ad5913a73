//! What the scripts that make testbeds left here, and what happens to a test when it is not there.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// The folder of a script in the user's cache, if it is complete.
pub(crate) fn cached(name: &str) -> Option<PathBuf> {
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
pub(crate) fn skip<T>(why: &str, required: &str, told: &Once) -> Option<T> {
    assert!(std::env::var(required).as_deref() != Ok("1"), "{why} ({required}=1 forbids skipping)");
    told.call_once(|| {
        let _ = writeln!(std::io::stderr(), "\nskipped: {why}");
    });
    None
}

/// A program, of those of administrators as well.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|dir| dir.join(name)).find(|path| path.exists())
}
