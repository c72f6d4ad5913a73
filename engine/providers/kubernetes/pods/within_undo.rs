//! Taking back what was changed inside of a pod: the record says where, and holds the record of who
//! changed it.

use playbook_core::action::{Capture, Fault, ReadAccess, Restore, Undo, UndoPart, UndoRecord, Verdict, WriteAccess};
use playbook_core::plan::Planned;
use playbook_core::ports::BoxFuture;
use serde_json::{Value, json};

use super::within::{Insiders, There, knows, replaced, there};
use crate::kubernetes::client::{Inside, Reader};
use crate::kubernetes::faults;
use crate::kubernetes::pods;
use crate::kubernetes::target::KubeTarget;

/// The kind of record that holds another provider's.
pub(in crate::kubernetes) const WITHIN: &str = "kubernetes.inner/1";

/// Where something was changed, by what program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) struct Record {
    program: String,
    flags: Vec<String>,
    pub(in crate::kubernetes) inside: Inside,
    /// Of the server there.
    identity: String,
    /// The words of the last capture.
    pub(in crate::kubernetes) last: Vec<String>,
}

impl Record {
    pub(in crate::kubernetes) fn new(program: &str, flags: &[String], inside: Inside, identity: String) -> Self {
        Self { program: program.to_owned(), flags: flags.to_vec(), inside, identity, last: Vec::new() }
    }

    /// A record that says where the other one belongs.
    pub(in crate::kubernetes) fn wrap(&self, inner: UndoRecord, words: &[String]) -> UndoRecord {
        let Inside { namespace, pod, uid, container } = &self.inside;
        UndoRecord {
            kind: WITHIN.into(),
            data: json!({
                "program": self.program, "flags": self.flags, "namespace": namespace, "pod": pod, "uid": uid,
                "container": container, "identity": self.identity, "kind": inner.kind, "data": inner.data,
                "words": words,
            }),
            blob: inner.blob,
            order: inner.order,
        }
    }

    /// Where it belongs, and the other one.
    fn unwrap(part: &UndoPart) -> Result<(Self, UndoPart), Fault> {
        let broken = || faults::internal(format!("a record of {} that cannot be read", part.record.kind));
        let data = &part.record.data;
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(broken);
        let texts = |name: &str| -> Result<Vec<String>, Fault> {
            let items = data.get(name).and_then(Value::as_array).ok_or_else(broken)?;
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(broken)).collect()
        };
        let inside = Inside {
            namespace: text("namespace")?,
            pod: text("pod")?,
            uid: text("uid")?,
            container: text("container")?,
        };
        let record =
            Self { inside, ..Self::new(&text("program")?, &texts("flags")?, Inside::default(), text("identity")?) };
        let inner = UndoRecord {
            kind: text("kind")?,
            data: data.get("data").cloned().ok_or_else(broken)?,
            blob: part.record.blob.clone(),
            order: part.record.order,
        };
        Ok((record, UndoPart { record: inner, after: part.after.clone(), words: texts("words")? }))
    }
}

/// All parts of a step, and where they belong.
fn all(parts: &[UndoPart]) -> Result<(Record, Vec<UndoPart>), Fault> {
    let mut place: Option<Record> = None;
    let mut inner = Vec::with_capacity(parts.len());
    for part in parts {
        let (record, part) = Record::unwrap(part)?;
        if place.as_ref().is_some_and(|place| place.inside != record.inside) {
            return Err(faults::internal("a step that changed two pods"));
        }
        place = Some(record);
        inner.push(part);
    }
    Ok((place.ok_or_else(|| faults::internal("a rollback of nothing"))?, inner))
}

/// Where a record belongs, as it is now.
async fn place<'a>(insiders: &Insiders, access: ReadAccess<'a>, record: &Record) -> Result<There<'a>, Fault> {
    let reader = Reader::open(access).await?;
    let Inside { namespace, pod, .. } = &record.inside;
    let pod = pods::named(&reader.door(), namespace, pod).await?;
    let inside = Inside { uid: pods::uid(&pod).to_owned(), ..record.inside.clone() };
    there(&reader, knows(insiders, &record.program)?, &record.flags, inside, &pod).await
}

/// Is what runs there still what was changed? Asked once the provider has read its records: they may
/// tell it a password that the run itself has set.
async fn same(access: ReadAccess<'_>, there: &There<'_>, record: &Record) -> Result<(), Fault> {
    let now = there.target.identify(access.cancel()).await.map_err(|fault| there.explain(fault))?;
    let known = KubeTarget::of(access.target())?.known();
    // A run that restarted it itself knows what it does; another process may not.
    if now.id == record.identity || known.has_met(&record.identity) { Ok(()) } else { Err(replaced(&record.inside)) }
}

/// A rollback inside of a pod under way.
struct WithinUndo<'a> {
    undo: Box<dyn Undo + 'a>,
    record: Record,
}

/// Begins to take back the parts of a step.
pub(in crate::kubernetes) async fn undo<'a>(
    insiders: &'a Insiders,
    access: WriteAccess<'a>,
    parts: &[UndoPart],
) -> Result<Box<dyn Undo + 'a>, Fault> {
    let (record, inner) = all(parts)?;
    let reading = access.reading();
    let there = place(insiders, reading, &record).await?;
    let provider = knows(insiders, &record.program)?.provider();
    let undo = provider.undo(access.through(there.target), inner).await.map_err(|fault| there.explain(fault))?;
    same(reading, &there, &record).await?;
    Ok(Box::new(WithinUndo { undo, record }))
}

impl Undo for WithinUndo<'_> {
    fn prepare(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(async {
            let Some(capture) = self.undo.prepare().await? else { return Ok(None) };
            let undo = self.record.wrap(capture.undo, &capture.words);
            Ok(Some(Capture { undo, ..capture }))
        })
    }

    fn run(&mut self) -> BoxFuture<'_, Restore> {
        self.undo.run()
    }
}

/// What a rollback would do.
pub(in crate::kubernetes) async fn plan(
    insiders: &Insiders,
    access: ReadAccess<'_>,
    parts: &[UndoPart],
) -> Result<Planned, Fault> {
    let (record, inner) = all(parts)?;
    let there = place(insiders, access, &record).await?;
    let provider = knows(insiders, &record.program)?.provider();
    let planned = provider.plan_undo(access.through(there.target), &inner).await;
    let planned = planned.map_err(|fault| there.explain(fault))?;
    same(access, &there, &record).await?;
    Ok(planned)
}

/// Did it happen?
pub(in crate::kubernetes) async fn probe(
    insiders: &Insiders,
    access: ReadAccess<'_>,
    part: &UndoPart,
) -> Result<Verdict, Fault> {
    let (record, inner) = Record::unwrap(part)?;
    let there = place(insiders, access, &record).await?;
    let verdict = knows(insiders, &record.program)?.provider().probe(access.through(there.target), &inner).await;
    let verdict = verdict.map_err(|fault| there.explain(fault))?;
    same(access, &there, &record).await?;
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use playbook_core::action::UndoOrder;

    #[test]
    fn what_is_wrapped_comes_out_as_it_was() {
        let inside =
            Inside { namespace: "dash".into(), pod: "redis-0".into(), uid: "u".into(), container: "redis".into() };
        let record = Record::new("redis-cli", &["-n".into(), "2".into()], inside, "redis:1".into());
        let inner = UndoRecord {
            kind: "redis.config/1".into(),
            data: json!({"a": [1]}),
            blob: Some(vec![1]),
            order: UndoOrder::MakesRoom,
        };
        let words = ["CONFIG".to_owned(), "SET".to_owned()];
        let wrapped = UndoPart { record: record.wrap(inner.clone(), &words), after: Some(json!(1)), words: Vec::new() };
        assert_eq!(wrapped.record.provider(), "kubernetes");
        let (place, part) = Record::unwrap(&wrapped).expect("reads");
        assert_eq!(place, record);
        assert_eq!(part, UndoPart { record: inner, after: Some(json!(1)), words: words.into() });
    }
}
