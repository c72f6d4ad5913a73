//! A `kubectl:` step as it is written: a line, a list of words, or a mapping.
//!
//! A mapping is the same words under names. Its first key is the verb, with the objects and other
//! arguments as a line or a list; then flags without their dashes; `command` is what stands after
//! `--`; `body` is a patch as YAML whose texts may be templates:
//!
//! ```yaml
//! kubectl:
//!   patch: statefulset/redis
//!   namespace: dash
//!   type: merge
//!   body: {spec: {replicas: "{{ inputs.replicas }}"}}
//! ```
//!
//! A flag with a list is given once for each item; a flag without a value is a switch.

use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::source::{Span, Spanned};
use playbook_core::syntax::tree::{Entry, Node};

use super::body::Body;
use super::model::Line;
use super::secret_words::secrets;
use super::verbs::parse;
use crate::line::form::{self, Filled};
use crate::line::word::Word;

/// The words of a step with their templates open.
#[derive(Clone, Debug)]
pub(in crate::kubernetes) struct Form {
    words: Vec<Template>,
    /// The word that stands for a body, and the body.
    body: Option<(usize, Body)>,
    whole: Span,
    /// From a mapping: the words are not what stands in the file, so nothing can be edited there.
    mapped: bool,
}

impl Form {
    /// Reads the parameters of a step; problems go to `found`.
    pub(in crate::kubernetes) fn read(params: &Node, found: &mut Diagnostics) -> Option<Self> {
        let whole = params.span;
        if let Some(entries) = params.entries() {
            return mapping(entries, whole, found);
        }
        if !form::is_words(params) {
            found.push(form::no_command(params, "kubectl: get pods -n NAMESPACE"));
            return None;
        }
        let words = form::words(params, found)?;
        Some(Self { words, body: None, whole, mapped: false })
    }

    /// The words, as templates.
    pub(in crate::kubernetes) fn templates(&self) -> Vec<&Template> {
        self.words.iter().collect()
    }

    /// What the step asks for, as far as it is known before a run; problems go to `found`.
    pub(in crate::kubernetes) fn check(&self, found: &mut Diagnostics) -> Option<Line> {
        let words: Vec<Word> = self.words.iter().enumerate().map(|(at, word)| self.written(at, word)).collect();
        match parse(&words) {
            Ok(line) => Some(line),
            Err(problems) => {
                form::tell(&problems, &words, self.whole, !self.mapped, found);
                None
            }
        }
    }

    /// Warns of passwords that are written out in a playbook.
    pub(in crate::kubernetes) fn lint(&self, found: &mut Diagnostics) {
        for secret in secrets(&form::fixed(&self.words)) {
            // A word of a mapping with a body is shown as it is written, templates and all.
            if self.body_at(secret.at).is_none_or(|body| !body.is_open()) {
                form::warn_of(secret, &self.words, found);
            }
        }
    }

    /// The words with those values that are known, one for each of [`Form::templates`].
    pub(in crate::kubernetes) fn valued(&self, values: &[Option<String>]) -> Vec<Word> {
        let word = |(at, template): (usize, &Template)| match values.get(at).cloned().flatten() {
            Some(text) if template.fixed().is_none() => Word::filled(template, text),
            Some(_) | None => self.written(at, template),
        };
        self.words.iter().enumerate().map(word).collect()
    }

    /// Fills in the templates.
    ///
    /// # Errors
    /// When a template has no value, or none that can be a word.
    pub(in crate::kubernetes) fn fill(&self, scope: &Scope) -> Result<Filled, EvalError> {
        let mut filled = Filled::default();
        for (at, template) in self.words.iter().enumerate() {
            let (text, secret) = match self.body_at(at) {
                Some(body) => {
                    let (value, secret) = body.fill(scope)?;
                    (format!("{PATCH}{value}"), secret)
                }
                None => form::fill(template, scope)?,
            };
            filled.words.push(match self.body_at(at) {
                Some(_) => Word { text: Some(text), ..self.written(at, template) },
                None => Word::filled(template, text),
            });
            filled.secrets.push(secret);
        }
        Ok(filled)
    }

    fn body_at(&self, at: usize) -> Option<&Body> {
        self.body.as_ref().filter(|(place, _)| *place == at).map(|(_, body)| body)
    }

    fn written(&self, at: usize, template: &Template) -> Word {
        let word = Word::written(template);
        match self.body_at(at) {
            Some(body) if body.is_open() => Word { text: None, head: PATCH.into(), fixed: false, ..word },
            Some(_) | None => word,
        }
    }
}

const PATCH: &str = "--patch=";

fn mapping(entries: &[Entry], whole: Span, found: &mut Diagnostics) -> Option<Form> {
    let Some((verb, flags)) = entries.split_first() else {
        found.push(
            Diagnostic::error(Code::MissingKey, whole, "an empty command")
                .help("write the verb first: patch: TYPE/NAME"),
        );
        return None;
    };
    let verbs = verb.key.value.split_whitespace().map(|word| Template::literal(word, verb.key.span));
    let mut read = Form { words: verbs.collect(), body: None, whole, mapped: true };
    read.words.extend(arguments(&verb.value, found)?);
    let mut command = None;
    for entry in flags {
        match entry.key.value.as_str() {
            "body" => {
                let body = Body::read(&entry.value, found)?;
                let text = format!("{PATCH}{}", body.shown());
                read.words.push(Template::naming(text, entry.value.span, body.uses()));
                read.body = Some((read.words.len() - 1, body));
            }
            "command" => command = Some(arguments(&entry.value, found)?),
            name => read.words.extend(flag(name, entry, found)?),
        }
    }
    if let Some(command) = command {
        read.words.push(Template::literal("--", whole));
        read.words.extend(command);
    }
    Some(read)
}

/// A line or a list of words, or nothing.
fn arguments(node: &Node, found: &mut Diagnostics) -> Option<Vec<Template>> {
    if form::is_words(node) {
        return form::words(node, found);
    }
    if node.entries().is_none() {
        return Some(Vec::new());
    }
    found.push(
        Diagnostic::error(Code::WrongType, node.span, "expected a line or a list of words, found a mapping")
            .help("write patch: TYPE/NAME, and the patch itself under body:"),
    );
    None
}

/// `namespace: dash` → `--namespace=dash`.
fn flag(name: &str, entry: &Entry, found: &mut Diagnostics) -> Option<Vec<Template>> {
    let span = entry.key.span.to(entry.value.span);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c == '-') || name.starts_with('-') {
        found.push(
            Diagnostic::error(Code::UnknownKey, entry.key.span, format!("`{name}` is no flag of kubectl"))
                .help("write long names without dashes before them: namespace, all-namespaces, selector"),
        );
        return None;
    }
    let one = |node: &Node, found: &mut Diagnostics| match node.text() {
        Some(text) => Template::new(&Spanned::new(format!("--{name}={text}"), span), found),
        None => {
            let message = format!("expected a text for {name}, found {}", node.describe());
            found.push(
                Diagnostic::error(Code::WrongType, node.span, message).help("write KEY=VALUE texts, or a list of them"),
            );
            None
        }
    };
    match (entry.value.items(), &entry.value.value) {
        (Some(items), _) => items.iter().map(|item| one(item, found)).collect(),
        (None, playbook_core::syntax::tree::Value::Null) => Some(vec![Template::literal(format!("--{name}"), span)]),
        (None, _) => Some(vec![one(&entry.value, found)?]),
    }
}
