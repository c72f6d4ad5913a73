//! A command that writes keys: they are watched and read, then changed and read in one transaction.

use playbook_core::action::{Applied, Capture, Change, Fault, Happened, WriteAccess};
use playbook_core::plan;
use playbook_core::ports::BoxFuture;
use serde_json::Value;

use super::ask::{clock, images, keys_subject, memory, read_keys, slack, told};
use super::call::Call;
use super::classify::Way;
use super::client::{Lines, WriteConn};
use super::faults;
use super::find_keys::written;
use super::guarded::{Then, guarded};
use super::image::Image;
use super::record::{Facts, KeysRecord, after, salt};
use super::reply::typed;
use super::txn::{Outcome, allowed};
use super::value::Reply;

/// Lines of a diff.
const DIFF: usize = 10;
/// A payload is at most this much smaller than what the key takes in memory.
const SHRINKS: u64 = 8;

/// A change of keys by one command.
pub(super) struct KeyChange<'a> {
    conn: WriteConn<'a>,
    limit: u64,
    call: Call,
    way: Way,
    captured: Option<KeysRecord>,
    done: bool,
    result: Value,
}

impl<'a> KeyChange<'a> {
    /// Connects.
    pub(super) async fn begin(access: &WriteAccess<'a>, call: Call, way: Way) -> Result<Self, Fault> {
        let mut conn = WriteConn::open(access).await?;
        allowed(&mut conn).await?;
        let limit = access.capture_limit();
        Ok(Self { conn, limit, call, way, captured: None, done: false, result: Value::Null })
    }

    async fn watch(&mut self) -> Result<Option<Capture>, Fault> {
        if self.done {
            return Ok(None);
        }
        let keys = written(&mut self.conn, &self.call).await?;
        let mut lines = Lines::of(["UNWATCH"]);
        if !keys.is_empty() {
            lines.add([b"WATCH".as_slice()].into_iter().chain(keys.iter().map(Vec::as_slice)));
        }
        for reply in self.conn.ask(&lines).await? {
            told(reply, self.conn.target())?;
        }
        let held: u64 = memory(&mut self.conn, &keys).await?.iter().sum();
        if held / SHRINKS > self.limit {
            return Err(faults::too_much(held, self.limit));
        }
        let (before, at) = read_keys(&mut self.conn, &keys, self.limit).await?;
        let server = self.conn.server();
        let facts = Facts {
            db: self.conn.target().endpoint().db,
            count: keys.len() as u64,
            at: at.now,
            salt: salt(),
            exact: server.tells_expiry(),
            client: server.connection,
            run_id: server.run_id.clone(),
            beyond: self.beyond(keys.is_empty()),
            sweep: None,
        };
        let record = KeysRecord { facts, keys: keys.iter().cloned().zip(before).collect() };
        let undo = record.stored();
        let subject = self.subject(&record);
        let count = keys.len() as u64;
        self.captured = Some(record);
        Ok(Some(Capture { subject, words: self.call.shown().to_vec(), undo, count, last: true }))
    }

    async fn commit(&mut self) -> Result<Applied, Fault> {
        let record = self.captured.take().ok_or_else(|| faults::internal("a change that was not captured"))?;
        let mut body = Lines::of(["TIME"]);
        body.extend(&self.call.line());
        let mut replies = match guarded(&mut self.conn, &record.keys, &body, Then::Read, false).await {
            Err(fault) => return Err(self.call.clean_fault(fault)),
            Ok(Outcome::Moved) => return Err(faults::moved(&self.subject(&record))),
            Ok(Outcome::Refused(error)) => return Err(self.refused(&error)),
            Ok(Outcome::Ran(replies)) => replies.into_iter(),
        };
        let now = replies.next().as_ref().and_then(clock).unwrap_or(record.facts.at);
        let reply = replies.next().unwrap_or(Reply::Nil);
        let unsure = |fault: Fault| fault.unclear();
        let server = self.conn.server();
        let left = images(replies.collect(), now, server, self.conn.target()).map_err(unsure)?;
        let slack = slack(server);
        let same = record.keys.iter().zip(&left).all(|((_, before), after)| before.equals(after, slack));
        if let Reply::Error(error) = &reply {
            let fault = self.refused(error);
            // The server refused, and everything that it could have changed is as it was. A script
            // may have done something before it failed.
            let begun = self.way != Way::Keys(None) && !never_begun(error);
            let happened = if same && !begun { Happened::No } else { Happened::Unclear };
            return Err(Fault { happened, ..fault });
        }
        self.done = true;
        self.result = typed(self.call.name(), self.call.words(), &reply);
        let lefts: Vec<_> = left.iter().map(|image| image.left(&record.facts.salt)).collect();
        let beyond = self.changed_beyond(&reply);
        let mut after = after(&lefts);
        if record.facts.beyond.is_some() && !beyond {
            after["beyond"] = false.into();
        }
        Ok(Applied { changed: !same || beyond, after, diff: self.diff(&record, &left, now), corrected: None })
    }

    /// What a command does beyond its keys nobody sees; its reply may say that it did nothing.
    fn changed_beyond(&self, reply: &Reply) -> bool {
        match self.way {
            Way::Keys(None) => false,
            Way::Keys(Some(_)) => !matches!(reply, Reply::Int(0) | Reply::Nil) && reply.text() != Some("NOKEY"),
            _ => true,
        }
    }

    /// What rollback has to say besides, because no captured key stands for it.
    fn beyond(&self, no_keys: bool) -> Option<String> {
        match &self.way {
            Way::Keys(Some(what)) => Some((*what).to_owned()),
            Way::Keys(None) if no_keys => Some("the server names no key that it writes".to_owned()),
            Way::Script if no_keys => Some("the script declares no keys, so nobody knows what it changed".to_owned()),
            Way::Script => Some("what the script did besides to keys that it does not declare is not known".to_owned()),
            _ => None,
        }
    }

    fn refused(&self, error: &super::value::ServerError) -> Fault {
        let fault = faults::server(error, &self.conn.target().address_text(), self.conn.target().secrets());
        self.call.clean_fault(fault)
    }

    fn subject(&self, record: &KeysRecord) -> String {
        let keys: Vec<Vec<u8>> = record.keys.iter().map(|(key, _)| key.clone()).collect();
        let secrets = self.conn.target().secrets();
        keys_subject(&keys, record.bytes(), |key| self.call.key_name(key, secrets))
    }

    fn diff(&self, record: &KeysRecord, left: &[Image], now: i64) -> Vec<plan::Change> {
        let slack = slack(self.conn.server());
        let secrets = self.conn.target().secrets();
        let shown = |image: &Image| match image.alive(now) {
            None => plan::Image::Absent,
            Some(_) if self.call.has_secrets() => plan::Image::Secret,
            Some(_) => plan::Image::of(secrets.text(&image.describe(now, secrets)).into_owned()),
        };
        record
            .keys
            .iter()
            .zip(left)
            .filter(|((_, before), after)| !before.equals(after, slack))
            .take(DIFF)
            .map(|((key, before), after)| {
                let name = self.call.key_name(key, secrets);
                plan::Change::new(format!("key {name}"), shown(before), shown(after))
            })
            .collect()
    }
}

/// Was the script not even begun?
fn never_begun(error: &super::value::ServerError) -> bool {
    error.code == "NOSCRIPT"
        || error.text.starts_with("Error compiling")
        || error.text.starts_with("Function not found")
}

impl Change for KeyChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(self.watch())
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(self.commit())
    }

    fn result(&mut self) -> Value {
        self.result.clone()
    }
}
