//! What a client asks of an engine, as a proxy reads it.

use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

/// A request that came, whatever became of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    /// Without the version of the API: `/containers/NAME/stop`.
    pub(super) path: String,
    /// Such as `1.41`; empty when the client named none.
    pub(super) version: String,
    /// Without the question mark.
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// Unless it came in chunks.
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Method, path and query.
    pub(super) fn line(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, self.query)
    }

    /// Whether it only reads.
    pub(super) fn is_look(&self) -> bool {
        ["GET", "HEAD"].contains(&self.method.as_str())
    }

    /// The head as it is passed on: the engine closes after its answer.
    pub(super) fn head(&self) -> Vec<u8> {
        let upgrades = self.header("upgrade").is_some();
        let mark = if self.query.is_empty() { "" } else { "?" };
        let version = if self.version.is_empty() { String::new() } else { format!("/v{}", self.version) };
        let mut text = format!("{} {version}{}{mark}{} HTTP/1.1\r\n", self.method, self.path, self.query);
        for (name, value) in self.headers.iter().filter(|(name, _)| upgrades || name != "connection") {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(if upgrades { "\r\n" } else { "connection: close\r\n\r\n" });
        text.into_bytes()
    }
}

/// Reads a request to the end of its body, or of its head when the body comes in chunks; None when the
/// client closes instead.
pub(super) async fn read_request(client: &mut UnixStream) -> std::io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let versioned = path.strip_prefix("/v").and_then(|rest| rest.split_once('/'));
    let versioned = versioned.filter(|(version, _)| version.starts_with(|first: char| first.is_ascii_digit()));
    let (version, path) =
        versioned.map_or((String::new(), path.to_owned()), |(it, rest)| (it.into(), format!("/{rest}")));
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let (query, body) = (query.to_owned(), bytes.split_off(end + 4));
    let mut seen = Seen { method, path, version, query, headers, body };
    let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    while seen.body.len() < length && client.read_buf(&mut seen.body).await? > 0 {}
    Ok(Some(seen))
}
