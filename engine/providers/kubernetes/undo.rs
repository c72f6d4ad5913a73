//! Taking back what was captured: only what the step changed, and only where it is still as the step
//! left it.

mod way;

use std::time::Duration;

use playbook_core::action::{
    Capture, Difference, Fault, FaultKind, ReadAccess, Restore, Undo, UndoPart, Verdict, WriteAccess,
};
use playbook_core::model::{Class, Effect, Reversal};
use playbook_core::plan::{Image, Planned};
use playbook_core::ports::BoxFuture;
use serde_json::Value;

use super::change::comes_by_itself;
use super::client::{Call, Reader, Writer};
use super::diff::{self, Field, Seg};
use super::record::{self, Kept};
use super::resources::Resource;
use way::{Way, call, decide, shown};

/// How often an object that others write to is looked at again.
const LOOKS: u32 = 6;
/// How long something may take to be gone: pods are given 30 seconds to end.
const GONE_EVERY: Duration = Duration::from_millis(250);
const GONE_LOOKS: u32 = 360;

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
            let way = decide(kept, now.as_ref(), &|uid| reader.target().remade(uid));
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
                Way::Leave(why) => {
                    restore.differs.push(difference(kept, why));
                    return Ok(());
                }
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
            let (body, orphaned) = match way {
                Way::Create => again(reader, kept).await?,
                _ => (Value::Null, None),
            };
            let Some(call) = call(kept, &way, &body) else { return Ok(()) };
            match self.writer.send(&call).await {
                Ok(answer) if matches!(way, Way::Create) => reader.target().remake(&answer.body),
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
            let left: Vec<Field> = if kept.deletes {
                diff::fields(&body, &read).into_iter().filter(|field| field.before.is_some()).collect()
            } else {
                let differs =
                    |field: &Field| !field.is_applied() && diff::get(&read, &field.path) != field.before.as_ref();
                kept.fields().into_iter().filter(differs).collect()
            };
            let lost = kept.lost.clone().filter(|_| kept.deletes).into_iter().chain(orphaned);
            let lost: Vec<Difference> = lost.map(|lost| difference(kept, &lost)).collect();
            if left.is_empty() && lost.is_empty() {
                restore.restored += 1;
            }
            restore.differs.extend(lost);
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
        match decide(&kept, now.as_ref(), &|uid| reader.target().remade(uid)) {
            Way::Done => {}
            Way::Leave(why) => planned.notes.push(format!("{}: {why}", kept.title)),
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

/// What is to be made again. An owner that is gone, or is another one by now, would have it collected as
/// garbage: it is named as it is now, or left out and told.
async fn again(reader: &Reader<'_>, kept: &Kept) -> Result<(Value, Option<String>), Fault> {
    let mut body = diff::anew(&kept.before);
    let owners = body.pointer("/metadata/ownerReferences").and_then(Value::as_array).cloned().unwrap_or_default();
    let (mut live, mut gone) = (Vec::new(), Vec::new());
    let catalogue = reader.target().catalogue(reader).await?;
    let namespace = kept.before_or_asked("/metadata/namespace");
    for mut owner in owners {
        let text = |name: &str| owner.get(name).and_then(Value::as_str).unwrap_or_default();
        let title = format!("{}/{}", text("kind").to_lowercase(), text("name"));
        let now = match catalogue.of(text("apiVersion"), text("kind")) {
            Some(resource) => reader.find(&Call::get(resource.object(namespace, text("name")))).await?,
            None => None,
        };
        let uid = now.as_ref().and_then(|now| now.pointer("/metadata/uid").and_then(Value::as_str));
        match uid {
            Some(uid) if uid == text("uid") => live.push(owner),
            Some(uid) if reader.target().remade(uid) => {
                owner["uid"] = uid.into();
                live.push(owner);
            }
            _ => gone.push(title),
        }
    }
    let path = [Seg::Key("metadata".into()), Seg::Key("ownerReferences".into())];
    let live = (!live.is_empty()).then(|| Value::Array(live));
    diff::set(&mut body, &path, live.as_ref());
    let told = (!gone.is_empty()).then(|| format!("there, without its owner {}, which is gone", gone.join(", ")));
    Ok((body, told))
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
        Some(now) if kept.creates() && made_by_us(&now) && kept.is_as_stated(&now) => {
            Verdict::Done(record::left(&now, false))
        }
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
