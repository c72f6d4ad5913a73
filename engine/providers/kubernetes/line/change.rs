//! Verbs that change fields: apply, scale, autoscale, label, annotate.

use super::model::{Number, Objects, Verb};
use super::objects::{Need, objects};
use super::pairs::{pairs, texts};
use crate::line::problem::Problem;
use crate::line::reader::Reader;

pub(super) fn apply(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    if reader.all("filename").is_empty() {
        return Err(reader.missing("filename", "apply -f FILE, relative to the playbook"));
    }
    let objects = objects(reader, &reader.arguments, Need::Named)?;
    let server_side = reader.on("server-side")?;
    let force_conflicts = reader.on("force-conflicts")?;
    if force_conflicts && !server_side {
        return Err(reader.bad(
            "force-conflicts",
            "it is only for --server-side",
            "add --server-side, or leave it out",
        ));
    }
    Ok(Verb::Apply { objects, server_side, force_conflicts, field_manager: reader.name("field-manager")? })
}

pub(super) fn scale(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    let objects = objects(reader, &reader.arguments, Need::Chosen)?;
    let replicas = reader.number("replicas", 0)?.ok_or_else(|| reader.missing("replicas", "--replicas=3"))?;
    let current = reader.natural("current-replicas")?;
    Ok(Verb::Scale { objects, replicas, current, resource_version: reader.text("resource-version") })
}

pub(super) fn autoscale(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    let objects = objects(reader, &reader.arguments, Need::Named)?;
    let max = reader.number("max", 1)?.ok_or_else(|| reader.missing("max", "--max=10"))?;
    // kubectl: a minimum below zero is as if it were not given.
    let min = reader.number("min", i64::MIN)?.filter(|min| !matches!(min, Number::Known(least) if *least < 0));
    if let (Some(Number::Known(min)), Number::Known(max)) = (min, max)
        && min > max
    {
        return Err(reader.bad("max", "it is below --min", format!("write --max={min} or more")));
    }
    let cpu =
        reader.number("cpu-percent", i64::MIN)?.filter(|cpu| !matches!(cpu, Number::Known(percent) if *percent < 0));
    Ok(Verb::Autoscale { objects, min, max, cpu_percent: cpu, name: reader.name("name")? })
}

/// What label and annotate have in common.
struct Marks {
    objects: Objects,
    set: Vec<(String, String)>,
    unset: Vec<String>,
    overwrite: bool,
    resource_version: Option<String>,
}

fn marks(reader: &Reader) -> Result<Marks, Problem> {
    reader.check_output()?;
    let found = pairs(reader, true)?;
    let objects = objects(reader, &found.objects, Need::Chosen)?;
    let resource_version = reader.text("resource-version");
    if let (Some(version), Objects::Kinds(..)) = (reader.last("resource-version"), &objects) {
        return Err(version.problem("--resource-version is of one object", "name the object: TYPE/NAME"));
    }
    let overwrite = reader.on("overwrite")?;
    Ok(Marks { objects, set: texts(found.set), unset: found.unset, overwrite, resource_version })
}

pub(super) fn label(reader: &Reader) -> Result<Verb, Problem> {
    let Marks { objects, set, unset, overwrite, resource_version } = marks(reader)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let bad = |value: &str| value.len() > 63 || !value.chars().all(fits);
    if let Some((key, value)) = set.iter().find(|(_, value)| !crate::line::open::is(value) && bad(value)) {
        return Err(reader.wrong(
            format!("`{value}` cannot be the value of the label {key}"),
            "a label has up to 63 letters, digits, `-`, `_` and `.`; anything else fits into an annotation",
        ));
    }
    Ok(Verb::Label { objects, set, unset, overwrite, resource_version })
}

pub(super) fn annotate(reader: &Reader) -> Result<Verb, Problem> {
    let Marks { objects, set, unset, overwrite, resource_version } = marks(reader)?;
    Ok(Verb::Annotate { objects, set, unset, overwrite, resource_version })
}
