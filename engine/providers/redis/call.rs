//! One command with all its words, and which of them nobody may see.

use playbook_core::action::Fault;
use playbook_core::secret::Secrets;

use super::client::Lines;
use super::image::{short, shown};
use super::lookup::{self, Command, width};
use super::secret_words::{HIDDEN, mask, secrets};

/// A command that can be sent.
#[derive(Clone)]
pub(super) struct Call {
    words: Vec<String>,
    shown: Vec<String>,
    /// Parts of words that nobody may see.
    hidden: Vec<String>,
    command: Command,
}

impl Call {
    /// From words, and for each the name of the secret that went into it.
    pub(super) fn new(words: Vec<String>, named: &[Option<String>], command: Command) -> Self {
        let mut hidden: Vec<String> = secrets(&words)
            .into_iter()
            .filter_map(|secret| words[secret.at].get(secret.from..).map(str::to_owned))
            .chain(words.iter().zip(named).filter(|(_, name)| name.is_some()).map(|(word, _)| word.clone()))
            .filter(|part| !part.is_empty())
            .collect();
        hidden.sort_by_key(|part| std::cmp::Reverse(part.len()));
        let marked = words.iter().zip(named).map(|(word, name)| match name {
            Some(name) => format!("[secret:{name}]"),
            None => word.clone(),
        });
        Self { shown: mask(marked.collect()), hidden, words, command }
    }

    /// The words as they are sent.
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// The words as people may see them.
    pub(super) fn shown(&self) -> &[String] {
        &self.shown
    }

    /// The command.
    pub(super) fn command(&self) -> &Command {
        &self.command
    }

    /// Its full name: `config|get`.
    pub(super) fn name(&self) -> &str {
        self.command.name()
    }

    /// Its name for people: `CONFIG GET`.
    pub(super) fn title(&self) -> String {
        lookup::shown(self.name())
    }

    /// The words after its name.
    pub(super) fn args(&self) -> &[String] {
        self.words.get(width(self.name())..).unwrap_or_default()
    }

    /// Does this word hold a secret?
    pub(super) fn is_secret(&self, at: usize) -> bool {
        self.shown.get(at) != self.words.get(at)
    }

    /// Does any word hold a secret?
    pub(super) fn has_secrets(&self) -> bool {
        !self.hidden.is_empty()
    }

    /// The words with passwords left out, for asking the server about the command: only the command
    /// itself is kept out of the server's own logs.
    pub(super) fn asking(&self) -> Vec<&str> {
        let secret = secrets(&self.words);
        let word = |(at, word)| if secret.iter().any(|secret| secret.at == at) { HIDDEN } else { String::as_str(word) };
        self.words.iter().enumerate().map(word).collect()
    }

    /// As a line to send.
    pub(super) fn line(&self) -> Lines {
        Lines::of(&self.words)
    }

    /// A text of the server without what nobody may see.
    pub(super) fn clean(&self, text: &str) -> String {
        let short = |part: &&String| part.len() < 4 && text.contains(part.as_str());
        if self.hidden.iter().any(|part| short(&part)) {
            // Cutting a letter out of every word would tell the secret.
            return format!("the server's words hold a secret of the command {}", self.title());
        }
        self.hidden.iter().fold(text.to_owned(), |text, part| text.replace(part.as_str(), HIDDEN))
    }

    /// The name of a key for people: nobody sees even the beginning of what nobody may see.
    pub(super) fn key_name(&self, key: &[u8], secrets: &Secrets) -> String {
        short(self.clean(&shown(key, secrets)))
    }

    /// A fault without what nobody may see.
    pub(super) fn clean_fault(&self, fault: Fault) -> Fault {
        Fault { message: self.clean(&fault.message), help: self.clean(&fault.help), ..fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: &str, named: &[Option<String>]) -> Call {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let command = lookup::find(&words).expect("known");
        let mut named = named.to_vec();
        named.resize(words.len(), None);
        Call::new(words, &named, command)
    }

    #[test]
    fn secrets_are_in_no_text_that_leaves() {
        let call = call("ACL SETUSER u >hunter22 ~x", &[]);
        assert_eq!(call.shown().join(" "), "ACL SETUSER u >[secret] ~x");
        assert_eq!(call.clean("bad modifier '>hunter22'"), "bad modifier '>[secret]'");
        let named = self::call("SET k hunter22", &[None, None, Some("pw".into())]);
        assert_eq!(named.shown().join(" "), "SET k [secret:pw]");
        assert!(named.is_secret(2) && !named.is_secret(1));
        let short = self::call("CONFIG SET requirepass e", &[]);
        assert!(!short.clean("some error").contains("error"));
    }
}
