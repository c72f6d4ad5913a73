//! What a person, or a program, sees of a run while it happens. One thread owns the screen and the
//! keyboard and is fed events over a channel; the engine never draws.

mod board;
mod json;
mod keyboard;
mod question;
mod screen;
mod words;

use std::sync::mpsc;
use std::thread::JoinHandle;

use playbook_core::event::{Actor, Record};
use playbook_runtime::{Ended, Input, Progress, Sink};

use crate::app::App;
use crate::args::Output;
use crate::out::Out;

/// How a run is shown.
pub(crate) struct Ui {
    out: Out,
    style: Style,
}

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Lines that move.
    Live { colour: bool, width: usize },
    /// Lines that do not.
    Plain { colour: bool, width: usize },
    /// One event a line.
    Json,
    /// Not at all.
    Silent,
}

/// What the screen is told.
pub(crate) enum Message {
    Record(Box<Record>),
    Progress(Progress),
    Finish(Option<Box<Report>>),
}

/// What there is to say at the end.
pub(crate) struct Report {
    pub(crate) summary: playbook_core::run::RunSummary,
    pub(crate) head: playbook_core::journal::Head,
    pub(crate) run: playbook_core::model::RunId,
    pub(crate) left: bool,
}

/// The thread that owns the screen.
pub(crate) struct Screen {
    to_screen: mpsc::Sender<Message>,
    wake: keyboard::Waker,
    thread: JoinHandle<()>,
}

struct ToScreen {
    to_screen: mpsc::Sender<Message>,
    wake: keyboard::Waker,
}

impl Ui {
    /// As the terminal and the arguments ask for.
    pub(crate) fn new(app: &App, output: Output) -> Self {
        let dumb = app.env.get("TERM").is_none_or(|term| term == "dumb");
        let live = app.out.is_terminal() && !app.in_ci() && !dumb;
        let (colour, width) = (app.colour, app.width);
        let style = match output {
            Output::Json => Style::Json,
            Output::Text | Output::Markdown if live => Style::Live { colour, width },
            Output::Text | Output::Markdown => Style::Plain { colour, width },
        };
        Self { out: app.out.clone(), style }
    }

    /// Shows nothing: how it ended is all that counts.
    pub(crate) fn silent(app: &App) -> Self {
        Self { out: app.out.clone(), style: Style::Silent }
    }

    /// Starts the thread that owns the screen.
    pub(crate) fn start(
        self,
        to_loop: tokio::sync::mpsc::Sender<Input>,
        person: Actor,
        interactive: bool,
    ) -> (Box<dyn Sink>, Screen) {
        let (to_screen, messages) = mpsc::channel();
        let (wake, keys) = keyboard::pair(interactive && self.style != Style::Json);
        let out = self.out;
        let style = self.style;
        let thread = std::thread::spawn(move || match style {
            Style::Json => json::run(&out, &messages),
            Style::Silent => {
                while let Ok(message) = messages.recv() {
                    if matches!(message, Message::Finish(_)) {
                        return;
                    }
                }
            }
            Style::Live { colour, width } => {
                screen::Drawing::new(out, colour, width, true, keys, to_loop, person).run(&messages);
            }
            Style::Plain { colour, width } => {
                screen::Drawing::new(out, colour, width, false, keys, to_loop, person).run(&messages);
            }
        });
        let sink = Box::new(ToScreen { to_screen: to_screen.clone(), wake: wake.clone() });
        (sink, Screen { to_screen, wake, thread })
    }
}

impl Screen {
    /// Shows how it ended, and gives the screen back.
    pub(crate) fn finish(self, ended: Option<&Ended>) {
        let report = ended.map(|ended| {
            Box::new(Report {
                summary: ended.summary.clone(),
                head: ended.head.clone(),
                run: ended.run.clone(),
                left: ended.left,
            })
        });
        let _ = self.to_screen.send(Message::Finish(report));
        self.wake.wake();
        let _ = self.thread.join();
    }
}

impl Sink for ToScreen {
    fn record(&mut self, record: &Record) {
        let _ = self.to_screen.send(Message::Record(Box::new(record.clone())));
        self.wake.wake();
    }

    fn progress(&mut self, progress: &Progress) {
        let _ = self.to_screen.send(Message::Progress(progress.clone()));
        self.wake.wake();
    }
}
