//! Errors of the connection and of the engine → faults with a cause and what to do.

use std::io::{self, ErrorKind};
use std::time::Duration;

use playbook_core::action::{Fault, FaultKind, TOLD_TO_STOP};
use playbook_core::codes::Code;
use serde_json::Value;

use super::client::{Call, Opened};

/// Nobody is there, or nobody who answers to us. Nothing was sent.
pub(super) fn unconnected(error: &io::Error, opened: &Opened) -> Fault {
    let host = &opened.host;
    let by = opened.context.as_ref().map(|context| format!(" (context `{context}`)")).unwrap_or_default();
    let made = |kind, code, why: &str, help: &str| Fault::new(kind, code, format!("{host}{by} {why}")).help(help);
    if matches!(error.get_ref(), Some(why) if why.is::<rustls::Error>()) {
        return made(
            FaultKind::Invalid,
            Code::TargetAddress,
            &format!("and this program do not trust each other: {error}"),
            "ca.pem, cert.pem and key.pem belong together, and to this engine: DOCKER_CERT_PATH, or tls: of the target",
        );
    }
    if host.starts_with("ssh://") && error.kind() == ErrorKind::NotFound {
        return made(
            FaultKind::Invalid,
            Code::TargetAddress,
            "cannot be reached: there is no program ssh",
            "install an ssh client, or use another address of the engine",
        );
    }
    match error.kind() {
        ErrorKind::PermissionDenied => made(
            FaultKind::Unauthorised,
            Code::Unauthorised,
            "may not be used by this user: permission denied",
            "join the group of the socket (usermod -aG docker USER, then log in again), use sudo, or a rootless engine's \
             socket (DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock)",
        ),
        ErrorKind::NotFound if opened.is_local() => made(
            FaultKind::Unreachable,
            Code::Unreachable,
            "cannot be reached: there is no such socket",
            "is the engine running (systemctl status docker)? docker context ls shows where others listen; DOCKER_HOST \
             or the target's host: names one",
        ),
        ErrorKind::ConnectionRefused => made(
            FaultKind::Unreachable,
            Code::Unreachable,
            "cannot be reached: nobody listens there (connection refused)",
            "is the engine running (systemctl status docker), and is this its address?",
        ),
        _ => made(FaultKind::Unreachable, Code::Unreachable, &format!("cannot be reached: {error}"), REACH),
    }
}

/// What to look at where nothing better is known.
const REACH: &str = "is the engine running, and can it be reached from here (network, VPN, firewall)?";

/// The program that leads to the engine did not reach it. Nothing was sent.
pub(super) fn unlinked(why: &str, host: &str) -> Fault {
    let message = format!("{host} cannot be reached: {why}");
    let unauthorised = why.contains("Permission denied") || why.contains("Host key verification failed");
    let (kind, code) = if unauthorised {
        (FaultKind::Unauthorised, Code::Unauthorised)
    } else {
        (FaultKind::Unreachable, Code::Unreachable)
    };
    Fault::new(kind, code, message).help(
        "try: ssh -o BatchMode=yes HOST docker version. It has to work without a question: a key in the agent, a known \
         host, docker on the other side",
    )
}

/// The connection broke before the answer was complete.
pub(super) fn lost(why: &str, host: &str, changes: bool) -> Fault {
    // With TLS 1.3 the engine says so only after the request was sent, which it has not looked at.
    if let Some((_, alert)) = why.split_once("received fatal alert: ") {
        let message = format!("{host} does not take our certificate: {alert}");
        return Fault::new(FaultKind::Unauthorised, Code::Unauthorised, message).help(
            "cert.pem and key.pem of DOCKER_CERT_PATH, or of tls: of the target, are for another engine, or expired",
        );
    }
    let fault = Fault::new(
        FaultKind::Unreachable,
        Code::Unreachable,
        format!("{host} broke off before it had answered: {why}"),
    )
    .help("was the engine stopped or restarted (journalctl -u docker)?");
    if changes { fault.unclear() } else { fault }
}

/// A port cannot be reached.
pub(super) fn closed(host: &str, port: u16, why: &str) -> Fault {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Fault::new(FaultKind::Unreachable, Code::Unreachable, format!("{host}:{port} cannot be reached: {why}")).help(
        "does something listen on this port of the container, on all of its addresses and not only on its own 127.0.0.1? \
         What is published (docker port CONTAINER) is reached first",
    )
}

/// No answer in time.
pub(super) fn silent(host: &str, after: Duration, unclear: bool) -> Fault {
    let fault = Fault::new(FaultKind::Timeout, Code::TimedOut, format!("{host} does not answer within {after:?}"))
        .help("docker info tells whether the engine hangs; journalctl -u docker, why");
    if unclear { fault.unclear() } else { fault }
}

/// Told to stop.
pub(super) fn cancelled(unclear: bool) -> Fault {
    let fault = Fault::new(FaultKind::Cancelled, Code::TimedOut, TOLD_TO_STOP)
        .help("what was done up to here is recorded, and can be rolled back");
    if unclear { fault.unclear() } else { fault }
}

/// An answer that is not a success.
pub(super) fn status(code: u16, body: &Value, call: &Call, host: &str) -> Fault {
    let words = body.get("message").or(Some(body)).and_then(Value::as_str).unwrap_or("no reason given");
    let message = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let kind = match code {
        401 | 403 => FaultKind::Unauthorised,
        _ => FaultKind::Refused,
    };
    let page = if kind == FaultKind::Unauthorised { Code::Unauthorised } else { Code::ServerError };
    let transient = matches!(code, 429 | 502..=504);
    let told =
        |message: String, help: &str| Fault::new(kind, page, message).help(help).server(code.to_string(), transient);
    let known = reason(&message);
    let fault = match (code, known) {
        (301 | 302 | 307 | 308, _) => told(
            format!("{host} sends {} elsewhere", call.title()),
            "is it an engine, or something else that listens there?",
        ),
        (401 | 403, _) => {
            told(message, "an authorization plugin of the engine, or a proxy before it, refuses this user")
        }
        (404, _) if message.contains("page not found") => told(
            format!("{host} does not know {}: {message}", call.title()),
            "is it a docker engine, and is it new enough?",
        ),
        (_, Some((help, _))) => told(message, help),
        (404, None) => told(message, "check the name, and the engine: docker ps -a, docker context ls"),
        (500..=599, None) => told(
            format!("the engine is in trouble ({code}): {message}"),
            "the words are the engine's own; journalctl -u docker tells more",
        ),
        _ => told(message, "the words are the engine's own"),
    };
    // After these the engine may have done some of it. What it begins to make or start, it takes back, and
    // older ones say with 500 too that something is not in the state for it.
    let takes_back = ["/create", "/start", "/connect", "/json"].iter().any(|end| call.path.ends_with(end));
    let untouched = takes_back || known.is_some_and(|(_, untouched)| untouched);
    let unclear = call.changes() && (matches!(code, 502..=504) || (code == 500 && !untouched));
    if unclear { fault.unclear() } else { fault }
}

/// What to do about reasons that are known; true: of which the engine knows before it begins.
fn reason(message: &str) -> Option<(&'static str, bool)> {
    const FULL: &str = "no space left on device";
    let known = [
        (
            FULL,
            "the engine's disk is full: docker system df shows what takes the room; free some (docker image prune, \
             docker builder prune), then go on: what was done up to here is recorded",
        ),
        ("port is already allocated", "docker ps --filter publish=PORT, or ss -ltnp, shows who has the port"),
        ("address already in use", "ss -ltnp on the engine's machine shows who has the port"),
        (
            "is already in use by container",
            "another container has this name: rename or remove it, or choose another name",
        ),
        ("removal of container", "it is being removed already"),
        ("is not running", "start it first; docker logs shows why it ended"),
        ("is restarting", "wait until it runs; docker logs shows why it ends again and again"),
        ("is paused", "unpause it first"),
        ("already paused", "it is so already"),
        ("is not paused", "docker ps -a shows in what state it is"),
        ("You cannot remove a running container", "stop it first, or rm -f"),
        ("cannot remove a running container", "stop it first, or rm -f"),
        ("container is running", "stop it first, or rm -f"),
        ("volume is in use", "remove the containers first that use it: docker ps -a --filter volume=NAME"),
        ("has active endpoints", "disconnect or remove its containers first: docker network inspect NAME"),
        ("executable file not found", "there is no such program in the image"),
        ("memoryswap limit", "give --memory-swap too: it has to be at least --memory"),
        (
            "toomanyrequests",
            "the registry lets this address pull no more for now: wait, or fetch it with docker pull after docker login",
        ),
        (
            "pull access denied",
            "check the name of the image; a private one takes a login: docker login REGISTRY, as who runs this",
        ),
        ("manifest unknown", "there is no such tag: check it at the registry"),
        (
            "HTTP request to an HTTPS server",
            "it wants TLS: DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or tls: of the target",
        ),
        ("no basic auth credentials", "log in first, as who runs this: docker login REGISTRY"),
        ("unauthorized", "log in first, as who runs this: docker login REGISTRY"),
        ("dial tcp", "the engine's machine cannot reach the registry: network, proxy or name of it"),
        ("No such image", "pull it first, or check its name: docker images"),
    ];
    let found = known.iter().find(|(words, _)| message.contains(words));
    found.map(|(words, help)| (*help, *words != FULL))
}

/// What a line of an answer says went wrong.
pub(super) fn told(why: &str) -> Fault {
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let help = reason(&why).map_or("the words are the engine's own", |(help, _)| help);
    refused(why, help)
}

/// The engine cannot, or will not.
pub(super) fn refused(message: impl Into<String>, help: &str) -> Fault {
    Fault::new(FaultKind::Refused, Code::ServerError, message).help(help)
}

/// An engine with which there is no version of the API to agree on.
pub(super) fn stranger(host: &str, newest: &str, oldest: &str) -> Fault {
    let message = format!("{host} speaks the Engine API from {oldest} to {newest}, and playbook speaks 1.24 to 1.51");
    refused(message, "is it a docker engine? update whichever of the two is older")
}

/// An address that leads nowhere.
pub(super) fn address(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Invalid, Code::TargetAddress, message)
        .help("write unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST")
}

/// A fault in this program.
pub(super) fn internal(what: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Internal, Code::Internal, what).help("report it with the journal of the run")
}
