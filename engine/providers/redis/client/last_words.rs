//! What a server says to those that it does not let in. It says so as soon as they connect, and hangs
//! up; who writes first, as the driver does, often sees only that the connection broke.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpStream, UnixStream};

use super::super::endpoint::{Endpoint, Place};
use super::super::value::ServerError;
use super::{Broken, through};

/// How long to listen.
const LISTEN: Duration = Duration::from_secs(1);
/// An error of a server is shorter.
const LENGTH: u64 = 2048;

/// Connects without a word, and listens. Nothing over TLS, where words come only after a handshake.
pub(super) async fn last_words(endpoint: &Endpoint) -> Option<Broken> {
    if endpoint.tls.is_some() {
        return None;
    }
    if let Some(tunnel) = &endpoint.via {
        let mut stream = Box::pin(through::stream(endpoint, tunnel.as_ref())).await.ok()?;
        return tokio::time::timeout(LISTEN, listen(&mut stream)).await.ok().flatten();
    }
    let listening = async {
        match &endpoint.place {
            Place::Tcp(host, port) => listen(TcpStream::connect((host.as_str(), *port)).await.ok()?).await,
            Place::Unix(path) => listen(UnixStream::connect(path).await.ok()?).await,
        }
    };
    tokio::time::timeout(LISTEN, listening).await.ok().flatten()
}

async fn listen(stream: impl AsyncRead + Unpin) -> Option<Broken> {
    let mut heard = Vec::new();
    let ended = stream.take(LENGTH).read_to_end(&mut heard).await;
    let text = String::from_utf8_lossy(&heard);
    // A tunnel says here that nobody listens at its end.
    let Some(rest) = text.strip_prefix('-') else { return ended.err().map(|why| Broken::Unreachable(why.to_string())) };
    let (code, text) = rest.lines().next()?.split_once(' ')?;
    Some(Broken::Refused(ServerError { code: code.to_owned(), text: text.to_owned() }))
}
