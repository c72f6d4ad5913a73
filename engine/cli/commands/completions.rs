//! `playbook completions` and `playbook man`.

use clap::CommandFactory as _;
use playbook_core::codes::Code;

use crate::app::App;
use crate::args::{Args, Completions, Man};
use crate::error::Failure;

pub(super) fn completions(app: &App, args: &Completions) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "playbook", &mut text);
    app.out.print(&String::from_utf8_lossy(&text));
    Ok(0)
}

pub(super) fn man(app: &App, args: &Man) -> Result<u8, Failure> {
    let wrong = |error: std::io::Error| {
        Failure::failed(Code::Usage, format!("no manual: {error}"), "name a directory that can be written")
    };
    match &args.dir {
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Args::command()).render(&mut text).map_err(wrong)?;
            app.out.print(&String::from_utf8_lossy(&text));
        }
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(wrong)?;
            clap_mangen::generate_to(Args::command(), dir).map_err(wrong)?;
            app.out.line(&format!("manual pages are in {}", dir.display()));
        }
    }
    Ok(0)
}
