//! TLS to an engine: who is trusted, and who we are.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use playbook_core::action::Fault;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::open::Tls;
use crate::docker::faults;

/// What a connection needs to know.
pub(super) fn settings(tls: &Tls) -> Result<ClientConfig, Fault> {
    let file = |name: &str| match &tls.folder {
        Some(folder) => read(&folder.join(name)),
        None => Ok(None),
    };
    let told = |error: rustls::Error| unusable(tls, &error.to_string());
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(told)?;
    let builder = if tls.insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider)))
    } else {
        let mut roots = RootCertStore::empty();
        match file("ca.pem")? {
            Some(pem) => {
                for certificate in certificates(tls, "ca.pem", &pem)? {
                    roots.add(certificate).map_err(told)?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        builder.with_root_certificates(roots)
    };
    match (file("cert.pem")?, file("key.pem")?) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(tls, "cert.pem", &certificate)?;
            let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| unusable(tls, "key.pem holds no key"))?;
            builder.with_client_auth_cert(chain, key).map_err(told)
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(_), None) => Err(unusable(tls, "there is a cert.pem and no key.pem")),
        (None, Some(_)) => Err(unusable(tls, "there is a key.pem and no cert.pem")),
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(None),
        Err(why) => Err(faults::address(format!("{} cannot be read: {why}", path.display()))
            .help("who runs playbook has to be able to read the keys of the engine")),
    }
}

fn certificates(tls: &Tls, name: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.unwrap_or_default();
    if read.is_empty() { Err(unusable(tls, &format!("{name} holds no certificate"))) } else { Ok(read) }
}

fn unusable(tls: &Tls, why: &str) -> Fault {
    let folder = tls.folder.as_ref().map(|folder| format!(" of {}", folder.display())).unwrap_or_default();
    faults::address(format!("the keys{folder} cannot be used: {why}"))
        .help("the folder holds ca.pem, cert.pem and key.pem: DOCKER_CERT_PATH, the context's, or tls: of the target")
}

/// Takes any certificate, as the author asked for. Signatures have to be right all the same.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
