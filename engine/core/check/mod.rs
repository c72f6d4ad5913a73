//! As written → checked: names resolved, graph proven, parameters read. One rule family a file;
//! everything that is wrong is found in one pass.

mod actions;
mod flow;
mod inputs;
mod model;
mod names;
mod native;
mod references;
mod risk;
mod targets;

use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::files::{Files, NoFiles};
use crate::registry::Registry;
use crate::source::Spanned;
use crate::syntax::Authored;
use crate::syntax::tree::Node;

pub use actions::part_of_drill;
pub use model::{
    Approval, Assert, AssertCheck, Body, Checked, CheckedDrill, Gate, Lane, Level, OnExpiry, Rollback, Step, TargetDef,
};
pub use native::native_schemas;
pub(crate) use references::ENV;
pub use risk::effective;

/// What a check is told besides the file.
#[derive(Default)]
pub struct Options {
    /// The name that the file asks for, without its ending.
    pub stem: Option<String>,
    /// Targets that replace those of the playbook: from an environment or the command line.
    pub targets: Vec<(Spanned<String>, Node)>,
    /// The targets are thrown away afterwards: nothing has to be taken back.
    pub throwaway: bool,
    /// What stands beside the playbook.
    pub files: Option<Arc<dyn Files>>,
}

/// Checks a playbook. It can run if there are no errors among the diagnostics.
pub fn check(authored: &Authored, registry: &Registry, options: &Options) -> (Option<Checked>, Diagnostics) {
    let mut found = Diagnostics::new();
    names::header(authored, options, &mut found);
    let inputs = inputs::all(authored, &mut found);
    let targets = targets::all(authored, options, registry, &mut found);
    let files: Arc<dyn Files> = options.files.clone().unwrap_or_else(|| Arc::new(NoFiles));
    let mut steps = actions::Builder::new(registry, &targets, files.as_ref(), authored.header.on_failure, &mut found);
    steps.main(&authored.steps);
    steps.finally(&authored.finally);
    let steps = steps.finish();
    let named = names::steps(&steps, &mut found);
    let graph = flow::graph(&steps, &named, &mut found);
    references::all(&steps, &inputs, &targets, &named, &mut found);
    if !options.throwaway {
        risk::all(&steps, &graph, &mut found);
    }
    let drill =
        authored.drill.as_ref().map(|drill| actions::drill(drill, authored, &inputs, registry, &files, &mut found));
    let by_id = steps.iter().map(|step| (step.id.as_str().to_owned(), step.ix)).collect();
    let checked = (!found.has_errors()).then(|| Checked {
        file: authored.file,
        digest: authored.digest,
        header: authored.header.clone(),
        inputs,
        targets,
        steps,
        graph,
        drill,
        by_id,
    });
    (checked, found)
}
