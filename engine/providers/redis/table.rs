//! What Redis says of its own commands, kept for when no server is asked.
//!
//! `commands.json` is made from the replies of live servers to COMMAND; a test makes it again from
//! the installed server and compares. It is read when the first command is looked up. At run time
//! the server's own reply wins over this table.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::OnceLock;

use serde::Deserialize;

use super::meta::{Flags, Meta};

const TEXT: &str = include_str!("commands.json");

/// What one server adds to those before it.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    commands: Vec<Row<'a>>,
}

/// Name, arity, flags, first key, last key, step, ACL categories, tips.
type Row<'a> = (&'a str, i32, &'a str, i32, i32, i32, &'a str, &'a str);

/// All commands by name; a subcommand is called `config|get`.
pub(super) struct Table(BTreeMap<&'static str, Meta>);

/// The table.
pub(super) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let parts: Vec<Part<'static>> = serde_json::from_str(TEXT).expect("commands.json is tested");
        let rows = parts.into_iter().flat_map(|part| part.commands);
        Table(
            rows.map(|(name, arity, flags, first, last, step, _, _)| {
                let flags = flags.split(' ').map(Flags::named).fold(Flags::default(), Flags::with);
                (name, Meta { arity, flags, first, last, step })
            })
            .collect(),
        )
    })
}

impl Table {
    /// The command with this name, in lower case.
    pub(super) fn get(&self, name: &str) -> Option<Meta> {
        self.0.get(name).copied()
    }

    /// As [`Table::get`], with the name as the table has it.
    pub(super) fn all_named(&self, name: &str) -> Option<(&'static str, Meta)> {
        self.0.get_key_value(name).map(|(name, meta)| (*name, *meta))
    }

    /// Does this command do nothing without a subcommand?
    pub(super) fn is_container(&self, name: &str) -> bool {
        self.subcommands(name).next().is_some()
    }

    /// Names of the subcommands of a command.
    pub(super) fn subcommands<'t>(&'t self, container: &'t str) -> impl Iterator<Item = &'static str> + 't {
        self.0
            .range::<str, _>((Bound::Included(container), Bound::Unbounded))
            .map(|(name, _)| *name)
            .take_while(move |name| name.starts_with(container))
            .filter_map(move |name| name.get(container.len()..)?.strip_prefix('|'))
    }

    /// Names of all commands, without subcommands.
    pub(super) fn commands(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied().filter(|name| !name.contains('|'))
    }

    /// Everything, subcommands included.
    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, Meta)> {
        self.0.iter().map(|(name, meta)| (*name, *meta))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subcommands_are_found_under_their_command_only() {
        let subs: Vec<&str> = table().subcommands("xinfo").collect();
        assert_eq!(subs, ["consumers", "groups", "help", "stream"]);
        assert!(!table().is_container("get"));
        assert!(!table().is_container("latency|get"));
        assert!(table().get("config|set").is_some_and(|meta| meta.flags.has(Flags::ADMIN)));
    }
}
