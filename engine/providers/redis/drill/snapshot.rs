//! What a server holds, small enough to compare: digests of values, expiries, settings.

use std::collections::BTreeMap;

use playbook_core::action::{Fault, FaultKind, ReadAccess};
use playbook_core::codes::Code;
use playbook_core::ports::{BoxFuture, Cancel};
use playbook_core::secret::Secrets;

use super::glob::matches;
use crate::redis::address;
use crate::redis::ask::{read_keys, told};
use crate::redis::client::{Lines, ReadConn};
use crate::redis::image::{key_name, span};
use crate::redis::reply::info_fields;
use crate::redis::secret_words::is_secret_setting;
use crate::redis::target::RedisTarget;
use crate::redis::value::{Reply, key_text, lossless};

/// What a server held at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// By the server's clock, in milliseconds since 1970.
    at: i64,
    keys: BTreeMap<(u32, Vec<u8>), Held>,
    settings: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    digest: String,
    expiry: i64,
    about: String,
}

/// What two snapshots may differ in.
#[derive(Clone, Debug, Default)]
pub struct Ignoring {
    /// Patterns of keys, as for SCAN.
    pub keys: Vec<String>,
    /// Names of settings.
    pub settings: Vec<String>,
}

struct GoOn;

impl Cancel for GoOn {
    fn is_cancelled(&self) -> bool {
        false
    }

    fn cancelled(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// A server of a drill knows no secrets.
fn name_of(key: &[u8]) -> String {
    key_name(key, &Secrets::new())
}

impl Snapshot {
    /// Reads all keys of all databases, and all settings.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses to be read.
    pub async fn take(url: &str) -> Result<Self, Fault> {
        let endpoint = address::parse(url, false).map_err(|why| {
            Fault::new(FaultKind::Invalid, Code::TargetAddress, why).help("for example redis://127.0.0.1:6379")
        })?;
        let open = |db: u32| {
            let mut endpoint = endpoint.clone();
            endpoint.db = db;
            RedisTarget::new("snapshot", endpoint, None, Secrets::new())
        };
        let target = open(0);
        let mut read = ReadConn::open(ReadAccess::new(&target, &GoOn)).await?;
        let reply = read.one(["CONFIG", "GET", "*"]).await?;
        let value = |reply: &Reply| lossless(reply.bytes().unwrap_or_default());
        let settings = reply.pairs().into_iter().map(|(name, setting)| (key_text(name), value(setting))).collect();
        let keyspace = read.one(["INFO", "keyspace"]).await?;
        let fields = info_fields(keyspace.text().unwrap_or_default());
        let dbs = fields.keys().filter_map(|name| name.strip_prefix("db")?.parse::<u32>().ok());
        let mut snapshot = Self { at: 0, keys: BTreeMap::new(), settings };
        snapshot.at = crate::redis::ask::moment(&mut read).await?.now;
        for db in dbs {
            let target = open(db);
            let mut read = ReadConn::open(ReadAccess::new(&target, &GoOn)).await?;
            snapshot.database(db, &mut read).await?;
        }
        Ok(snapshot)
    }

    async fn database(&mut self, db: u32, read: &mut ReadConn<'_>) -> Result<(), Fault> {
        let mut cursor = b"0".to_vec();
        loop {
            let lines = Lines::of([b"SCAN".as_slice(), &cursor, b"COUNT", b"1000"]);
            let reply = read.ask(&lines).await?.into_iter().next().unwrap_or(Reply::Nil);
            let mut parts = told(reply, read.target())?.into_items().into_iter();
            cursor = parts.next().and_then(Reply::into_bytes).unwrap_or_else(|| b"0".to_vec());
            let keys = parts.next().map(Reply::into_items).unwrap_or_default();
            let keys: Vec<Vec<u8>> = keys.into_iter().filter_map(Reply::into_bytes).collect();
            let (images, at) = read_keys(read, &keys, u64::MAX).await?;
            for (key, image) in keys.into_iter().zip(images) {
                if let Some(content) = image.content() {
                    let about = crate::redis::image::Image { expiry: -1, ..image.clone() }
                        .describe(at.now, read.target().secrets());
                    let held = Held { digest: content.digest(""), expiry: image.expiry, about };
                    self.keys.insert((db, key), held);
                }
            }
            if cursor == b"0" {
                return Ok(());
            }
        }
    }

    /// How many settings.
    pub fn settings(&self) -> usize {
        self.settings.len()
    }

    /// How many keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// No keys?
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Only the keys that match one of these patterns, and no settings.
    #[must_use]
    pub fn subset(&self, patterns: &[String]) -> Self {
        let meant = |key: &[u8]| patterns.iter().any(|pattern| matches(pattern.as_bytes(), key));
        let keys = self.keys.iter().filter(|((_, key), _)| meant(key));
        let keys = keys.map(|(name, held)| (name.clone(), held.clone())).collect();
        Self { at: self.at, keys, settings: BTreeMap::new() }
    }

    /// What is different in a later snapshot, in words; a key that had to expire in between is not.
    pub fn differences(&self, later: &Self, ignoring: &Ignoring) -> Vec<String> {
        let ignored = |key: &[u8]| ignoring.keys.iter().any(|pattern| matches(pattern.as_bytes(), key));
        let mut found = Vec::new();
        for (name @ (_, key), before) in self.keys.iter().filter(|((_, key), _)| !ignored(key)) {
            let expired = before.expiry >= 0 && before.expiry <= later.at;
            match later.keys.get(name) {
                None if expired => {}
                None => found.push(format!("key {}: was {}, is gone", name_of(key), before.about)),
                Some(now) if now.digest != before.digest => {
                    found.push(format!("key {}: was {}, is {}", name_of(key), before.about, now.about));
                }
                Some(now) if now.expiry != before.expiry => {
                    let shown = |expiry: i64| {
                        if expiry < 0 {
                            "no expiry".to_owned()
                        } else {
                            format!("expiry in {}", span(expiry - later.at))
                        }
                    };
                    found.push(format!(
                        "key {}: had {}, has {}",
                        name_of(key),
                        shown(before.expiry),
                        shown(now.expiry)
                    ));
                }
                Some(_) => {}
            }
        }
        let new = later.keys.iter().filter(|(name @ (_, key), _)| !self.keys.contains_key(*name) && !ignored(key));
        found.extend(new.map(|((_, key), now)| format!("key {}: was not there, is {}", name_of(key), now.about)));
        found.extend(self.settings_that_differ(later, ignoring));
        found
    }

    fn settings_that_differ(&self, later: &Self, ignoring: &Ignoring) -> Vec<String> {
        let names: std::collections::BTreeSet<&String> = self.settings.keys().chain(later.settings.keys()).collect();
        let names = names.into_iter().filter(|name| !ignoring.settings.contains(name));
        names
            .filter(|name| self.settings.get(*name) != later.settings.get(*name))
            .map(|name| {
                let shown = |snapshot: &Self| match snapshot.settings.get(name) {
                    None => "not there".to_owned(),
                    Some(value) if is_secret_setting(name) && !value.is_empty() => "[secret]".to_owned(),
                    Some(value) => format!("\"{value}\""),
                };
                format!("config {name}: was {}, is {}", shown(self), shown(later))
            })
            .collect()
    }
}
