//! Replies that are text or bare lists → data with names and numbers. Passwords and their hashes
//! stay behind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::secret_words::{HIDDEN, is_secret_setting};
use super::value::{Reply, key_text, lossless};

/// Fields of INFO whose values are names, although they may look like numbers.
const NAMES: &[&str] =
    &["run_id", "redis_build_id", "redis_git_sha1", "master_replid", "master_replid2", "executable", "config_file"];

/// The reply to a command as data. `words` are in lower case.
pub(super) fn typed(name: &str, words: &[String], reply: &Reply) -> Value {
    let has = |word: &str| words.iter().any(|other| other.eq_ignore_ascii_case(word));
    match name {
        "info" => info(reply.text().unwrap_or_default()),
        "config|get" => settings(reply),
        "client|list" => lines(reply).map(client).collect(),
        "client|info" => lines(reply).map(client).next().unwrap_or_default(),
        "cluster|info" => lines(reply)
            .filter_map(|line| line.split_once(':'))
            .map(|(k, v)| (k.to_owned(), scalar(v)))
            .collect::<Map<_, _>>()
            .into(),
        "cluster|nodes" | "cluster|replicas" | "cluster|slaves" => nodes(reply),
        "slowlog|get" | "commandlog|get" => reply.items().iter().map(slow).collect(),
        "role" => role(reply),
        "latency|latest" => rows(reply, &["event", "time", "latest_ms", "max_ms", "sum_ms", "count"]),
        "latency|history" => rows(reply, &["time", "latency_ms"]),
        "acl|log" => reply.items().iter().map(named).collect(),
        "acl|list" => {
            reply.items().iter().map(|line| Value::from(user_line(line.text().unwrap_or_default()))).collect()
        }
        "acl|getuser" => user(reply),
        "memory|stats" | "function|stats" | "hgetall" | "pubsub|numsub" | "pubsub|shardnumsub"
        | "latency|histogram" | "command|docs" => nested(reply),
        "xinfo|stream" if has("FULL") => nested(reply),
        "xinfo|stream" => named(reply),
        "xinfo|groups" | "xinfo|consumers" | "module|list" | "function|list" | "cluster|links" => {
            reply.items().iter().map(nested).collect()
        }
        "time" => reply.items().iter().map(|item| item.int().map_or(Value::Null, Value::from)).collect(),
        _ => reply.json(),
    }
}

/// Lines `name:value` of INFO.
pub(super) fn info_fields(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.trim_end().split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn info(text: &str) -> Value {
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.trim_end().split_once(':'));
    let fields = lines.map(|(name, value)| {
        let parsed =
            if NAMES.contains(&name) { Value::from(value) } else { parts(value).unwrap_or_else(|| scalar(value)) };
        (name.to_owned(), parsed)
    });
    fields.collect::<Map<_, _>>().into()
}

/// `keys=1,expires=0` as a mapping.
fn parts(value: &str) -> Option<Value> {
    let word = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    };
    let fields = value.split(',').map(|part| part.split_once('=').filter(|(name, _)| word(name)));
    let fields: Option<Map<_, _>> =
        fields.map(|part| part.map(|(name, value)| (name.to_owned(), scalar(value)))).collect();
    fields.map(Value::from)
}

/// Text as a number where it is one as people write them.
pub(super) fn scalar(text: &str) -> Value {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let all = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !all(whole) || (whole.len() > 1 && whole.starts_with('0')) {
        return Value::from(text);
    }
    match fraction {
        None => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| text.parse::<u64>().map(Value::from))
            .unwrap_or_else(|_| text.into()),
        Some(fraction) if all(fraction) => text.parse::<f64>().map_or_else(|_| text.into(), Value::from),
        Some(_) => Value::from(text),
    }
}

fn settings(reply: &Reply) -> Value {
    let fields = reply.pairs().into_iter().map(|(name, value)| {
        let name = key_text(name);
        let text = lossless(value.bytes().unwrap_or_default());
        let shown = if is_secret_setting(&name) && !text.is_empty() {
            json!({"$secret": format!("redis.{name}")})
        } else if text.contains('.') {
            Value::from(text)
        } else {
            scalar(&text)
        };
        (name, shown)
    });
    fields.collect::<Map<_, _>>().into()
}

fn lines(reply: &Reply) -> impl Iterator<Item = &str> {
    let own = reply.text().unwrap_or_default().lines();
    let listed = reply.items().iter().filter_map(Reply::text);
    own.chain(listed).map(str::trim_end).filter(|line| !line.is_empty())
}

fn client(line: &str) -> Value {
    let fields = line.split(' ').filter_map(|part| part.split_once('='));
    let text = ["name", "user", "cmd", "flags", "events", "lib-name", "lib-ver", "addr", "laddr"];
    let typed = fields
        .map(|(name, value)| (name.to_owned(), if text.contains(&name) { Value::from(value) } else { scalar(value) }));
    typed.collect::<Map<_, _>>().into()
}

fn nodes(reply: &Reply) -> Value {
    let node = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let at = |n: usize| words.get(n).copied().unwrap_or_default();
        json!({
            "id": at(0), "addr": at(1), "flags": at(2).split(',').collect::<Vec<_>>(), "master": at(3),
            "ping_sent": scalar(at(4)), "pong_recv": scalar(at(5)), "config_epoch": scalar(at(6)),
            "link_state": at(7), "slots": words.get(8..).unwrap_or_default(),
        })
    };
    lines(reply).map(node).collect()
}

fn slow(entry: &Reply) -> Value {
    let at = |n: usize| entry.items().get(n);
    let int = |n: usize| at(n).and_then(Reply::int).map_or(Value::Null, Value::from);
    let words: Vec<String> = at(3)
        .map(Reply::items)
        .unwrap_or_default()
        .iter()
        .map(|word| lossless(word.bytes().unwrap_or_default()))
        .collect();
    json!({
        "id": int(0), "time": int(1), "duration_us": int(2),
        "command": playbook_core::words::join(&words),
        "client": at(4).map_or(Value::Null, Reply::json), "name": at(5).map_or(Value::Null, Reply::json),
    })
}

fn role(reply: &Reply) -> Value {
    let at = |n: usize| reply.items().get(n);
    let json_at = |n: usize| at(n).map_or(Value::Null, Reply::json);
    let word = at(0).and_then(Reply::text).unwrap_or_default();
    match word {
        "master" => {
            let replica = |entry: &Reply| {
                let part = |n: usize| entry.items().get(n).and_then(Reply::text).unwrap_or_default();
                json!({"ip": part(0), "port": scalar(part(1)), "offset": scalar(part(2))})
            };
            let replicas: Vec<Value> = at(2).map(Reply::items).unwrap_or_default().iter().map(replica).collect();
            json!({"role": word, "offset": json_at(1), "replicas": replicas})
        }
        "slave" => json!({
            "role": word, "master_host": json_at(1), "master_port": json_at(2), "state": json_at(3), "offset": json_at(4),
        }),
        _ => json!({"role": word, "masters": json_at(1)}),
    }
}

fn rows(reply: &Reply, names: &[&str]) -> Value {
    let row = |entry: &Reply| -> Value {
        names
            .iter()
            .zip(entry.items())
            .map(|(name, item)| ((*name).to_owned(), item.json()))
            .collect::<Map<_, _>>()
            .into()
    };
    reply.items().iter().map(row).collect()
}

/// Names and values, one level deep.
fn named(reply: &Reply) -> Value {
    let fields = reply.pairs().into_iter().map(|(name, value)| (key_text(name), numbers(value)));
    fields.collect::<Map<_, _>>().into()
}

/// Names and values, as deep as they go. A list is taken for names and values when every other item
/// is a text.
fn nested(reply: &Reply) -> Value {
    match reply {
        Reply::Map(pairs) => {
            pairs.iter().map(|(name, value)| (key_text(name), nested(value))).collect::<Map<_, _>>().into()
        }
        Reply::Array(items) if alternates(items) => {
            reply.pairs().into_iter().map(|(name, value)| (key_text(name), nested(value))).collect::<Map<_, _>>().into()
        }
        Reply::Array(items) => items.iter().map(nested).collect(),
        other => other.json(),
    }
}

fn alternates(items: &[Reply]) -> bool {
    !items.is_empty() && items.len().is_multiple_of(2) && items.iter().step_by(2).all(|item| item.bytes().is_some())
}

/// Floating numbers that RESP2 sends as texts.
fn numbers(reply: &Reply) -> Value {
    match reply.json() {
        Value::String(text) => match scalar(&text) {
            Value::Number(number) if number.is_f64() => Value::Number(number),
            _ => Value::String(text),
        },
        value => value,
    }
}

/// A line of ACL LIST without the hashes of passwords.
fn user_line(line: &str) -> String {
    let hide = |word: &str| if word.starts_with('#') { format!("#{HIDDEN}") } else { word.to_owned() };
    line.split(' ').map(hide).collect::<Vec<_>>().join(" ")
}

fn user(reply: &Reply) -> Value {
    if reply.pairs().is_empty() {
        return Value::Null;
    }
    let fields = reply.pairs().into_iter().map(|(name, value)| {
        let name = key_text(name);
        let value = match name.as_str() {
            "passwords" => value.items().iter().map(|_| Value::from(HIDDEN)).collect(),
            "selectors" => value.items().iter().map(nested).collect(),
            _ => value.json(),
        };
        (name, value)
    });
    fields.collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Reply {
        Reply::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn info_becomes_numbers_texts_and_mappings() {
        let reply = text(
            "# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\nused_memory:123\r\nratio:1.25\r\nhuman:1.5M\r\nneg:-1\r\n\r\n# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=0\r\ncmdstat_config|get:calls=1,usec=5,usec_per_call=5.00\r\n",
        );
        assert_eq!(
            typed("info", &[], &reply),
            json!({
                "redis_version": "7.0.15", "redis_git_sha1": "00000000", "used_memory": 123, "ratio": 1.25,
                "human": "1.5M", "neg": -1, "db0": {"keys": 3, "expires": 1, "avg_ttl": 0},
                "cmdstat_config|get": {"calls": 1, "usec": 5, "usec_per_call": 5.0},
            })
        );
    }

    #[test]
    fn settings_are_numbers_where_they_are_and_passwords_are_hidden() {
        let reply = Reply::Array(
            ["maxmemory", "0", "save", "", "requirepass", "hunter22", "masterauth", "", "x", "0755"].map(text).to_vec(),
        );
        assert_eq!(
            typed("config|get", &[], &reply),
            json!({"maxmemory": 0, "save": "", "requirepass": {"$secret": "redis.requirepass"}, "masterauth": "", "x": "0755"})
        );
    }

    #[test]
    fn hashes_of_passwords_are_hidden() {
        let line = text("user u on #5e884898da28047151d0e56f8dc62927 ~* +@all");
        let shown = typed("acl|list", &[], &Reply::Array(vec![line]));
        assert_eq!(shown, json!(["user u on #[secret] ~* +@all"]));
        let reply = Reply::Array(vec![text("passwords"), Reply::Array(vec![text("5e88")]), text("keys"), text("~*")]);
        assert_eq!(typed("acl|getuser", &[], &reply), json!({"passwords": ["[secret]"], "keys": "~*"}));
    }

    #[test]
    fn clients_and_slow_commands_have_names() {
        let list =
            text("id=3 addr=1.2.3.4:5 name= age=10 cmd=client|list lib-ver=7.1\nid=4 addr=x name=7 age=0 cmd=get\n");
        let shown = typed("client|list", &[], &list);
        assert_eq!(
            shown[0],
            json!({"id": 3, "addr": "1.2.3.4:5", "name": "", "age": 10, "cmd": "client|list", "lib-ver": "7.1"})
        );
        assert_eq!(shown[1]["name"], "7");
        let entry = Reply::Array(vec![
            Reply::Int(1),
            Reply::Int(2),
            Reply::Int(3),
            Reply::Array(vec![text("GET"), text("a b")]),
            text("1:2"),
            text(""),
        ]);
        assert_eq!(
            typed("slowlog|get", &[], &Reply::Array(vec![entry])),
            json!([{"id": 1, "time": 2, "duration_us": 3, "command": "GET \"a b\"", "client": "1:2", "name": ""}])
        );
    }
}
