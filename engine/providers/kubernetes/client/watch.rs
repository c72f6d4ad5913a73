//! One object followed as it changes, over a watch of the API server.
//!
//! Invariant: no state is missed for good. After a connection that was cut, the watch goes on from
//! the last version that was seen; where the server no longer has that version, the object is read
//! anew. One object at a time is held, and half a line is never looked at.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::Value;
use tokio::time::Instant;

use super::{Call, Reader, gate};
use crate::kubernetes::faults;

/// After so many seconds the server ends a watch, and it is opened again.
const LASTS: &str = "60";
/// A watch of which nothing is heard for so long is dead.
const QUIET: Duration = Duration::from_secs(75);
/// So long may a server fail without a pause before that is told.
const TRUST: Duration = Duration::from_secs(60);
/// The first wait after a failure, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Longest line of a watch, in bytes: several times what a server stores of an object.
const LINE: usize = 16 << 20;

/// How a watch ended.
enum Ended<T> {
    /// What was looked for is there.
    Found(T),
    /// It was cut, or its time was up.
    Over,
    /// The version that it was to go on from is too old.
    Expired,
    /// Later, perhaps; the server may have said when.
    Failed(Fault, Option<Duration>),
}

/// What is told of an object: as it is, or nothing where there is none.
type Seen<'f, T> = &'f mut (dyn FnMut(Option<&Value>) -> Result<Option<T>, Fault> + Send);

impl Reader<'_> {
    /// Tells each state of an object, from the one that it is in, until `seen` gives something. Nothing
    /// once `until` has come. `chosen` are the selectors that lead to it: its name, mostly. Where they
    /// fit several, it is told of one that is there, and of each that changes.
    ///
    /// # Errors
    /// What `seen` says, when told to stop, and when the server refuses or fails for a minute.
    pub(in crate::kubernetes) async fn follow<T: Send>(
        &self,
        collection: &str,
        chosen: &[(&'static str, String)],
        until: Option<Instant>,
        seen: Seen<'_, T>,
    ) -> Result<Option<T>, Fault> {
        if until.is_some_and(|until| until <= Instant::now()) {
            return seen(self.now(collection, chosen).await?.0.as_ref());
        }
        let late = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            found = self.followed(collection, chosen, seen) => found.map(Some),
            () = late => Ok(None),
            () = self.cancel.cancelled() => Err(faults::cancelled(false)),
        }
    }

    async fn followed<T: Send>(
        &self,
        collection: &str,
        chosen: &[(&'static str, String)],
        seen: Seen<'_, T>,
    ) -> Result<T, Fault> {
        let mut version: Option<String> = None;
        let mut trouble = Trouble::default();
        loop {
            let began = Instant::now();
            let ended = match &mut version {
                None => match self.now(collection, chosen).await {
                    Ok((object, at)) => {
                        version = Some(at);
                        trouble = Trouble::default();
                        match seen(object.as_ref())? {
                            Some(found) => Ended::Found(found),
                            None => continue,
                        }
                    }
                    Err(fault) => Ended::Failed(fault, None),
                },
                Some(version) => self.watched(collection, chosen, version, seen, &mut trouble).await?,
            };
            match ended {
                Ended::Found(found) => return Ok(found),
                Ended::Expired => version = None,
                Ended::Over if began.elapsed() > Duration::from_secs(1) => {}
                Ended::Over => tokio::time::sleep(trouble.pause()).await,
                Ended::Failed(fault, wait) => {
                    let lasting = trouble.since.get_or_insert_with(Instant::now).elapsed();
                    if !fault.transient || lasting > TRUST {
                        return Err(fault);
                    }
                    tokio::time::sleep(wait.unwrap_or_else(|| trouble.pause())).await;
                }
            }
        }
    }

    /// The object as it is, and the version to go on from.
    async fn now(&self, collection: &str, chosen: &[(&'static str, String)]) -> Result<(Option<Value>, String), Fault> {
        let mut call = Call::get(collection).query("limit", "1");
        call.query.extend(chosen.iter().cloned());
        let mut list = self.send(&call).await?;
        let version = version_of(&list).unwrap_or_default();
        let object = list.get_mut("items").and_then(Value::as_array_mut).and_then(Vec::pop);
        Ok((object, version))
    }

    /// One watch, from a version on, which it moves.
    async fn watched<T: Send>(
        &self,
        collection: &str,
        chosen: &[(&'static str, String)],
        version: &mut String,
        seen: Seen<'_, T>,
        trouble: &mut Trouble,
    ) -> Result<Ended<T>, Fault> {
        let mut call = Call::get(collection)
            .query("watch", "1")
            .query("resourceVersion", version.clone())
            .query("allowWatchBookmarks", "true")
            .query("timeoutSeconds", LASTS);
        call.query.extend(chosen.iter().cloned());
        gate::check(&call)?;
        let mut stream = match self.wire.open(&call).await {
            Ok(stream) => stream,
            Err((fault, _)) if is_gone(&fault) => return Ok(Ended::Expired),
            Err((fault, wait)) => return Ok(Ended::Failed(fault, wait)),
        };
        let mut lines = Lines::default();
        loop {
            let Ok(Ok(Some(piece))) = tokio::time::timeout(QUIET, stream.try_next()).await else {
                // What is left of a line is not a line.
                return Ok(Ended::Over);
            };
            lines.add(&piece)?;
            while let Some(line) = lines.next() {
                let Ok(event) = serde_json::from_slice::<Value>(&line) else { return Ok(Ended::Over) };
                let object = event.get("object");
                let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
                if kind == "ERROR" {
                    let status = object.cloned().unwrap_or_default();
                    let code = status.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
                    let fault = faults::status(code.unwrap_or(500), &status, &call, &self.opened().server);
                    return Ok(if is_gone(&fault) || code == Some(410) {
                        Ended::Expired
                    } else {
                        Ended::Failed(fault, None)
                    });
                }
                *trouble = Trouble::default();
                if let Some(now) = object.and_then(version_of) {
                    *version = now;
                }
                let found = match kind {
                    "ADDED" | "MODIFIED" => seen(object)?,
                    "DELETED" => seen(None)?,
                    _ => None,
                };
                if let Some(found) = found {
                    return Ok(Ended::Found(found));
                }
            }
        }
    }
}

fn version_of(object: &Value) -> Option<String> {
    object.pointer("/metadata/resourceVersion")?.as_str().map(str::to_owned)
}

/// The version is too old, as the server says it.
fn is_gone(fault: &Fault) -> bool {
    matches!(fault.server_code.as_deref(), Some("Expired" | "Gone" | "410"))
}

/// Failures without a success between them.
#[derive(Default)]
struct Trouble {
    since: Option<Instant>,
    count: u32,
}

impl Trouble {
    /// How long to wait after one more.
    fn pause(&mut self) -> Duration {
        self.count += 1;
        (PAUSE.0 * (1 << (self.count - 1).min(8))).min(PAUSE.1)
    }
}

/// Bytes as they come → whole lines.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    /// Up to here there is no end of a line.
    looked: usize,
}

impl Lines {
    fn add(&mut self, piece: &[u8]) -> Result<(), Fault> {
        self.bytes.extend_from_slice(piece);
        if self.bytes.len() > LINE {
            return Err(Fault::new(FaultKind::Refused, Code::ServerError, "the server sends a line without an end")
                .help("is this an API server?"));
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let end = self.bytes[self.looked..].iter().position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| end + self.looked) else {
            self.looked = self.bytes.len();
            return None;
        };
        self.looked = 0;
        let rest = self.bytes.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.bytes, rest);
        line.pop();
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_come_out_whatever_the_pieces() {
        let text = b"{\"a\":1}\n{\"b\":2}\n{\"half";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut out = Vec::new();
            for piece in text.chunks(size) {
                lines.add(piece).unwrap();
                while let Some(line) = lines.next() {
                    out.push(String::from_utf8(line).unwrap());
                }
            }
            assert_eq!(out, ["{\"a\":1}", "{\"b\":2}"], "in pieces of {size}");
        }
    }

    #[test]
    fn pauses_grow_and_have_an_end() {
        let mut trouble = Trouble::default();
        let all: Vec<Duration> = (0..12).map(|_| trouble.pause()).collect();
        assert!(all.is_sorted() && all[0] == PAUSE.0 && all[11] == PAUSE.1, "{all:?}");
    }
}
