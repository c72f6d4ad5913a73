//! What a server replies, without the driver's types, and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

/// An error in the server's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerError {
    /// The first word: `OOM`, `WRONGTYPE`, `ERR`.
    pub(super) code: String,
    /// The rest.
    pub(super) text: String,
}

/// A reply.
#[derive(Clone, PartialEq)]
pub(super) enum Reply {
    Nil,
    Int(i64),
    Double(f64),
    Bool(bool),
    Bytes(Vec<u8>),
    Array(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
    Error(ServerError),
}

impl Reply {
    /// The text, if it is one that can be read.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The bytes of a text.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The bytes of a text, taken out.
    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A whole number, also one written as text.
    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bytes(_) => self.text()?.parse().ok(),
            _ => None,
        }
    }

    /// The items of a list; nothing for anything else.
    pub(super) fn items(&self) -> &[Reply] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// The items of a list, taken out.
    pub(super) fn into_items(self) -> Vec<Reply> {
        match self {
            Self::Array(items) => items,
            _ => Vec::new(),
        }
    }

    /// Keys and values of a mapping, or of a list that alternates them.
    pub(super) fn pairs(&self) -> Vec<(&Reply, &Reply)> {
        match self {
            Self::Map(pairs) => pairs.iter().map(|(key, value)| (key, value)).collect(),
            Self::Array(items) => items.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect(),
            _ => Vec::new(),
        }
    }

    /// The value of a key, in a mapping or a list that alternates.
    pub(super) fn get(&self, name: &str) -> Option<&Reply> {
        self.pairs().into_iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
    }

    /// The error, if it is one.
    pub(super) fn error(&self) -> Option<&ServerError> {
        match self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }

    /// As data: numbers as numbers, texts that are not UTF-8 as `{"$bytes": hex}`.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Nil => Value::Null,
            Self::Int(number) => Value::from(*number),
            Self::Double(number) => double(*number),
            Self::Bool(value) => Value::Bool(*value),
            Self::Bytes(bytes) => bytes_json(bytes),
            Self::Array(items) => items.iter().map(Self::json).collect(),
            Self::Map(pairs) => {
                pairs.iter().map(|(key, value)| (key_text(key), value.json())).collect::<Map<_, _>>().into()
            }
            Self::Error(error) => serde_json::json!({"$error": format!("{} {}", error.code, error.text)}),
        }
    }
}

/// A floating number; what JSON has no number for becomes a text.
pub(super) fn double(number: f64) -> Value {
    match Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => "nan".into(),
        None if number > 0.0 => "inf".into(),
        None => "-inf".into(),
    }
}

/// Bytes as data.
pub(super) fn bytes_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => serde_json::json!({"$bytes": hex(bytes)}),
    }
}

/// The key of a mapping as text.
pub(super) fn key_text(key: &Reply) -> String {
    match key {
        Reply::Bytes(bytes) => lossless(bytes),
        other => match other.json() {
            Value::String(text) => text,
            value => value.to_string(),
        },
    }
}

/// Bytes as text for people and as a key of JSON: as they are where possible, else escaped as
/// redis-cli does.
pub(super) fn lossless(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold(String::new(), |mut text, &byte| {
            match byte {
                b'\\' => text.push_str("\\\\"),
                0x20..=0x7e => text.push(char::from(byte)),
                _ => {
                    let _ = write!(text, "\\x{byte:02x}");
                }
            }
            text
        }),
    }
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_become_data_without_losing_bytes() {
        let reply = Reply::Map(vec![
            (Reply::Bytes(b"n".to_vec()), Reply::Int(1)),
            (Reply::Bytes(vec![0xff, b'a']), Reply::Bytes(vec![0xff, 0])),
            (Reply::Bytes(b"d".to_vec()), Reply::Double(1.5)),
            (Reply::Bytes(b"i".to_vec()), Reply::Double(f64::INFINITY)),
            (Reply::Bytes(b"l".to_vec()), Reply::Array(vec![Reply::Nil, Reply::Bool(true)])),
        ]);
        assert_eq!(reply.json().to_string(), r#"{"n":1,"\\xffa":{"$bytes":"ff00"},"d":1.5,"i":"inf","l":[null,true]}"#);
    }
}
