//! CONFIG SET: the values before are read, then read again, set and read in one transaction.

use playbook_core::action::{Applied, Capture, Change, Fault, Happened, UndoRecord, WriteAccess};
use playbook_core::plan;
use playbook_core::ports::BoxFuture;
use serde_json::{Value, json};

use super::call::Call;
use super::client::WriteConn;
use super::eviction::{evicted, tightens};
use super::faults;
use super::settings::{Kept, Settings, get_lines, got, kept_json, normal, order};
use super::txn::{Outcome, allowed, transact_or_not};
use super::value::Reply;

/// The kind of record that holds settings.
pub(super) const CONFIG: &str = "redis.config/1";

/// A change of settings.
pub(super) struct ConfigChange<'a> {
    conn: WriteConn<'a>,
    call: Call,
    names: Vec<String>,
    captured: Option<Settings>,
    /// How many keys were evicted before, if that may matter and could be asked.
    evicted: Option<u64>,
    done: bool,
    result: Value,
}

impl<'a> ConfigChange<'a> {
    /// Connects.
    pub(super) async fn begin(access: &WriteAccess<'a>, call: Call) -> Result<Self, Fault> {
        let mut conn = WriteConn::open(access).await?;
        allowed(&mut conn).await?;
        let names = call.args().iter().step_by(2).map(|name| name.to_ascii_lowercase()).collect();
        Ok(Self { conn, call, names, captured: None, evicted: None, done: false, result: Value::Null })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    async fn read(&mut self) -> Result<Option<Capture>, Fault> {
        if self.done {
            return Ok(None);
        }
        let lines = get_lines(self.names());
        let replies = self.conn.ask(&lines).await?;
        let before = self.values(replies)?;
        let wanted = self.wanted(&before);
        if tightened(&before, &wanted) {
            self.evicted = evicted(&mut self.conn).await?;
        }
        let undo = self.record(&before, &wanted);
        let subject = self.names.join(", ");
        let count = self.names.len() as u64;
        self.captured = Some(before);
        Ok(Some(Capture { subject, words: self.call.shown().to_vec(), undo, count, last: true }))
    }

    fn values(&self, replies: Vec<Reply>) -> Result<Settings, Fault> {
        let pairs = self.names().zip(replies);
        pairs.map(|(name, reply)| Ok((name.to_owned(), got(reply, name, self.conn.target())?))).collect()
    }

    /// What is about to be set, as the server will show it.
    fn wanted(&self, before: &Settings) -> Settings {
        let values = self.call.args().iter().skip(1).step_by(2);
        before.iter().zip(values).map(|((name, old), value)| (name.clone(), normal(value, old))).collect()
    }

    fn kept_before(&self, before: &Settings) -> Vec<(String, Kept)> {
        let secrets = self.conn.target().secrets();
        before.iter().map(|(name, value)| (name.clone(), Kept::of(name, value, false, secrets))).collect()
    }

    fn kept_after(&self, after: &Settings) -> Vec<(String, Kept)> {
        let secrets = self.conn.target().secrets();
        let secret = |n: usize| self.call.is_secret(2 * n + 3);
        let kept =
            |(n, (name, value)): (usize, &(String, String))| (name.clone(), Kept::of(name, value, secret(n), secrets));
        after.iter().enumerate().map(kept).collect()
    }

    fn record(&self, before: &Settings, after: &Settings) -> UndoRecord {
        let server = self.conn.server();
        let mut data = json!({
            "before": kept_json(&self.kept_before(before)),
            "wanted": kept_json(&self.kept_after(after)),
            "client": server.connection, "run_id": server.run_id,
        });
        if tightened(before, after) {
            data["evicted"] = self.evicted.into();
        }
        UndoRecord { kind: CONFIG.into(), data, blob: None, order: order(before, after) }
    }

    async fn set(&mut self) -> Result<Applied, Fault> {
        let captured = self.captured.take().ok_or_else(|| faults::internal("a change that was not captured"))?;
        let mut body = get_lines(self.names());
        body.extend(&self.call.line()).extend(&get_lines(self.names()));
        let mut replies = match transact_or_not(&mut self.conn, &body, false).await {
            Err(fault) => return Err(self.call.clean_fault(fault)),
            Ok(Outcome::Moved) => return Err(faults::moved("a setting")),
            Ok(Outcome::Refused(error)) => return Err(self.refused(&error)),
            Ok(Outcome::Ran(replies)) => replies,
        };
        let unsure = |fault: Fault| fault.unclear();
        let after = self.values(replies.split_off(self.names.len() + 1)).map_err(unsure)?;
        let reply = replies.pop().unwrap_or(Reply::Nil);
        let before = self.values(replies).map_err(unsure)?;
        if let Reply::Error(error) = &reply {
            let happened = if before == after { Happened::No } else { Happened::Unclear };
            return Err(Fault { happened, ..self.refused(error) });
        }
        self.done = true;
        self.result = reply.json();
        if let Some((_, password)) = after.iter().find(|(name, _)| name == "requirepass") {
            self.conn.target().learn_password(password);
        }
        let record = self.record(&before, &after);
        Ok(Applied {
            changed: before != after,
            after: json!({"after": kept_json(&self.kept_after(&after))}),
            diff: self.diff(&before, &after),
            corrected: (before != captured).then_some(record),
        })
    }

    fn refused(&self, error: &super::value::ServerError) -> Fault {
        let fault = faults::server(error, &self.conn.target().address_text(), self.conn.target().secrets());
        self.call.clean_fault(fault)
    }

    fn diff(&self, before: &Settings, after: &Settings) -> Vec<plan::Change> {
        let secrets = self.conn.target().secrets();
        let both = self.kept_before(before).into_iter().zip(self.kept_after(after)).zip(before.iter().zip(after));
        both.filter(|(_, (before, after))| before != after)
            .map(|(((name, old), (_, new)), _)| change(&name, &old, &new, secrets))
            .collect()
    }
}

/// May the server evict more than it did?
fn tightened(before: &Settings, after: &Settings) -> bool {
    before.iter().zip(after).any(|((name, old), (_, new))| tightens(name, old, new))
}

/// One setting before and after, for people.
pub(super) fn change(
    name: &str,
    before: &Kept,
    after: &Kept,
    secrets: &playbook_core::secret::Secrets,
) -> plan::Change {
    let shown = |kept: &Kept| match kept {
        Kept::Plain(value) => plan::Image::of(secrets.text(value).into_owned()),
        Kept::Secret(_) | Kept::Hidden => plan::Image::Secret,
    };
    plan::Change::new(format!("config {name}"), shown(before), shown(after))
}

impl Change for ConfigChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(self.read())
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(self.set())
    }

    fn result(&mut self) -> Value {
        self.result.clone()
    }
}
