//! Words → flags and arguments, by the rules of pflag.

use super::flags::{self, Flag, Group, Meaning, Takes};
use super::problem::{At, Problem};
use super::word::{Piece, Word};

/// A flag and its value.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) flag: &'static Flag,
    pub(crate) value: Piece,
}

/// The words of a line, sorted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) arguments: Vec<Piece>,
    pub(crate) given: Vec<Given>,
    /// What stands after `--`; none if there is no `--`.
    pub(crate) rest: Option<Vec<Piece>>,
}

/// Where flags can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Anywhere before `--`.
    Mixed,
    /// Before the first argument: what follows it belongs to another program.
    FlagsFirst,
}

/// Sorts the words; those at `verbs` name the verb and are left out.
pub(crate) fn sort(
    words: &[Word],
    verbs: &[usize],
    groups: &[Group],
    order: Order,
    problems: &mut Vec<Problem>,
) -> Sorted {
    let mut scan = Scan { words, groups, sorted: Sorted::default(), problems };
    let mut at = 0;
    while at < words.len() {
        let word = &words[at];
        if verbs.contains(&at) {
            at += 1;
        } else if order == Order::FlagsFirst && !scan.sorted.arguments.is_empty() {
            scan.sorted.arguments.push(Piece::of(word, at));
            at += 1;
        } else if word.fixed && word.head == "--" {
            let rest = words.iter().enumerate().skip(at + 1).filter(|(at, _)| !verbs.contains(at));
            scan.sorted.rest = Some(rest.map(|(at, word)| Piece::of(word, at)).collect());
            break;
        } else if word.head.starts_with("--") {
            at = scan.long(at);
        } else if word.head.starts_with('-') && !(word.fixed && word.head == "-") {
            at = scan.shorts(at);
        } else {
            scan.sorted.arguments.push(Piece::of(word, at));
            at += 1;
        }
    }
    scan.sorted
}

struct Scan<'a> {
    words: &'a [Word],
    groups: &'a [Group],
    sorted: Sorted,
    problems: &'a mut Vec<Problem>,
}

impl Scan<'_> {
    /// `--name`, `--name=value`, `--name value`. Gives the word to go on with.
    fn long(&mut self, at: usize) -> usize {
        let piece = Piece::of(&self.words[at], at);
        let (name, value) = match piece.split('=') {
            Some((name, value)) => (name, Some(value)),
            None if piece.fixed => (piece.head.clone(), None),
            None => {
                self.problems.push(template(&piece));
                return at + 1;
            }
        };
        let name = name[2..].to_owned();
        let Some(flag) = flags::long(self.groups, &name) else {
            self.problems.push(unknown(at, &format!("--{name}"), self.groups));
            return at + 1;
        };
        self.take(flag, at, value)
    }

    /// `-n value`, `-nvalue`, `-n=value`, `-it`.
    fn shorts(&mut self, at: usize) -> usize {
        let piece = Piece::of(&self.words[at], at);
        let mut byte = 1;
        while let Some(letter) = piece.head[byte..].chars().next() {
            byte += letter.len_utf8();
            let Some(flag) = flags::short(self.groups, letter) else {
                self.problems.push(unknown(at, &format!("-{letter}"), self.groups));
                return at + 1;
            };
            let rest = piece.after(byte);
            let ends = rest.fixed && rest.head.is_empty();
            if rest.head.starts_with('=') {
                return self.take(flag, at, Some(rest.after(1)));
            }
            match flag.takes {
                Takes::Value if ends => return self.take(flag, at, None),
                Takes::Value => return self.take(flag, at, Some(rest)),
                Takes::Nothing | Takes::Maybe(_) => {
                    self.take(flag, at, None);
                }
            }
        }
        if !piece.fixed {
            self.problems.push(template(&piece));
        }
        at + 1
    }

    fn take(&mut self, flag: &'static Flag, at: usize, value: Option<Piece>) -> usize {
        let alone = value.is_none() && flag.takes == Takes::Value;
        let next = at + 1 + usize::from(alone);
        if let Meaning::Refused(help) = flag.meaning {
            self.problems.push(Problem::unsuitable(at, format!("--{} cannot be used in a step", flag.name), help));
            return next;
        }
        let value = match (value, flag.takes) {
            (Some(value), _) => value,
            (None, Takes::Nothing) => Piece::fixed("true", at),
            (None, Takes::Maybe(alone)) => Piece::fixed(alone, at),
            (None, Takes::Value) => match self.words.get(at + 1) {
                Some(word) => Piece::of(word, at + 1),
                None => {
                    let message = format!("--{} needs a value", flag.name);
                    let help = format!("write --{}=VALUE", flag.name);
                    self.problems.push(Problem::new(At::Word(at), message, help));
                    return next;
                }
            },
        };
        self.sorted.given.push(Given { flag, value });
        next
    }
}

fn template(piece: &Piece) -> Problem {
    piece.problem(
        "a template in the name of a flag",
        "write the name of the flag out; its value can be a template: --namespace={{ … }}",
    )
}

/// So many flags can be read at a glance.
const MANY: usize = 24;

fn unknown(at: usize, shown: &str, groups: &[Group]) -> Problem {
    let all: Vec<String> = groups.iter().copied().flatten().map(|flag| format!("--{}", flag.name)).collect();
    // A single letter is near to nothing.
    let known: Vec<&str> = all.iter().map(String::as_str).filter(|_| shown.len() > 3).collect();
    let own = || groups.iter().copied().flatten().filter(|flag| flag.meaning == Meaning::Read);
    // Of very many those that are like it are told.
    let like = |flag: &&Flag| own().count() <= MANY || (shown.len() <= 3) == flag.short.is_some();
    let named: Vec<String> = own().filter(like).map(name_of).collect();
    let otherwise =
        if named.is_empty() { "leave it out".to_owned() } else { format!("known here: {}", named.join(", ")) };
    Problem::new(At::Word(at), format!("there is no flag {shown} here"), "").near(shown, &known, otherwise)
}

fn name_of(flag: &Flag) -> String {
    match flag.short {
        Some(letter) => format!("-{letter}/--{}", flag.name),
        None => format!("--{}", flag.name),
    }
}
