//! Requests and answers.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use http_body_util::{BodyDataStream, BodyExt as _, Limited};
use kube::Client;
use kube::client::Body;
use playbook_core::action::{Fault, FaultKind, Happened, TOLD_TO_STOP};
use playbook_core::codes::Code;
use playbook_core::ports::Cancel;
use serde_json::Value;

use super::{Call, Opened};
use crate::kubernetes::faults;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// How often a request that changes nothing, or was refused untouched, is sent again.
const AGAIN: u32 = 4;
/// Lists of metadata; the whole objects from servers that cannot.
const BARE: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io, application/json";
/// Longest wait that a server may ask for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest answer that is read, in bytes; more would not fit in memory beside other steps.
pub(in crate::kubernetes) const LARGEST: usize = 64 << 20;

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::kubernetes) struct Answer {
    /// The object, or whatever it is.
    pub(in crate::kubernetes) body: Value,
    /// 201 instead of 200?
    pub(in crate::kubernetes) created: bool,
    /// What the server warned of.
    pub(in crate::kubernetes) warnings: Vec<String>,
}

/// A connection that can send anything.
#[derive(Clone)]
pub(in crate::kubernetes) struct Wire {
    opened: Opened,
    /// What the line says of how long an answer may take, tries and all.
    limit: Option<Duration>,
}

enum Once {
    Done(http::response::Parts, Vec<u8>),
    /// Refused before anything was done; wait so long.
    Later(Duration, Fault),
}

impl Wire {
    pub(in crate::kubernetes) fn new(opened: Opened) -> Self {
        Self { opened, limit: None }
    }

    pub(in crate::kubernetes) fn opened(&self) -> &Opened {
        &self.opened
    }

    /// The same, with `--request-timeout` of a line in milliseconds.
    pub(super) fn within(self, limit: Option<u64>) -> Self {
        Self { limit: limit.map(Duration::from_millis).or(self.limit), ..self }
    }

    /// How long an answer may take.
    pub(super) fn limit(&self, usual: Duration) -> Duration {
        self.limit.unwrap_or(usual)
    }

    /// A client that is logged in. A plugin that asks for credentials has its own time, unless the line
    /// says otherwise.
    pub(super) async fn client(&self, cancel: &dyn Cancel) -> Result<(Client, u64), Fault> {
        tokio::select! {
            client = self.opened.client() => client,
            () = cancel.cancelled() => Err(Fault {
                message: format!("{} was not logged in when {TOLD_TO_STOP}", self.opened.server),
                ..faults::cancelled(false)
            }),
        }
    }

    /// Sends, waits where the server asks for it, and reads the answer.
    pub(super) async fn send(&self, call: &Call, cancel: &dyn Cancel) -> Result<Answer, Fault> {
        let sending = self.send_patiently(call, cancel);
        let Some(limit) = self.limit else { return sending.await };
        let sent = tokio::time::timeout(limit, sending).await;
        sent.unwrap_or_else(|_| Err(faults::silent(&self.opened.server, limit, changes(call))))
    }

    async fn send_patiently(&self, call: &Call, cancel: &dyn Cancel) -> Result<Answer, Fault> {
        let (mut tries, mut renewed) = (0, false);
        let (mut client, mut number) = self.client(cancel).await?;
        loop {
            tries += 1;
            let sent = tokio::select! {
                sent = tokio::time::timeout(ANSWER, self.once(&client, call)) => {
                    sent.unwrap_or_else(|_| Err(faults::silent(&self.opened.server, ANSWER, changes(call))))
                }
                () = cancel.cancelled() => return Err(faults::cancelled(changes(call))),
            };
            match sent {
                // Nobody has looked at it: whoever renews the credentials may have done so just now.
                Ok(Once::Done(parts, bytes)) if parts.status.as_u16() == 401 && !renewed => {
                    renewed = true;
                    match self.opened.other(number).await? {
                        Some(other) => (client, number) = other,
                        None => return self.read(call, &parts, &bytes),
                    }
                }
                Ok(Once::Done(parts, bytes)) => return self.read(call, &parts, &bytes),
                Ok(Once::Later(wait, fault)) => {
                    if tries > AGAIN || wait > PATIENCE {
                        return Err(fault);
                    }
                    self.rest(wait, cancel).await?;
                }
                // A read that was lost is sent again; a write may have arrived.
                Err(fault) if fault.transient && !changes(call) && tries < AGAIN => {
                    self.rest(Duration::from_millis(200 << tries), cancel).await?;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    pub(super) async fn rest(&self, wait: Duration, cancel: &dyn Cancel) -> Result<(), Fault> {
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = cancel.cancelled() => Err(faults::cancelled(false)),
        }
    }

    async fn once(&self, client: &Client, call: &Call) -> Result<Once, Fault> {
        let response = client.send(request(call)?).await;
        let response = response.map_err(|error| faults::lost(&error, &self.opened.route, changes(call)))?;
        let (parts, body) = response.into_parts();
        let bytes = Limited::new(body, LARGEST).collect().await.map_err(|error| {
            let fault = match error.downcast::<http_body_util::LengthLimitError>() {
                Ok(_) => too_large(call),
                Err(error) => faults::broken(&error.to_string(), &self.opened.route),
            };
            if changes(call) { fault.unclear() } else { fault }
        })?;
        let bytes = bytes.to_bytes().to_vec();
        let wait = parts.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        match (parts.status.as_u16(), wait) {
            // Too many requests: the server has not looked at it.
            (429, wait) => Ok(Once::Later(
                Duration::from_secs(wait.unwrap_or(1)),
                faults::status(429, &status(&bytes), call, &self.opened.server),
            )),
            (500 | 502 | 503 | 504, wait) if !changes(call) => Ok(Once::Later(
                Duration::from_millis(wait.map_or(300, |seconds: u64| seconds * 1000)),
                faults::status(parts.status.as_u16(), &status(&bytes), call, &self.opened.server),
            )),
            _ => Ok(Once::Done(parts, bytes)),
        }
    }

    fn read(&self, call: &Call, parts: &http::response::Parts, bytes: &[u8]) -> Result<Answer, Fault> {
        let code = parts.status.as_u16();
        if !(200..300).contains(&code) {
            let fault = self.opened.explain(faults::status(code, &status(bytes), call, &self.opened.server));
            // After these the server may have done it all the same.
            let unclear = changes(call) && matches!(code, 500 | 502 | 503 | 504);
            return Err(if unclear { Fault { happened: Happened::Unclear, ..fault } } else { fault });
        }
        let warnings = parts.headers.get_all("warning").iter();
        let warnings =
            warnings.filter_map(|value| Some(value.to_str().ok()?.splitn(3, ' ').nth(2)?.trim_matches('"').to_owned()));
        let text = String::from_utf8_lossy(bytes);
        let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.into_owned()));
        Ok(Answer { body, created: code == 201, warnings: warnings.collect() })
    }

    /// Opens an answer that comes bit by bit. An error comes with the wait that the server asks for.
    pub(super) async fn open(&self, call: &Call) -> Result<BodyDataStream<Body>, (Fault, Option<Duration>)> {
        let limit = self.limit(ANSWER);
        let (first, number) = self.opened.client().await.map_err(|fault| (fault, None))?;
        let opening = async {
            match self.open_once(&first, call).await {
                Err((fault, _)) if faults::is_unknown(&fault) => match self.opened.other(number).await {
                    Ok(Some((client, _))) => self.open_once(&client, call).await,
                    Ok(None) => Err((fault, None)),
                    Err(fault) => Err((fault, None)),
                },
                opened => opened,
            }
        };
        let opened = tokio::time::timeout(limit, opening).await;
        opened.unwrap_or_else(|_| Err((faults::silent(&self.opened.server, limit, false), None)))
    }

    async fn open_once(&self, client: &Client, call: &Call) -> Result<BodyDataStream<Body>, (Fault, Option<Duration>)> {
        let response = client.send(request(call).map_err(|fault| (fault, None))?).await;
        let response = response.map_err(|error| (faults::lost(&error, &self.opened.route, false), None))?;
        let (parts, body) = response.into_parts();
        if parts.status.is_success() {
            return Ok(body.into_data_stream());
        }
        let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let wait = parts.headers.get(http::header::RETRY_AFTER);
        let wait: Option<u64> = wait.and_then(|value| value.to_str().ok()?.parse().ok());
        let fault = faults::status(parts.status.as_u16(), &status(&bytes), call, &self.opened.server);
        Err((self.opened.explain(fault), wait.map(|seconds| Duration::from_secs(seconds).min(PATIENCE))))
    }

    /// Text as it comes.
    pub(super) async fn text(&self, call: &Call, limit: usize, cancel: &dyn Cancel) -> Result<(String, bool), Fault> {
        let asked = tokio::select! {
            opened = self.open(call) => opened,
            () = cancel.cancelled() => return Err(faults::cancelled(false)),
        };
        let mut stream = asked.map_err(|(fault, _)| fault)?;
        let reading = async {
            let mut bytes: Vec<u8> = Vec::new();
            let mut cut = false;
            let broken = |error: kube::Error| faults::broken(&error.to_string(), &self.opened.route);
            while let Some(piece) = stream.try_next().await.map_err(broken)? {
                if bytes.len() + piece.len() > limit {
                    cut = true;
                    break;
                }
                bytes.extend_from_slice(&piece);
            }
            Ok((String::from_utf8_lossy(&bytes).into_owned(), cut))
        };
        tokio::select! {
            read = tokio::time::timeout(self.limit(ANSWER), reading) => {
                read.unwrap_or_else(|_| Err(faults::silent(&self.opened.server, self.limit(ANSWER), false)))
            }
            () = cancel.cancelled() => Err(faults::cancelled(false)),
        }
    }
}

/// Could it change something if the server carries it out?
fn changes(call: &Call) -> bool {
    call.method != "GET" && super::gate::check(call).is_err()
}

/// Path and query of a request.
pub(super) fn uri(call: &Call) -> String {
    let query: Vec<String> =
        call.query.iter().map(|(name, value)| format!("{name}={}", super::part(value).replace(':', "%3A"))).collect();
    if query.is_empty() { call.path.clone() } else { format!("{}?{}", call.path, query.join("&")) }
}

fn request(call: &Call) -> Result<http::Request<Body>, Fault> {
    let body = call.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let mut request = http::Request::builder().method(call.method).uri(uri(call));
    if call.body.is_some() {
        request = request.header(http::header::CONTENT_TYPE, call.content);
    }
    request
        .header(http::header::ACCEPT, if call.bare { BARE } else { "application/json, */*" })
        .header(http::header::USER_AGENT, "playbook")
        .body(Body::from(body))
        .map_err(|error| Fault::new(FaultKind::Invalid, Code::TargetAddress, format!("no such address: {error}")))
}

/// The `Status` in an answer.
fn status(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(bytes).trim()))
}

fn too_large(call: &Call) -> Fault {
    let message = format!("the answer to {} {} has more than {} MiB", call.method, call.path, LARGEST >> 20);
    Fault::new(FaultKind::Refused, Code::ServerError, message)
        .help("choose fewer objects: one namespace (-n), labels (-l) or fields (--field-selector)")
}
