//! Changes: which parts a line has, each captured before it is made.

pub(super) mod exec;
pub(super) mod impact;
mod item;
mod items;
pub(super) mod mark;
mod once;
mod plan;
pub(super) mod pull;
pub(super) mod run;
mod up;

use std::collections::VecDeque;

use playbook_core::action::{Applied, Capture, Change, Fault, Happened, WriteAccess};
use playbook_core::ports::BoxFuture;
use serde_json::{Map, Value};

use super::asked::Asked;
use super::client::Writer;
use super::faults;
use item::{Item, Seen};

pub(super) use impact::{is_none, same};
pub(super) use item::{life, setting};
pub(super) use items::container_of;
pub(super) use plan::plan;

/// Runs what its author says only looks, of a compose line: only a run may.
///
/// # Errors
/// When it cannot be run, or fails.
pub(super) async fn look_in_run(writer: &Writer<'_>, asked: &Asked) -> Result<Value, Fault> {
    let mut result = Value::Null;
    for item in items::items(writer.reading(), asked).await? {
        let seen = item.look(writer.reading()).await?;
        let made = item.apply(writer, &seen).await;
        result = made.map_err(|fault| Fault { happened: Happened::No, ..fault })?.row;
    }
    Ok(result)
}

/// A change under way.
pub(super) struct LineChange<'a> {
    writer: Writer<'a>,
    items: VecDeque<Item>,
    current: Option<(Item, Seen)>,
    rows: Vec<Value>,
    done: u64,
    of: u64,
    progress: WriteAccess<'a>,
}

impl<'a> LineChange<'a> {
    /// Finds out what the line is about.
    ///
    /// # Errors
    /// When something that it names is not there.
    pub(super) async fn begin(access: WriteAccess<'a>, asked: &Asked) -> Result<Self, Fault> {
        let writer = Writer::open(&access).await?;
        let mut items: VecDeque<Item> = items::items(writer.reading(), asked).await?.into();
        // What was done before it was stopped, and would be done twice.
        let mut left = VecDeque::new();
        while let Some(item) = items.pop_front() {
            let again = item.counts() && {
                let subject = item.look(writer.reading()).await?.kept.subject();
                access.applied().contains(&subject)
            };
            if !again {
                left.push_back(item);
            }
        }
        let of = left.len() as u64;
        Ok(Self { writer, items: left, current: None, rows: Vec::new(), done: 0, of, progress: access })
    }

    async fn next(&mut self) -> Result<Option<Capture>, Fault> {
        // One that has to be captured again is still there.
        let item = self.current.take().map(|(item, _)| item).or_else(|| self.items.pop_front());
        let Some(item) = item else { return Ok(None) };
        if self.of > 1 {
            self.progress.progress(self.done, Some(self.of));
        }
        let seen = item.look(self.writer.reading()).await?;
        let capture = Capture {
            subject: seen.kept.subject(),
            words: item.words(&seen),
            undo: seen.kept.record(seen.blob.as_ref())?,
            count: 1,
            last: self.items.is_empty(),
        };
        self.current = Some((item, seen));
        Ok(Some(capture))
    }

    async fn make(&mut self) -> Result<Applied, Fault> {
        let (item, seen) = self.current.as_ref().ok_or_else(|| faults::internal("nothing was captured"))?;
        let made = item.apply(&self.writer, seen).await?;
        self.current = None;
        self.done += 1;
        self.rows.push(made.row);
        Ok(made.applied)
    }
}

impl Change for LineChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(self.next())
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(self.make())
    }

    /// Of one thing its fields, and always all of them as `items`.
    fn result(&mut self) -> Value {
        let rows = std::mem::take(&mut self.rows);
        let mut result = match rows.as_slice() {
            [Value::Object(only)] => only.clone(),
            _ => Map::new(),
        };
        result.entry("items").or_insert(Value::Array(rows));
        Value::Object(result)
    }
}
