//! A command in a pod, over a WebSocket with the API server: enough of RFC 6455 for that.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;

use super::https::Https;

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// The exit code; other failures are the server's words.
    pub(super) code: Result<i64, String>,
}

pub(super) fn exec(https: &Https, namespace: &str, pod: &str, command: &[&str]) -> std::io::Result<Outcome> {
    let words: String = command.iter().map(|word| format!("&command={}", encoded(word))).collect();
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/exec?stdout=1&stderr=1{words}");
    let socket = TcpStream::connect(("127.0.0.1", https.port))?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(https.tls.clone(), name).map_err(std::io::Error::other)?;
    let mut wire = BufReader::new(StreamOwned::new(connection, socket));
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdGJlZCB0ZXN0YmVkIQ==\r\n\
         Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n",
        https.token
    );
    wire.get_mut().write_all(head.as_bytes())?;
    wire.get_mut().flush()?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        wire.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    if !answer.starts_with(b"HTTP/1.1 101") {
        let mut body = vec![0; 2000];
        let got = wire.read(&mut body)?;
        let words = [&answer[..], &body[..got]].concat();
        return Err(std::io::Error::other(String::from_utf8_lossy(&words).into_owned()));
    }
    let mut channels: [Vec<u8>; 4] = Default::default();
    while let Ok(Some(data)) = frame(&mut wire) {
        if let Some((channel, bytes)) = data.split_first() {
            channels[usize::from(*channel)].extend_from_slice(bytes);
        }
    }
    let [_, stdout, stderr, status] = channels.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Outcome { stdout, stderr, code: code(&status) })
}

/// The exit code in the last message of the server.
fn code(status: &str) -> Result<i64, String> {
    let said: Value = serde_json::from_str(status).map_err(|_| format!("no end of the command: {status}"))?;
    if said["status"] == "Success" {
        return Ok(0);
    }
    let cause =
        said["details"]["causes"].as_array().and_then(|causes| causes.iter().find(|it| it["reason"] == "ExitCode"));
    cause
        .and_then(|cause| cause["message"].as_str()?.parse().ok())
        .ok_or_else(|| said["message"].as_str().unwrap_or(status).to_owned())
}

/// The data of the next frame; None when the server closes.
fn frame(wire: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = [0; 2];
    wire.read_exact(&mut head)?;
    let length = match head[1] {
        126 => {
            let mut bytes = [0; 2];
            wire.read_exact(&mut bytes)?;
            u64::from(u16::from_be_bytes(bytes))
        }
        127 => {
            let mut bytes = [0; 8];
            wire.read_exact(&mut bytes)?;
            u64::from_be_bytes(bytes)
        }
        short => u64::from(short),
    };
    let mut data = Vec::new();
    wire.take(length).read_to_end(&mut data)?;
    match head[0] & 0x0f {
        8 => Ok(None),
        // Text and data; a ping has nothing for us.
        0..=2 => Ok(Some(data)),
        _ => Ok(Some(Vec::new())),
    }
}

fn encoded(word: &str) -> String {
    word.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
