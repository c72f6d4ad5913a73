//! Lets tests end the process at a chosen event boundary, as a power cut would. Only in debug
//! builds: `PLAYBOOK_FAILPOINT=before:7`, `after:7` or `synced:7` for the seventh event.

/// A place at which the process can be made to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Before an event is written.
    Before,
    /// After it is written.
    After,
    /// After it is on disk.
    Synced,
}

/// Ends the process with SIGKILL if this is the place.
pub(crate) fn reach(point: Point, seq: u64) {
    #[cfg(debug_assertions)]
    {
        let Ok(wanted) = std::env::var("PLAYBOOK_FAILPOINT") else { return };
        let here = match point {
            Point::Before => "before",
            Point::After => "after",
            Point::Synced => "synced",
        };
        if wanted == format!("{here}:{seq}") {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
    #[cfg(not(debug_assertions))]
    let _ = (point, seq);
}
