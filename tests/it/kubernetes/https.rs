//! Plain HTTPS calls, one connection each: tests of a client must not depend on that client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Whom to ask, and as whom.
#[derive(Clone)]
pub(super) struct Https {
    pub(super) tls: Arc<ClientConfig>,
    pub(super) port: u16,
    pub(super) token: String,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// A request: method, path with query, content type and body.
pub(super) struct Request<'a>(pub(super) &'a str, pub(super) &'a str, pub(super) &'a str, pub(super) &'a [u8]);

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

impl Https {
    /// Trusts the authority of a PEM file.
    pub(super) fn new(authority: &Path, port: u16, token: &str) -> Self {
        Self { tls: Arc::new(client_config(authority)), port, token: token.to_owned() }
    }

    /// The same as somebody else, or elsewhere.
    pub(super) fn with(&self, port: u16, token: &str) -> Self {
        Self { tls: self.tls.clone(), port, token: token.to_owned() }
    }

    pub(super) fn send(&self, request: &Request) -> std::io::Result<Answer> {
        let (status, headers, mut body, _) = self.open(request, Some(Duration::from_secs(60)))?;
        let mut whole = Vec::new();
        body.read_to_end(&mut whole)?;
        Ok(Answer { status, headers, body: whole })
    }

    pub(super) fn get(&self, path: &str) -> std::io::Result<Answer> {
        self.send(&Request("GET", path, "", b""))
    }

    /// The lines of an answer as they come, such as the events of a watch, and what ends it.
    pub(super) fn lines(&self, path: &str) -> std::io::Result<(impl Iterator<Item = String> + use<>, TcpStream)> {
        let (_, _, body, socket) = self.open(&Request("GET", path, "", b""), None)?;
        Ok((BufReader::new(body).lines().map_while(Result::ok), socket))
    }

    #[expect(clippy::type_complexity, reason = "taken apart at once by its two callers")]
    fn open(
        &self,
        Request(method, path, kind, body): &Request,
        patience: Option<Duration>,
    ) -> std::io::Result<(u16, Vec<(String, String)>, Body, TcpStream)> {
        let socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(patience)?;
        let stop = socket.try_clone()?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(self.tls.clone(), name).map_err(std::io::Error::other)?;
        let mut stream = BufReader::new(StreamOwned::new(connection, socket));
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nUser-Agent: testbed\r\n");
        if !self.token.is_empty() {
            head.push_str(&format!("Authorization: Bearer {}\r\n", self.token));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()));
        }
        let wire = stream.get_mut();
        wire.write_all(format!("{head}\r\n").as_bytes())?;
        wire.write_all(body)?;
        wire.flush()?;
        let (status, headers) = read_head(&mut stream)?;
        let find = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let left = match (find("transfer-encoding"), find("content-length")) {
            (Some("chunked"), _) => Left::Chunk(0),
            (_, Some(length)) => Left::Bytes(length.parse().map_err(std::io::Error::other)?),
            _ => Left::ToTheEnd,
        };
        Ok((status, headers, Body { stream, left }, stop))
    }
}

/// Ends a stream of lines from another thread.
pub(super) fn stop(socket: &TcpStream) {
    let _ = socket.shutdown(Shutdown::Both);
}

/// TLS that trusts one authority.
fn client_config(authority: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn read_head(stream: &mut Stream) -> std::io::Result<(u16, Vec<(String, String)>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end() {
            "" if lines.is_empty() => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let status = lines[0].split(' ').nth(1).and_then(|code| code.parse().ok());
    let headers = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    Ok((status.ok_or_else(|| std::io::Error::other(lines[0].clone()))?, headers))
}

/// What is left of a body.
enum Left {
    Bytes(u64),
    /// Of the chunk that is being read.
    Chunk(u64),
    ToTheEnd,
    Nothing,
}

struct Body {
    stream: Stream,
    left: Left,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Left::Chunk(0) = self.left {
            let mut size = String::new();
            self.stream.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16)
                .map_err(|_| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?;
            self.left = if size == 0 { Left::Nothing } else { Left::Chunk(size) };
        }
        let want = match self.left {
            Left::Nothing | Left::Bytes(0) => return Ok(0),
            Left::Bytes(size) | Left::Chunk(size) => buffer.len().min(usize::try_from(size).unwrap()),
            Left::ToTheEnd => buffer.len(),
        };
        let got = self.stream.read(&mut buffer[..want])?;
        match &mut self.left {
            Left::Bytes(_) | Left::Chunk(_) if got == 0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Left::Bytes(size) => *size -= got as u64,
            Left::Chunk(size) => {
                *size -= got as u64;
                if *size == 0 {
                    self.stream.read_line(&mut String::new())?;
                }
            }
            Left::ToTheEnd | Left::Nothing => {}
        }
        Ok(got)
    }
}
