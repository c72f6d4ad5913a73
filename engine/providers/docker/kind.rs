//! The action `docker`: a docker line, spoken to the Engine API.

use std::sync::Arc;

use playbook_core::action::{Action, Change, Draft, Fault, Kind, Look, ReadAccess, WriteAccess};
use playbook_core::codes::Code;
use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::files::Files;
use playbook_core::model::{Class, Effect};
use playbook_core::plan::Planned;
use playbook_core::ports::BoxFuture;
use playbook_core::source::{Span, Spanned};
use playbook_core::syntax::tree::Node;
use serde_json::Value;

use super::asked::Asked;
use super::change::{self, LineChange, exec, run};
use super::client::Writer;
use super::line::model::{Compose, ComposeVerb, Verb};
use super::line::{self, Form};
use super::look;
use crate::line::form::Filled;

/// The action `docker`.
pub(super) struct DockerKind;

impl Kind for DockerKind {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn summary(&self) -> &'static str {
        "a docker or compose command line, spoken to the Engine API"
    }

    fn provider(&self) -> &'static str {
        "docker"
    }

    fn read(
        &self,
        _: &Spanned<String>,
        params: &Node,
        files: &dyn Files,
        found: &mut Diagnostics,
    ) -> Option<Arc<dyn Draft>> {
        let form = Form::read(params, found)?;
        let verb = form.check(found)?;
        Some(Arc::new(LineDraft { form, verb, base: files.folder().map(str::to_owned) }))
    }

    fn schema(&self, _: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A docker command: a line, or a list of words.",
            "anyOf": [
                {"type": "string", "examples": ["restart redis", "compose -f docker-compose.yml up -d"]},
                {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1}
            ]
        })
    }
}

/// A line with its templates open.
struct LineDraft {
    form: Form,
    verb: Verb,
    base: Option<String>,
}

impl Draft for LineDraft {
    fn words(&self) -> Vec<&Template> {
        self.form.templates()
    }

    fn classify(&self, words: &[Option<String>]) -> Class {
        line::parse(&self.form.valued(words)).map_or_else(|_| line::class(&self.verb), |verb| line::class(&verb))
    }

    fn mask(&self, words: Vec<String>) -> Vec<String> {
        line::mask(words)
    }

    fn lint(&self, _: Span, found: &mut Diagnostics) {
        self.form.lint(found);
    }

    fn prepare(&self, scope: &Scope) -> Result<Arc<dyn Action>, EvalError> {
        let filled = self.form.fill(scope)?;
        match line::parse(&filled.words) {
            Ok(verb) => Ok(Arc::new(LineAction { filled, asked: Asked::new(verb, self.base.as_deref()) })),
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
}

impl LineAction {
    /// The program that it runs somewhere, if it runs one.
    fn runs(&self) -> bool {
        let composed = |compose: &Compose| matches!(compose.verb, ComposeVerb::Exec(_) | ComposeVerb::Run(_));
        match &self.asked.verb {
            Verb::Exec(_) | Verb::Run(_) => true,
            Verb::Compose(compose) => composed(compose),
            _ => false,
        }
    }
}

impl Action for LineAction {
    fn words(&self) -> Vec<String> {
        line::mask(self.filled.named())
    }

    fn class(&self) -> Class {
        line::class(&self.asked.verb)
    }

    fn plan<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Planned, Fault>> {
        Box::pin(async move {
            if self.class().effect == Effect::Read {
                return Ok(Planned::new(self.class()));
            }
            change::plan(access, &self.asked, self.class()).await
        })
    }

    fn read<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            match &self.asked.verb {
                Verb::Compose(compose) => {
                    let project = match &compose.verb {
                        ComposeVerb::Projects { .. } => String::new(),
                        _ => self.asked.project(compose)?.name,
                    };
                    look::compose_look(access, &project, &compose.verb).await
                }
                verb => look::look(access, verb).await,
            }
        })
    }

    fn only_in_run(&self) -> Option<&'static str> {
        // To run anything an engine has to be sent more than a GET.
        self.runs().then_some("a plan sends an engine nothing but GET, and a program takes more")
    }

    fn read_in_run<'a>(&'a self, access: WriteAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            if !self.runs() {
                return self.read(access.reading()).await;
            }
            let writer = Writer::open(&access).await?;
            match &self.asked.verb {
                Verb::Exec(exec) => exec::look_in_run(&writer, exec).await,
                Verb::Run(run) => run::look_in_run(&writer, &self.asked, run).await,
                _ => change::look_in_run(&writer, &self.asked).await,
            }
        })
    }

    fn peek<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Look, Fault>> {
        Box::pin(async move {
            match &self.asked.verb {
                Verb::Wait { containers } => look::peek(access, containers).await,
                _ => Ok(Look::Now(self.read(access).await?)),
            }
        })
    }

    fn change<'a>(&'a self, access: WriteAccess<'a>) -> BoxFuture<'a, Result<Box<dyn Change + 'a>, Fault>> {
        Box::pin(async move { Ok(Box::new(LineChange::begin(access, &self.asked).await?) as Box<dyn Change + 'a>) })
    }
}
