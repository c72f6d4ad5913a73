//! Changes of objects: each is read, tried by the server without being made, recorded, and then made,
//! pinned to the very version that was read.

mod apply;
mod cascade;
mod drain;
mod dropped;
mod edit;
mod impact;
mod plan;
mod quota;
mod revision;
mod work;

use std::collections::VecDeque;

use playbook_core::action::{Applied, Capture, Change, Fault, FaultKind, UndoOrder, UndoRecord, WriteAccess};
use playbook_core::codes::Code;
use playbook_core::plan::Image;
use playbook_core::ports::BoxFuture;
use serde_json::{Value, json};

pub(super) use cascade::comes_by_itself;
pub(super) use plan::plan;

use super::asked::Asked;
use super::client::Writer;
use super::diff;
use super::faults;
use super::find::Finder;
use super::line::model::Verb;
use super::manifest::{self, is_secret};
use super::record::{self, Kept};
use super::waiting;
use edit::Edit;
use work::{Item, Tried, is_gone, look, may_be_gone, try_it};

/// A change under way, object by object.
pub(super) struct ObjectChange<'a> {
    writer: Writer<'a>,
    asked: Asked,
    words: Vec<String>,
    left: VecDeque<Item>,
    captured: Option<(Item, Tried)>,
    results: Vec<Value>,
}

impl<'a> ObjectChange<'a> {
    /// Finds out what the line is about.
    pub(super) async fn begin(access: &WriteAccess<'a>, asked: &Asked, words: Vec<String>) -> Result<Self, Fault> {
        let writer = Writer::for_line(access, &asked.line).await?;
        let finder = Finder::for_asked(writer.reading(), asked).await?;
        let mut left: VecDeque<Item> = work::items(&finder, asked).await?.into();
        // What was done before a stop is not done twice.
        left.retain(|item| !access.applied().contains(&item.subject()));
        Ok(Self { writer, asked: asked.clone(), words, left, captured: None, results: Vec::new() })
    }

    async fn next(&mut self) -> Result<Option<Capture>, Fault> {
        loop {
            // After a conflict, the same object is read again.
            let item = match self.captured.take() {
                Some((item, _)) => item,
                None => match self.left.pop_front() {
                    Some(item) => item,
                    None => return Ok(None),
                },
            };
            let Some((before, edit)) = look(self.writer.reading(), &self.asked, &item).await? else { continue };
            let Some(tried) = try_it(self.writer.reading(), &self.asked, &item, before, edit).await? else { continue };
            let mut kept = kept(&item, &tried, &tried.after);
            if kept.deletes {
                let finder = Finder::for_asked(self.writer.reading(), &self.asked).await?;
                kept.lost = cascade::lost(&finder, item.named(), &tried.before).await;
            }
            let undo = record_of(&self.asked, &item, &tried, &kept);
            let capture = Capture {
                subject: item.subject(),
                words: self.words.clone(),
                undo,
                count: 1,
                last: self.left.is_empty(),
            };
            self.captured = Some((item, tried));
            return Ok(Some(capture));
        }
    }

    async fn make(&mut self) -> Result<Applied, Fault> {
        let (item, tried) = self.captured.clone().ok_or_else(|| faults::internal("a change that was not captured"))?;
        let named = item.named();
        let answer = match self.writer.send_patiently(&tried.edit.call(named, &tried.before)).await {
            Ok(answer) => answer,
            Err(fault) if tried.edit.deletes() && is_gone(&fault) && may_be_gone(&self.asked, &item) => {
                self.captured = None;
                return Ok(self.gone(&item, &tried));
            }
            Err(fault) => {
                return Err(work::moved(self.writer.reading(), named, &tried.edit, &tried.before, fault).await);
            }
        };
        self.captured = None;
        let title = named.title();
        let deletes = tried.edit.deletes();
        let (changed, diff) = match &tried.edit {
            Edit::Delete(_) | Edit::Evict(..) => {
                (true, vec![playbook_core::plan::Change::new(title.clone(), Image::of("there"), Image::Absent)])
            }
            Edit::Create(body) => (true, vec![plan::created(&title, body)]),
            Edit::Patch { .. } => {
                let fields = work::fields(&item, &tried.before, &answer.body);
                (!fields.is_empty(), diff::changes(&title, &fields))
            }
        };
        // What it came to is not always what the server had said beforehand.
        let made = kept(&item, &tried, &answer.body);
        let differs = !deletes && !diff::fields(&made.wanted, &kept(&item, &tried, &tried.after).wanted).is_empty();
        let corrected = differs.then(|| record_of(&self.asked, &item, &tried, &made));
        let after = record::left(&answer.body, deletes);
        self.writer.reading().target().changed(&named.resource).await;
        let mut warnings = answer.warnings;
        warnings.extend(dropped::told(&item, &answer.body));
        self.results.push(json!({"object": title, "changed": changed, "warnings": warnings}));
        Ok(Applied { changed, after, diff: if changed { diff } else { Vec::new() }, corrected })
    }

    /// It went with what owned it, or someone else deleted it: this line did not, and does not take it back.
    fn gone(&mut self, item: &Item, tried: &Tried) -> Applied {
        self.results.push(json!({"object": item.named().title(), "changed": false, "warnings": []}));
        let mut record = record_of(&self.asked, item, tried, &kept(item, tried, &Value::Null));
        record.order = UndoOrder::Nothing;
        let after = record::left(&tried.before, true);
        Applied { changed: false, after, diff: Vec::new(), corrected: Some(record) }
    }
}

/// What is recorded before a change: how to take it back, and what to wait for.
fn record_of(asked: &Asked, item: &Item, tried: &Tried, kept: &Kept) -> UndoRecord {
    let mut record = kept.record(order(asked, tried));
    record.data["settle"] = afterwards(asked, item, tried);
    if let Some(acting) = asked.acting() {
        record.data["as"] = json!([acting.user, acting.groups]);
    }
    record
}

/// What this change goes on with at the server after it was made; null is nothing.
fn afterwards(asked: &Asked, item: &Item, tried: &Tried) -> Value {
    waiting::afterwards(&asked.line, item.named(), &tried.before, matches!(tried.edit, Edit::Evict(..)))
}

/// What rollback needs of an object.
fn kept(item: &Item, tried: &Tried, after: &Value) -> Kept {
    let deletes = tried.edit.deletes() || work::ends(tried);
    let asked = match &tried.edit {
        Edit::Create(body) => body,
        _ => &Value::Null,
    };
    let wanted = if deletes { &Value::Null } else { after };
    Kept::of(item.named(), &tried.before, wanted, asked, deletes)
}

fn order(asked: &Asked, tried: &Tried) -> UndoOrder {
    let restarts = matches!(asked.line.verb, Verb::RolloutRestart(_));
    // Whoever controls an object makes another one by itself.
    let controlled = (tried.edit.deletes() || work::ends(tried))
        && tried.before.pointer("/metadata/ownerReferences").and_then(Value::as_array).is_some_and(|owners| {
            owners.iter().any(|owner| owner.get("controller").is_some_and(|controls| controls == true))
        });
    if restarts || controlled {
        UndoOrder::Nothing
    } else if work::restarts(tried) {
        // The pods restart again when it is taken back; what they hold is put back before.
        UndoOrder::TakesRoom
    } else {
        UndoOrder::Data
    }
}

/// Data of Secrets is never kept, so what could not be put back is not changed.
fn spares_secrets(title: &str, tried: &Tried) -> Result<(), Fault> {
    let same = match &tried.edit {
        Edit::Create(_) | Edit::Evict(..) => return Ok(()),
        Edit::Patch { .. } => manifest::data(&tried.before) == manifest::data(&tried.after),
        Edit::Delete(_) => false,
    };
    if same || !is_secret(&tried.before) {
        return Ok(());
    }
    Err(Fault::new(FaultKind::Refused, Code::NotSupported, format!("the data of {title} would be lost or changed"))
        .help(
            "it could only be put back from a copy on this disk, which is not made; do it by hand, with a manual: step",
        ))
}

impl Change for ObjectChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(self.next())
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(self.make())
    }

    fn result(&mut self) -> Value {
        let items = self.results.clone();
        let changed = items.iter().filter(|item| item["changed"] == true).count();
        json!({"changed": changed, "items": items})
    }
}
