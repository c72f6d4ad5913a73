//! A command in a container, over a WebSocket: what it prints and how it ends.

use std::time::Duration;

use futures_util::StreamExt as _;
use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use playbook_core::ports::Cancel;
use serde_json::Value;

use super::{Call, Opened, Wire, part, wire};
use crate::kubernetes::faults;

/// How long it may take until the command runs.
const BEGIN: Duration = Duration::from_secs(30);
/// Bytes that are kept of what it prints, of each stream.
pub(in crate::kubernetes) const LIMIT: usize = 4 << 20;

/// Where a command runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::kubernetes) struct Inside {
    pub(in crate::kubernetes) namespace: String,
    pub(in crate::kubernetes) pod: String,
    pub(in crate::kubernetes) uid: String,
    pub(in crate::kubernetes) container: String,
}

/// A command that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::kubernetes) struct Ended {
    pub(in crate::kubernetes) stdout: Vec<u8>,
    pub(in crate::kubernetes) stderr: Vec<u8>,
    /// It printed more than is kept.
    pub(in crate::kubernetes) cut: bool,
    pub(in crate::kubernetes) code: i64,
}

impl Ended {
    fn take(&mut self, channel: u8, bytes: &[u8]) {
        let kept = if channel == 1 { &mut self.stdout } else { &mut self.stderr };
        let room = LIMIT.saturating_sub(kept.len()).min(bytes.len());
        kept.extend_from_slice(&bytes[..room]);
        self.cut |= room < bytes.len();
    }
}

/// Runs a command to its end. Without an end the command may still run, and go on running: a container
/// does not notice that nobody listens any more.
pub(super) async fn run(
    wire: &Wire,
    inside: &Inside,
    command: &[String],
    cancel: &dyn Cancel,
    changes: bool,
) -> Result<Ended, Fault> {
    let pod = format!("/api/v1/namespaces/{}/pods/{}/exec", part(&inside.namespace), part(&inside.pod));
    let mut call = Call::get(pod).query("stdout", "true").query("stderr", "true");
    call = call.query("container", inside.container.clone());
    call.query.extend(command.iter().map(|word| ("command", word.clone())));
    let said = |fault: Fault| if changes { fault.unclear() } else { fault };
    let running = async {
        // The command runs only once the connection is upgraded: whatever is refused before did not happen.
        let (opened, limit) = (wire.opened(), wire.limit(BEGIN));
        let (client, number) = wire.client(cancel).await?;
        let begun = tokio::time::timeout(limit, client.connect(request(&call)?)).await;
        let mut begun = begun.map_err(|_| faults::silent(&opened.server, limit, changes))?;
        if begun.as_ref().is_err_and(unknown)
            && let Some((client, _)) = opened.other(number).await?
        {
            let again = tokio::time::timeout(limit, client.connect(request(&call)?)).await;
            begun = again.map_err(|_| faults::silent(&opened.server, limit, changes))?;
        }
        let mut stream = begun.map_err(|error| refused(&error, &call, opened, changes))?.into_stream();
        let mut ended = Ended::default();
        while let Some(message) = stream.next().await {
            let message = message.map_err(|error| said(faults::broken(&error.to_string(), &wire.opened().server)))?;
            if message.is_close() {
                break;
            }
            let data = if message.is_binary() || message.is_text() { message.into_data() } else { continue };
            match data.split_first() {
                Some((&channel @ (1 | 2), bytes)) => ended.take(channel, bytes),
                Some((3, status)) => {
                    ended.code = code(status, changes)?;
                    return Ok(ended);
                }
                Some(_) | None => {}
            }
        }
        Err(said(
            Fault::new(
                FaultKind::Unreachable,
                Code::Unreachable,
                format!("the connection to the command in pod/{} broke before it ended", inside.pod),
            )
            .help("was the pod stopped? kubectl: get and events tell; the command may run on"),
        ))
    };
    tokio::select! {
        ended = running => ended,
        () = cancel.cancelled() => Err(faults::cancelled(changes)),
    }
}

fn request(call: &Call) -> Result<http::Request<Vec<u8>>, Fault> {
    let request = http::Request::get(wire::uri(call)).header(http::header::USER_AGENT, "playbook").body(Vec::new());
    request.map_err(|error| faults::internal(format!("no such address: {error}")))
}

/// Why a connection was not upgraded.
pub(super) fn refused(error: &kube::Error, call: &Call, opened: &Opened, changes: bool) -> Fault {
    let server = &opened.server;
    match error {
        kube::Error::Api(status) => {
            let words = serde_json::to_value(status.as_ref()).unwrap_or_default();
            opened.explain(faults::status(status.code, &words, call, server))
        }
        kube::Error::UpgradeConnection(why) => {
            Fault::new(FaultKind::Refused, Code::ServerError, format!("{server} opens no stream: {why}"))
                .help("something between here and the API server may not let WebSockets through")
        }
        error => faults::lost(error, &opened.route, changes),
    }
}

/// Does the server not know who we are?
pub(super) fn unknown(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 401)
}

/// The exit code in the last word of the server.
fn code(status: &[u8], changes: bool) -> Result<i64, Fault> {
    let said: Value = serde_json::from_slice(status).unwrap_or_default();
    let text = |field: &str| said.get(field).and_then(Value::as_str).unwrap_or_default();
    if text("status") == "Success" {
        return Ok(0);
    }
    let causes = said.pointer("/details/causes").and_then(Value::as_array).into_iter().flatten();
    let mut codes = causes.filter(|cause| cause.get("reason").is_some_and(|reason| reason == "ExitCode"));
    if let Some(code) = codes.find_map(|cause| cause.get("message")?.as_str()?.parse().ok()) {
        return Ok(code);
    }
    let message = text("message").split_whitespace().collect::<Vec<_>>().join(" ");
    let absent = ["executable file not found", "no such file or directory", "permission denied"];
    let never = absent.iter().any(|why| message.contains(why));
    let fault = Fault::new(FaultKind::Refused, Code::ServerError, format!("the command could not be run: {message}"))
        .help("is the program in the image? the words are the container runtime's own");
    Err(if changes && !never { fault.unclear() } else { fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_in_the_causes() {
        let status =
            br#"{"status":"Failure","reason":"NonZeroExitCode","message":"command terminated with exit code 3",
            "details":{"causes":[{"reason":"ExitCode","message":"3"}]}}"#;
        assert_eq!(code(status, true).ok(), Some(3));
        assert_eq!(code(br#"{"status":"Success"}"#, true).ok(), Some(0));
    }

    #[test]
    fn a_program_that_is_not_there_changed_nothing() {
        let status =
            br#"{"status":"Failure","message":"OCI runtime exec failed: \"x\": executable file not found in $PATH"}"#;
        let fault = code(status, true).expect_err("a fault");
        assert_eq!(fault.happened, playbook_core::action::Happened::No);
        let other = code(br#"{"status":"Failure","message":"error in stream"}"#, true).expect_err("a fault");
        assert_eq!(other.happened, playbook_core::action::Happened::Unclear);
    }

    #[test]
    fn what_is_printed_is_kept_up_to_a_limit() {
        let mut ended = Ended::default();
        ended.take(1, &vec![b'x'; LIMIT]);
        assert!(!ended.cut);
        ended.take(1, b"y");
        ended.take(2, b"z");
        assert!(ended.cut && ended.stdout.len() == LIMIT && ended.stderr == b"z");
    }
}
