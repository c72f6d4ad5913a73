//! The action `kubectl`: a kubectl line, spoken to the API server.

use std::sync::Arc;

use playbook_core::action::{Action, Change, Draft, Fault, Kind, Look, ReadAccess, WriteAccess};
use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::files::Files;
use playbook_core::model::{Class, Effect};
use playbook_core::plan::Planned;
use playbook_core::ports::BoxFuture;
use playbook_core::secret::Secrets;
use playbook_core::source::{Span, Spanned};
use playbook_core::syntax::tree::Node;
use serde_json::Value;

use super::asked::Asked;
use super::change::{self, ObjectChange};
use super::jsonpath::Path;
use super::line::model::{Line, Patch, PatchType, Verb};
use super::line::{self, Form};
use super::look;
use super::pods::exec::{self, ExecChange};
use super::pods::within::{self, WITHIN};
use super::target::{reading, writing};
use super::waiting;
use super::waiting::wanted;
use crate::inside::{self, Within, WithinAction};
use crate::line::form::Filled;
use crate::line::open;

/// The action `kubectl`.
pub(super) struct KubectlKind {
    pub(super) secrets: Secrets,
    pub(super) insiders: inside::Insiders,
}

impl Kind for KubectlKind {
    fn name(&self) -> &'static str {
        "kubectl"
    }

    fn summary(&self) -> &'static str {
        "a kubectl command line, spoken to the API server"
    }

    fn provider(&self) -> &'static str {
        "kubernetes"
    }

    fn read(
        &self,
        key: &Spanned<String>,
        params: &Node,
        files: &dyn Files,
        found: &mut Diagnostics,
    ) -> Option<Arc<dyn Draft>> {
        let form = Form::read(params, found)?;
        let line = form.check(found)?;
        if let Some(why) = not_yet(&line) {
            found.push(
                Diagnostic::error(Code::NotSupported, key.span, format!("{why} is not supported yet"))
                    .help("the reference lists what is"),
            );
            return None;
        }
        if let Err((why, help)) = paths(&line) {
            let message = format!("this JSONPath is not understood: {why}");
            found.push(Diagnostic::error(Code::UnsuitableCommand, key.span, message).help(help));
            return None;
        }
        let within = match exec::of(&line) {
            Some(exec) => {
                let words = form.templates();
                let texts: Vec<&str> = words.iter().map(|word| word.fixed().unwrap_or_default()).collect();
                let command = (exec.command.as_slice(), line::command_place(exec));
                inside::read(&self.insiders, &words, command, &line::secrets(&texts), &self.secrets, found).ok()?
            }
            None => None,
        };
        let asked = Asked::read(line, files, &self.secrets, params.span, found)?;
        Some(Arc::new(LineDraft { form, asked, within }))
    }

    fn schema(&self, _: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A kubectl command: a line, a list of words, or a mapping of the verb, flags and body.",
            "anyOf": [
                {"type": "string", "examples": ["get pods -n dash -l app=redis", "scale statefulset/redis --replicas=3"]},
                {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1},
                {"type": "object", "minProperties": 1}
            ]
        })
    }
}

/// Can the JSONPaths of a line be read? Else why not, and what to write.
fn paths(line: &Line) -> Result<(), (String, &'static str)> {
    match (&line.verb, &line.sort_by) {
        (Verb::Wait { wanted, .. }, _) => wanted::Goal::of(wanted)
            .map(drop)
            .map_err(|why| (why, "write one path in braces: --for=jsonpath='{.status.phase}'=Running")),
        (Verb::Get(_), Some(by)) if !open::is(by) => {
            Path::read(by).map(drop).map_err(|why| (why, "write one path: --sort-by=.metadata.creationTimestamp"))
        }
        _ => Ok(()),
    }
}

/// What is understood and cannot be carried out yet.
fn not_yet(line: &Line) -> Option<&'static str> {
    if line.as_user.is_some() && matches!(line.verb, Verb::Exec(_)) {
        return Some("--as with exec (the target has as: and as-group:)");
    }
    match &line.verb {
        Verb::Patch { subresource: Some(_), .. } => Some("--subresource"),
        _ => None,
    }
}

/// A patch that means to change containers, and would put others in their place.
fn replaces_containers(verb: &Verb) -> bool {
    let Verb::Patch { kind: PatchType::Merge, patch: Patch::Known(body), .. } = verb else { return false };
    let containers = body.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    containers.is_some_and(|all| all.iter().any(|container| container.get("image").is_none()))
}

/// A line with its templates open.
struct LineDraft {
    form: Form,
    asked: Asked,
    /// The program of an exec, if someone knows it.
    within: Option<Within>,
}

impl Draft for LineDraft {
    fn words(&self) -> Vec<&Template> {
        self.form.templates()
    }

    fn classify(&self, words: &[Option<String>]) -> Class {
        if let Some(within) = &self.within {
            return within.classify(words);
        }
        line::parse(&self.form.valued(words)).map_or_else(|_| line::class(&self.asked.line), |line| line::class(&line))
    }

    fn mask(&self, words: Vec<String>) -> Vec<String> {
        let words = line::mask(words);
        match &self.within {
            Some(within) => within.mask(words),
            None => words,
        }
    }

    fn lint(&self, span: Span, found: &mut Diagnostics) {
        self.form.lint(found);
        if replaces_containers(&self.asked.line.verb) {
            let message = "a merge patch replaces the whole list of containers, and these have no image";
            found.push(
                Diagnostic::warning(Code::Arguments, span, message)
                    .help("leave --type out: a strategic merge patch finds the container by its name; or use set resources, set image, set env"),
            );
        }
        if let Some(within) = &self.within {
            within.lint(span, found);
        }
    }

    fn prepare(&self, scope: &Scope) -> Result<Arc<dyn Action>, EvalError> {
        let filled = self.form.fill(scope)?;
        match line::parse(&filled.words) {
            Ok(line) => {
                let shown = line::mask(filled.named());
                let within = self.within.as_ref().map(|within| within.prepare(&filled, &shown, scope)).transpose()?;
                let asked = Asked::with(line, self.asked.held.clone());
                Ok(Arc::new(LineAction { filled, asked, within }))
            }
            Err(problems) => {
                let first = problems.into_iter().next();
                let (message, help) = first.map(|problem| (problem.message, problem.help)).unwrap_or_default();
                let span = self.form.templates().first().map(|word| word.span()).unwrap_or_default();
                Err(EvalError::Failed { code: Code::Evaluation, message, help, span })
            }
        }
    }
}

/// A line with all its values.
struct LineAction {
    filled: Filled,
    asked: Asked,
    within: Option<WithinAction>,
}

impl Action for LineAction {
    fn words(&self) -> Vec<String> {
        self.within.as_ref().map_or_else(|| line::mask(self.filled.named()), WithinAction::words)
    }

    fn class(&self) -> Class {
        self.within.as_ref().map_or_else(|| line::class(&self.asked.line), WithinAction::class)
    }

    fn plan<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Planned, Fault>> {
        Box::pin(async move {
            let access = reading(access, self.asked.acting().as_ref())?;
            if self.class().effect == Effect::Read {
                return Ok(Planned::new(self.class()));
            }
            let line = &self.asked.line;
            match (exec::of(line), &self.within) {
                (Some(exec), Some(within)) => within.plan(access, &within::of(within, access, line, exec).await?).await,
                (Some(exec), None) => exec::plan(access, line, exec, self.class()).await,
                (None, _) => change::plan(access, &self.asked, self.class()).await,
            }
        })
    }

    fn read<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            let access = reading(access, self.asked.acting().as_ref())?;
            let line = &self.asked.line;
            match (exec::of(line), &self.within) {
                (Some(exec), Some(within)) => within.read(access, &within::of(within, access, line, exec).await?).await,
                (Some(exec), None) => exec::look(access, line, exec).await,
                (None, _) => look::look(access, &self.asked).await,
            }
        })
    }

    fn only_in_run(&self) -> Option<&'static str> {
        match (exec::of(&self.asked.line), &self.within) {
            (_, Some(within)) => within.only_in_run(),
            (Some(exec), None) => exec::only_in_run(exec),
            (None, None) => None,
        }
    }

    fn read_in_run<'a>(&'a self, access: WriteAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            let access = writing(access, self.asked.acting().as_ref())?;
            let line = &self.asked.line;
            match (exec::of(line), &self.within) {
                (Some(exec), Some(within)) => {
                    let there = within::of(within, access.reading(), line, exec).await?;
                    within.read_in_run(access, &there).await
                }
                (Some(exec), None) => exec::look_in_run(access, line, exec).await,
                (None, _) if waiting::waits(line) => waiting::wait(&access, &self.asked).await,
                (None, _) => look::look(access.reading(), &self.asked).await,
            }
        })
    }

    fn peek<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Look, Fault>> {
        Box::pin(async move {
            let access = reading(access, self.asked.acting().as_ref())?;
            if waiting::waits(&self.asked.line) {
                return waiting::look_once(access, &self.asked).await;
            }
            Ok(Look::Now(self.read(access).await?))
        })
    }

    fn change<'a>(&'a self, access: WriteAccess<'a>) -> BoxFuture<'a, Result<Box<dyn Change + 'a>, Fault>> {
        Box::pin(async move {
            let access = writing(access, self.asked.acting().as_ref())?;
            let line = &self.asked.line;
            match (exec::of(line), &self.within) {
                (Some(exec), Some(within)) => {
                    let there = within::of(within, access.reading(), line, exec).await?;
                    return within.change(access, there, WITHIN).await;
                }
                (Some(exec), None) => {
                    let change = ExecChange::begin(&access, line, exec, line::mask(self.filled.named())).await?;
                    return Ok(Box::new(change) as Box<dyn Change + 'a>);
                }
                (None, _) => {}
            }
            let change = ObjectChange::begin(&access, &self.asked, line::mask(self.filled.named())).await?;
            Ok(Box::new(change) as Box<dyn Change + 'a>)
        })
    }
}
