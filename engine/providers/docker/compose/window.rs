//! A window to the engine for the first compose. There are ids of images in its digests, for which it
//! asks the engine, and cannot be told beforehand. What it asks here a reader asks for it: it can look,
//! and nothing that it sends besides gets anywhere.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use playbook_core::action::Fault;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::docker::client::{Call, Reader};
use crate::docker::faults;

/// Longest head of a request.
const HEAD: usize = 64 << 10;

/// Closed when dropped.
pub(super) struct Window<'a> {
    reader: &'a Reader<'a>,
    listener: UnixListener,
    folder: Folder,
}

/// A folder that only this user can look into.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the folder for temporary files does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl<'a> Window<'a> {
    /// # Errors
    /// When there is no room for a socket among temporary files.
    pub(super) fn open(reader: &'a Reader<'a>) -> Result<Self, Fault> {
        let name = format!("playbook-{}", crate::docker::change::mark::new());
        let path = std::env::temp_dir().join(name);
        let opened = DirBuilder::new().mode(0o700).create(&path).and_then(|()| {
            let folder = Folder(path.clone());
            Ok((UnixListener::bind(folder.0.join("s"))?, folder))
        });
        let (listener, folder) =
            opened.map_err(|why| faults::internal(format!("there can be no socket in {}: {why}", path.display())))?;
        Ok(Self { reader, listener, folder })
    }

    /// For DOCKER_HOST.
    pub(super) fn host(&self) -> String {
        format!("unix://{}/s", self.folder.0.display())
    }

    /// Answers until it is dropped.
    pub(super) async fn answers(&self) -> std::convert::Infallible {
        loop {
            if let Ok((stream, _)) = self.listener.accept().await {
                // Who asks tells when there is no answer.
                let _ = one(stream, self.reader).await;
            }
        }
    }
}

async fn one(mut stream: UnixStream, reader: &Reader<'_>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") && head.len() < HEAD {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let (status, body) = answer(&String::from_utf8_lossy(&head), reader).await;
    let body = body.to_string();
    let fields = "Content-Type: application/json\r\nConnection: close";
    let text = format!("HTTP/1.1 {status} Said\r\n{fields}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

async fn answer(head: &str, reader: &Reader<'_>) -> (u16, Value) {
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method != "GET" {
        return (405, json!({"message": "here the engine is only looked at"}));
    }
    match reader.find(&Call::get(plain(path))).await {
        Ok(Some(found)) => (200, found),
        // It knows by these words that it is the image.
        Ok(None) => (404, json!({"message": "No such image"})),
        Err(fault) => (500, json!({"message": fault.message})),
    }
}

/// Without the version: `/v1.41/version`.
fn plain(path: &str) -> &str {
    let versioned = path.strip_prefix("/v").filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    versioned.and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_asked_for_without_their_version() {
        for (path, wanted) in [
            ("/v1.41/images/redis:7/json", "/images/redis:7/json"),
            ("/version", "/version"),
            ("/volumes/x", "/volumes/x"),
        ] {
            assert_eq!(plain(path), wanted);
        }
    }
}
