//! Takes out of what an engine says what its author would not show: passwords in environments, command
//! lines and addresses. An engine gives them to everybody who may ask it.

use serde_json::Value;

/// What stands in the place of a secret.
pub(in crate::docker) const REDACTED: &str = "[redacted]";

/// Settings of Redis whose value is a password.
const SETTINGS: &[&str] = &["requirepass", "masterauth", "masteruser-password", "tls-key-file-pass"];
/// Fields that hold the words of a command line.
const ARGUMENTS: &[&str] = &["Cmd", "Args", "Entrypoint", "Test", "Shell", "arguments"];
/// Parts of a name after which the value is secret.
const SECRET: &[&str] =
    &["password", "passwd", "passphrase", "pwd", "pass", "secret", "token", "credential", "credentials", "auth"];
/// The same, of two words.
const SECRET_KEYS: &[&str] = &["api", "private", "access", "secret", "encryption", "signing", "master", "license"];

/// Takes secrets out of a value, wherever they are in it.
pub(in crate::docker) fn masked(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(clean) = urls(text) {
                *text = clean;
            }
        }
        Value::Array(items) => {
            items.iter_mut().for_each(masked);
        }
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                match value {
                    Value::Array(items) if name == "Env" => items.iter_mut().for_each(variable),
                    Value::Array(items) if ARGUMENTS.contains(&name.as_str()) => {
                        items.iter_mut().for_each(masked);
                        words(items);
                    }
                    // `docker ps` has the words of a command in one text, as have health checks.
                    Value::String(text) if matches!(name.as_str(), "Command" | "command" | "CreatedBy") => {
                        *text = line(text);
                    }
                    Value::String(text) if is_secret(name) && !text.is_empty() => *text = REDACTED.to_owned(),
                    other => masked(other),
                }
            }
        }
        _ => {}
    }
}

/// A command line in one text, without its secrets.
pub(in crate::docker) fn line(text: &str) -> String {
    let mut items: Vec<Value> = text.split(' ').map(Value::from).collect();
    items.iter_mut().for_each(masked);
    words(&mut items);
    items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

/// Words of a command line, or `NAME=VALUE` of an environment.
fn words(items: &mut [Value]) {
    let text = |item: &Value| item.as_str().unwrap_or_default().to_owned();
    let bare = |word: &str| word.trim_matches(|c| matches!(c, '"' | '\'' | ';')).to_owned();
    let client = items.iter().map(text).any(|word| {
        word.split([' ', '\n', ';', '"', '\'']).any(|word| word.ends_with("redis-cli") || word.ends_with("valkey-cli"))
    });
    let mut next = false;
    let mut open: Option<char> = None;
    for item in items.iter_mut() {
        let word = text(item);
        if let Some(quote) = open {
            // `-a "two words"`, in a script.
            open = Some(quote).filter(|quote| !word.ends_with(*quote));
            *item = Value::from(if open.is_some() { String::new() } else { quote.to_string() });
            continue;
        }
        if next && !word.is_empty() {
            next = false;
            open = word.chars().next().filter(|c| matches!(c, '"' | '\''));
            open = open.filter(|quote| word.len() == 1 || !word.ends_with(*quote)).filter(|_| !word.contains(' '));
            let end = word.rfind(|c| !matches!(c, '"' | '\'' | ';')).map_or(0, |end| end + 1);
            *item = Value::from(format!("{REDACTED}{}", word.get(end..).unwrap_or_default()));
            continue;
        }
        if word.contains([' ', '\n']) {
            // A script for a shell: `sh -c "redis-cli -a x ping"`.
            *item = Value::from(script(&word));
            continue;
        }
        if let Some((name, value)) = word.split_once('=').filter(|(_, value)| !value.is_empty()) {
            let flag = name.trim_start_matches('-').to_ascii_lowercase();
            if SETTINGS.contains(&flag.as_str()) || is_secret(name) {
                *item = Value::from(format!("{name}={}", hidden(value)));
            }
            continue;
        }
        let plain = bare(&word).to_ascii_lowercase();
        let flag = plain.strip_prefix("--");
        next = SETTINGS.contains(&flag.unwrap_or(&plain))
            || flag.is_some_and(is_secret)
            || (client && matches!(plain.as_str(), "-a"));
    }
}

/// The same, in one text, with its blanks and line ends as they are.
fn script(text: &str) -> String {
    let mut pieces: Vec<&str> = text.split_inclusive([' ', '\n']).collect();
    let ends: Vec<&str> = pieces.iter().map(|piece| &piece[piece.trim_end_matches([' ', '\n']).len()..]).collect();
    pieces.iter_mut().for_each(|piece| *piece = piece.trim_end_matches([' ', '\n']));
    let mut items: Vec<Value> = pieces.into_iter().map(Value::from).collect();
    words(&mut items);
    items.iter().zip(ends).map(|(item, end)| format!("{}{end}", item.as_str().unwrap_or_default())).collect()
}

/// `NAME=VALUE`.
fn variable(item: &mut Value) {
    let Some(text) = item.as_str() else { return };
    match text.split_once('=') {
        Some((name, value)) if is_secret(name) && !value.is_empty() => {
            *item = Value::from(format!("{name}={REDACTED}"));
        }
        Some((name, value)) if value.contains(' ') => *item = Value::from(format!("{name}={}", line(value))),
        _ => masked(item),
    }
}

/// A value, of which quotes at the end may be the shell's.
fn hidden(value: &str) -> String {
    let end: String = value.chars().rev().take_while(|c| matches!(c, '"' | '\'' | ';')).collect();
    format!("{REDACTED}{}", end.chars().rev().collect::<String>())
}

/// Does the value of what has this name look secret?
fn is_secret(name: &str) -> bool {
    let mut parts: Vec<String> = Vec::new();
    let mut lower = false;
    for c in name.chars() {
        // dbPassword, DB_PASSWORD, db-password.
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && lower) || parts.is_empty() {
            parts.push(String::new());
        }
        lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        if let Some(last) = parts.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            last.push(c.to_ascii_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if parts.last().is_some_and(|last| ABOUT.contains(last)) {
        return false;
    }
    let ends = |part: &&str| ["password", "passwd", "secret", "token", "apikey"].iter().any(|end| part.ends_with(end));
    parts.iter().any(|part| SECRET.contains(part) || ends(part))
        || parts.windows(2).any(|two| two[1] == "key" && SECRET_KEYS.contains(&two[0]))
}

/// What is only about a secret: the file that holds it, how long it has to be.
const ABOUT: &[&str] = &[
    "file", "path", "dir", "sock", "length", "policy", "method", "mode", "enabled", "type", "url", "host", "port",
    "name", "user", "ttl",
];

/// `scheme://USER:PASSWORD@HOST`, each in a text; nothing if there is none.
fn urls(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'`<>,;".contains(c)).unwrap_or(after.len());
        let authority = &after[..end];
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?, host))) {
            Some(((user, password), host)) if !password.is_empty() => {
                out.push_str(&format!("{user}:{REDACTED}@{host}"));
            }
            _ => out.push_str(authority),
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    (out != text).then_some(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn clean(mut value: Value) -> Value {
        masked(&mut value);
        value
    }

    #[test]
    fn environments_keep_what_is_no_secret() {
        let found = clean(json!({"Config": {"Env": [
            "PATH=/bin", "DB_PASSWORD=geheim", "REDISCLI_AUTH=x", "AWS_SECRET_ACCESS_KEY=x", "apiToken=x", "API_KEY=x",
            "POSTGRES_PASSWORD_FILE=/run/secrets/p", "AUTHOR=anna", "KEYS=3", "MONKEY=1", "EMPTY_PASSWORD=",
            "URL=redis://u:pw@h:6379/0", "PASSENGERS=3", "OPTS=--requirepass pw --port 1",
        ]}}));
        assert_eq!(
            found.pointer("/Config/Env").unwrap(),
            &json!([
                "PATH=/bin",
                "DB_PASSWORD=[redacted]",
                "REDISCLI_AUTH=[redacted]",
                "AWS_SECRET_ACCESS_KEY=[redacted]",
                "apiToken=[redacted]",
                "API_KEY=[redacted]",
                "POSTGRES_PASSWORD_FILE=/run/secrets/p",
                "AUTHOR=anna",
                "KEYS=3",
                "MONKEY=1",
                "EMPTY_PASSWORD=",
                "URL=redis://u:[redacted]@h:6379/0",
                "PASSENGERS=3",
                "OPTS=--requirepass [redacted] --port 1",
            ])
        );
    }

    #[test]
    fn command_lines_lose_their_passwords() {
        for (before, after) in [
            (
                json!(["redis-server", "--requirepass", "pw", "--port", "1"]),
                json!(["redis-server", "--requirepass", REDACTED, "--port", "1"]),
            ),
            (json!(["redis-server", "--masterauth=pw"]), json!(["redis-server", "--masterauth=[redacted]"])),
            (json!(["redis-cli", "-a", "pw", "ping"]), json!(["redis-cli", "-a", REDACTED, "ping"])),
            (json!(["ls", "-a", "folder"]), json!(["ls", "-a", "folder"])),
            (
                json!(["CMD-SHELL", "redis-cli -a pw ping | grep PONG"]),
                json!(["CMD-SHELL", "redis-cli -a [redacted] ping | grep PONG"]),
            ),
            (
                json!(["sh", "-c", "redis-server --requirepass \"pw\""]),
                json!(["sh", "-c", "redis-server --requirepass [redacted]\""]),
            ),
            (
                json!(["sh", "-c", "redis-cli -a 'two words' ping"]),
                json!(["sh", "-c", "redis-cli -a [redacted] ' ping"]),
            ),
            (
                json!(["app", "--db-password", "pw", "--token=t"]),
                json!(["app", "--db-password", REDACTED, "--token=[redacted]"]),
            ),
            (
                json!(["sh", "-c", "PGPASSWORD=x psql postgres://a:b@c/d"]),
                json!(["sh", "-c", "PGPASSWORD=[redacted] psql postgres://a:[redacted]@c/d"]),
            ),
        ] {
            assert_eq!(clean(json!({"Cmd": before})), json!({"Cmd": after}));
        }
        assert_eq!(
            clean(json!({"command": "redis-server --requirepass pw"})),
            json!({"command": "redis-server --requirepass [redacted]"})
        );
    }

    #[test]
    fn the_rest_stays_as_it_is() {
        let value = json!({"Id": "sha256:ab", "n": 3, "Labels": {"a": "http://host/x@y:z"}, "lines": ["token=x", "--requirepass", "x"], "x": null});
        assert_eq!(clean(value.clone()), value);
    }
}
