//! A `docker:` step as it is written: a line, or a list of words.

use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::source::Span;
use playbook_core::syntax::tree::Node;

use super::model::Verb;
use super::secret_words::secrets;
use super::verbs::parse;
use crate::line::form::{self, Filled};
use crate::line::word::Word;

/// The words of a step with their templates open.
#[derive(Clone, Debug)]
pub(in crate::docker) struct Form {
    words: Vec<Template>,
    whole: Span,
}

impl Form {
    /// Reads the parameters of a step; problems go to `found`.
    pub(in crate::docker) fn read(params: &Node, found: &mut Diagnostics) -> Option<Self> {
        if !form::is_words(params) {
            found.push(form::no_command(params, "docker: restart CONTAINER"));
            return None;
        }
        Some(Self { words: form::words(params, found)?, whole: params.span })
    }

    /// The words, as templates.
    pub(in crate::docker) fn templates(&self) -> Vec<&Template> {
        self.words.iter().collect()
    }

    /// What the step asks for, as far as it is known before a run; problems go to `found`.
    pub(in crate::docker) fn check(&self, found: &mut Diagnostics) -> Option<Verb> {
        let words: Vec<Word> = self.words.iter().map(Word::written).collect();
        match parse(&words) {
            Ok(verb) => Some(verb),
            Err(problems) => {
                form::tell(&problems, &words, self.whole, true, found);
                None
            }
        }
    }

    /// Warns of passwords that are written out in a playbook.
    pub(in crate::docker) fn lint(&self, found: &mut Diagnostics) {
        for secret in secrets(&form::fixed(&self.words)) {
            form::warn_of(secret, &self.words, found);
        }
    }

    /// The words with those values that are known, one for each of [`Form::templates`].
    pub(in crate::docker) fn valued(&self, values: &[Option<String>]) -> Vec<Word> {
        let word = |(at, template): (usize, &Template)| match values.get(at).cloned().flatten() {
            Some(text) if template.fixed().is_none() => Word::filled(template, text),
            Some(_) | None => Word::written(template),
        };
        self.words.iter().enumerate().map(word).collect()
    }

    /// Fills in the templates.
    ///
    /// # Errors
    /// When a template has no value, or none that can be a word.
    pub(in crate::docker) fn fill(&self, scope: &Scope) -> Result<Filled, EvalError> {
        let mut filled = Filled::default();
        for template in &self.words {
            let (text, secret) = form::fill(template, scope)?;
            filled.words.push(Word::filled(template, text));
            filled.secrets.push(secret);
        }
        Ok(filled)
    }
}
