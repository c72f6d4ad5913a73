//! Stored parts: gzip files named by the SHA-256 of what is in them, so that
//! `zcat FILE | sha256sum` gives the name.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use playbook_core::model::Digest;

use super::local::put_file;
use crate::error::RuntimeError;

/// Bytes that a stored part may unpack to.
const MAX: u64 = 4 << 30;

fn path(root: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    root.join("blobs/sha256").join(&hex[..2]).join(format!("{hex}.gz"))
}

pub(super) fn put(root: &Path, bytes: &[u8]) -> Result<Digest, RuntimeError> {
    let digest = Digest::of(bytes);
    let path = path(root, &digest);
    if path.exists() {
        return Ok(digest);
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2 + 64), Compression::fast());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    let packed = packed.map_err(RuntimeError::file("cannot pack", &path))?;
    put_file(&path, &packed)?;
    Ok(digest)
}

pub(super) fn get(root: &Path, digest: &Digest) -> Result<Vec<u8>, RuntimeError> {
    let path = path(root, digest);
    let bad = |why: String| RuntimeError::Blob { digest: digest.to_string(), why };
    let packed = std::fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => bad("is missing".into()),
        _ => bad(format!("cannot be read: {error}")),
    })?;
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice())
        .take(MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| bad(format!("cannot be unpacked: {error}")))?;
    if Digest::of(&bytes) != *digest {
        return Err(bad("was changed: its SHA-256 is another".into()));
    }
    Ok(bytes)
}
