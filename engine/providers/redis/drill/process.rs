//! The redis-server of this machine, as a process of this program's.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::throwaway::{LISTS, absent, await_answer, given};

/// A process. It is killed when this is dropped.
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts the server at a port, and waits until it answers.
    pub(super) fn start(binary: &Path, port: u16, settings: &[(String, String)], dir: &Path) -> io::Result<Self> {
        let mut child = Command::new(binary)
            .arg("-")
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(config(port, settings, dir).as_bytes())?;
        }
        let mut process = Self { child };
        await_answer(port, || Ok(process.child.try_wait()?.map(|_| words(&mut process.child))))?;
        quiet(&mut process.child);
        Ok(process)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server on the PATH, if there is one.
pub(super) fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["redis-server", "valkey-server"];
    std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name))).find(|file| file.is_file())
}

pub(super) fn version(binary: &Path) -> io::Result<String> {
    let output = Command::new(binary).arg("--version").stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
    Ok(number.unwrap_or("unknown").to_owned())
}

/// The whole of redis.conf.
fn config(port: u16, settings: &[(String, String)], dir: &Path) -> String {
    let mut config = format!("port {port}\nbind 127.0.0.1\n");
    config.push_str(&line("dir", &dir.to_string_lossy()));
    for (name, value) in absent(settings) {
        config.push_str(&line(name, value));
    }
    if !given(settings, "daemonize") {
        config.push_str(&line("daemonize", "no"));
    }
    for (name, value) in settings {
        config.push_str(&line(name, value));
    }
    config
}

/// One line of redis.conf.
fn line(name: &str, value: &str) -> String {
    let plain = !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#'));
    let list = LISTS.contains(&name) && !value.is_empty();
    if plain || list { format!("{name} {value}\n") } else { format!("{name} {}\n", playbook_core::words::quote(value)) }
}

/// The last words of a server that ended.
fn words(child: &mut Child) -> String {
    let mut text = String::new();
    if let Some(out) = child.stdout.as_mut() {
        let _ = out.read_to_string(&mut text);
    }
    if let Some(err) = child.stderr.as_mut() {
        let _ = err.read_to_string(&mut text);
    }
    text
}

/// Reads on what it says, so that it never waits for a reader. Ends with the server.
fn quiet(child: &mut Child) {
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
    ];
    for mut pipe in pipes.into_iter().flatten() {
        std::thread::spawn(move || io::copy(&mut pipe, &mut io::sink()));
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn settings_are_written_as_redis_conf_has_them() {
        assert_eq!(line("maxmemory", "3gb"), "maxmemory 3gb\n");
        assert_eq!(line("save", ""), "save \"\"\n");
        assert_eq!(line("save", "60 1"), "save 60 1\n");
        assert_eq!(line("requirepass", "a b\"c"), "requirepass \"a b\\\"c\"\n");
    }
}
