//! Manifests: the objects in files that a line names with `-f`, and patches of `--patch-file`.
//!
//! They are read when the playbook is checked. Invariant: every object has an API version, a kind and
//! a name, so that what is made can be found again; data of Secrets is known as secret from here on.

use std::path::PathBuf;

use base64::Engine as _;
use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::files::Files;
use playbook_core::secret::Secrets;
use playbook_core::source::Span;
use serde_json::Value;

use super::line::model::{Create, Line, Objects, Patch, Selectors, Verb};
use super::yaml;
use crate::line::open;

/// One object of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Manifest {
    /// `k8s/redis.yaml`, and which of its objects if there are several.
    pub(super) place: String,
    pub(super) object: Value,
}

impl Manifest {
    pub(super) fn text(&self, at: &str) -> Option<&str> {
        self.object.pointer(at).and_then(Value::as_str)
    }
}

/// What the files of a line hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Held {
    pub(super) manifests: Vec<Manifest>,
    /// Of `--patch-file`.
    pub(super) patch: Option<Value>,
}

/// What files does a line name?
fn named(line: &Line) -> Option<(&[PathBuf], bool, Option<&Selectors>)> {
    let objects = match &line.verb {
        Verb::Create(Create::Files { paths, recursive }) => return Some((paths, *recursive, None)),
        Verb::Patch { patch: Patch::File(path), .. } => return Some((std::slice::from_ref(path), false, None)),
        verb => verb.objects()?,
    };
    match objects {
        Objects::Files { paths, recursive, selectors } => Some((paths, *recursive, Some(selectors))),
        Objects::Named(_) | Objects::Kinds(..) => None,
    }
}

/// Reads the files of a line; problems go to `found`.
pub(super) fn read(
    line: &Line,
    files: &dyn Files,
    secrets: &Secrets,
    span: Span,
    found: &mut Diagnostics,
) -> Option<Held> {
    let Some((paths, recursive, selectors)) = named(line) else { return Some(Held::default()) };
    let mut wrong = |message: String, help: &str| {
        found.push(Diagnostic::error(Code::Manifest, span, message).help(help));
        None
    };
    if selectors.is_some_and(|s| s.labels.is_some() || s.fields.is_some()) {
        return wrong("a selector on files".into(), "leave it out, and name the files that are meant");
    }
    let mut held = Held::default();
    for path in paths {
        let path = path.to_string_lossy();
        if open::is(&path) {
            return wrong(
                "a file whose name is known only in the run".into(),
                "write the path: what a run applies is reviewed before it begins",
            );
        }
        let files = match files.read(&path, recursive) {
            Ok(files) => files,
            Err(why) => return wrong(format!("{path}: {why}"), "paths are relative to the playbook's folder"),
        };
        for file in files {
            let documents = match yaml::documents(&file.text) {
                Ok(documents) => documents,
                Err(why) => return wrong(format!("{}{why}", file.path), "a manifest is YAML or JSON"),
            };
            if matches!(line.verb, Verb::Patch { .. }) {
                let [patch] = <[Value; 1]>::try_from(documents).ok()?;
                held.patch = Some(patch);
                continue;
            }
            for (at, object) in documents.into_iter().flat_map(unlisted).enumerate() {
                let place = if at == 0 { file.path.clone() } else { format!("{} (object {})", file.path, at + 1) };
                let manifest = Manifest { place, object };
                if let Err((why, help)) = fits(&manifest, line) {
                    return wrong(format!("{}: {why}", manifest.place), help);
                }
                known(&manifest, secrets);
                held.manifests.push(manifest);
            }
        }
    }
    if held.manifests.is_empty() && held.patch.is_none() {
        return wrong("no objects in these files".into(), "a manifest has apiVersion, kind and metadata.name");
    }
    Some(held)
}

/// The items of a `kind: List`.
fn unlisted(value: Value) -> Vec<Value> {
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match value.get("items").and_then(Value::as_array).filter(|_| is_list) {
        Some(items) => items.clone(),
        None => vec![value],
    }
}

fn fits(manifest: &Manifest, line: &Line) -> Result<(), (String, &'static str)> {
    for (at, name) in [("/apiVersion", "apiVersion"), ("/kind", "kind")] {
        if manifest.text(at).is_none_or(str::is_empty) {
            return Err((format!("an object without {name}"), "write apiVersion, kind and metadata.name"));
        }
    }
    if manifest.text("/metadata/name").is_none_or(str::is_empty) {
        let generated = manifest.text("/metadata/generateName").is_some();
        return Err(if generated {
            ("generateName".into(), "give it a name: what has none beforehand could not be found again after a stop")
        } else {
            ("an object without metadata.name".into(), "write apiVersion, kind and metadata.name")
        });
    }
    match (manifest.text("/metadata/namespace"), line.namespace.as_deref().filter(|name| !open::is(name))) {
        (Some(own), Some(wanted)) if own != wanted => {
            Err((format!("its namespace is {own}, and the line says {wanted}"), "leave -n out, or say the same twice"))
        }
        _ => Ok(()),
    }
}

/// Data of a Secret is secret, as it is written and decoded.
fn known(manifest: &Manifest, secrets: &Secrets) {
    for (key, value) in data(&manifest.object) {
        let name = format!("{}.{key}", manifest.text("/metadata/name").unwrap_or_default());
        secrets.add(&name, &value);
    }
}

/// Every value in a Secret, as it is written and decoded.
pub(super) fn data(object: &Value) -> Vec<(String, String)> {
    if !is_secret(object) {
        return Vec::new();
    }
    let mut all = Vec::new();
    // Whatever is misspelt or misplaced in it is secret too.
    for (field, value) in object.as_object().into_iter().flatten().filter(|(field, _)| !SHOWN.contains(&field.as_str()))
    {
        let mut texts = Vec::new();
        scalars(field, value, &mut texts);
        for (key, text) in texts {
            let decoded = base64::engine::general_purpose::STANDARD.decode(&text).ok().filter(|_| field == "data");
            all.extend(decoded.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| (key.clone(), text)));
            all.push((key, text));
        }
    }
    all
}

/// Fields of a Secret that are not.
pub(super) const SHOWN: &[&str] = &["apiVersion", "kind", "metadata", "type", "immutable"];

fn scalars(key: &str, value: &Value, all: &mut Vec<(String, String)>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => all.push((key.to_owned(), number.to_string())),
        Value::String(text) => all.push((key.to_owned(), text.clone())),
        Value::Array(items) => items.iter().for_each(|item| scalars(key, item, all)),
        Value::Object(map) => map.iter().for_each(|(key, item)| scalars(key, item, all)),
    }
}

/// A Secret, whose data is never shown or kept.
pub(super) fn is_secret(object: &Value) -> bool {
    object.get("kind").is_some_and(|kind| kind == "Secret") && object.get("apiVersion").is_some_and(|v| v == "v1")
}
