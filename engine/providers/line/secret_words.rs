//! Words of a line that nobody may see.

/// What stands in the place of a secret that has no name.
const HIDDEN: &str = "[secret]";

/// A word that is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    /// Which word.
    pub(crate) at: usize,
    /// From which byte of it: the key before a value is none.
    pub(crate) from: usize,
}

/// Flags of redis-cli before a password; `-u` comes with a URL that may have one.
const CREDENTIALS: &[&str] = &["--pass", "-a", "-u"];

/// Does the name of a variable say that its value is secret?
pub(crate) fn names_a_secret(key: &str) -> bool {
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

/// Passwords of redis-cli, in its flags and in the command that it is given; it is the word at `program`.
pub(crate) fn of_redis_cli(texts: &[&str], program: usize) -> Vec<Secret> {
    if texts.get(program).is_none_or(|path| path.rsplit('/').next() != Some("redis-cli")) {
        return Vec::new();
    }
    let whole = |at: usize| Secret { at, from: 0 };
    let given = (program + 2..texts.len()).filter(|at| CREDENTIALS.contains(&texts[at - 1])).map(whole);
    given.chain(of_command(texts, program)).collect()
}

/// Passwords in a Redis command after redis-cli.
fn of_command(texts: &[&str], program: usize) -> Vec<Secret> {
    let arguments: Vec<String> = texts[program + 1..].iter().map(|word| (*word).to_owned()).collect();
    let Some(command) = super::redis_cli::command_at(&arguments).map(|at| program + 1 + at) else { return Vec::new() };
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
pub(crate) fn hide(mut words: Vec<String>, secrets: Vec<Secret>) -> Vec<String> {
    for secret in secrets {
        let word = &mut words[secret.at];
        let hidden = word.contains("[secret") || word.starts_with("(known");
        if !hidden && word.len() > secret.from && word.is_char_boundary(secret.from) {
            word.replace_range(secret.from.., HIDDEN);
        }
    }
    words
}
