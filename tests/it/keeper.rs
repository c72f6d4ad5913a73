//! Keeps the processes of a testbed: none outlives the tests, however they end.
//!
//! A shell is fed its commands through a pipe. When the pipe closes, because the owner is dropped or
//! the tests were killed, the shell kills what it started and removes the folder. When the shell is
//! killed itself, the kernel kills its children. (A parent-death signal on children of ours would not
//! do: it comes when the *thread* that started them ends, which is a test's.)

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// For `at_end`: removes the cgroups that bear the name of the folder, as soon as nothing is in them.
pub(crate) const REMOVE_CGROUPS: &str = "  try=0
  while [ $try -lt 300 ]; do
    found=$(find /sys/fs/cgroup -depth -type d -path \"/sys/fs/cgroup*/${dir##*/}*\" 2>/dev/null)
    [ -n \"$found\" ] || break
    echo \"$found\" | while read -r one; do rmdir \"$one\" 2>/dev/null; done
    try=$((try + 1))
    sleep 0.05
  done";

/// A folder and the processes that work in it.
pub(crate) struct Keeper {
    dir: PathBuf,
    shell: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Words before each command, such as those that enter a namespace.
    pub(crate) before: Vec<String>,
}

impl Keeper {
    /// `kind` begins the name of the folder; `at_end` is shell code for when all processes are gone, in
    /// which `$dir` is the folder.
    pub(crate) fn new(kind: &str, at_end: &str) -> Self {
        let dir = tempfile::Builder::new().prefix(&format!("playbook-{kind}-")).tempdir().unwrap().keep();
        let mut shell = Command::new("sh")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut commands = shell.stdin.take().unwrap();
        let answers = BufReader::new(shell.stdout.take().unwrap());
        writeln!(
            commands,
            "dir={dir}\npids=\nend() {{\n  trap '' TERM INT HUP\n  kill -9 $pids\n  wait\n{at_end}\n  rm -rf \"$dir\"\n}}\n\
             trap end EXIT\ntrap 'exit 1' TERM INT HUP",
            dir = quoted(dir.to_str().unwrap()),
        )
        .unwrap();
        Self { dir, shell, commands: Some(commands), answers, before: Vec::new() }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts a program; what it prints goes to `NAME.log`.
    pub(crate) fn spawn(&mut self, name: &str, program: &Path, args: &[String]) -> Running {
        let words = self.before.iter().map(String::as_str).chain([program.to_str().unwrap()]);
        let line: Vec<String> = words.chain(args.iter().map(String::as_str)).map(quoted).collect();
        let log = self.dir.join(format!("{name}.log"));
        let commands = self.commands.as_mut().unwrap();
        writeln!(
            commands,
            "setpriv --pdeathsig KILL {line} >{log} 2>&1 &\npids=\"$pids $!\"\necho $!",
            line = line.join(" "),
            log = quoted(log.to_str().unwrap()),
        )
        .unwrap();
        let mut pid = String::new();
        self.answers.read_line(&mut pid).unwrap();
        Running { pid: pid.trim().parse().unwrap(), log }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.shell.wait();
    }
}

/// A process that a keeper started.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) pid: u32,
    log: PathBuf,
}

impl Running {
    /// Whether it still runs: its parent is the keeper, so an ended one may be a zombie.
    pub(crate) fn is_alive(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.starts_with(" Z")))
    }

    /// The end of what it printed.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

/// Looks every 20 ms until there is an answer; None when it took longer than the limit.
pub(crate) fn until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if began.elapsed() > limit {
            return None;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A port of the loopback that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
