//! Answers that come line by line, each JSON: how a pull goes on, events.

use std::time::Duration;

use http_body_util::BodyExt as _;
use playbook_core::action::Fault;
use playbook_core::ports::Cancel;
use serde_json::Value;

use super::Call;
use super::wire::{Reply, Wire};
use crate::docker::faults;

/// How long a change may tell nothing, if the call does not say.
const SILENCE: Duration = Duration::from_secs(300);
/// Longest line, in bytes.
const LONGEST: usize = 1 << 20;

/// An answer under way.
pub(in crate::docker) struct Lines<'a> {
    wire: Wire,
    reply: Reply,
    /// What came and was not given out yet.
    held: Vec<u8>,
    /// How much of it is known to have no end of a line.
    seen: usize,
    /// How long it may tell nothing.
    silence: Option<Duration>,
    changes: bool,
    title: String,
    cancel: &'a dyn Cancel,
}

impl<'a> Lines<'a> {
    pub(super) async fn open(wire: &Wire, call: &Call, cancel: &'a dyn Cancel) -> Result<Self, Fault> {
        let silence = call.limit.or(call.changes().then_some(SILENCE));
        let call = Call { limit: silence, ..call.clone() };
        let reply = wire.bounded(&call, cancel, async |sent| wire.ask(&call, false, sent).await).await?;
        let (changes, title) = (call.changes(), call.title());
        Ok(Self { wire: wire.clone(), reply, held: Vec::new(), seen: 0, silence, changes, title, cancel })
    }

    /// The next line; nothing at the end.
    ///
    /// # Errors
    /// When the connection breaks, when nothing comes for too long, when it is told to stop.
    pub(in crate::docker) async fn next(&mut self) -> Result<Option<Value>, Fault> {
        loop {
            while let Some(end) = self.held[self.seen..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.held.drain(..=self.seen + end).collect();
                self.seen = 0;
                if let Some(value) = read(&line) {
                    return Ok(Some(value));
                }
            }
            self.seen = self.held.len();
            if self.held.len() > LONGEST {
                let message = format!("the answer to {} has a line of more than {} KiB", self.title, LONGEST >> 10);
                return Err(self.doubt(faults::refused(message, "it is no answer that an engine gives")));
            }
            if !self.more().await? {
                self.seen = 0;
                return Ok(read(&std::mem::take(&mut self.held)));
            }
        }
    }

    /// Reads on; false at the end.
    async fn more(&mut self) -> Result<bool, Fault> {
        let body = self.reply.response.body_mut();
        let limit = self.silence;
        let frame = async {
            match limit {
                Some(limit) => tokio::time::timeout(limit, body.frame()).await.map_err(|_| limit),
                None => Ok(body.frame().await),
            }
        };
        let frame = tokio::select! {
            frame = frame => frame,
            () = self.cancel.cancelled() => return Err(faults::cancelled(self.changes)),
        };
        match frame {
            Err(limit) => Err(faults::silent(self.wire.host(), limit, self.changes)),
            Ok(None) => Ok(false),
            Ok(Some(Ok(frame))) => {
                self.held.extend_from_slice(frame.data_ref().map_or(&[][..], |bytes| bytes.as_ref()));
                Ok(true)
            }
            Ok(Some(Err(error))) => Err(self.wire.lost(&self.reply.link, &error, self.changes).await),
        }
    }

    /// Does the line say that it went wrong?
    pub(super) fn told(&self, line: &Value) -> Result<(), Fault> {
        let why = line.pointer("/errorDetail/message").or_else(|| line.get("error")).and_then(Value::as_str);
        why.map_or(Ok(()), |why| Err(faults::told(why)))
    }

    fn doubt(&self, fault: Fault) -> Fault {
        if self.changes { fault.unclear() } else { fault }
    }
}

fn read(line: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    (!text.is_empty()).then(|| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)))
}
