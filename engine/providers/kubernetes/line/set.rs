//! `kubectl set image`, `set env`, `set resources`.

use super::measure::quantity;
use super::model::Verb;
use super::objects::{Need, objects};
use super::pairs::{pair, pairs, texts};
use crate::line::problem::Problem;
use crate::line::reader::Reader;

pub(super) fn image(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    let found = pairs(reader, false)?;
    let objects = objects(reader, &found.objects, Need::Chosen)?;
    for (container, image) in &found.set {
        let bad = image.text.as_ref().is_some_and(|text| text.is_empty() || text.contains(char::is_whitespace));
        if bad {
            return Err(
                image.problem(format!("`{}` is no image", image.shown()), format!("write {container}=REPOSITORY:TAG"))
            );
        }
    }
    Ok(Verb::SetImage { objects, images: texts(found.set) })
}

pub(super) fn env(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    if !reader.switch("overwrite", true)? {
        return Err(reader.bad("overwrite", "the variables are always set", "leave it out; guard the step with when:"));
    }
    let mut found = pairs(reader, true)?;
    for piece in reader.all("env") {
        if piece.fixed && piece.head.len() > 1 && piece.head.ends_with('-') && !piece.head.contains('=') {
            found.unset.push(piece.head.trim_end_matches('-').to_owned());
        } else {
            found.set.push(pair(piece)?);
        }
    }
    let objects = objects(reader, &found.objects, Need::Chosen)?;
    let containers = reader.text("containers").unwrap_or_else(|| "*".into());
    Ok(Verb::SetEnv { objects, set: texts(found.set), unset: found.unset, containers })
}

pub(super) fn resources(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    let objects = objects(reader, &reader.arguments, Need::Chosen)?;
    let limits = amounts(reader, "limits")?;
    let requests = amounts(reader, "requests")?;
    if limits.is_empty() && requests.is_empty() {
        return Err(reader.missing("limits or --requests", "--limits=memory=2Gi,cpu=1"));
    }
    let containers = reader.text("containers").unwrap_or_else(|| "*".into());
    Ok(Verb::SetResources { objects, containers, limits, requests })
}

/// `cpu=200m,memory=512Mi`.
pub(super) fn amounts(reader: &Reader, name: &str) -> Result<Vec<(String, String)>, Problem> {
    let mut amounts = Vec::new();
    for piece in reader.last(name).map(crate::line::word::Piece::list).unwrap_or_default() {
        let (resource, amount) = pair(&piece)?;
        amounts.push((resource, quantity(&amount)?));
    }
    Ok(amounts)
}
