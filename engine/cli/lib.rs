//! The command line: arguments in, words out. The composition root: only here do the providers meet
//! the runtime.

mod actor;
mod app;
mod args;
mod beside;
mod commands;
mod compile;
mod error;
mod interrupt;
mod locate;
mod out;
mod people;
mod render;
mod replay;
mod schemas;
mod session;
mod ui;
mod values;

use std::process::ExitCode;

use clap::Parser as _;

/// Runs the program and gives its exit code.
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    let app = app::App::new(&args.global);
    let code = match commands::dispatch(&app, args.command) {
        Ok(code) => code,
        Err(error) => {
            app.report(&error);
            error.exit()
        }
    };
    ExitCode::from(code)
}
