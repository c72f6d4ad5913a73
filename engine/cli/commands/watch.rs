//! `playbook watch`: a run from another terminal.

use std::sync::mpsc;
use std::time::Duration;

use playbook_core::event::Event;
use playbook_core::journal;

use crate::app::App;
use crate::args::{Output, RunName};
use crate::error::Failure;
use crate::ui::Ui;

pub(super) fn watch(app: &App, args: &RunName) -> Result<u8, Failure> {
    let store = app.store();
    let run = store.find(&args.run)?;
    let (changed, changes) = mpsc::channel();
    let _follow = store.follow(
        &run,
        Box::new(move || {
            let _ = changed.send(());
        }),
    );
    let (to_nobody, _inbox) = tokio::sync::mpsc::channel(1);
    let person = crate::actor::person(&app.env, "cli");
    let (mut sink, screen) = Ui::new(app, Output::Text).start(to_nobody, person, false);
    let mut shown = 0;
    let exit = loop {
        let bytes = store.read(&run)?;
        let mut finished = None;
        for line in
            String::from_utf8_lossy(&bytes).split_inclusive('\n').filter(|line| line.ends_with('\n')).skip(shown)
        {
            shown += 1;
            if let Ok(record) = journal::read(line.trim_end()) {
                sink.record(&record);
                match &record.event {
                    Event::RunFinished(done) => finished = Some(done.exit),
                    Event::RunPaused(_) => finished = Some(3),
                    _ => finished = None,
                }
            }
        }
        if let Some(exit) = finished {
            break exit;
        }
        if !store.is_alive(&run) && store.read(&run)?.len() == bytes.len() {
            break 3;
        }
        // The file system tells of changes; the limit only notices a process that died silently.
        let _ = changes.recv_timeout(Duration::from_secs(2));
    };
    screen.finish(None);
    Ok(exit)
}
