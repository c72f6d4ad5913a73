//! Objects that hold settings: Namespace, ConfigMap, Secret, ServiceAccount, ResourceQuota.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::{object, with};
use crate::kubernetes::line::model::Create;
use crate::kubernetes::line::pairs::pair;
use crate::kubernetes::line::set::amounts;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

pub(super) fn namespace(_: &Reader, name: &str) -> Result<Create, Problem> {
    Ok(Create::Object(object("v1", "Namespace", name)))
}

pub(super) fn serviceaccount(_: &Reader, name: &str) -> Result<Create, Problem> {
    Ok(Create::Object(object("v1", "ServiceAccount", name)))
}

pub(super) fn configmap(reader: &Reader, name: &str) -> Result<Create, Problem> {
    let object = object("v1", "ConfigMap", name);
    let data = literals(reader, str::to_owned)?;
    Ok(if data.is_empty() { Create::Object(object) } else { with(object, json!({"data": data})) })
}

pub(super) fn secret(reader: &Reader, name: &str) -> Result<Create, Problem> {
    let data = literals(reader, |text| BASE64_STANDARD.encode(text))?;
    let kind = reader.text("type").unwrap_or_else(|| "Opaque".into());
    let object = object("v1", "Secret", name);
    Ok(with(object, if data.is_empty() { json!({"type": kind}) } else { json!({"data": data, "type": kind}) }))
}

fn literals(reader: &Reader, encode: impl Fn(&str) -> String) -> Result<Map<String, Value>, Problem> {
    let mut data = Map::new();
    for piece in reader.all("from-literal") {
        let (key, value) = pair(piece)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !key.chars().all(fits) {
            return Err(
                piece.problem(format!("`{key}` cannot be a key"), "a key has letters, digits, `-`, `_` and `.`")
            );
        }
        if data.insert(key.clone(), Value::String(encode(&value.value()))).is_some() {
            return Err(piece.problem(format!("the key `{key}` is given twice"), "leave one of them out"));
        }
    }
    Ok(data)
}

pub(super) fn quota(reader: &Reader, name: &str) -> Result<Create, Problem> {
    let mut spec = Map::new();
    let hard = amounts(reader, "hard")?;
    if !hard.is_empty() {
        let hard: Map<String, Value> = hard.into_iter().map(|(key, amount)| (key, Value::String(amount))).collect();
        spec.insert("hard".into(), Value::Object(hard));
    }
    let scopes: Vec<String> = reader.lists("scopes").iter().map(Piece::value).collect();
    if !scopes.is_empty() {
        spec.insert("scopes".into(), json!(scopes));
    }
    Ok(with(object("v1", "ResourceQuota", name), json!({"spec": spec})))
}
