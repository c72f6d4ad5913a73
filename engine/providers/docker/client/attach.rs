//! The output of a container or of a command in one, while it runs. No input is given.

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use playbook_core::action::Fault;
use playbook_core::ports::Cancel;
use tokio::io::AsyncReadExt as _;

use super::Call;
use super::frames::{Frames, Keep, Output};
use super::link::{self, Link};
use super::wire::{Reply, Wire};
use crate::docker::faults;

/// Output that was opened and is not read yet.
pub(in crate::docker) struct Attached<'a> {
    wire: Wire,
    cancel: &'a dyn Cancel,
    stream: Stream,
    link: Link,
}

enum Stream {
    /// The connection belongs to the output from here on.
    Upgraded(Box<TokioIo<Upgraded>>),
    /// It came as an answer without end, from engines or proxies that do not upgrade.
    Plain(Incoming),
}

impl<'a> Attached<'a> {
    pub(super) async fn open(wire: &Wire, call: &Call, cancel: &'a dyn Cancel) -> Result<Self, Fault> {
        let opened = wire.bounded(call, cancel, async |sent| {
            let Reply { response, link } = wire.ask(call, true, sent).await?;
            if response.status() != hyper::StatusCode::SWITCHING_PROTOCOLS {
                return Ok((Stream::Plain(response.into_body()), link));
            }
            match hyper::upgrade::on(response).await {
                Ok(upgraded) => Ok((Stream::Upgraded(Box::new(TokioIo::new(upgraded))), link)),
                Err(error) => Err(wire.lost(&link, &error, call.changes()).await),
            }
        });
        let (stream, link) = opened.await?;
        Ok(Self { wire: wire.clone(), cancel, stream, link })
    }

    /// Reads to the end. With a terminal (`tty`) the two streams are one.
    ///
    /// # Errors
    /// When the connection breaks or it is told to stop: then it may go on there.
    pub(in crate::docker) async fn read(self, tty: bool, keep: Keep) -> Result<Output, Fault> {
        let mut frames = Frames::new(tty, keep);
        let (wire, link) = (&self.wire, &self.link);
        let reading = async {
            match self.stream {
                Stream::Upgraded(mut stream) => {
                    let mut buffer = vec![0; 16 << 10];
                    loop {
                        match stream.read(&mut buffer).await {
                            Ok(0) => return Ok(()),
                            Ok(count) => frames.take(&buffer[..count]),
                            Err(error) => return Err(link::words(&error)),
                        }
                    }
                }
                Stream::Plain(mut body) => {
                    while let Some(frame) = body.frame().await {
                        let frame = frame.map_err(|error| link::words(&error))?;
                        frames.take(frame.data_ref().map_or(&[][..], |bytes| bytes.as_ref()));
                    }
                    Ok(())
                }
            }
        };
        let read = tokio::select! {
            read = reading => read,
            () = self.cancel.cancelled() => return Err(faults::cancelled(true)),
        };
        match read {
            Ok(()) => Ok(frames.end()),
            Err(why) => Err(faults::lost(&link.why(why).await, wire.host(), true)),
        }
    }
}
