//! A Redis server as a target: where it is, who is expected there, and who answers.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Mutex;

use playbook_core::action::{Fault, Identity, ReadAccess, Target};
use playbook_core::ports::{BoxFuture, Cancel};
use playbook_core::secret::Secrets;

use super::acl_change::Hashes;
use super::client::{Cached, Lines, ReadConn};
use super::endpoint::Endpoint;
use super::expect::Expect;
use super::faults;
use super::reply::info_fields;
use super::value::Reply;

/// A server with all its values. Connects when it is first used.
pub(super) struct RedisTarget {
    name: String,
    endpoint: Endpoint,
    expect: Option<Expect>,
    secrets: Secrets,
    cached: Cached,
    /// A password that the run itself has set since.
    newer: Mutex<Option<String>>,
    /// Hashes of passwords that the run changed, by change and user: for a rollback in this process.
    hashes: Mutex<BTreeMap<(String, String), Hashes>>,
}

impl RedisTarget {
    pub(super) fn new(name: &str, endpoint: Endpoint, expect: Option<Expect>, secrets: Secrets) -> Self {
        let (cached, newer, hashes) = (Cached::default(), Mutex::default(), Mutex::default());
        Self { name: name.to_owned(), endpoint, expect, secrets, cached, newer, hashes }
    }

    /// The target of an access, which is always one of this provider's.
    pub(super) fn of(target: &dyn Target) -> Result<&Self, Fault> {
        target.as_any().downcast_ref().ok_or_else(|| faults::internal("a target of another provider"))
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn expect(&self) -> Option<&Expect> {
        self.expect.as_ref()
    }

    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    pub(super) fn cached(&self) -> &Cached {
        &self.cached
    }

    /// Another password to try where the first is refused: the run itself may have changed it.
    pub(super) fn learn_password(&self, password: &str) {
        if let Ok(mut newer) = self.newer.lock() {
            *newer = Some(password.to_owned()).filter(|password| !password.is_empty());
        }
    }

    /// Remembers hashes of a user's passwords around a change.
    pub(super) fn remember_hashes(&self, change: &str, user: &str, hashes: Hashes) {
        if let Ok(mut all) = self.hashes.lock() {
            all.insert((change.to_owned(), user.to_owned()), hashes);
        }
    }

    /// What this process remembers of a user's passwords around a change.
    pub(super) fn hashes(&self, change: &str, user: &str) -> Option<Hashes> {
        self.hashes.lock().ok()?.get(&(change.to_owned(), user.to_owned())).cloned()
    }

    /// The endpoint with the password that was learned, if one was, and if it is this user's.
    pub(super) fn newer_endpoint(&self) -> Option<Endpoint> {
        let own = self.endpoint.user.as_deref().is_none_or(|user| user == "default");
        let password = self.newer.lock().ok()?.clone().filter(|_| own)?;
        Some(Endpoint { password: Some(password), ..self.endpoint.clone() })
    }

    /// Drops the connection for reads, which broke.
    pub(super) fn forget(&self) {
        self.cached.forget();
    }

    pub(super) fn address_text(&self) -> String {
        self.endpoint.address()
    }

    async fn identify(&self, cancel: &dyn Cancel) -> Result<Identity, Fault> {
        // A connection that was made before may be to a server that has gone.
        self.forget();
        let mut read = ReadConn::open(ReadAccess::new(self, cancel)).await?;
        let mut lines = Lines::new();
        lines.add(["INFO", "replication"]).add(["ACL", "WHOAMI"]);
        let replies = read.ask(&lines).await?;
        let fields = info_fields(replies.first().and_then(Reply::text).unwrap_or_default());
        let field = |name: &str| fields.get(name).cloned().unwrap_or_else(|| "unknown".into());
        let user = replies.get(1).and_then(Reply::text).unwrap_or("default").to_owned();
        let server = read.server();
        let id = match &server.run_id {
            Some(run_id) => format!("redis:{run_id}"),
            None => format!("redis:{}", self.address_text()),
        };
        let facts = [
            ("version", server.title.clone()),
            ("role", field("role")),
            ("address", self.address_text()),
            ("db", self.endpoint.db.to_string()),
            ("user", user),
            ("replicas", field("connected_slaves")),
        ];
        let mut facts: Vec<(String, String)> = facts.map(|(name, value)| (name.to_owned(), value)).into();
        facts.extend(self.endpoint.via.iter().flat_map(|via| via.facts()));
        Ok(Identity { id, facts })
    }
}

impl Target for RedisTarget {
    fn name(&self) -> &str {
        &self.name
    }

    fn address(&self) -> String {
        self.address_text()
    }

    fn identify<'a>(&'a self, cancel: &'a dyn Cancel) -> BoxFuture<'a, Result<Identity, Fault>> {
        Box::pin(self.identify(cancel))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
