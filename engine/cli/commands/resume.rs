//! `playbook resume`.

use playbook_core::codes::Code;
use playbook_core::event::RunResumed;
use playbook_core::model::{Digest, StepId};
use playbook_runtime::Start;

use crate::app::{App, VERSION};
use crate::args::{Output, Resume};
use crate::compile::Overrides;
use crate::error::Failure;
use crate::replay::{as_started, begin, changed_steps};
use crate::session::Session;
use crate::ui::Ui;
use crate::values::{Wanted, resolve};

pub(super) fn resume(app: &App, args: &Resume) -> Result<u8, Failure> {
    let run = app.store().find(&args.run)?;
    let (started, records) = begin(app, &run)?;
    let over = records.iter().any(|record| matches!(record.event, playbook_core::event::Event::RunFinished(_)));
    if over {
        let help = format!(
            "`playbook rollback {0}` takes back what is left of it; to try again, run the playbook anew",
            run.short()
        );
        return Err(Failure::input(Code::Usage, format!("run {} is over", run.short()), help));
    }
    let interactive = app.is_interactive(args.no_input) && args.output == Output::Text;
    let overrides = again(app, &started, &args.given)?;
    let compiled = as_started(app, &started, overrides)?;
    let mut source = started.source;
    if let Some(path) = &compiled.located.path {
        let text = crate::locate::read(path)?.text;
        source = Digest::of(text.as_bytes());
        if source != started.source {
            let changed = changed_steps(app, &compiled.checked, &text, &started.path)?;
            let open: Vec<&String> = changed.iter().filter(|id| !args.accept.contains(id)).collect();
            if !open.is_empty() {
                let list: Vec<&str> = open.iter().map(|id| id.as_str()).collect();
                let accepts: Vec<String> = list.iter().map(|id| format!("--accept {id}")).collect();
                return Err(Failure::Plain {
                    code: Code::PlaybookChanged,
                    message: format!("{} changed since the run began: {}", started.path, list.join(", ")),
                    help: format!(
                        "the run goes on with the playbook as it was; add {} if that is right",
                        accepts.join(" ")
                    ),
                    exit: 6,
                });
            }
        }
    }
    let wanted = Wanted { compiled: &compiled, given: &args.given, recorded: Some(&started.inputs), ask: interactive };
    let inputs = resolve(app, &wanted)?;
    let session = Session::new(app, compiled, inputs, Some(&run))?;
    let resumed = RunResumed {
        engine: VERSION.to_owned(),
        source,
        accepted: args.accept.iter().map(|id| StepId::recorded(id)).collect(),
        accepted_targets: args.accept_targets.clone(),
    };
    let ui = Ui::new(app, args.output);
    let ended = session.execute(app, run, Start::Resume(resumed), ui, interactive)?;
    Ok(ended.summary.exit)
}

/// Targets as the run was started with, and as the command line says now.
pub(super) fn again(
    app: &App,
    started: &playbook_core::event::RunStarted,
    given: &crate::args::Given,
) -> Result<Overrides, Failure> {
    let _ = app;
    let mut overrides = Overrides::recorded(&started.overrides, started.environment.as_deref())?;
    for text in &given.targets {
        overrides.target(text)?;
    }
    let hidden = overrides.hidden();
    if let Some(name) = hidden {
        return Err(Failure::input(
            Code::SecretUnavailable,
            format!("the address of `{name}` held a secret, which the journal does not have"),
            format!("give it again: --target {name}=…"),
        ));
    }
    Ok(overrides)
}
