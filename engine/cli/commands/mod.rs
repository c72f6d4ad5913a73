//! One file a command.

mod check;
mod completions;
mod decide;
mod doctor;
mod drill;
mod explain;
mod find;
mod graph;
mod list;
mod note;
mod plan;
mod resume;
mod rollback;
mod run;
mod runs;
mod schema;
mod show;
mod timeline;
mod unlock;
mod verify;
mod watch;

use crate::app::App;
use crate::args::Command;
use crate::error::Failure;

/// Carries out a command and gives its exit code.
pub(crate) fn dispatch(app: &App, command: Command) -> Result<u8, Failure> {
    match command {
        Command::Run(args) => run::run(app, &args),
        Command::Plan(args) => plan::plan(app, &args),
        Command::Check(args) => check::check(app, &args),
        Command::Graph(args) => graph::graph(app, &args),
        Command::List(args) => list::list(app, &args),
        Command::Show(args) => show::show(app, &args),
        Command::Find(args) => find::find(app, &args),
        Command::Runs(args) => runs::runs(app, &args),
        Command::Watch(args) => watch::watch(app, &args),
        Command::Resume(args) => resume::resume(app, &args),
        Command::Approve(args) => decide::decide(app, &args, true),
        Command::Reject(args) => decide::decide(app, &args, false),
        Command::Note(args) => note::note(app, &args),
        Command::Rollback(args) => rollback::rollback(app, &args),
        Command::Cancel(args) => note::cancel(app, &args),
        Command::Unlock(args) => unlock::unlock(app, &args),
        Command::Timeline(args) => timeline::timeline(app, &args),
        Command::Verify(args) => verify::verify(app, &args),
        Command::Drill(args) => drill::drill(app, &args),
        Command::Schema(args) => schema::schema(app, &args),
        Command::Explain(args) => explain::explain(app, &args),
        Command::Completions(args) => completions::completions(app, &args),
        Command::Man(args) => completions::man(app, &args),
        Command::Doctor(args) => doctor::doctor(app, &args),
    }
}
