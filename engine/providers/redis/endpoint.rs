//! Where a server is and how to be let in. Holds passwords: never shown, never compared.

use std::path::PathBuf;
use std::sync::Arc;

use playbook_core::tunnel::Tunnel;

/// Everything that a connection needs.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) place: Place,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) db: u32,
    pub(super) tls: Option<Tls>,
    /// The way there; the host is then that of its end.
    pub(super) via: Option<Arc<dyn Tunnel>>,
}

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Host and port.
    Tcp(String, u16),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// How the connection is encrypted. Everything is PEM.
#[derive(Clone, Default)]
pub(super) struct Tls {
    /// Take any certificate.
    pub(super) insecure: bool,
    /// Whom to trust, instead of what the system trusts.
    pub(super) ca: Option<Vec<u8>>,
    /// The client's own certificate and key.
    pub(super) own: Option<(Vec<u8>, Vec<u8>)>,
}

impl Endpoint {
    /// The port at the end of a tunnel.
    pub(super) fn port(&self) -> Option<String> {
        let own = match &self.place {
            Place::Tcp(_, port) => Some(port.to_string()),
            Place::Unix(_) => None,
        };
        self.via.as_ref()?.port().or(own)
    }

    /// The address without secrets.
    pub(super) fn address(&self) -> String {
        let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
        let user = self.user.as_deref().map(|user| format!("{user}@")).unwrap_or_default();
        match &self.place {
            Place::Tcp(_, port) if self.via.is_some() => {
                let db = if self.db == 0 { String::new() } else { format!("/{}", self.db) };
                let (end, way) = self.via.as_ref().map(|via| (via.end(), via.way())).unwrap_or_default();
                let port = self.port().unwrap_or_else(|| port.to_string());
                format!("{scheme}://{user}{end}:{port}{db} via {way}")
            }
            Place::Tcp(host, port) => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let db = if self.db == 0 { String::new() } else { format!("/{}", self.db) };
                format!("{scheme}://{user}{host}:{port}{db}")
            }
            Place::Unix(path) => {
                let db = if self.db == 0 { String::new() } else { format!("?db={}", self.db) };
                format!("unix://{user}{}{db}", path.display())
            }
        }
    }
}
