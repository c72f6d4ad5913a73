//! What a step with a command line is written as, whatever program the line is for.

use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::expr::{EvalError, Rendered, Scope, Template};
use playbook_core::source::{Span, Spanned};
use playbook_core::syntax::de::decode;
use playbook_core::syntax::tree::Node;
use playbook_core::words;

use super::problem::Problem;
use super::secret_words::Secret;
use super::word::Word;

/// The words of a step with all their values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filled {
    /// The words.
    pub(crate) words: Vec<Word>,
    /// For each the secret input that went into it.
    pub(crate) secrets: Vec<Option<String>>,
}

impl Filled {
    /// The texts of the words.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.words.iter().map(|word| word.text.clone().unwrap_or_default()).collect()
    }

    /// The texts with names in the place of secret inputs. Passwords that are written out are still there.
    pub(crate) fn named(&self) -> Vec<String> {
        let named = self.texts().into_iter().zip(&self.secrets).map(|(text, secret)| match secret {
            Some(name) => format!("[secret:{name}]"),
            None => text,
        });
        named.collect()
    }
}

/// Fills in one word. Gives its text and the secret input that went into it.
///
/// # Errors
/// When a template has no value, or none that can be a word.
pub(crate) fn fill(template: &Template, scope: &Scope) -> Result<(String, Option<String>), EvalError> {
    let rendered = template.render(scope)?;
    Ok((one_word(template, &rendered)?, rendered.secret))
}

/// A value as one word.
fn one_word(template: &Template, rendered: &Rendered) -> Result<String, EvalError> {
    rendered.word().map_err(|why| EvalError::Failed {
        code: Code::Evaluation,
        message: format!("`{}` cannot be a word of a command: {why}", template.text()),
        help: "a word is a text, a number or true/false".into(),
        span: template.span(),
    })
}

/// Is it a line or a list of words?
pub(crate) fn is_words(node: &Node) -> bool {
    node.text().is_some() || node.items().is_some()
}

/// The words of a line or of a list; problems go to `found`.
pub(crate) fn words(node: &Node, found: &mut Diagnostics) -> Option<Vec<Template>> {
    match node.text() {
        Some(_) => line(node, found),
        None => words::list(&decode::<Vec<Spanned<String>>>(node, found)?, found),
    }
}

/// A line; a backslash at the end of a row joins it with the next, as in a shell.
fn line(node: &Node, found: &mut Diagnostics) -> Option<Vec<Template>> {
    let text = node.text().unwrap_or_default();
    let split = words::split(&Spanned::new(text.to_owned(), node.span), found)?;
    let mut joined = Vec::with_capacity(split.len());
    for word in split {
        match word.text().strip_prefix('\n') {
            Some("") => {}
            Some(rest) => joined.push(Template::new(&Spanned::new(rest.to_owned(), word.span()), found)?),
            None => joined.push(word),
        }
    }
    Some(joined)
}

/// Something that is no command at all.
pub(crate) fn no_command(node: &Node, example: &str) -> Diagnostic {
    let message = format!("expected a command, found {}", node.describe());
    Diagnostic::error(Code::WrongType, node.span, message).help(format!("write {example}"))
}

/// Says what is wrong with a line; `edits`: are its words what stands in the file?
pub(crate) fn tell(problems: &[Problem], words: &[Word], whole: Span, edits: bool, found: &mut Diagnostics) {
    for problem in problems {
        let mut told = problem.diagnostic(words, whole);
        told.edit = told.edit.filter(|_| edits);
        found.push(told);
    }
}

/// The texts of words that are written out; an empty text for others.
pub(crate) fn fixed(words: &[Template]) -> Vec<&str> {
    words.iter().map(|word| word.fixed().unwrap_or_default()).collect()
}

/// Warns of a password that is written out in a playbook.
pub(crate) fn warn_of(secret: Secret, words: &[Template], found: &mut Diagnostics) {
    let Some(word) = words.get(secret.at).filter(|word| word.fixed().unwrap_or_default().len() > secret.from) else {
        return;
    };
    found.push(
        Diagnostic::warning(Code::SecretInTheOpen, word.span(), "a password in the playbook")
            .help("declare a secret input: {type: secret, from: {env: NAME}}"),
    );
}
