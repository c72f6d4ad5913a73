//! `volume create`, `volume rm`.

use serde_json::Map;

use super::model::Verb;
use super::names::{name, several};
use super::pairs::{object, put, text};
use crate::line::problem::Problem;
use crate::line::reader::Reader;

pub(super) fn create(reader: &Reader) -> Result<Verb, Problem> {
    reader.no_more(1, "volume create makes one volume; one step for each")?;
    if let (Some(_), Some(_)) = (reader.arguments.first(), reader.last("name")) {
        return Err(reader.wrong("the volume is named twice", "leave --name out"));
    }
    let named = reader.arguments.first().or_else(|| reader.last("name")).map(name).transpose()?;
    let mut body = Map::new();
    put(&mut body, "Driver", text(reader, "driver"));
    put(&mut body, "DriverOpts", object(reader, "opt")?);
    put(&mut body, "Labels", object(reader, "label")?);
    Ok(Verb::VolumeCreate { name: named, body })
}

pub(super) fn remove(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::VolumeRemove { names: several(reader, 0, name, "VOLUME")?, force: reader.on("force")? })
}
