//! A program in a pod or a container that another provider knows: `redis-cli` and a Redis command. It is
//! not run: what it would do is planned, carried out and taken back by that provider, through a port of
//! the place.
//!
//! Invariant: it reaches the same process as the program there would, or nothing. Who opens a place
//! answers for that.

mod known;
mod record;
pub(crate) mod undo;

use std::ops::Range;
use std::sync::Arc;

use playbook_core::action::{Action, Applied, Capture, Change, Draft, Fault, ReadAccess, WriteAccess};
use playbook_core::action::{Target, UndoRecord};
use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::model::Class;
use playbook_core::plan::Planned;
use playbook_core::ports::BoxFuture;
use playbook_core::secret::Secrets;
use playbook_core::source::Span;
use playbook_core::tunnel::Insider;
use serde_json::Value;

use crate::line::form::Filled;
use crate::line::secret_words::Secret;

pub(crate) use known::Known;
use record::Record;

/// Those who know a program.
pub(crate) type Insiders = Arc<[Arc<dyn Insider>]>;

/// A place that a program runs in, open.
pub(crate) struct There<'a> {
    /// What the program acts on.
    pub(crate) target: &'a dyn Target,
    /// How records name the place.
    pub(crate) place: Value,
    /// For people: `pod/redis-0 of dash`.
    pub(crate) title: String,
    /// What a fault means here.
    pub(crate) explain: Box<dyn Fn(Fault) -> Fault + Send + Sync>,
    /// Did this process itself start anew what runs there? Then it is no stranger, and what the records
    /// say of it is held against what it is now.
    pub(crate) anew: bool,
    /// What this process knows of what it reached into.
    pub(crate) known: &'a Known,
}

/// Who knows the program of a line or a record.
pub(crate) fn knows<'a>(insiders: &'a Insiders, program: &str) -> Option<&'a dyn Insider> {
    insiders.iter().find(|insider| insider.program() == program).map(AsRef::as_ref)
}

/// The program of an exec, understood.
pub(crate) struct Within {
    insider: Arc<dyn Insider>,
    /// Which words of the line are flags of the program.
    flags: Range<usize>,
    draft: Arc<dyn Draft>,
}

/// Understands the program of an exec, if someone does. `command` are the last of the `words` of the
/// line; `at` is where among them the command of the program begins. An error is among `found`.
pub(crate) fn read(
    insiders: &Insiders,
    words: &[&Template],
    (command, at): (&[String], Option<usize>),
    hidden: &[Secret],
    secrets: &Secrets,
    found: &mut Diagnostics,
) -> Result<Option<Within>, ()> {
    let program = command.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
    let insider = insiders.iter().find(|insider| insider.program() == program);
    let (Some(insider), Some(at), Some(base)) = (insider, at, words.len().checked_sub(command.len())) else {
        return Ok(None);
    };
    let flags = base + 1..base + at;
    let fixed: Vec<Option<String>> = words[flags.clone()].iter().map(|word| word.fixed().map(str::to_owned)).collect();
    if !insider.understands(&fixed) {
        return Ok(None);
    }
    // A password that is written out is a secret from here on, also for a rollback by another process.
    for word in hidden.iter().filter(|word| flags.contains(&word.at)) {
        if let Some(text) = words[word.at].fixed().and_then(|text| text.get(word.from..)) {
            secrets.add(program, text);
        }
    }
    let command: Vec<Template> = words[flags.end..].iter().map(|word| (*word).clone()).collect();
    let place = command.first().map(Template::span).unwrap_or_default();
    let draft = insider.read(&command, place, found).ok_or(())?;
    Ok(Some(Within { insider: Arc::clone(insider), flags, draft }))
}

impl Within {
    pub(crate) fn classify(&self, words: &[Option<String>]) -> Class {
        self.draft.classify(words.get(self.flags.end..).unwrap_or_default())
    }

    pub(crate) fn mask(&self, mut words: Vec<String>) -> Vec<String> {
        let tail = words.split_off(self.flags.end.min(words.len()));
        words.extend(self.draft.mask(tail));
        words
    }

    pub(crate) fn lint(&self, span: Span, found: &mut Diagnostics) {
        self.draft.lint(span, found);
    }

    /// With all values; `shown` are the words of the line without secrets.
    pub(crate) fn prepare(&self, filled: &Filled, shown: &[String], scope: &Scope) -> Result<WithinAction, EvalError> {
        let flags = filled.texts().get(self.flags.clone()).map(<[String]>::to_vec).unwrap_or_default();
        let action = self.draft.prepare(scope)?;
        let mut words = shown.get(..self.flags.end).map(<[String]>::to_vec).unwrap_or_default();
        words.extend(action.words());
        Ok(WithinAction { insider: Arc::clone(&self.insider), flags, action, words })
    }
}

/// What a program in a place would do, with all its values.
pub(crate) struct WithinAction {
    insider: Arc<dyn Insider>,
    flags: Vec<String>,
    action: Arc<dyn Action>,
    /// The whole line, without secrets.
    words: Vec<String>,
}

impl WithinAction {
    pub(crate) fn insider(&self) -> &dyn Insider {
        self.insider.as_ref()
    }

    /// Of the program.
    pub(crate) fn flags(&self) -> &[String] {
        &self.flags
    }

    pub(crate) fn words(&self) -> Vec<String> {
        self.words.clone()
    }

    pub(crate) fn class(&self) -> Class {
        self.action.class()
    }

    pub(crate) fn only_in_run(&self) -> Option<&'static str> {
        self.action.only_in_run()
    }

    pub(crate) async fn plan(&self, access: ReadAccess<'_>, there: &There<'_>) -> Result<Planned, Fault> {
        let planned = self.action.plan(access.through(there.target)).await;
        let mut planned = planned.map_err(|fault| (there.explain)(fault))?;
        planned.notes.push(format!("in {}", there.title));
        Ok(planned)
    }

    pub(crate) async fn read(&self, access: ReadAccess<'_>, there: &There<'_>) -> Result<Value, Fault> {
        let read = self.action.read(access.through(there.target)).await;
        read.map_err(|fault| (there.explain)(fault))
    }

    pub(crate) async fn read_in_run(&self, access: WriteAccess<'_>, there: &There<'_>) -> Result<Value, Fault> {
        let read = self.action.read_in_run(access.through(there.target)).await;
        read.map_err(|fault| (there.explain)(fault))
    }

    /// Begins a change; `kind` is that of the records that hold those of the other provider.
    pub(crate) async fn change<'a>(
        &'a self,
        access: WriteAccess<'a>,
        there: There<'a>,
        kind: &'static str,
    ) -> Result<Box<dyn Change + 'a>, Fault> {
        let There { target, place, explain, known, .. } = there;
        let identity = target.identify(access.cancel()).await.map_err(&explain)?;
        known.meet(&identity.id);
        let change = self.action.change(access.through(target)).await.map_err(&explain)?;
        let record = Record::new(self.insider.program(), &self.flags, place, identity.id);
        Ok(Box::new(WithinChange { change, kind, record, last: Vec::new(), words: self.words.clone() }))
    }
}

/// A change inside of a place.
struct WithinChange<'a> {
    change: Box<dyn Change + 'a>,
    kind: &'static str,
    record: Record,
    /// The words of the last capture.
    last: Vec<String>,
    words: Vec<String>,
}

impl WithinChange<'_> {
    fn wrap(&self, record: UndoRecord, words: &[String]) -> UndoRecord {
        self.record.wrap(self.kind, record, words)
    }
}

impl Change for WithinChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(async {
            let Some(capture) = self.change.capture().await? else { return Ok(None) };
            let undo = self.wrap(capture.undo, &capture.words);
            self.last = capture.words;
            // The subject is that of who makes the change: it may go on after it.
            Ok(Some(Capture { words: self.words.clone(), undo, ..capture }))
        })
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(async {
            let applied = self.change.apply().await?;
            let corrected = applied.corrected.map(|record| self.wrap(record, &self.last));
            Ok(Applied { corrected, ..applied })
        })
    }

    fn result(&mut self) -> Value {
        self.change.result()
    }
}
