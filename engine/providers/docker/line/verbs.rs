//! Which word is the verb, and who reads the rest.

use super::flags::{GLOBAL, HELPED};
use super::model::Verb;
use super::shell::shell_word;
use super::{compose, containers, exec, life, look, networks, run, tables, unsuitable, volumes};
use crate::line::flags::Group;
use crate::line::problem::{At, Problem};
use crate::line::reader::Reader;
use crate::line::scan::{Order, Sorted, sort};
use crate::line::word::{Piece, Word};

/// A verb: its names, its flags and its reader.
pub(super) struct Known {
    /// `ps`, or `volume ls`.
    pub(super) name: &'static str,
    /// What else it is called: `container ls`.
    also: &'static [&'static str],
    pub(super) flags: &'static [Group],
    /// Do flags end at the first argument? What follows belongs to a program.
    pub(super) runs: bool,
    read: fn(&Reader) -> Result<Verb, Problem>,
}

const fn verb(
    name: &'static str,
    also: &'static [&'static str],
    flags: &'static [Group],
    read: fn(&Reader) -> Result<Verb, Problem>,
) -> Known {
    Known { name, also, flags, read, runs: false }
}

/// The verbs that a step can have.
pub(super) const VERBS: &[Known] = &[
    verb("ps", &["container ls", "container ps", "container list"], tables::PS, look::ps),
    verb(
        "inspect",
        &["container inspect", "image inspect", "volume inspect", "network inspect"],
        tables::INSPECT,
        look::inspect,
    ),
    verb("logs", &["container logs"], tables::LOGS, look::logs),
    verb("stats", &["container stats"], tables::STATS, look::stats),
    Known { runs: true, ..verb("top", &["container top"], tables::NONE, look::top) },
    verb("port", &["container port"], tables::NONE, look::port),
    verb("diff", &["container diff"], tables::NONE, look::diff),
    verb("wait", &["container wait"], tables::NONE, look::wait),
    verb("images", &["image ls", "image list"], tables::IMAGES, look::images),
    verb("volume ls", &["volume list"], tables::VOLUMES, look::volumes),
    verb("network ls", &["network list"], tables::NETWORKS, look::networks),
    verb("version", &[], tables::PRINTED, look::version),
    verb("info", &["system info"], tables::PRINTED, look::info),
    verb("system df", &[], tables::DISK, look::disk_usage),
    verb("start", &["container start"], tables::START, life::life),
    verb("stop", &["container stop"], tables::STOPPED, life::life),
    verb("restart", &["container restart"], tables::STOPPED, life::life),
    verb("kill", &["container kill"], tables::KILL, life::life),
    verb("pause", &["container pause"], tables::NONE, life::life),
    verb("unpause", &["container unpause"], tables::NONE, life::life),
    verb("update", &["container update"], tables::UPDATE, life::life),
    verb("rename", &["container rename"], tables::NONE, containers::rename),
    verb("rm", &["container rm", "container remove"], tables::RM, containers::remove),
    Known { runs: true, ..verb("exec", &["container exec"], tables::EXEC, exec::exec) },
    Known { runs: true, ..verb("run", &["container run"], tables::RUN, run::run) },
    verb("pull", &["image pull"], tables::PULL, containers::pull),
    verb("container prune", &[], tables::PRUNED, containers::prune),
    verb("image prune", &[], tables::PRUNED_ALL, containers::prune),
    verb("volume prune", &[], tables::PRUNED_ALL, containers::prune),
    verb("network prune", &[], tables::PRUNED, containers::prune),
    verb("volume create", &[], tables::VOLUME_CREATE, volumes::create),
    verb("volume rm", &["volume remove"], tables::VOLUME_RM, volumes::remove),
    verb("network create", &[], tables::NETWORK_CREATE, networks::create),
    verb("network rm", &["network remove"], tables::NETWORK_RM, networks::remove),
    verb("network connect", &[], tables::CONNECT, networks::connect),
    verb("network disconnect", &[], tables::DISCONNECT, networks::disconnect),
];

/// Reads the words of a line.
///
/// # Errors
/// What is wrong, and what to write instead.
pub(in crate::docker) fn parse(words: &[Word]) -> Result<Verb, Vec<Problem>> {
    let first = words.first().filter(|word| word.fixed).map_or("", |word| word.head.as_str());
    let read = match first {
        "docker" => read(words, vec![0]),
        "docker-compose" => compose::parse(words, vec![0]),
        _ => return read(words, Vec::new()),
    };
    let slip = slip(first);
    Err(std::iter::once(slip).chain(read.err().into_iter().flatten()).collect())
}

/// A line as it is written in a shell.
fn slip(first: &str) -> Problem {
    let (help, meant) = match first {
        "docker" => ("leave it out; that it is docker says the name of the step", ""),
        _ => ("write compose … in its place; that it is docker says the name of the step", "compose"),
    };
    Problem::new(At::Word(0), format!("`{first}` at the beginning of a docker step"), help).instead_of(first, meant)
}

/// The words after those at `places`, which are read already.
fn read(words: &[Word], mut places: Vec<usize>) -> Result<Verb, Vec<Problem>> {
    let mut problems = Vec::new();
    let before = sort(words, &places, &[GLOBAL], Order::FlagsFirst, &mut problems);
    let Some((first, rest)) = before.arguments.split_first() else {
        if problems.is_empty() {
            problems.push(Problem::line("a docker line without a verb", "write a docker command: ps, logs CONTAINER"));
        }
        return Err(problems);
    };
    if first.fixed && first.head == "compose" {
        places.extend(places.len()..=first.at);
        let read = compose::parse(words, places);
        return if problems.is_empty() { read } else { Err(problems) };
    }
    let (known, name, at) = match find(first, rest.first()) {
        Ok(found) => found,
        Err(problem) => {
            // What follows a flag that is misread is no verb.
            let problem = problems.into_iter().next().unwrap_or(problem);
            return Err(vec![shell_word(words, words.len()).unwrap_or(problem)]);
        }
    };
    places.extend(places.len()..=at);
    let sorted = after_verb(words, &places, known.flags, known.runs, problems)?;
    (known.read)(&Reader::new(name, at, sorted)).map_err(|problem| vec![problem])
}

/// Sorts what is not at `places`. `runs`: flags end at the first argument, and what follows it goes to a
/// program in a container. `problems` are those that were found before.
pub(super) fn after_verb(
    words: &[Word],
    places: &[usize],
    flags: &[Group],
    runs: bool,
    mut problems: Vec<Problem>,
) -> Result<Sorted, Vec<Problem>> {
    let groups: Vec<Group> = flags.iter().copied().chain([HELPED]).collect();
    let order = if runs { Order::FlagsFirst } else { Order::Mixed };
    let mut sorted = sort(words, places, &groups, order, &mut problems);
    sorted.arguments.extend(sorted.rest.take().unwrap_or_default());
    let inside = sorted.arguments.first().filter(|_| runs).map_or(words.len(), |piece| piece.at + 1);
    match shell_word(words, inside) {
        Some(problem) => Err(vec![problem]),
        None if problems.is_empty() => Ok(sorted),
        None => Err(problems),
    }
}

/// The verb, what it is called here, and the last word of it.
fn find(first: &Piece, second: Option<&Piece>) -> Result<(&'static Known, String, usize), Problem> {
    let name = verb_of(first)?;
    let named = |name: &str| VERBS.iter().find(|known| known.name == name || known.also.contains(&name));
    if let Some(known) = named(name) {
        return Ok((known, name.to_owned(), first.at));
    }
    let all = || VERBS.iter().flat_map(|known| std::iter::once(known.name).chain(known.also.iter().copied()));
    let subs: Vec<&str> =
        all().filter_map(|full| full.split_once(' ').filter(|(of, _)| *of == name)).map(|(_, sub)| sub).collect();
    if subs.is_empty() {
        let mut known: Vec<&str> = all().map(|full| full.split(' ').next().unwrap_or(full)).collect();
        known.push("compose");
        known.sort_unstable();
        known.dedup();
        return Err(unsuitable::docker(first.at, name)
            .unwrap_or_else(|| Problem::unknown(first.at, format!("docker has no verb `{name}`"), name, &known)));
    }
    let Some(second) = second else {
        let help = format!("one of {}", subs.iter().map(|sub| format!("{name} {sub}")).collect::<Vec<_>>().join(", "));
        return Err(first.problem(format!("{name} what?"), help));
    };
    let sub = verb_of(second)?;
    let full = format!("{name} {sub}");
    match named(&full) {
        Some(known) => Ok((known, full, second.at)),
        None => Err(unsuitable::docker(second.at, &full)
            .unwrap_or_else(|| Problem::unknown(second.at, format!("{name} has no `{sub}`"), sub, &subs))),
    }
}

/// A verb is written out.
pub(super) fn verb_of(piece: &Piece) -> Result<&str, Problem> {
    if piece.fixed {
        return Ok(&piece.head);
    }
    Err(Problem::unsuitable(
        piece.at,
        "a template for the verb",
        "write the verb out; templates can stand for names and values",
    ))
}
