//! Secrets are known by value, and taken out of everything that leaves the process: as they are,
//! in base64, hexadecimal, URL and JSON-escaped form, and across the pieces of a stream.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

/// All secrets of a process. Cheap to clone; clones share.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    values: BTreeMap<String, String>,
    finder: Option<Arc<Finder>>,
}

struct Finder {
    automaton: AhoCorasick,
    names: Vec<String>,
    longest: usize,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// No secrets yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns a secret. The same value under a second name keeps its first.
    pub fn add(&self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let Ok(mut known) = self.0.write() else { return };
        if known.values.values().any(|other| other == value) {
            return;
        }
        let mut key = name.to_owned();
        let mut n = 2;
        while known.values.contains_key(&key) {
            key = format!("{name}#{n}");
            n += 1;
        }
        known.values.insert(key, value.to_owned());
        known.finder = build(&known.values);
    }

    /// No secrets?
    pub fn is_empty(&self) -> bool {
        self.finder().is_none()
    }

    /// The value of a secret, for restoring what was spliced out of a pre-image.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.read().ok()?.values.get(name).cloned()
    }

    /// All secrets by name.
    pub fn all(&self) -> BTreeMap<String, String> {
        self.0.read().map(|known| known.values.clone()).unwrap_or_default()
    }

    fn finder(&self) -> Option<Arc<Finder>> {
        self.0.read().ok()?.finder.clone()
    }

    /// Text without secrets: each is replaced by `[secret:name]`.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(finder) = self.finder() else { return Cow::Borrowed(text) };
        match finder.replace(text.as_bytes()) {
            None => Cow::Borrowed(text),
            Some((bytes, _)) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Replaces secrets in all texts of a value, keys included. Counts them.
    pub fn value(&self, value: &mut Value) -> u64 {
        match self.finder() {
            Some(finder) => redact(&finder, value, false),
            None => 0,
        }
    }

    /// As [`Secrets::value`], but a text that held a secret becomes `{"$secret": "name"}`, so that
    /// nobody can use it as if it were the value.
    pub fn result(&self, value: &mut Value) -> u64 {
        match self.finder() {
            Some(finder) => redact(&finder, value, true),
            None => 0,
        }
    }

    /// Where secrets stand literally in some bytes: start, end, name; in order, not overlapping.
    pub fn find(&self, bytes: &[u8]) -> Vec<(usize, usize, String)> {
        let Some(finder) = self.finder() else { return Vec::new() };
        let values = self.all();
        finder
            .automaton
            .find_iter(bytes)
            .filter_map(|found| {
                let name = &finder.names[found.pattern().as_usize()];
                let literal =
                    values.get(name).is_some_and(|value| value.as_bytes() == &bytes[found.start()..found.end()]);
                literal.then(|| (found.start(), found.end(), name.clone()))
            })
            .collect()
    }

    /// Takes secrets out of the texts of a record that has to be read back exactly: a text that holds
    /// one becomes `{"$spliced": ["before", {"$secret": "name"}, "after"]}`.
    pub fn splice(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                let found = self.find(text.as_bytes());
                if found.is_empty() {
                    return;
                }
                let mut parts = Vec::new();
                let mut at = 0;
                for (start, end, name) in found {
                    parts.push(Value::from(&text[at..start]));
                    parts.push(serde_json::json!({"$secret": name}));
                    at = end;
                }
                parts.push(Value::from(&text[at..]));
                *value = serde_json::json!({"$spliced": parts});
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.splice(item)),
            Value::Object(map) => map.values_mut().for_each(|inner| self.splice(inner)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Puts back what [`Secrets::splice`] took out.
    ///
    /// # Errors
    /// The name of a secret that is not known now.
    pub fn unsplice(&self, value: &mut Value) -> Result<(), String> {
        match value {
            Value::Object(map) if map.len() == 1 && map.contains_key("$spliced") => {
                let parts = map.get("$spliced").and_then(Value::as_array).cloned().unwrap_or_default();
                let mut text = String::new();
                for part in parts {
                    match (part.as_str(), part.get("$secret").and_then(Value::as_str)) {
                        (Some(plain), _) => text.push_str(plain),
                        (None, Some(name)) => text.push_str(&self.get(name).ok_or_else(|| name.to_owned())?),
                        (None, None) => {}
                    }
                }
                *value = Value::from(text);
                Ok(())
            }
            Value::Object(map) => map.values_mut().try_for_each(|inner| self.unsplice(inner)),
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.unsplice(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    /// For text that arrives in pieces.
    pub fn stream(&self) -> Stream {
        Stream { secrets: self.clone(), held: Vec::new() }
    }
}

/// Redacts a stream. Holds back as many bytes as a secret could still begin in.
pub struct Stream {
    secrets: Secrets,
    held: Vec<u8>,
}

impl Stream {
    /// Takes a piece and gives what is safe to show.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let Some(finder) = self.secrets.finder() else { return std::mem::take(&mut self.held) };
        // A secret that is complete is replaced; one that may have begun is in the last bytes.
        let keep = finder.longest.saturating_sub(1);
        let mut safe = self.held.len().saturating_sub(keep);
        if let Some(last) =
            finder.automaton.find_iter(&self.held).find(|found| found.start() < safe && found.end() > safe)
        {
            safe = last.start();
        }
        let rest = self.held.split_off(safe);
        let out = std::mem::replace(&mut self.held, rest);
        finder.replace(&out).map_or(out, |(bytes, _)| bytes)
    }

    /// The end of the stream: gives the rest.
    pub fn finish(self) -> Vec<u8> {
        match self.secrets.finder().and_then(|finder| finder.replace(&self.held)) {
            Some((bytes, _)) => bytes,
            None => self.held,
        }
    }
}

impl Finder {
    fn replace(&self, bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
        let mut out = Vec::new();
        let mut at = 0;
        let mut count = 0;
        for found in self.automaton.find_iter(bytes) {
            out.extend_from_slice(&bytes[at..found.start()]);
            out.extend_from_slice(format!("[secret:{}]", self.names[found.pattern().as_usize()]).as_bytes());
            at = found.end();
            count += 1;
        }
        (count > 0).then(|| {
            out.extend_from_slice(&bytes[at..]);
            (out, count)
        })
    }
}

fn redact(finder: &Finder, value: &mut Value, tag: bool) -> u64 {
    match value {
        Value::String(text) => {
            let Some((bytes, count)) = finder.replace(text.as_bytes()) else { return 0 };
            if tag {
                let name = finder
                    .automaton
                    .find(text.as_bytes())
                    .map(|found| finder.names[found.pattern().as_usize()].clone());
                *value = serde_json::json!({"$secret": name});
            } else {
                *text = String::from_utf8_lossy(&bytes).into_owned();
            }
            count
        }
        Value::Array(items) => items.iter_mut().map(|item| redact(finder, item, tag)).sum(),
        Value::Object(map) => {
            let mut count = 0;
            let hit: Vec<String> =
                map.keys().filter(|key| finder.automaton.is_match(key.as_bytes())).cloned().collect();
            for key in hit {
                if let (Some(inner), Some((bytes, n))) = (map.shift_remove(&key), finder.replace(key.as_bytes())) {
                    map.insert(String::from_utf8_lossy(&bytes).into_owned(), inner);
                    count += n;
                }
            }
            count + map.values_mut().map(|inner| redact(finder, inner, tag)).sum::<u64>()
        }
        Value::Null | Value::Bool(_) => 0,
        Value::Number(number) => {
            // A secret that is all digits may come back as a number.
            let text = number.to_string();
            let whole =
                finder.automaton.find(text.as_bytes()).filter(|found| found.start() == 0 && found.end() == text.len());
            match whole {
                Some(found) if text.len() >= 4 => {
                    *value = Value::from(format!("[secret:{}]", finder.names[found.pattern().as_usize()]));
                    1
                }
                _ => 0,
            }
        }
    }
}

fn build(values: &BTreeMap<String, String>) -> Option<Arc<Finder>> {
    let mut patterns: Vec<Vec<u8>> = Vec::new();
    let mut names = Vec::new();
    for (name, value) in values {
        for form in forms(value) {
            if !patterns.contains(&form) {
                patterns.push(form);
                names.push(name.clone());
            }
        }
    }
    let longest = patterns.iter().map(Vec::len).max()?;
    let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok()?;
    Some(Arc::new(Finder { automaton, names, longest }))
}

/// The forms in which a value may show up.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![value.as_bytes().to_vec()];
    let json = serde_json::to_string(value).unwrap_or_default();
    forms.push(json.trim_matches('"').as_bytes().to_vec());
    for upper in [true, false] {
        for plus in [true, false] {
            forms.push(percent(value, upper, plus).into_bytes());
        }
    }
    // Encoded forms of a very short value would match by chance.
    if value.len() >= 4 {
        forms.push(value.bytes().fold(String::new(), |text, byte| format!("{text}{byte:02x}")).into_bytes());
        forms.push(value.bytes().fold(String::new(), |text, byte| format!("{text}{byte:02X}")).into_bytes());
        for engine in
            [base64::engine::general_purpose::STANDARD_NO_PAD, base64::engine::general_purpose::URL_SAFE_NO_PAD]
        {
            for lead in 0..3_usize {
                forms.extend(base64_inside(&engine, value.as_bytes(), lead));
            }
        }
    }
    forms.retain(|form| !form.is_empty());
    forms
}

/// The digits of base64 that depend on the value alone, when it stands `lead` bytes into a group.
fn base64_inside(engine: &impl base64::Engine, value: &[u8], lead: usize) -> Option<Vec<u8>> {
    let mut padded = vec![0; lead];
    padded.extend_from_slice(value);
    let text = engine.encode(&padded);
    let first = [0, 2, 3][lead];
    let whole = padded.len() * 8 / 6;
    let inside = text.as_bytes().get(first..whole)?;
    (inside.len() >= 5).then(|| inside.to_vec())
}

fn percent(value: &str, upper: bool, plus: bool) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(byte)),
            b' ' if plus => text.push('+'),
            _ if upper => text.push_str(&format!("%{byte:02X}")),
            _ => text.push_str(&format!("%{byte:02x}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secrets() -> Secrets {
        let secrets = Secrets::new();
        secrets.add("key", "Tr0ub4dor&3 \"x\"");
        secrets.add("pw", "hunter2");
        secrets
    }

    #[test]
    fn every_form_is_found() {
        let value = "Tr0ub4dor&3 \"x\"";
        use base64::Engine as _;
        let b64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        for text in [
            value.to_owned(),
            serde_json::to_string(value).unwrap(),
            "Tr0ub4dor%263%20%22x%22".into(),
            "Tr0ub4dor%263+%22x%22".into(),
            b64(value),
            b64(&format!("u:{value}")),
            b64(&format!("usr:{value}:tail")),
        ] {
            let shown = secrets().text(&format!("before {text} after")).into_owned();
            assert!(shown.contains("[secret:key]"), "{text} → {shown}");
            assert!(!shown.contains("Tr0ub4dor"), "{shown}");
        }
    }

    #[test]
    fn values_are_redacted_in_keys_and_texts_and_results_are_marked() {
        let mut value = serde_json::json!({"a": ["x hunter2 y"], "hunter2": 1});
        assert_eq!(secrets().value(&mut value), 2);
        assert_eq!(value, serde_json::json!({"a": ["x [secret:pw] y"], "[secret:pw]": 1}));
        let mut result = serde_json::json!({"requirepass": "hunter2"});
        secrets().result(&mut result);
        assert_eq!(result, serde_json::json!({"requirepass": {"$secret": "pw"}}));
    }

    #[test]
    fn what_is_spliced_out_comes_back() {
        let original = serde_json::json!({"key": "pre hunter2 mid hunter2", "n": [1, "plain"]});
        let mut value = original.clone();
        secrets().splice(&mut value);
        assert!(!value.to_string().contains("hunter2"));
        assert_eq!(Secrets::new().unsplice(&mut value.clone()), Err("pw".to_owned()));
        secrets().unsplice(&mut value).unwrap();
        assert_eq!(value, original);
    }

    proptest! {
        #[test]
        fn no_cut_of_a_stream_lets_a_secret_through(cuts in proptest::collection::vec(0usize..60, 0..8)) {
            let text = b"one hunter2 two Tr0ub4dor&3 \"x\" three hunter2hunter2 end";
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut stream = secrets().stream();
            let mut out = Vec::new();
            for pair in cuts.windows(2) {
                out.extend(stream.push(&text[pair[0]..pair[1]]));
            }
            out.extend(stream.finish());
            prop_assert_eq!(
                String::from_utf8(out).unwrap(),
                "one [secret:pw] two [secret:key] three [secret:pw][secret:pw] end"
            );
        }
    }
}
