//! Commands that make no sense as a step, and what to write instead.

use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::expr::Template;
use playbook_core::source::Span;

use super::meta::{Flags, Meta};

const OWN: &str = "it concerns only the connection it is sent on, which ends with the step";

/// Why this command cannot be a step, as advice.
pub(super) fn why(name: &str, meta: Meta, words: &[Template]) -> Option<String> {
    let fixed = |word: &Template, text: &str| word.fixed().is_some_and(|word| word.eq_ignore_ascii_case(text));
    let advice = match name {
        "monitor" => "it never ends; look with SLOWLOG GET, CLIENT LIST or INFO commandstats",
        "subscribe" | "psubscribe" | "ssubscribe" | "unsubscribe" | "punsubscribe" | "sunsubscribe" => {
            "a subscription never ends; look with PUBSUB NUMSUB or PUBSUB CHANNELS"
        }
        "sync" | "psync" | "replconf" | "restore-asking" | "cluster|syncslots" => "it is spoken between servers",
        "auth" | "hello" => "give user and password to the target: {redis: {url: …, user: …, password: {env: NAME}}}",
        "select" => "name the database in the target: redis://host:6379/2",
        "multi" | "exec" | "discard" | "watch" | "unwatch" => {
            "every change is a transaction of its own already; to join several, write them as one EVAL"
        }
        "reset"
        | "quit"
        | "asking"
        | "readonly"
        | "readwrite"
        | "client|reply"
        | "client|tracking"
        | "client|caching"
        | "client|setname"
        | "client|setinfo"
        | "client|no-evict"
        | "client|no-touch"
        | "client|capa"
        | "client|import-source"
        | "script|debug" => OWN,
        "acl|genpass" => "its result would stand in the journal; pass the password as a secret input",
        "pfselftest" | "pfdebug" => "it is for developers of Redis",
        "wait" | "waitaof" if words.last().is_some_and(|word| fixed(word, "0")) => {
            "without a timeout it may wait for ever; give one in milliseconds"
        }
        "wait" | "waitaof" => return None,
        "xread" | "xreadgroup" if !words.iter().any(|word| fixed(word, "BLOCK")) => return None,
        "xread" | "xreadgroup" => "leave BLOCK out; to wait for something, use until: on a step that looks",
        _ if meta.flags.has(Flags::BLOCKING) => "it waits without end; use the form that does not block, with until:",
        _ => return None,
    };
    Some(advice.to_owned())
}

/// Warns of what hurts a live server.
pub(super) fn lint(name: &str, words: &[Template], span: Span, found: &mut Diagnostics) {
    let text = || words.get(1).map(Template::text).unwrap_or_default().to_ascii_lowercase();
    let (what, help) = match name {
        "keys" => {
            ("KEYS walks through all keys at once, and nothing else is served meanwhile", "use redis.keys: or SCAN")
        }
        "flushdb" | "flushall" => {
            ("it deletes everything and cannot be taken back", "delete by pattern with redis.keys:")
        }
        "debug" => ("DEBUG is for developers, and can stop the server", "leave it out on a live server"),
        "save" => ("SAVE serves nobody until the whole dump is written", "use BGSAVE"),
        "shutdown" => ("the server stops, and nothing here starts it again", "restart it where it is run"),
        "eval" | "eval_ro" if keys_in_script(&text()) => {
            ("the script calls KEYS, and nothing else is served until it ends", "use redis.keys:")
        }
        _ => return,
    };
    let place = words.first().map_or(span, Template::span);
    found.push(Diagnostic::warning(Code::DangerousCommand, place, what).help(help));
}

fn keys_in_script(script: &str) -> bool {
    let packed: String =
        script.chars().filter(|c| !c.is_whitespace()).map(|c| if c == '\'' { '"' } else { c }).collect();
    ["call(\"keys\"", "pcall(\"keys\""].iter().any(|call| packed.contains(call))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::lookup::check;
    use playbook_core::source::Spanned;
    use playbook_core::words::split;

    fn codes(line: &str) -> Vec<Code> {
        let mut found = Diagnostics::new();
        let line = Spanned::new(line.to_owned(), Span::default());
        let words = split(&line, &mut found).expect("splits");
        check(&words, line.span, &mut found);
        let name = words[0].text().to_ascii_lowercase();
        lint(&name, &words, line.span, &mut found);
        found.iter().map(|d| d.code).collect()
    }

    #[test]
    fn what_never_ends_or_concerns_only_the_connection_is_refused() {
        for line in [
            "MONITOR",
            "SUBSCRIBE a",
            "PSYNC a 1",
            "MULTI",
            "EXEC",
            "WATCH k",
            "SELECT 1",
            "AUTH x",
            "HELLO 3",
            "RESET",
            "QUIT",
            "CLIENT REPLY OFF",
            "BLPOP a 0",
            "XREAD BLOCK 0 STREAMS s $",
            "WAIT 1 0",
            "ACL GENPASS",
        ] {
            assert_eq!(codes(line), [Code::UnsuitableCommand], "{line}");
        }
        for line in ["XREAD COUNT 1 STREAMS s 0", "WAIT 1 100", "LPOP a"] {
            assert!(codes(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn what_hurts_a_live_server_is_warned_of() {
        for line in ["KEYS *", "FLUSHALL", "DEBUG SLEEP 1", "SAVE", "EVAL \"return redis.call( 'keys', ARGV[1])\" 0 a*"]
        {
            assert_eq!(codes(line), [Code::DangerousCommand], "{line}");
        }
        assert!(codes("EVAL \"return redis.call('GET', KEYS[1])\" 1 a").is_empty());
    }
}
