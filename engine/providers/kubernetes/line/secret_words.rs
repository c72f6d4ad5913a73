//! Words of a kubectl line that nobody may see.

/// What stands in the place of a secret that has no name.
const HIDDEN: &str = "[secret]";

/// A word that is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) struct Secret {
    /// Which word.
    pub(in crate::kubernetes) at: usize,
    /// From which byte of it: the key before a value is none.
    pub(in crate::kubernetes) from: usize,
}

const CREDENTIALS: &[&str] = &["--token", "--password", "--docker-password", "--pass", "-a", "-u"];

/// Finds secret words. A word that is not known is an empty text.
pub(in crate::kubernetes) fn secrets<S: AsRef<str>>(words: &[S]) -> Vec<Secret> {
    let texts: Vec<&str> = words.iter().map(S::as_ref).collect();
    let end = texts.iter().position(|word| *word == "--").unwrap_or(texts.len());
    let of_secret = texts[..end].iter().any(|word| {
        let kind = word.split(['/', '.']).next().unwrap_or_default();
        kind.eq_ignore_ascii_case("secret") || kind.eq_ignore_ascii_case("secrets")
    });
    let mut found = Vec::new();
    for (at, word) in texts.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |at| texts[at]);
        let whole = Secret { at, from: 0 };
        let of_redis = at > end && is_redis(&texts[end..]) && CREDENTIALS.contains(&before);
        let of_kubectl = at < end && CREDENTIALS[..3].contains(&before);
        let patch = at < end && of_secret;
        if of_redis || of_kubectl || (patch && ["-p", "--patch"].contains(&before)) {
            found.push(whole);
        } else if let Some(flag) = CREDENTIALS[..4].iter().find(|flag| word.starts_with(&format!("{flag}="))) {
            found.push(Secret { at, from: flag.len() + 1 });
        } else if patch && word.starts_with("--patch=") {
            found.push(Secret { at, from: "--patch=".len() });
        } else if patch && word.starts_with("-p") && word.len() > 2 {
            found.push(Secret { at, from: 2 });
        } else if let Some(from) = value_of_pair(word, before, of_secret) {
            found.push(Secret { at, from });
        }
    }
    if end < texts.len() {
        found.extend(of_redis(&texts, end + 1));
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

/// Does the name of a variable say that its value is secret?
pub(in crate::kubernetes) fn names_a_secret(key: &str) -> bool {
    let key: String = key.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "privatekey",
        "accesskey",
        "credential",
        "rediscliauth",
    ]
    .iter()
    .any(|part| key.contains(part))
        || key.ends_with("pass")
        || key.ends_with("pwd")
}

fn is_redis(words: &[&str]) -> bool {
    words.get(1).is_some_and(|program| program.rsplit('/').next() == Some("redis-cli"))
}

/// Passwords in a Redis command after redis-cli.
fn of_redis(texts: &[&str], program: usize) -> Vec<Secret> {
    if !is_redis(&texts[program - 1..]) {
        return Vec::new();
    }
    let arguments: Vec<String> = texts[program + 1..].iter().map(|word| (*word).to_owned()).collect();
    let Some(command) = super::inner::command_at(&arguments).map(|at| program + 1 + at) else { return Vec::new() };
    let lower = |at: usize| texts.get(command + at).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    let rest = command + 1..texts.len();
    match (lower(0).as_str(), lower(1).as_str()) {
        ("auth", _) => rest.map(|at| Secret { at, from: 0 }).collect(),
        ("config", "set") => rest
            .skip(1)
            .step_by(2)
            .filter(|at| {
                ["requirepass", "masterauth", "primaryauth"].contains(&texts[*at].to_ascii_lowercase().as_str())
            })
            .filter(|at| at + 1 < texts.len())
            .map(|at| Secret { at: at + 1, from: 0 })
            .collect(),
        ("acl", "setuser") => rest
            .skip(2)
            .filter(|at| texts[*at].starts_with(['>', '<', '#', '!']))
            .map(|at| Secret { at, from: 1 })
            .collect(),
        ("hello" | "migrate", _) => {
            let at = rest.clone().find(|at| ["auth", "auth2"].contains(&texts[*at].to_ascii_lowercase().as_str()));
            at.into_iter().flat_map(|at| at + 1..texts.len().min(at + 3)).map(|at| Secret { at, from: 0 }).collect()
        }
        _ => Vec::new(),
    }
}

/// Hides secret words. What is hidden already keeps its name.
pub(in crate::kubernetes) fn mask(mut words: Vec<String>) -> Vec<String> {
    for secret in secrets(&words) {
        let word = &mut words[secret.at];
        let hidden = word.contains("[secret") || word.starts_with("(known");
        if !hidden && word.len() > secret.from && word.is_char_boundary(secret.from) {
            word.replace_range(secret.from.., HIDDEN);
        }
    }
    words
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
