//! Taking back what was changed inside of a place.

use playbook_core::action::{Capture, Fault, FaultKind, ReadAccess, Restore, Undo, UndoPart, Verdict, WriteAccess};
use playbook_core::codes::Code;
use playbook_core::plan::Planned;
use playbook_core::ports::BoxFuture;
use playbook_core::tunnel::Insider;
use serde_json::Value;

use super::record::{Record, internal};
use super::{Insiders, There, knows};

/// Places of one provider.
pub(crate) trait Places: Send + Sync {
    /// Opens a place that a record names, as it is now.
    fn again<'o, 'a: 'o>(
        &'o self,
        access: ReadAccess<'a>,
        insider: &'o dyn Insider,
        flags: &'o [String],
        place: &'o Value,
    ) -> BoxFuture<'o, Result<There<'a>, Fault>>;
}

fn insider<'i>(insiders: &'i Insiders, record: &Record) -> Result<&'i dyn Insider, Fault> {
    knows(insiders, &record.program).ok_or_else(|| internal(format!("nobody here knows {}", record.program)))
}

/// Is what runs there still what was changed? Asked once the provider has read its records: they may
/// tell it a password that the run itself has set.
async fn same(access: ReadAccess<'_>, there: &There<'_>, record: &Record) -> Result<(), Fault> {
    let now = there.target.identify(access.cancel()).await.map_err(|fault| (there.explain)(fault))?;
    // A run that restarted it itself knows what it does; another process may not.
    if now.id == record.identity || there.anew || there.known.has_met(&record.identity) {
        return Ok(());
    }
    Err(Fault::new(
        FaultKind::WrongTarget,
        Code::WrongTarget,
        format!("{} was started anew since the run changed it", there.title),
    )
    .help("its settings and data may not be what they were; look, and put back by hand what is missing"))
}

/// A rollback inside of a place under way.
struct WithinUndo<'a> {
    undo: Box<dyn Undo + 'a>,
    kind: String,
    record: Record,
}

/// Begins to take back the parts of a step.
pub(crate) async fn undo<'a>(
    insiders: &'a Insiders,
    places: &dyn Places,
    access: WriteAccess<'a>,
    parts: &[UndoPart],
) -> Result<Box<dyn Undo + 'a>, Fault> {
    let (record, inner) = Record::all(parts)?;
    let insider = insider(insiders, &record)?;
    let reading = access.reading();
    let there = places.again(reading, insider, &record.flags, &record.place).await?;
    let undo = insider.provider().undo(access.through(there.target), inner).await;
    let undo = undo.map_err(|fault| (there.explain)(fault))?;
    same(reading, &there, &record).await?;
    let kind = parts.first().map(|part| part.record.kind.clone()).unwrap_or_default();
    Ok(Box::new(WithinUndo { undo, kind, record }))
}

impl Undo for WithinUndo<'_> {
    fn prepare(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(async {
            let Some(capture) = self.undo.prepare().await? else { return Ok(None) };
            let undo = self.record.wrap(&self.kind, capture.undo, &capture.words);
            Ok(Some(Capture { undo, ..capture }))
        })
    }

    fn run(&mut self) -> BoxFuture<'_, Restore> {
        self.undo.run()
    }
}

/// What a rollback would do.
pub(crate) async fn plan(
    insiders: &Insiders,
    places: &dyn Places,
    access: ReadAccess<'_>,
    parts: &[UndoPart],
) -> Result<Planned, Fault> {
    let (record, inner) = Record::all(parts)?;
    let insider = insider(insiders, &record)?;
    let there = places.again(access, insider, &record.flags, &record.place).await?;
    let planned = insider.provider().plan_undo(access.through(there.target), &inner).await;
    let planned = planned.map_err(|fault| (there.explain)(fault))?;
    same(access, &there, &record).await?;
    Ok(planned)
}

/// Did it happen?
pub(crate) async fn probe(
    insiders: &Insiders,
    places: &dyn Places,
    access: ReadAccess<'_>,
    part: &UndoPart,
) -> Result<Verdict, Fault> {
    let (record, inner) = Record::unwrap(part)?;
    let insider = insider(insiders, &record)?;
    let there = places.again(access, insider, &record.flags, &record.place).await?;
    let verdict = insider.provider().probe(access.through(there.target), &inner).await;
    let verdict = verdict.map_err(|fault| (there.explain)(fault))?;
    same(access, &there, &record).await?;
    Ok(verdict)
}
