//! Programs that only look and end by themselves: what a plan may run in a pod or a container.
//!
//! Invariant: what is not known is not a look. A flag counts only if it is listed here, in every
//! implementation that images have (GNU, busybox, BSD) it does the same harmless thing or is refused
//! by the program, and nothing that is listed writes, runs something else or goes on for ever.

use super::open;

/// Where programs are that images bring along.
const FOLDERS: &[&str] = &["/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"];
/// Where else images have the programs of Redis.
const REDIS_FOLDERS: &[&str] = &["/opt/bitnami/redis/bin", "/opt/bitnami/redis-cluster/bin"];

/// Flags and operands of a program that are known to be harmless.
struct Program {
    name: &'static str,
    /// Letters without a value, alone or together: `-la`.
    letters: &'static str,
    /// Letters with a number, in the same word or the next: `-n5`, `-n 5`.
    numbered: &'static str,
    /// Long flags without a value.
    long: &'static [&'static str],
    /// Long flags with a number behind `=`.
    long_numbered: &'static [&'static str],
    operands: Operands,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operands {
    None,
    /// Files that are not opened.
    Names,
    /// Files that are read to their end.
    Contents,
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "cat",
        letters: "AbEenstTuv",
        numbered: "",
        long: &["show-all", "number", "number-nonblank", "show-ends", "show-tabs", "show-nonprinting", "squeeze-blank"],
        long_numbered: &[],
        operands: Operands::Contents,
    },
    Program {
        name: "head",
        letters: "qv",
        numbered: "nc",
        long: &["quiet", "silent", "verbose"],
        long_numbered: &["lines", "bytes"],
        operands: Operands::Contents,
    },
    // Without -f and -F, with which it goes on for ever.
    Program {
        name: "tail",
        letters: "qv",
        numbered: "nc",
        long: &["quiet", "silent", "verbose"],
        long_numbered: &["lines", "bytes"],
        operands: Operands::Contents,
    },
    Program {
        name: "wc",
        letters: "cmlwL",
        numbered: "",
        long: &["bytes", "chars", "lines", "words", "max-line-length"],
        long_numbered: &[],
        operands: Operands::Contents,
    },
    // Without -s, with which it goes on for ever.
    Program {
        name: "free",
        letters: "bkmghtwlv",
        numbered: "",
        long: &["bytes", "kibi", "mebi", "gibi", "kilo", "mega", "giga", "human", "si", "total", "wide", "lohi"],
        long_numbered: &[],
        operands: Operands::None,
    },
    Program {
        name: "df",
        letters: "ahHiklmPT",
        numbered: "B",
        long: &["all", "human-readable", "si", "inodes", "local", "portability", "print-type", "total", "no-sync"],
        long_numbered: &["block-size"],
        operands: Operands::Names,
    },
    Program {
        name: "du",
        letters: "abcDhHkLlmPsSx",
        numbered: "dB",
        long: &[
            "all",
            "apparent-size",
            "bytes",
            "total",
            "human-readable",
            "si",
            "summarize",
            "separate-dirs",
            "one-file-system",
        ],
        long_numbered: &["max-depth", "block-size"],
        operands: Operands::Names,
    },
];

/// Programs that open nothing that they are given and know no flag that writes.
const ANY_ARGUMENTS: &[&str] = &["ls", "ps", "uptime", "id", "whoami", "stat"];

/// With an operand it sets the name, with -F from a file.
const HOSTNAME: &[&str] =
    &["-f", "-i", "-I", "-s", "-d", "-A", "--fqdn", "--short", "--ip-address", "--all-ip-addresses"];
/// With -s, or an operand without `+`, it sets the clock.
const DATE: &[&str] = &["-u", "-R", "-I", "-Iseconds", "--utc", "--rfc-3339=seconds", "--iso-8601=seconds"];

/// Files of /proc that are there for everyone and end.
const PROC: &[&str] = &["meminfo", "cpuinfo", "loadavg", "uptime", "version", "mounts", "stat", "vmstat", "diskstats"];
/// Files of one process.
const PROC_OF_ONE: &[&str] = &[
    "cgroup",
    "cmdline",
    "comm",
    "environ",
    "io",
    "limits",
    "maps",
    "mountinfo",
    "mounts",
    "oom_score",
    "oom_score_adj",
    "smaps",
    "smaps_rollup",
    "stat",
    "statm",
    "status",
];

/// Does this program, with these arguments, only look and end by itself? A word that has no value yet
/// is taken for one that is harmless where no word could do harm.
pub(crate) fn looks(command: &[String]) -> bool {
    let Some((path, arguments)) = command.split_first() else { return false };
    let (folder, program) = path.rsplit_once('/').map_or((None, path.as_str()), |(at, name)| (Some(at), name));
    let known =
        |folder: &str| FOLDERS.contains(&folder) || (program.starts_with("redis-") && REDIS_FOLDERS.contains(&folder));
    // Of a program elsewhere nobody knows more than its name.
    if open::is(path) || !folder.is_none_or(known) {
        return false;
    }
    if ANY_ARGUMENTS.contains(&program) {
        return true;
    }
    if let Some(program) = PROGRAMS.iter().find(|known| known.name == program) {
        return program.allows(arguments);
    }
    if arguments.iter().any(|word| open::is(word)) {
        return false;
    }
    let all = |known: &[&str]| arguments.iter().all(|word| known.contains(&word.as_str()) || format(program, word));
    match program {
        "redis-cli" => super::redis_cli::redis_looks(arguments),
        "redis-server" => matches!(arguments, [only] if ["--version", "-v"].contains(&only.as_str())),
        // With --fix and --truncate-to-timestamp they mend what they find.
        "redis-check-aof" | "redis-check-rdb" => {
            matches!(arguments, [file] if !file.starts_with('-') && ends(file))
        }
        "hostname" => all(HOSTNAME),
        "date" => all(DATE),
        "nc" | "ncat" | "netcat" => only_knocks(arguments),
        _ => false,
    }
}

/// How date prints.
fn format(program: &str, word: &str) -> bool {
    program == "date" && word.starts_with('+')
}

impl Program {
    fn allows(&self, arguments: &[String]) -> bool {
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            // No value of these programs' words writes, so that of an open one is no matter here.
            if open::is(word) {
                continue;
            }
            let fits = match (word.strip_prefix("--"), word.strip_prefix('-')) {
                (Some(long), _) => self.has_long(long),
                (None, Some(letters)) => self.has_letters(letters, &mut words),
                (None, None) => match self.operands {
                    Operands::None => false,
                    Operands::Names => true,
                    Operands::Contents => ends(word),
                },
            };
            if !fits {
                return false;
            }
        }
        true
    }

    fn has_long(&self, flag: &str) -> bool {
        match flag.split_once('=') {
            Some((flag, value)) => self.long_numbered.contains(&flag) && is_number(value),
            None => self.long.contains(&flag),
        }
    }

    fn has_letters<'w>(&self, letters: &str, words: &mut impl Iterator<Item = &'w String>) -> bool {
        // `-5` of head and tail.
        if !letters.is_empty() && letters.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.numbered.contains('n');
        }
        for (at, letter) in letters.char_indices() {
            if self.numbered.contains(letter) {
                let rest = &letters[at + letter.len_utf8()..];
                let next = if rest.is_empty() { words.next().map(String::as_str) } else { Some(rest) };
                return next.is_some_and(|value| open::is(value) || is_number(value));
            }
            if !self.letters.contains(letter) {
                return false;
            }
        }
        !letters.is_empty()
    }
}

/// `5`, `+5`, `-5`, `10k`, `1MB`.
fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']).trim_end_matches(|c: char| c.is_ascii_alphabetic());
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && text.len() < 24
}

/// Has this file an end, as far as its name tells? Not so devices, and the pipes and traces of /proc and
/// /sys, which reading also empties.
fn ends(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let process = |name: &str| name == "self" || name.bytes().all(|byte| byte.is_ascii_digit());
    match parts.as_slice() {
        all if all.contains(&"..") => false,
        ["dev", ..] => false,
        ["proc", file] => PROC.contains(file),
        ["proc", "sys" | "net", ..] => true,
        ["proc", of, file] => process(of) && PROC_OF_ONE.contains(file),
        ["sys", "fs", "cgroup", ..] | ["sys", "kernel", "mm", "transparent_hugepage", ..] => true,
        ["proc" | "sys", ..] => false,
        all => !all.is_empty(),
    }
}

/// netcat that opens a connection and sends nothing: `-z`, how to say it, how long to wait, then a host
/// and ports. Not with -u: whether someone listens can be told there only by sending something.
fn only_knocks(arguments: &[String]) -> bool {
    let mut knocks = false;
    let mut words = arguments.iter();
    let mut operands = Vec::new();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|_| operands.is_empty()) else {
            operands.push(word.as_str());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            match letter {
                'z' => knocks = true,
                'v' | 'n' | '4' | '6' => {}
                'w' => {
                    let rest = &letters[at + 1..];
                    let wait = if rest.is_empty() { words.next().map(String::as_str) } else { Some(rest) };
                    if !wait.is_some_and(is_port) {
                        return false;
                    }
                    break;
                }
                _ => return false,
            }
        }
        if letters.is_empty() {
            return false;
        }
    }
    let port = |word: &&str| word.split('-').all(is_port);
    match operands.split_first() {
        Some((host, ports)) => knocks && !host.is_empty() && !ports.is_empty() && ports.iter().all(port),
        None => false,
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() && !text.starts_with('+')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> bool {
        looks(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_runbooks_look_with_is_a_look() {
        for text in [
            "df -h /data",
            "df -hT",
            "du -sh /data",
            "du -h -d 1 /data",
            "du --max-depth=1 /data",
            "free -m",
            "free -h --total",
            "ls -la /data",
            "ps aux",
            "cat /etc/hosts",
            "cat -n /proc/meminfo",
            "cat /proc/1/status",
            "cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/bin/cat etc/hosts",
            "tail -n 5 /log",
            "tail -5 /log",
            "tail -n +5 /log",
            "head -c 1k /log",
            "head --lines=3 /log",
            "wc -l /log",
            "date",
            "date -u +%s",
            "hostname -f",
            "uptime",
            "nc -z redis 6379",
            "nc -zv redis 6379",
            "nc -zvw3 redis 6379",
            "nc -v -z -w 3 10.0.0.1 6379 6380-6390",
            "ncat -zv4 redis 6379",
            "redis-cli --version",
            "redis-server --version",
            "redis-check-aof /data/appendonly.aof",
            "/usr/local/bin/redis-check-rdb dump.rdb",
            "/opt/bitnami/redis/bin/redis-cli --bigkeys",
        ] {
            assert!(line(text), "{text}");
        }
    }

    #[test]
    fn what_writes_runs_something_or_never_ends_is_none() {
        for text in [
            "nc -z -o /data/x redis 6379",
            "nc -zo /data/x redis 6379",
            "nc -zu redis 6379",
            "nc -z -e /bin/sh redis 6379",
            "nc -z -i 5 redis 6379",
            "nc -z redis 6379 -e sh",
            "nc -z -w sh redis 6379",
            "nc -z redis sh",
            "nc -z redis",
            "nc -z",
            "nc -lz redis 6379",
            "nc redis 6379",
            "ncat -z --sh-exec=reboot redis 6379",
            "ncat --exec=reboot -z redis 6379",
            "ncat -z -- redis 6379",
            "date -s 10:00",
            "date 10:00",
            "date --set=10:00",
            "date -d 10:00",
            "hostname evil",
            "hostname -F /x",
            "tail -f /log",
            "tail -F /log",
            "tail -nf /log",
            "tail -fn5 /log",
            "tail --follow /log",
            "tail --fo /log",
            "tail --retry /log",
            "free -s 1",
            "free -hs1",
            "free --seconds=1",
            "du --files0-from=/x",
            "wc --files0-from=-",
            "df --sync",
            "df --output=x",
            "cat /dev/zero",
            "cat ./dev//zero",
            "cat /etc/../dev/zero",
            "cat /proc/kmsg",
            "cat /proc/1/fd/1",
            "cat /proc/1/root/dev/zero",
            "cat /sys/kernel/debug/tracing/trace_pipe",
            "head -n 1 /dev/random",
            "wc -c /dev/zero",
            "cat -",
            "redis-check-aof --fix /data/appendonly.aof",
            "redis-check-aof --truncate-to-timestamp 1 /data/appendonly.aof",
            "redis-check-aof /dev/zero",
            "redis-check-rdb -",
            "redis-check-rdb",
            "redis-server",
            "redis-server /etc/redis.conf",
            "/tmp/ls",
            "./ls",
            "bin/ls",
            "/tmp/redis-cli --version",
            "sh",
            "env",
            "find /",
        ] {
            assert!(!line(text), "{text}");
        }
    }
}
