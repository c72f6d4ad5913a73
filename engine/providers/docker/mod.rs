//! Docker: docker and compose lines, understood without docker and spoken to the Engine API.
//!
//! A line is parsed and classified before any engine is asked ([`line`]). Plans ask over a connection
//! that lets only GET through ([`client`]). Changes are captured container by container ([`change`]) and
//! taken back only where they are still as they were left ([`undo`]). Projects of compose are found by
//! their labels; what only the compose file can tell is asked of the compose that is installed
//! ([`compose`]).

mod again;
mod asked;
mod change;
mod client;
mod compose;
pub mod drill;
mod expect;
mod faults;
mod find;
mod kind;
mod known;
mod line;
mod look;
mod mask;
mod memory;
mod ready;
mod record;
mod settle;
mod standing;
mod target;
mod target_draft;
mod tunnel;
mod undo;
mod within;

use std::sync::Arc;

use playbook_core::action::{
    Fault, Kind, Provider, ReadAccess, TargetDraft, Undo, UndoPart, UndoRecord, Verdict, WriteAccess,
};
use playbook_core::diagnostic::Diagnostics;
use playbook_core::plan::Planned;
use playbook_core::ports::BoxFuture;
use playbook_core::secret::Secrets;
use playbook_core::syntax::tree::Entry;
use playbook_core::tunnel::Insider;
use serde_json::Value;

use crate::inside::{self, Insiders};
use within::{Containers, WITHIN};

pub use tunnel::way;

/// The Docker provider. `secrets` are those of the process; `insiders` know programs that are run in
/// containers.
pub fn provider(secrets: Secrets, insiders: Vec<Arc<dyn Insider>>) -> Arc<dyn Provider> {
    Arc::new(Docker { secrets, insiders: insiders.into() })
}

struct Docker {
    secrets: Secrets,
    insiders: Insiders,
}

impl Provider for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn summary(&self) -> &'static str {
        "a Docker engine"
    }

    fn kinds(&self) -> Vec<Arc<dyn Kind>> {
        vec![Arc::new(kind::DockerKind { secrets: self.secrets.clone(), insiders: Arc::clone(&self.insiders) })]
    }

    fn target(&self, entry: &Entry, siblings: &[Entry], found: &mut Diagnostics) -> Option<Arc<dyn TargetDraft>> {
        Some(Arc::new(target_draft::read(entry, siblings, found)?))
    }

    fn target_schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        target_draft::schema(generator)
    }

    fn undo<'a>(
        &'a self,
        access: WriteAccess<'a>,
        parts: Vec<UndoPart>,
    ) -> BoxFuture<'a, Result<Box<dyn Undo + 'a>, Fault>> {
        Box::pin(async move {
            if is_within(parts.first()) {
                return inside::undo::undo(&self.insiders, &Containers, access, &parts).await;
            }
            Ok(Box::new(undo::DockerUndo::begin(&access, parts).await?) as Box<dyn Undo + 'a>)
        })
    }

    fn plan_undo<'a>(&'a self, access: ReadAccess<'a>, parts: &'a [UndoPart]) -> BoxFuture<'a, Result<Planned, Fault>> {
        Box::pin(async move {
            if is_within(parts.first()) {
                return inside::undo::plan(&self.insiders, &Containers, access, parts).await;
            }
            undo::plan(access, parts).await
        })
    }

    fn probe<'a>(&'a self, access: ReadAccess<'a>, part: &'a UndoPart) -> BoxFuture<'a, Result<Verdict, Fault>> {
        Box::pin(async move {
            if is_within(Some(part)) {
                return inside::undo::probe(&self.insiders, &Containers, access, part).await;
            }
            undo::probe(access, part).await
        })
    }

    fn settles(&self, record: &UndoRecord) -> bool {
        settle::settles(record)
    }

    fn settle<'a>(&'a self, access: WriteAccess<'a>, parts: Vec<UndoPart>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move { settle::settle(access, &parts).await })
    }
}

/// Is it a record of another provider's, of what was changed in a container?
fn is_within(part: Option<&UndoPart>) -> bool {
    part.is_some_and(|part| part.record.kind == WITHIN)
}
