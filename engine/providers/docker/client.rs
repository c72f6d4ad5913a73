//! The only place that knows the driver: where an engine is, connections, requests and answers.
//!
//! [`Wire`] can send anything, so nothing outside of this module holds one: [`Reader`] is made from
//! leave to read and sends nothing but GET, [`Writer`] is made from leave to write.

mod attach;
mod connect;
mod contexts;
pub(super) mod credentials;
mod frames;
mod gate;
mod lines;
mod link;
mod open;
mod ssh;
#[cfg(test)]
pub(in crate::docker) mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod wire;

use std::time::Duration;

use playbook_core::action::{Fault, ReadAccess, WriteAccess};
use playbook_core::ports::Cancel;
use playbook_core::tunnel::Duplex;
use serde_json::Value;

pub(super) use attach::Attached;
pub(super) use connect::End;
pub(super) use frames::{Keep, Output};
pub(super) use lines::Lines;
pub(super) use open::{Opened, Place, Tls, open};
pub(super) use wire::{Answer, Wire};

use super::target::DockerTarget;

/// How long what cleans up may take.
const IN_THE_END: Duration = Duration::from_secs(10);

/// A request to the engine.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    /// `GET`, `POST`, `PUT`, `DELETE`.
    pub(super) method: &'static str,
    /// Without the version and the query, each part of it escaped.
    pub(super) path: String,
    /// Names and values, not escaped.
    pub(super) query: Vec<(&'static str, String)>,
    /// What is sent.
    pub(super) body: Option<Value>,
    /// How long the answer may take; else [`wire::ANSWER`].
    pub(super) limit: Option<Duration>,
    /// Who logs in at the registry; never shown.
    pub(super) login: Option<Login>,
}

/// What `X-Registry-Auth` says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login(String);

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl Call {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None, limit: None, login: None }
    }

    /// A read.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// Something is made or done.
    pub(super) fn post(path: impl Into<String>) -> Self {
        Self::new("POST", path)
    }

    /// Something is removed.
    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self::new("DELETE", path)
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

    /// With a body.
    #[must_use]
    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// With a login for the registry that the engine asks.
    #[must_use]
    pub(super) fn login(mut self, login: Option<Login>) -> Self {
        self.login = login;
        self
    }

    /// With a time that the answer may take.
    #[must_use]
    pub(super) fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Could it change something?
    pub(super) fn changes(&self) -> bool {
        self.method != "GET"
    }

    /// For people: `POST /containers/web/stop`.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// One part of a path, escaped. The engine takes escapes back before it looks at the path, and then
/// makes what `..` and `//` mean of it: a name with such a thing is escaped twice, so that it names nothing.
pub(super) fn part(text: &str) -> String {
    let moves = text.split('/').any(|name| matches!(name, "" | "." | ".."));
    let text = if moves { text.replace('.', "%2E").replace('/', "%2F") } else { text.to_owned() };
    let text = if text.is_empty() { "%20" } else { text.as_str() };
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
    target: &'a DockerTarget,
    cancel: &'a dyn Cancel,
}

impl<'a> Reader<'a> {
    /// Finds out where the engine is. Nothing is sent yet.
    pub(super) async fn open(access: ReadAccess<'a>) -> Result<Self, Fault> {
        let target = DockerTarget::of(access.target())?;
        Ok(Self { wire: target.wire().await?, target, cancel: access.cancel() })
    }

    /// Whose engine it is.
    pub(super) fn target(&self) -> &'a DockerTarget {
        self.target
    }

    /// Tells when to stop.
    pub(super) fn cancel(&self) -> &'a dyn Cancel {
        self.cancel
    }

    /// Where the engine is.
    pub(super) fn opened(&self) -> &Opened {
        self.wire.opened()
    }

    /// The connection behind it, for a tunnel that outlives this.
    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Asks.
    ///
    /// # Errors
    /// When it is anything but GET, when the engine refuses, when there is no answer.
    pub(super) async fn get(&self, call: &Call) -> Result<Value, Fault> {
        gate::check(call)?;
        Ok(self.wire.send(call, self.cancel).await?.body)
    }

    /// As [`Reader::get`]; nothing if there is no such thing.
    pub(super) async fn find(&self, call: &Call) -> Result<Option<Value>, Fault> {
        match self.get(call).await {
            Ok(body) => Ok(Some(body)),
            Err(fault) if fault.server_code.as_deref() == Some("404") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Reads what a container wrote: its log. With a terminal (`tty`) the two streams are one.
    pub(super) async fn output(&self, call: &Call, tty: bool, keep: Keep) -> Result<Output, Fault> {
        gate::check(call)?;
        self.wire.output(call, tty, keep, self.cancel).await
    }

    /// Opens an answer that comes line by line and need not end: events.
    pub(super) async fn follow(&self, call: &Call) -> Result<Lines<'a>, Fault> {
        gate::check(call)?;
        Lines::open(&self.wire, call, self.cancel).await
    }

    /// Waits, unless it is told to stop.
    pub(super) async fn rest(&self, time: Duration) -> Result<(), Fault> {
        wire::rest(time, self.cancel).await
    }
}

/// Sends anything.
#[derive(Clone)]
pub(super) struct Writer<'a> {
    reader: Reader<'a>,
}

impl<'a> Writer<'a> {
    /// Finds out where the engine is. Nothing is sent yet.
    pub(super) async fn open(access: &WriteAccess<'a>) -> Result<Self, Fault> {
        Ok(Self { reader: Reader::open(access.reading()).await? })
    }

    /// Who may write may read.
    pub(super) fn reading(&self) -> &Reader<'a> {
        &self.reader
    }

    /// Sends a change. What is as it should be already answers with 304.
    ///
    /// # Errors
    /// When the engine refuses; when it was sent and there is no answer, it is unclear whether the
    /// change was made.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Fault> {
        self.reader.wire.send(call, self.reader.cancel).await
    }

    /// Sends what cleans up, also when it was told to stop; not for long.
    ///
    /// # Errors
    /// As [`Writer::send`].
    pub(super) async fn send_in_the_end(&self, call: &Call) -> Result<Answer, Fault> {
        let limit = call.limit.unwrap_or(IN_THE_END).min(IN_THE_END);
        self.reader.wire.send(&call.clone().within(limit), &playbook_core::ports::Never).await
    }

    /// Sends a change that tells line by line how far it is. The time of the call is that between two
    /// lines.
    ///
    /// # Errors
    /// As [`Writer::send`]; when a line tells of an error; and those of `each`, which end it.
    pub(super) async fn lines(
        &self,
        call: &Call,
        each: &mut (dyn FnMut(&Value) -> Result<(), Fault> + Send),
    ) -> Result<(), Fault> {
        let mut lines = Lines::open(&self.reader.wire, call, self.reader.cancel).await?;
        while let Some(line) = lines.next().await? {
            lines.told(&line)?;
            each(&line)?;
        }
        Ok(())
    }

    /// Opens the output of a container or a command, and reads it to its end; no input is given.
    ///
    /// # Errors
    /// As [`Writer::send`].
    pub(super) async fn attach(&self, call: &Call, tty: bool, keep: Keep) -> Result<Output, Fault> {
        self.attach_open(call).await?.read(tty, keep).await
    }

    /// Opens the output, so that nothing is missed of what is started after this.
    ///
    /// # Errors
    /// As [`Writer::send`].
    pub(super) async fn attach_open(&self, call: &Call) -> Result<Attached<'a>, Fault> {
        Attached::open(&self.reader.wire, call, self.reader.cancel).await
    }
}

impl Wire {
    /// Asks, as a reader; nothing if there is no such thing. For tunnels, which outlive readers; who
    /// opens one drops what takes too long.
    pub(in crate::docker) async fn find(&self, call: &Call) -> Result<Option<Value>, Fault> {
        gate::check(call)?;
        match self.send(call, &playbook_core::ports::Never).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(fault) if fault.server_code.as_deref() == Some("404") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Sends a change that no run records: to what this program made for itself, and removes again.
    pub(in crate::docker) async fn errand(&self, call: &Call) -> Result<Answer, Fault> {
        self.send(call, &playbook_core::ports::Never).await
    }

    /// Opens the output of such a container.
    pub(in crate::docker) async fn attend(&self, call: &Call) -> Result<Attached<'static>, Fault> {
        Attached::open(self, call, &playbook_core::ports::Never).await
    }

    /// Opens a stream to a port of the engine's machine, or of a network that only it can reach.
    pub(in crate::docker) async fn reach(&self, end: &End) -> Result<Box<dyn Duplex>, Fault> {
        connect::reach(self.opened(), end).await
    }
}
