//! `playbook rollback`.

use playbook_core::codes::Code;
use playbook_core::event::RunResumed;
use playbook_core::ports::Never;
use playbook_core::run::rollback_plan;
use playbook_runtime::{Start, plan_rollback};

use crate::app::{App, VERSION};
use crate::args::{Output, Rollback};
use crate::error::Failure;
use crate::render;
use crate::replay::{as_started, begin, replay};
use crate::session::{Session, runtime};
use crate::ui::Ui;
use crate::values::{Wanted, resolve};

pub(super) fn rollback(app: &App, args: &Rollback) -> Result<u8, Failure> {
    let run = app.store().find(&args.run)?;
    let (started, _) = begin(app, &run)?;
    let interactive = app.is_interactive(false) && args.output == Output::Text;
    let compiled = as_started(app, &started, super::resume::again(app, &started, &args.given)?)?;
    let wanted = Wanted { compiled: &compiled, given: &args.given, recorded: Some(&started.inputs), ask: interactive };
    let inputs = resolve(app, &wanted)?;
    let session = Session::new(app, compiled, inputs, Some(&run))?;
    let state = replay(app, &run)?.state;
    let steps = rollback_plan(session.checked(), &state).steps;
    if steps.is_empty() && state.finished.is_some() {
        app.out.line(&format!("run {} has changed nothing that is left to take back", run.short()));
        return Ok(0);
    }
    if args.dry_run {
        return dry_run(app, &session, &state, args);
    }
    if !args.yes && !steps.is_empty() {
        let list: Vec<&str> = steps.iter().map(|ix| session.checked().step(*ix).id.as_str()).collect();
        let question = format!("Take back {} of run {} ({})?", list.join(", "), run.short(), started.playbook);
        if !interactive {
            return Err(Failure::Plain {
                code: Code::NeedsPerson,
                message: format!("nobody is here to confirm: {question}"),
                help: "add --yes; --dry-run shows what it would do".into(),
                exit: 3,
            });
        }
        let sure = dialoguer::Confirm::new().with_prompt(question).default(false).interact_opt().ok().flatten();
        if sure != Some(true) {
            app.out.line("nothing was taken back");
            return Ok(130);
        }
    }
    let resumed = RunResumed {
        engine: VERSION.to_owned(),
        source: started.source,
        accepted: Vec::new(),
        accepted_targets: args.accept_targets.clone(),
    };
    let ui = Ui::new(app, args.output);
    let ended = session.execute(app, run, Start::Rollback(resumed), ui, interactive)?;
    // Asked for and done is success; a part that is not as it was is not.
    Ok(if ended.summary.exit == 4 { 0 } else { ended.summary.exit })
}

fn dry_run(app: &App, session: &Session, state: &playbook_core::run::RunState, args: &Rollback) -> Result<u8, Failure> {
    let store = app.store();
    let plans = runtime()?.block_on(plan_rollback(
        session.checked(),
        state,
        &app.registry,
        &session.targets,
        store.as_ref(),
        &app.secrets,
        &Never,
    ));
    let rows: Vec<(String, Result<_, _>)> =
        plans.into_iter().map(|(ix, plan)| (session.checked().step(ix).id.to_string(), plan)).collect();
    match args.output {
        Output::Json => {
            let rows: Vec<_> = rows
                .iter()
                .map(|(id, plan)| match plan {
                    Ok(planned) => serde_json::json!({"step": id, "planned": planned}),
                    Err(fault) => serde_json::json!({"step": id, "fault": fault}),
                })
                .collect();
            app.out.line(&serde_json::to_string_pretty(&rows).unwrap_or_default());
        }
        Output::Text | Output::Markdown => app.out.print(&render::rollback::text(&rows, app.width, app.colour)),
    }
    Ok(0)
}
