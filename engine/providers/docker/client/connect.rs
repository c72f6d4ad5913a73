//! Connections: to the engine, and to ports that are reached by the same road.

use std::io;
use std::time::Duration;

use playbook_core::action::Fault;
use playbook_core::tunnel::Duplex;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_util::compat::TokioAsyncReadCompatExt as _;

use super::open::{Opened, Road};
use super::ssh::Words;
use crate::docker::faults;

/// How long a connection may take until it stands.
const CONNECT: Duration = Duration::from_secs(10);

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection to the engine.
pub(super) struct Connection {
    pub(super) stream: Box<dyn Stream>,
    /// Of the program that it goes through.
    pub(super) words: Option<Words>,
}

/// A place that is not the engine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::docker) enum End {
    /// A port of the machine that the engine runs on.
    Published(u16),
    /// A port at an address, as that machine sees it.
    At(String, u16),
}

/// Connects to the engine.
pub(super) async fn connect(opened: &Opened) -> Result<Connection, Fault> {
    let connecting = async {
        match &opened.road {
            Road::Unix(path) => Ok(plain(UnixStream::connect(path).await?)),
            Road::Tcp { host, port, tls } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                let Some(tls) = tls else { return Ok(plain(stream)) };
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                Ok(plain(TlsConnector::from(tls.clone()).connect(name, stream).await?))
            }
            Road::Ssh(ssh) => {
                let through = ssh.dial()?;
                let words = Some(through.words());
                Ok(Connection { stream: Box::new(through), words })
            }
        }
    };
    match tokio::time::timeout(CONNECT, connecting).await {
        Ok(connected) => connected.map_err(|error: io::Error| faults::unconnected(&error, opened)),
        Err(_) => Err(faults::silent(&opened.host, CONNECT, false)),
    }
}

fn plain(stream: impl Stream + 'static) -> Connection {
    Connection { stream: Box::new(stream), words: None }
}

/// Connects to a port there.
pub(super) async fn reach(opened: &Opened, end: &End) -> Result<Box<dyn Duplex>, Fault> {
    let local = "127.0.0.1".to_owned();
    let (host, port) = match (end, &opened.road) {
        (End::Published(port), Road::Tcp { host, .. }) => (host.clone(), *port),
        (End::Published(port), _) => (local, *port),
        (End::At(host, port), _) => (host.clone(), *port),
    };
    let failed = |error: &io::Error| faults::closed(&host, port, &error.to_string());
    if let Road::Ssh(ssh) = &opened.road {
        let through = ssh.forward(&host, port).map_err(|error| failed(&error))?;
        return Ok(Box::new(through.compat()));
    }
    match tokio::time::timeout(CONNECT, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(stream)) => {
            stream.set_nodelay(true).map_err(|error| failed(&error))?;
            Ok(Box::new(stream.compat()))
        }
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(faults::closed(&host, port, "no connection within 10 s")),
    }
}
