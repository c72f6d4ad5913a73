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

#[cfg(test)]
mod tests {
    use playbook_core::source::Sources;
    use playbook_core::syntax::tree;
    use serde_json::json;

    use super::*;

    fn form(yaml: &str) -> (Option<Form>, Diagnostics) {
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", yaml);
        let (node, mut found) = tree::parse(file, sources.get(file).expect("the source"));
        let node = node.unwrap_or_else(|| panic!("{yaml}: {found:?}"));
        let form = Form::read(node.get("docker").expect("the key"), &mut found);
        (form, found)
    }

    fn checked(yaml: &str) -> Result<Verb, String> {
        let (form, mut found) = form(yaml);
        let verb = form.and_then(|form| form.check(&mut found));
        let told = || found.iter().map(|d| format!("{}; {}", d.message, d.help.join(" "))).collect::<Vec<_>>();
        verb.ok_or_else(|| told().join("\n"))
    }

    #[test]
    fn a_line_and_a_list_say_the_same() {
        for (line, others) in [
            (
                "docker: run --rm -v ./data:/data redis:7 redis-check-aof --fix '/data/a b'",
                &[
                    "docker: [run, --rm, -v, './data:/data', 'redis:7', redis-check-aof, --fix, /data/a b]",
                    "docker: |\n  run --rm \\\n    -v ./data:/data \\\n    redis:7 redis-check-aof --fix '/data/a b'",
                ][..],
            ),
            ("docker: compose up -d", &["docker: [compose, up, -d]"]),
        ] {
            let wanted = checked(line).unwrap_or_else(|told| panic!("{line}: {told}"));
            for other in others {
                assert_eq!(checked(other).as_ref(), Ok(&wanted), "{other}");
            }
        }
    }

    #[test]
    fn what_is_no_line_is_told() {
        for (yaml, told) in [
            ("docker: {restart: redis}", "expected a command, found a mapping; write docker: restart CONTAINER"),
            ("docker: ", "expected a command, found nothing"),
            ("docker: []", "a docker line without a verb"),
            ("docker: [docker, ps]", "`docker` at the beginning of a docker step"),
        ] {
            let found = checked(yaml).expect_err(yaml);
            assert!(found.contains(told), "{yaml}: {found}");
        }
    }

    #[test]
    fn a_slip_comes_with_an_edit_that_leaves_a_step() {
        for (yaml, wanted) in [
            ("docker: docker ps -a", "docker: ps -a"),
            ("docker: [docker, ps]", "docker: [ps]"),
            ("docker: [docker, 'ps']", "docker: ['ps']"),
            ("docker: docker-compose up -d", "docker: compose up -d"),
        ] {
            let (form, mut found) = form(yaml);
            assert_eq!(form.expect("a form").check(&mut found), None);
            let edit = found.iter().find_map(|problem| problem.edit.clone()).expect("an edit");
            let (start, end) = (edit.span.start as usize, edit.span.end as usize);
            assert_eq!(format!("{}{}{}", &yaml[..start], edit.replacement, &yaml[end..]), wanted);
        }
    }

    #[test]
    fn secret_inputs_are_named_and_passwords_in_the_open_warned_of() {
        let (form_read, _) =
            form("docker: exec -e REDISCLI_AUTH={{ inputs.s }} r redis-cli -a plain GET {{ inputs.k }}");
        let form_read = form_read.expect("a form");
        let mut scope = Scope::new();
        scope.set("inputs", json!({"s": "hunter2", "k": "a b"}));
        scope.secret_inputs(["s".to_owned()]);
        let filled = form_read.fill(&scope).expect("values");
        let shown = super::super::mask(filled.named()).join(" ");
        assert_eq!(shown, "exec -e [secret:s] r redis-cli -a [secret] GET a b");
        let Ok(Verb::Exec(exec)) = parse(&filled.words) else { panic!("an exec") };
        assert_eq!(exec.environment, ["REDISCLI_AUTH=hunter2"]);
        assert_eq!(exec.command, ["redis-cli", "-a", "plain", "GET", "a b"]);
        for (yaml, warned) in [
            ("docker: run -e DB_PASSWORD=hunter2 -e PORT=1 a", 1),
            ("docker: run -e DB_PASSWORD={{ inputs.s }} a", 0),
            ("docker: run redis redis-server --requirepass hunter2", 1),
            ("docker: compose exec redis redis-cli -a hunter2 PING", 1),
            ("docker: run -e DB_PASSWORD_FILE=/x a", 0),
        ] {
            let (form, mut found) = form(yaml);
            form.expect("a form").lint(&mut found);
            assert_eq!(found.iter().count(), warned, "{yaml}");
        }
    }
}
