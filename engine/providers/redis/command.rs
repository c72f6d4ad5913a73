//! The action `redis`: any command of Redis, as a line or as a list of words.

use std::sync::Arc;

use playbook_core::action::{Action, Change, Draft, Fault, Kind, ReadAccess, WriteAccess};
use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::files::Files;
use playbook_core::model::{Class, Effect};
use playbook_core::plan::Planned;
use playbook_core::ports::BoxFuture;
use playbook_core::source::{Span, Spanned};
use playbook_core::syntax::de::decode;
use playbook_core::syntax::tree::Node;
use playbook_core::words;
use serde_json::Value;

use super::acl_change::AclChange;
use super::call::Call;
use super::classify::{Way, class, only_in_run, way};
use super::client::{ReadConn, WriteConn};
use super::config_change::ConfigChange;
use super::functions_change::FunctionsChange;
use super::key_change::KeyChange;
use super::lookup::{self, Command};
use super::plain_change::PlainChange;
use super::plan;
use super::reply::typed;
use super::secret_words::{mask, secrets};
use super::unsuitable;

/// The action `redis`.
pub(super) struct RedisKind;

impl Kind for RedisKind {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn summary(&self) -> &'static str {
        "any Redis command, as a line or as a list of words"
    }

    fn provider(&self) -> &'static str {
        "redis"
    }

    fn read(
        &self,
        key: &Spanned<String>,
        params: &Node,
        _: &dyn Files,
        found: &mut Diagnostics,
    ) -> Option<Arc<dyn Draft>> {
        let words = match (params.text(), params.items()) {
            (Some(line), _) => words::split(&Spanned::new(line.to_owned(), params.span), found)?,
            (None, Some(_)) => words::list(&decode::<Vec<Spanned<String>>>(params, found)?, found)?,
            (None, None) => {
                found.push(
                    Diagnostic::error(
                        Code::WrongType,
                        params.span,
                        format!("expected a command, found {}", params.describe()),
                    )
                    .help("write redis: INFO memory, or redis: [SET, key, \"a value\"]"),
                );
                return None;
            }
        };
        let draft = draft(words, key.span, found)?;
        in_the_open(&draft.words(), found);
        Some(draft)
    }

    fn schema(&self, _: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A Redis command: a line with quoting as in redis-cli, or a list of words.",
            "anyOf": [
                {"type": "string", "examples": ["INFO memory", "CONFIG SET maxmemory 3gb"]},
                {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1}
            ]
        })
    }
}

/// A command of these words.
pub(super) fn draft(words: Vec<Template>, place: Span, found: &mut Diagnostics) -> Option<Arc<dyn Draft>> {
    let command = lookup::check(&words, place, found)?;
    Some(Arc::new(CommandDraft { words, command }))
}

/// A password that is written out in a playbook.
fn in_the_open(words: &[&Template], found: &mut Diagnostics) {
    let texts: Vec<&str> = words.iter().map(|word| word.fixed().unwrap_or_default()).collect();
    for secret in secrets(&texts) {
        if texts.get(secret.at).is_some_and(|text| text.len() > secret.from) {
            found.push(
                Diagnostic::warning(Code::SecretInTheOpen, words[secret.at].span(), "a password in the playbook")
                    .help("declare a secret input: {type: secret, from: {env: NAME}}"),
            );
        }
    }
}

/// A command with its templates open.
struct CommandDraft {
    words: Vec<Template>,
    command: Command,
}

impl Draft for CommandDraft {
    fn words(&self) -> Vec<&Template> {
        self.words.iter().collect()
    }

    fn classify(&self, words: &[Option<String>]) -> Class {
        class(&self.command, words)
    }

    fn mask(&self, words: Vec<String>) -> Vec<String> {
        mask(words)
    }

    fn lint(&self, span: Span, found: &mut Diagnostics) {
        unsuitable::lint(self.command.name(), &self.words, span, found);
    }

    fn prepare(&self, scope: &Scope) -> Result<Arc<dyn Action>, EvalError> {
        let mut texts = Vec::with_capacity(self.words.len());
        let mut named = Vec::with_capacity(self.words.len());
        for template in &self.words {
            let rendered = template.render(scope)?;
            texts.push(word(template, &rendered)?);
            named.push(rendered.secret);
        }
        Ok(Arc::new(CommandAction { call: Call::new(texts, &named, self.command.clone()) }))
    }
}

/// A value as one word.
pub(super) fn word(template: &Template, rendered: &playbook_core::expr::Rendered) -> Result<String, EvalError> {
    rendered.word().map_err(|why| EvalError::Failed {
        code: Code::Evaluation,
        message: format!("`{}` cannot be a word of a command: {why}", template.text()),
        help: "a word is a text, a number or true/false".into(),
        span: template.span(),
    })
}

/// A command with all its values.
struct CommandAction {
    call: Call,
}

impl CommandAction {
    fn options(&self) -> Vec<Option<String>> {
        self.call.words().iter().cloned().map(Some).collect()
    }

    async fn read(&self, access: ReadAccess<'_>) -> Result<Value, Fault> {
        let mut read = ReadConn::open(access).await?;
        let reply = read.one(self.call.words()).await.map_err(|fault| self.call.clean_fault(fault))?;
        Ok(typed(self.call.name(), self.call.words(), &reply))
    }

    /// What a plan must not send goes over a connection that a plan cannot have.
    async fn read_in_run(&self, access: WriteAccess<'_>) -> Result<Value, Fault> {
        if self.only_in_run().is_none() {
            return self.read(access.reading()).await;
        }
        let mut conn = WriteConn::open(&access).await?;
        let reply = conn.one(self.call.words()).await.map_err(|fault| self.call.clean_fault(fault))?;
        Ok(typed(self.call.name(), self.call.words(), &reply))
    }

    async fn begin<'a>(&self, access: WriteAccess<'a>) -> Result<Box<dyn Change + 'a>, Fault> {
        let call = self.call.clone();
        let way = way(self.call.command(), &self.options());
        Ok(match &way {
            Way::Keys(_) | Way::Script => Box::new(KeyChange::begin(&access, call, way).await?),
            Way::Config => Box::new(ConfigChange::begin(&access, call).await?),
            Way::Acl => Box::new(AclChange::begin(&access, call).await?),
            Way::Functions => Box::new(FunctionsChange::begin(&access, call).await?),
            // An author may say that a read has an effect; then it is sent as one.
            Way::Read => Box::new(PlainChange::begin(access, call, Way::Nothing).await?),
            Way::Inverse | Way::Nothing | Way::Never(_) | Way::Unknown => {
                Box::new(PlainChange::begin(access, call, way).await?)
            }
        })
    }
}

impl Action for CommandAction {
    fn words(&self) -> Vec<String> {
        self.call.shown().to_vec()
    }

    fn class(&self) -> Class {
        class(self.call.command(), &self.options())
    }

    fn plan<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Planned, Fault>> {
        Box::pin(async move {
            let planned = match self.class().effect {
                Effect::Read => Ok(Planned::new(Class::READ)),
                _ => plan::plan(access, &self.call, self.class()).await,
            };
            planned.map_err(|fault| self.call.clean_fault(fault))
        })
    }

    fn read<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(self.read(access))
    }

    fn only_in_run(&self) -> Option<&'static str> {
        only_in_run(self.call.name())
    }

    fn read_in_run<'a>(&'a self, access: WriteAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(self.read_in_run(access))
    }

    fn change<'a>(&'a self, access: WriteAccess<'a>) -> BoxFuture<'a, Result<Box<dyn Change + 'a>, Fault>> {
        Box::pin(self.begin(access))
    }
}
