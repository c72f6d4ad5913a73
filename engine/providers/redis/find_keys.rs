//! Which keys a command touches: from the server, else from the table.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;

use super::ask::{Ask, told};
use super::call::Call;
use super::client::Lines;
use super::value::{Reply, ServerError};

/// A key of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Touched {
    key: Vec<u8>,
    /// Does the server say that the command may change it?
    written: bool,
}

/// The keys that a command may change, each once.
pub(super) async fn written(conn: &mut impl Ask, call: &Call) -> Result<Vec<Vec<u8>>, Fault> {
    let found = touched(conn, call).await?;
    // XREADGROUP writes a key that the server calls read-only, and it may not be the only one.
    let none = found.iter().all(|touched| !touched.written);
    Ok(found.into_iter().filter(|touched| touched.written || none).map(|touched| touched.key).collect())
}

/// The keys that a command touches, each once.
async fn touched(conn: &mut impl Ask, call: &Call) -> Result<Vec<Touched>, Fault> {
    let mut found = Vec::new();
    let script = matches!(call.name(), "eval" | "evalsha" | "fcall");
    if script && call.words().get(2).is_some_and(|count| count == "0") {
        return Ok(found);
    }
    if conn.server().tells_key_flags() {
        let words = ["COMMAND", "GETKEYSANDFLAGS"].into_iter().chain(call.asking());
        match conn.ask(&Lines::of(words)).await?.into_iter().next() {
            Some(Reply::Error(error)) if has_none(&error) => return Ok(found),
            Some(Reply::Error(error)) if is_wrong(&error) => return Err(wrong(call, &error)),
            Some(Reply::Error(_)) | None => {}
            Some(reply) => {
                for entry in reply.into_items() {
                    let mut parts = entry.into_items().into_iter();
                    let key = parts.next().and_then(Reply::into_bytes);
                    let flags = parts.next().map(Reply::into_items).unwrap_or_default();
                    let has = |name: &str| flags.iter().any(|flag| flag.text() == Some(name));
                    if let Some(key) = key.filter(|_| !has("not_key")) {
                        add(&mut found, key, !has("RO"));
                    }
                }
                return Ok(found);
            }
        }
    }
    let words = ["COMMAND", "GETKEYS"].into_iter().chain(call.asking());
    match conn.ask(&Lines::of(words)).await?.into_iter().next() {
        Some(Reply::Error(error)) if has_none(&error) => {}
        Some(Reply::Error(error)) if is_wrong(&error) => return Err(wrong(call, &error)),
        Some(Reply::Error(error)) if error.code != "NOPERM" => {
            told(Reply::Error(error), conn.target()).map_err(|fault| call.clean_fault(fault))?;
        }
        Some(Reply::Error(_)) | None => from_table(call, &mut found)?,
        Some(reply) => {
            reply.into_items().into_iter().filter_map(Reply::into_bytes).for_each(|key| add(&mut found, key, true));
        }
    }
    Ok(found)
}

fn add(found: &mut Vec<Touched>, key: Vec<u8>, written: bool) {
    match found.iter_mut().find(|touched| touched.key == key) {
        Some(touched) => touched.written |= written,
        None => found.push(Touched { key, written }),
    }
}

fn from_table(call: &Call, found: &mut Vec<Touched>) -> Result<(), Fault> {
    let meta = call.command().meta().filter(|meta| !meta.flags.has(super::meta::Flags::MOVABLE_KEYS));
    let Some(meta) = meta else {
        return Err(Fault::new(
            FaultKind::Unauthorised,
            Code::Unauthorised,
            format!("nobody tells which keys {} writes, so they cannot be captured", call.title()),
        )
        .help("allow this user COMMAND GETKEYSANDFLAGS: ACL SETUSER … +command"));
    };
    for at in meta.keys(call.words().len()) {
        if let Some(word) = call.words().get(at) {
            add(found, word.clone().into_bytes(), true);
        }
    }
    Ok(())
}

fn has_none(error: &ServerError) -> bool {
    error.text.contains("no key arguments")
}

fn is_wrong(error: &ServerError) -> bool {
    error.text.starts_with("Invalid")
}

fn wrong(call: &Call, error: &ServerError) -> Fault {
    Fault::new(
        FaultKind::Refused,
        Code::ServerError,
        format!("the server does not take {}: {}", call.title(), error.text),
    )
    .help("check its arguments; a newer command needs a newer server")
    .server(error.code.clone(), false)
}
