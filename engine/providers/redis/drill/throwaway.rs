//! A server of one's own that is gone afterwards.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to answer.
const START: Duration = Duration::from_secs(10);
/// How often it is asked whether it is there.
const LOOK: Duration = Duration::from_millis(2);
/// Ports tried before giving up: another process may take one in the meantime.
const TRIES: usize = 5;
/// Settings whose values are several words.
const LISTS: &[&str] = &["save", "bind", "client-output-buffer-limit", "oom-score-adj-values", "user", "loadmodule"];

/// A redis-server on a loopback port. It is killed when this is dropped.
pub struct Throwaway {
    child: Child,
    port: u16,
    password: Option<String>,
    version: String,
}

impl Throwaway {
    /// Starts one that keeps nothing on disk unless `settings` say so, and waits until it answers.
    /// `settings` are those of redis.conf; `dir` is where it runs.
    ///
    /// # Errors
    /// When no server is installed, or it does not start with these settings; its own words are in
    /// the error.
    pub fn start(settings: &[(String, String)], dir: &Path) -> io::Result<Self> {
        let binary = find()?;
        let version = version(&binary)?;
        let mut last = None;
        for _ in 0..TRIES {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            match on(&binary, port, settings, dir) {
                Ok(child) => {
                    let set =
                        |name: &str| settings.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
                    let password = set("requirepass").filter(|password| !password.is_empty());
                    return Ok(Self { child, port, password, version });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("redis-server does not start")))
    }

    /// Its address, with the password that its settings give it.
    pub fn url(&self) -> String {
        let password = self.password.as_deref().map_or_else(String::new, |password| {
            let encoded = password.bytes().fold(String::new(), |text, byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => text + &char::from(byte).to_string(),
                _ => format!("{text}%{byte:02X}"),
            });
            format!(":{encoded}@")
        });
        format!("redis://{password}127.0.0.1:{}", self.port)
    }

    /// Its port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Leaves it running after this process; gives the process to end it by.
    pub fn keep(self) -> u32 {
        let pid = self.pid();
        std::mem::forget(self);
        pid
    }

    /// Its version, such as `7.0.15`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn find() -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["redis-server", "valkey-server"];
    let found =
        std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name))).find(|file| file.is_file());
    found.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            "a drill needs redis-server or valkey-server on the PATH, and there is none; \
             install it: apt-get install redis-server, brew install redis, or dnf install redis",
        )
    })
}

fn version(binary: &Path) -> io::Result<String> {
    let output = Command::new(binary).arg("--version").stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
    Ok(number.unwrap_or("unknown").to_owned())
}

/// One line of redis.conf.
fn line(name: &str, value: &str) -> String {
    let plain = !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#'));
    let list = LISTS.contains(&name) && !value.is_empty();
    if plain || list { format!("{name} {value}\n") } else { format!("{name} {}\n", playbook_core::words::quote(value)) }
}

fn on(binary: &Path, port: u16, settings: &[(String, String)], dir: &Path) -> io::Result<Child> {
    let mut config = format!("port {port}\nbind 127.0.0.1\n");
    config.push_str(&line("dir", &dir.to_string_lossy()));
    let given = |name: &str| settings.iter().any(|(other, _)| other == name);
    for (name, value) in [("save", ""), ("appendonly", "no"), ("daemonize", "no")] {
        if !given(name) {
            config.push_str(&line(name, value));
        }
    }
    for (name, value) in settings {
        config.push_str(&line(name, value));
    }
    let mut child = Command::new(binary)
        .arg("-")
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(config.as_bytes())?;
    }
    let began = Instant::now();
    while began.elapsed() < START {
        if child.try_wait()?.is_some() {
            return Err(io::Error::other(format!("redis-server does not start: {}", words(&mut child))));
        }
        if answers(port) {
            quiet(&mut child);
            return Ok(child);
        }
        std::thread::sleep(LOOK);
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("redis-server does not answer within {} s", START.as_secs())))
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
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
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

fn answers(port: u16) -> bool {
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut reply = [0; 7];
        stream.read_exact(&mut reply)?;
        // A server that wants a password is there as well.
        Ok(reply.starts_with(b"+PONG") || reply.starts_with(b"-NOAUTH"))
    };
    ask().unwrap_or(false)
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
