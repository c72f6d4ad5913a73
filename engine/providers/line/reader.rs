//! What the parser of one verb asks for: flags by name, in the form it needs them.

use super::measure;
use super::problem::{At, Problem};
use super::scan::{Given, Sorted};
use super::word::Piece;

/// The flags and arguments of one line.
pub(crate) struct Reader {
    /// What the verb is called: `rollout restart`.
    pub(crate) verb: String,
    /// The word that names it.
    pub(crate) at: usize,
    /// What is neither a flag nor the verb.
    pub(crate) arguments: Vec<Piece>,
    /// What stands after `--`.
    pub(crate) rest: Option<Vec<Piece>>,
    given: Vec<Given>,
}

impl Reader {
    pub(crate) fn new(verb: String, at: usize, sorted: Sorted) -> Self {
        Self { verb, at, arguments: sorted.arguments, rest: sorted.rest, given: sorted.given }
    }

    /// The value of a flag; the last counts.
    pub(crate) fn last(&self, name: &str) -> Option<&Piece> {
        self.given.iter().rev().find(|given| given.flag.name == name).map(|given| &given.value)
    }

    /// Each value of a flag.
    pub(crate) fn all(&self, name: &str) -> Vec<&Piece> {
        self.given.iter().filter(|given| given.flag.name == name).map(|given| &given.value).collect()
    }

    /// Each value of a flag that takes lists, taken apart.
    pub(crate) fn lists(&self, name: &str) -> Vec<Piece> {
        self.all(name).into_iter().flat_map(Piece::list).collect()
    }

    /// The text of a flag.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.last(name).map(Piece::value)
    }

    /// A text that decides what the line does, and is therefore written out.
    pub(crate) fn written(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.last(name) {
            Some(piece) if !piece.fixed => {
                Err(piece.problem(format!("a template for --{name}"), "write it out; it decides what the step does"))
            }
            piece => Ok(piece.map(|piece| piece.head.as_str())),
        }
    }

    /// A switch; `default` if it is not given.
    pub(crate) fn switch(&self, name: &str, default: bool) -> Result<bool, Problem> {
        match self.written(name)? {
            None => Ok(default),
            Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
            Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
            Some(other) => Err(self.bad(name, &format!("`{other}` is neither true nor false"), "write true or false")),
        }
    }

    /// A switch that is off if it is not given.
    pub(crate) fn on(&self, name: &str) -> Result<bool, Problem> {
        self.switch(name, false)
    }

    /// A whole number; none if it is not given or open.
    pub(crate) fn whole(&self, name: &str) -> Result<Option<i64>, Problem> {
        Ok(self.last(name).map(measure::whole).transpose()?.flatten())
    }

    /// As [`Reader::whole`], where a number below zero means "as if not given".
    pub(crate) fn natural(&self, name: &str) -> Result<Option<i64>, Problem> {
        Ok(self.whole(name)?.filter(|number| *number >= 0))
    }

    /// A duration in milliseconds; none if it is not given or open.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<i64>, Problem> {
        Ok(self.last(name).map(|piece| measure::duration(piece, false)).transpose()?.flatten())
    }

    /// A time to wait: 0 and less mean "without end".
    pub(crate) fn patience(&self, name: &str) -> Result<Option<u64>, Problem> {
        Ok(self.duration(name)?.filter(|given| *given > 0).and_then(|given| u64::try_from(given).ok()))
    }

    /// A problem with the value of a flag.
    pub(crate) fn bad(&self, name: &str, message: &str, help: impl Into<String>) -> Problem {
        let at = self.last(name).map_or(At::Line, |piece| At::Word(piece.at));
        Problem::new(at, format!("--{name}: {message}"), help)
    }

    /// A flag that has to be given.
    pub(crate) fn missing(&self, name: &str, example: &str) -> Problem {
        Problem::new(At::Word(self.at), format!("{} needs --{name}", self.verb), format!("write {example}"))
    }

    /// A problem with the verb as such.
    pub(crate) fn wrong(&self, message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem::new(At::Word(self.at), message, help)
    }

    /// Refuses arguments that the verb does not take.
    pub(crate) fn no_more(&self, from: usize, help: &str) -> Result<(), Problem> {
        match self.arguments.get(from) {
            Some(piece) => Err(piece.problem(format!("{} takes no argument `{}`", self.verb, piece.shown()), help)),
            None => Ok(()),
        }
    }

    /// Does any part of the line have no value yet?
    pub(crate) fn is_open(&self) -> bool {
        let given = self.given.iter().map(|given| &given.value);
        given.chain(&self.arguments).chain(self.rest.iter().flatten()).any(|piece| piece.text.is_none())
    }
}
