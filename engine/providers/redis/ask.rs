//! Questions that can be asked over either kind of connection.

use playbook_core::action::Fault;
use playbook_core::model::Bytes;

use super::client::{Lines, ReadConn, WriteConn};
use super::faults;
use super::image::{Image, Moment};
use super::server::Server;
use super::target::RedisTarget;
use super::value::Reply;

/// Keys asked about in one round trip.
const PAGE: usize = 1000;
/// Room for expiries that the server tells only as a time left.
const SLACK: i64 = 1000;

/// A connection that can be asked.
pub(super) trait Ask: Send {
    /// Sends commands that change nothing; what the server refuses is a reply.
    fn ask(&mut self, lines: &Lines) -> impl Future<Output = Result<Vec<Reply>, Fault>> + Send;
    /// What is known of the server.
    fn server(&self) -> &Server;
    /// The target.
    fn target(&self) -> &RedisTarget;
}

impl Ask for ReadConn<'_> {
    fn ask(&mut self, lines: &Lines) -> impl Future<Output = Result<Vec<Reply>, Fault>> + Send {
        ReadConn::ask(self, lines)
    }
    fn server(&self) -> &Server {
        ReadConn::server(self)
    }
    fn target(&self) -> &RedisTarget {
        ReadConn::target(self)
    }
}

impl Ask for WriteConn<'_> {
    fn ask(&mut self, lines: &Lines) -> impl Future<Output = Result<Vec<Reply>, Fault>> + Send {
        WriteConn::ask(self, lines)
    }
    fn server(&self) -> &Server {
        WriteConn::server(self)
    }
    fn target(&self) -> &RedisTarget {
        WriteConn::target(self)
    }
}

/// A reply, or the fault that it is.
pub(super) fn told(reply: Reply, target: &RedisTarget) -> Result<Reply, Fault> {
    match reply {
        Reply::Error(error) => Err(faults::server(&error, &target.address_text(), target.secrets())),
        reply => Ok(reply),
    }
}

/// The server's clock, in milliseconds since 1970, and how exactly it tells expiries.
pub(super) async fn moment(conn: &mut impl Ask) -> Result<Moment, Fault> {
    let reply = conn.ask(&Lines::of(["TIME"])).await?.into_iter().next().unwrap_or(Reply::Nil);
    let now = clock(&told(reply, conn.target())?).ok_or_else(|| faults::internal("TIME without a time"))?;
    Ok(Moment { now, slack: slack(conn.server()) })
}

/// How far apart equal expiries may be told.
pub(super) fn slack(server: &Server) -> i64 {
    if server.tells_expiry() { 0 } else { SLACK }
}

/// The reply to TIME in milliseconds.
pub(super) fn clock(reply: &Reply) -> Option<i64> {
    let part = |at: usize| reply.items().get(at).and_then(Reply::int);
    Some(part(0)? * 1000 + part(1)? / 1000)
}

/// Commands that read a key: its value, then its expiry.
pub(super) fn image_lines<'k>(keys: impl IntoIterator<Item = &'k [u8]>, server: &Server) -> Lines {
    let expiry: &[u8] = if server.tells_expiry() { b"PEXPIRETIME" } else { b"PTTL" };
    let mut lines = Lines::new();
    for key in keys {
        lines.add([b"DUMP".as_slice(), key]).add([expiry, key]);
    }
    lines
}

/// The replies to [`image_lines`]. `now` turns a time left into a point in time.
pub(super) fn images(
    replies: Vec<Reply>,
    now: i64,
    server: &Server,
    target: &RedisTarget,
) -> Result<Vec<Image>, Fault> {
    let mut replies = replies.into_iter();
    let mut images = Vec::with_capacity(replies.len() / 2);
    while let Some(dump) = replies.next() {
        let dump = match told(dump, target)? {
            Reply::Nil => None,
            reply => Some(reply.into_bytes().ok_or_else(|| faults::internal("DUMP without a payload"))?),
        };
        let expiry = told(replies.next().unwrap_or(Reply::Nil), target)?;
        let expiry = expiry.int().ok_or_else(|| faults::internal("an expiry that is no number"))?;
        images.push(match (dump, expiry) {
            (None, _) => Image::ABSENT,
            (dump, ..0) => Image { dump, expiry: -1 },
            (dump, expiry) if server.tells_expiry() => Image { dump, expiry },
            (dump, left) => Image { dump, expiry: now + left },
        });
    }
    Ok(images)
}

/// Reads keys, page by page; gives up as soon as they are more than `limit` bytes.
pub(super) async fn read_keys(
    conn: &mut impl Ask,
    keys: &[Vec<u8>],
    limit: u64,
) -> Result<(Vec<Image>, Moment), Fault> {
    let at = moment(conn).await?;
    let mut all = Vec::with_capacity(keys.len());
    let mut bytes = 0;
    for page in keys.chunks(PAGE) {
        let lines = image_lines(page.iter().map(Vec::as_slice), conn.server());
        let replies = conn.ask(&lines).await?;
        let found = images(replies, at.now, conn.server(), conn.target())?;
        bytes += found.iter().filter_map(|image| image.dump.as_ref()).map(|dump| dump.len() as u64).sum::<u64>();
        if bytes > limit {
            return Err(faults::too_much(bytes, limit));
        }
        all.extend(found);
    }
    Ok((all, at))
}

/// How many bytes keys take in the server's memory; 0 for one that is not there.
pub(super) async fn memory(conn: &mut impl Ask, keys: &[Vec<u8>]) -> Result<Vec<u64>, Fault> {
    let mut all = Vec::with_capacity(keys.len());
    for page in keys.chunks(PAGE) {
        let mut lines = Lines::new();
        for key in page {
            lines.add([b"MEMORY".as_slice(), b"USAGE", key]);
        }
        let replies = conn.ask(&lines).await?;
        all.extend(replies.iter().map(|reply| reply.int().and_then(|n| u64::try_from(n).ok()).unwrap_or(0)));
    }
    Ok(all)
}

/// Which keys, by their names for people, and how much they hold.
pub(super) fn keys_subject(keys: &[Vec<u8>], bytes: u64, name: impl Fn(&[u8]) -> String) -> String {
    match keys {
        [] => "no keys".into(),
        [only] => format!("key {}", name(only)),
        _ => format!("{} keys, {}", keys.len(), Bytes(bytes)),
    }
}
