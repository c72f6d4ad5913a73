//! A small engine for tests: answers what it is told to, and remembers what it was asked.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::Place;
use crate::docker::target::DockerTarget;

/// What it was asked.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::docker) struct Asked {
    pub(in crate::docker) method: String,
    /// Without the version and the query.
    pub(in crate::docker) path: String,
    pub(in crate::docker) query: String,
    pub(in crate::docker) body: Value,
    /// All of it before the body.
    pub(in crate::docker) head: String,
}

impl Asked {
    /// `GET /info`.
    pub(in crate::docker) fn title(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What it does.
pub(in crate::docker) enum Does {
    /// Answers.
    Json(u16, Value),
    /// Writes this, and closes the connection.
    Raw(Vec<u8>),
    /// Closes the connection.
    Goes,
    /// Says nothing.
    Hangs,
}

/// An engine.
pub(in crate::docker) struct Fake {
    folder: tempfile::TempDir,
    seen: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// Starts one. It answers `/version` and `/_ping` by itself, unless `answer` gives something.
    pub(in crate::docker) fn start(answer: impl Fn(&Asked) -> Option<Does> + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let seen: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (kept, answer) = (Arc::clone(&seen), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept), Arc::clone(&answer)));
            }
        });
        Self { folder, seen, task }
    }

    pub(in crate::docker) fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    pub(in crate::docker) fn target(&self) -> DockerTarget {
        let host = format!("unix://{}", self.socket().display());
        DockerTarget::new("d", Place { host: Some(host), ..Place::default() }, None)
    }

    /// What it was asked, but for `/version` and `/_ping`.
    pub(in crate::docker) fn seen(&self) -> Vec<Asked> {
        let known = |asked: &&Asked| !["/version", "/_ping"].contains(&asked.path.as_str());
        self.seen.lock().unwrap().iter().filter(known).cloned().collect()
    }
}

async fn serve(
    mut stream: UnixStream,
    seen: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<impl Fn(&Asked) -> Option<Does> + Send + Sync>,
) {
    let mut held = Vec::new();
    while let Some(asked) = hear(&mut stream, &mut held).await {
        seen.lock().unwrap().push(asked.clone());
        let usual = || match asked.path.as_str() {
            "/version" => {
                Does::Json(200, json!({"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}))
            }
            "/_ping" => Does::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK".to_vec()),
            _ => Does::Json(404, json!({"message": format!("no answer to {}", asked.title())})),
        };
        match answer(&asked).unwrap_or_else(usual) {
            Does::Json(code, Value::Null) => {
                let text = format!("HTTP/1.1 {code} X\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(text.as_bytes()).await.unwrap();
            }
            Does::Json(code, body) => {
                let body = body.to_string();
                let head = "Content-Type: application/json";
                let text = format!("HTTP/1.1 {code} X\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(text.as_bytes()).await.unwrap();
            }
            Does::Raw(bytes) => {
                stream.write_all(&bytes).await.unwrap();
                if asked.path != "/_ping" {
                    return;
                }
            }
            Does::Goes => return,
            Does::Hangs => std::future::pending().await,
        }
    }
}

/// Reads one request.
async fn hear(stream: &mut UnixStream, held: &mut Vec<u8>) -> Option<Asked> {
    let end = loop {
        if let Some(end) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, held).await?;
    };
    let head = String::from_utf8(held.drain(..end).collect()).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    while held.len() < length.unwrap_or(0) {
        more(stream, held).await?;
    }
    let body: Vec<u8> = held.drain(..length.unwrap_or(0)).collect();
    let mut words = head.split_whitespace();
    let (method, uri) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let path = path.strip_prefix("/v1.41").unwrap_or(path).to_owned();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Asked { method, path, query: query.to_owned(), body, head })
}

async fn more(stream: &mut UnixStream, held: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer).await {
        Ok(count @ 1..) => {
            held.extend_from_slice(&buffer[..count]);
            Some(())
        }
        _ => None,
    }
}
