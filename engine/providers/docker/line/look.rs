//! Verbs that only look: ps, inspect, logs, stats, top and what is like them.

use super::amounts::{count, moment};
use super::model::{Logs, Verb, What};
use super::names::{ReadName, anything, every, image, name, one, several};
use super::pairs::filters;
use crate::line::choices::choice;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

const PS_FILTERS: &[&str] = &[
    "id", "name", "label", "exited", "status", "ancestor", "before", "since", "volume", "network", "publish", "expose",
    "health", "is-task",
];

pub(super) fn ps(reader: &Reader) -> Result<Verb, Problem> {
    reader.no_more(0, "write ps --filter name=NAME, or choose with an expression over the result")?;
    let last = match reader.last("last") {
        Some(piece) => reader.natural("last")?.map(|_| count(piece)).transpose()?,
        None => reader.on("latest")?.then_some(1),
    };
    let filters = filters(reader, PS_FILTERS)?;
    let implied = last.is_some()
        || reader.last("last").is_some()
        || filters.iter().any(|(key, _)| ["status", "exited"].contains(&key.as_str()));
    Ok(Verb::Ps { all: reader.on("all")? || implied, last, size: reader.on("size")?, filters })
}

pub(super) fn inspect(reader: &Reader) -> Result<Verb, Problem> {
    let kind = match reader.verb.split_once(' ') {
        Some((kind, _)) => Some(kind),
        None => choice(reader, "type", &["container", "image", "volume", "network"])?,
    };
    let (what, read, example): (_, ReadName, _) = match kind {
        Some("container") => (Some(What::Container), name, "CONTAINER"),
        Some("image") => (Some(What::Image), image, "IMAGE"),
        Some("volume") => (Some(What::Volume), name, "VOLUME"),
        Some("network") => (Some(What::Network), name, "NETWORK"),
        _ => (None, anything, "NAME"),
    };
    Ok(Verb::Inspect { what, names: several(reader, 0, read, example)?, size: reader.on("size")? })
}

/// What logs of docker and of compose have in common.
pub(super) fn logs_of(reader: &Reader, of: Vec<String>) -> Result<Logs, Problem> {
    let tail = match reader.last("tail") {
        None => None,
        Some(piece) if piece.text.as_deref() == Some("all") => None,
        Some(piece) => reader.natural("tail")?.map(|_| count(piece)).transpose()?,
    };
    Ok(Logs {
        of,
        tail,
        since: reader.last("since").map(moment).transpose()?,
        until: reader.last("until").map(moment).transpose()?,
        timestamps: reader.on("timestamps")?,
    })
}

pub(super) fn logs(reader: &Reader) -> Result<Verb, Problem> {
    let of = one(reader, name, "CONTAINER")?;
    Ok(Verb::Logs(logs_of(reader, vec![of])?))
}

pub(super) fn stats(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Stats { containers: every(reader, 0, name)?, all: reader.on("all")? })
}

pub(super) fn top(reader: &Reader) -> Result<Verb, Problem> {
    let Some((container, options)) = reader.arguments.split_first() else {
        return Err(reader.wrong("top of what?", "write top CONTAINER"));
    };
    Ok(Verb::Top { container: name(container)?, options: options.iter().map(Piece::value).collect() })
}

pub(super) fn port(reader: &Reader) -> Result<Verb, Problem> {
    if let Some(extra) = reader.arguments.get(1) {
        return Err(extra.problem(
            format!("port takes no argument `{}` after the container", extra.shown()),
            "leave it out; the result has every port",
        ));
    }
    Ok(Verb::Port { container: one(reader, name, "CONTAINER")? })
}

pub(super) fn diff(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Diff { container: one(reader, name, "CONTAINER")? })
}

pub(super) fn images(reader: &Reader) -> Result<Verb, Problem> {
    reader.no_more(1, "images takes one NAME:TAG; choose with an expression over the result")?;
    // A pattern of names is more than a name.
    let reference = reader.arguments.first().map(|piece| match &piece.text {
        Some(text) if text.is_empty() || text.contains(char::is_whitespace) => image(piece),
        _ => Ok(piece.value()),
    });
    let known = ["dangling", "label", "before", "since", "reference", "until"];
    Ok(Verb::Images { reference: reference.transpose()?, all: reader.on("all")?, filters: filters(reader, &known)? })
}

pub(super) fn volumes(reader: &Reader) -> Result<Verb, Problem> {
    reader.no_more(0, "write volume ls --filter name=NAME, or volume inspect NAME")?;
    Ok(Verb::Volumes { filters: filters(reader, &["dangling", "driver", "label", "name"])? })
}

pub(super) fn networks(reader: &Reader) -> Result<Verb, Problem> {
    reader.no_more(0, "write network ls --filter name=NAME, or network inspect NAME")?;
    let known = ["dangling", "driver", "id", "label", "name", "scope", "type"];
    Ok(Verb::Networks { filters: filters(reader, &known)? })
}

pub(super) fn version(reader: &Reader) -> Result<Verb, Problem> {
    reader.no_more(0, "leave it out")?;
    Ok(Verb::Version)
}

pub(super) fn info(reader: &Reader) -> Result<Verb, Problem> {
    reader.no_more(0, "leave it out")?;
    Ok(Verb::Info)
}

pub(super) fn disk_usage(reader: &Reader) -> Result<Verb, Problem> {
    reader.no_more(0, "leave it out")?;
    Ok(Verb::DiskUsage)
}

pub(super) fn wait(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Wait { containers: several(reader, 0, name, "CONTAINER")? })
}
