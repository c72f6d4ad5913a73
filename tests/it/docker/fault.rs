//! What a proxy can do to a request.

use std::sync::mpsc;

use tokio::sync::oneshot;

/// What happens to one request.
pub(super) enum Fault {
    /// It passes: for counting.
    Pass,
    /// Answered here; the engine hears nothing.
    Answer { status: u16, body: String },
    /// The connection ends; the engine hears nothing.
    Cut,
    /// The engine does as it is asked, and the connection ends after so many bytes of its answer.
    CutAnswer(usize),
    /// Somebody else acts just before the engine is asked.
    First(Box<dyn FnOnce() + Send>),
    /// The engine does as it is asked, then somebody else acts, then the answer comes.
    Then(Box<dyn FnOnce() + Send>),
    /// Waits before the engine is asked; see [`super::proxy::Proxy::hold`].
    Hold(mpsc::Sender<()>, oneshot::Receiver<()>),
    /// The engine does as it is asked, and its answer waits; see [`super::proxy::Proxy::hold_answer`].
    HoldAnswer(mpsc::Sender<()>, oneshot::Receiver<()>),
}

impl Fault {
    /// An answer as the engine gives it when something is wrong.
    pub(super) fn status(status: u16, message: &str) -> Self {
        Self::Answer { status, body: serde_json::json!({ "message": message }).to_string() }
    }

    /// As an engine says it whose disk is full.
    pub(super) fn no_space() -> Self {
        Self::status(500, "mkdir /var/lib/docker/overlay2/1a2b: no space left on device")
    }
}
