//! What runs inside a pod, as far as it is known.

use super::model::Exec;
use crate::line::{looking, open, redis_cli};

/// The Redis command that redis-cli is given, if it is one: see [`redis_cli::command_of`].
pub(super) fn inner_redis(exec: &Exec) -> Option<Vec<String>> {
    redis_cli::command_of(&exec.command)
}

/// Where in the words of an exec the command of redis-cli begins, if it is given one that is
/// written out.
pub(in crate::kubernetes) fn command_place(exec: &Exec) -> Option<usize> {
    redis_cli::command_place(&exec.command)
}

/// A program that only looks: the proof that a plan may run it.
pub(in crate::kubernetes) struct Look<'a>(&'a Exec);

impl<'a> Look<'a> {
    /// None where a program may do more, or nobody knows.
    pub(in crate::kubernetes) fn of(exec: &'a Exec) -> Option<Self> {
        let open = exec.command.iter().any(|word| open::is(word));
        (!open && only_looks(exec)).then_some(Self(exec))
    }

    /// The program and its arguments.
    pub(in crate::kubernetes) fn command(&self) -> &'a [String] {
        &self.0.command
    }

    /// Does it walk through a whole database?
    pub(in crate::kubernetes) fn is_long(&self) -> bool {
        redis_cli::is_long(&self.0.command)
    }
}

/// Does this program, with these arguments, only look?
pub(super) fn only_looks(exec: &Exec) -> bool {
    looking::looks(&exec.command)
}
