//! What people say, from the terminal or through the inbox of the run: which of it counts, and what
//! it becomes.

use playbook_core::event::{
    Actor, ApprovalDecided, Choice, Decision, Event, FailureHandled, NoteAdded, Question, RunCancelling,
};
use playbook_core::model::StepIx;
use playbook_core::run::{Answer, GateRun, answer};

use super::Loop;
use crate::error::RuntimeError;
use crate::message::{Input, Said};
use crate::sink::Progress;

impl Loop {
    /// Messages of other processes.
    pub(super) fn read_mail(&mut self) -> Result<(), RuntimeError> {
        let messages = self.engine.store.messages(self.journal.run(), self.mails_read);
        self.mails_read += messages.len();
        for message in messages {
            match serde_json::from_str::<Input>(&message) {
                Ok(input) => {
                    self.said(input)?;
                }
                Err(_) => self.progress(&Progress::Warning("a message to this run cannot be read".into())),
            }
        }
        self.journal.sync()
    }

    /// Takes in what someone said. True: they want to leave at once.
    pub(super) fn said(&mut self, input: Input) -> Result<bool, RuntimeError> {
        if !self.answered.insert(input.id.clone()) || self.state.answers.contains(&input.id) {
            return Ok(false);
        }
        let Input { id, actor, said } = input;
        match said {
            Said::Answer { step, yes, comment } => {
                self.answered_step(&step, Answer { yes, comment, actor }, id)?;
            }
            Said::Choice { step, choice } => self.chosen(step.as_deref(), choice, actor, id)?,
            Said::Note { text } => self.record(None, actor, Event::NoteAdded(NoteAdded { text, message: Some(id) }))?,
            Said::Cancel { by } => {
                let stage = self.state.cancel + 1;
                if stage > 2 {
                    return Ok(true);
                }
                self.record(None, actor, Event::RunCancelling(RunCancelling { stage, by, message: Some(id) }))?;
            }
        }
        self.journal.sync()?;
        Ok(false)
    }

    fn answered_step(&mut self, step: &str, given: Answer, id: String) -> Result<(), RuntimeError> {
        let gates = self.open_questions(step);
        let Some((ix, gate)) = gates else {
            self.progress(&Progress::Warning(format!("nobody is asked about `{step}`")));
            return Ok(());
        };
        if let Err(why) = answer(&gate, self.state.starter.as_ref(), &given) {
            self.progress(&Progress::Warning(format!("an answer does not count: {why}")));
            return Ok(());
        }
        let decision = match (gate.asked.question, given.yes) {
            (Question::Doubt, true) => Decision::Happened,
            (Question::Doubt, false) => Decision::DidNotHappen,
            (_, true) => Decision::Approved,
            (_, false) => Decision::Rejected,
        };
        let decided = ApprovalDecided {
            decision,
            comment: given.comment,
            waited_us: self.engine.clock.now().mono_us.saturating_sub(gate.since_us),
            digest: gate.asked.digest,
            answer: Some(id),
        };
        self.record(Some(ix), given.actor, Event::ApprovalDecided(decided))
    }

    /// The open question about a step; any open question if no step is named.
    fn open_questions(&self, step: &str) -> Option<(StepIx, GateRun)> {
        let checked = &self.engine.checked;
        let candidates: Vec<StepIx> = match checked.index_of(step) {
            Some(ix) => vec![ix],
            None if step.is_empty() => self.state.waiting(),
            None => Vec::new(),
        };
        candidates.into_iter().find_map(|ix| {
            let run = self.state.step(ix);
            let doubt = run.question.as_ref().filter(|gate| gate.asked.question == Question::Doubt);
            let gate = run.gate.as_ref().filter(|gate| !gate.open && gate.refused.is_none());
            doubt.or(gate).map(|gate| (ix, (**gate).clone()))
        })
    }

    fn chosen(&mut self, step: Option<&str>, choice: Choice, actor: Actor, id: String) -> Result<(), RuntimeError> {
        let handled = Event::FailureHandled(FailureHandled { choice, message: Some(id) });
        match step {
            None if self.state.question.is_some() => self.record(None, actor, handled),
            Some(id) => match self.engine.checked.index_of(id) {
                Some(ix) if self.state.step(ix).question.is_some() => self.record(Some(ix), actor, handled),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }
}
