//! Secrets are known by value, and taken out of everything that leaves the process: as they are,
//! in base64, hexadecimal, URL and JSON-escaped form, and across the pieces of a stream.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use aho_corasick::{AhoCorasick, Input, MatchKind};
use serde::{Deserialize, Serialize};
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
    /// What each pattern is: a form of a secret.
    forms: Vec<Form>,
    longest: usize,
    /// Every [`WINDOW`] bytes of every long value.
    windows: Option<Windows>,
}

struct Windows {
    automaton: AhoCorasick,
    /// Of each window: whose, and where it begins.
    places: Vec<(String, usize)>,
}

struct Form {
    /// Of the secret.
    name: String,
    /// Among [`forms`] of its value.
    index: usize,
    bytes: Vec<u8>,
}

/// Shorter values stand in every second word: they are replaced only where they stand alone.
const SHORT: usize = 4;
/// A value of at least [`LONG`] bytes is also cut out where only so many of it in a row are left, as
/// compression leaves them.
const WINDOW: usize = 8;
const LONG: usize = 12;

/// A piece of some bytes that comes from a secret, and how to make it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The secret.
    pub secret: String,
    /// Which of its forms: 0 is the value as it is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub form: usize,
    /// The first byte of that form.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub from: usize,
    /// How many bytes of it; all of them if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub len: Option<usize>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(number: &usize) -> bool {
    *number == 0
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

    /// As [`Secrets::text`], where it stands.
    pub fn text_in_place(&self, text: &mut String) {
        let cleaned = match self.text(text) {
            Cow::Owned(cleaned) => Some(cleaned),
            Cow::Borrowed(_) => None,
        };
        if let Some(cleaned) = cleaned {
            *text = cleaned;
        }
    }

    /// Is a secret anywhere in a value?
    pub fn occurs(&self, value: &Value) -> bool {
        let Some(finder) = self.finder() else { return false };
        finder.automaton.is_match(value.to_string().as_bytes()) || occurs(&finder, value)
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

    /// Where secrets stand in some bytes, in whatever form: start, end, and how to make it again; in
    /// order, not overlapping.
    pub fn find(&self, bytes: &[u8]) -> Vec<(usize, usize, Piece)> {
        let Some(finder) = self.finder() else { return Vec::new() };
        let mut found: Vec<(usize, usize, Piece)> = finder
            .automaton
            .find_iter(bytes)
            .map(|found| {
                let form = &finder.forms[found.pattern().as_usize()];
                let piece = Piece { secret: form.name.clone(), form: form.index, from: 0, len: None };
                (found.start(), found.end(), piece)
            })
            .collect();
        found.extend(self.fragments(bytes, &found));
        found.sort_by_key(|(start, _, _)| *start);
        found
    }

    /// Parts of long values that stand between what is found already.
    fn fragments(&self, bytes: &[u8], found: &[(usize, usize, Piece)]) -> Vec<(usize, usize, Piece)> {
        let Some(finder) = self.finder() else { return Vec::new() };
        let Some(windows) = &finder.windows else { return Vec::new() };
        let mut more = Vec::new();
        let ends = found.iter().map(|(start, _, _)| *start).chain([bytes.len()]);
        let starts = [0].into_iter().chain(found.iter().map(|(_, end, _)| *end));
        for (mut at, end) in starts.zip(ends) {
            while let Some(hit) = windows.automaton.find(Input::new(bytes).span(at..end.max(at))) {
                let (name, from) = &windows.places[hit.pattern().as_usize()];
                let value = self.get(name).unwrap_or_default();
                let rest = value.as_bytes().get(*from..).unwrap_or_default();
                let same = rest.iter().zip(&bytes[hit.start()..end]).take_while(|(a, b)| a == b).count();
                let piece = Piece { secret: name.clone(), form: 0, from: *from, len: Some(same) };
                more.push((hit.start(), hit.start() + same, piece));
                at = hit.start() + same.max(1);
            }
        }
        more
    }

    /// The bytes of a piece, if its secret is known.
    pub fn piece(&self, piece: &Piece) -> Option<Vec<u8>> {
        let form = forms(&self.get(&piece.secret)?).into_iter().nth(piece.form)?;
        let end = piece.len.map_or(form.len(), |len| piece.from.saturating_add(len));
        form.get(piece.from..end).map(<[u8]>::to_vec)
    }

    /// Takes secrets out of the texts of a record that has to be read back exactly: a text that holds
    /// one becomes `{"$spliced": ["before", {"secret": "name"}, "after"]}`.
    pub fn splice(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                // A piece of a text is a text only between characters.
                let whole = |(start, end, _): &(usize, usize, Piece)| {
                    text.is_char_boundary(*start) && text.is_char_boundary(*end)
                };
                let found: Vec<_> = self.find(text.as_bytes()).into_iter().filter(whole).collect();
                if found.is_empty() {
                    return;
                }
                let mut parts = Vec::new();
                let mut at = 0;
                for (start, end, piece) in found {
                    parts.push(Value::from(&text[at..start]));
                    parts.push(serde_json::json!(piece));
                    at = end;
                }
                parts.push(Value::from(&text[at..]));
                *value = serde_json::json!({"$spliced": parts});
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.splice(item)),
            Value::Object(map) => {
                map.values_mut().for_each(|inner| self.splice(inner));
                if map.keys().any(|key| !self.find(key.as_bytes()).is_empty()) {
                    let pairs = std::mem::take(map).into_iter().map(|(key, inner)| {
                        let mut key = Value::from(key);
                        self.splice(&mut key);
                        Value::Array(vec![key, inner])
                    });
                    *value = serde_json::json!({"$pairs": pairs.collect::<Vec<_>>()});
                }
            }
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
                let mut bytes = Vec::new();
                for part in parts {
                    if let Some(plain) = part.as_str() {
                        bytes.extend_from_slice(plain.as_bytes());
                    } else if let Ok(piece) = Piece::deserialize(&part) {
                        bytes.extend(self.piece(&piece).ok_or(piece.secret)?);
                    }
                }
                *value = Value::from(String::from_utf8_lossy(&bytes).into_owned());
                Ok(())
            }
            Value::Object(map) if map.len() == 1 && map.contains_key("$pairs") => {
                let mut pairs = map.shift_remove("$pairs").unwrap_or_default();
                self.unsplice(&mut pairs)?;
                let pairs = pairs.as_array().into_iter().flatten();
                let pair = |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.clone()));
                *value = Value::Object(pairs.filter_map(pair).collect());
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
        let mut done = 0;
        let mut at = 0;
        let mut count = 0;
        while let Some(found) = self.automaton.find(Input::new(bytes).span(at..bytes.len())) {
            let form = &self.forms[found.pattern().as_usize()];
            if let Some(end) = self.marker_around(bytes, found.start()) {
                // What has been replaced before is not replaced again.
                at = end.max(at + 1);
                continue;
            }
            if form.bytes.len() < SHORT && !stands_alone(bytes, found.start(), found.end()) {
                at = found.start() + 1;
                continue;
            }
            out.extend_from_slice(&bytes[done..found.start()]);
            out.extend_from_slice(format!("[secret:{}]", form.name).as_bytes());
            (done, at) = (found.end(), found.end());
            count += 1;
        }
        (count > 0).then(|| {
            out.extend_from_slice(&bytes[done..]);
            (out, count)
        })
    }

    /// The end of the marker of a known secret that this place is in.
    fn marker_around(&self, bytes: &[u8], at: usize) -> Option<usize> {
        const OPENS: &[u8] = b"[secret:";
        let from = at.saturating_sub(OPENS.len() + 80);
        let start =
            bytes[from..bytes.len().min(at + OPENS.len())].windows(OPENS.len()).rposition(|window| window == OPENS)?
                + from;
        let name = &bytes[start + OPENS.len()..];
        let name = &name[..name.iter().position(|&byte| byte == b']')?];
        let end = start + OPENS.len() + name.len() + 1;
        (start <= at && at < end && self.forms.iter().any(|form| form.name.as_bytes() == name)).then_some(end)
    }

    fn name_in(&self, bytes: &[u8]) -> Option<&str> {
        Some(&self.forms[self.automaton.find(bytes)?.pattern().as_usize()].name)
    }
}

/// No letter or digit before or after?
fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    !part(start.checked_sub(1).and_then(|at| bytes.get(at))) && !part(bytes.get(end))
}

fn occurs(finder: &Finder, value: &Value) -> bool {
    match value {
        Value::String(text) => finder.automaton.is_match(text.as_bytes()),
        Value::Array(items) => items.iter().any(|item| occurs(finder, item)),
        Value::Object(map) => {
            map.iter().any(|(key, inner)| finder.automaton.is_match(key.as_bytes()) || occurs(finder, inner))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn redact(finder: &Finder, value: &mut Value, tag: bool) -> u64 {
    match value {
        Value::String(text) => {
            let Some((bytes, count)) = finder.replace(text.as_bytes()) else { return 0 };
            if tag {
                let name = finder.name_in(text.as_bytes()).map(str::to_owned);
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
                    *value = Value::from(format!("[secret:{}]", finder.forms[found.pattern().as_usize()].name));
                    1
                }
                _ => 0,
            }
        }
    }
}

fn build(values: &BTreeMap<String, String>) -> Option<Arc<Finder>> {
    let mut all: Vec<Form> = Vec::new();
    for (name, value) in values {
        for (index, bytes) in forms(value).into_iter().enumerate() {
            if !all.iter().any(|form| form.bytes == bytes) {
                all.push(Form { name: name.clone(), index, bytes });
            }
        }
    }
    let longest = all.iter().map(|form| form.bytes.len()).max()?;
    let patterns = all.iter().map(|form| &form.bytes);
    let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok()?;
    Some(Arc::new(Finder { automaton, forms: all, longest, windows: windows(values) }))
}

fn windows(values: &BTreeMap<String, String>) -> Option<Windows> {
    let long = values.iter().filter(|(_, value)| value.len() >= LONG);
    let (patterns, places): (Vec<&[u8]>, Vec<_>) = long
        .flat_map(|(name, value)| {
            value.as_bytes().windows(WINDOW).enumerate().map(move |(from, window)| (window, (name.clone(), from)))
        })
        .unzip();
    let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(&patterns).ok()?;
    (!places.is_empty()).then_some(Windows { automaton, places })
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
mod tests;
