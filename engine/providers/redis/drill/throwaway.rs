//! A server of one's own that is gone afterwards.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use playbook_core::action::Fault;
use playbook_core::starter::{Started, Starter};

use super::container::wanted;
use super::process::{self, Process};

/// How long a server may take to answer.
const START: Duration = Duration::from_secs(10);
/// How often it is asked whether it is there.
const LOOK: Duration = Duration::from_millis(2);
/// Ports tried before giving up: another process may take one in the meantime.
const TRIES: usize = 5;
/// Settings whose values are several words.
pub(super) const LISTS: &[&str] =
    &["save", "bind", "client-output-buffer-limit", "oom-score-adj-values", "user", "loadmodule"];

/// Where a server is started when none is installed here.
#[derive(Clone, Copy, Default)]
pub struct Elsewhere<'a> {
    /// Who starts it.
    pub starter: Option<&'a dyn Starter>,
    /// The image that is to be started, also when a server is installed here.
    pub image: Option<&'a str>,
}

/// A redis-server on a loopback port. It is gone when this is dropped.
pub struct Throwaway {
    server: Server,
    port: u16,
    password: Option<String>,
    version: String,
}

enum Server {
    Process(Process),
    Container(Box<dyn Started>),
}

impl Throwaway {
    /// Starts one that keeps nothing on disk unless `settings` say so, and waits until it answers.
    /// `settings` are those of redis.conf; `dir` is where it runs.
    ///
    /// # Errors
    /// When no server is installed and none can be started elsewhere, or it does not start with these
    /// settings; its own words are in the error.
    pub fn start(settings: &[(String, String)], dir: &Path, elsewhere: Elsewhere<'_>) -> io::Result<Self> {
        match process::find() {
            Some(binary) if elsewhere.image.is_none() => Self::here(&binary, settings, dir),
            _ => Self::elsewhere(settings, elsewhere),
        }
    }

    fn here(binary: &Path, settings: &[(String, String)], dir: &Path) -> io::Result<Self> {
        let version = process::version(binary)?;
        let mut last = None;
        for _ in 0..TRIES {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            match Process::start(binary, port, settings, dir) {
                Ok(process) => {
                    let server = Server::Process(process);
                    return Ok(Self { server, port, password: password(settings), version });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("redis-server does not start")))
    }

    fn elsewhere(settings: &[(String, String)], elsewhere: Elsewhere<'_>) -> io::Result<Self> {
        let starter = elsewhere.starter.ok_or_else(|| nowhere(""))?;
        let wanted = wanted(settings, elsewhere.image)?;
        let image =
            starter.find(&wanted).map_err(|fault| nowhere(&format!(". Nor in a container: {}", told(&fault))))?;
        let failed = |fault: Fault| io::Error::other(format!("{image} does not start: {}", told(&fault)));
        let started = starter.start(&wanted).map_err(failed)?;
        let port = started.port();
        await_answer(port, || Ok(started.ended()))?;
        let password = password(settings);
        let version = version(port, password.as_deref()).unwrap_or_else(|| "unknown".to_owned());
        Ok(Self { server: Server::Container(started), port, password, version: format!("{version} ({image})") })
    }

    /// What would be started: a program, or an image.
    ///
    /// # Errors
    /// Why nothing would.
    pub fn look(elsewhere: Elsewhere<'_>) -> Result<String, String> {
        match (process::find(), elsewhere.starter) {
            (Some(binary), _) if elsewhere.image.is_none() => Ok(binary.display().to_string()),
            (_, None) => Err(nowhere("").to_string()),
            (_, Some(starter)) => {
                let found = wanted(&[], elsewhere.image).map(|wanted| starter.find(&wanted));
                found.map_err(|error| error.to_string())?.map_err(|fault| told(&fault))
            }
        }
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

    /// Leaves it running after this process; gives the command that ends it.
    pub fn keep(self) -> String {
        match self.server {
            Server::Process(process) => {
                let pid = process.pid();
                std::mem::forget(process);
                format!("kill {pid}")
            }
            Server::Container(started) => started.keep(),
        }
    }

    /// Its version, such as `7.0.15`, and the image that it is of.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// Is a setting given?
pub(super) fn given(settings: &[(String, String)], name: &str) -> bool {
    settings.iter().any(|(other, _)| other == name)
}

/// Settings of a server that keeps nothing on disk, where nothing else is given.
pub(super) fn absent(settings: &[(String, String)]) -> impl Iterator<Item = (&'static str, &'static str)> {
    [("save", ""), ("appendonly", "no")].into_iter().filter(|(name, _)| !given(settings, name))
}

/// Waits until a server answers; `ended` gives its words once it is over.
pub(super) fn await_answer(port: u16, mut ended: impl FnMut() -> io::Result<Option<String>>) -> io::Result<()> {
    let began = Instant::now();
    while began.elapsed() < START {
        if let Some(words) = ended()? {
            return Err(io::Error::other(format!("redis-server does not start: {}", last(&words))));
        }
        if answers(port) {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("redis-server does not answer within {} s", START.as_secs())))
}

/// The last lines of what a server said.
fn last(words: &str) -> String {
    let lines: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}

fn password(settings: &[(String, String)]) -> Option<String> {
    let set = settings.iter().find(|(name, _)| name == "requirepass").map(|(_, value)| value.clone());
    set.filter(|password| !password.is_empty())
}

fn nowhere(further: &str) -> io::Error {
    let why = format!(
        "a drill needs redis-server or valkey-server on the PATH, and there is none; \
         install it: apt-get install redis-server, brew install redis, or dnf install redis{further}"
    );
    io::Error::new(io::ErrorKind::NotFound, why)
}

fn told(fault: &Fault) -> String {
    format!("{} ({})", fault.message, fault.help)
}

/// Sends commands without arguments that need quotes, and reads up to so many bytes.
fn ask(port: u16, lines: &[u8], reply: &mut [u8]) -> io::Result<usize> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(lines)?;
    let mut length = 0;
    while length < reply.len() {
        match stream.read(&mut reply[length..]) {
            Ok(more) if more > 0 => length += more,
            _ => break,
        }
    }
    Ok(length)
}

fn answers(port: u16) -> bool {
    let mut reply = [0; 7];
    // A server that wants a password is there as well.
    ask(port, b"PING\r\n", &mut reply)
        .is_ok_and(|length| length == reply.len() && (reply.starts_with(b"+PONG") || reply.starts_with(b"-NOAUTH")))
}

/// What a server that answers says its version is.
fn version(port: u16, password: Option<&str>) -> Option<String> {
    let login = password.map(|it| format!("*2\r\n$4\r\nAUTH\r\n${}\r\n{it}\r\n", it.len())).unwrap_or_default();
    let mut reply = vec![0; 64 << 10];
    let length = ask(port, format!("{login}INFO server\r\nQUIT\r\n").as_bytes(), &mut reply).ok()?;
    let text = String::from_utf8_lossy(&reply[..length]).into_owned();
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|it| it.trim().to_owned());
    of("valkey_version:").or_else(|| of("redis_version:"))
}
