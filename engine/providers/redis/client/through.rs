//! A connection through a tunnel that another provider opens.
//!
//! Invariant: the only ones that open one are [`super::Wire`] and its listener, so whatever goes through
//! is what a [`super::ReadConn`] or a [`super::WriteConn`] lets out.

use std::time::Duration;

use playbook_core::tunnel::{Duplex, Tunnel};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _};

use super::{Broken, tls, words};
use crate::redis::endpoint::{Endpoint, Place};

/// How long a tunnel may take to be opened: more parties take part than in a connection.
const OPEN: Duration = Duration::from_secs(15);

/// A stream to the server.
pub(super) async fn stream(endpoint: &Endpoint, tunnel: &dyn Tunnel) -> Result<Compat<Box<dyn Duplex>>, Broken> {
    let port = endpoint.port().ok_or_else(|| Broken::Invalid("a tunnel leads to a port".into()))?;
    match tokio::time::timeout(OPEN, tunnel.open(&port)).await {
        Ok(opened) => Ok(opened.map_err(|fault| Broken::Way(Box::new(fault)))?.compat()),
        Err(_) => Err(Broken::Unreachable(format!("no connection within {} s", OPEN.as_secs()))),
    }
}

/// The driver's connection over a stream to the server.
pub(super) async fn connect(
    endpoint: &Endpoint,
    tunnel: &dyn Tunnel,
    config: AsyncConnectionConfig,
) -> Result<MultiplexedConnection, Broken> {
    let stream = stream(endpoint, tunnel).await?;
    match (&endpoint.tls, &endpoint.place) {
        (Some(tls), Place::Tcp(host, _)) => {
            let agreed = tokio::time::timeout(OPEN, tls::agree(tls, host, stream)).await;
            let late = || Broken::Unreachable(format!("no TLS within {} s", OPEN.as_secs()));
            driven(agreed.unwrap_or_else(|_| Err(late()))?, config).await
        }
        _ => driven(stream, config).await,
    }
}

async fn driven(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    config: AsyncConnectionConfig,
) -> Result<MultiplexedConnection, Broken> {
    // As without a tunnel, the handshake is ours: see `enter`.
    let bare = RedisConnectionInfo::default().set_skip_set_lib_name();
    let made = MultiplexedConnection::new_with_config(&bare, stream, config).await;
    let (connection, driver) = made.map_err(|error| Broken::Unreachable(words(&error)))?;
    // It ends with the connection.
    tokio::spawn(driver);
    Ok(connection)
}
