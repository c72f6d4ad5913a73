//! rename, rm, pull and prune.

use super::model::{Verb, What};
use super::names::{image, name, one, several, two};
use super::pairs::filters;
use crate::line::problem::Problem;
use crate::line::reader::Reader;

pub(super) fn rename(reader: &Reader) -> Result<Verb, Problem> {
    let (container, to) = two(reader, "CONTAINER NAME")?;
    Ok(Verb::Rename { container, to })
}

pub(super) fn remove(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Remove {
        containers: several(reader, 0, name, "CONTAINER")?,
        force: reader.on("force")?,
        volumes: reader.on("volumes")?,
    })
}

pub(super) fn pull(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Pull { image: one(reader, image, "IMAGE:TAG")?, platform: reader.text("platform") })
}

pub(super) fn prune(reader: &Reader) -> Result<Verb, Problem> {
    reader.no_more(0, "a prune takes only --filter; name things with rm")?;
    let (what, known): (_, &[&str]) = match reader.verb.split(' ').next().unwrap_or_default() {
        "image" => (What::Image, &["dangling", "until", "label", "label!"]),
        "volume" => (What::Volume, &["all", "label", "label!"]),
        "network" => (What::Network, &["until", "label", "label!"]),
        _ => (What::Container, &["until", "label", "label!"]),
    };
    Ok(Verb::Prune { what, all: reader.on("all")?, filters: filters(reader, known)? })
}
