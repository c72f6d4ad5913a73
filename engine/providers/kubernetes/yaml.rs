//! YAML of manifests → objects, as kubectl reads it: YAML 1.1, in which a plain `0400` is a number of base
//! eight and `no` is a boolean, with `<<` merged.
//!
//! Invariant: what kubectl would read otherwise than this is refused, never read in another way. The scalars
//! are those of `resolve.go` in go-yaml v2, which kubectl is built with.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

/// How deep collections may nest.
const DEPTH: usize = 128;
/// Values that aliases and merges may repeat in a file.
const REPEATED: usize = 100_000;

/// The documents of a text that are not empty. An error begins with `:LINE:COLUMN: `.
pub(super) fn documents(text: &str) -> Result<Vec<Value>, String> {
    if let Some(json) = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten() {
        return Ok(vec![json]);
    }
    let mut options = Options::default();
    options.flow_nesting_limit = DEPTH;
    options.block_nesting_limit = DEPTH;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reading = Reading { parser, anchors: HashMap::new(), repeated: 0 };
    let mut all = Vec::new();
    loop {
        let (event, place) = reading.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => return Ok(all),
            other => match reading.value(other, place)? {
                Read { value: Value::Null, .. } => {}
                Read { value, .. } => all.push(value),
            },
        }
    }
}

/// Line and column, from one.
type Place = (usize, usize);

fn wrong(place: Place, why: impl std::fmt::Display) -> String {
    format!(":{}:{}: {why}", place.0, place.1)
}

/// A value, and its text if it was written without quotes.
#[derive(Clone)]
struct Read {
    value: Value,
    plain: Option<String>,
}

struct Reading<I> {
    parser: I,
    anchors: HashMap<usize, Read>,
    repeated: usize,
}

impl<'a, I> Reading<I>
where
    I: Iterator<Item = Result<(Event<'a>, granit_parser::Span), granit_parser::ScanError>>,
{
    fn next(&mut self) -> Result<(Event<'a>, Place), String> {
        loop {
            match self.parser.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => return Ok((event, (span.start.line(), span.start.col() + 1))),
                Some(Err(error)) => {
                    let at = error.marker();
                    return Err(wrong((at.line(), at.col() + 1), error.kind()));
                }
                None => return Ok((Event::StreamEnd, (1, 1))),
            }
        }
    }

    fn value(&mut self, event: Event<'a>, place: Place) -> Result<Read, String> {
        let (read, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let value = match tag {
                    Some(tag) => tagged(&tag, &text).map_err(|why| wrong(place, why))?,
                    None if plain => scalar(&text).map_err(|why| wrong(place, why))?,
                    None => Value::from(&*text),
                };
                (Read { value, plain: plain.then(|| text.into_owned()) }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    let (event, place) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    items.push(self.value(event, place)?.value);
                }
                (Read { value: Value::Array(items), plain: None }, anchor)
            }
            Event::MappingStart(_, anchor, _) => (Read { value: Value::Object(self.mapping()?), plain: None }, anchor),
            Event::Alias(id) => {
                let known = self.anchors.get(&id).cloned();
                let read = known.ok_or_else(|| wrong(place, "an alias that contains itself"))?;
                self.repeat(&read.value, place)?;
                (read, 0)
            }
            _ => return Err(wrong(place, "not valid YAML here; is a quote or bracket open above?")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, read.clone());
        }
        Ok(read)
    }

    fn mapping(&mut self) -> Result<Map<String, Value>, String> {
        let mut map = Map::new();
        let mut merges = Vec::new();
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.value(event, place)?;
            let (event, inner) = self.next()?;
            let value = self.value(event, inner)?.value;
            if key.plain.as_deref() == Some("<<") {
                merges.push((value, inner));
                continue;
            }
            let name = key_name(key).map_err(|why| wrong(place, why))?;
            if map.contains_key(&name) {
                return Err(wrong(place, format!("`{name}` is written twice")));
            }
            map.insert(name, value);
        }
        for (from, place) in merges {
            merge(from, &mut map, place)?;
        }
        Ok(map)
    }

    fn repeat(&mut self, value: &Value, place: Place) -> Result<(), String> {
        self.repeated += count(value);
        if self.repeated > REPEATED {
            return Err(wrong(place, format!("aliases repeat more than {REPEATED} values")));
        }
        Ok(())
    }
}

/// What the mapping says itself goes before what is merged, and the first of several before the others.
fn merge(from: Value, into: &mut Map<String, Value>, place: Place) -> Result<(), String> {
    match from {
        Value::Object(map) => {
            for (key, value) in map {
                into.entry(key).or_insert(value);
            }
            Ok(())
        }
        Value::Array(all) => all.into_iter().try_for_each(|one| merge(one, into, place)),
        _ => Err(wrong(place, "`<<` merges mappings; write `<<: *anchor`, with the anchor on a mapping")),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The name of a field. What kubectl would call otherwise than it is written is refused.
fn key_name(key: Read) -> Result<String, String> {
    let sent = key.value.to_string();
    let read = match (key.value, key.plain) {
        (Value::String(text), _) => return Ok(text),
        (Value::Bool(_) | Value::Number(_) | Value::Null, Some(plain)) => plain,
        _ => return Err("a key that is no text".into()),
    };
    if sent == read && sent != "null" {
        return Ok(read);
    }
    Err(format!("the key `{read}` is `{sent}` to kubectl; write \"{read}\" in quotes"))
}

/// With `!!str` and the like; other tags mean nothing to a cluster.
fn tagged(tag: &Tag, text: &str) -> Result<Value, String> {
    let value = match tag.to_string().rsplit(['!', ':']).next().unwrap_or_default() {
        "" | "str" => return Ok(text.into()),
        "int" => scalar(text).ok().filter(|value| value.is_i64() || value.is_u64()),
        "float" => scalar(text).ok().filter(Value::is_number),
        "bool" => scalar(text).ok().filter(Value::is_boolean),
        "null" => scalar(text).ok().filter(Value::is_null),
        _ => None,
    };
    value.ok_or_else(|| format!("the tag `{tag}` has no meaning here; write the value as it is to be sent"))
}

/// A plain scalar, as YAML 1.1 has it.
fn scalar(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Ok(true.into()),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(false.into());
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan" | ".NaN"
        | ".NAN" => return Err(format!("`{text}` is a number that no object can hold; put text in quotes")),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Ok(text.into());
    }
    let bare = text.replace('_', "");
    if let Some(whole) = whole(&bare) {
        return Ok(whole);
    }
    if is_float(&bare) {
        let number = bare.parse::<f64>().ok().filter(|number| number.is_finite());
        let number = number.ok_or_else(|| format!("`{text}` is too large a number; put text in quotes"))?;
        // As kubectl sends it: a number without a fraction is a whole one.
        #[expect(clippy::cast_possible_truncation, reason = "it is far within the range of an i64")]
        let value =
            if number.fract() == 0.0 && number.abs() < 1e15 { Value::from(number as i64) } else { number.into() };
        return Ok(value);
    }
    Ok(text.into())
}

/// `10`, `0x1F`, `0b11`, `0o17` and `017`.
fn whole(text: &str) -> Option<Value> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, base) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0b") => (&lower[2..], 2),
        Some("0o") => (&lower[2..], 8),
        Some(_) if lower.starts_with('0') => (&lower[1..], 8),
        _ => (lower.as_str(), 10),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let number = u64::from_str_radix(digits, base).ok()?;
    if negative { 0_i64.checked_sub_unsigned(number).map(Value::from) } else { Some(number.into()) }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (number, power) = match unsigned.split_once(['e', 'E']) {
        Some((number, power)) => (number, Some(power.strip_prefix(['+', '-']).unwrap_or(power))),
        None => (unsigned, None),
    };
    let (before, after) = number.split_once('.').unwrap_or((number, ""));
    digits(before)
        && digits(after)
        && !(before.is_empty() && after.is_empty())
        && power.is_none_or(|power| !power.is_empty() && digits(power))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(text: &str) -> Value {
        documents(text).expect(text).remove(0)
    }

    /// Held against `kubectl label --local -o json` of kubectl 1.32.
    #[test]
    fn scalars_are_those_of_kubectl() {
        for (text, value) in [
            ("0400", json!(256)),
            ("-010", json!(-8)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("0b11", json!(3)),
            ("08", json!(8)),
            ("1_000", json!(1000)),
            ("1_0.5", json!(10.5)),
            ("+5", json!(5)),
            ("1e3", json!(1000)),
            ("1e+3", json!(1000)),
            (".5", json!(0.5)),
            ("5.", json!(5)),
            ("1.0", json!(1)),
            ("yes", json!(true)),
            ("n", json!(false)),
            ("on", json!(true)),
            ("OFF", json!(false)),
            ("~", json!(null)),
            ("2001-01-01", json!("2001-01-01")),
            ("12:30:00", json!("12:30:00")),
            ("1.2.3", json!("1.2.3")),
            ("yEs", json!("yEs")),
            ("100m", json!("100m")),
            ("-x", json!("-x")),
            ("'0400'", json!("0400")),
            ("\"no\"", json!("no")),
            ("!!str 5", json!("5")),
        ] {
            assert_eq!(one(&format!("a: {text}\n"))["a"], value, "{text}");
        }
    }

    #[test]
    fn merged_mappings_are_part_of_the_one_that_merges_them() {
        let text = "a: &a {x: 1, v: {z: 1}}\nb: &b\n  <<: *a\n  x: 2\nc: {<<: [{w: 1}, *b], w: 0}\n'<<': text\n";
        let read = one(text);
        assert_eq!(read["b"], json!({"x": 2, "v": {"z": 1}}));
        assert_eq!(read["c"], json!({"w": 0, "x": 2, "v": {"z": 1}}));
        assert_eq!(read["<<"], "text");
    }

    #[test]
    fn what_would_be_read_in_two_ways_is_refused_with_its_place() {
        for (text, said) in [
            ("a:\n  on: 1\n", ":2:3: the key `on` is `true` to kubectl; write \"on\" in quotes"),
            ("0400: 1", ":1:1: the key `0400` is `256` to kubectl; write \"0400\" in quotes"),
            ("a: 1\na: 2\n", ":2:1: `a` is written twice"),
            ("a: .inf", ":1:4: `.inf` is a number that no object can hold; put text in quotes"),
            ("a: {<<: 5}", ":1:9: `<<` merges mappings; write `<<: *anchor`, with the anchor on a mapping"),
        ] {
            assert_eq!(documents(text).expect_err(text), said);
        }
        assert!(documents("a: !custom 5").expect_err("a tag").contains("the tag `!custom` has no meaning here"));
        assert_eq!(one("{80: a, true: b}"), json!({"80": "a", "true": "b"}));
    }

    #[test]
    fn documents_are_told_apart_and_empty_ones_left_out() {
        let all = documents("# nothing\n---\na: 1\n---\n---\n- 2\n...\n").expect("reads");
        assert_eq!(all, [json!({"a": 1}), json!([2])]);
        assert_eq!(documents("{\"a\": [1, \"0400\", null]}").expect("JSON"), [json!({"a": [1, "0400", null]})]);
    }

    #[test]
    fn aliases_of_aliases_have_a_limit() {
        let mut text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for n in 1..10 {
            let names = vec![format!("*a{}", n - 1); 9].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{names}]\n"));
        }
        assert!(documents(&text).expect_err("a bomb").contains("aliases repeat more than"));
    }
}
