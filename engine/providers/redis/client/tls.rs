//! TLS inside of a tunnel, where the driver cannot make it: it knows only addresses.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Broken;
use crate::redis::endpoint::Tls;
use crate::tls::{self, Trust};

/// Agrees on TLS over a stream; `host` is the name that the certificate is to have.
pub(super) async fn agree<S: AsyncRead + AsyncWrite + Unpin>(
    tls: &Tls,
    host: &str,
    stream: S,
) -> Result<TlsStream<S>, Broken> {
    // Who takes any certificate names nobody.
    let host = if host.is_empty() { "localhost" } else { host };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Broken::Invalid(format!("`{host}` is no name that a certificate can have")))?;
    let connector = TlsConnector::from(Arc::new(settings(tls).map_err(Broken::Invalid)?));
    connector.connect(name, stream).await.map_err(|error| match error.get_ref() {
        Some(why) if why.is::<rustls::Error>() => Broken::Invalid(format!("TLS: {why}")),
        _ => Broken::Unreachable(error.to_string()),
    })
}

fn settings(tls: &Tls) -> Result<rustls::ClientConfig, String> {
    let trust = if tls.insecure { Trust::Anyone } else { Trust::Authorities(tls.ca.as_deref()) };
    tls::settings(&trust, tls.own.as_ref().map(|(certificate, key)| (certificate.as_slice(), key.as_slice())))
}
