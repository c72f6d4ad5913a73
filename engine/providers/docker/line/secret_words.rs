//! Words of a docker line that nobody may see.

use crate::line::secret_words::{Secret, hide, names_a_secret, of_redis_cli};

/// Options of redis-server before a password.
const OF_SERVER: &[&str] = &["--requirepass", "--masterauth", "--primaryauth"];

/// Finds secret words. A word that is not known is an empty text.
pub(in crate::docker) fn secrets<S: AsRef<str>>(words: &[S]) -> Vec<Secret> {
    let texts: Vec<&str> = words.iter().map(S::as_ref).collect();
    let is_cli = |word: &&str| word.rsplit('/').next() == Some("redis-cli");
    let program = texts.iter().position(is_cli);
    let mut found = program.map(|at| of_redis_cli(&texts, at)).unwrap_or_default();
    for (at, word) in texts.iter().enumerate() {
        if found.iter().any(|secret| secret.at == at) {
            continue;
        }
        let before = at.checked_sub(1).map_or("", |at| texts[at]);
        if OF_SERVER.contains(&before) {
            found.push(Secret { at, from: 0 });
        } else if let Some(from) =
            of_server(word).or_else(|| of_command(word)).or_else(|| of_pair(word)).or_else(|| of_url(word))
        {
            found.push(Secret { at, from });
        }
    }
    found
}

/// `--requirepass=…`.
fn of_server(word: &str) -> Option<usize> {
    let flag = OF_SERVER.iter().find(|flag| word.strip_prefix(**flag).is_some_and(|rest| rest.starts_with('=')))?;
    Some(flag.len() + 1)
}

/// A whole command in one word, with a password in it: `redis-cli -a … ping` of a health check.
fn of_command(word: &str) -> Option<usize> {
    let mut parts = word.split_whitespace();
    let program = parts.clone().any(|part| part.ends_with("redis-cli") || part.ends_with("redis-server"));
    let given = parts.any(|part| ["-a", "--pass", "-u"].contains(&part) || OF_SERVER.contains(&part));
    (program && given).then_some(0)
}

/// Where the value begins in `NAME=VALUE`, `--env=NAME=VALUE`, `o=username=…,password=…`, if it is secret.
fn of_pair(word: &str) -> Option<usize> {
    word.match_indices('=').find_map(|(at, _)| {
        let key = word[..at].rsplit(['=', ',', ' ']).next().unwrap_or_default();
        let own = key.trim_start_matches('-').to_ascii_lowercase();
        // A file with a secret in it is none.
        let file = own.ends_with("file") || own.ends_with("path");
        let secret = (names_a_secret(&own) && !file) || ["key", "auth"].iter().any(|end| own.ends_with(end));
        (secret && at + 1 < word.len()).then_some(at + 1)
    })
}

/// Where the password begins in `…scheme://USER:PASSWORD@HOST`.
fn of_url(word: &str) -> Option<usize> {
    word.match_indices("://").find_map(|(at, mark)| {
        let begin = at + mark.len();
        let rest = &word[begin..];
        let authority = &rest[..rest.find(['/', '?', '#', ' ']).unwrap_or(rest.len())];
        let (user, _) = authority.rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        (!password.is_empty()).then_some(begin + name.len() + 1)
    })
}

/// Hides secret words. What is hidden already keeps its name.
pub(in crate::docker) fn mask(words: Vec<String>) -> Vec<String> {
    let secrets = secrets(&words);
    hide(words, secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_a_line_is_hidden() {
        for (line, wanted) in [
            ("run -e DB_PASSWORD=x -e PORT=1 a", "run -e DB_PASSWORD=[secret] -e PORT=1 a"),
            ("run -eAPI_TOKEN=x a", "run -eAPI_TOKEN=[secret] a"),
            ("run --env=STRIPE_KEY=x a", "run --env=STRIPE_KEY=[secret] a"),
            ("exec -e REDISCLI_AUTH=x r redis-cli ping", "exec -e REDISCLI_AUTH=[secret] r redis-cli ping"),
            ("exec r redis-cli -a pw ping", "exec r redis-cli -a [secret] ping"),
            ("exec r redis-cli --pass pw ping", "exec r redis-cli --pass [secret] ping"),
            (
                "compose exec r redis-cli CONFIG SET requirepass pw",
                "compose exec r redis-cli CONFIG SET requirepass [secret]",
            ),
            ("run redis redis-server --requirepass pw", "run redis redis-server --requirepass [secret]"),
            ("run redis redis-server --masterauth=pw", "run redis redis-server --masterauth=[secret]"),
            ("volume create -o o=username=u,password=p v", "volume create -o o=username=u,password=[secret] v"),
            ("run -e DSN=pg://u:pw@h/db -e AT=http://h/x@y a", "run -e DSN=pg://u:[secret] -e AT=http://h/x@y a"),
            ("run -l app=x a", "run -l app=x a"),
            ("exec r ps -a -u root", "exec r ps -a -u root"),
            ("run -e DB_PASSWORD=[secret:x] a", "run -e DB_PASSWORD=[secret:x] a"),
            ("ps -a", "ps -a"),
        ] {
            assert_eq!(mask(line.split(' ').map(str::to_owned).collect()).join(" "), wanted);
        }
        let health = ["run", "--health-cmd", "redis-cli -a pw ping", "redis"];
        assert_eq!(secrets(&health), [Secret { at: 2, from: 0 }]);
    }
}
