//! Kubernetes: kubectl lines, understood without kubectl and spoken to the API server.
//!
//! A line is parsed and classified before any server is asked ([`line`]); what it means is found out
//! by discovery ([`resources`]). Plans ask over a connection that lets through reads and writes that
//! the server only pretends ([`client`]); changes are captured, pinned to the resource version that was
//! captured ([`change`]), and taken back field by field ([`undo`]).

mod asked;
mod change;
mod client;
mod diff;
mod faults;
mod find;
mod jsonpath;
mod kind;
mod line;
mod look;
mod manifest;
mod pods;
mod quantity;
mod record;
mod resources;
mod selector;
mod target;
mod target_draft;
mod undo;
mod waiting;
mod yaml;

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
use pods::exec::{self, EXEC};
use pods::within::{Pods, WITHIN};
use target::{reading, writing};

pub use pods::tunnel::way;

/// The Kubernetes provider. `secrets` are those of the process: known values are kept out of
/// everything it says, and tokens of kubeconfigs become known. `insiders` know programs that are run in
/// pods.
pub fn provider(secrets: Secrets, insiders: Vec<Arc<dyn Insider>>) -> Arc<dyn Provider> {
    Arc::new(Kubernetes { secrets, insiders: insiders.into() })
}

struct Kubernetes {
    secrets: Secrets,
    insiders: Insiders,
}

impl Provider for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn summary(&self) -> &'static str {
        "a Kubernetes cluster"
    }

    fn kinds(&self) -> Vec<Arc<dyn Kind>> {
        vec![Arc::new(kind::KubectlKind { secrets: self.secrets.clone(), insiders: Arc::clone(&self.insiders) })]
    }

    fn target(&self, entry: &Entry, siblings: &[Entry], found: &mut Diagnostics) -> Option<Arc<dyn TargetDraft>> {
        Some(Arc::new(target_draft::read(entry, siblings, &self.secrets, found)?))
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
            match kind_of(&parts) {
                WITHIN => inside::undo::undo(&self.insiders, &Pods, access, &parts).await,
                _ => {
                    let access = writing(access, record::acting(&parts).as_ref())?;
                    Ok(Box::new(undo::ObjectUndo::begin(&access, parts).await?) as Box<dyn Undo + 'a>)
                }
            }
        })
    }

    fn plan_undo<'a>(&'a self, access: ReadAccess<'a>, parts: &'a [UndoPart]) -> BoxFuture<'a, Result<Planned, Fault>> {
        Box::pin(async move {
            match kind_of(parts) {
                WITHIN => inside::undo::plan(&self.insiders, &Pods, access, parts).await,
                _ => undo::plan(reading(access, record::acting(parts).as_ref())?, parts).await,
            }
        })
    }

    fn probe<'a>(&'a self, access: ReadAccess<'a>, part: &'a UndoPart) -> BoxFuture<'a, Result<Verdict, Fault>> {
        Box::pin(async move {
            match part.record.kind.as_str() {
                WITHIN => inside::undo::probe(&self.insiders, &Pods, access, part).await,
                EXEC => exec::probe(access, part),
                _ => {
                    let access = reading(access, record::acting(std::slice::from_ref(part)).as_ref())?;
                    undo::probe(access, part).await
                }
            }
        })
    }

    fn settles(&self, record: &UndoRecord) -> bool {
        waiting::settles(record)
    }

    fn settle<'a>(&'a self, access: WriteAccess<'a>, parts: Vec<UndoPart>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move { waiting::settle(writing(access, record::acting(&parts).as_ref())?, parts).await })
    }
}

/// Parts of one step are of one kind.
fn kind_of(parts: &[UndoPart]) -> &str {
    parts.first().map_or("", |part| part.record.kind.as_str())
}
