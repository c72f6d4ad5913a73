//! What a shell would put into the words of a docker line. There is no shell.

use crate::line::problem::{At, Problem};
use crate::line::shell::shell_words;
use crate::line::word::Word;

/// Ways to write the folder that one is in.
const HERE: [&str; 6] = ["\"$(pwd)\"", "$(pwd)", "${PWD}", "$PWD", "`pwd`", "%cd%"];

/// The first word that only a shell understands. `inside`: from this word on they go to a program in a
/// container.
pub(super) fn shell_word(words: &[Word], inside: usize) -> Option<Problem> {
    // What comes first tells most of the same slip.
    let place = |problem: &Problem| match problem.at {
        At::Word(at) => at,
        At::Line => 0,
    };
    let spliced = words.iter().enumerate().take(inside).find_map(|(at, word)| {
        // A command of a health check goes to the shell of the container.
        let health = word.head.starts_with("--health-cmd")
            || at.checked_sub(1).is_some_and(|before| words[before].head == "--health-cmd");
        let texts = || std::iter::once(&word.head).chain(&word.rest);
        if health { None } else { ends(at, word).or_else(|| texts().find_map(|text| spliced(at, text))) }
    });
    spliced.into_iter().chain(shell_words(words, inside)).min_by_key(place)
}

/// Words that end a line for a shell.
fn ends(at: usize, word: &Word) -> Option<Problem> {
    let (message, help) = match word.head.as_str() {
        head if word.fixed && head.ends_with(';') => {
            ("there is no shell here, and `;` joins no commands", "write one step for each command")
        }
        head if word.fixed && head.starts_with('#') => {
            ("`#` begins no comment in the words of a step", "leave the comment out, or write it in a row of its own")
        }
        _ => return None,
    };
    Some(Problem::unsuitable(at, message, help))
}

/// What a shell would put in the place of a part of a word.
fn spliced(at: usize, text: &str) -> Option<Problem> {
    if let Some(here) = HERE.iter().find(|here| text.contains(**here)) {
        let meant = text.replacen(here, ".", 1);
        let message = format!("there is no shell here, and `{here}` stands for nothing");
        let help = format!("write `{meant}`: it is relative to the playbook's folder");
        return Some(Problem::unsuitable(at, message, help).instead_of(here, "."));
    }
    if text.contains("$(") || text.contains('`') {
        return Some(Problem::unsuitable(
            at,
            "there is no shell here, and no command is put in here",
            "run it in a step of its own before this one, and write {{ steps.ID.stdout }} here",
        ));
    }
    let variable = text.match_indices('$').find_map(|(start, _)| {
        let rest = &text[start + 1..];
        let name = rest.strip_prefix('{').unwrap_or(rest);
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then(|| &name[..end])
    })?;
    Some(Problem::unsuitable(
        at,
        format!("there is no shell here, and `${variable}` has no value"),
        "write {{ inputs.NAME }} or {{ env.NAME }}; a text with a `$` of its own can be an input",
    ))
}
