//! What a command does, and how it is taken back: from the table and from lists made by hand.
//!
//! Invariant: what is in no list and has no telling flag is unknown, never safe.

use playbook_core::model::{Class, Effect, Reversal};

use super::eviction;
use super::lookup::{Command, reads};
use super::meta::{Flags, Meta};
use super::secret_words::{SECRET_SETTINGS, touches_passwords};

/// How a command is carried out so that it can be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It only reads.
    Read,
    /// The keys that it writes are captured; the words say what of it is beyond them.
    Keys(Option<&'static str>),
    /// A script: the keys that it declares are captured.
    Script,
    /// Settings are captured.
    Config,
    /// The rules of a user are captured.
    Acl,
    /// All functions are captured.
    Functions,
    /// Another command takes it back.
    Inverse,
    /// It leaves nothing to take back.
    Nothing,
    /// It cannot be taken back, and why.
    Never(&'static str),
    /// Nobody knows what it does.
    Unknown,
}

/// What is said of a command that is in no list and has no telling flag.
pub(super) const UNKNOWN: &str = "nothing is known about what it does";

/// Commands without the flag `readonly` that leave everything as it was.
const READS: &[&str] = &[
    "acl|cat",
    "acl|dryrun",
    "acl|getuser",
    "acl|help",
    "acl|list",
    "acl|log",
    "acl|users",
    "acl|whoami",
    "client|getname",
    "client|getredir",
    "client|help",
    "client|id",
    "client|info",
    "client|list",
    "client|trackinginfo",
    "cluster|count-failure-reports",
    "cluster|countkeysinslot",
    "cluster|getkeysinslot",
    "cluster|getslotmigrations",
    "cluster|help",
    "cluster|info",
    "cluster|keyslot",
    "cluster|links",
    "cluster|myid",
    "cluster|myshardid",
    "cluster|nodes",
    "cluster|replicas",
    "cluster|shards",
    "cluster|slaves",
    "cluster|slots",
    "cluster|slot-stats",
    "command",
    "command|count",
    "command|docs",
    "command|getkeys",
    "command|getkeysandflags",
    "command|help",
    "command|info",
    "command|list",
    "commandlog|get",
    "commandlog|help",
    "commandlog|len",
    "config|get",
    "config|help",
    "dbsize",
    "echo",
    "function|dump",
    "function|help",
    "function|list",
    "function|stats",
    "info",
    "lastsave",
    "latency|doctor",
    "latency|graph",
    "latency|help",
    "latency|histogram",
    "latency|history",
    "latency|latest",
    "lolwut",
    "memory|doctor",
    "memory|help",
    "memory|malloc-stats",
    "memory|stats",
    "module|help",
    "module|list",
    "object|help",
    "ping",
    "pubsub|channels",
    "pubsub|help",
    "pubsub|numpat",
    "pubsub|numsub",
    "pubsub|shardchannels",
    "pubsub|shardnumsub",
    "role",
    "script|exists",
    "script|help",
    "script|show",
    "slowlog|get",
    "slowlog|help",
    "slowlog|len",
    "time",
    "wait",
    "waitaof",
    "xgroup|help",
    "xinfo|help",
];

/// Commands that Redis calls reads, and that leave something behind all the same: PFCOUNT writes its
/// result into the key, TOUCH is there to change when a key was last used.
const NOT_READS: &[&str] = &["pfcount", "touch"];

/// Is this a read, as far as its name and words tell? Flags have to be looked at besides.
pub(super) fn listed_read(name: &str, words: &[impl AsRef<str>]) -> bool {
    let resets = |at: usize| words.get(at).is_some_and(|word| word.as_ref().eq_ignore_ascii_case("RESET"));
    READS.contains(&name) && !(name == "acl|log" && resets(2))
}

/// Does a name deny what the flag `readonly` says?
pub(super) fn listed_no_read(name: &str) -> bool {
    NOT_READS.contains(&name)
}

/// Why only a run sends a read: a plan must leave the server as it is, and leave it time for others.
///
/// A script that is not allowed to write may still clear logs, send messages or never end.
pub(super) fn only_in_run(name: &str) -> Option<&'static str> {
    match name {
        "eval_ro" | "evalsha_ro" | "fcall_ro" => Some("a script is not run by a plan"),
        "keys" => Some("KEYS serves nobody else until it has seen all keys, so a plan does not run it"),
        "wait" | "waitaof" => Some("a plan writes nothing that could be waited for"),
        _ => None,
    }
}

/// How a command is carried out. A word that is not known yet is `None`.
pub(super) fn way(command: &Command, words: &[Option<String>]) -> Way {
    match command {
        Command::Module(_) => Way::Keys(Some("what a module keeps besides the keys it names is not captured")),
        Command::Known(name, meta) => known(name, *meta, words),
    }
}

fn known(name: &str, meta: Meta, words: &[Option<String>]) -> Way {
    let texts: Vec<&str> = words.iter().map(|word| word.as_deref().unwrap_or_default()).collect();
    let has = |text: &str| texts.iter().any(|word| word.eq_ignore_ascii_case(text));
    if name == "acl|log" && words.get(2).is_some_and(Option::is_none) {
        // It may turn out to be RESET.
        return Way::Never("what was counted or logged is gone");
    }
    if listed_read(name, &texts) || (reads(meta) && !listed_no_read(name)) {
        return Way::Read;
    }
    match name {
        "touch" | "bgsave" | "bgrewriteaof" | "save" | "memory|purge" | "script|load" => Way::Nothing,
        "eval" | "evalsha" | "fcall" => Way::Script,
        "config|set" => Way::Config,
        "acl|setuser" | "acl|deluser" => Way::Acl,
        "function|load" | "function|delete" | "function|flush" | "function|restore" => Way::Functions,
        "swapdb" | "client|pause" | "replicaof" | "slaveof" => Way::Inverse,
        "flushdb" | "flushall" => Way::Never("every key of the database is deleted"),
        "publish" | "spublish" => Way::Never("a message that was sent cannot be called back"),
        "shutdown" => Way::Never("a server that is stopped has to be started where it runs"),
        "migrate" => Way::Keys(Some("the copy on the other server stays")),
        "move" => Way::Keys(Some("the copy in the other database stays")),
        "copy" if has("DB") && has("REPLACE") => {
            Way::Keys(Some("the copy in the other database stays, and what it took the place of is gone"))
        }
        "copy" if has("DB") => Way::Keys(Some("the copy in the other database stays")),
        "client|kill" => Way::Never("connections that were cut stay cut; clients connect again by themselves"),
        "client|unblock" => Way::Never("clients that went on do not go back to waiting"),
        "client|unpause" => Way::Never("nobody knows how long the pause had left"),
        "config|resetstat" | "latency|reset" | "slowlog|reset" | "commandlog|reset" | "acl|log" => {
            Way::Never("what was counted or logged is gone")
        }
        "config|rewrite" => Way::Never("the server's configuration file is written over"),
        "acl|save" | "acl|load" => Way::Never("a file on the server's disk takes the place of what was there"),
        "script|flush" => Way::Never("the server does not tell which scripts it held"),
        "script|kill" | "function|kill" => Way::Never("what was stopped does not go on"),
        "module|load" | "module|loadex" | "module|unload" => Way::Never("modules change the server itself"),
        "debug" => Way::Never("DEBUG reaches past everything that can be captured"),
        "failover" => Way::Never("roles of servers change, and clients with them"),
        _ if name.starts_with("cluster|") => Way::Never("the cluster's own state is not captured"),
        _ if meta.flags.has(Flags::WRITE) || name == "pfcount" => Way::Keys(None),
        _ => Way::Unknown,
    }
}

/// What a command does to the world.
pub(super) fn effect(command: &Command, way: &Way) -> Effect {
    let Command::Known(name, _) = command else { return Effect::Unknown };
    match (*name, way) {
        (_, Way::Read) => Effect::Read,
        (
            "del" | "unlink" | "getdel" | "flushdb" | "flushall" | "migrate" | "function|flush" | "function|delete",
            _,
        ) => Effect::Destroy,
        (
            "shutdown" | "debug" | "client|kill" | "client|pause" | "replicaof" | "slaveof" | "failover" | "save"
            | "module|load" | "module|loadex" | "module|unload",
            _,
        ) => Effect::Disrupt,
        (name, _) if name.starts_with("cluster|") => Effect::Disrupt,
        (_, Way::Script | Way::Unknown) => Effect::Unknown,
        (_, Way::Keys(_) | Way::Config | Way::Acl | Way::Functions | Way::Inverse | Way::Nothing | Way::Never(_)) => {
            Effect::Change
        }
    }
}

/// Effect and reversal of a command.
pub(super) fn class(command: &Command, words: &[Option<String>]) -> Class {
    let way = way(command, words);
    let reversal = match &way {
        Way::Read | Way::Nothing => Reversal::NoneNeeded,
        Way::Keys(None) | Way::Functions => Reversal::Exact,
        Way::Keys(Some(beyond)) => Reversal::BestEffort((*beyond).to_owned()),
        Way::Script => script(words),
        Way::Config => config(words),
        Way::Acl if touches_passwords(words) => Reversal::BestEffort(
            "a user that is new is removed again; passwords of others come back only while this process lives".into(),
        ),
        Way::Acl => Reversal::BestEffort("rules are put back; connections that were cut are not".into()),
        Way::Inverse => Reversal::BestEffort(inverse(command).into()),
        Way::Never(why) => Reversal::Impossible((*why).to_owned()),
        Way::Unknown => Reversal::Impossible(UNKNOWN.into()),
    };
    Class::new(effect(command, &way), reversal)
}

fn script(words: &[Option<String>]) -> Reversal {
    match words.get(2).and_then(Option::as_deref) {
        Some("0") => Reversal::Impossible("the script declares no keys, so nobody knows what it changes".into()),
        None => Reversal::Impossible("only a run can tell whether the script declares keys".into()),
        Some(_) => {
            Reversal::BestEffort("only the keys that the script declares are captured, and it may change others".into())
        }
    }
}

fn config(words: &[Option<String>]) -> Reversal {
    let mut names =
        words.iter().skip(2).step_by(2).map(|word| word.as_deref().unwrap_or_default().to_ascii_lowercase());
    if words.iter().skip(2).step_by(2).any(Option::is_none) {
        return Reversal::BestEffort("the setting is known only after a run".into());
    }
    names
        .find_map(|name| match name.as_str() {
            _ if eviction::decides(&name) => Some(eviction::GONE.to_owned()),
            _ if SECRET_SETTINGS.contains(&name.as_str()) => {
                Some(format!("the old {name} is put back only if it was empty or is a secret that the run knows"))
            }
            "port" | "tls-port" | "bind" | "unixsocket" => {
                Some(format!("after {name} changes, the target may answer at another address"))
            }
            "dir" | "dbfilename" | "appendonly" | "save" => {
                Some(format!("{name} is put back; files that were written meanwhile stay"))
            }
            _ => None,
        })
        .map_or(Reversal::Exact, Reversal::BestEffort)
}

fn inverse(command: &Command) -> &'static str {
    match command {
        Command::Known("swapdb", _) => "swapped back; what others wrote in between goes with it",
        Command::Known("client|pause", _) => "clients go on at once; what they waited is lost",
        _ => "the role is put back; data that a new master replaced does not return",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::lookup;
    use crate::redis::table::table;

    fn class_of(words: &[Option<String>]) -> Class {
        let named: Vec<&str> = words.iter().map_while(Option::as_deref).collect();
        class(&lookup::find(&named).expect("known"), words)
    }

    fn of(line: &str) -> String {
        let words: Vec<Option<String>> = line.split(' ').map(|word| (word != "?").then(|| word.to_owned())).collect();
        let class = class_of(&words);
        format!("{}, {}", class.effect, class.reversal)
    }

    #[test]
    fn reads_are_reads_even_where_redis_has_no_flag_for_it() {
        for line in
            ["GET k", "INFO", "CONFIG GET x", "ACL LOG", "CLIENT LIST", "EVAL_RO x 0", "SLOWLOG GET", "XINFO STREAM s"]
        {
            assert_eq!(of(line), "read, none needed", "{line}");
        }
        for line in [
            "ACL LOG RESET",
            "SORT a STORE b",
            "GETEX k",
            "BITFIELD k SET u8 0 1",
            "PFCOUNT k",
            "XREADGROUP GROUP g c STREAMS s >",
        ] {
            assert!(!of(line).starts_with("read"), "{line}: {}", of(line));
        }
    }

    #[test]
    fn what_goes_is_told_from_what_changes() {
        assert_eq!(of("UNLINK a"), "destroy, exact");
        assert_eq!(of("SET a b"), "change, exact");
        assert_eq!(of("FLUSHALL"), "destroy, impossible (every key of the database is deleted)");
        assert!(of("SHUTDOWN").starts_with("disrupt, impossible"));
        assert_eq!(
            of("EVAL x 1 k"),
            "unknown, best effort (only the keys that the script declares are captured, and it may change others)"
        );
        assert!(of("EVAL x 0").starts_with("unknown, impossible"));
        assert!(of("EVAL x ? k").starts_with("unknown, impossible"));
        assert!(of("ACL LOG ?").starts_with("change, impossible"));
        assert!(of("JSON.SET k $ 1").starts_with("unknown, best effort"));
    }

    #[test]
    fn settings_are_exact_unless_they_are_secret() {
        assert_eq!(of("CONFIG SET timeout ?"), "change, exact");
        let evicts = "change, best effort (keys that the server evicts do not return)";
        assert_eq!(of("CONFIG SET maxmemory ?"), evicts);
        assert_eq!(of("CONFIG SET timeout 1 MaxMemory-Policy allkeys-lru"), evicts);
        assert!(of("CONFIG SET timeout 1 requirepass x").starts_with("change, best effort (the old requirepass"));
        assert!(of("CONFIG SET ? 1").starts_with("change, best effort"));
    }

    #[test]
    fn every_command_of_the_table_has_a_class_and_only_listed_or_flagged_ones_are_reads() {
        for (name, meta) in table().all() {
            let words: Vec<Option<String>> = name.split('|').map(|word| Some(word.to_owned())).collect();
            let class = class(&Command::Known(name, meta), &words);
            if meta.flags.has(Flags::WRITE) {
                assert!(class.effect.changes(), "{name}");
            }
            if class.effect == Effect::Read {
                assert!(reads(meta) || READS.contains(&name), "{name}");
            }
        }
        for name in READS {
            assert!(table().get(name).is_some(), "{name} is in no table");
        }
    }
}
