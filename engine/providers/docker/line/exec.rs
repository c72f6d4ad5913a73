//! `exec`, of docker and of compose.

use super::amounts::count;
use super::model::{Exec, Verb};
use super::names::name;
use super::pairs::environment;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

/// What both kinds of exec have; `of` is what the first argument names.
pub(super) fn exec_in(reader: &Reader, of: &str) -> Result<Exec, Problem> {
    let Some((container, command)) = reader.arguments.split_first() else {
        return Err(reader.wrong(format!("exec in which {}?", of.to_lowercase()), format!("write exec {of} COMMAND")));
    };
    let command = program(reader, command)?;
    if command.is_empty() {
        return Err(reader.wrong("exec without a command", format!("write exec {} COMMAND", container.shown())));
    }
    let index = match reader.last("index") {
        Some(piece) if piece.text.as_deref() == Some("0") => {
            return Err(piece.problem("containers of a service are counted from 1", "write --index 1"));
        }
        piece => piece.map(count).transpose()?,
    };
    Ok(Exec {
        container: name(container)?,
        command,
        environment: environment(reader, "env")?,
        user: reader.text("user"),
        folder: reader.text("workdir"),
        privileged: reader.on("privileged")?,
        detached: reader.on("detach")?,
        index,
    })
}

/// A program and its arguments.
pub(super) fn program(reader: &Reader, words: &[Piece]) -> Result<Vec<String>, Problem> {
    match words.first() {
        Some(first) if first.fixed && first.head == "--" => {
            Err(first.problem("`--` would be taken for the program", "leave it out"))
        }
        Some(first) if first.text.as_deref() == Some("") => {
            Err(first.problem("an empty text is no program", format!("write {} … COMMAND", reader.verb)))
        }
        _ => Ok(words.iter().map(Piece::value).collect()),
    }
}

pub(super) fn exec(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Exec(exec_in(reader, "CONTAINER")?))
}
