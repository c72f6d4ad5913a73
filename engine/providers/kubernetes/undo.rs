//! Taking back what was captured: only what the step changed, and only where it is still as the step
//! left it.

use playbook_core::action::{Capture, Difference, Fault, ReadAccess, Restore, Undo, UndoPart, Verdict, WriteAccess};
use playbook_core::model::{Class, Effect, Reversal};
use playbook_core::plan::{Image, Planned};
use playbook_core::ports::BoxFuture;
use serde_json::{Value, json};

use super::client::{Call, Reader, Writer};
use super::diff::{self, Field};
use super::edit;
use super::faults;

/// A captured object.
struct Kept {
    path: String,
    collection: String,
    title: String,
    uid: String,
    version: String,
    deletes: bool,
    before: Value,
    wanted: Value,
}

impl Kept {
    fn read(part: &UndoPart) -> Result<Self, Fault> {
        let broken = || faults::internal(format!("a record of {} that cannot be read", part.record.kind));
        let data = &part.record.data;
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(broken);
        let blob: Value =
            part.record.blob.as_deref().and_then(|blob| serde_json::from_slice(blob).ok()).ok_or_else(broken)?;
        Ok(Self {
            path: text("path")?,
            collection: text("collection")?,
            title: text("title")?,
            uid: text("uid")?,
            version: text("version")?,
            deletes: data.get("deletes").and_then(Value::as_bool).ok_or_else(broken)?,
            before: blob.get("before").cloned().ok_or_else(broken)?,
            wanted: blob.get("wanted").cloned().ok_or_else(broken)?,
        })
    }

    /// The fields that the change was to change.
    fn fields(&self) -> Vec<Field> {
        diff::fields(&self.before, &self.wanted)
    }
}

/// What is to be done about one object.
enum Way {
    /// It is as it was.
    Done,
    /// Put these fields back.
    Fields(Vec<Field>, Value),
    /// Make it again.
    Create,
    /// Someone else changed it.
    Conflicts(Vec<Difference>),
}

fn decide(kept: &Kept, now: Option<&Value>) -> Way {
    let gone = |text: &str| Difference {
        subject: kept.title.clone(),
        before: "there".into(),
        ours: if kept.deletes { "deleted".into() } else { "changed".into() },
        now: text.to_owned(),
    };
    match (kept.deletes, now) {
        (true, None) => Way::Create,
        (true, Some(now)) => {
            if diff::fields(&kept.before, now).is_empty() {
                Way::Done
            } else if now.pointer("/metadata/deletionTimestamp").is_some() {
                Way::Conflicts(vec![gone("still being deleted")])
            } else {
                Way::Conflicts(vec![gone("someone made another one")])
            }
        }
        (false, None) => Way::Conflicts(vec![gone("deleted by someone else")]),
        (false, Some(now)) => {
            if now.pointer("/metadata/uid").and_then(Value::as_str) != Some(&kept.uid) {
                return Way::Conflicts(vec![gone("another one of that name")]);
            }
            let mut back = Vec::new();
            let mut conflicts = Vec::new();
            for field in kept.fields() {
                let value = diff::get(now, &field.path);
                if value == field.before.as_ref() {
                    continue;
                }
                if value == field.after.as_ref() {
                    back.push(field);
                    continue;
                }
                let shown = |value: Option<&Value>| value.map_or_else(|| "(absent)".to_owned(), Value::to_string);
                conflicts.push(Difference {
                    subject: format!("{} {}", kept.title, diff::shown(&field.path)),
                    before: shown(field.before.as_ref()),
                    ours: shown(field.after.as_ref()),
                    now: shown(value),
                });
            }
            match (conflicts.is_empty(), back.is_empty()) {
                (false, _) => Way::Conflicts(conflicts),
                (true, true) => Way::Done,
                (true, false) => Way::Fields(back, now.clone()),
            }
        }
    }
}

/// The request that takes one object back.
fn call(kept: &Kept, way: &Way) -> Option<Call> {
    match way {
        Way::Create => Some(Call::with("POST", kept.collection.clone(), diff::anew(&kept.before))),
        Way::Fields(fields, now) => {
            // The whole object with these fields as they were, on the version that was looked at.
            let mut object = now.clone();
            diff::restore(&mut object, fields, &kept.before);
            Some(Call::with("PUT", kept.path.clone(), object))
        }
        Way::Done | Way::Conflicts(_) => None,
    }
}

/// A rollback under way.
pub(super) struct ObjectUndo<'a> {
    writer: Writer<'a>,
    parts: Vec<Kept>,
}

impl<'a> ObjectUndo<'a> {
    /// Reads the records.
    pub(super) async fn begin(access: &WriteAccess<'a>, parts: Vec<UndoPart>) -> Result<Self, Fault> {
        let parts = parts.iter().map(Kept::read).collect::<Result<_, _>>()?;
        Ok(Self { writer: Writer::open(access).await?, parts })
    }

    async fn one(&self, kept: &Kept, restore: &mut Restore) -> Result<(), Fault> {
        // Someone who writes in between is seen, and looked at again.
        for _ in 0..4 {
            let now = self.writer.reading().find(&Call::get(kept.path.clone())).await?;
            let way = decide(kept, now.as_ref());
            let Some(call) = call(kept, &way) else {
                match way {
                    Way::Conflicts(conflicts) => restore.conflicts.extend(conflicts),
                    Way::Done | Way::Create | Way::Fields(..) => restore.restored += 1,
                }
                return Ok(());
            };
            match self.writer.send(&call.query("fieldManager", "playbook")).await {
                Ok(_) => {}
                Err(fault) if fault.kind == playbook_core::action::FaultKind::Moved => continue,
                Err(fault) => return Err(fault),
            }
            let read = self.writer.reading().find(&Call::get(kept.path.clone())).await?.unwrap_or(Value::Null);
            let left = if kept.deletes {
                diff::fields(&kept.before, &read)
            } else {
                let differs = |field: &Field| diff::get(&read, &field.path) != field.before.as_ref();
                kept.fields().into_iter().filter(differs).collect()
            };
            if left.is_empty() {
                restore.restored += 1;
            }
            restore.differs.extend(left.iter().map(|field| Difference {
                subject: format!("{} {}", kept.title, diff::shown(&field.path)),
                before: field.before.as_ref().map_or_else(|| "(absent)".into(), Value::to_string),
                ours: field.after.as_ref().map_or_else(|| "(absent)".into(), Value::to_string),
                now: diff::get(&read, &field.path).map_or_else(|| "(absent)".into(), Value::to_string),
            }));
            return Ok(());
        }
        restore.differs.push(Difference {
            subject: kept.title.clone(),
            before: "there".into(),
            ours: "changed".into(),
            now: "others write to it all the time".into(),
        });
        Ok(())
    }

    async fn all(&mut self) -> Restore {
        let mut restore = Restore::default();
        for kept in &self.parts {
            if let Err(fault) = self.one(kept, &mut restore).await {
                restore.failed.get_or_insert(fault);
            }
        }
        restore
    }
}

impl Undo for ObjectUndo<'_> {
    fn prepare(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn run(&mut self) -> BoxFuture<'_, Restore> {
        Box::pin(self.all())
    }
}

/// What a rollback would do.
pub(super) async fn plan(access: ReadAccess<'_>, parts: &[UndoPart]) -> Result<Planned, Fault> {
    let reader = Reader::open(access).await?;
    let mut planned = Planned::new(Class::new(Effect::Change, Reversal::Exact));
    for part in parts {
        let kept = Kept::read(part)?;
        let now = reader.find(&Call::get(kept.path.clone())).await?;
        match decide(&kept, now.as_ref()) {
            Way::Done => {}
            Way::Create => planned.changes.push(playbook_core::plan::Change::new(
                kept.title.clone(),
                Image::Absent,
                Image::of("as it was"),
            )),
            Way::Fields(fields, _) => {
                let back: Vec<Field> = fields
                    .into_iter()
                    .map(|field| Field { before: field.after, after: field.before, path: field.path })
                    .collect();
                planned.changes.extend(diff::changes(&kept.title, &back));
            }
            Way::Conflicts(conflicts) => {
                planned.notes.extend(conflicts.iter().map(|c| {
                    format!("{}: before {}, ours {}, now {}; left as it is", c.subject, c.before, c.ours, c.now)
                }));
            }
        }
    }
    Ok(planned)
}

/// Did a change happen whose answer was never recorded?
pub(super) async fn probe(access: ReadAccess<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let kept = Kept::read(part)?;
    let reader = Reader::open(access).await?;
    let now = reader.find(&Call::get(kept.path.clone())).await?;
    let version =
        |object: &Value| object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned);
    Ok(match now {
        None if kept.deletes => Verdict::Done(json!({"deleted": true, "fields": []})),
        None => Verdict::Unclear(format!("{} is gone", kept.title)),
        // Not one write since it was captured.
        Some(now) if version(&now).as_deref() == Some(&kept.version) => Verdict::NotDone,
        Some(now) if kept.deletes && now.pointer("/metadata/deletionTimestamp").is_some() => {
            Verdict::Done(json!({"deleted": true, "fields": []}))
        }
        Some(now) => {
            let fields = kept.fields();
            let same = |side: fn(&Field) -> Option<&Value>| {
                fields.iter().all(|field| diff::get(&now, &field.path) == side(field))
            };
            if !kept.deletes && !fields.is_empty() && same(|field| field.after.as_ref()) {
                Verdict::Done(edit::after(&kept.before, &now, false))
            } else if same(|field| field.before.as_ref()) && !fields.is_empty() {
                Verdict::NotDone
            } else {
                Verdict::Unclear(format!("someone wrote to {} meanwhile", kept.title))
            }
        }
    })
}
