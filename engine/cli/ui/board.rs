//! What the screen knows of the run: a small fold over events.

use std::collections::BTreeMap;

use playbook_core::event::{Event, Record, StepEnd};
use playbook_core::model::StepId;

/// One step as the screen knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// Its title or command.
    pub(super) title: String,
    /// What it changed, so far.
    pub(super) difference: Option<String>,
    /// Things changed, so far.
    pub(super) changed: u64,
    /// The last assertion that was not true.
    pub(super) unmet: Option<String>,
    /// Looks at a condition.
    pub(super) looks: u32,
    /// Has its end been shown?
    pub(super) over: bool,
    count: u64,
}

/// What the screen knows of the run.
#[derive(Debug, Default)]
pub(super) struct Board {
    steps: BTreeMap<StepId, Line>,
    /// The width of the longest id seen.
    pub(super) id_width: usize,
    /// Steps of the playbook.
    pub(super) total: u32,
    /// Steps that are over.
    pub(super) done: u32,
}

impl Board {
    /// Takes an event in.
    pub(super) fn apply(&mut self, record: &Record) {
        if let Event::RunStarted(started) = &record.event {
            self.total = started.steps;
        }
        let Some(id) = &record.step else { return };
        self.id_width = self.id_width.max(id.as_str().len()).min(20);
        let line = self.steps.entry(id.clone()).or_default();
        match &record.event {
            Event::StepStarted(started) => {
                line.title.clone_from(&started.title);
                line.looks += 1;
                line.over = false;
            }
            Event::ActionIntent(intent) => line.count = intent.count,
            Event::ActionResult(done) if done.changed => {
                line.changed += line.count.max(1);
                if line.difference.is_none() {
                    line.difference = super::words::difference(done);
                }
            }
            Event::AssertEvaluated(evaluated) => {
                line.unmet = (!evaluated.pass).then(|| {
                    evaluated.message.clone().unwrap_or_else(|| format!("{} is not true", evaluated.expression))
                });
            }
            Event::StepSkipped(skipped) => {
                line.title.clone_from(&skipped.title);
                self.done += 1;
            }
            Event::StepFinished(finished) => {
                line.over = true;
                self.done += u32::from(!matches!(finished.status, StepEnd::Unknown));
            }
            _ => {}
        }
    }

    /// What is known of a step.
    pub(super) fn line(&self, id: &StepId) -> Line {
        self.steps.get(id).cloned().unwrap_or_default()
    }
}
