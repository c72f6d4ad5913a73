//! Lines typed at the terminal, in a way that something else can interrupt: an answer from another
//! terminal, or the end of the run.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Wakes the thread that waits for keys.
#[derive(Clone)]
pub(super) struct Waker(Option<Arc<OwnedFd>>);

impl Waker {
    pub(super) fn wake(&self) {
        if let Some(pipe) = &self.0 {
            let _ = rustix::io::write(pipe.as_ref(), b"w");
        }
    }
}

/// Reads lines.
pub(super) struct Keys {
    woken: Option<OwnedFd>,
    typed: Vec<u8>,
    enabled: bool,
    closed: bool,
}

/// Why waiting ended.
pub(super) enum Typed {
    /// A line, without its end.
    Line(String),
    /// There is something else to do.
    Woken,
    /// The keyboard is gone.
    Closed,
    /// Time passed.
    Nothing,
}

pub(super) fn pair(enabled: bool) -> (Waker, Keys) {
    let flags = rustix::pipe::PipeFlags::NONBLOCK | rustix::pipe::PipeFlags::CLOEXEC;
    match rustix::pipe::pipe_with(flags) {
        Ok((woken, waker)) => {
            (Waker(Some(Arc::new(waker))), Keys { woken: Some(woken), typed: Vec::new(), enabled, closed: false })
        }
        Err(_) => (Waker(None), Keys { woken: None, typed: Vec::new(), enabled: false, closed: true }),
    }
}

impl Keys {
    /// Can anything be typed?
    pub(super) fn is_enabled(&self) -> bool {
        self.enabled && !self.closed
    }

    /// Waits until something happens or some time has passed. Keys count only while `listening`.
    pub(super) fn wait(&mut self, listening: bool, limit: Duration) -> Typed {
        if let Some(line) = self.line().filter(|_| listening) {
            return Typed::Line(line);
        }
        let Some(woken) = &self.woken else {
            std::thread::sleep(limit.min(Duration::from_millis(50)));
            return Typed::Woken;
        };
        let stdin = rustix::stdio::stdin();
        let mut fds = vec![PollFd::new(woken, PollFlags::IN)];
        let listening = listening && self.is_enabled();
        if listening {
            fds.push(PollFd::new(&stdin, PollFlags::IN));
        }
        let timeout =
            Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap_or(1), tv_nsec: i64::from(limit.subsec_nanos()) };
        if poll(&mut fds, Some(&timeout)).is_err() {
            return Typed::Woken;
        }
        let readable = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let (wakes, keys) = (readable(0), readable(1));
        if wakes {
            let mut bytes = [0; 256];
            let _ = rustix::io::read(woken, &mut bytes);
        }
        if keys {
            let mut bytes = [0; 1024];
            match rustix::io::read(stdin, &mut bytes) {
                Ok(0) | Err(_) => {
                    self.closed = true;
                    return Typed::Closed;
                }
                Ok(n) => self.typed.extend_from_slice(&bytes[..n]),
            }
            if let Some(line) = self.line() {
                return Typed::Line(line);
            }
        }
        if wakes { Typed::Woken } else { Typed::Nothing }
    }

    fn line(&mut self) -> Option<String> {
        let end = self.typed.iter().position(|&byte| byte == b'\n')?;
        let line: Vec<u8> = self.typed.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim().to_owned())
    }

    /// What was typed before a question was asked does not answer it.
    pub(super) fn forget(&mut self) {
        self.typed.clear();
        if self.is_enabled() {
            let _ = rustix::termios::tcflush(rustix::stdio::stdin(), rustix::termios::QueueSelector::IFlush);
        }
    }
}
