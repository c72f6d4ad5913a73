//! Errors of the driver and of the API server → faults with a cause and what to do.

use playbook_core::action::{Fault, FaultKind, TOLD_TO_STOP};
use playbook_core::codes::Code;
use serde_json::Value;

use super::client::Call;

/// No connection, or it broke before an answer.
pub(super) fn lost(error: &kube::Error, server: &str, changes: bool) -> Fault {
    let text = words(error);
    let never_sent = text.contains("(Connect)") || text.contains("dns error") || text.contains("onnection refused");
    if let Some((_, why)) = text.split_once("invalid peer certificate:") {
        let why = why.trim();
        let help = if why.contains("NotValidForName") || why.contains("not valid for name") {
            "the server's certificate is for another name: tls-server-name of the cluster names the right one"
        } else if why.contains("Expired") || why.contains("expired") {
            "the server's certificate has expired, or the clock of this machine is wrong"
        } else {
            "certificate-authority of the cluster in the kubeconfig does not fit this server"
        };
        return Fault::new(FaultKind::Invalid, Code::TargetAddress, format!("{server} is not trusted: {why}"))
            .help(help);
    }
    if text.contains("proxy authorization required") {
        return Fault::new(FaultKind::Unauthorised, Code::Unauthorised, format!("{server}: the proxy lets nobody in"))
            .help("give the proxy's user and password: http://USER:PASSWORD@HOST:PORT");
    }
    let fault = broken(&text, server);
    if changes && !never_sent { fault.unclear() } else { fault }
}

/// The causes of an error in one line.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_start_matches("ServiceError: ").to_owned()
}

/// A connection that could not be made, or broke.
pub(super) fn broken(why: &str, server: &str) -> Fault {
    Fault::new(FaultKind::Unreachable, Code::Unreachable, format!("{server} cannot be reached: {why}"))
        .help("is the API server up, and can it be reached from here (VPN, proxy)?")
}

/// Does the server not know who we are?
pub(super) fn is_unknown(fault: &Fault) -> bool {
    fault.kind == FaultKind::Unauthorised && matches!(fault.server_code.as_deref(), Some("Unauthorized" | "401"))
}

/// Does it take us for nobody? A server that knows none of our credentials may let in whoever has none.
pub(super) fn is_nobody(fault: &Fault) -> bool {
    fault.kind == FaultKind::Unauthorised && fault.message.contains("User \"system:anonymous\" cannot")
}

/// No answer in time.
pub(super) fn silent(server: &str, after: std::time::Duration, changes: bool) -> Fault {
    let fault = Fault::new(FaultKind::Timeout, Code::TimedOut, format!("{server} does not answer within {after:?}"))
        .help("kubectl get --raw /readyz tells what the API server thinks of itself");
    if changes { fault.unclear() } else { fault }
}

/// Told to stop.
pub(super) fn cancelled(changes: bool) -> Fault {
    let fault = Fault::new(FaultKind::Cancelled, Code::TimedOut, TOLD_TO_STOP)
        .help("what was done up to here is recorded, and can be rolled back");
    if changes { fault.unclear() } else { fault }
}

/// An answer that is not a success.
pub(super) fn status(code: u16, status: &Value, call: &Call, server: &str) -> Fault {
    let field = |name: &str| status.get(name).and_then(Value::as_str).unwrap_or_default();
    let message = match field("message") {
        "" => status.as_str().unwrap_or("no reason given").to_owned(),
        message => message.to_owned(),
    };
    let message = if of_secrets(call) { unrepeated(status, &message) } else { message };
    let reason = if field("reason").is_empty() { code.to_string() } else { field("reason").to_owned() };
    let made = |kind, page, message: String, help: &str, transient| {
        Fault::new(kind, page, message).help(help).server(reason.clone(), transient)
    };
    match code {
        401 => made(
            FaultKind::Unauthorised,
            Code::Unauthorised,
            format!("{server} does not know this user: {message}"),
            "the token or certificate of the kubeconfig may have expired: log in again",
            false,
        ),
        403 => made(
            FaultKind::Unauthorised,
            Code::Unauthorised,
            message,
            "ask for the right, or use another context; kubectl auth can-i --list shows what this user may",
            false,
        ),
        409 if reason == "AlreadyExists" => {
            made(FaultKind::Refused, Code::ServerError, message, "it is there already: use apply or patch", false)
        }
        409 if status.pointer("/details/causes/0/reason").is_some_and(|why| why == "FieldManagerConflict") => made(
            FaultKind::Refused,
            Code::ServerError,
            message,
            "someone else owns these fields: leave them out of the manifest, or add --force-conflicts to take them over",
            false,
        ),
        409 => made(
            FaultKind::Moved,
            Code::WorldMoved,
            format!("someone else changed it meanwhile: {message}"),
            "it is read again; if that does not end, a controller fights for the same fields",
            true,
        ),
        404 => made(FaultKind::Refused, Code::ServerError, message, "check name, namespace and context", false),
        422 => made(FaultKind::Refused, Code::ServerError, message, "the words are the API server's own", false),
        429 | 500..=599 => made(
            FaultKind::Refused,
            Code::ServerError,
            format!("the API server is in trouble ({code}): {message}"),
            "kubectl get --raw /readyz?verbose tells more",
            true,
        ),
        _ => made(
            FaultKind::Refused,
            Code::ServerError,
            format!("{} {} was refused ({code}): {message}", call.method, call.path),
            "the words are the API server's own",
            false,
        ),
    }
}

/// Why a change could not be tried, where that does not mean that it cannot be made.
pub(super) fn untried(fault: &Fault) -> Option<String> {
    // The words of the API server where a webhook does not promise to have no side effects; and where one
    // refuses, which it may do only because nothing would be written.
    let refused = fault.message.contains("does not support dry run")
        || (fault.message.contains("admission webhook") && fault.message.contains("denied the request"));
    (refused || fault.server_code.as_deref() == Some(NO_DRY_RUN)).then(|| fault.message.clone())
}

/// What stands for a server that may not know of dry-run.
const NO_DRY_RUN: &str = "NoDryRun";

/// Nobody answers for it that a pretended write is not a real one.
pub(super) fn may_not_pretend(group: &str, why: &str) -> Fault {
    Fault::new(FaultKind::ReadOnly, Code::ReadOnly, format!("a write to {group} cannot be tried: {why}"))
        .help("nothing was sent")
        .server(NO_DRY_RUN, false)
}

/// Is it about Secrets?
fn of_secrets(call: &Call) -> bool {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    matches!(parts.as_slice(), ["api", _, "secrets", ..] | ["api", _, "namespaces", _, "secrets", ..])
}

/// Of a refusal that may repeat the data of a Secret: which fields it is about.
fn unrepeated(status: &Value, message: &str) -> String {
    let reason = status.get("reason").and_then(Value::as_str).unwrap_or_default();
    // Their words name the object and the user, and nothing of what was sent.
    let plain = matches!(reason, "NotFound" | "AlreadyExists" | "Conflict" | "Unauthorized");
    let right = reason == "Forbidden" && message.contains(" is forbidden: User ");
    if plain || right {
        return message.to_owned();
    }
    let causes = status.pointer("/details/causes").and_then(Value::as_array).into_iter().flatten();
    let fields: Vec<&str> = causes.filter_map(|cause| cause.get("field")?.as_str()).collect();
    let about = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
    format!("the API server refused the Secret{about}; its words are left out, for they may repeat the data")
}

/// A fault in this program.
pub(super) fn internal(what: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Internal, Code::Internal, what).help("report it with the journal of the run")
}
