//! A command that touches neither keys nor settings: sent as it is. What can be taken back by another
//! command is recorded as that command; what cannot is recorded as such, never as nothing.

use playbook_core::action::{Applied, Capture, Change, Fault, FaultKind, UndoOrder, UndoRecord, WriteAccess};
use playbook_core::codes::Code;
use playbook_core::ports::BoxFuture;
use serde_json::{Value, json};

use super::call::Call;
use super::classify::{UNKNOWN, Way};
use super::client::{Lines, WriteConn};
use super::faults;
use super::reply::{info_fields, typed};
use super::value::Reply;

/// The kind of record of a command that leaves nothing to take back.
pub(super) const NOTHING: &str = "redis.nothing/1";
/// The kind of record of a command that another one takes back.
pub(super) const INVERSE: &str = "redis.inverse/1";
/// The kind of record of a command that cannot be taken back.
pub(super) const NEVER: &str = "redis.never/1";

/// A command that is sent as it is.
pub(super) struct PlainChange<'a> {
    conn: WriteConn<'a>,
    access: WriteAccess<'a>,
    call: Call,
    way: Way,
    ready: bool,
    done: bool,
    result: Value,
}

impl<'a> PlainChange<'a> {
    /// Connects.
    pub(super) async fn begin(access: WriteAccess<'a>, call: Call, way: Way) -> Result<Self, Fault> {
        let conn = WriteConn::open(&access).await?;
        Ok(Self { conn, access, call, way, ready: false, done: false, result: Value::Null })
    }

    async fn record(&mut self) -> Result<Option<Capture>, Fault> {
        if self.done {
            return Ok(None);
        }
        self.ready = true;
        let undo = match &self.way {
            Way::Nothing => {
                let saved = self.saved().await;
                UndoRecord {
                    data: json!({"command": self.call.name(), "saved": saved}),
                    ..UndoRecord::nothing(NOTHING)
                }
            }
            Way::Inverse => self.inverse().await?,
            Way::Never(why) => self.never(why).await,
            Way::Unknown => self.never(UNKNOWN).await,
            Way::Read | Way::Keys(_) | Way::Script | Way::Config | Way::Acl | Way::Functions => {
                return Err(faults::internal(format!("{} does not go this way", self.call.title())));
            }
        };
        let words = self.call.shown().to_vec();
        Ok(Some(Capture { subject: self.call.title(), words, undo, count: 1, last: true }))
    }

    /// When the last snapshot was written: tells later whether one more was.
    async fn saved(&mut self) -> Option<i64> {
        if !matches!(self.call.name(), "save" | "bgsave") {
            return None;
        }
        self.conn.one(["LASTSAVE"]).await.ok()?.int()
    }

    async fn never(&mut self, why: &str) -> UndoRecord {
        let keys = match self.call.name() {
            "flushdb" => self.conn.one(["DBSIZE"]).await.ok().and_then(|reply| reply.int()),
            "flushall" => self.conn.one(["INFO", "keyspace"]).await.ok().map(|reply| keys_of_all(&reply)),
            _ => None,
        };
        let run_id = self.conn.server().run_id.clone();
        let data = json!({"command": self.call.name(), "why": why, "keys": keys, "run_id": run_id});
        UndoRecord { kind: NEVER.into(), data, blob: None, order: UndoOrder::Data }
    }

    /// The command that takes this one back, from the state before it.
    async fn inverse(&mut self) -> Result<UndoRecord, Fault> {
        let role = match self.call.name() {
            "replicaof" | "slaveof" => Some(Role::of(&self.conn.one(["ROLE"]).await?)),
            _ => None,
        };
        let words = match (self.call.name(), &role) {
            ("swapdb", _) => self.call.words().to_vec(),
            ("client|pause", _) => ["CLIENT", "UNPAUSE"].map(str::to_owned).to_vec(),
            (_, Some(role)) => role.command(),
            (name, None) => return Err(faults::internal(format!("nothing takes {name} back"))),
        };
        let wanted = role.is_some().then(|| Role::wanted(self.call.args()).json());
        let data = json!({
            "command": self.call.name(), "words": words,
            "role": role.map(|role| role.json()), "wanted": wanted,
        });
        Ok(UndoRecord { kind: INVERSE.into(), data, blob: None, order: UndoOrder::Data })
    }

    async fn send(&mut self) -> Result<Applied, Fault> {
        if !std::mem::take(&mut self.ready) {
            return Err(faults::internal("a change that was not captured"));
        }
        let reply = match self.conn.commit(&self.call.line()).await {
            Ok(replies) => replies.into_iter().next().unwrap_or(Reply::Nil),
            Err(fault) if self.call.name() == "shutdown" && fault.kind == FaultKind::Unreachable => {
                self.gone(fault).await?
            }
            Err(fault) => return Err(self.call.clean_fault(fault)),
        };
        if let Reply::Error(error) = &reply {
            let fault = faults::server(error, &self.conn.target().address_text(), self.conn.target().secrets());
            let fault = self.call.clean_fault(fault);
            // What nobody knows may have done something before it was refused.
            let known = self.call.command().meta().is_some() && self.call.name() != "debug";
            return Err(if known { fault } else { fault.unclear() });
        }
        self.done = true;
        self.result = typed(self.call.name(), self.call.words(), &reply);
        let changed = self.way != Way::Nothing && !self.in_vain(&reply).await;
        Ok(Applied { changed, after: json!({"done": true}), diff: Vec::new(), corrected: None })
    }

    /// Does the reply prove that nothing happened?
    async fn in_vain(&mut self, reply: &Reply) -> bool {
        match self.call.name() {
            _ if *reply != Reply::Int(0) => false,
            "client|kill" | "client|unblock" | "latency|reset" => true,
            // Those who listen at replicas or at other nodes are not counted.
            "publish" | "spublish" => self.alone().await,
            _ => false,
        }
    }

    /// Is this server neither part of a cluster nor followed by replicas?
    async fn alone(&mut self) -> bool {
        let mut lines = Lines::new();
        lines.add(["INFO", "replication"]).add(["INFO", "cluster"]);
        let replies = self.conn.ask(&lines).await.unwrap_or_default();
        let is = |at: usize, name: &str| {
            let fields = info_fields(replies.get(at).and_then(Reply::text).unwrap_or_default());
            fields.get(name).is_some_and(|value| value == "0")
        };
        is(0, "connected_slaves") && is(1, "cluster_enabled")
    }

    /// A server that stops does not say goodbye: is it gone, or another one there?
    async fn gone(&mut self, fault: Fault) -> Result<Reply, Fault> {
        let before = self.conn.server().run_id.clone();
        match WriteConn::open(&self.access).await {
            Err(other) if other.kind == FaultKind::Unreachable => Ok(Reply::Nil),
            Ok(conn) if conn.server().run_id != before => Ok(Reply::Nil),
            Ok(_) | Err(_) => Err(Fault {
                kind: FaultKind::Unreachable,
                code: Code::InDoubt,
                message: "the connection broke, and nobody can tell whether the server stops".into(),
                ..fault
            }),
        }
    }
}

/// How many keys all databases hold, from INFO keyspace.
pub(super) fn keys_of_all(reply: &Reply) -> i64 {
    let fields = info_fields(reply.text().unwrap_or_default());
    let keys = |value: &String| value.split(',').find_map(|part| part.strip_prefix("keys=")?.parse::<i64>().ok());
    fields.values().filter_map(keys).sum()
}

/// Whom a server follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nobody.
    Master,
    /// The server at this host and port.
    Replica(String, String),
}

impl Role {
    /// From the reply to ROLE.
    pub(super) fn of(reply: &Reply) -> Self {
        let at = |n: usize| reply.items().get(n);
        match at(0).and_then(Reply::text) {
            Some("slave") => {
                let host = at(1).and_then(Reply::text).unwrap_or_default().to_owned();
                Self::Replica(host, at(2).and_then(Reply::int).unwrap_or(0).to_string())
            }
            _ => Self::Master,
        }
    }

    /// What the arguments of REPLICAOF ask for.
    fn wanted(args: &[String]) -> Self {
        match args {
            [no, one] if no.eq_ignore_ascii_case("no") && one.eq_ignore_ascii_case("one") => Self::Master,
            [host, port] => Self::Replica(host.clone(), port.clone()),
            _ => Self::Master,
        }
    }

    fn command(&self) -> Vec<String> {
        let (host, port) = match self {
            Self::Master => ("NO", "ONE"),
            Self::Replica(host, port) => (host.as_str(), port.as_str()),
        };
        ["REPLICAOF", host, port].map(str::to_owned).to_vec()
    }

    /// As it stands in a record, and for people.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Master => "master".into(),
            Self::Replica(host, port) => format!("replica of {host}:{port}").into(),
        }
    }
}

/// A command that was recorded as one that takes another back.
pub(super) fn inverse_lines(record: &UndoRecord) -> Option<Lines> {
    let words: Option<Vec<&str>> = record.data.get("words")?.as_array()?.iter().map(Value::as_str).collect();
    Some(Lines::of(words?))
}

impl Change for PlainChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(self.record())
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(self.send())
    }

    fn result(&mut self) -> Value {
        self.result.clone()
    }
}
