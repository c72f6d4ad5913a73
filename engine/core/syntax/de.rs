//! A tree → plain structs, by serde, reporting every mistake and not only the first.
//!
//! When a value cannot be read it is reported, set aside, and the struct is read again without
//! it. Unknown keys are reported with their own place. Structs stay plain: a field that needs its
//! place has the type [`Spanned`].

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer};

use super::tree::{Entry, Node, Value};
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span, Spanned};

const SPANNED: &str = "$playbook::spanned";
pub(super) const RAW: &str = "$playbook::raw";
/// Mistakes in one struct after which reading it stops.
const MAX_PASSES: usize = 64;

/// Reads `node` as a `T`. What is wrong goes to `found`; the value may still come back, without
/// the parts that were wrong, so that later passes can find more.
pub fn decode<T: DeserializeOwned>(node: &Node, found: &mut Diagnostics) -> Option<T> {
    let cx = Cx::default();
    let mut result = None;
    for _ in 0..MAX_PASSES {
        let before = cx.bad.borrow().len();
        match T::deserialize(De { node, cx: &cx }) {
            Ok(value) => {
                result = Some(value);
                break;
            }
            Err(error) => {
                cx.fail(node, error);
                let after = cx.bad.borrow().len();
                if after == before || cx.is_bad(node) {
                    break;
                }
            }
        }
    }
    found.extend(cx.found.into_inner());
    result
}

#[derive(Default)]
struct Cx {
    found: RefCell<Diagnostics>,
    bad: RefCell<HashSet<*const Node>>,
    noted: RefCell<HashSet<Span>>,
}

impl Cx {
    fn is_bad(&self, node: &Node) -> bool {
        self.bad.borrow().contains(&std::ptr::from_ref(node))
    }

    /// Reports an error that has no place yet at `node`, and sets the node aside.
    fn fail(&self, node: &Node, error: De1) -> De1 {
        let diagnostic = match error {
            De1::Reported => return De1::Reported,
            De1::Missing(field) => {
                self.bad.borrow_mut().insert(node);
                // The key is there but its value was wrong: that has been said.
                if node.get(field).is_some() {
                    return De1::Reported;
                }
                Diagnostic::error(Code::MissingKey, node.span, format!("`{field}` is missing"))
                    .help(format!("add `{field}:` here"))
            }
            De1::Variant(given, known) => {
                Diagnostic::error(Code::WrongType, node.span, format!("`{given}` is not one of the choices"))
                    .suggest(&given, known.iter().copied())
            }
            De1::Field(given, known) => {
                match node.entries().and_then(|all| all.iter().find(|e| e.key.value == given)) {
                    Some(entry) => unknown_key(&entry.key, known),
                    None => Diagnostic::error(Code::UnknownKey, node.span, format!("`{given}` has no meaning here")),
                }
            }
            De1::Type(message, help) => {
                let diagnostic = hint(node, Diagnostic::error(Code::WrongType, node.span, message));
                if diagnostic.help.is_empty() { diagnostic.help(help) } else { diagnostic }
            }
            De1::Words(message) => {
                Diagnostic::error(Code::WrongType, node.span, message).help("docs/language.md has what each key takes")
            }
        };
        self.bad.borrow_mut().insert(node);
        self.found.borrow_mut().push(diagnostic);
        De1::Reported
    }

    fn note_once(&self, span: Span, make: impl FnOnce() -> Diagnostic) {
        if self.noted.borrow_mut().insert(span) {
            self.found.borrow_mut().push(make());
        }
    }
}

fn what_to_write(expected: &str) -> &'static str {
    match expected {
        "a list" | "a list of steps" => "write a list: [first, second]",
        "a mapping" => "write names and values: {name: value}",
        "a whole number" => "write digits, without quotes and without a unit",
        "a number" => "write a number, without quotes",
        "text" => "write one value, between quotes if it has special characters",
        "true or false" => "write true or false",
        _ => "docs/language.md has what each key takes",
    }
}

fn hint(node: &Node, diagnostic: Diagnostic) -> Diagnostic {
    match &node.value {
        Value::Map(_) => diagnostic.help("a template at the beginning of a value needs quotes: \"{{ … }}\""),
        Value::Null => diagnostic.help("write a value, or leave the key out"),
        Value::Scalar { text, plain: true } if is_yaml11_bool(text) => diagnostic.help("write `true` or `false`"),
        Value::Scalar { .. } | Value::Seq(_) => diagnostic,
    }
}

fn is_yaml11_bool(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n")
}

/// An error on its way to the node that it belongs to.
#[derive(Debug)]
enum De1 {
    Reported,
    Missing(&'static str),
    Variant(String, &'static [&'static str]),
    Field(String, &'static [&'static str]),
    Type(String, &'static str),
    Words(String),
}

impl fmt::Display for De1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for De1 {}

impl de::Error for De1 {
    fn custom<T: fmt::Display>(message: T) -> Self {
        De1::Words(message.to_string())
    }
    fn missing_field(field: &'static str) -> Self {
        De1::Missing(field)
    }
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        De1::Variant(variant.to_owned(), expected)
    }
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        De1::Field(field.to_owned(), expected)
    }
    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        De1::Words(format!("expected {expected}, found {}", unexpected(found)))
    }
    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        De1::Words(format!("expected {expected}, found {}", unexpected(found)))
    }
}

/// serde names its types for programmers; authors read YAML.
fn plain_words(expected: &str) -> String {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "a string" => "text".to_owned(),
        other => other.to_owned(),
    }
}

fn unexpected(found: de::Unexpected<'_>) -> String {
    match found {
        de::Unexpected::Str(text) => format!("`{text}`"),
        de::Unexpected::Unit | de::Unexpected::Option => "nothing".to_owned(),
        de::Unexpected::Map => "a mapping".to_owned(),
        de::Unexpected::Seq => "a list".to_owned(),
        other => other.to_string().replace("integer ", "").replace("boolean ", "").replace("floating point ", ""),
    }
}

#[derive(Clone, Copy)]
struct De<'a> {
    node: &'a Node,
    cx: &'a Cx,
}

impl<'a> De<'a> {
    fn unexpected(self) -> de::Unexpected<'a> {
        match &self.node.value {
            Value::Null => de::Unexpected::Unit,
            Value::Scalar { text, .. } => de::Unexpected::Str(text),
            Value::Seq(_) => de::Unexpected::Seq,
            Value::Map(_) => de::Unexpected::Map,
        }
    }

    fn wrong<T>(self, expected: &dyn de::Expected) -> Result<T, De1> {
        let expected = plain_words(&expected.to_string());
        let message = format!("expected {expected}, found {}", unexpected(self.unexpected()));
        Err(self.cx.fail(self.node, De1::Type(message, what_to_write(&expected))))
    }

    fn done<T>(self, result: Result<T, De1>) -> Result<T, De1> {
        result.map_err(|error| self.cx.fail(self.node, error))
    }

    fn parsed<T: std::str::FromStr>(self) -> Option<T> {
        match &self.node.value {
            Value::Scalar { text, plain: true } => text.parse().ok(),
            Value::Null | Value::Scalar { .. } | Value::Seq(_) | Value::Map(_) => None,
        }
    }
}

/// A plain scalar as the YAML 1.2 core schema reads it.
pub enum Resolved<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Readers of YAML 1.1 and 1.2 disagree about it.
    Ambiguous(&'a str),
}

/// Resolves a plain scalar.
pub fn resolve(text: &str) -> Resolved<'_> {
    match text {
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        _ if is_yaml11_bool(text) && text.len() > 1 => return Resolved::Ambiguous(text),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if all_digits(digits) {
        if digits.len() > 1 && digits.starts_with('0') {
            return Resolved::Ambiguous(text);
        }
        return text.strip_prefix('+').unwrap_or(text).parse().map_or(Resolved::Text(text), Resolved::Int);
    }
    let first = digits.chars().next();
    if !first.is_some_and(|c| c.is_ascii_digit() || c == '.') {
        return Resolved::Text(text);
    }
    let odd = digits.starts_with("0x") || digits.starts_with("0o") || digits.starts_with("0b");
    let grouped = digits.contains('_') && digits.replace('_', "").bytes().all(|b| b.is_ascii_digit());
    let sexagesimal = digits.contains(':') && digits.split(':').all(all_digits);
    if odd || grouped || sexagesimal {
        return Resolved::Ambiguous(text);
    }
    let float = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'));
    match (float, text.parse::<f64>()) {
        (true, Ok(number)) if number.is_finite() => Resolved::Float(number),
        _ => Resolved::Text(text),
    }
}

macro_rules! number {
    ($($method:ident $visit:ident $type:ty),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
            match self.parsed::<$type>() {
                Some(number) => self.done(visitor.$visit(number)),
                None => self.wrong(&visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for De<'de> {
    type Error = De1;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        match &self.node.value {
            Value::Null => self.done(visitor.visit_unit()),
            Value::Scalar { text, plain: false } => self.done(visitor.visit_borrowed_str(text)),
            Value::Scalar { text, plain: true } => match resolve(text) {
                Resolved::Bool(value) => self.done(visitor.visit_bool(value)),
                Resolved::Int(value) => self.done(visitor.visit_i64(value)),
                Resolved::Float(value) => self.done(visitor.visit_f64(value)),
                Resolved::Text(value) => self.done(visitor.visit_borrowed_str(value)),
                Resolved::Ambiguous(value) => {
                    let read = self.done(visitor.visit_borrowed_str(value));
                    if read.is_ok() {
                        self.cx.note_once(self.node.span, || ambiguous(self.node.span, value));
                    }
                    read
                }
            },
            Value::Seq(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        match &self.node.value {
            Value::Scalar { text, plain: true } => match resolve(text) {
                Resolved::Bool(value) => self.done(visitor.visit_bool(value)),
                _ => self.wrong(&"true or false"),
            },
            _ => self.wrong(&"true or false"),
        }
    }

    number! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64, deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64,
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        match &self.node.value {
            Value::Scalar { text, .. } => self.done(visitor.visit_borrowed_str(text)),
            Value::Null | Value::Seq(_) | Value::Map(_) => self.wrong(&visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        match &self.node.value {
            Value::Null => self.done(visitor.visit_none()),
            Value::Scalar { .. } | Value::Seq(_) | Value::Map(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        match &self.node.value {
            Value::Null => self.done(visitor.visit_unit()),
            Value::Scalar { .. } | Value::Seq(_) | Value::Map(_) => self.wrong(&visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, De1> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, De1> {
        if name == SPANNED {
            return visitor.visit_seq(SpannedParts { de: self, part: 0 });
        }
        if name == RAW {
            return match &self.node.value {
                Value::Scalar { text, .. } => self.done(visitor.visit_borrowed_str(text)),
                Value::Seq(_) => self.deserialize_seq(visitor),
                Value::Null | Value::Map(_) => self.wrong(&visitor),
            };
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        match &self.node.value {
            Value::Seq(items) => self.done(visitor.visit_seq(Items { items: items.iter(), cx: self.cx })),
            Value::Null | Value::Scalar { .. } | Value::Map(_) => self.wrong(&visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, De1> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, visitor: V) -> Result<V::Value, De1> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        match &self.node.value {
            Value::Map(entries) => self.done(visitor.visit_map(Entries::new(entries, None, self.cx))),
            Value::Null | Value::Scalar { .. } | Value::Seq(_) => self.wrong(&visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, De1> {
        let Value::Map(entries) = &self.node.value else {
            return self.wrong(&"a mapping");
        };
        for entry in entries.iter().filter(|entry| !fields.contains(&entry.key.value.as_str())) {
            self.cx.note_once(entry.key.span, || unknown_key(&entry.key, fields));
        }
        self.done(visitor.visit_map(Entries::new(entries, Some(fields), self.cx)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, De1> {
        match &self.node.value {
            Value::Scalar { text, .. } => self.done(visitor.visit_enum((**text).into_deserializer())),
            Value::Null | Value::Seq(_) | Value::Map(_) => self.wrong(&"one word"),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        visitor.visit_unit()
    }
}

fn ambiguous(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(Code::AmbiguousScalar, span, format!("`{text}` means different things to different YAML readers"))
        .help(format!("write \"{text}\" between quotes for text, or the number or true/false that you mean"))
}

/// Reports a key that has no meaning where it stands.
pub fn unknown_key(key: &Spanned<String>, known: &[&str]) -> Diagnostic {
    Diagnostic::error(Code::UnknownKey, key.span, format!("`{}` has no meaning here", key.value))
        .label("not a key")
        .suggest(&key.value, known.to_vec())
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    cx: &'a Cx,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = De1;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, De1> {
        let cx = self.cx;
        self.items
            .by_ref()
            .find(|node| !cx.is_bad(node))
            .map(|node| seed.deserialize(De { node, cx }).map_err(|error| cx.fail(node, error)))
            .transpose()
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, Entry>,
    fields: Option<&'static [&'static str]>,
    value: Option<&'a Node>,
    cx: &'a Cx,
}

impl<'a> Entries<'a> {
    fn new(entries: &'a [Entry], fields: Option<&'static [&'static str]>, cx: &'a Cx) -> Self {
        Self { entries: entries.iter(), fields, value: None, cx }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = De1;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, De1> {
        for entry in self.entries.by_ref() {
            let known = self.fields.is_none_or(|fields| fields.contains(&entry.key.value.as_str()));
            if !known || self.cx.is_bad(&entry.value) {
                continue;
            }
            self.value = Some(&entry.value);
            return seed.deserialize(Key { key: &entry.key, node: &entry.value, cx: self.cx }).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, De1> {
        let Some(node) = self.value.take() else {
            return Err(De1::Words("a value without a key".to_owned()));
        };
        seed.deserialize(De { node, cx: self.cx }).map_err(|error| self.cx.fail(node, error))
    }
}

/// A key: its text, or with its place when the target type asks for it.
struct Key<'a> {
    key: &'a Spanned<String>,
    node: &'a Node,
    cx: &'a Cx,
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = De1;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        visitor.visit_borrowed_str(&self.key.value).map_err(|error| match error {
            De1::Words(words) => {
                self.cx.note_once(self.key.span, || Diagnostic::error(Code::WrongType, self.key.span, words));
                self.cx.bad.borrow_mut().insert(self.node);
                De1::Reported
            }
            other => other,
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, De1> {
        if name == SPANNED {
            return visitor.visit_seq(SpannedKey { key: Some(self), span_given: false });
        }
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct SpannedKey<'a> {
    key: Option<Key<'a>>,
    span_given: bool,
}

impl<'de> de::SeqAccess<'de> for SpannedKey<'de> {
    type Error = De1;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, De1> {
        if let (false, Some(key)) = (self.span_given, &self.key) {
            self.span_given = true;
            return seed.deserialize(SpanDe(key.key.span)).map(Some);
        }
        self.key.take().map(|key| seed.deserialize(key)).transpose()
    }
}

struct SpannedParts<'a> {
    de: De<'a>,
    part: u8,
}

impl<'de> de::SeqAccess<'de> for SpannedParts<'de> {
    type Error = De1;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, De1> {
        self.part += 1;
        match self.part {
            1 => seed.deserialize(SpanDe(self.de.node.span)).map(Some),
            2 => seed.deserialize(self.de).map(Some),
            _ => Ok(None),
        }
    }
}

struct SpanDe(Span);

impl<'de> Deserializer<'de> for SpanDe {
    type Error = De1;
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, De1> {
        let parts = [u32::from(self.0.file.0), self.0.start, self.0.end];
        visitor.visit_seq(de::value::SeqDeserializer::new(parts.into_iter()))
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Spanned<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let missing = || de::Error::custom("a value without a place");
                let (file, start, end): (u16, u32, u32) = parts.next_element()?.ok_or_else(missing)?;
                let value = parts.next_element()?.ok_or_else(missing)?;
                Ok(Spanned { value, span: Span { file: FileId(file), start, end } })
            }
        }
        deserializer.deserialize_newtype_struct(SPANNED, Parts(std::marker::PhantomData))
    }
}

/// A value or a list of values, as the text that was written: what it is depends on a type that is
/// declared elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    /// One value.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of values")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw::One(text.to_owned()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element()? {
                    texts.push(text);
                }
                Ok(Raw::Many(texts))
            }
        }
        deserializer.deserialize_newtype_struct(RAW, Texts)
    }
}

impl schemars::JsonSchema for Raw {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Value".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "number", "boolean", "array"]})
    }
}

/// Keys and values in the order written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = entries.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Ordered(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(std::marker::PhantomData))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Ordered<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("MapOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({"type": "object", "additionalProperties": value})
    }
    fn inline_schema() -> bool {
        true
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Spanned<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
    fn inline_schema() -> bool {
        T::inline_schema()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;
    use crate::syntax::tree::parse;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Step {
        #[serde(default)]
        id: Option<Spanned<String>>,
        #[serde(default)]
        retries: u32,
        #[serde(default)]
        needs: Vec<Spanned<String>>,
        command: String,
    }

    fn problems(text: &str) -> Vec<String> {
        let mut sources = Sources::new();
        let file = sources.add("t", text);
        let (node, mut found) = parse(file, sources.get(file).unwrap());
        let _: Option<Step> = decode(&node.unwrap(), &mut found);
        found.sorted().iter().map(|d| format!("{} {}", sources.place(d.primary.span), d.message)).collect()
    }

    #[test]
    fn all_mistakes_of_one_struct_are_found_in_one_go() {
        assert_eq!(
            problems("id: [x]\nretrys: 3\nretries: three\nneeds: gate\n"),
            [
                "t:1:1 `command` is missing",
                "t:1:5 expected text, found a list",
                "t:2:1 `retrys` has no meaning here",
                "t:3:10 expected a whole number, found `three`",
                "t:4:8 expected a list, found `gate`",
            ]
        );
    }

    #[test]
    fn text_is_taken_as_written_and_places_are_kept() {
        let mut sources = Sources::new();
        let file = sources.add("t", "id: 010\nneeds: [no, 1.10]\ncommand: yes\n");
        let (node, mut found) = parse(file, sources.get(file).unwrap());
        let step: Step = decode(&node.unwrap(), &mut found).unwrap();
        assert!(found.is_empty());
        assert_eq!(step.id.unwrap().value, "010");
        assert_eq!(step.command, "yes");
        assert_eq!(sources.place(step.needs[1].span), "t:2:13");
        assert_eq!(step.needs[1].value, "1.10");
        assert_eq!(step.retries, 0);
    }

    #[test]
    fn untyped_values_that_readers_disagree_about_are_refused() {
        for text in ["010", "yes", "1_000", "12:30", "0x1f"] {
            let mut sources = Sources::new();
            let file = sources.add("t", text);
            let (node, mut found) = parse(file, sources.get(file).unwrap());
            let _: Option<serde_json::Value> = decode(&node.unwrap(), &mut found);
            assert_eq!(found.iter().next().map(|d| d.code), Some(Code::AmbiguousScalar), "{text}");
        }
    }
}
