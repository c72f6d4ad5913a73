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
use playbook_core::secret::Secrets;
use playbook_core::source::{Span, Spanned};
use playbook_core::syntax::tree::Node;
use serde_json::Value;

use super::asked::Asked;
use super::change::{self, LineChange, exec, run};
use super::client::Writer;
use super::faults;
use super::line::model::{Compose, ComposeVerb, Exec, Verb};
use super::line::{self, Form};
use super::look;
use super::within::{self, WITHIN};
use crate::inside::{self, Insiders, There, Within, WithinAction};
use crate::line::form::Filled;

/// The action `docker`.
pub(super) struct DockerKind {
    pub(super) secrets: Secrets,
    pub(super) insiders: Insiders,
}

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
        let within = match exec_of(&verb) {
            Some(exec) => {
                let words = form.templates();
                let texts: Vec<&str> = words.iter().map(|word| word.fixed().unwrap_or_default()).collect();
                let command = (exec.command.as_slice(), line::command_place(exec));
                inside::read(&self.insiders, &words, command, &line::secrets(&texts), &self.secrets, found).ok()?
            }
            None => None,
        };
        let base = files.folder().map(str::to_owned);
        Some(Arc::new(LineDraft { form, verb, base, within, secrets: self.secrets.clone() }))
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

/// The exec of a line, if it is one.
fn exec_of(verb: &Verb) -> Option<&Exec> {
    match verb {
        Verb::Exec(exec) | Verb::Compose(Compose { verb: ComposeVerb::Exec(exec), .. }) => Some(exec),
        _ => None,
    }
}

/// A line with its templates open.
struct LineDraft {
    form: Form,
    verb: Verb,
    base: Option<String>,
    /// The program of an exec, if someone knows it.
    within: Option<Within>,
    secrets: Secrets,
}

impl Draft for LineDraft {
    fn words(&self) -> Vec<&Template> {
        self.form.templates()
    }

    fn classify(&self, words: &[Option<String>]) -> Class {
        if let Some(within) = &self.within {
            return within.classify(words);
        }
        line::parse(&self.form.valued(words)).map_or_else(|_| line::class(&self.verb), |verb| line::class(&verb))
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
        if let Some(within) = &self.within {
            within.lint(span, found);
        }
    }

    fn prepare(&self, scope: &Scope) -> Result<Arc<dyn Action>, EvalError> {
        let filled = self.form.fill(scope)?;
        match line::parse(&filled.words) {
            Ok(verb) => {
                let shown = line::mask(filled.named());
                let within = self.within.as_ref().map(|within| within.prepare(&filled, &shown, scope)).transpose()?;
                let asked = Asked::new(verb, self.base.as_deref());
                Ok(Arc::new(LineAction { filled, asked, within, secrets: self.secrets.clone() }))
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
    secrets: Secrets,
}

impl LineAction {
    /// The program of an exec, if someone knows it, and where it would run.
    async fn there<'a>(&self, access: ReadAccess<'a>) -> Result<Option<(&WithinAction, There<'a>)>, Fault> {
        match (&self.within, exec_of(&self.asked.verb)) {
            (Some(within), Some(exec)) => Ok(Some((within, within::of(within, access, &self.asked, exec).await?))),
            _ => Ok(None),
        }
    }

    /// Compose takes the command as arguments of its own process, which everyone can read.
    fn keeps_secrets(&self) -> Result<(), Fault> {
        let Verb::Compose(Compose { verb: ComposeVerb::Run(run), .. }) = &self.asked.verb else { return Ok(()) };
        let words = run.command.iter().chain(&run.entrypoint).chain(&run.user).chain(&run.folder).chain(&run.volumes);
        if words.into_iter().all(|word| self.secrets.text(word) == *word) {
            return Ok(());
        }
        Err(faults::refused(
            "a secret would be among the arguments of compose, where everyone on this machine can read it",
            "hand it over with -e NAME={{ … }}; or use docker: run, which tells the engine alone",
        ))
    }

    /// Does it run a program somewhere?
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
        self.within.as_ref().map_or_else(|| line::mask(self.filled.named()), WithinAction::words)
    }

    fn class(&self) -> Class {
        self.within.as_ref().map_or_else(|| line::class(&self.asked.verb), WithinAction::class)
    }

    fn plan<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Planned, Fault>> {
        Box::pin(async move {
            if self.class().effect == Effect::Read {
                return Ok(Planned::new(self.class()));
            }
            if let Some((within, there)) = self.there(access).await? {
                return within.plan(access, &there).await;
            }
            change::plan(access, &self.asked, self.class()).await
        })
    }

    fn read<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            if let Some((within, there)) = self.there(access).await? {
                return within.read(access, &there).await;
            }
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
        if let Some(within) = &self.within {
            return within.only_in_run();
        }
        // To run anything an engine has to be sent more than a GET.
        self.runs().then_some("a plan sends an engine nothing but GET, and a program takes more")
    }

    fn read_in_run<'a>(&'a self, access: WriteAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            if let Some((within, there)) = self.there(access.reading()).await? {
                return within.read_in_run(access, &there).await;
            }
            if !self.runs() {
                return self.read(access.reading()).await;
            }
            let writer = Writer::open(&access).await?;
            self.keeps_secrets()?;
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
        Box::pin(async move {
            if let Some((within, there)) = self.there(access.reading()).await? {
                return within.change(access, there, WITHIN).await;
            }
            self.keeps_secrets()?;
            Ok(Box::new(LineChange::begin(access, &self.asked).await?) as Box<dyn Change + 'a>)
        })
    }
}
