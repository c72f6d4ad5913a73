//! `compose …`: flags of the project, then a verb.

mod read;
mod tables;

use super::flags::COMPOSE;
use super::model::{Compose, ComposeVerb, Verb};
use super::names::name;
use super::shell::shell_word;
use super::unsuitable;
use super::verbs::{after_verb, verb_of};
use crate::line::flags::Group;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::scan::{Order, sort};
use crate::line::word::{Piece, Word};

/// A verb of compose: its name, its flags and its reader.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) flags: &'static [Group],
    /// Do flags end at the service? What follows belongs to a program.
    pub(super) runs: bool,
    read: fn(&Reader) -> Result<ComposeVerb, Problem>,
}

const fn verb(name: &'static str, flags: &'static [Group], read: fn(&Reader) -> Result<ComposeVerb, Problem>) -> Known {
    Known { name, flags, read, runs: false }
}

/// The verbs of compose that a step can have.
pub(super) const VERBS: &[Known] = &[
    verb("ps", tables::PS, read::ps),
    verb("logs", tables::LOGS, read::logs),
    verb("top", tables::NONE, read::top),
    verb("images", tables::PRINTED, read::images),
    verb("ls", tables::LS, read::projects),
    verb("start", tables::START, read::life),
    verb("stop", tables::STOP, read::life),
    verb("restart", tables::RESTART, read::life),
    verb("kill", tables::KILL, read::life),
    verb("pause", tables::NONE, read::life),
    verb("unpause", tables::NONE, read::life),
    verb("rm", tables::RM, read::remove),
    verb("down", tables::DOWN, read::down),
    verb("up", tables::UP, read::up),
    verb("scale", tables::SCALE, read::scale),
    verb("pull", tables::PULL, read::pull),
    Known { runs: true, ..verb("exec", tables::EXEC, read::exec) },
    Known { runs: true, ..verb("run", tables::RUN, read::run) },
];

/// Reads what stands after `compose`; the words at `places` are read already.
pub(super) fn parse(words: &[Word], mut places: Vec<usize>) -> Result<Verb, Vec<Problem>> {
    let mut problems = Vec::new();
    let before = sort(words, &places, &[COMPOSE], Order::FlagsFirst, &mut problems);
    let one = |problem: Problem| vec![shell_word(words, words.len()).unwrap_or(problem)];
    let Some(first) = before.arguments.first().cloned() else {
        if problems.is_empty() {
            let help = "write compose ps, compose up -d or compose logs SERVICE";
            problems.push(Problem::line("compose without a verb", help));
        }
        return Err(problems);
    };
    let at = first.at;
    let name = verb_of(&first).map_err(one)?;
    let Some(known) = VERBS.iter().find(|known| known.name == name) else {
        let names: Vec<&str> = VERBS.iter().map(|known| known.name).collect();
        let problem = unsuitable::compose(at, name)
            .unwrap_or_else(|| Problem::unknown(at, format!("compose has no verb `{name}`"), name, &names));
        // What follows a flag that is misread is no verb.
        return Err(one(problems.into_iter().next().unwrap_or(problem)));
    };
    places.extend(places.last().map_or(0, |last| last + 1)..=at);
    let sorted = after_verb(words, &places, known.flags, known.runs, problems)?;
    let reader = Reader::new(format!("compose {}", known.name), at, sorted);
    let project = Reader::new("compose".to_owned(), at, before);
    match ((known.read)(&reader), compose(&project)) {
        (Ok(verb), Ok(compose)) => Ok(Verb::Compose(Compose { verb, ..compose })),
        (verb, compose) => Err(verb.err().into_iter().chain(compose.err()).collect()),
    }
}

/// The flags before the verb.
fn compose(reader: &Reader) -> Result<Compose, Problem> {
    let texts = |flag: &str| reader.all(flag).into_iter().map(Piece::value).collect::<Vec<_>>();
    for piece in ["file", "env-file"].into_iter().flat_map(|flag| reader.all(flag)) {
        if piece.text.as_deref() == Some("-") {
            return Err(piece.problem("a step has no standard input", "write the file's path"));
        }
    }
    let folder = reader.last("project-directory").or_else(|| reader.last("workdir"));
    Ok(Compose {
        files: texts("file"),
        project: reader.last("project-name").map(name).transpose()?,
        folder: folder.map(Piece::value),
        profiles: texts("profile"),
        env_files: texts("env-file"),
        verb: ComposeVerb::Projects { all: false },
    })
}
