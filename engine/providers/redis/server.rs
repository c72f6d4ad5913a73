//! Which server answered, and what it can do.

use super::reply::info_fields;
use super::value::Reply;

/// What INFO says of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// The version whose commands it understands.
    pub(super) version: (u32, u32, u32),
    /// Its own name and version: `redis 7.0.15`, `valkey 9.1.2`.
    pub(super) title: String,
    /// Changes with every start.
    pub(super) run_id: Option<String>,
    /// The id of the connection that asked.
    pub(super) connection: Option<i64>,
}

impl Server {
    /// From the reply to INFO server. A user who may not ask gets what a current server can do.
    pub(super) fn of(reply: &Reply) -> Self {
        let fields = info_fields(reply.text().unwrap_or_default());
        let field = |name: &str| fields.get(name).map(String::as_str);
        let version = field("redis_version").and_then(parse_version);
        let title = match field("valkey_version") {
            Some(valkey) => format!("valkey {valkey}"),
            None => format!("redis {}", field("redis_version").unwrap_or("of unknown version")),
        };
        Self {
            version: version.unwrap_or((7, 0, 0)),
            title,
            run_id: field("run_id").map(str::to_owned),
            connection: None,
        }
    }

    /// The version number alone.
    pub(super) fn number(&self) -> &str {
        self.title.split(' ').next_back().unwrap_or_default()
    }

    /// Can it tell when a key expires as a point in time?
    pub(super) fn tells_expiry(&self) -> bool {
        self.version >= (7, 0, 0)
    }

    /// Can it tell which keys a command writes?
    pub(super) fn tells_key_flags(&self) -> bool {
        self.version >= (7, 0, 0)
    }

    /// Can SCAN filter by type?
    pub(super) fn scans_by_type(&self) -> bool {
        self.version >= (6, 0, 0)
    }

    /// Can a client be looked up by its id?
    pub(super) fn lists_by_id(&self) -> bool {
        self.version >= (6, 2, 0)
    }
}

/// `7.0.15` as numbers; parts that are missing are 0.
pub(super) fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.trim().split('.').map(|part| part.parse::<u32>().ok());
    let first = parts.next()??;
    Some((first, parts.next().flatten().unwrap_or(0), parts.next().flatten().unwrap_or(0)))
}
