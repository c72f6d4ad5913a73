//! A program in a pod that another provider knows: `redis-cli` and a Redis command. It is not run: what
//! it would do is planned, carried out and taken back by that provider, through a port of that pod.
//!
//! Invariant: it reaches the same process as the program in the pod would, or nothing.

use std::ops::Range;
use std::sync::Arc;

use playbook_core::action::{Action, Applied, Capture, Change, Draft, Fault, FaultKind, ReadAccess, WriteAccess};
use playbook_core::action::{Target, UndoRecord};
use playbook_core::codes::Code;
use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::plan::Planned;
use playbook_core::ports::BoxFuture;
use playbook_core::secret::Secrets;
use playbook_core::source::Span;
use playbook_core::tunnel::Insider;
use serde_json::Value;

use super::environment::{self, Environment};
use super::exec;
use super::tunnel::PodTunnel;
use super::within_undo::Record;
use crate::kubernetes::client::{Inside, Reader};
use crate::kubernetes::faults;
use crate::kubernetes::line::model::{Exec, Line};
use crate::kubernetes::line::{self, Form, command_place};
use crate::kubernetes::target::KubeTarget;
use crate::line::form::Filled;

/// Those who know a program.
pub(in crate::kubernetes) type Insiders = Arc<[Arc<dyn Insider>]>;

/// The program of an exec, understood.
pub(in crate::kubernetes) struct Within {
    insider: Arc<dyn Insider>,
    /// Which words of the line are flags of the program.
    flags: Range<usize>,
    draft: Arc<dyn Draft>,
}

/// Understands the program of an exec, if someone does. An error is among `found`.
pub(in crate::kubernetes) fn read(
    insiders: &Insiders,
    form: &Form,
    exec: &Exec,
    secrets: &Secrets,
    found: &mut Diagnostics,
) -> Result<Option<Within>, ()> {
    let words = form.templates();
    let program = exec.command.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
    let insider = insiders.iter().find(|insider| insider.program() == program);
    let (Some(insider), Some(at), Some(base)) =
        (insider, command_place(exec), words.len().checked_sub(exec.command.len()))
    else {
        return Ok(None);
    };
    let flags = base + 1..base + at;
    let fixed: Vec<Option<String>> = words[flags.clone()].iter().map(|word| word.fixed().map(str::to_owned)).collect();
    if !insider.understands(&fixed) {
        return Ok(None);
    }
    // A password that is written out is a secret from here on, also for a rollback by another process.
    for word in crate::kubernetes::line::secrets(&texts(&words)).into_iter().filter(|word| flags.contains(&word.at)) {
        if let Some(text) = words[word.at].fixed().and_then(|text| text.get(word.from..)) {
            secrets.add(program, text);
        }
    }
    let command: Vec<Template> = words[flags.end..].iter().map(|word| (*word).clone()).collect();
    let place = command.first().map(Template::span).unwrap_or_default();
    let draft = insider.read(&command, place, found).ok_or(())?;
    Ok(Some(Within { insider: Arc::clone(insider), flags, draft }))
}

fn texts<'a>(words: &[&'a Template]) -> Vec<&'a str> {
    words.iter().map(|word| word.fixed().unwrap_or_default()).collect()
}

impl Within {
    pub(in crate::kubernetes) fn classify(&self, words: &[Option<String>]) -> playbook_core::model::Class {
        self.draft.classify(words.get(self.flags.end..).unwrap_or_default())
    }

    pub(in crate::kubernetes) fn mask(&self, mut words: Vec<String>) -> Vec<String> {
        let tail = words.split_off(self.flags.end.min(words.len()));
        words.extend(self.draft.mask(tail));
        words
    }

    pub(in crate::kubernetes) fn lint(&self, span: Span, found: &mut Diagnostics) {
        self.draft.lint(span, found);
    }

    /// With all values.
    pub(in crate::kubernetes) fn prepare(&self, filled: &Filled, scope: &Scope) -> Result<WithinAction, EvalError> {
        let flags = filled.texts().get(self.flags.clone()).map(<[String]>::to_vec).unwrap_or_default();
        let action = self.draft.prepare(scope)?;
        let shown = line::mask(filled.named());
        let mut words = shown.get(..self.flags.end).map(<[String]>::to_vec).unwrap_or_default();
        words.extend(action.words());
        Ok(WithinAction { insider: Arc::clone(&self.insider), flags, action, words })
    }
}

/// What a program in a pod would do, with all its values.
pub(in crate::kubernetes) struct WithinAction {
    insider: Arc<dyn Insider>,
    flags: Vec<String>,
    action: Arc<dyn Action>,
    /// The whole line, without secrets.
    words: Vec<String>,
}

/// Where it is done.
pub(in crate::kubernetes) struct There<'a> {
    pub(in crate::kubernetes) target: &'a dyn Target,
    pub(in crate::kubernetes) inside: Inside,
    environment: Environment,
}

impl There<'_> {
    pub(in crate::kubernetes) fn explain(&self, fault: Fault) -> Fault {
        self.environment.explain(fault)
    }
}

impl WithinAction {
    pub(in crate::kubernetes) fn words(&self) -> Vec<String> {
        self.words.clone()
    }

    pub(in crate::kubernetes) fn class(&self) -> playbook_core::model::Class {
        self.action.class()
    }

    pub(in crate::kubernetes) fn only_in_run(&self) -> Option<&'static str> {
        self.action.only_in_run()
    }

    async fn there<'a>(&self, access: ReadAccess<'a>, line: &Line, exec: &Exec) -> Result<There<'a>, Fault> {
        let reader = Reader::for_line(access, line).await?;
        let (inside, pod) = exec::place(&reader, line, exec).await?;
        there(&reader, self.insider.as_ref(), &self.flags, inside, &pod).await
    }

    pub(in crate::kubernetes) async fn plan(
        &self,
        access: ReadAccess<'_>,
        line: &Line,
        exec: &Exec,
    ) -> Result<Planned, Fault> {
        let there = self.there(access, line, exec).await?;
        let planned = self.action.plan(access.through(there.target)).await;
        let mut planned = planned.map_err(|fault| there.environment.explain(fault))?;
        planned.notes.push(format!("in pod/{} of {}", there.inside.pod, there.inside.namespace));
        Ok(planned)
    }

    pub(in crate::kubernetes) async fn read(
        &self,
        access: ReadAccess<'_>,
        line: &Line,
        exec: &Exec,
    ) -> Result<Value, Fault> {
        let there = self.there(access, line, exec).await?;
        let read = self.action.read(access.through(there.target)).await;
        read.map_err(|fault| there.environment.explain(fault))
    }

    pub(in crate::kubernetes) async fn read_in_run(
        &self,
        access: WriteAccess<'_>,
        line: &Line,
        exec: &Exec,
    ) -> Result<Value, Fault> {
        let there = self.there(access.reading(), line, exec).await?;
        let read = self.action.read_in_run(access.through(there.target)).await;
        read.map_err(|fault| there.environment.explain(fault))
    }

    pub(in crate::kubernetes) async fn change<'a>(
        &'a self,
        access: WriteAccess<'a>,
        line: &Line,
        exec: &Exec,
    ) -> Result<Box<dyn Change + 'a>, Fault> {
        let There { target, inside, environment } = self.there(access.reading(), line, exec).await?;
        let explain = |fault: Fault| environment.explain(fault);
        let identity = target.identify(access.cancel()).await.map_err(explain)?;
        KubeTarget::of(access.target())?.known().meet(&identity.id);
        let change = self.action.change(access.through(target)).await.map_err(explain)?;
        let record = Record::new(self.insider.program(), &self.flags, inside, identity.id);
        Ok(Box::new(WithinChange { change, record, words: self.words.clone() }))
    }
}

/// What a program with these flags acts on in a pod.
pub(in crate::kubernetes) async fn there<'a>(
    reader: &Reader<'a>,
    insider: &dyn Insider,
    flags: &[String],
    inside: Inside,
    pod: &Value,
) -> Result<There<'a>, Fault> {
    let door = reader.door();
    let environment = environment::read(&door, pod, &inside, insider.environment(flags)).await?;
    let target = reader.target();
    let tunnel = Arc::new(PodTunnel::to(&door, &inside.namespace, &inside.pod));
    let made = insider.target(Target::name(target), flags, &|name| environment.get(name), tunnel)?;
    let key = serde_json::json!([insider.program(), inside.namespace, inside.uid, inside.container, flags]);
    Ok(There { target: target.known().target(&key.to_string(), &made), inside, environment })
}

/// A change inside of a pod.
struct WithinChange<'a> {
    change: Box<dyn Change + 'a>,
    record: Record,
    words: Vec<String>,
}

impl WithinChange<'_> {
    fn wrap(&self, record: UndoRecord, words: &[String]) -> UndoRecord {
        self.record.wrap(record, words)
    }
}

impl Change for WithinChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(async {
            let Some(capture) = self.change.capture().await? else { return Ok(None) };
            let undo = self.wrap(capture.undo, &capture.words);
            self.record.last = capture.words;
            // The subject is that of who makes the change: it may go on after it.
            Ok(Some(Capture { words: self.words.clone(), undo, ..capture }))
        })
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(async {
            let applied = self.change.apply().await?;
            let corrected = applied.corrected.map(|record| self.wrap(record, &self.record.last));
            Ok(Applied { corrected, ..applied })
        })
    }

    fn result(&mut self) -> Value {
        self.change.result()
    }
}

/// Who knows the program of a record.
pub(in crate::kubernetes) fn knows<'a>(insiders: &'a Insiders, program: &str) -> Result<&'a dyn Insider, Fault> {
    let known = insiders.iter().find(|insider| insider.program() == program);
    known.map(AsRef::as_ref).ok_or_else(|| faults::internal(format!("nobody here knows {program}")))
}

/// Another server than the one that was changed.
pub(in crate::kubernetes) fn replaced(inside: &Inside) -> Fault {
    Fault::new(
        FaultKind::WrongTarget,
        Code::WrongTarget,
        format!("pod/{} of {} was started anew since the run changed it", inside.pod, inside.namespace),
    )
    .help("its settings and data may not be what they were; look, and put back by hand what is missing")
}
