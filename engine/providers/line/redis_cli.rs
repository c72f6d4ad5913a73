//! redis-cli, run by another program: which Redis command it is given, and when it only looks.

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

/// Modes of redis-cli in which it looks, walks through all keys, and ends by itself.
const MODES: &[&str] = &["--bigkeys", "--memkeys", "--hotkeys", "--keystats", "--scan"];

/// Flags of these modes, which take a value.
const OF_MODES: &[&str] =
    &["-i", "--pattern", "--quoted-pattern", "--count", "--cursor", "--top", "--memkeys-samples", "--keystats-samples"];

/// What it is asked of itself; only alone, since its other words are read all the same.
const OF_ITSELF: &[&str] = &["--version", "-v", "--help"];

/// The Redis command that redis-cli is given, if this program is redis-cli and it is one. None for other
/// programs, for the modes of redis-cli that are no command, and where a word has no value yet that could
/// change what is meant. Arguments may be open: see [`open::is`].
pub(crate) fn command_of(program: &[String]) -> Option<Vec<String>> {
    let rest = program.get(1..).filter(|_| is_redis_cli(program))?;
    let at = command_at(rest)?;
    let command = rest.get(at..)?;
    (!command.is_empty() && !open::is(&command[0])).then(|| command.to_vec())
}

/// Where in the words of a program the command of redis-cli begins, if it is given one that is
/// written out.
pub(crate) fn command_place(program: &[String]) -> Option<usize> {
    command_of(program).map(|command| program.len() - command.len())
}

/// Is it redis-cli?
pub(crate) fn is_redis_cli(program: &[String]) -> bool {
    program.first().is_some_and(|program| program.rsplit('/').next() == Some("redis-cli"))
}

/// Does this program walk through a whole database?
pub(crate) fn is_long(program: &[String]) -> bool {
    is_redis_cli(program) && !program.get(1..).is_some_and(of_itself)
}

/// Where the command begins in the arguments of redis-cli; none in another mode.
pub(crate) fn command_at(arguments: &[String]) -> Option<usize> {
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

/// Is redis-cli asked only of itself?
fn of_itself(arguments: &[String]) -> bool {
    matches!(arguments, [only] if OF_ITSELF.contains(&only.as_str()))
}

/// Does redis-cli only look? Every word is a flag of a mode that looks, of a connection or of printing, or
/// the value of one. redis-cli takes the first other word for a command, and refuses flags that it does
/// not know, so a flag that an older one lacks never turns its value into a command.
pub(super) fn redis_looks(arguments: &[String]) -> bool {
    if of_itself(arguments) {
        return true;
    }
    let mut has_mode = false;
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let valued = VALUED.contains(&word) || OF_MODES.contains(&word);
        let plain = PLAIN.contains(&word) || MODES.contains(&word);
        // A flag in the place of a value is a slip, and what follows it is not what it seems.
        let complete = plain || (valued && words.next().is_some_and(|value| !value.starts_with('-')));
        if !complete {
            return false;
        }
        has_mode |= MODES.contains(&word);
    }
    has_mode
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every flag of redis-cli that takes a value, from its help (8.0); the others take none.
    const TAKES: &[&str] = &[
        "-h",
        "-p",
        "-s",
        "-a",
        "-u",
        "-n",
        "-r",
        "-i",
        "-t",
        "-d",
        "-D",
        "-X",
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
        "--lru-test",
        "--rdb",
        "--functions-rdb",
        "--pipe-timeout",
        "--memkeys-samples",
        "--keystats-samples",
        "--cursor",
        "--top",
        "--count",
        "--pattern",
        "--quoted-pattern",
        "--intrinsic-latency",
        "--eval",
    ];
    const TAKES_NONE: &[&str] = &[
        "-2",
        "-3",
        "-4",
        "-6",
        "-x",
        "-c",
        "-e",
        "-v",
        "--askpass",
        "--tls",
        "--insecure",
        "--raw",
        "--no-raw",
        "--quoted-input",
        "--csv",
        "--json",
        "--quoted-json",
        "--stat",
        "--latency",
        "--latency-history",
        "--latency-dist",
        "--replica",
        "--slave",
        "--pipe",
        "--bigkeys",
        "--memkeys",
        "--hotkeys",
        "--keystats",
        "--scan",
        "--ldb",
        "--ldb-sync-mode",
        "--cluster",
        "--verbose",
        "--no-auth-warning",
        "--help",
        "--version",
    ];
    /// With these it writes, goes on for ever, keeps the server busy, or reads what is not in its words.
    const HARMFUL: &[&str] = &[
        "-r",
        "-x",
        "-X",
        "--askpass",
        "--stat",
        "--latency",
        "--latency-history",
        "--latency-dist",
        "--lru-test",
        "--replica",
        "--slave",
        "--rdb",
        "--functions-rdb",
        "--pipe",
        "--pipe-timeout",
        "--intrinsic-latency",
        "--eval",
        "--ldb",
        "--ldb-sync-mode",
        "--cluster",
    ];

    /// Where redis-cli begins to read a command, and the flags before it: as its `parseOptions` goes.
    fn as_redis_cli(words: &[String]) -> (Option<usize>, Vec<&str>) {
        let (mut at, mut flags) = (0, Vec::new());
        while let Some(word) = words.get(at).map(String::as_str) {
            if !word.starts_with('-') {
                return (Some(at), flags);
            }
            flags.push(word);
            at += 1 + usize::from(TAKES.contains(&word) && at + 1 < words.len());
        }
        (None, flags)
    }

    fn word() -> impl Strategy<Value = String> {
        let words = ["DEL", "precious", "SET", "FLUSHALL", "0", "5", "ping", "*", "-", "--", "-x1", "--unknown", ""];
        let all: Vec<String> = [TAKES, TAKES_NONE, MODES, OF_MODES].concat().into_iter().map(str::to_owned).collect();
        prop_oneof![
            prop::sample::select(all),
            prop::sample::select(words.to_vec()).prop_map(str::to_owned),
            "-{0,2}[a-z]{1,4}"
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn a_line_with_a_command_or_a_harmful_flag_is_never_a_look(words in prop::collection::vec(word(), 0..6)) {
            if redis_looks(&words) {
                let (command, flags) = as_redis_cli(&words);
                prop_assert_eq!(command, None, "{:?}", words);
                prop_assert!(flags.iter().all(|flag| !HARMFUL.contains(flag)), "{:?}", words);
                prop_assert!(flags.iter().all(|flag| TAKES.contains(flag) || TAKES_NONE.contains(flag)), "{:?}", words);
            }
        }

        #[test]
        fn a_command_that_is_understood_is_the_one_that_redis_cli_runs(words in prop::collection::vec(word(), 0..6)) {
            if let Some(at) = command_at(&words) {
                let (command, flags) = as_redis_cli(&words);
                prop_assert_eq!(command, Some(at), "{:?}", words);
                prop_assert!(flags.iter().all(|flag| !HARMFUL.contains(flag)), "{:?}", words);
            }
        }
    }

    #[test]
    fn modes_that_look_are_looks_with_their_flags() {
        let looks = |line: &str| redis_looks(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for line in [
            "--bigkeys",
            "--bigkeys -i 0.1",
            "-p 6380 -n 2 -a pw --no-auth-warning --memkeys --memkeys-samples 0",
            "--scan --pattern a* --count 100",
            "--hotkeys --tls --cacert /ca.crt",
            "--version",
            "--help",
        ] {
            assert!(looks(line), "{line}");
        }
        for line in [
            "-i 0 DEL precious --version",
            "--count 5 SET precious --help",
            "--lru-test 5 --version",
            "--version --bigkeys",
            "--scan DEL precious",
            "--scan --pattern",
            "--scan --pattern --rdb x",
            "--scan -r 5",
            "--bigkeys --rdb /x",
            "--raw",
            "-n 2",
        ] {
            assert!(!looks(line), "{line}");
        }
    }
}
