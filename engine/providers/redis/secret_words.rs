//! Words of commands that Redis treats as secret.

/// Settings whose values are secret.
pub(super) const SECRET_SETTINGS: &[&str] =
    &["requirepass", "masterauth", "primaryauth", "tls-key-file-pass", "tls-client-key-file-pass"];

/// What stands in the place of a secret that has no name.
pub(super) const HIDDEN: &str = "[secret]";

/// A word of a command that is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    /// Which word.
    pub(super) at: usize,
    /// From which byte of it: the `>` before a password is none.
    pub(super) from: usize,
}

/// Finds secret words. A word that is not known is an empty text.
pub(super) fn secrets<S: AsRef<str>>(words: &[S]) -> Vec<Secret> {
    let word = |at: usize| words.get(at).map_or("", S::as_ref);
    let whole = |at: usize| Secret { at, from: 0 };
    let is = |at: usize, text: &str| word(at).eq_ignore_ascii_case(text);
    let find = |text: &str| (1..words.len()).find(|&at| is(at, text));
    let name = word(0).to_ascii_lowercase();
    let found = match (name.as_str(), word(1).to_ascii_lowercase().as_str()) {
        ("auth", _) => (1..words.len()).map(whole).collect(),
        ("hello", _) => find("AUTH").map(|at| whole(at + 2)).into_iter().collect(),
        ("acl", "setuser") => (3..words.len())
            .filter(|&at| word(at).starts_with(['>', '<', '#', '!']))
            .map(|at| Secret { at, from: 1 })
            .collect(),
        ("config", "set") => {
            (2..words.len()).step_by(2).filter(|&at| is_secret_setting(word(at))).map(|at| whole(at + 1)).collect()
        }
        ("migrate", _) => {
            let one = find("AUTH").map(|at| whole(at + 1));
            let two = find("AUTH2").map(|at| whole(at + 2));
            one.into_iter().chain(two).collect()
        }
        _ => Vec::new(),
    };
    let mut found: Vec<Secret> = found;
    found.retain(|secret| secret.at < words.len());
    found
}

/// Is the value of this setting secret?
pub(super) fn is_secret_setting(name: &str) -> bool {
    SECRET_SETTINGS.contains(&name.to_ascii_lowercase().as_str())
}

/// Hides secret words. What is hidden already keeps its name.
pub(super) fn mask(mut words: Vec<String>) -> Vec<String> {
    for secret in secrets(&words) {
        let word = &mut words[secret.at];
        if word.contains("[secret") || word.starts_with("(known") {
            continue;
        }
        word.replace_range(secret.from.., HIDDEN);
    }
    words
}

/// Does ACL SETUSER change passwords, or ACL DELUSER take them away?
pub(super) fn touches_passwords(words: &[Option<String>]) -> bool {
    let word = |at: usize| words.get(at).and_then(Option::as_deref).unwrap_or_default().to_ascii_lowercase();
    if word(1) == "deluser" {
        return true;
    }
    (3..words.len()).any(|at| {
        let rule = word(at);
        words[at].is_none()
            || rule.starts_with(['>', '<', '#', '!'])
            || matches!(rule.as_str(), "nopass" | "resetpass" | "reset")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(line: &str) -> String {
        mask(line.split(' ').map(str::to_owned).collect()).join(" ")
    }

    #[test]
    fn passwords_are_hidden_wherever_redis_takes_them() {
        assert_eq!(masked("AUTH u p"), "AUTH [secret] [secret]");
        assert_eq!(masked("HELLO 3 AUTH u p SETNAME x"), "HELLO 3 AUTH u [secret] SETNAME x");
        assert_eq!(
            masked("acl setuser u on >pw #ab <old ~k +@all"),
            "acl setuser u on >[secret] #[secret] <[secret] ~k +@all"
        );
        assert_eq!(masked("CONFIG SET maxmemory 1 RequirePass p"), "CONFIG SET maxmemory 1 RequirePass [secret]");
        assert_eq!(masked("MIGRATE h 1 k 0 9 AUTH p"), "MIGRATE h 1 k 0 9 AUTH [secret]");
        assert_eq!(masked("MIGRATE h 1 k 0 9 AUTH2 u p"), "MIGRATE h 1 k 0 9 AUTH2 u [secret]");
        assert_eq!(masked("SET k v"), "SET k v");
    }

    #[test]
    fn the_name_of_a_secret_is_kept() {
        assert_eq!(masked("CONFIG SET requirepass [secret:pw]"), "CONFIG SET requirepass [secret:pw]");
        assert_eq!(masked("ACL SETUSER u >[secret:pw]"), "ACL SETUSER u >[secret:pw]");
    }
}
