//! Words → the command that they name, before any server is asked.

use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::expr::Template;
use playbook_core::source::Span;

use super::meta::{Flags, Meta};
use super::table::table;
use super::unsuitable;

/// A command as far as it is known without a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// In the table, with its full name: `config|get`.
    Known(&'static str, Meta),
    /// Of a module (`JSON.GET`): the table cannot know it.
    Module(String),
}

impl Command {
    /// Its full name: `config|get`.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Known(name, _) => name,
            Self::Module(name) => name,
        }
    }

    /// What the table says of it.
    pub(super) fn meta(&self) -> Option<Meta> {
        match self {
            Self::Known(_, meta) => Some(*meta),
            Self::Module(_) => None,
        }
    }
}

/// Why there is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// No words.
    Empty,
    /// No command has this name.
    Command(String),
    /// This command has no such subcommand.
    Subcommand(String, String),
    /// This command needs a subcommand.
    Container(String),
}

/// Finds the command. A name that is only known after a run is not looked for: see [`check`].
pub(super) fn find(words: &[impl AsRef<str>]) -> Result<Command, Missing> {
    let name = words.first().ok_or(Missing::Empty)?.as_ref().to_ascii_lowercase();
    let bare = name == "command" && words.len() == 1;
    if table().is_container(&name) && !bare {
        let Some(sub) = words.get(1).map(|word| word.as_ref().to_ascii_lowercase()) else {
            return Err(Missing::Container(name));
        };
        return known(&format!("{name}|{sub}")).ok_or(Missing::Subcommand(name, sub));
    }
    match known(&name) {
        Some(command) => Ok(command),
        None if name.contains('.') => Ok(Command::Module(name)),
        None => Err(Missing::Command(name)),
    }
}

fn known(name: &str) -> Option<Command> {
    table().all_named(name).map(|(name, meta)| Command::Known(name, meta))
}

/// The full name as people write it: `CONFIG GET`.
pub(super) fn shown(name: &str) -> String {
    name.replace('|', " ").to_ascii_uppercase()
}

/// How many words name the command itself.
pub(super) fn width(name: &str) -> usize {
    1 + usize::from(name.contains('|'))
}

/// Checks the words of a step: the command exists, takes so many words, and can be a step.
pub(super) fn check(words: &[Template], place: Span, found: &mut Diagnostics) -> Option<Command> {
    let Some(first) = words.first() else {
        found.push(Diagnostic::error(Code::MissingKey, place, "an empty command").help("write redis: INFO memory"));
        return None;
    };
    let named: Vec<&str> = words.iter().map_while(Template::fixed).take(2).collect();
    let container = named.first().is_some_and(|name| table().is_container(&name.to_ascii_lowercase()));
    let needed = 1 + usize::from(container && words.len() > 1);
    if named.len() < needed {
        let span = words.get(named.len()).map_or(first.span(), Template::span);
        found.push(
            Diagnostic::error(Code::UnsuitableCommand, span, "a template for the name of a command")
                .help("write the command out; templates can stand for its arguments"),
        );
        return None;
    }
    let command = match find(&named) {
        Ok(command) => command,
        Err(missing) => {
            found.push(explain(missing, words));
            return None;
        }
    };
    if let Command::Known(name, meta) = &command {
        if let Some(why) = unsuitable::why(name, *meta, words) {
            found.push(
                Diagnostic::error(Code::UnsuitableCommand, first.span(), format!("{} cannot be a step", shown(name)))
                    .help(why),
            );
            return None;
        }
        if !meta.takes(words.len()) {
            found.push(arity(name, *meta, words));
            return None;
        }
        if let Some(diagnostic) = pairs(name, words) {
            found.push(diagnostic);
            return None;
        }
    }
    Some(command)
}

fn explain(missing: Missing, words: &[Template]) -> Diagnostic {
    let at = |n: usize| words.get(n).or(words.last()).map(Template::span).unwrap_or_default();
    match missing {
        Missing::Empty => Diagnostic::error(Code::MissingKey, at(0), "an empty command"),
        Missing::Command(name) => {
            let shown: Vec<String> = table().commands().map(str::to_ascii_uppercase).collect();
            Diagnostic::error(Code::UnknownCommand, at(0), format!("Redis has no command `{}`", name.to_uppercase()))
                .suggest(&name.to_uppercase(), shown.iter().map(String::as_str).collect::<Vec<_>>())
        }
        Missing::Subcommand(name, sub) => {
            let shown: Vec<String> = table().subcommands(&name).map(str::to_ascii_uppercase).collect();
            let message = format!("{} has no subcommand `{}`", name.to_uppercase(), sub.to_uppercase());
            Diagnostic::error(Code::UnknownCommand, at(1), message)
                .suggest(&sub.to_uppercase(), shown.iter().map(String::as_str).collect::<Vec<_>>())
        }
        Missing::Container(name) => {
            let shown: Vec<String> = table().subcommands(&name).map(str::to_ascii_uppercase).collect();
            Diagnostic::error(Code::Arguments, at(0), format!("{} needs a subcommand", name.to_uppercase()))
                .help(format!("one of {}", shown.join(", ")))
        }
    }
}

fn arity(name: &str, meta: Meta, words: &[Template]) -> Diagnostic {
    let own = width(name);
    let wanted = (meta.arity.unsigned_abs() as usize).saturating_sub(own);
    let given = words.len().saturating_sub(own);
    let bound = if meta.arity < 0 { "at least " } else { "" };
    let plural = if wanted == 1 { "" } else { "s" };
    let span = match (words.first(), words.last()) {
        (Some(first), Some(last)) => first.span().to(last.span()),
        _ => Span::default(),
    };
    Diagnostic::error(
        Code::Arguments,
        span,
        format!("{} takes {bound}{wanted} argument{plural}, and here are {given}", shown(name)),
    )
    .help("a word with spaces needs quotes; a template is one word")
}

/// Commands whose arguments come in pairs, which their arity does not tell.
fn pairs(name: &str, words: &[Template]) -> Option<Diagnostic> {
    let before = match name {
        "mset" | "msetnx" => 1,
        "config|set" | "hset" | "hmset" => 2,
        _ => return None,
    };
    let odd = words.len().saturating_sub(before) % 2 == 1;
    let last = words.last().filter(|_| odd)?;
    Some(
        Diagnostic::error(Code::Arguments, last.span(), format!("{} takes pairs, and this has no second", shown(name)))
            .help("a word with spaces needs quotes; a template is one word"),
    )
}

/// Does the table say that the command only reads?
pub(super) fn reads(meta: Meta) -> bool {
    meta.flags.has(Flags::READONLY) && !meta.flags.has(Flags::WRITE) && !meta.flags.has(Flags::MAY_REPLICATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use playbook_core::source::Spanned;
    use playbook_core::words::split;

    fn problems(line: &str) -> Vec<String> {
        let mut found = Diagnostics::new();
        let line = Spanned::new(line.to_owned(), Span::default());
        let words = split(&line, &mut found).expect("splits");
        check(&words, line.span, &mut found);
        found.iter().map(|d| format!("{} {} / {}", d.code, d.message, d.help.join(" "))).collect()
    }

    #[test]
    fn a_slip_in_a_command_is_told_with_the_name_that_was_meant() {
        assert_eq!(problems("UNLNK a"), ["PB0502 Redis has no command `UNLNK` / did you mean `UNLINK`?"]);
        assert_eq!(problems("config gte x"), ["PB0502 CONFIG has no subcommand `GTE` / did you mean `GET`?"]);
        assert!(problems("CONFIG")[0].starts_with("PB0503 CONFIG needs a subcommand / one of GET, HELP"));
    }

    #[test]
    fn wrong_numbers_of_arguments_are_told() {
        assert!(problems("GET")[0].starts_with("PB0503 GET takes 1 argument, and here are 0"));
        assert!(problems("SET k")[0].starts_with("PB0503 SET takes at least 2 arguments, and here are 1"));
        assert!(problems("CONFIG SET a b c")[0].starts_with("PB0503 CONFIG SET takes pairs"));
        assert!(problems("SET {{ inputs.k }} {{ inputs.v }}").is_empty());
    }

    #[test]
    fn the_name_of_a_command_is_written_out() {
        assert!(problems("{{ inputs.c }} x")[0].starts_with("PB0504 a template for the name"));
        assert!(problems("CONFIG {{ inputs.c }} x")[0].starts_with("PB0504 a template for the name"));
        assert!(problems("JSON.SET k $ 1").is_empty());
    }
}
