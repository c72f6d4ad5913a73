//! Questions to people and what came of them.

use super::phrase;
use super::rows::{Answer, ApprovalRow, ApprovalState};
use crate::event::{ApprovalDecided, ApprovalRequested, Choice, Decision, Event, Question, Record};
use crate::model::StepId;

pub(super) fn approvals(records: &[&Record]) -> Vec<ApprovalRow> {
    let mut fold = Fold { rows: Vec::new(), asked: Vec::new() };
    for record in records {
        match &record.event {
            Event::ApprovalRequested(asked) => fold.ask(record, asked),
            Event::ApprovalDecided(decided) => fold.decide(record, decided),
            Event::FailureHandled(handled) => fold.choose(record, handled.choice),
            Event::ApprovalLapsed(lapsed) => fold.lapse(record.step.as_ref(), &lapsed.why),
            Event::RunFinished(_) => fold.end(),
            _ => {}
        }
    }
    fold.rows
}

struct Fold<'r> {
    rows: Vec<ApprovalRow>,
    /// The record of each row.
    asked: Vec<&'r Record>,
}

impl<'r> Fold<'r> {
    fn ask(&mut self, record: &'r Record, asked: &ApprovalRequested) {
        let step = record.step.clone();
        let again = |row: &&mut ApprovalRow| {
            row.state == ApprovalState::Waiting && row.step == step && row.question == asked.question
        };
        self.rows.iter_mut().filter(again).for_each(|row| row.state = ApprovalState::AskedAgain);
        self.asked.push(record);
        self.rows.push(ApprovalRow {
            seq: record.seq,
            asked_at: record.time.clone(),
            step: record.step.clone(),
            question: asked.question,
            ask: asked.ask.clone(),
            by: asked.by.clone(),
            quorum: asked.quorum,
            digest: asked.digest,
            covers: asked.covers.clone(),
            answers: Vec::new(),
            state: ApprovalState::Waiting,
            lapsed: None,
            waited_us: None,
        });
    }

    /// The latest open question of a step.
    fn open(&self, step: Option<&StepId>, fits: impl Fn(Question) -> bool) -> Option<usize> {
        let open =
            |row: &ApprovalRow| row.state == ApprovalState::Waiting && row.step.as_ref() == step && fits(row.question);
        self.rows.iter().rposition(open)
    }

    fn decide(&mut self, record: &Record, decided: &ApprovalDecided) {
        let doubt = matches!(decided.decision, Decision::Happened | Decision::DidNotHappen);
        let fits = |question| (question == Question::Doubt) == doubt;
        let Some(at) = self.open(record.step.as_ref(), fits) else { return };
        self.rows[at].answers.push(Answer {
            seq: record.seq,
            at: record.time.clone(),
            actor: record.actor.clone(),
            answer: phrase::decision(decided.decision).0.to_owned(),
            comment: decided.comment.clone(),
            digest: Some(decided.digest),
        });
        let state = match decided.decision {
            Decision::Approved if self.yes(at) < self.rows[at].quorum as usize => return,
            Decision::Approved => ApprovalState::Approved,
            Decision::Rejected => ApprovalState::Rejected,
            Decision::Expired => ApprovalState::Expired,
            Decision::Bypassed => ApprovalState::Bypassed,
            Decision::Happened | Decision::DidNotHappen => ApprovalState::Answered,
        };
        self.settle(at, record, state);
    }

    /// How many different people said yes.
    fn yes(&self, at: usize) -> usize {
        let mut who: Vec<&str> = self.rows[at]
            .answers
            .iter()
            .filter(|answer| answer.answer == phrase::decision(Decision::Approved).0)
            .map(|answer| answer.actor.name())
            .collect();
        who.sort_unstable();
        who.dedup();
        who.len()
    }

    fn choose(&mut self, record: &Record, choice: Choice) {
        let fits = |question| matches!(question, Question::Failure | Question::Cancelled);
        let Some(at) = self.open(record.step.as_ref(), fits) else { return };
        self.rows[at].answers.push(Answer {
            seq: record.seq,
            at: record.time.clone(),
            actor: record.actor.clone(),
            answer: phrase::choice(choice).to_owned(),
            comment: None,
            digest: None,
        });
        self.settle(at, record, ApprovalState::Answered);
    }

    fn settle(&mut self, at: usize, record: &Record, state: ApprovalState) {
        let asked = self.asked[at];
        self.rows[at].state = state;
        self.rows[at].waited_us = (asked.boot == record.boot).then(|| record.mono_us.saturating_sub(asked.mono_us));
    }

    /// The approval that covers this step is void.
    fn lapse(&mut self, step: Option<&StepId>, why: &str) {
        let covers = |row: &&mut ApprovalRow| {
            row.step.as_ref() == step || row.covers.iter().any(|covered| Some(&covered.step) == step)
        };
        if let Some(row) = self.rows.iter_mut().rev().find(covers) {
            row.state = ApprovalState::Lapsed;
            row.lapsed = Some(why.to_owned());
        }
    }

    fn end(&mut self) {
        self.rows
            .iter_mut()
            .filter(|row| row.state == ApprovalState::Waiting)
            .for_each(|row| row.state = ApprovalState::Unanswered);
    }
}
