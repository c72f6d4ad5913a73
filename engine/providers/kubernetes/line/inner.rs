//! What runs inside a pod, as far as it is known.

use super::model::Exec;
use super::open;

/// Flags of redis-cli that take a value, and are about where and as whom to connect or how to
/// print.
const VALUED: &[&str] = &[
    "-h",
    "-p",
    "-s",
    "-a",
    "-u",
    "-n",
    "-t",
    "-d",
    "-D",
    "--user",
    "--pass",
    "--sni",
    "--cacert",
    "--cacertdir",
    "--cert",
    "--key",
    "--tls-ciphers",
    "--tls-ciphersuites",
    "--show-pushes",
    "--quoted-pattern",
];

/// And those that take none.
const PLAIN: &[&str] = &[
    "-2",
    "-3",
    "-4",
    "-6",
    "-c",
    "-e",
    "--tls",
    "--insecure",
    "--raw",
    "--no-raw",
    "--json",
    "--quoted-json",
    "--csv",
    "--no-auth-warning",
    "--verbose",
    "--quoted-input",
];

/// Flags of redis-cli with which it looks and ends by itself.
const LOOKING: &[&str] = &["--bigkeys", "--memkeys", "--hotkeys", "--keystats", "--scan", "--version", "--help"];

/// The Redis command that redis-cli is given, if it is one. None for other programs, for the
/// modes of redis-cli that are no command, and where a word has no value yet that could change
/// what is meant. Arguments may be open: see [`open::is`].
pub(super) fn inner_redis(exec: &Exec) -> Option<Vec<String>> {
    let rest = exec.command.get(1..).filter(|_| is_redis_cli(exec))?;
    let at = command_at(rest)?;
    let command = rest.get(at..)?;
    (!command.is_empty() && !open::is(&command[0])).then(|| command.to_vec())
}

/// Where in the words of an exec the command of redis-cli begins, if it is given one that is
/// written out.
pub(in crate::kubernetes) fn command_place(exec: &Exec) -> Option<usize> {
    inner_redis(exec).map(|command| exec.command.len() - command.len())
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
        is_redis_cli(self.0) && !self.0.command.iter().any(|word| word == "--version" || word == "--help")
    }
}

/// Is it redis-cli?
pub(super) fn is_redis_cli(exec: &Exec) -> bool {
    exec.command.first().is_some_and(|program| program.rsplit('/').next() == Some("redis-cli"))
}

/// Where the command begins in the arguments of redis-cli; none in another mode.
pub(super) fn command_at(arguments: &[String]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = arguments.get(at) {
        if open::is(word) {
            return None;
        }
        if VALUED.contains(&word.as_str()) {
            at += 2;
        } else if PLAIN.contains(&word.as_str()) {
            at += 1;
        } else if word.starts_with('-') {
            return None;
        } else {
            return Some(at);
        }
    }
    None
}

/// Does this program, with these arguments, only look?
pub(super) fn only_looks(exec: &Exec) -> bool {
    let Some((path, arguments)) = exec.command.split_first() else { return false };
    let program = match path.rsplit_once('/') {
        // Of a program elsewhere nobody knows more than its name.
        Some((folder, program)) if FOLDERS.contains(&folder) || is_redis_cli(exec) => program,
        Some(_) => return false,
        None => path,
    };
    if exec.command.iter().any(|word| open::is(word)) && !ANY_ARGUMENTS.contains(&program) {
        return false;
    }
    let has = |flags: &[&str]| arguments.iter().any(|word| flags.contains(&word.as_str()));
    match program {
        _ if ANY_ARGUMENTS.contains(&program) => true,
        "redis-cli" => has(LOOKING) && arguments.iter().all(|word| looking_flag(word)),
        // It goes on for ever with -f.
        "tail" => !arguments
            .iter()
            .any(|word| word == "--follow" || word.starts_with("--follow=") || short(word, 'f') || short(word, 'F')),
        // With an argument it sets the name, with -F from a file.
        "hostname" => arguments.iter().all(|word| {
            ["-f", "-i", "-I", "-s", "-d", "-A", "--fqdn", "--short", "--ip-address", "--all-ip-addresses"]
                .contains(&word.as_str())
        }),
        // With -s, or a bare argument, it sets the clock.
        "date" => arguments.iter().all(|word| {
            word.starts_with('+') || ["-u", "-R", "-I", "--utc", "--rfc-3339=seconds"].contains(&word.as_str())
        }),
        // It sends nothing with -z.
        "nc" | "ncat" | "netcat" => {
            let harmful = |word: &String| ['e', 'c', 'l', 'k'].iter().any(|letter| short(word, *letter));
            arguments.iter().any(|word| short(word, 'z'))
                && !arguments.iter().any(harmful)
                && !has(&["--exec", "--sh-exec", "--listen", "--lua-exec"])
        }
        _ => false,
    }
}

const FOLDERS: &[&str] = &["/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"];

/// Programs that only look whatever they are given.
const ANY_ARGUMENTS: &[&str] = &["df", "free", "cat", "ls", "ps", "uptime", "id", "whoami", "stat", "du", "head", "wc"];

/// Is this letter among the flags of a word such as `-zv`?
fn short(word: &str, letter: char) -> bool {
    word.strip_prefix('-').is_some_and(|flags| !flags.starts_with('-') && flags.contains(letter))
}

/// No command, and no file that something is written to.
fn looking_flag(word: &str) -> bool {
    !["--pipe", "--rdb", "--functions-rdb", "--cluster", "--eval", "-x", "-X", "-r", "--replica"].contains(&word)
}
