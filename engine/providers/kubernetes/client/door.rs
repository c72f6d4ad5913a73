//! The doors into a pod, which the gate of plain requests never opens: a port, and a command.
//!
//! Invariants:
//! - A reader runs only what is a [`Look`], and there is no other way to make one than to be known as a
//!   program that only looks. Anything else takes a [`Writer`], which a plan cannot have.
//! - A port is opened as a [`Door`], for a tunnel. What goes through is not looked at here: the one who
//!   uses the tunnel answers for it. Redis does so with a connection of a type that refuses what is not
//!   a read.

use playbook_core::action::Fault;
use playbook_core::ports::{Cancel, Never};
use playbook_core::tunnel::Duplex;
use serde_json::Value;

use super::exec::{self, Ended, Inside};
use super::{Call, Reader, Wire, Writer, forward, gate};
use crate::kubernetes::line::Look;

/// Looks at pods and opens ports of them.
#[derive(Clone)]
pub(in crate::kubernetes) struct Door<'a> {
    wire: Wire,
    cancel: &'a dyn Cancel,
}

impl<'a> Door<'a> {
    pub(super) fn new(wire: Wire, cancel: &'a dyn Cancel) -> Self {
        Self { wire, cancel }
    }

    /// For those who drop what takes too long.
    pub(in crate::kubernetes) fn of(wire: Wire) -> Door<'static> {
        Door { wire, cancel: &Never }
    }

    /// The connection behind it, for a tunnel that outlives this.
    pub(in crate::kubernetes) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Asks, as a reader; nothing if there is no such thing.
    pub(in crate::kubernetes) async fn find(&self, call: &Call) -> Result<Option<Value>, Fault> {
        gate::check(call)?;
        match self.wire.send(call, self.cancel).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(fault) if fault.server_code.as_deref() == Some("NotFound") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Opens a stream to a port of a pod.
    ///
    /// # Errors
    /// When the server refuses. That nobody listens there is an error of the stream.
    pub(in crate::kubernetes) async fn forward(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<Box<dyn Duplex>, Fault> {
        forward::open(&self.wire, namespace, pod, port).await
    }
}

impl Reader<'_> {
    /// Runs a program that only looks.
    pub(in crate::kubernetes) async fn look(&self, inside: &Inside, look: &Look<'_>) -> Result<Ended, Fault> {
        exec::run(&self.wire, inside, look.command(), self.cancel, false).await
    }
}

impl Writer<'_> {
    /// Runs any program.
    ///
    /// # Errors
    /// When it could not be started; when its end was not seen, and then it may have done anything.
    pub(in crate::kubernetes) async fn exec(&self, inside: &Inside, command: &[String]) -> Result<Ended, Fault> {
        exec::run(&self.reader.wire, inside, command, self.reader.cancel, true).await
    }
}
