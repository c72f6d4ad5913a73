//! `kubectl patch`.

use serde_json::Value;

use super::model::{Patch, PatchType, Verb};
use super::objects::{Need, objects, path};
use crate::line::choices::choice;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

pub(super) fn patch(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    let objects = objects(reader, &reader.arguments, Need::Named)?;
    let kind = match choice(reader, "type", &["strategic", "merge", "json"])? {
        Some("merge") => PatchType::Merge,
        Some("json") => PatchType::Json,
        _ => PatchType::Strategic,
    };
    let patch = match (reader.last("patch"), reader.last("patch-file")) {
        (Some(_), Some(file)) => return Err(file.problem("both --patch and --patch-file", "leave one of them out")),
        (Some(text), None) => body(text, kind)?,
        (None, Some(file)) => Patch::File(path(file)?),
        (None, None) => {
            return Err(reader.missing("patch", "-p '{\"spec\": {…}}', or the step as a mapping with body:"));
        }
    };
    let subresource = choice(reader, "subresource", &["status", "scale", "resize"])?.map(str::to_owned);
    Ok(Verb::Patch { objects, kind, patch, subresource })
}

/// JSON, or YAML.
fn body(piece: &Piece, kind: PatchType) -> Result<Patch, Problem> {
    let Some(text) = &piece.text else { return Ok(Patch::Open) };
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(json) => serde_yaml::from_str(text).map_err(|yaml| {
            let why = if text.trim_start().starts_with(['{', '[']) { json.to_string() } else { yaml.to_string() };
            piece.problem(
                format!("the patch can be read neither as JSON nor as YAML: {why}"),
                "put it in single quotes: -p '{\"spec\": {…}}', or write the step as a mapping with body:",
            )
        })?,
    };
    match (kind, &value) {
        (PatchType::Json, Value::Array(_)) | (PatchType::Strategic | PatchType::Merge, Value::Object(_)) => {
            Ok(Patch::Known(value))
        }
        (PatchType::Json, _) => Err(piece.problem(
            "a JSON patch is a list of operations",
            "write [{\"op\": \"replace\", \"path\": \"/spec/replicas\", \"value\": 3}], or --type=merge",
        )),
        (PatchType::Strategic | PatchType::Merge, _) => Err(piece.problem(
            "a patch of this type is a mapping",
            "write {\"spec\": {…}}; a list of operations needs --type=json",
        )),
    }
}
