//! Captured bytes on their way to the store: secrets that stand in them, in whatever form, are cut out, and
//! put back when they are read. `SEAL1\n`, a line of JSON, then the pieces.

use playbook_core::secret::{Piece as Cut, Secrets};
use serde::{Deserialize, Serialize};

use crate::error::RuntimeError;

const MAGIC: &[u8] = b"PBSEAL1\n";

#[derive(Serialize, Deserialize)]
struct Piece {
    /// Bytes before it.
    before: usize,
    /// What stood there.
    #[serde(flatten)]
    cut: Cut,
}

/// Bytes as they may be stored: without the secrets that are known.
pub fn seal(secrets: &Secrets, bytes: Vec<u8>) -> Vec<u8> {
    seal_blob(secrets, bytes)
}

/// What [`seal`] was given.
///
/// # Errors
/// [`RuntimeError::SecretNeeded`] when a secret that was cut out is not known now.
pub fn open(secrets: &Secrets, stored: Vec<u8>) -> Result<Vec<u8>, RuntimeError> {
    open_blob(secrets, stored)
}

/// Bytes as they may be stored. Without secrets they stay as they are.
pub(crate) fn seal_blob(secrets: &Secrets, bytes: Vec<u8>) -> Vec<u8> {
    let found = secrets.find(&bytes);
    if found.is_empty() && !bytes.starts_with(MAGIC) {
        return bytes;
    }
    let mut pieces = Vec::new();
    let mut kept = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (start, end, cut) in found {
        pieces.push(Piece { before: start - at, cut });
        kept.extend_from_slice(&bytes[at..start]);
        at = end;
    }
    kept.extend_from_slice(&bytes[at..]);
    let mut sealed = MAGIC.to_vec();
    sealed.extend(serde_json::to_vec(&pieces).unwrap_or_default());
    sealed.push(b'\n');
    sealed.extend(kept);
    sealed
}

/// Stored bytes as they were captured.
pub(crate) fn open_blob(secrets: &Secrets, stored: Vec<u8>) -> Result<Vec<u8>, RuntimeError> {
    let Some(rest) = stored.strip_prefix(MAGIC) else { return Ok(stored) };
    let broken = || RuntimeError::Internal("a sealed part cannot be read".into());
    let split = rest.iter().position(|&byte| byte == b'\n').ok_or_else(broken)?;
    let pieces: Vec<Piece> = serde_json::from_slice(&rest[..split]).map_err(|_| broken())?;
    let mut kept = &rest[split + 1..];
    let mut bytes = Vec::with_capacity(kept.len());
    for piece in pieces {
        let (before, after) = kept.split_at_checked(piece.before).ok_or_else(broken)?;
        bytes.extend_from_slice(before);
        let cut = secrets.piece(&piece.cut).ok_or(RuntimeError::SecretNeeded(piece.cut.secret))?;
        bytes.extend(cut);
        kept = after;
    }
    bytes.extend_from_slice(kept);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captured_bytes_come_back_and_secrets_are_not_in_what_is_stored() {
        let secrets = Secrets::new();
        secrets.add("pw", "hunter2");
        for bytes in [&b"\x00\x05hunter2\xff tail hunter2"[..], b"plain", b"", b"PBSEAL1\nnot really"] {
            let sealed = seal_blob(&secrets, bytes.to_vec());
            assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
            assert_eq!(open_blob(&secrets, sealed).unwrap(), bytes);
        }
    }

    #[test]
    fn without_the_secret_it_says_which_one_is_needed() {
        let secrets = Secrets::new();
        secrets.add("pw", "hunter2");
        let sealed = seal_blob(&secrets, b"x hunter2".to_vec());
        assert!(matches!(open_blob(&Secrets::new(), sealed), Err(RuntimeError::SecretNeeded(name)) if name == "pw"));
    }
}
