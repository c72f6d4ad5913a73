//! What a proxy can do to a request.

use std::sync::mpsc;

use serde_json::json;
use tokio::sync::oneshot;

/// What happens to one request.
pub(super) enum Fault {
    /// Answered here; the server hears nothing.
    Answer { status: u16, headers: Vec<(String, String)>, body: String },
    /// The connection is reset; the server hears nothing.
    Reset,
    /// The server does as it is asked, and the connection ends after so many bytes of its answer.
    CutAnswer(usize),
    /// The connection ends in the middle of the event after so many: one at least.
    CutWatch(usize),
    /// Somebody else acts just before the server is asked.
    First(Box<dyn FnOnce() + Send>),
    /// Waits; see [`super::proxy::Proxy::hold`].
    Hold(mpsc::Sender<()>, oneshot::Receiver<()>),
}

impl Fault {
    /// Somebody else changed the object, says the server.
    pub(super) fn conflict() -> Self {
        Self::status(409, "Conflict", "the object has been modified", &[])
    }

    /// Too many requests: again after so many seconds.
    pub(super) fn too_many(seconds: u32) -> Self {
        Self::status(429, "TooManyRequests", "too many requests", &[("Retry-After", &seconds.to_string())])
    }

    pub(super) fn internal_error() -> Self {
        Self::status(500, "InternalError", "something went wrong in the server", &[])
    }

    pub(super) fn unavailable() -> Self {
        Self::status(503, "ServiceUnavailable", "the server is shutting down", &[])
    }

    /// The resource version a watch starts from is too old.
    pub(super) fn expired() -> Self {
        Self::status(410, "Expired", "too old resource version", &[])
    }

    /// The same, as servers mostly say it: as an event of a watch that was opened.
    pub(super) fn expired_event() -> Self {
        let status = status(410, "Expired", "too old resource version");
        let body = format!("{}\n", json!({"type": "ERROR", "object": status}));
        Self::Answer { status: 200, headers: Vec::new(), body }
    }

    fn status(code: u16, reason: &str, message: &str, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::Answer { status: code, headers, body: status(code, reason, message).to_string() }
    }
}

fn status(code: u16, reason: &str, message: &str) -> serde_json::Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
        "reason": reason, "message": message})
}
