//! Certificates of a configuration: authorities, and whom a client's certificate names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster};
use playbook_core::action::Fault;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::ExposeSecret;

use super::kubeconfig::unusable;

/// The authorities of a cluster, in DER; nothing: those of this machine.
pub(super) fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Fault> {
    let (data, file) = (cluster.certificate_authority_data.as_deref(), cluster.certificate_authority.as_deref());
    let Some((text, what)) = read("certificate-authority", data, file)? else { return Ok(None) };
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.unwrap_or_default();
    if all.is_empty() {
        return Err(unusable(format!("{what} holds no certificate"), "it is a PEM file, or base64 of one"));
    }
    Ok(Some(all.into_iter().map(|certificate| certificate.to_vec()).collect()))
}

/// Base64 of the key, its words, or what its file holds.
pub(super) fn key(user: &AuthInfo) -> Result<Option<String>, Fault> {
    let data = user.client_key_data.as_ref().map(ExposeSecret::expose_secret);
    let found = read("client-key", data, user.client_key.as_deref())?;
    Ok(found.map(|(text, _)| String::from_utf8_lossy(&text).into_owned()))
}

/// The name in the user's certificate, which API servers take for the name of the user.
pub(super) fn common_name(user: &AuthInfo) -> Option<String> {
    let (data, file) = (user.client_certificate_data.as_deref(), user.client_certificate.as_deref());
    let (text, _) = read("client-certificate", data, file).ok()??;
    named(CertificateDer::from_pem_slice(&text).ok()?.as_ref())
}

/// From base64 or a file, whichever is given; and what it is.
fn read(key: &str, data: Option<&str>, file: Option<&str>) -> Result<Option<(Vec<u8>, String)>, Fault> {
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let what = format!("{key}-data");
        let text = STANDARD.decode(data.trim());
        let text = text.map_err(|_| unusable(format!("{what} is not base64"), "it is a PEM file in base64"))?;
        return Ok(Some((text, what)));
    }
    let Some(file) = file.filter(|file| !file.is_empty()) else { return Ok(None) };
    let text = std::fs::read(file)
        .map_err(|why| unusable(format!("{key}: {file} cannot be read: {why}"), "is the file still there?"))?;
    Ok(Some((text, file.to_owned())))
}

/// `CN` of the subject (RFC 5280, 4.1): a walk over DER that gives up on anything it does not know.
fn named(certificate: &[u8]) -> Option<String> {
    const SEQUENCE: u8 = 0x30;
    /// 2.5.4.3.
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    let (_, whole, _) = element(certificate)?;
    let (tag, mut rest, _) = element(whole)?;
    if tag != SEQUENCE {
        return None;
    }
    // The version may be left out; then serial number, algorithm, issuer and validity.
    let mut skip = 4;
    if rest.first() == Some(&0xA0) {
        skip += 1;
    }
    for _ in 0..skip {
        rest = element(rest)?.2;
    }
    let (_, mut names, _) = element(rest)?;
    let mut found = None;
    while !names.is_empty() {
        let (_, mut set, after) = element(names)?;
        names = after;
        while !set.is_empty() {
            let (_, pair, next) = element(set)?;
            set = next;
            let (_, kind, value) = element(pair)?;
            if kind == COMMON_NAME {
                // UTF8String, PrintableString, IA5String; the last one counts, as in Go.
                let (0x0C | 0x13 | 0x16, text, _) = element(value)? else { continue };
                found = Some(std::str::from_utf8(text).ok()?.to_owned());
            }
        }
    }
    found.filter(|name| !name.is_empty())
}

/// Tag, content, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7F);
        if count == 0 || count > 4 {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        (digits.iter().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit)), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

/// The name of a service account in its token, which the API server itself wrote there. Other tokens
/// are not asked: which of their claims is the name is for the server to know.
pub(super) fn account(token: &str) -> Option<String> {
    let claims = token.split('.').nth(1)?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    let name = claims.get("sub")?.as_str()?;
    name.starts_with("system:serviceaccount:").then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_cut_anywhere_names_nobody() {
        // tests/it/kubernetes/login.rs reads a whole one.
        let whole = [
            &[0x30, 0x1C, 0x30, 0x1A, 0x02, 0x01, 0x01, 0x30, 0x00, 0x30, 0x00, 0x30, 0x00][..],
            &[0x30, 0x0F, 0x31, 0x0D, 0x30, 0x0B, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0C, 0x04],
            b"anna",
        ]
        .concat();
        assert_eq!(named(&whole).as_deref(), Some("anna"));
        for end in 0..whole.len() {
            assert_eq!(named(&whole[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn only_a_service_account_is_named_by_its_token() {
        let token =
            |claims: &str| format!("e30.{}.sig", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims));
        let name = "system:serviceaccount:dash:robot";
        assert_eq!(account(&token(&format!("{{\"sub\": \"{name}\"}}"))).as_deref(), Some(name));
        assert_eq!(account(&token("{\"sub\": \"anna\"}")), None);
        assert_eq!(account("opaque"), None);
    }
}
