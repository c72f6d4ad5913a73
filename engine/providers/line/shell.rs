//! What a shell would do with a line. There is no shell.

use super::problem::Problem;
use super::word::Word;

/// Words that only a shell understands. `inside`: from this word on they go to a program in a pod.
pub(crate) fn shell_words(words: &[Word], inside: usize) -> Vec<Problem> {
    let of = |(at, word): (usize, &Word)| {
        // In quotes it is an argument of that program.
        let quoted = (word.span.end - word.span.start) as usize == word.head.len() + 2;
        if at >= inside && quoted {
            return None;
        }
        why(&word.head, word.fixed, at >= inside)
            .map(|(what, help)| Problem::unsuitable(at, format!("there is no shell here, and {what}"), help))
    };
    let mut problems: Vec<Problem> = words.iter().enumerate().filter_map(of).collect();
    // What stands after the first of them is usually the rest of the same slip.
    problems.truncate(1);
    problems
}

fn why(head: &str, fixed: bool, inside: bool) -> Option<(String, &'static str)> {
    let chosen = match head {
        "|" | "|&" if fixed => (
            "nothing is piped".to_owned(),
            "end the line before `|`; choose from the result with expect: or in a later step, as steps.ID.stdout or steps.ID.items",
        ),
        "&&" | "||" | ";" | "&" if fixed => {
            (format!("`{head}` joins no commands"), "write one step for each command; when: and on_failure: join them")
        }
        ">" | ">>" | "<" | "<<" | "<<<" | "2>" | "2>&1" | "&>" if fixed => (
            format!("`{head}` goes nowhere"),
            "leave it out; the result is kept as steps.ID, and save: writes it to a file",
        ),
        _ if ["2>", "&>", ">/", "</"].iter().any(|mark| head.starts_with(mark)) => (
            format!("`{head}` goes nowhere"),
            "leave it out; the result is kept as steps.ID, and save: writes it to a file",
        ),
        _ if head.starts_with("$(") || head.starts_with('`') => (
            "no command is put in here".to_owned(),
            "run it in a step of its own before this one, and write {{ steps.ID.stdout }} here",
        ),
        _ if !inside && variable(head) => {
            (format!("`{head}` has no value"), "write {{ inputs.NAME }} or {{ env.NAME }}")
        }
        _ => return None,
    };
    Some(chosen)
}

/// `$NAME`, `${NAME}`.
fn variable(head: &str) -> bool {
    let rest = head.strip_prefix('$').map(|rest| rest.strip_prefix('{').unwrap_or(rest));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}
