//! Requests and answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE, USER_AGENT};
use hyper::{Request, Response};
use playbook_core::action::{Fault, FaultKind};
use playbook_core::ports::Cancel;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::frames::{Frames, Keep, Output};
use super::link::{self, Link};
use super::{Call, Opened};
use crate::docker::faults;

/// How long an answer may take where the call does not say.
pub(super) const ANSWER: Duration = Duration::from_secs(30);
/// How often a read is sent whose connection failed: an engine that is restarted is away for seconds.
const AGAIN: u32 = 6;
/// Longest answer that is read, in bytes; more would not fit in memory beside other steps.
const LARGEST: usize = 64 << 20;
/// The version of the API that is spoken with engines that know it.
const OURS: (u32, u32) = (1, 51);
/// Engines older than this have no versions to agree on.
const OLDEST: (u32, u32) = (1, 24);

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::docker) struct Answer {
    /// 304: it was so already.
    pub(in crate::docker) status: u16,
    /// Null where there is none.
    pub(in crate::docker) body: Value,
}

/// Can send anything. Each request has a connection of its own.
#[derive(Clone)]
pub(in crate::docker) struct Wire {
    shared: Arc<Shared>,
}

struct Shared {
    opened: Opened,
    /// What stands before each path: `/v1.41`.
    prefix: OnceCell<String>,
}

/// The head of an answer that is no refusal.
pub(super) struct Reply {
    pub(super) response: Response<Incoming>,
    pub(super) link: Link,
}

impl Wire {
    pub(in crate::docker) fn new(opened: Opened) -> Self {
        Self { shared: Arc::new(Shared { opened, prefix: OnceCell::new() }) }
    }

    pub(in crate::docker) fn opened(&self) -> &Opened {
        &self.shared.opened
    }

    pub(super) fn host(&self) -> &str {
        &self.shared.opened.host
    }

    /// The version of the API that is spoken, once it was agreed on: `1.41`.
    pub(in crate::docker) fn version(&self) -> Option<&str> {
        self.shared.prefix.get().map(|prefix| prefix.trim_start_matches("/v"))
    }

    /// Sends, and reads the answer. A read that was lost is sent again; a write may have arrived.
    pub(super) async fn send(&self, call: &Call, cancel: &dyn Cancel) -> Result<Answer, Fault> {
        let mut tries = 0;
        loop {
            tries += 1;
            let sent = self.bounded(call, cancel, async |sent| {
                let reply = self.ask(call, false, sent).await?;
                self.read(call, reply).await
            });
            match sent.await {
                Err(fault) if self.again(call, &fault, tries) => {
                    rest(Duration::from_millis(200 << tries), cancel).await?;
                }
                answer => return answer,
            }
        }
    }

    /// Reads what a container wrote.
    pub(super) async fn output(
        &self,
        call: &Call,
        tty: bool,
        keep: Keep,
        cancel: &dyn Cancel,
    ) -> Result<Output, Fault> {
        self.bounded(call, cancel, async |sent| {
            let Reply { response, link } = self.ask(call, false, sent).await?;
            let mut body = response.into_body();
            let mut frames = Frames::new(tty, keep);
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => frames.take(frame.data_ref().map_or(&[][..], |bytes| bytes.as_ref())),
                    Err(error) => return Err(self.lost(&link, &error, call.changes()).await),
                }
                if frames.is_full() {
                    break;
                }
            }
            Ok(frames.end())
        })
        .await
    }

    /// May it be sent again? Not by who has never met the engine: it is more likely not there at all.
    fn again(&self, call: &Call, fault: &Fault, tries: u32) -> bool {
        let lost = fault.kind == FaultKind::Unreachable;
        lost && !call.changes() && tries < AGAIN && self.shared.prefix.initialized()
    }

    /// Within the time of the call, and until it is told to stop.
    pub(super) async fn bounded<T>(
        &self,
        call: &Call,
        cancel: &dyn Cancel,
        work: impl AsyncFnOnce(&AtomicBool) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let sent = AtomicBool::new(false);
        let unclear = || call.changes() && sent.load(Ordering::Relaxed);
        let limit = call.limit.unwrap_or(ANSWER);
        tokio::select! {
            done = tokio::time::timeout(limit, work(&sent)) => {
                done.unwrap_or_else(|_| Err(faults::silent(self.host(), limit, unclear())))
            }
            () = cancel.cancelled() => Err(faults::cancelled(unclear())),
        }
    }

    /// Sends, and reads the head of the answer. `sent` tells from when on the request may have arrived.
    pub(super) async fn ask(&self, call: &Call, upgrade: bool, sent: &AtomicBool) -> Result<Reply, Fault> {
        let prefix = self.shared.prefix.get_or_try_init(|| self.agree()).await?;
        self.ask_at(prefix, call, upgrade, sent).await
    }

    async fn ask_at(&self, prefix: &str, call: &Call, upgrade: bool, sent: &AtomicBool) -> Result<Reply, Fault> {
        let request = self.request(prefix, call, upgrade)?;
        let mut link = Link::open(self.opened()).await?;
        sent.store(true, Ordering::Relaxed);
        let response = match link.send(request).await {
            Ok(response) => response,
            Err(why) => return Err(faults::lost(&link.why(why).await, self.host(), call.changes())),
        };
        let code = response.status().as_u16();
        if response.status().is_success() || matches!(code, 101 | 304) {
            return Ok(Reply { response, link });
        }
        let bytes = Limited::new(response.into_body(), LARGEST).collect().await;
        let bytes = bytes.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(faults::status(code, &json(&bytes), call, self.host()))
    }

    async fn read(&self, call: &Call, reply: Reply) -> Result<Answer, Fault> {
        let Reply { response, link } = reply;
        let status = response.status().as_u16();
        match Limited::new(response.into_body(), LARGEST).collect().await {
            Ok(bytes) => Ok(Answer { status, body: json(&bytes.to_bytes()) }),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                let message = format!("the answer to {} has more than {} MiB", call.title(), LARGEST >> 20);
                let fault = faults::refused(message, "ask for less: filters, fewer names");
                Err(if call.changes() { fault.unclear() } else { fault })
            }
            Err(error) => Err(self.lost(&link, error.as_ref(), call.changes()).await),
        }
    }

    /// A connection that broke in the middle of an answer.
    pub(super) async fn lost(
        &self,
        link: &Link,
        error: &(dyn std::error::Error + Send + Sync),
        changes: bool,
    ) -> Fault {
        faults::lost(&link.why(link::words(error)).await, self.host(), changes)
    }

    /// Asks the engine which versions of the API it knows.
    async fn agree(&self) -> Result<String, Fault> {
        if let Some(told) = &self.opened().api {
            let (major, minor) = number(told).ok_or_else(|| {
                faults::address(format!("DOCKER_API_VERSION is `{told}`, and that is no version"))
                    .help("write it as 1.41, or leave it out")
            })?;
            return Ok(format!("/v{major}.{minor}"));
        }
        let call = Call::get("/version");
        let reply = self.ask_at("", &call, false, &AtomicBool::new(false)).await?;
        let version = self.read(&call, reply).await?.body;
        let of = |name: &str| version.get(name).and_then(Value::as_str).and_then(number);
        let theirs = of("ApiVersion").unwrap_or((0, 0));
        let least = of("MinAPIVersion").unwrap_or(OLDEST);
        if theirs < OLDEST || least > OURS {
            let text = |name: &str| version.get(name).and_then(Value::as_str).unwrap_or("none").to_owned();
            return Err(faults::stranger(self.host(), &text("ApiVersion"), &text("MinAPIVersion")));
        }
        let (major, minor) = theirs.min(OURS);
        Ok(format!("/v{major}.{minor}"))
    }

    fn request(&self, prefix: &str, call: &Call, upgrade: bool) -> Result<Request<Full<Bytes>>, Fault> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("{prefix}{}", uri(call)))
            .header(HOST, link::host(self.opened()))
            .header(USER_AGENT, "playbook");
        if upgrade {
            request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "tcp");
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(login) = &call.login {
            request = request.header("X-Registry-Auth", &login.0);
        }
        let body = call.body.as_ref().map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        request.body(Full::new(body)).map_err(|error| faults::internal(format!("{}: {error}", call.title())))
    }
}

/// Waits, unless it is told to stop.
pub(super) async fn rest(wait: Duration, cancel: &dyn Cancel) -> Result<(), Fault> {
    tokio::select! {
        () = tokio::time::sleep(wait) => Ok(()),
        () = cancel.cancelled() => Err(faults::cancelled(false)),
    }
}

/// Path and query.
fn uri(call: &Call) -> String {
    let escaped = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let query: Vec<String> = call.query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    if query.is_empty() { call.path.clone() } else { format!("{}?{}", call.path, query.join("&")) }
}

/// What an answer holds: mostly JSON.
fn json(bytes: &[u8]) -> Value {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Value::Null;
    }
    let text = String::from_utf8_lossy(bytes);
    serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.trim()))
}

/// `1.41`.
fn number(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().trim_start_matches('v').split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
