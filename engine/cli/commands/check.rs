//! `playbook check`.

use playbook_core::source::Sources;

use crate::app::App;
use crate::args::{Check, CheckOutput};
use crate::compile::{Overrides, examine};
use crate::error::Failure;
use crate::locate;
use crate::render::diagnostics;

pub(super) fn check(app: &App, args: &Check) -> Result<u8, Failure> {
    let located = if args.playbooks.is_empty() {
        locate::all(app).into_iter().filter(|located| located.path.is_some()).collect()
    } else {
        args.playbooks.iter().map(|name| locate::one(app, name)).collect::<Result<Vec<_>, _>>()?
    };
    let mut errors = false;
    let mut warnings = 0;
    let mut all = Vec::new();
    for located in &located {
        let read = examine(app, located, Overrides::default());
        errors |= read.found.has_errors();
        warnings += read.found.len();
        let sources: &Sources = &read.sources;
        match args.output {
            CheckOutput::Text if read.found.is_empty() => {
                let steps = read.checked.as_ref().map_or(0, |checked| checked.steps.len());
                app.out.line(&format!("{}: {steps} steps, nothing to mend", located.name));
            }
            CheckOutput::Text => app.out.print(&diagnostics::text(sources, &read.found, app.width, app.colour)),
            CheckOutput::Json => {
                all.extend(diagnostics::json(sources, &read.found).as_array().cloned().unwrap_or_default());
            }
            CheckOutput::Github => app.out.print(&diagnostics::github(sources, &read.found)),
        }
    }
    if args.output == CheckOutput::Json {
        app.out.line(&serde_json::to_string_pretty(&all).unwrap_or_default());
    }
    if located.is_empty() {
        app.out.error("no playbooks here: they are sought in playbooks/, upward from this directory");
    }
    Ok(if errors || (args.strict && warnings > 0) { 2 } else { 0 })
}
