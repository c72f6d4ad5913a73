//! MULTI … EXEC in one round trip, and what came of it.

use playbook_core::action::{Fault, Happened};

use super::client::{Lines, WriteConn};
use super::faults;
use super::value::{Reply, ServerError};

/// What came of a transaction.
pub(super) enum Outcome {
    /// Everything ran; one reply each, which may be a refusal.
    Ran(Vec<Reply>),
    /// A watched key has changed: nothing ran.
    Moved,
    /// Nothing ran.
    Refused(ServerError),
}

/// Runs commands as one. `insist` does so even when told to stop.
///
/// # Errors
/// [`Happened::Unclear`] when no reply came.
pub(super) async fn transact(conn: &mut WriteConn<'_>, body: &Lines, insist: bool) -> Result<Outcome, Fault> {
    let mut lines = Lines::of(["MULTI"]);
    lines.extend(body);
    lines.add(["EXEC"]);
    let replies = if insist { conn.insist(&lines).await? } else { conn.commit(&lines).await? };
    let mut replies = replies.into_iter();
    let begun = replies.next().unwrap_or(Reply::Nil);
    if let Some(error) = begun.error() {
        // Without MULTI the rest ran one by one. The connection was tried when it was made, so
        // someone took the permission away since.
        let fault = faults::server(error, &conn.target().address_text(), conn.target().secrets());
        return Err(Fault { happened: Happened::Unclear, ..fault });
    }
    let exec = replies.next_back().unwrap_or(Reply::Nil);
    let refused = replies.find_map(|reply| reply.error().cloned());
    Ok(match (exec, refused) {
        (Reply::Array(replies), _) => Outcome::Ran(replies),
        (Reply::Nil, None) => Outcome::Moved,
        (_, Some(error)) | (Reply::Error(error), None) => Outcome::Refused(error),
        (other, None) => return Err(faults::internal(format!("EXEC replied {}", other.json())).unclear()),
    })
}

/// Runs commands as one; on a server that is out of memory, one after the other: such a server takes
/// no transactions at all, not even one that would make room. Not for keys: see [`super::guarded`].
///
/// # Errors
/// As [`transact`].
pub(super) async fn transact_or_not(conn: &mut WriteConn<'_>, body: &Lines, insist: bool) -> Result<Outcome, Fault> {
    match transact(conn, body, insist).await? {
        Outcome::Refused(error) if error.code == "OOM" || error.text.contains("because of: OOM") => {
            let replies = if insist { conn.insist(body).await? } else { conn.commit(body).await? };
            Ok(Outcome::Ran(replies))
        }
        outcome => Ok(outcome),
    }
}

/// Makes sure that this user may make transactions, before one is counted on.
pub(super) async fn allowed(conn: &mut WriteConn<'_>) -> Result<(), Fault> {
    let mut lines = Lines::new();
    lines.add(["MULTI"]).add(["DISCARD"]);
    let replies = conn.ask(&lines).await?;
    match replies.first().and_then(Reply::error) {
        Some(error) => Err(faults::server(error, &conn.target().address_text(), conn.target().secrets())),
        None => Ok(()),
    }
}
