//! Taking back what was captured: only what the step changed, and only where it is still as the step
//! left it.

use std::time::Duration;

use playbook_core::action::{
    Capture, Difference, Fault, FaultKind, ReadAccess, Restore, Undo, UndoPart, Verdict, WriteAccess,
};
use playbook_core::model::{Class, Effect, Reversal};
use playbook_core::plan::{Image, Planned};
use playbook_core::ports::BoxFuture;
use serde_json::{Value, json};

use super::client::{Call, Reader, Writer};
use super::diff::{self, Field};
use super::record::{self, Kept};
use super::resources::Resource;

/// How often an object that others write to is looked at again.
const LOOKS: u32 = 6;
/// How long something may take to be gone: pods are given 30 seconds to end.
const GONE_EVERY: Duration = Duration::from_millis(250);
const GONE_LOOKS: u32 = 360;

/// What is to be done about one object.
enum Way {
    /// It is as it was.
    Done,
    /// Put these fields back.
    Fields(Vec<Field>, Value),
    /// Make it again.
    Create,
    /// It was made, and goes.
    Delete(Value),
    /// It is going, and has to be gone first.
    Going,
    /// Someone else changed it.
    Conflicts(Vec<Difference>),
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "(absent)".to_owned(), Value::to_string)
}

fn decide(kept: &Kept, now: Option<&Value>) -> Way {
    let differs = |text: &str| {
        Way::Conflicts(vec![Difference {
            subject: kept.title.clone(),
            before: if kept.creates() { "(absent)".into() } else { "there".into() },
            ours: if kept.deletes { "deleted".into() } else { "changed".into() },
            now: text.to_owned(),
        }])
    };
    let Some(now) = now else {
        return match (kept.deletes, kept.creates()) {
            (true, _) => Way::Create,
            (false, true) => Way::Done,
            (false, false) => differs("deleted by someone else"),
        };
    };
    let uid = now.pointer("/metadata/uid").and_then(Value::as_str);
    let going = now.pointer("/metadata/deletionTimestamp").is_some();
    if kept.deletes {
        return match (uid == Some(kept.uid.as_str()), going) {
            (true, true) => Way::Going,
            (true, false) => Way::Done,
            (false, _) if diff::fields(&kept.before, now).is_empty() => Way::Done,
            (false, _) => differs("someone made another one"),
        };
    }
    if kept.creates() {
        if kept.made.as_deref().is_some_and(|made| uid != Some(made)) && !made_by_us(now) {
            return differs("another one of that name");
        }
        if going {
            return Way::Going;
        }
        let conflicts = conflicts(kept, &kept.stated(), now);
        return if conflicts.is_empty() { Way::Delete(now.clone()) } else { Way::Conflicts(conflicts) };
    }
    // One that a later step deleted, and its rollback made again, is the same one.
    if uid != Some(kept.uid.as_str()) && !made_by_us(now) {
        return differs("another one of that name");
    }
    let fields = kept.fields();
    let conflicts = conflicts(kept, &fields, now);
    if !conflicts.is_empty() {
        return Way::Conflicts(conflicts);
    }
    let back: Vec<Field> =
        fields.into_iter().filter(|f| diff::get(now, &f.path) == f.after.as_ref() && f.after != f.before).collect();
    if back.is_empty() { Way::Done } else { Way::Fields(back, now.clone()) }
}

/// The fields that are neither as they were nor as they were left.
fn conflicts(kept: &Kept, fields: &[Field], now: &Value) -> Vec<Difference> {
    let theirs = |field: &&Field| {
        let value = diff::get(now, &field.path);
        // A note of kubectl's that someone has written since stays as it is, and is no reason to stop.
        value != field.before.as_ref() && value != field.after.as_ref() && !field.is_applied()
    };
    let conflict = |field: &Field| Difference {
        subject: format!("{} {}", kept.title, diff::shown(&field.path)),
        before: shown(field.before.as_ref()),
        ours: shown(field.after.as_ref()),
        now: shown(diff::get(now, &field.path)),
    };
    fields.iter().filter(theirs).map(conflict).collect()
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
        Way::Delete(now) => {
            let of = |at: &str| now.pointer(at).cloned().unwrap_or(Value::Null);
            let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
                "preconditions": {"uid": of("/metadata/uid"), "resourceVersion": of("/metadata/resourceVersion")}});
            Some(Call::with("DELETE", kept.path.clone(), options))
        }
        Way::Done | Way::Going | Way::Conflicts(_) => None,
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
        let reader = self.writer.reading();
        // Someone who writes in between is seen, and looked at again.
        for _ in 0..LOOKS {
            let now = reader.find(&Call::get(kept.path.clone())).await?;
            let way = decide(kept, now.as_ref());
            match &way {
                Way::Conflicts(conflicts) => {
                    restore.conflicts.extend(conflicts.iter().cloned());
                    return Ok(());
                }
                Way::Done => {
                    restore.restored += 1;
                    return Ok(());
                }
                Way::Going if self.gone(kept).await? => continue,
                Way::Going => {
                    restore.differs.push(difference(kept, "still being deleted"));
                    return Ok(());
                }
                Way::Delete(_) => {
                    if let Some(holds) = holds(reader, kept).await? {
                        restore.conflicts.push(difference(kept, &holds));
                        return Ok(());
                    }
                }
                Way::Create | Way::Fields(..) => {}
            }
            let Some(call) = call(kept, &way) else { return Ok(()) };
            let call = if call.method == "DELETE" { call } else { call.query("fieldManager", "playbook") };
            match self.writer.send(&call).await {
                Ok(_) => {}
                Err(fault) if fault.kind == FaultKind::Moved => continue,
                Err(fault) if fault.server_code.as_deref() == Some("AlreadyExists") => continue,
                Err(fault) => return Err(fault),
            }
            if matches!(way, Way::Delete(_)) {
                if self.gone(kept).await? {
                    restore.restored += 1;
                } else {
                    restore.differs.push(difference(kept, "still being deleted"));
                }
                return Ok(());
            }
            let read = reader.find(&Call::get(kept.path.clone())).await?.unwrap_or(Value::Null);
            let left = if kept.deletes {
                diff::fields(&kept.before, &read)
            } else {
                let differs =
                    |field: &Field| !field.is_applied() && diff::get(&read, &field.path) != field.before.as_ref();
                kept.fields().into_iter().filter(differs).collect()
            };
            if left.is_empty() {
                restore.restored += 1;
            }
            restore.differs.extend(left.iter().map(|field| Difference {
                subject: format!("{} {}", kept.title, diff::shown(&field.path)),
                before: shown(field.before.as_ref()),
                ours: shown(field.after.as_ref()),
                now: shown(diff::get(&read, &field.path)),
            }));
            return Ok(());
        }
        restore.differs.push(difference(kept, "others write to it all the time"));
        Ok(())
    }

    /// Waits until it is gone; not for ever.
    async fn gone(&self, kept: &Kept) -> Result<bool, Fault> {
        let reader = self.writer.reading();
        let uid = |object: &Value| object.pointer("/metadata/uid").cloned();
        let mut first = None;
        for _ in 0..GONE_LOOKS {
            let Some(now) = reader.find(&Call::get(kept.path.clone())).await? else { return Ok(true) };
            let seen = uid(&now);
            if *first.get_or_insert_with(|| seen.clone()) != seen {
                return Ok(true);
            }
            reader.rest(GONE_EVERY).await?;
        }
        Ok(false)
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
            Way::Going => planned.notes.push(format!("{} is being deleted; that has to end first", kept.title)),
            Way::Delete(_) => {
                planned.changes.push(playbook_core::plan::Change::new(
                    kept.title.clone(),
                    Image::of("there"),
                    Image::Absent,
                ));
                planned.notes.extend(holds(&reader, &kept).await?);
            }
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

/// What others have put into something that was made, and would lose with it.
async fn holds(reader: &Reader<'_>, kept: &Kept) -> Result<Option<String>, Fault> {
    let catalogue = reader.target().catalogue(reader).await?;
    let kind = kept.before_or_asked("/kind");
    let name = kept.before_or_asked("/metadata/name");
    let (kinds, namespace): (Vec<Resource>, Option<&str>) = match kind {
        "Namespace" => {
            let inside = |kind: &&Resource| kind.namespaced && kind.preferred && kind.can_list && kind.kind != "Event";
            (catalogue.all().iter().filter(inside).cloned().collect(), Some(name))
        }
        "CustomResourceDefinition" => {
            let of = |kind: &&Resource| format!("{}.{}", kind.plural, kind.group) == name && kind.can_list;
            (catalogue.all().iter().filter(of).cloned().collect(), None)
        }
        _ => return Ok(None),
    };
    for resource in kinds {
        let call = Call::get(resource.path(namespace)).query("limit", "20").bare();
        let list = match reader.send(&call).await {
            Ok(list) => list,
            // Kinds that cannot be listed after all.
            Err(fault) if matches!(fault.server_code.as_deref(), Some("NotFound" | "MethodNotAllowed")) => continue,
            Err(fault) => return Err(fault),
        };
        for item in list.get("items").and_then(Value::as_array).into_iter().flatten() {
            let name = item.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            if !comes_by_itself(&resource.kind, name) {
                return Ok(Some(format!("it holds {}/{name}, which would be lost with it", resource.singular)));
            }
        }
    }
    Ok(None)
}

/// What every namespace is given.
fn comes_by_itself(kind: &str, name: &str) -> bool {
    match kind {
        "ServiceAccount" => name == "default",
        "ConfigMap" => name.ends_with("-ca.crt"),
        "Secret" => name.starts_with("default-token-"),
        _ => false,
    }
}

fn difference(kept: &Kept, now: &str) -> Difference {
    Difference {
        subject: kept.title.clone(),
        before: if kept.creates() { "(absent)".into() } else { "there".into() },
        ours: if kept.deletes { "deleted".into() } else { "changed".into() },
        now: now.to_owned(),
    }
}

/// Did a change happen whose answer was never recorded?
pub(super) async fn probe(access: ReadAccess<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let kept = Kept::read(part)?;
    let reader = Reader::open(access).await?;
    let now = reader.find(&Call::get(kept.path.clone())).await?;
    let text = |object: &Value, at: &str| object.pointer(at).and_then(Value::as_str).map(str::to_owned);
    Ok(match now {
        None if kept.deletes => Verdict::Done(record::left(&Value::Null, true)),
        None if kept.creates() => Verdict::NotDone,
        None => Verdict::Unclear(format!("{} is gone", kept.title)),
        // There was none; whoever makes one leaves a name.
        Some(now) if kept.creates() && made_by_us(&now) => Verdict::Done(record::left(&now, false)),
        Some(_) if kept.creates() => Verdict::Unclear(format!("someone else made {}", kept.title)),
        // Not one write since it was captured.
        Some(now) if text(&now, "/metadata/resourceVersion").as_deref() == Some(&kept.version) => Verdict::NotDone,
        Some(now) if kept.deletes && now.pointer("/metadata/deletionTimestamp").is_some() => {
            Verdict::Done(record::left(&now, true))
        }
        Some(now) if kept.deletes && text(&now, "/metadata/uid").as_deref() != Some(&kept.uid) => {
            Verdict::Done(record::left(&Value::Null, true))
        }
        Some(now) => {
            let fields = kept.fields();
            let same = |side: fn(&Field) -> Option<&Value>| {
                fields.iter().all(|field| diff::get(&now, &field.path) == side(field))
            };
            if !kept.deletes && !fields.is_empty() && same(|field| field.after.as_ref()) {
                Verdict::Done(record::left(&now, false))
            } else if same(|field| field.before.as_ref()) && !fields.is_empty() {
                Verdict::NotDone
            } else {
                Verdict::Unclear(format!("someone wrote to {} meanwhile", kept.title))
            }
        }
    })
}

/// Does the server know this program among those that wrote to it?
fn made_by_us(object: &Value) -> bool {
    let managers = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    managers.is_some_and(|all| all.iter().any(|one| one.get("manager").is_some_and(|name| name == "playbook")))
}
