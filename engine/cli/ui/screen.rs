//! The screen of a person: a line a step, moving while it runs where the terminal can do that.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use playbook_core::brief::{brief, one_line};
use playbook_core::event::{
    Actor, ApprovalDecided, ApprovalRequested, Decision, Event, Outcome, Phase, Question, Record, StepEnd, StepFinished,
};
use playbook_core::model::{Duration as Length, StepId};
use playbook_runtime::{Input, Progress};

use super::board::Board;
use super::keyboard::{Keys, Typed};
use super::question::{Open, Reply};
use super::words::{grouped, rolled_back, skipped};
use super::{Message, Report};
use crate::out::Out;
use crate::render::{Mark, Paint, wrap};

/// How often moving lines move.
const TICK: Duration = Duration::from_millis(100);

/// The screen of a person.
pub(super) struct Drawing {
    out: Out,
    paint: Paint,
    width: usize,
    bars: Option<MultiProgress>,
    moving: BTreeMap<StepId, ProgressBar>,
    keys: Keys,
    to_loop: tokio::sync::mpsc::Sender<Input>,
    person: Actor,
    starter: Option<Actor>,
    board: Board,
    run: String,
    questions: VecDeque<Open>,
    rolling_back: bool,
    /// When a run that had stopped went on, and its latest record; microseconds of one boot.
    went_on: Option<(u64, u64)>,
    beforehand: (bool, bool),
    asking: bool,
    answers: u32,
}

impl Drawing {
    pub(super) fn new(
        out: Out,
        colour: bool,
        width: usize,
        live: bool,
        keys: Keys,
        to_loop: tokio::sync::mpsc::Sender<Input>,
        person: Actor,
    ) -> Self {
        Self {
            out,
            paint: Paint::new(colour),
            width,
            bars: live.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout())),
            moving: BTreeMap::new(),
            keys,
            to_loop,
            person,
            starter: None,
            board: Board::default(),
            run: String::new(),
            questions: VecDeque::new(),
            rolling_back: false,
            went_on: None,
            beforehand: (false, false),
            asking: false,
            answers: 0,
        }
    }

    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        loop {
            loop {
                match messages.try_recv() {
                    Ok(Message::Record(record)) => self.record(&record),
                    Ok(Message::Progress(progress)) => self.progress(&progress),
                    Ok(Message::Finish(report)) => {
                        self.finish(report.as_deref());
                        return;
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            self.ask();
            match self.keys.wait(self.asking, if self.moving.is_empty() { Duration::from_secs(1) } else { TICK }) {
                Typed::Line(line) => self.typed(&line),
                Typed::Closed => {
                    self.asking = false;
                    self.say("the keyboard is gone; answer from another terminal");
                }
                Typed::Woken | Typed::Nothing => {}
            }
            if !self.asking {
                self.moving.values().for_each(ProgressBar::tick);
            }
        }
    }

    /// A line that stays.
    fn say(&self, line: &str) {
        match (&self.bars, self.questions.front().filter(|_| self.asking)) {
            // Above the question that is open, which is asked again below.
            (Some(_), Some(open)) => {
                self.out.erase_line();
                self.out.line(line);
                self.prompt(open);
            }
            (Some(bars), None) => bars.suspend(|| self.out.line(line)),
            (None, _) => self.out.line(line),
        }
    }

    /// While a question is open, nothing that moves is drawn over it.
    fn draw(&self, moving: bool) {
        if let Some(bars) = &self.bars {
            if !moving {
                let _ = bars.clear();
            }
            bars.set_draw_target(if moving { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() });
        }
    }

    fn step_line(&self, mark: Mark, id: &StepId, text: &str, right: &str) {
        let width = self.board.id_width.max(8);
        let room = self.width.saturating_sub(width + 6 + right.chars().count() + 2);
        let text = one_line(text, room.max(20));
        let gap = room.saturating_sub(text.chars().count());
        let id = format!("{:<width$}", id.as_str());
        let right = self.paint.dim(right);
        let line = format!("  {} {}  {text}{:gap$}  {right}", self.paint.mark(mark), self.paint.bold(&id), "");
        self.say(line.trim_end());
    }

    fn under(&self, text: &str) {
        let indent = self.board.id_width.max(8) + 6;
        let room = self.width.saturating_sub(indent).max(20);
        // Cleaned as a whole: a secret may have several lines.
        for line in self.out.clean(text).lines().flat_map(|line| wrap(line, room)) {
            self.say(&format!("{:indent$}{line}", ""));
        }
    }

    fn record(&mut self, record: &Record) {
        self.board.apply(record);
        if let Some((_, latest)) = &mut self.went_on {
            *latest = record.mono_us;
        }
        match &record.event {
            Event::RunStarted(started) => {
                self.run = record.run.short().to_owned();
                self.beforehand = (started.settings.yes, started.drill);
                self.starter = Some(record.actor.clone());
                let title = started.title.as_deref().map(|title| format!(" · {title}")).unwrap_or_default();
                let drill = if started.drill { " · drill" } else { "" };
                self.say(&format!("{}{title}{drill}", self.paint.bold(&started.playbook)));
                let targets: Vec<String> =
                    started.targets.iter().map(|(name, address)| format!("{name} {address}")).collect();
                let parts = std::iter::once(format!("run {}", record.run)).chain(targets);
                self.say(&self.paint.dim(&parts.collect::<Vec<_>>().join(" · ")));
                self.say("");
            }
            Event::RunResumed(_) => {
                self.went_on = Some((record.mono_us, record.mono_us));
                self.run = record.run.short().to_owned();
                self.say(&self.paint.dim(&format!("run {} goes on", record.run)));
            }
            Event::RunCancelling(cancelling) if cancelling.stage == 1 && self.rolling_back => {
                self.say(&format!(
                    "{} {}: the rollback goes on. Once more to stop it half-way.",
                    self.paint.mark(Mark::Warn),
                    cancelling.by
                ));
            }
            Event::RunCancelling(cancelling) if cancelling.stage == 1 => {
                self.say(&format!(
                    "{} {}: nothing more starts; what is running may end. Once more to end that as well.",
                    self.paint.mark(Mark::Warn),
                    cancelling.by
                ));
            }
            Event::RunCancelling(_) => {
                self.say(&format!(
                    "{} ending what is running. Once more to leave at once.",
                    self.paint.mark(Mark::Warn)
                ));
            }
            Event::RollbackStarted(rollback) => {
                self.rolling_back = true;
                self.say("");
                let count = rollback.steps.len();
                let steps = format!("{count} step{}", if count == 1 { "" } else { "s" });
                self.say(&format!("{} · {} · {steps}, latest first", self.paint.bold("rollback"), rollback.cause));
            }
            Event::RunPhase(phase) => self.rolling_back = phase.phase == Phase::Rollback,
            Event::NoteAdded(note) => {
                self.say(&format!("  {} {}", self.paint.mark(Mark::Note), self.out.clean(&note.text)));
            }
            Event::JournalRecovered(torn) => {
                self.say(&format!(
                    "{} the last line of the journal was torn; {} bytes were set aside",
                    self.paint.mark(Mark::Warn),
                    torn.torn_bytes
                ));
            }
            Event::ApprovalRequested(asked) => self.asked(record.step.clone(), asked),
            Event::ApprovalDecided(decided) => self.decided(record.step.as_ref(), &record.actor, decided),
            Event::FailureHandled(_) => self.answered(record.step.as_ref()),
            _ => {
                if let Some(id) = &record.step {
                    self.step_event(&id.clone(), &record.event);
                }
            }
        }
    }

    fn step_event(&mut self, id: &StepId, event: &Event) {
        match event {
            Event::StepStarted(started) => self.begin(id, &started.title),
            Event::StepFinished(finished) => self.end(id, finished),
            Event::StepSkipped(skip) => self.step_line(Mark::Skip, id, &skipped(skip), ""),
            Event::StepRetry(retry) if retry.poll => {
                let line = self.board.line(id);
                if let Some(bar) = self.moving.get(id) {
                    bar.set_message(format!("{}  {}", one_line(&line.title, 50), line.unmet.unwrap_or_default()));
                }
            }
            Event::StepRetry(retry) => {
                let why = retry.fault.as_ref().map(|fault| fault.message.clone()).unwrap_or_default();
                self.step_line(
                    Mark::Warn,
                    id,
                    &format!("trying again in {}: {why}", Length::micros(retry.delay_us)),
                    "",
                );
            }
            Event::ApprovalLapsed(lapsed) => {
                self.step_line(Mark::Warn, id, &format!("the approval lapsed: {}", lapsed.why), "");
            }
            Event::AssertEvaluated(evaluated)
                if !evaluated.pass && evaluated.level == playbook_core::check::Level::Warn =>
            {
                let text = evaluated.message.clone().unwrap_or_else(|| format!("{} is not true", evaluated.expression));
                self.step_line(Mark::Warn, id, &text, "");
            }
            Event::ActionProbed(probed) => {
                let what = match probed.verdict {
                    playbook_core::event::ProbeVerdict::Done => "it had been carried out",
                    playbook_core::event::ProbeVerdict::NotDone => "it had not been carried out",
                    playbook_core::event::ProbeVerdict::Unclear => "nobody can tell whether it was carried out",
                };
                self.step_line(Mark::Note, id, &format!("looked into an open change: {what}"), "");
            }
            Event::RollbackStep(end) => {
                let mark = if end.outcome.is_complete() { Mark::Back } else { Mark::Fail };
                self.clear(id);
                self.step_line(mark, id, &rolled_back(end), &Length::micros(end.duration_us).to_string());
                for other in end.conflicts.iter().chain(&end.differs).take(5) {
                    self.under(&format!(
                        "{}: before {}, ours {}, now {}",
                        other.subject, other.before, other.ours, other.now
                    ));
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, id: &StepId, title: &str) {
        let Some(bars) = &self.bars else { return };
        if self.moving.contains_key(id) {
            return;
        }
        let width = self.board.id_width.max(8);
        let style = ProgressStyle::with_template("  {spinner} {prefix}  {msg}  {elapsed}").ok();
        let bar = bars.add(ProgressBar::new_spinner());
        if let Some(style) = style {
            bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
        }
        bar.set_prefix(format!("{:<width$}", id.as_str()));
        bar.set_message(one_line(title, self.width.saturating_sub(width + 16)));
        self.moving.insert(id.clone(), bar);
    }

    fn clear(&mut self, id: &StepId) {
        if let Some(bar) = self.moving.remove(id) {
            bar.finish_and_clear();
            if let Some(bars) = &self.bars {
                bars.remove(&bar);
            }
        }
    }

    fn end(&mut self, id: &StepId, finished: &StepFinished) {
        self.clear(id);
        let line = self.board.line(id);
        let took =
            if finished.duration_us > 0 { Length::micros(finished.duration_us).to_string() } else { String::new() };
        let mut text = if line.title.is_empty() { String::new() } else { line.title.clone() };
        let mut add = |more: String| {
            let separator = if text.is_empty() { "" } else { " → " };
            text = format!("{text}{separator}{more}");
        };
        match finished.status {
            StepEnd::Ok => {
                let result = finished.result.as_ref().and_then(brief);
                let mut below = None;
                if let Some(finish) = &finished.finish {
                    add(format!("the run ends here: {finish}"));
                } else if line.changed == 1 && line.difference.is_some() {
                    below = line.difference;
                } else if line.changed > 1 {
                    add(format!("{} changed", grouped(line.changed)));
                } else if let Some(result) = result {
                    add(result);
                }
                let mark = if finished.changed { Mark::Changed } else { Mark::Ok };
                // Notes, gates and groups have said all there is to say.
                if !text.is_empty() {
                    self.step_line(mark, id, &text, &took);
                }
                if let Some(below) = below {
                    self.under(&below);
                }
            }
            StepEnd::Failed | StepEnd::TimedOut | StepEnd::Unknown | StepEnd::Cancelled => {
                let word = match finished.status {
                    StepEnd::TimedOut => "timed out",
                    StepEnd::Cancelled => "cancelled",
                    StepEnd::Unknown => "in doubt",
                    StepEnd::Failed | StepEnd::Ok => "failed",
                };
                let mark = if finished.status == StepEnd::Cancelled { Mark::Skip } else { Mark::Fail };
                self.step_line(mark, id, &format!("{word}: {text}"), &took);
                if let Some(fault) = &finished.fault {
                    self.under(&fault.message);
                    if !fault.help.is_empty() {
                        self.under(&format!("help: {}", fault.help));
                    }
                }
            }
        }
    }

    fn progress(&mut self, progress: &Progress) {
        match progress {
            Progress::Done { step, done, of } => {
                // Of a step that goes on waiting after a crash nothing was told before.
                let title = self.board.line(step).title.clone();
                self.begin(step, &title);
                if let Some(bar) = self.moving.get(step) {
                    let of = of.map(|of| format!(" of {}", grouped(of))).unwrap_or_default();
                    let line = self.board.line(step);
                    bar.set_message(format!("{}  {}{of}", one_line(&line.title, 50), grouped(*done)));
                }
            }
            Progress::Warning(text) => {
                self.say(&format!("{} {}", self.paint.mark(Mark::Warn), self.out.clean(text)));
            }
        }
    }

    fn asked(&mut self, step: Option<StepId>, asked: &ApprovalRequested) {
        let (yes, drill) = self.beforehand;
        let gate = matches!(asked.question, Question::Confirm | Question::Approval | Question::Manual);
        if gate && (drill || (yes && asked.question == Question::Confirm)) {
            // It is answered in the same breath; only the answer is shown.
            return;
        }
        self.questions.push_back(Open { step, asked: asked.clone() });
    }

    /// Asks the first open question, unless it is being asked.
    fn ask(&mut self) {
        if self.asking || self.questions.is_empty() {
            return;
        }
        let Some(open) = self.questions.front().cloned() else { return };
        let about = open.step.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
        self.say(&format!("  {} {about}{}", self.paint.mark(Mark::Ask), self.paint.bold(&open.asked.ask)));
        for covered in open.asked.covers.iter().take(8) {
            self.under(&format!("{}: {}", covered.command, covered.summary));
        }
        if open.asked.quorum > 1 {
            self.under(&format!("{} different people have to say yes", open.asked.quorum));
        }
        if !self.keys.is_enabled() {
            self.questions.pop_front();
            return;
        }
        if let Some(others) = open.closed_to(&self.person, self.starter.as_ref(), &self.run) {
            self.under(&others);
            self.questions.pop_front();
            return;
        }
        self.keys.forget();
        self.draw(false);
        self.asking = true;
        self.prompt(&open);
    }

    fn prompt(&self, open: &Open) {
        self.out.print(&format!("    {} ", self.paint.dim(open.keys())));
    }

    fn typed(&mut self, line: &str) {
        let Some(open) = self.questions.front().cloned() else {
            self.asking = false;
            return;
        };
        match open.reply(line) {
            Reply::Say(said) => {
                self.answers += 1;
                let id = format!("tty-{}-{}-{}", self.run, std::process::id(), self.answers);
                let _ = self.to_loop.blocking_send(Input { id, actor: self.person.clone(), said });
                self.questions.pop_front();
                self.asking = false;
                self.draw(true);
            }
            Reply::Details => {
                self.asking = false;
                for covered in &open.asked.covers {
                    self.under(&format!("{} · {}", covered.step, covered.command));
                    self.under(&format!("  {}", covered.summary));
                }
                self.under(&format!("digest {}", open.asked.digest.short()));
                self.asking = true;
                self.prompt(&open);
            }
            Reply::Again(words) => {
                self.asking = false;
                self.under(words);
                self.asking = true;
                self.prompt(&open);
            }
        }
    }

    /// A question has been answered, here or elsewhere.
    fn answered(&mut self, step: Option<&StepId>) {
        let was_asking = self.asking && self.questions.front().is_some_and(|open| open.step.as_ref() == step);
        self.questions.retain(|open| open.step.as_ref() != step);
        if was_asking {
            self.asking = false;
            self.draw(true);
            self.say("");
        }
    }

    fn decided(&mut self, step: Option<&StepId>, actor: &Actor, decided: &ApprovalDecided) {
        self.answered(step);
        let Some(id) = step else { return };
        let comment = decided.comment.as_deref().map(|comment| format!(": {comment}")).unwrap_or_default();
        let (mark, text) = match decided.decision {
            Decision::Approved => (Mark::Ok, format!("yes, says {}{comment}", actor.name())),
            Decision::Rejected => (Mark::Fail, format!("no, says {}{comment}", actor.name())),
            Decision::Expired => (Mark::Fail, "nobody answered in time".to_owned()),
            Decision::Bypassed => (Mark::Note, format!("asks nobody{comment}")),
            Decision::Happened => (Mark::Note, format!("it was carried out, says {}{comment}", actor.name())),
            Decision::DidNotHappen => (Mark::Note, format!("it was not carried out, says {}{comment}", actor.name())),
        };
        self.step_line(mark, id, &text, "");
    }

    fn finish(&mut self, report: Option<&Report>) {
        let ids: Vec<StepId> = self.moving.keys().cloned().collect();
        ids.iter().for_each(|id| self.clear(id));
        let Some(report) = report else { return };
        let summary = &report.summary;
        let run = report.run.short();
        let took = self.went_on.map_or(summary.duration_us, |(began, latest)| latest.saturating_sub(began));
        let took = Length::micros(took);
        let counts: Vec<String> =
            summary.counts.iter().map(|(word, n)| format!("{n} {}", word.replace('_', " "))).collect();
        let counts = counts.join(", ");
        self.say("");
        if report.left {
            self.say(&format!(
                "{} left at once; steps may be in doubt. `playbook resume {run}` clears that up.",
                self.paint.mark(Mark::Warn)
            ));
            return;
        }
        let failed = summary.reason.is_some();
        let Some(outcome) = summary.outcome else {
            let waiting: Vec<&str> = summary.waiting.iter().map(StepId::as_str).collect();
            self.say(&format!("{} waiting for a person: {}", self.paint.mark(Mark::Ask), waiting.join(", ")));
            self.say(&format!(
                "  answer   playbook approve {run} {}",
                waiting.first().unwrap_or(&"").trim_start_matches('#')
            ));
            self.say(&format!("  go on    playbook resume {run}"));
            return;
        };
        let (mark, word) = match outcome {
            Outcome::Succeeded => (Mark::Ok, "done"),
            Outcome::FinishedEarly => (Mark::Ok, "done, early"),
            Outcome::Failed if summary.changed => (Mark::Fail, "failed; what changed was left as it is"),
            Outcome::Failed => (Mark::Fail, "failed; nothing was changed"),
            Outcome::RolledBack if failed => (Mark::Back, "failed and rolled back; everything is as it was, verified"),
            Outcome::RolledBack => (Mark::Back, "rolled back; everything is as it was, verified"),
            Outcome::PartlyRolledBack => (Mark::Fail, "rolled back in part"),
            Outcome::Refused => (Mark::Fail, "refused; nothing was changed"),
            Outcome::Cancelled => (Mark::Warn, "cancelled"),
        };
        self.say(&format!("{} {} ({took}): {counts}", self.paint.mark(mark), self.paint.bold(word)));
        if let Some(reason) = &summary.reason {
            for line in wrap(&self.out.clean(reason), self.width.saturating_sub(4)) {
                self.say(&format!("  {line}"));
            }
        }
        self.say(&self.paint.dim(&format!("  timeline   playbook timeline {run}")));
        if summary.reversible {
            self.say(&self.paint.dim(&format!("  take back  playbook rollback {run}")));
        }
        self.say(&self.paint.dim(&format!("  head       {} {}", report.head.size, report.head.digest)));
    }
}
