//! What each verb of compose asks for.

use super::super::amounts::{count, whole};
use super::super::exec::{exec_in, program};
use super::super::life::{act, patience};
use super::super::look::logs_of;
use super::super::model::{ComposeRun, ComposeVerb, Up};
use super::super::names::{every, name};
use super::super::pairs::environment;
use super::super::run::{PULLS, source};
use crate::line::choices::choice;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

fn services(reader: &Reader) -> Result<Vec<String>, Problem> {
    every(reader, 0, name)
}

pub(super) fn ps(reader: &Reader) -> Result<ComposeVerb, Problem> {
    Ok(ComposeVerb::Ps { services: services(reader)?, all: reader.on("all")? })
}

pub(super) fn logs(reader: &Reader) -> Result<ComposeVerb, Problem> {
    Ok(ComposeVerb::Logs(logs_of(reader, services(reader)?)?))
}

pub(super) fn top(reader: &Reader) -> Result<ComposeVerb, Problem> {
    Ok(ComposeVerb::Top { services: services(reader)? })
}

pub(super) fn images(reader: &Reader) -> Result<ComposeVerb, Problem> {
    Ok(ComposeVerb::Images { services: services(reader)? })
}

pub(super) fn projects(reader: &Reader) -> Result<ComposeVerb, Problem> {
    reader.no_more(0, "write compose -p NAME ps for one project")?;
    Ok(ComposeVerb::Projects { all: reader.on("all")? })
}

pub(super) fn life(reader: &Reader) -> Result<ComposeVerb, Problem> {
    Ok(ComposeVerb::Life { act: act(reader)?, services: services(reader)? })
}

pub(super) fn remove(reader: &Reader) -> Result<ComposeVerb, Problem> {
    Ok(ComposeVerb::Remove { services: services(reader)?, stop: reader.on("stop")?, volumes: reader.on("volumes")? })
}

pub(super) fn down(reader: &Reader) -> Result<ComposeVerb, Problem> {
    Ok(ComposeVerb::Down {
        services: services(reader)?,
        volumes: reader.on("volumes")?,
        orphans: reader.on("remove-orphans")?,
        seconds: patience(reader)?,
        images: choice(reader, "rmi", &["all", "local"])?.map(str::to_owned),
    })
}

pub(super) fn up(reader: &Reader) -> Result<ComposeVerb, Problem> {
    let waits = reader.on("wait")?;
    let no_start = reader.on("no-start")?;
    if !reader.on("detach")? && !waits && !no_start {
        return Err(reader.wrong(
            "up without -d stays with its containers and never ends",
            "write compose up -d; compose logs SERVICE has what they print",
        ));
    }
    let (force_recreate, no_recreate) = (reader.on("force-recreate")?, reader.on("no-recreate")?);
    if force_recreate && no_recreate {
        return Err(reader.wrong("both --force-recreate and --no-recreate", "leave one of them out"));
    }
    let wait_seconds = match reader.last("wait-timeout") {
        Some(piece) => whole(piece, 0)?.as_u64(),
        None => None,
    };
    Ok(ComposeVerb::Up(Up {
        services: services(reader)?,
        scale: reader.all("scale").into_iter().map(|piece| scaled("up -d --scale", piece)).collect::<Result<_, _>>()?,
        force_recreate,
        no_recreate,
        no_deps: reader.on("no-deps")?,
        remove_orphans: reader.on("remove-orphans")?,
        renew_volumes: reader.on("renew-anon-volumes")?,
        no_start,
        pull: choice(reader, "pull", PULLS)?.map(str::to_owned),
        seconds: patience(reader)?,
        wait_seconds,
    }))
}

/// `SERVICE=3`; 0 while the number has no value.
fn scaled(verb: &str, piece: &Piece) -> Result<(String, u64), Problem> {
    let (service, number) = piece.split('=').ok_or_else(|| {
        piece.problem(format!("`{}` says not how many", piece.shown()), format!("write compose {verb} SERVICE=3"))
    })?;
    Ok((name(&Piece::fixed(&service, piece.at))?, count(&number)?))
}

pub(super) fn scale(reader: &Reader) -> Result<ComposeVerb, Problem> {
    if reader.arguments.is_empty() {
        return Err(reader.wrong("scale what?", "write compose scale SERVICE=3"));
    }
    let scale: Vec<(String, u64)> =
        reader.arguments.iter().map(|piece| scaled("scale", piece)).collect::<Result<_, _>>()?;
    Ok(ComposeVerb::Up(Up {
        services: scale.iter().map(|(service, _)| service.clone()).collect(),
        scale,
        no_recreate: true,
        no_deps: true,
        seconds: patience(reader)?,
        ..Up::default()
    }))
}

pub(super) fn pull(reader: &Reader) -> Result<ComposeVerb, Problem> {
    Ok(ComposeVerb::Pull { services: services(reader)? })
}

pub(super) fn exec(reader: &Reader) -> Result<ComposeVerb, Problem> {
    Ok(ComposeVerb::Exec(exec_in(reader, "SERVICE")?))
}

pub(super) fn run(reader: &Reader) -> Result<ComposeVerb, Problem> {
    let Some((service, command)) = reader.arguments.split_first() else {
        return Err(reader.wrong("run in which service?", "write compose run --rm SERVICE COMMAND"));
    };
    let volumes = reader.all("volume");
    for piece in &volumes {
        let parts = piece.parts(':')?;
        if let [from, _, ..] = parts.as_slice() {
            source(from)?;
        }
    }
    Ok(ComposeVerb::Run(ComposeRun {
        service: name(service)?,
        command: program(reader, command)?,
        environment: environment(reader, "env")?,
        user: reader.text("user"),
        folder: reader.text("workdir"),
        entrypoint: reader.text("entrypoint"),
        remove: reader.on("rm")?,
        no_deps: reader.on("no-deps")?,
        volumes: volumes.into_iter().map(Piece::value).collect(),
        name: reader.last("name").map(name).transpose()?,
        detached: reader.on("detach")?,
    }))
}
