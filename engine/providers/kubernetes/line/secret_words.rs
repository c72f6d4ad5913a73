//! Words of a kubectl line that nobody may see.

use crate::line::secret_words::{Secret, hide, names_a_secret, of_redis_cli};

const CREDENTIALS: &[&str] = &["--token", "--password", "--docker-password", "--pass"];

/// Finds secret words. A word that is not known is an empty text.
pub(in crate::kubernetes) fn secrets<S: AsRef<str>>(words: &[S]) -> Vec<Secret> {
    let texts: Vec<&str> = words.iter().map(S::as_ref).collect();
    let end = texts.iter().position(|word| *word == "--").unwrap_or(texts.len());
    let of_secret = texts[..end].iter().any(|word| {
        let kind = word.split(['/', '.']).next().unwrap_or_default();
        kind.eq_ignore_ascii_case("secret") || kind.eq_ignore_ascii_case("secrets")
    });
    let mut found = if end < texts.len() { of_redis_cli(&texts, end + 1) } else { Vec::new() };
    for (at, word) in texts.iter().enumerate() {
        if found.iter().any(|secret| secret.at == at) {
            continue;
        }
        let before = at.checked_sub(1).map_or("", |at| texts[at]);
        let whole = Secret { at, from: 0 };
        let of_kubectl = at < end && CREDENTIALS[..3].contains(&before);
        let patch = at < end && of_secret;
        if of_kubectl || (patch && ["-p", "--patch"].contains(&before)) {
            found.push(whole);
        } else if let Some(flag) = CREDENTIALS.iter().find(|flag| word.starts_with(&format!("{flag}="))) {
            found.push(Secret { at, from: flag.len() + 1 });
        } else if patch && word.starts_with("--patch=") {
            found.push(Secret { at, from: "--patch=".len() });
        } else if patch && word.starts_with("-p") && word.len() > 2 {
            found.push(Secret { at, from: 2 });
        } else if let Some(from) = value_of_pair(word, before, of_secret) {
            found.push(Secret { at, from });
        }
    }
    found
}

/// Where the value begins in `KEY=VALUE`, `--env=KEY=VALUE`, `--from-literal=KEY=VALUE`, if it is
/// secret.
fn value_of_pair(word: &str, before: &str, of_secret: bool) -> Option<usize> {
    let skip =
        ["--from-literal=", "--env=", "-e="].iter().find(|flag| word.starts_with(**flag)).map_or(0, |flag| flag.len());
    let literal = word.starts_with("--from-literal=") || before == "--from-literal";
    let pair = &word[skip..];
    let key = pair.split('=').next().unwrap_or_default();
    let secret = (literal && of_secret) || names_a_secret(key);
    (pair.len() > key.len() && secret && !key.starts_with("--")).then_some(skip + key.len() + 1)
}

/// Hides secret words. What is hidden already keeps its name.
pub(in crate::kubernetes) fn mask(words: Vec<String>) -> Vec<String> {
    let secrets = secrets(&words);
    hide(words, secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(line: &str) -> String {
        mask(line.split(' ').map(str::to_owned).collect()).join(" ")
    }

    #[test]
    fn what_kubectl_is_given_as_a_secret_is_hidden() {
        for (line, wanted) in [
            ("create secret generic a --from-literal=k=v", "create secret generic a --from-literal=k=[secret]"),
            ("create secret generic a --from-literal k=v", "create secret generic a --from-literal k=[secret]"),
            ("create cm a --from-literal=k=v", "create cm a --from-literal=k=v"),
            ("set env deploy/a DB_PASSWORD=x PORT=1", "set env deploy/a DB_PASSWORD=[secret] PORT=1"),
            ("set env deploy/a -e API_TOKEN=x", "set env deploy/a -e API_TOKEN=[secret]"),
            ("set env deploy/a --env=API_KEY=x", "set env deploy/a --env=API_KEY=[secret]"),
            ("get pods --token abc", "get pods --token [secret]"),
            ("get pods --token=abc", "get pods --token=[secret]"),
            ("patch secret/a -p {}", "patch secret/a -p [secret]"),
            ("patch secret a --patch={}", "patch secret a --patch=[secret]"),
            ("exec r -- redis-cli -a pw PING", "exec r -- redis-cli -a [secret] PING"),
            ("exec r -- redis-cli AUTH u pw", "exec r -- redis-cli AUTH [secret] [secret]"),
            ("exec r -- redis-cli CONFIG SET requirepass pw", "exec r -- redis-cli CONFIG SET requirepass [secret]"),
            ("exec r -- env REDISCLI_AUTH=x redis-cli", "exec r -- env REDISCLI_AUTH=[secret] redis-cli"),
            ("exec r -- ps -a -u root", "exec r -- ps -a -u root"),
            ("get pods -l app=x", "get pods -l app=x"),
            ("get secret a", "get secret a"),
            (
                "create secret generic a --from-literal=k=[secret:x]",
                "create secret generic a --from-literal=k=[secret:x]",
            ),
        ] {
            assert_eq!(masked(line), wanted);
        }
    }
}
