//! An engine behind ssh: the system's `ssh` is run, and what it writes and reads is the connection.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, Join, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::open::authority;

/// `ssh://[USER@]HOST[:PORT][/SOCKET]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::docker) struct Ssh {
    /// The program; another only in tests.
    pub(super) program: &'static str,
    user: Option<String>,
    pub(super) host: String,
    port: Option<u16>,
    socket: Option<String>,
}

/// How long what `ssh` says is waited for after its stream has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How much of it is kept, in bytes.
const MUCH: usize = 2048;

impl Ssh {
    /// What stands behind `ssh://`.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let (place, socket) = match text.split_once('/') {
            Some((place, "")) => (place, None),
            Some((place, path)) => (place, Some(format!("/{path}"))),
            None => (text, None),
        };
        let (user, place) = match place.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => return Err("ssh takes no password from an address; use a key"),
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, place),
        };
        let (host, port) = authority(place)?;
        let plain = |text: &str, more: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
        if host.starts_with('-') || user.as_deref().is_some_and(|user| user.starts_with('-')) {
            return Err("ssh would take what begins with - for an option");
        }
        if user.as_deref().is_some_and(|user| user.is_empty() || !plain(user, "-_.@+\\")) {
            return Err("this is no name of a user");
        }
        // The shell at the other end reads it.
        if socket.as_deref().is_some_and(|socket| !plain(socket, "-_./")) {
            return Err("the path of the socket has characters that a shell gives a meaning");
        }
        Ok(Self { program: "ssh", user, host, port, socket })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]);
        if let Some(port) = self.port {
            command.arg("-p").arg(port.to_string());
        }
        if let Some(user) = &self.user {
            command.arg("-l").arg(user);
        }
        command
    }

    /// A connection to the engine there.
    pub(super) fn dial(&self) -> io::Result<Through> {
        let mut command = self.command();
        command.arg("--").arg(&self.host).arg("docker");
        if let Some(socket) = &self.socket {
            command.arg("--host").arg(format!("unix://{socket}"));
        }
        command.args(["system", "dial-stdio"]);
        Through::start(command)
    }

    /// A connection to a port that this machine can reach.
    pub(super) fn forward(&self, host: &str, port: u16) -> io::Result<Through> {
        let mut command = self.command();
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        command.arg("-W").arg(format!("{host}:{port}")).arg("--").arg(&self.host);
        Through::start(command)
    }
}

/// A stream through a program. It ends with the stream.
pub(super) struct Through {
    stream: Join<ChildStdout, ChildStdin>,
    _child: Child,
    words: Words,
}

impl Through {
    fn start(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // What is typed to end a run is for this program, which then ends ssh.
        command.process_group(0);
        let mut child = command.spawn()?;
        let (Some(input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("a program without its streams"));
        };
        Ok(Self { stream: tokio::io::join(output, input), _child: child, words: Words::of(errors) })
    }

    /// What the program says beside the stream.
    pub(super) fn words(&self) -> Words {
        self.words.clone()
    }
}

/// What `ssh` said on its standard error: the end of it.
#[derive(Clone)]
pub(super) struct Words {
    text: Arc<Mutex<Vec<u8>>>,
    reading: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

impl Words {
    fn of(mut errors: ChildStderr) -> Self {
        let text: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = Arc::clone(&text);
        let reading = tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = errors.read(&mut buffer).await {
                let Ok(mut kept) = kept.lock() else { return };
                kept.extend_from_slice(&buffer[..count]);
                let over = kept.len().saturating_sub(MUCH);
                kept.drain(..over);
            }
        });
        Self { text, reading: Arc::new(tokio::sync::Mutex::new(Some(reading))) }
    }

    /// All of it, once the stream has ended.
    pub(super) async fn last(&self) -> String {
        if let Some(reading) = self.reading.lock().await.take() {
            let _ = tokio::time::timeout(LAST_WORDS, reading).await;
        }
        let text = self.text.lock().map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl AsyncRead for Through {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Through {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
