//! `playbook note` and `playbook cancel`.

use playbook_core::event::{Event, NoteAdded};
use playbook_runtime::Said;

use crate::app::App;
use crate::args::{Note, RunName};
use crate::error::Failure;
use crate::people::{Said as Delivered, say};

pub(super) fn note(app: &App, args: &Note) -> Result<u8, Failure> {
    let store = app.store();
    let run = store.find(&args.run)?;
    let text = args.text.join(" ");
    let event = Event::NoteAdded(NoteAdded { text: text.clone(), message: None });
    say(app, &run, Said::Note { text }, Some((None, event)))?;
    app.out.line(&format!("noted in run {}", run.short()));
    Ok(0)
}

pub(super) fn cancel(app: &App, args: &RunName) -> Result<u8, Failure> {
    let store = app.store();
    let run = store.find(&args.run)?;
    match say(app, &run, Said::Cancel { by: "playbook cancel".into() }, None)? {
        Delivered::ToProcess => {
            app.out.line(&format!("run {} was asked to end; once more to end what is running", run.short()));
            Ok(0)
        }
        Delivered::Recorded | Delivered::Nobody => {
            app.out
                .line(&format!("nobody is at run {}; `playbook rollback {0}` takes back what it changed", run.short()));
            Ok(0)
        }
    }
}
