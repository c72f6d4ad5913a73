//! FUNCTION LOAD, DELETE, FLUSH, RESTORE: all functions are dumped before, and listed before and after
//! in the transaction of the change.

use playbook_core::action::{Applied, Capture, Change, Fault, UndoOrder, UndoRecord, WriteAccess};
use playbook_core::model::Digest;
use playbook_core::ports::BoxFuture;
use serde_json::{Value, json};

use super::ask::told;
use super::call::Call;
use super::client::{Lines, WriteConn};
use super::faults;
use super::txn::{Outcome, allowed, transact_or_not};
use super::value::Reply;

/// The kind of record that holds all functions.
pub(super) const FUNCTIONS: &str = "redis.functions/1";

/// A change of functions.
pub(super) struct FunctionsChange<'a> {
    conn: WriteConn<'a>,
    limit: u64,
    call: Call,
    captured: Option<String>,
    done: bool,
    result: Value,
}

/// Lists all functions with their code.
pub(super) fn list_line() -> Lines {
    Lines::of(["FUNCTION", "LIST", "WITHCODE"])
}

/// Tells one set of functions from another, whatever the order they are listed in.
pub(super) fn digest(reply: &Reply) -> String {
    let mut codes: Vec<String> =
        reply.items().iter().map(|library| format!("{:?}", library.get("library_code").map(Reply::json))).collect();
    codes.sort_unstable();
    Digest::of(codes.join("\n").as_bytes()).hex()
}

fn record(blob: Vec<u8>, list: &Reply) -> (String, UndoRecord) {
    let digest = digest(list);
    let data = json!({"before": digest, "libraries": list.items().len()});
    let record = UndoRecord { kind: FUNCTIONS.into(), data, blob: Some(blob), order: UndoOrder::Data };
    (digest, record)
}

impl<'a> FunctionsChange<'a> {
    /// Connects.
    pub(super) async fn begin(access: &WriteAccess<'a>, call: Call) -> Result<Self, Fault> {
        let mut conn = WriteConn::open(access).await?;
        allowed(&mut conn).await?;
        let limit = access.capture_limit();
        Ok(Self { conn, limit, call, captured: None, done: false, result: Value::Null })
    }

    async fn dump(&mut self) -> Result<Option<Capture>, Fault> {
        if self.done {
            return Ok(None);
        }
        let mut lines = Lines::of(["FUNCTION", "DUMP"]);
        lines.extend(&list_line());
        let mut replies = self.conn.ask(&lines).await?.into_iter();
        let dump = told(replies.next().unwrap_or(Reply::Nil), self.conn.target())?;
        let list = told(replies.next().unwrap_or(Reply::Nil), self.conn.target())?;
        let blob = dump.into_bytes().unwrap_or_default();
        if blob.len() as u64 > self.limit {
            return Err(faults::too_much(blob.len() as u64, self.limit));
        }
        let (digest, undo) = record(blob, &list);
        let count = list.items().len() as u64;
        self.captured = Some(digest);
        Ok(Some(Capture { subject: "functions".into(), words: self.call.shown().to_vec(), undo, count, last: true }))
    }

    async fn send(&mut self) -> Result<Applied, Fault> {
        let captured = self.captured.take().ok_or_else(|| faults::internal("a change that was not captured"))?;
        let mut body = Lines::of(["FUNCTION", "DUMP"]);
        body.extend(&list_line()).extend(&self.call.line()).extend(&list_line());
        let sent = transact_or_not(&mut self.conn, &body, false).await;
        let replies = match sent.map_err(|fault| self.call.clean_fault(fault))? {
            Outcome::Ran(replies) => replies,
            Outcome::Moved => return Err(faults::moved("the functions")),
            Outcome::Refused(error) => return Err(self.refused(&error)),
        };
        let [dump, list, reply, after] = replies.as_slice() else {
            return Err(faults::internal("a transaction without all its replies").unclear());
        };
        let (before, undo) = record(dump.bytes().unwrap_or_default().to_vec(), list);
        let after = digest(after);
        if let Reply::Error(error) = reply {
            let fault = self.refused(error);
            return Err(if before == after { fault } else { fault.unclear() });
        }
        self.done = true;
        self.result = reply.json();
        let corrected = (before != captured).then_some(undo);
        Ok(Applied { changed: before != after, after: json!({"after": after}), diff: Vec::new(), corrected })
    }

    fn refused(&self, error: &super::value::ServerError) -> Fault {
        let fault = faults::server(error, &self.conn.target().address_text(), self.conn.target().secrets());
        self.call.clean_fault(fault)
    }
}

impl Change for FunctionsChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(self.dump())
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(self.send())
    }

    fn result(&mut self) -> Value {
        self.result.clone()
    }
}
