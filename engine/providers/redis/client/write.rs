//! A connection of its own that can change things. Never shared: WATCH and MULTI belong to it.

use playbook_core::action::{Fault, FaultKind, WriteAccess};
use playbook_core::codes::Code;
use playbook_core::ports::Cancel;

use super::read::{entered, until};
use super::{Lines, Wire};
use crate::redis::faults;
use crate::redis::server::Server;
use crate::redis::target::RedisTarget;
use crate::redis::value::Reply;

/// Leave to write, connected.
pub(in crate::redis) struct WriteConn<'a> {
    /// None once it broke: what it was about to do may still happen, and nothing is added to it.
    wire: Option<Wire>,
    server: Server,
    target: &'a RedisTarget,
    cancel: &'a dyn Cancel,
}

impl<'a> WriteConn<'a> {
    /// Connects.
    pub(in crate::redis) async fn open(access: &WriteAccess<'a>) -> Result<Self, Fault> {
        let target = RedisTarget::of(access.target())?;
        let cancel = access.cancel();
        let (wire, server) = entered(target, cancel).await?;
        Ok(Self { wire: Some(wire), server, target, cancel })
    }

    /// The target.
    pub(in crate::redis) fn target(&self) -> &'a RedisTarget {
        self.target
    }

    /// What is known of the server.
    pub(in crate::redis) fn server(&self) -> &Server {
        &self.server
    }

    /// Was it told to stop?
    pub(in crate::redis) fn stopped(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Asks something that changes nothing, or only the state of this connection: it is dropped
    /// when it is told to stop.
    pub(in crate::redis) async fn ask(&mut self, lines: &Lines) -> Result<Vec<Reply>, Fault> {
        let wire = self.wire.as_mut().ok_or_else(gone)?;
        let sent = until(self.cancel, wire.send(lines)).await;
        // A reply that nobody waits for would be taken for the next one's.
        let sent = sent.inspect_err(|_| self.wire = None)?;
        sent.map_err(|broken| {
            self.wire = None;
            faults::broken(&broken, &self.target.address_text(), self.target.secrets())
        })
    }

    /// Asks one question; what the server refuses is a fault.
    pub(in crate::redis) async fn one<A: AsRef<[u8]>>(
        &mut self,
        words: impl IntoIterator<Item = A>,
    ) -> Result<Reply, Fault> {
        match self.ask(&Lines::of(words)).await?.into_iter().next() {
            Some(Reply::Error(error)) => {
                Err(faults::server(&error, &self.target.address_text(), self.target.secrets()))
            }
            Some(reply) => Ok(reply),
            None => Ok(Reply::Nil),
        }
    }

    /// Sends what changes something, and waits for the replies whatever else it is told. If none
    /// come, it may have happened.
    pub(in crate::redis) async fn commit(&mut self, lines: &Lines) -> Result<Vec<Reply>, Fault> {
        if self.cancel.is_cancelled() {
            return Err(faults::cancelled());
        }
        let wire = self.wire.as_mut().ok_or_else(gone)?;
        match wire.send(lines).await {
            Ok(replies) => Ok(replies),
            Err(broken) => {
                self.wire = None;
                Err(faults::broken(&broken, &self.target.address_text(), self.target.secrets()).unclear())
            }
        }
    }

    /// As [`WriteConn::commit`], for putting things back: it is done even when told to stop.
    pub(in crate::redis) async fn insist(&mut self, lines: &Lines) -> Result<Vec<Reply>, Fault> {
        let wire = self.wire.as_mut().ok_or_else(gone)?;
        match wire.send(lines).await {
            Ok(replies) => Ok(replies),
            Err(broken) => {
                self.wire = None;
                Err(faults::broken(&broken, &self.target.address_text(), self.target.secrets()).unclear())
            }
        }
    }
}

fn gone() -> Fault {
    Fault::new(FaultKind::Unreachable, Code::Unreachable, "the connection was lost before")
        .help("the step connects again when it is tried again")
}
