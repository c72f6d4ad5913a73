//! Which word is the verb, and who reads the rest.

use super::flags::GLOBAL;
use super::model::{Line, Verb};
use super::{change, create, delete, look, nodes, patch, rollout, set, tables, unsuitable};
use crate::line::flags::{self, Group, Takes};
use crate::line::measure;
use crate::line::problem::{At, Problem};
use crate::line::reader::Reader;
use crate::line::scan::{Order, sort};
use crate::line::shell::shell_words;
use crate::line::word::{Piece, Word};

/// A verb: its names, its flags and its reader.
pub(super) struct Known {
    /// `rollout restart`.
    pub(super) name: &'static str,
    pub(super) flags: &'static [Group],
    /// Do words after `--` make a command?
    pub(super) runs: bool,
    read: fn(&Reader) -> Result<Verb, Problem>,
}

const fn verb(name: &'static str, flags: &'static [Group], read: fn(&Reader) -> Result<Verb, Problem>) -> Known {
    Known { name, flags, read, runs: false }
}

/// The verbs that a step can have.
pub(super) const VERBS: &[Known] = &[
    verb("get", tables::GET, look::get),
    verb("describe", tables::DESCRIBE, look::describe),
    verb("events", tables::EVENTS, look::events),
    verb("logs", tables::LOGS, look::logs),
    Known { runs: true, ..verb("exec", tables::EXEC, look::exec) },
    verb("top", tables::TOP, look::top),
    verb("rollout status", tables::ROLLOUT_STATUS, rollout::status),
    verb("rollout history", tables::ROLLOUT_HISTORY, rollout::history),
    verb("rollout restart", tables::ROLLOUT_CHANGE, rollout::restart),
    verb("rollout undo", tables::ROLLOUT_UNDO, rollout::undo),
    verb("rollout pause", tables::ROLLOUT_CHANGE, rollout::pause),
    verb("rollout resume", tables::ROLLOUT_CHANGE, rollout::resume),
    verb("wait", tables::WAIT, look::wait),
    verb("apply", tables::APPLY, change::apply),
    Known { runs: true, ..verb("create", create::FLAGS, create::create) },
    verb("patch", tables::PATCH, patch::patch),
    verb("set image", tables::SET_IMAGE, set::image),
    verb("set env", tables::SET_ENV, set::env),
    verb("set resources", tables::SET_RESOURCES, set::resources),
    verb("scale", tables::SCALE, change::scale),
    verb("autoscale", tables::AUTOSCALE, change::autoscale),
    verb("label", tables::MARK, change::label),
    verb("annotate", tables::MARK, change::annotate),
    verb("delete", tables::DELETE, delete::delete),
    verb("cordon", tables::CORDON, nodes::cordon),
    verb("uncordon", tables::CORDON, nodes::uncordon),
    verb("drain", tables::DRAIN, nodes::drain),
    verb("auth can-i", tables::CAN_I, look::can_i),
    verb("version", tables::VERSION, look::version),
    verb("api-resources", tables::API_RESOURCES, look::api_resources),
];

/// Reads the words of a line.
///
/// # Errors
/// All problems that can be told at once, in the order of the words.
pub(in crate::kubernetes) fn parse(words: &[Word]) -> Result<Line, Vec<Problem>> {
    let (known, places) = find(words).map_err(|problem| vec![problem])?;
    let at = places.last().copied().unwrap_or_default();
    let end = if known.runs { dashes(words) } else { words.len() };
    let mut problems = shell_words(words, end);
    let groups: Vec<Group> = known.flags.iter().copied().chain([GLOBAL]).collect();
    let sorted = sort(words, &places, &groups, Order::Mixed, &mut problems);
    let mut reader = Reader::new(known.name.to_owned(), at, sorted);
    if !known.runs {
        reader.arguments.extend(reader.rest.take().unwrap_or_default());
    }
    // Anything else would only follow from a flag that was misread or a pipe that is none.
    if !problems.is_empty() {
        return Err(problems);
    }
    let verb = (known.read)(&reader);
    let line = common(&reader);
    match (verb, line) {
        (Ok(verb), Ok(line)) => Ok(Line { verb, ..line }),
        (verb, line) => {
            let found: Vec<Problem> = verb.err().into_iter().chain(line.err()).collect();
            Err(found)
        }
    }
}

/// Flags that every verb has.
fn common(reader: &Reader) -> Result<Line, Problem> {
    let namespace = reader.name("namespace")?;
    let all_namespaces = reader.on("all-namespaces")?;
    let timeout = reader.last("request-timeout").map(|piece| measure::duration(piece, true)).transpose()?.flatten();
    let as_user = reader.text("as");
    let as_groups: Vec<String> = reader.all("as-group").into_iter().map(Piece::value).collect();
    if as_user.is_none() && !as_groups.is_empty() {
        return Err(reader.bad("as-group", "a group without a user", "add --as=USER"));
    }
    Ok(Line {
        verb: Verb::Version,
        namespace,
        all_namespaces,
        as_user,
        as_groups,
        request_timeout_ms: timeout.filter(|given| *given > 0).and_then(|given| u64::try_from(given).ok()),
        ignore_not_found: reader.verb == "get" && reader.on("ignore-not-found")?,
        sort_by: reader.text("sort-by"),
    })
}

/// The first `--`, or the end.
fn dashes(words: &[Word]) -> usize {
    words.iter().position(|word| word.fixed && word.head == "--").unwrap_or(words.len())
}

/// Finds the verb and the words that name it, and `kubectl` before it.
fn find(words: &[Word]) -> Result<(&'static Known, Vec<usize>), Problem> {
    let mut places = Vec::new();
    let mut from = 0;
    if words.first().is_some_and(|word| word.fixed && word.head == "kubectl") {
        places.push(0);
        from = 1;
    }
    let Some(at) = next_argument(words, from) else {
        let help = "write a kubectl command: get pods -n NAMESPACE";
        return Err(Problem::line("a kubectl line without a verb", help));
    };
    let name = written(words, at)?;
    places.push(at);
    if let Some(known) = VERBS.iter().find(|known| known.name == name) {
        return Ok((known, places));
    }
    let subs: Vec<&str> = VERBS
        .iter()
        .filter_map(|known| known.name.split_once(' ').filter(|(first, _)| *first == name))
        .map(|(_, sub)| sub)
        .collect();
    if subs.is_empty() {
        return Err(unsuitable::verb(at, name).unwrap_or_else(|| unknown(at, name)));
    }
    let Some(sub_at) = next_argument(words, at + 1) else {
        let help = format!("one of {}", subs.iter().map(|sub| format!("{name} {sub}")).collect::<Vec<_>>().join(", "));
        return Err(Problem::new(At::Word(at), format!("{name} what?"), help));
    };
    let sub = written(words, sub_at)?;
    places.push(sub_at);
    let full = format!("{name} {sub}");
    match VERBS.iter().find(|known| known.name == full) {
        Some(known) => Ok((known, places)),
        None => Err(unsuitable::verb(sub_at, &full)
            .unwrap_or_else(|| Problem::unknown(sub_at, format!("{name} has no `{sub}`"), sub, &subs))),
    }
}

fn unknown(at: usize, name: &str) -> Problem {
    let mut known: Vec<&str> = VERBS.iter().map(|known| known.name.split(' ').next().unwrap_or(known.name)).collect();
    known.dedup();
    Problem::unknown(at, format!("kubectl has no verb `{name}`"), name, &known)
}

/// A verb is written out.
fn written(words: &[Word], at: usize) -> Result<&str, Problem> {
    match words.get(at) {
        Some(word) if word.fixed => Ok(&word.head),
        _ => Err(Problem::unsuitable(
            at,
            "a template for the verb",
            "write the verb out; templates can stand for names and values",
        )),
    }
}

/// The next word that is neither a flag nor the value of one. Before the verb only flags of every
/// verb are known, and others are taken to have a value, as kubectl does.
fn next_argument(words: &[Word], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(word) = words.get(at) {
        if word.fixed && word.head == "--" {
            return None;
        }
        if !word.head.starts_with('-') {
            return Some(at);
        }
        at += if takes_next(word) { 2 } else { 1 };
    }
    None
}

fn takes_next(word: &Word) -> bool {
    if !word.fixed || word.head.contains('=') {
        return false;
    }
    let flag = match word.head.strip_prefix("--") {
        Some(name) => flags::long(&[GLOBAL], name),
        None if word.head.chars().count() == 2 => word.head.chars().nth(1).and_then(|c| flags::short(&[GLOBAL], c)),
        None => return false,
    };
    let switch = word.head == "-A" || word.head == "--all-namespaces";
    flag.map_or(!switch, |flag| flag.takes == Takes::Value)
}
