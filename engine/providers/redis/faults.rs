//! Errors of the driver and of the server → faults with a cause and what to do.

use playbook_core::action::{Fault, FaultKind, TOLD_TO_STOP};
use playbook_core::codes::Code;
use playbook_core::secret::Secrets;

use super::client::Broken;
use super::value::ServerError;

/// A connection that could not be made, or broke.
pub(super) fn broken(broken: &Broken, address: &str, secrets: &Secrets) -> Fault {
    let fault = match broken {
        Broken::Unreachable(why) => Fault::new(
            FaultKind::Unreachable,
            Code::Unreachable,
            format!("{address} cannot be reached: {}", secrets.text(why)),
        )
        .help("is the server up, and is this the address that it can be reached at from here?"),
        Broken::Lost(why) => Fault::new(
            FaultKind::Unreachable,
            Code::Unreachable,
            format!("the connection to {address} broke: {}", secrets.text(why)),
        )
        .help("was the server restarted, or does something between cut connections?"),
        Broken::Timeout => Fault::new(FaultKind::Timeout, Code::TimedOut, format!("{address} does not answer"))
            .help("something may hold the server up: SLOWLOG GET, and look for KEYS, big DELs, scripts"),
        Broken::Invalid(why) => Fault::new(
            FaultKind::Invalid,
            Code::TargetAddress,
            format!("{address} cannot be used: {}", secrets.text(why)),
        )
        .help("check the address and the certificates of the target"),
        Broken::Refused(error) => return server(error, address, secrets),
        Broken::Way(fault) => (**fault).clone(),
    };
    Fault { message: one_line(&fault.message), ..fault }
}

/// Something that the server refused.
pub(super) fn server(error: &ServerError, address: &str, secrets: &Secrets) -> Fault {
    let (code, text) = cause(error);
    let words = one_line(&secrets.text(&format!("{code} {text}")));
    let (kind, page, transient, help) = kind(&code, &text);
    let message = match kind {
        FaultKind::Unauthorised => format!("{address} refuses: {words}"),
        _ => format!("the server refused: {words}"),
    };
    Fault::new(kind, page, message).help(help).server(code, transient)
}

/// The error behind a transaction that was given up.
fn cause(error: &ServerError) -> (String, String) {
    // Within a script, old versions put the place before the words.
    if let Some((_, words)) = error.text.split_once("-OOM ").filter(|_| error.code.starts_with('@')) {
        return ("OOM".into(), words.to_owned());
    }
    let inner = error.text.split_once("because of: ").filter(|_| error.code == "EXECABORT").map(|(_, inner)| inner);
    match inner.and_then(|inner| inner.split_once(' ')) {
        Some((code, text)) if code.chars().all(|c| c.is_ascii_uppercase()) => (code.to_owned(), text.to_owned()),
        _ if error.code == "NOAUTH" && error.text.starts_with("HELLO") => {
            (error.code.clone(), "Authentication required.".to_owned())
        }
        _ => (error.code.clone(), error.text.clone()),
    }
}

fn kind(code: &str, text: &str) -> (FaultKind, Code, bool, &'static str) {
    let refused = |transient, help| (FaultKind::Refused, Code::ServerError, transient, help);
    let auth = |help| (FaultKind::Unauthorised, Code::Unauthorised, false, help);
    match code {
        "NOAUTH" => auth("give the target a password, or set REDISCLI_AUTH"),
        "WRONGPASS" => auth("check user and password of the target"),
        "NOPERM" => auth("grant it with ACL SETUSER, or use another user; ACL WHOAMI tells who this is"),
        "OOM" => refused(false, "used memory is above maxmemory: raise maxmemory or delete something first"),
        "READONLY" => refused(false, "this is a replica: point the target at the master; ROLE tells where it is"),
        "MISCONF" => refused(false, "the last snapshot failed: look at the disk and at INFO persistence"),
        "LOADING" => refused(true, "the server is reading its dataset: INFO persistence tells how far it is"),
        "BUSY" => refused(true, "a script runs: SCRIPT KILL or FUNCTION KILL ends it if it has written nothing"),
        "MASTERDOWN" => refused(true, "the replica has lost its master: look at INFO replication"),
        "CLUSTERDOWN" => refused(true, "slots of the cluster are not served: CLUSTER INFO and CLUSTER NODES"),
        "TRYAGAIN" => refused(true, "a slot is being moved; it passes"),
        "MOVED" | "ASK" => refused(false, "the key is on another node of the cluster: point the target at that node"),
        "CROSSSLOT" => refused(false, "the keys are on several nodes of the cluster; use one key, or a hash tag {…}"),
        "NOREPLICAS" => refused(true, "min-replicas-to-write is not met: look at INFO replication"),
        "WRONGTYPE" => refused(false, "the key holds another type than this command is for: TYPE key"),
        "NOSCRIPT" => refused(false, "the server does not hold this script: SCRIPT LOAD it, or use EVAL"),
        "BUSYGROUP" => refused(false, "the group exists already"),
        "NOGROUP" => refused(false, "the group or the stream does not exist: XINFO GROUPS key"),
        "EXECABORT" => refused(false, "nothing of it was applied"),
        "ERR" if text.starts_with("max number of clients") => {
            refused(true, "the server takes no more connections: CLIENT LIST, CONFIG GET maxclients")
        }
        "ERR" if text.starts_with("unknown command") || text.starts_with("unknown subcommand") => {
            refused(false, "this version of the server has no such command, or it was renamed")
        }
        "ERR" if text.contains("DB index is out of range") => {
            refused(false, "the server has fewer databases: CONFIG GET databases")
        }
        _ => refused(false, "the words after the code are the server's own"),
    }
}

/// Told to stop.
pub(super) fn cancelled() -> Fault {
    Fault::new(FaultKind::Cancelled, Code::TimedOut, TOLD_TO_STOP)
        .help("what was done up to here is recorded, and can be rolled back")
}

/// What was captured changed before it could be applied.
pub(super) fn moved(what: &str) -> Fault {
    Fault::new(FaultKind::Moved, Code::WorldMoved, format!("{what} changed while the step was about to change it"))
        .help("it is captured again; if that does not end, others write to the same keys all the time")
}

/// More to capture than allowed.
pub(super) fn too_much(needed: u64, limit: u64) -> Fault {
    use playbook_core::model::Bytes;
    Fault::new(
        FaultKind::CaptureLimit,
        Code::CaptureLimit,
        format!("{} would have to be captured, and {} are allowed", Bytes(needed), Bytes(limit)),
    )
    .help("raise capture_limit, take fewer keys with limit:, or state the rollback by hand")
}

/// A fault in this program.
pub(super) fn internal(what: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Internal, Code::Internal, what).help("report it with the journal of the run")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, text: &str) -> ServerError {
        ServerError { code: code.into(), text: text.into() }
    }

    #[test]
    fn the_servers_words_and_what_to_do_are_told_without_secrets() {
        let secrets = Secrets::new();
        secrets.add("pw", "hunter22");
        let fault = server(&error("ERR", "bad modifier '>hunter22'"), "redis://h:1", &secrets);
        assert_eq!(fault.message, "the server refused: ERR bad modifier '>[secret:pw]'");
        assert!(server(&error("LOADING", "x"), "a", &secrets).transient);
        assert_eq!(server(&error("NOPERM", "x"), "a", &secrets).code, Code::Unauthorised);
    }

    #[test]
    fn the_cause_of_an_aborted_transaction_is_what_counts() {
        let aborted = error("EXECABORT", "Transaction discarded because of: OOM command not allowed");
        assert_eq!(server(&aborted, "a", &Secrets::new()).server_code.as_deref(), Some("OOM"));
    }
}
