//! A question at the terminal: how it is asked, and what an answer means.

use playbook_core::event::{Actor, ApprovalRequested, Choice, Question};
use playbook_core::model::StepId;
use playbook_runtime::Said;

/// A question that is open.
#[derive(Clone, Debug)]
pub(super) struct Open {
    /// The step it is about; none for the run.
    pub(super) step: Option<StepId>,
    /// The question.
    pub(super) asked: ApprovalRequested,
}

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// An answer.
    Say(Said),
    /// Show more, ask again.
    Details,
    /// Not an answer: say what would be one.
    Again(&'static str),
}

impl Open {
    /// What can be typed.
    pub(super) fn keys(&self) -> &'static str {
        match self.asked.question {
            Question::Confirm if self.asked.covers.is_empty() => "[y/N]",
            Question::Confirm => "[y/N, d for details]",
            Question::Approval => "[yes/no, d for details]",
            Question::Manual => "[Enter when done, n if it cannot be done]",
            Question::Failure => "[retry, skip, rollback, stop]",
            Question::Doubt => "[yes, it was / no, it was not]",
            Question::Cancelled => "[continue, rollback, stop]",
        }
    }

    /// May this person answer here? If not, says who may, and how.
    pub(super) fn closed_to(&self, person: &Actor, starter: Option<&Actor>, run: &str) -> Option<String> {
        if self.asked.question != Question::Approval {
            return None;
        }
        let step = self.step.as_ref().map_or("", StepId::as_str).trim_start_matches('#');
        let how = format!("playbook approve {run} {step}");
        let me = person.name();
        if !self.asked.by.is_empty() && !self.asked.by.iter().any(|name| name == me) {
            return Some(format!("{} may answer, from any terminal: {how}", self.asked.by.join(", ")));
        }
        let own = starter.is_some_and(|starter| starter.name() == me) && !self.asked.allow_author;
        own.then(|| format!("someone other than {me} has to answer, from any terminal: {how}"))
    }

    /// What a line that was typed means.
    pub(super) fn reply(&self, line: &str) -> Reply {
        let step = self.step.as_ref().map_or_else(String::new, |id| id.as_str().to_owned());
        let (word, comment) = match line.split_once(char::is_whitespace) {
            Some((word, rest)) => (word, Some(rest.trim().to_owned())),
            None => (line, None),
        };
        let word = word.to_lowercase();
        let answer = |yes| Reply::Say(Said::Answer { step: step.clone(), yes, comment: comment.clone() });
        let choose = |choice| Reply::Say(Said::Choice { step: self.step.as_ref().map(ToString::to_string), choice });
        match (self.asked.question, word.as_str()) {
            (_, "d" | "details") if !self.asked.covers.is_empty() => Reply::Details,
            (Question::Confirm, "y" | "yes") | (Question::Approval | Question::Doubt, "yes") => answer(true),
            (Question::Confirm, "" | "n" | "no") | (Question::Approval, "no" | "n") => answer(false),
            (Question::Doubt, "no") => answer(false),
            (Question::Manual, "" | "y" | "yes" | "done") => answer(true),
            (Question::Manual, "n" | "no") => answer(false),
            // Words in full: retry and rollback, skip and stop begin alike.
            (Question::Failure, "retry") => choose(Choice::Retry),
            (Question::Failure, "skip") => choose(Choice::Skip),
            (Question::Failure | Question::Cancelled, "rollback") => choose(Choice::Rollback),
            (Question::Failure | Question::Cancelled, "stop") => choose(Choice::Stop),
            (Question::Cancelled, "continue") => choose(Choice::Continue),
            (Question::Confirm, _) => Reply::Again("type y or n"),
            (Question::Approval, _) => Reply::Again("type yes or no, in full; words after it are kept as a comment"),
            (Question::Manual, _) => Reply::Again("press Enter when it is done, or type n"),
            (Question::Failure, _) => Reply::Again("type retry, skip, rollback or stop, in full"),
            (Question::Doubt, _) => Reply::Again("type yes or no, in full"),
            (Question::Cancelled, _) => Reply::Again("type continue, rollback or stop, in full"),
        }
    }
}
