//! TLS to an engine: the folder of keys as docker has it.

use std::io::ErrorKind;
use std::path::Path;

use playbook_core::action::Fault;
use rustls::ClientConfig;

use super::open::Tls;
use crate::docker::faults;
use crate::tls::{self, Trust};

/// What a connection needs to know.
pub(super) fn settings(tls: &Tls) -> Result<ClientConfig, Fault> {
    let file = |name: &str| match &tls.folder {
        Some(folder) => read(&folder.join(name)),
        None => Ok(None),
    };
    let (authorities, certificate, key) = (file("ca.pem")?, file("cert.pem")?, file("key.pem")?);
    let own = match (&certificate, &key) {
        (Some(certificate), Some(key)) => Some((certificate.as_slice(), key.as_slice())),
        (None, None) => None,
        (Some(_), None) => return Err(unusable(tls, "there is a cert.pem and no key.pem")),
        (None, Some(_)) => return Err(unusable(tls, "there is a key.pem and no cert.pem")),
    };
    let trust = if tls.insecure { Trust::Anyone } else { Trust::Authorities(authorities.as_deref()) };
    tls::settings(&trust, own).map_err(|why| unusable(tls, &why))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(None),
        Err(why) => Err(faults::address(format!("{} cannot be read: {why}", path.display()))
            .help("who runs playbook has to be able to read the keys of the engine")),
    }
}

fn unusable(tls: &Tls, why: &str) -> Fault {
    let folder = tls.folder.as_ref().map(|folder| format!(" of {}", folder.display())).unwrap_or_default();
    faults::address(format!("the keys{folder} cannot be used: {why}"))
        .help("the folder holds ca.pem, cert.pem and key.pem: DOCKER_CERT_PATH, the context's, or tls: of the target")
}
