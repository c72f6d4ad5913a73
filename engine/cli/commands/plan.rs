//! `playbook plan`, and `run --dry-run`.

use playbook_core::codes::Code;
use playbook_core::plan::{Depth, Plan as Made};
use playbook_core::ports::Never;
use playbook_core::redact::redacted;
use playbook_runtime::Planner;

use crate::app::App;
use crate::args::{Output, Plan};
use crate::compile::{Overrides, compile};
use crate::error::Failure;
use crate::locate;
use crate::render;
use crate::session::{Session, runtime};
use crate::values::{Wanted, resolve};

/// The exit code of `--detailed-exitcode` when something would change.
const CHANGES: u8 = 10;

pub(super) fn plan(app: &App, args: &Plan) -> Result<u8, Failure> {
    let session = prepare(app, args)?;
    let made = if args.live { live(&session)? } else { session.offline() };
    show(app, args, &made)
}

/// Live if any target answers, else offline.
pub(super) fn dry_run(app: &App, args: &Plan) -> Result<u8, Failure> {
    let session = prepare(app, args)?;
    let made = live(&session)?;
    let somebody = made.targets.iter().any(|target| target.identity.is_some());
    if somebody || made.targets.iter().all(|target| target.fault.is_none()) {
        return show(app, args, &made);
    }
    for target in &made.targets {
        if let Some(fault) = &target.fault {
            app.out.error(&format!("warning: {} does not answer: {}", target.name, fault.message));
        }
    }
    show(app, args, &session.offline())
}

fn prepare(app: &App, args: &Plan) -> Result<Session, Failure> {
    let located = locate::one(app, &args.playbook)?;
    let overrides = Overrides::given(&args.given, &located)?;
    let compiled = compile(app, located, overrides)?;
    let ask = app.is_interactive(false) && args.output == Output::Text;
    let inputs = resolve(app, &Wanted { compiled: &compiled, given: &args.given, recorded: None, ask })?;
    Session::new(app, compiled, inputs, None)
}

fn live(session: &Session) -> Result<Made, Failure> {
    let planner =
        Planner { checked: session.checked(), asked: session.asked(), targets: &session.targets, cancel: &Never };
    Ok(runtime()?.block_on(planner.plan()))
}

fn show(app: &App, args: &Plan, made: &Made) -> Result<u8, Failure> {
    // Before anything is cut or wrapped: a part of a secret is not found afterwards.
    let made = &redacted(&app.secrets, made)
        .map_err(|error| Failure::failed(Code::Internal, error.to_string(), "report it with the playbook"))?;
    match args.output {
        Output::Text => app.out.print(&render::plan_text(made, app.width, app.colour)),
        Output::Markdown => app.out.print(&render::plan_md(made)),
        Output::Json => app.out.line(&serde_json::to_string_pretty(made).unwrap_or_default()),
    }
    let unanswered = made.depth == Depth::Live
        && !made.targets.is_empty()
        && made.targets.iter().all(|target| target.fault.is_some());
    Ok(match (unanswered, args.detailed_exitcode && made.changes_anything()) {
        (true, _) => 1,
        (false, true) => CHANGES,
        (false, false) => 0,
    })
}
