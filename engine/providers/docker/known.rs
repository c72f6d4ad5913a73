//! The passwords that a container is known to have, taken out of what its programs and logs say.

use serde_json::Value;

use super::client::Output;
use super::mask::{REDACTED, masked};

/// Shorter ones are not looked for: a text in which each `redis` is hidden tells nobody anything.
const SHORTEST: usize = 6;

/// The values that are not shown when such a container is inspected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::docker) struct Known(Vec<String>);

impl Known {
    /// Of a container, as `inspect` has it.
    pub(in crate::docker) fn of(container: &Value) -> Self {
        Self::default().and(container.get("Config").unwrap_or(&Value::Null))
    }

    /// And those of a configuration that something is made from, or run with.
    pub(in crate::docker) fn and(self, configuration: &Value) -> Self {
        let Self(mut all) = self;
        let mut clean = configuration.clone();
        masked(&mut clean);
        for at in ["/Env", "/Cmd", "/Entrypoint", "/Healthcheck/Test"] {
            let texts = |value: &Value| -> Vec<String> {
                let list = value.pointer(at).and_then(Value::as_array).into_iter().flatten();
                list.map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
            };
            for (text, clean) in texts(configuration).iter().zip(texts(&clean)) {
                hidden(text, &clean, &mut all);
            }
        }
        all.retain(|value| value.len() >= SHORTEST);
        // The longest first: one may hold another.
        all.sort_by_key(|value| std::cmp::Reverse(value.len()));
        all.dedup();
        Self(all)
    }

    /// What a program printed, without them.
    pub(in crate::docker) fn clean(&self, output: Output) -> Output {
        let Output { stdout, stderr, text, cut } = output;
        Output { stdout: self.hide(&stdout), stderr: self.hide(&stderr), text: self.hide(&text), cut }
    }

    /// A text without them.
    pub(in crate::docker) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, value| text.replace(value, REDACTED))
    }
}

/// What stands in a text where something else stands in the clean one.
fn hidden(text: &str, clean: &str, all: &mut Vec<String>) {
    let mut pieces = clean.split(REDACTED);
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return };
    let pieces: Vec<&str> = pieces.collect();
    for (at, piece) in pieces.iter().enumerate() {
        let end = if piece.is_empty() || at + 1 == pieces.len() { rest.rfind(piece) } else { rest.find(piece) };
        let Some(end) = end else { return };
        all.push(rest[..end].to_owned());
        rest = &rest[end + piece.len()..];
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_inspect_does_not_show_is_not_printed_either() {
        let known = Known::of(&json!({"Config": {
            "Env": ["DB_PASSWORD=pass-word-1", "PATH=/bin", "URL=redis://u:pass-word-2@h:1/0", "PIN_PASSWORD=1234"],
            "Cmd": ["redis-server", "--requirepass", "pass-word-3"],
            "Healthcheck": {"Test": ["CMD-SHELL", "redis-cli -a pass-word-4 ping"]},
        }}));
        for number in 1..=4 {
            assert_eq!(known.hide(&format!("it is pass-word-{number}.")), "it is [redacted].");
        }
        assert_eq!(known.hide("redis-server /bin 1234"), "redis-server /bin 1234");
        assert_eq!(Known::of(&Value::Null), Known::default());
    }
}
