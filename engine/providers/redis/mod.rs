//! Redis.
//!
//! A command is known from a table before any server is asked ([`lookup`], [`classify`]), planned and
//! read over a connection that refuses whatever is not a read, and changed over one of its own:
//! watched, captured, applied and read again in one transaction ([`key_change`], [`config_change`]).
//! What was captured is taken back by [`undo`], and looked into after a crash by [`probe`].
//!
//! Only `client.rs` knows the driver.

mod acl_change;
mod address;
mod ask;
mod call;
mod classify;
mod client;
mod command;
mod config_change;
pub mod drill;
mod dump;
mod endpoint;
mod eviction;
mod expect;
mod expected;
mod faults;
mod find_keys;
mod functions_change;
mod guarded;
mod image;
mod insider;
mod key_change;
mod keys;
mod lookup;
mod meta;
mod outside;
mod plain_change;
mod plan;
mod probe;
mod record;
mod reply;
mod secret_words;
mod server;
mod settings;
mod sha1;
mod table;
mod target;
mod target_draft;
mod txn;
mod undo;
mod unsuitable;
mod value;

use std::sync::Arc;

use playbook_core::action::{Fault, Kind, Provider, ReadAccess, TargetDraft, Undo, UndoPart, Verdict, WriteAccess};
use playbook_core::diagnostic::Diagnostics;
use playbook_core::plan::Planned;
use playbook_core::ports::BoxFuture;
use playbook_core::secret::Secrets;
use playbook_core::syntax::tree::Entry;
use playbook_core::tunnel::Way;

pub use insider::insider;
pub use outside::{Outside, ThisProcess};

/// The Redis provider, which takes passwords and certificates from this process's environment and
/// files. `secrets` are those of the process: known values are kept out of everything it says. `ways`
/// are what `via:` can name.
pub fn provider(secrets: Secrets, ways: Vec<Arc<dyn Way>>) -> Arc<dyn Provider> {
    Arc::new(Redis { secrets, outside: Arc::new(ThisProcess), ways })
}

/// As [`provider`], with another source of environment variables and files, and nothing but direct ways.
pub fn provider_with(secrets: Secrets, outside: Arc<dyn Outside>) -> Arc<dyn Provider> {
    Arc::new(Redis { secrets, outside, ways: Vec::new() })
}

struct Redis {
    secrets: Secrets,
    outside: Arc<dyn Outside>,
    ways: Vec<Arc<dyn Way>>,
}

impl Provider for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn summary(&self) -> &'static str {
        "a Redis or Valkey server"
    }

    fn kinds(&self) -> Vec<Arc<dyn Kind>> {
        vec![Arc::new(command::RedisKind), Arc::new(keys::KeysKind)]
    }

    fn target(&self, entry: &Entry, siblings: &[Entry], found: &mut Diagnostics) -> Option<Arc<dyn TargetDraft>> {
        let draft = target_draft::read(entry, siblings, &self.secrets, &self.outside, &self.ways, found)?;
        Some(Arc::new(draft))
    }

    fn target_schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        target_draft::schema(&self.ways, generator)
    }

    fn undo<'a>(
        &'a self,
        access: WriteAccess<'a>,
        parts: Vec<UndoPart>,
    ) -> BoxFuture<'a, Result<Box<dyn Undo + 'a>, Fault>> {
        Box::pin(async move { Ok(Box::new(undo::RedisUndo::begin(access, parts).await?) as Box<dyn Undo + 'a>) })
    }

    fn plan_undo<'a>(&'a self, access: ReadAccess<'a>, parts: &'a [UndoPart]) -> BoxFuture<'a, Result<Planned, Fault>> {
        Box::pin(undo::plan(access, parts))
    }

    fn probe<'a>(&'a self, access: ReadAccess<'a>, part: &'a UndoPart) -> BoxFuture<'a, Result<Verdict, Fault>> {
        Box::pin(probe::probe(access, part))
    }
}
