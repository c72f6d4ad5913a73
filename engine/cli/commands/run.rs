//! `playbook run`.

use playbook_core::event::Settings;
use playbook_core::model::RunId;
use playbook_core::ports::{Clock as _, Randomness as _};
use playbook_runtime::{Random, Start, SystemClock};

use crate::app::App;
use crate::args::{Plan, Run};
use crate::compile::{Overrides, compile};
use crate::error::Failure;
use crate::locate;
use crate::session::Session;
use crate::ui::Ui;
use crate::values::{Wanted, resolve};

/// Bytes that one step may capture, unless the playbook says it.
pub(super) const CAPTURE_LIMIT: u64 = 256 << 20;

pub(super) fn run(app: &App, args: &Run) -> Result<u8, Failure> {
    if args.dry_run {
        let plan = Plan {
            playbook: args.playbook.clone(),
            given: args.given.clone(),
            live: true,
            detailed_exitcode: args.detailed_exitcode,
            output: args.output,
        };
        return super::plan::dry_run(app, &plan);
    }
    let interactive = app.is_interactive(args.no_input) && args.output == crate::args::Output::Text;
    let located = locate::one(app, &args.playbook)?;
    let overrides = Overrides::given(&args.given, &located)?;
    let compiled = compile(app, located, overrides)?;
    let wanted = Wanted { compiled: &compiled, given: &args.given, recorded: None, ask: interactive };
    let inputs = resolve(app, &wanted)?;
    let settings = Settings {
        parallel: args.parallel,
        yes: args.yes,
        capture_limit: compiled.checked.header.capture_limit.map_or(CAPTURE_LIMIT, |bytes| bytes.0),
    };
    let id = new_id();
    let session = Session::new(app, compiled, inputs, Some(&id))?;
    let started = session.started(app, settings, false)?;
    let ui = Ui::new(app, args.output);
    let ended = session.execute(app, id, Start::Fresh(Box::new(started)), ui, interactive)?;
    Ok(ended.summary.exit)
}

/// An id for a new run.
pub(super) fn new_id() -> RunId {
    RunId::new(SystemClock::new().now().wall, Random.next())
}
