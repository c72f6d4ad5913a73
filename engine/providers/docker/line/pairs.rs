//! `KEY=VALUE` in the values of flags.

use serde_json::{Map, Value};

use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

/// One `KEY=VALUE`; the key is written out.
pub(super) fn pair(reader: &Reader, piece: &Piece) -> Result<(String, Piece), Problem> {
    piece.split('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        piece.problem(
            format!("`{}` is no KEY=VALUE", piece.shown()),
            format!("{} takes KEY=VALUE here; write the key out, the value can be a template", reader.verb),
        )
    })
}

/// Each `--name KEY=VALUE` as an object; a key alone stands for an empty value. None if there is none.
pub(super) fn object(reader: &Reader, name: &str) -> Result<Option<Value>, Problem> {
    let mut found = Map::new();
    for piece in reader.all(name) {
        if piece.fixed && !piece.head.is_empty() && !piece.head.contains('=') {
            found.insert(piece.head.clone(), "".into());
        } else {
            let (key, value) = pair(reader, piece)?;
            found.insert(key, value.value().into());
        }
    }
    Ok((!found.is_empty()).then_some(Value::Object(found)))
}

/// Each `-f KEY=VALUE` whose key is one of `known`.
pub(super) fn filters(reader: &Reader, known: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    let mut found = Vec::new();
    for piece in reader.all("filter") {
        let (key, value) = pair(reader, piece)?;
        let key = key.trim().to_ascii_lowercase();
        if !known.contains(&key.as_str()) {
            let otherwise = format!("one of {}", known.join(", "));
            let problem = piece.problem(format!("{} knows no filter `{key}`", reader.verb), "");
            return Err(problem.near(&key, known, otherwise));
        }
        if value.text.as_deref() == Some("") {
            return Err(piece.problem(format!("the filter `{key}` is empty"), "write KEY=VALUE, or leave it out"));
        }
        found.push((key, value.value()));
    }
    Ok(found)
}

/// Each `-e NAME=VALUE`, as it is written.
pub(super) fn environment(reader: &Reader, name: &str) -> Result<Vec<String>, Problem> {
    let read = |piece: &Piece| {
        if piece.fixed && !piece.head.is_empty() && !piece.head.contains('=') {
            let variable = &piece.head;
            return Err(piece.problem(
                format!("`{variable}` without a value would be taken from whoever runs this"),
                format!("write -e {variable}={{{{ env.{variable} }}}}, or give the value"),
            ));
        }
        pair(reader, piece).map(|(variable, value)| format!("{variable}={}", value.value()))
    };
    reader.all(name).into_iter().map(read).collect()
}

/// Each value of a flag, as JSON. None if there is none.
pub(super) fn list(reader: &Reader, name: &str) -> Option<Value> {
    let found: Vec<Value> = reader.all(name).into_iter().map(|piece| piece.value().into()).collect();
    (!found.is_empty()).then_some(Value::Array(found))
}

/// Each value of a flag that takes lists with commas, as JSON. None if there is none.
pub(super) fn commas(reader: &Reader, name: &str) -> Result<Vec<Piece>, Problem> {
    let mut found = Vec::new();
    for piece in reader.all(name) {
        found.extend(piece.parts(',')?);
    }
    Ok(found)
}

/// Texts as JSON. None if there is none.
pub(super) fn array(pieces: &[Piece]) -> Option<Value> {
    (!pieces.is_empty()).then(|| pieces.iter().map(Piece::value).collect())
}

/// Puts what is there into an object.
pub(super) fn put(body: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        body.insert(key.to_owned(), value);
    }
}

/// A flag that is given as a text.
pub(super) fn text(reader: &Reader, name: &str) -> Option<Value> {
    reader.text(name).map(Value::String)
}

/// A switch that is on.
pub(super) fn on(reader: &Reader, name: &str) -> Result<Option<Value>, Problem> {
    Ok(reader.on(name)?.then_some(Value::Bool(true)))
}
