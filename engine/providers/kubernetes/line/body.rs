//! A patch written as YAML: each text in it may be a template, and fills exactly its place.

use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::{EvalError, Scope, Template, Use};
use playbook_core::source::Spanned;
use playbook_core::syntax::de::decode;
use playbook_core::syntax::tree::Node;
use serde_json::{Map, Value};

/// A value with templates in it.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Nothing to fill in.
    Known(Value),
    /// A text with a template; exactly one `{{ … }}` keeps its type.
    Open(Template),
    List(Vec<Body>),
    Map(Vec<(String, Body)>),
}

impl Body {
    /// Reads a value; problems go to `found`.
    pub(super) fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        if let Some(entries) = node.entries() {
            let read = |entry: &playbook_core::syntax::tree::Entry, found: &mut Diagnostics| {
                Some((entry.key.value.clone(), Self::read(&entry.value, found)?))
            };
            return Some(Self::Map(entries.iter().map(|entry| read(entry, found)).collect::<Option<_>>()?));
        }
        if let Some(items) = node.items() {
            return Some(Self::List(items.iter().map(|item| Self::read(item, found)).collect::<Option<_>>()?));
        }
        if let Some(text) = node.text() {
            let template = Template::new(&Spanned::new(text.to_owned(), node.span), found)?;
            if template.fixed().is_none() {
                return Some(Self::Open(template));
            }
        }
        Some(Self::Known(decode::<Value>(node, found)?))
    }

    /// Does it wait for a value?
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Known(_) => false,
            Self::Open(_) => true,
            Self::List(items) => items.iter().any(Self::is_open),
            Self::Map(entries) => entries.iter().any(|(_, value)| value.is_open()),
        }
    }

    /// The names in it.
    pub(super) fn uses(&self) -> Vec<Use> {
        match self {
            Self::Known(_) => Vec::new(),
            Self::Open(template) => template.uses().to_vec(),
            Self::List(items) => items.iter().flat_map(Self::uses).collect(),
            Self::Map(entries) => entries.iter().flat_map(|(_, value)| value.uses()).collect(),
        }
    }

    /// As JSON, with templates as they are written.
    pub(super) fn shown(&self) -> Value {
        match self {
            Self::Known(value) => value.clone(),
            Self::Open(template) => Value::String(template.text().to_owned()),
            Self::List(items) => items.iter().map(Self::shown).collect(),
            Self::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value.shown())).collect(),
        }
    }

    /// With values, and the name of a secret that went in.
    pub(super) fn fill(&self, scope: &Scope) -> Result<(Value, Option<String>), EvalError> {
        let mut secret = None;
        let value = self.fill_in(scope, &mut secret)?;
        Ok((value, secret))
    }

    fn fill_in(&self, scope: &Scope, secret: &mut Option<String>) -> Result<Value, EvalError> {
        Ok(match self {
            Self::Known(value) => value.clone(),
            Self::Open(template) => {
                let rendered = template.render(scope)?;
                if rendered.secret.is_some() {
                    *secret = rendered.secret;
                }
                rendered.value
            }
            Self::List(items) => {
                Value::Array(items.iter().map(|item| item.fill_in(scope, secret)).collect::<Result<_, _>>()?)
            }
            Self::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert(key.clone(), value.fill_in(scope, secret)?);
                }
                Value::Object(map)
            }
        })
    }
}
