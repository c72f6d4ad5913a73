//! A port of a pod as a stream, over a WebSocket. No port of this machine is involved.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use playbook_core::action::Fault;
use playbook_core::tunnel::Duplex;
use tokio::io::DuplexStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

use super::{Call, Wire, exec, part};
use crate::kubernetes::faults;

/// How long it may take until the server opens it.
const OPEN: Duration = Duration::from_secs(10);

/// What the other end says went wrong.
type Trouble = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

struct Forward {
    stream: Compat<DuplexStream>,
    trouble: Option<Trouble>,
    forwarder: Portforwarder,
}

/// Opens a stream to a port of a pod.
pub(super) async fn open(wire: &Wire, namespace: &str, pod: &str, port: u16) -> Result<Box<dyn Duplex>, Fault> {
    let opened = wire.opened();
    let (client, number) = opened.client().await?;
    let call = Call::get(format!("/api/v1/namespaces/{}/pods/{}/portforward", part(namespace), part(pod)));
    let asked = |client| async {
        let pods: Api<Pod> = Api::namespaced(client, namespace);
        let begun = tokio::time::timeout(OPEN, pods.portforward(pod, &[port])).await;
        begun.map_err(|_| faults::silent(&opened.server, OPEN, false))
    };
    let mut begun = asked(client).await?;
    if begun.as_ref().is_err_and(exec::unknown)
        && let Some((client, _)) = opened.other(number).await?
    {
        begun = asked(client).await?;
    }
    let mut forwarder = begun.map_err(|error| exec::refused(&error, &call, opened, false))?;
    let stream = forwarder.take_stream(port).ok_or_else(|| faults::internal("a forwarded port without a stream"))?;
    let trouble = forwarder.take_error(port).map(|trouble| Box::pin(trouble) as Trouble);
    Ok(Box::new(Forward { stream: stream.compat(), trouble, forwarder }))
}

impl Forward {
    /// At the end of the stream: was it an end, or did the pod say why?
    fn end(&mut self, context: &mut Context<'_>) -> io::Result<usize> {
        let Some(trouble) = &mut self.trouble else { return Ok(0) };
        match trouble.as_mut().poll(context) {
            Poll::Ready(Some(why)) => {
                self.trouble = None;
                Err(io::Error::new(io::ErrorKind::ConnectionRefused, told(&why)))
            }
            Poll::Ready(None) => {
                self.trouble = None;
                Ok(0)
            }
            Poll::Pending => Ok(0),
        }
    }
}

/// The last part of what a node says is the cause; before it stand ids that tell nobody anything.
fn told(why: &str) -> String {
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    if why.to_ascii_lowercase().contains("connection refused") {
        return "nothing listens on this port of the pod (connection refused)".into();
    }
    format!("the pod's node says: {why}")
}

impl AsyncRead for Forward {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(0)) if !buffer.is_empty() => Poll::Ready(this.end(context)),
            other => other,
        }
    }
}

impl AsyncWrite for Forward {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(context)
    }
}

impl Drop for Forward {
    /// The connection to the server ends with the stream.
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}
