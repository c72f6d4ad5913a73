//! The dockerd of an engine that was started here: ended, started again, without room on its disk.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use rustix::process::{Pid, Signal, kill_process};

use super::engine::{Engine, PATIENCE};
use super::namespaces::Parts;
use crate::installed::on_path;
use crate::keeper::{Running, until};

/// Of an engine that was started here.
pub(super) struct Own {
    pub(super) parts: Parts,
    /// The first process in the namespaces.
    pub(super) first: Running,
    pub(super) flags: Vec<String>,
    /// What nsenter was asked to run, once for each time it was started.
    pub(super) daemons: Mutex<Vec<Running>>,
}

/// Of engines of a test's own.
impl Engine {
    /// Starts dockerd, and waits until it answers.
    #[track_caller]
    pub(super) fn start(&self) {
        let own = self.mine();
        let count = own.running().len();
        let daemon = self.spawn(&format!("dockerd-{count}"), &own.parts.dockerd, &own.flags);
        own.running().push(daemon.clone());
        let answers = || self.try_docker(&["version"]).is_ok().then_some(true);
        let ended = || (!daemon.is_alive()).then_some(false);
        let ready = until(PATIENCE, || answers().or_else(ended)) == Some(true);
        assert!(ready, "dockerd does not start: {}", daemon.last_words());
    }

    /// Ends dockerd as a machine does that is shut down: containers are stopped.
    #[track_caller]
    pub(super) fn stop(&self) {
        self.end(Signal::TERM);
    }

    /// Ends dockerd at once; its containers run on.
    #[track_caller]
    pub(super) fn kill(&self) {
        self.end(Signal::KILL);
    }

    /// Stops dockerd and starts it again.
    #[track_caller]
    pub(super) fn restart(&self) {
        self.stop();
        self.start();
    }

    #[track_caller]
    fn end(&self, signal: Signal) {
        let daemon = self.mine().running().last().unwrap().clone();
        let pid = child_of(daemon.pid).expect("dockerd runs");
        kill_process(pid, signal).unwrap();
        assert!(until(PATIENCE, || (!daemon.is_alive()).then_some(())).is_some(), "dockerd does not end");
    }

    /// Fills the disk of an engine that has a small one, to its last byte.
    pub(super) fn fill(&self) {
        let mut file = std::fs::File::create(self.filler()).unwrap();
        for size in [1 << 20, 4 << 10] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub(super) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    /// Seen through a process of there: the disk is mounted only in its namespace.
    fn filler(&self) -> PathBuf {
        let data = self.dir().join("data/filler");
        PathBuf::from(format!("/proc/{}/root{}", self.mine().first.pid, data.display()))
    }

    fn mine(&self) -> &Own {
        self.own.as_ref().expect("an engine that was started here")
    }

    /// The end of what dockerd printed.
    pub(super) fn last_words(&self) -> String {
        let daemon = self.own.as_ref().and_then(|own| own.running().last().cloned());
        daemon.map_or(String::new(), |daemon| format!("\ndockerd said: {}", daemon.last_words()))
    }
}

impl Own {
    /// Words before a program that is to run in the network of the engine.
    pub(super) fn network(&self) -> Vec<OsString> {
        let nsenter = on_path("nsenter").expect("nsenter is here, or there were no namespaces");
        [nsenter.into(), format!("--net=/proc/{}/ns/net", self.first.pid).into(), "--".into()].into()
    }

    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        self.daemons.lock().unwrap()
    }
}

/// The process that another one started, which waits for it.
fn child_of(pid: u32) -> Option<Pid> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
}
