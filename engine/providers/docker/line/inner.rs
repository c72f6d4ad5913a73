//! What runs inside a container, as far as it is known.

use super::model::Exec;
use crate::line::{looking, open, redis_cli};

/// Variables that change nothing of what a program that looks does.
const HARMLESS: &[&str] = &["REDISCLI_AUTH", "TZ", "LANG", "LC_ALL", "TERM", "COLUMNS"];

/// The Redis command that redis-cli is given, if it is one: see [`redis_cli::command_of`].
pub(super) fn inner_redis(exec: &Exec) -> Option<Vec<String>> {
    redis_cli::command_of(&exec.command)
}

/// Where in the words of an exec the command of redis-cli begins, if it is given one that is
/// written out.
pub(in crate::docker) fn command_place(exec: &Exec) -> Option<usize> {
    redis_cli::command_place(&exec.command)
}

/// Does this program, with these arguments and variables, only look, and does the step have what it sees?
/// While a word has no value yet, as far as it is known.
pub(super) fn only_looks(exec: &Exec) -> bool {
    let harmless = |variable: &String| {
        let name = variable.split('=').next().unwrap_or_default();
        !open::is(name) && HARMLESS.contains(&name)
    };
    !exec.detached && exec.environment.iter().all(harmless) && looking::looks(&exec.command)
}
