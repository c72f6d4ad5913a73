//! The only place that knows the driver: connecting, sending lines, receiving replies.
//!
//! [`Wire`] can send anything, so nothing outside of this module holds one: [`ReadConn`] is made from
//! leave to read and refuses whatever is not a read, [`WriteConn`] is made from leave to write.

mod last_words;
mod read;
mod through;
mod tls;
mod write;

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use redis::{ClientTlsConfig, Cmd, Pipeline, RedisConnectionInfo, RedisError, TlsCertificates, Value};

use super::endpoint::{Endpoint, Place};
use super::value::{Reply, ServerError};

pub(super) use read::{Cached, ReadConn};
pub(super) use write::WriteConn;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a reply may take.
const RESPOND: Duration = Duration::from_secs(30);
/// The name that connections give themselves.
const NAME: &str = "playbook";

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Nobody could be reached: what was to be sent never was.
    Unreachable(String),
    /// The server let nobody in, or refused the database.
    Refused(ServerError),
    /// No reply in time.
    Timeout,
    /// The connection broke; what was sent may have arrived.
    Lost(String),
    /// The address or the certificates make no sense.
    Invalid(String),
    /// The way there could not be opened.
    Way(Box<playbook_core::action::Fault>),
}

/// Commands that go out together and are answered together.
#[derive(Clone, Default)]
pub(super) struct Lines(Pipeline);

impl Lines {
    /// None yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// One command.
    pub(super) fn of<A: AsRef<[u8]>>(words: impl IntoIterator<Item = A>) -> Self {
        let mut lines = Self::new();
        lines.add(words);
        lines
    }

    /// Adds a command.
    pub(super) fn add<A: AsRef<[u8]>>(&mut self, words: impl IntoIterator<Item = A>) -> &mut Self {
        let mut command = Cmd::new();
        for word in words {
            command.arg(word.as_ref());
        }
        self.0.add_command(command);
        self
    }

    /// Adds all of others.
    pub(super) fn extend(&mut self, other: &Self) -> &mut Self {
        for command in other.0.cmd_iter() {
            self.0.add_command(command.clone());
        }
        self
    }

    /// How many commands.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// None?
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words of each command.
    pub(super) fn words(&self) -> impl Iterator<Item = impl Iterator<Item = &[u8]>> {
        self.0.cmd_iter().map(|command| {
            command.args_iter().map(|word| match word {
                redis::Arg::Simple(bytes) => bytes,
                _ => &[][..],
            })
        })
    }
}

/// A connection that can send anything.
#[derive(Clone)]
struct Wire {
    connection: MultiplexedConnection,
    /// As CLIENT ID says.
    id: Option<i64>,
}

impl Wire {
    /// Connects, is let in, selects the database and says its name.
    async fn connect(endpoint: &Endpoint) -> Result<Self, Broken> {
        match Self::let_in(endpoint).await {
            Err(broken @ (Broken::Lost(_) | Broken::Unreachable(_))) => {
                Err(last_words::last_words(endpoint).await.unwrap_or(broken))
            }
            done => done,
        }
    }

    async fn let_in(endpoint: &Endpoint) -> Result<Self, Broken> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(RESPOND));
        if let Some(tunnel) = &endpoint.via {
            let connection = Box::pin(through::connect(endpoint, tunnel.as_ref(), config)).await?;
            let mut wire = Self { connection, id: None };
            wire.enter(endpoint).await?;
            return Ok(wire);
        }
        let client = client(endpoint)?;
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        let connection = connection.map_err(|error| match Broken::of(&error) {
            Broken::Timeout => Broken::Unreachable(format!("no connection within {} s", CONNECT.as_secs())),
            Broken::Lost(why) => Broken::Unreachable(why),
            other => other,
        })?;
        let mut wire = Self { connection, id: None };
        wire.enter(endpoint).await?;
        Ok(wire)
    }

    async fn enter(&mut self, endpoint: &Endpoint) -> Result<(), Broken> {
        let user = endpoint.user.as_deref();
        let mut hello = vec!["HELLO", "3"];
        if let Some(password) = &endpoint.password {
            hello.extend(["AUTH", user.unwrap_or("default"), password]);
        }
        let reply = self.one(&Lines::of(hello)).await?;
        if let Some(error) = reply.error() {
            let old = error.code == "NOPROTO" || error.text.to_ascii_lowercase().contains("unknown command");
            if !old {
                return Err(Broken::Refused(error.clone()));
            }
            if let Some(password) = &endpoint.password {
                let auth: Vec<&str> = ["AUTH"].into_iter().chain(user).chain([password.as_str()]).collect();
                if let Some(error) = self.one(&Lines::of(auth)).await?.error() {
                    return Err(Broken::Refused(error.clone()));
                }
            }
        }
        let mut lines = Lines::new();
        let db = endpoint.db.to_string();
        lines.add(["CLIENT", "ID"]).add(["CLIENT", "SETNAME", NAME]);
        if endpoint.db != 0 {
            lines.add(["SELECT", db.as_str()]);
        }
        let replies = self.send(&lines).await?;
        self.id = replies.first().and_then(Reply::int);
        match replies.get(2).and_then(Reply::error) {
            Some(error) => Err(Broken::Refused(error.clone())),
            None => Ok(()),
        }
    }

    /// Sends commands and gives one reply for each; what the server refuses is a reply as well.
    async fn send(&mut self, lines: &Lines) -> Result<Vec<Reply>, Broken> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let replies = self.connection.send_packed_commands(&lines.0, 0, lines.len()).await;
        Ok(replies.map_err(|error| Broken::of(&error))?.into_iter().map(reply).collect())
    }

    /// Sends the first of some commands.
    async fn one(&mut self, lines: &Lines) -> Result<Reply, Broken> {
        let first = self.send(lines).await?.into_iter().next();
        first.ok_or_else(|| Broken::Lost("an empty reply".into()))
    }
}

fn client(endpoint: &Endpoint) -> Result<Client, Broken> {
    let address = match (&endpoint.place, &endpoint.tls) {
        (Place::Tcp(host, port), None) => ConnectionAddr::Tcp(host.clone(), *port),
        (Place::Tcp(host, port), Some(tls)) => {
            ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: tls.insecure, tls_params: None }
        }
        (Place::Unix(path), _) => ConnectionAddr::Unix(path.clone()),
    };
    // The driver's own handshake hides the server's words, so there is none: see `enter`.
    let bare = RedisConnectionInfo::default().set_skip_set_lib_name();
    let invalid = |error: RedisError| Broken::Invalid(words(&error));
    let info: ConnectionInfo = address.into_connection_info().map_err(invalid)?.set_redis_settings(bare);
    match (&endpoint.place, &endpoint.tls) {
        (Place::Tcp(..), Some(tls)) => {
            let own = tls.own.clone().map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
            let certificates = TlsCertificates { client_tls: own, root_cert: tls.ca.clone() };
            Client::build_with_tls(info, certificates).map_err(invalid)
        }
        _ => Client::open(info).map_err(invalid),
    }
}

impl Broken {
    fn of(error: &RedisError) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        if error.is_connection_refusal() {
            return Self::Unreachable(words(error));
        }
        match error.kind() {
            redis::ErrorKind::InvalidClientConfig => Self::Invalid(words(error)),
            _ => Self::Lost(words(error)),
        }
    }
}

fn words(error: &RedisError) -> String {
    let text = error.to_string();
    text.trim_end_matches('.').to_owned()
}

fn reply(value: Value) -> Reply {
    match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Int(number),
        Value::Double(number) => Reply::Double(number),
        Value::Boolean(value) => Reply::Bool(value),
        Value::BulkString(bytes) | Value::BigNumber(bytes) => Reply::Bytes(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Reply::Bytes(text.into_bytes()),
        Value::Okay => Reply::Bytes(b"OK".to_vec()),
        Value::Array(items) | Value::Set(items) | Value::Push { data: items, .. } => {
            Reply::Array(items.into_iter().map(reply).collect())
        }
        Value::Map(pairs) => Reply::Map(pairs.into_iter().map(|(key, value)| (reply(key), reply(value))).collect()),
        Value::Attribute { data, .. } => reply(*data),
        Value::ServerError(error) => Reply::Error(ServerError {
            code: error.code().to_owned(),
            text: error.details().unwrap_or_default().to_owned(),
        }),
        // The driver may learn new kinds of replies; what they hold is unknown, not nothing.
        other => Reply::Bytes(format!("{other:?}").into_bytes()),
    }
}
