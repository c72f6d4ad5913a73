//! Taking back what was captured: only what the step changed, and only where it is still as the step
//! left it.

mod containers;
mod plan;
mod probe;
mod project;
mod things;
mod way;

use playbook_core::action::{Capture, Difference, Fault, Restore, Undo, UndoPart, WriteAccess};
use playbook_core::ports::BoxFuture;

use super::client::Writer;
use super::record::Kept;

pub(super) use plan::plan;
pub(super) use probe::{probe, up_of};

/// A rollback under way.
pub(super) struct DockerUndo<'a> {
    writer: Writer<'a>,
    parts: Vec<UndoPart>,
}

impl<'a> DockerUndo<'a> {
    /// Connects.
    pub(super) async fn begin(access: &WriteAccess<'a>, parts: Vec<UndoPart>) -> Result<Self, Fault> {
        let writer = Writer::open(access).await?;
        containers::learn(writer.reading()).await?;
        Ok(Self { writer, parts })
    }

    async fn one(&self, part: &UndoPart, restore: &mut Restore) -> Result<(), Fault> {
        let writer = &self.writer;
        let kept = Kept::read(part)?;
        match &kept {
            Kept::Standing { .. } => containers::standing(writer, &kept, part, restore).await,
            Kept::Settings { .. } => containers::settings(writer, &kept, part, restore).await,
            Kept::Name { .. } => containers::name_of(writer, &kept, restore).await,
            Kept::Container { .. } => containers::gone(writer, &kept, &Kept::blob(part)?, restore).await,
            Kept::Endpoint { .. } => containers::endpoint(writer, &kept, restore).await,
            Kept::Network { .. } => things::network(writer, &kept, &Kept::blob(part)?, restore).await,
            Kept::Made { .. } => things::made(writer, &kept, part, restore).await,
            Kept::Tag { .. } => things::tag(writer, &kept, part, restore).await,
            Kept::Project { .. } => project::back(writer, &kept, part, restore).await,
            Kept::Removed { .. } | Kept::Ran { .. } => Ok(()),
        }
    }

    async fn all(&mut self) -> Restore {
        let mut restore = Restore::default();
        for part in &self.parts {
            if let Err(fault) = self.one(part, &mut restore).await {
                restore.failed.get_or_insert(fault);
            }
        }
        restore
    }
}

impl Undo for DockerUndo<'_> {
    fn prepare(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn run(&mut self) -> BoxFuture<'_, Restore> {
        Box::pin(self.all())
    }
}

/// One thing that is not as it was.
fn difference(kept: &Kept, before: &str, ours: &str, now: impl Into<String>) -> Difference {
    Difference { subject: kept.subject(), before: before.to_owned(), ours: ours.to_owned(), now: now.into() }
}
