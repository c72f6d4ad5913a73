//! One event a line, as it stands in the journal.

use std::sync::mpsc::Receiver;

use super::Message;
use crate::out::Out;

pub(super) fn run(out: &Out, messages: &Receiver<Message>) {
    while let Ok(message) = messages.recv() {
        match message {
            Message::Record(record) => {
                if let Ok(text) = serde_json::to_string(&record) {
                    out.line(&text);
                }
            }
            Message::Progress(playbook_runtime::Progress::Warning(text)) => out.error(&format!("warning: {text}")),
            Message::Progress(playbook_runtime::Progress::Done { .. }) => {}
            Message::Finish(_) => return,
        }
    }
}
