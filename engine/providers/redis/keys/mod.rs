//! The action `redis.keys`: everything that people do with `--scan | xargs`.

mod filter;
mod look;
mod params;
mod quick;
mod scan;
mod sweep;

use std::sync::Arc;

use playbook_core::action::{Action, Change, Draft, Fault, Kind, ReadAccess, WriteAccess};
use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::files::Files;
use playbook_core::model::{Class, Effect, Reversal};
use playbook_core::plan::Planned;
use playbook_core::ports::BoxFuture;
use playbook_core::source::Spanned;
use playbook_core::syntax::tree::Node;
use serde_json::Value;

use super::command::word;
use filter::Filter;
use params::{Do, Params};

/// The action `redis.keys`.
pub(super) struct KeysKind;

impl Kind for KeysKind {
    fn name(&self) -> &'static str {
        "redis.keys"
    }

    fn summary(&self) -> &'static str {
        "finds keys by pattern, type and condition; counts, lists, deletes or expires them"
    }

    fn provider(&self) -> &'static str {
        "redis"
    }

    fn read(
        &self,
        _: &Spanned<String>,
        params: &Node,
        _: &dyn Files,
        found: &mut Diagnostics,
    ) -> Option<Arc<dyn Draft>> {
        Some(Arc::new(KeysDraft::new(Params::read(params, found)?)))
    }

    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Params::schema(generator)
    }
}

/// Parameters with their templates open.
struct KeysDraft {
    params: Params,
    /// As a person would say it; one of them is the pattern, another the number after `expire`.
    words: Vec<Template>,
}

impl KeysDraft {
    fn new(params: Params) -> Self {
        let say = |text: &str| Template::literal(text, params.pattern.span());
        let mut words = vec![say("MATCH"), params.pattern.clone()];
        if let Some(kind) = &params.kind {
            words.extend([say("TYPE"), say(kind)]);
        }
        if let Some(condition) = &params.condition {
            // Names of the playbook in it are checked and waited for; those of a key are its own.
            let uses = condition.uses().iter().filter(|usage| !filter::NAMES.contains(&usage.root())).cloned();
            words.extend([say("WHERE"), Template::naming(condition.text(), condition.span(), uses.collect())]);
        }
        if let Some(limit) = params.limit {
            words.extend([say("LIMIT"), say(&limit.to_string())]);
        }
        words.push(say(&params.what.name().to_ascii_uppercase()));
        words.extend(params.number.clone());
        Self { params, words }
    }
}

impl Draft for KeysDraft {
    fn words(&self) -> Vec<&Template> {
        self.words.iter().collect()
    }

    fn classify(&self, _: &[Option<String>]) -> Class {
        class(self.params.what)
    }

    fn prepare(&self, scope: &Scope) -> Result<Arc<dyn Action>, EvalError> {
        let mut shown = Vec::with_capacity(self.words.len());
        for template in &self.words {
            let rendered = template.render(scope)?;
            shown.push(match &rendered.secret {
                Some(name) => format!("[secret:{name}]"),
                None => word(template, &rendered)?,
            });
        }
        let rendered = self.params.pattern.render(scope)?;
        let pattern = word(&self.params.pattern, &rendered)?;
        let secret = rendered.secret.is_some();
        let number = match &self.params.number {
            None => None,
            Some(template) => {
                let text = word(template, &template.render(scope)?)?;
                Some(params::number(self.params.what, &text, template.span())?)
            }
        };
        let filter = Filter::new(self.params.kind.clone(), self.params.condition.clone(), scope);
        let asked =
            Asked { pattern, secret, filter, what: self.params.what, number, params: self.params.clone(), shown };
        Ok(Arc::new(KeysAction { asked }))
    }
}

fn class(what: Do) -> Class {
    match what {
        Do::Count | Do::List | Do::Sample => Class::READ,
        Do::Unlink => Class::new(Effect::Destroy, Reversal::Exact),
        Do::Expire | Do::Persist => Class::new(Effect::Change, Reversal::Exact),
    }
}

/// Parameters with all their values.
#[derive(Clone)]
struct Asked {
    pattern: String,
    /// Is the pattern made of a secret?
    secret: bool,
    filter: Filter,
    what: Do,
    /// Seconds until expiry, or how many samples.
    number: Option<u64>,
    params: Params,
    /// As a person would say it, without secrets.
    shown: Vec<String>,
}

struct KeysAction {
    asked: Asked,
}

impl Action for KeysAction {
    fn words(&self) -> Vec<String> {
        self.asked.shown.clone()
    }

    fn class(&self) -> Class {
        class(self.asked.what)
    }

    fn plan<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Planned, Fault>> {
        Box::pin(look::plan(access, &self.asked, self.class()))
    }

    fn read<'a>(&'a self, access: ReadAccess<'a>) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(look::read(access, &self.asked))
    }

    fn change<'a>(&'a self, access: WriteAccess<'a>) -> BoxFuture<'a, Result<Box<dyn Change + 'a>, Fault>> {
        let asked = self.asked.clone();
        Box::pin(async move { Ok(Box::new(sweep::SweepChange::begin(access, asked).await?) as Box<dyn Change + 'a>) })
    }
}
