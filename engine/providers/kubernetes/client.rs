//! The only place that knows the driver: kubeconfigs, connections, requests and answers.
//!
//! [`Wire`] can send anything, so nothing outside of this module holds one: [`Reader`] is made from
//! leave to read and refuses whatever could change something, [`Writer`] is made from leave to write.

mod door;
mod exec;
mod forward;
mod gate;
mod kubeconfig;
mod login;
mod open;
mod pem;
mod plugin;
mod proxy;
mod watch;
mod wire;

use playbook_core::action::{Fault, ReadAccess, WriteAccess};
use playbook_core::ports::Cancel;
use serde_json::Value;

pub(super) use door::Door;
pub(super) use exec::{Ended, Inside};
pub(super) use login::Keep;
pub(super) use open::{Opened, Place, address, open};
pub(super) use wire::{Answer, LARGEST, Wire};

use super::line::model::Line;
use super::target::KubeTarget;

/// A request to the API server.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`.
    pub(super) method: &'static str,
    /// Without the query, each part of it escaped.
    pub(super) path: String,
    /// Names and values, not escaped.
    pub(super) query: Vec<(&'static str, String)>,
    /// Of the body.
    pub(super) content: &'static str,
    /// What is sent.
    pub(super) body: Option<Value>,
    /// Only the metadata of objects?
    pub(super) bare: bool,
}

/// How long to wait before a pod is asked again to go; as kubectl.
const EVICTION: std::time::Duration = std::time::Duration::from_secs(5);

/// The content of everything but patches.
pub(super) const JSON: &str = "application/json";

impl Call {
    /// A read.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), query: Vec::new(), content: JSON, body: None, bare: false }
    }

    /// With a body.
    pub(super) fn with(method: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), query: Vec::new(), content: JSON, body: Some(body), bare: false }
    }

    /// With one more parameter.
    #[must_use]
    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// With one more parameter, if there is a value.
    #[must_use]
    pub(super) fn query_if(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Of a list: only the metadata, where the server can.
    #[must_use]
    pub(super) fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// With another content type.
    #[must_use]
    pub(super) fn content(mut self, content: &'static str) -> Self {
        self.content = content;
        self
    }
}

/// One part of a path, escaped.
pub(super) fn part(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Sends what only reads: plans and reads hold nothing else.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    wire: Wire,
    target: &'a KubeTarget,
    cancel: &'a dyn Cancel,
}

impl<'a> Reader<'a> {
    /// Connects, or takes the connection that is there.
    pub(super) async fn open(access: ReadAccess<'a>) -> Result<Self, Fault> {
        let target = KubeTarget::of(access.target())?;
        Ok(Self { wire: target.wire().await?, target, cancel: access.cancel() })
    }

    /// For a line, which may say how long an answer may take.
    pub(super) async fn for_line(access: ReadAccess<'a>, line: &Line) -> Result<Self, Fault> {
        let reader = Self::open(access).await?;
        Ok(Self { wire: reader.wire.within(line.request_timeout_ms), ..reader })
    }

    /// Whose cluster it is.
    pub(super) fn target(&self) -> &'a KubeTarget {
        self.target
    }

    /// Asks.
    ///
    /// # Errors
    /// When it could change something, when the server refuses, when there is no answer.
    pub(super) async fn send(&self, call: &Call) -> Result<Value, Fault> {
        gate::check(call)?;
        Ok(self.wire.send(call, self.cancel).await?.body)
    }

    /// As [`Reader::send`]; nothing if there is no such thing.
    pub(super) async fn find(&self, call: &Call) -> Result<Option<Value>, Fault> {
        match self.send(call).await {
            Ok(body) => Ok(Some(body)),
            Err(fault) if fault.server_code.as_deref() == Some("NotFound") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Reads text up to a limit in bytes: logs. True: there was more.
    pub(super) async fn text(&self, call: &Call, limit: usize) -> Result<(String, bool), Fault> {
        gate::check(call)?;
        self.wire.text(call, limit, self.cancel).await
    }

    /// Waits, unless it is told to stop.
    pub(super) async fn rest(&self, time: std::time::Duration) -> Result<(), Fault> {
        self.wire.rest(time, self.cancel).await
    }

    /// What its configuration says.
    pub(super) fn opened(&self) -> &Opened {
        self.wire.opened()
    }

    /// Looks at pods, and opens ports of them.
    pub(super) fn door(&self) -> Door<'a> {
        Door::new(self.wire.clone(), self.cancel)
    }

    /// Asks what a change would come to, without making it.
    ///
    /// # Errors
    /// As [`Reader::send`]; and where nobody answers for it that a pretended write is not a real one.
    pub(super) async fn dry(&self, call: &Call) -> Result<Value, Fault> {
        self.target.pretends(self, gate::group_of(call)).await?;
        self.send(&gate::dry(call)).await
    }
}

/// Sends anything.
#[derive(Clone)]
pub(super) struct Writer<'a> {
    reader: Reader<'a>,
}

impl<'a> Writer<'a> {
    /// Connects, or takes the connection that is there.
    pub(super) async fn open(access: &WriteAccess<'a>) -> Result<Self, Fault> {
        Ok(Self { reader: Reader::open(access.reading()).await? })
    }

    /// For a line, which may say how long an answer may take.
    pub(super) async fn for_line(access: &WriteAccess<'a>, line: &Line) -> Result<Self, Fault> {
        Ok(Self { reader: Reader::for_line(access.reading(), line).await? })
    }

    /// Who may write may read.
    pub(super) fn reading(&self) -> &Reader<'a> {
        &self.reader
    }

    /// Sends a change.
    ///
    /// # Errors
    /// When the server refuses; without an answer it is unclear whether the change was made.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Fault> {
        self.reader.wire.send(call, self.reader.cancel).await
    }

    /// The same; where the server says "not now" for as long as that may take, as a disruption budget
    /// does of evictions, it is asked again until the step's time is up.
    ///
    /// # Errors
    /// As [`Writer::send`].
    pub(super) async fn send_patiently(&self, call: &Call) -> Result<Answer, Fault> {
        if !call.path.ends_with("/eviction") {
            return self.send(call).await;
        }
        loop {
            match self.send(call).await {
                Err(fault) if fault.server_code.as_deref() == Some("TooManyRequests") => {
                    self.reader.wire.rest(EVICTION, self.reader.cancel).await.map_err(|_| fault)?;
                }
                other => return other,
            }
        }
    }
}
