//! Commands that run only if keys are as they were read.
//!
//! The keys are watched, and the commands go out between MULTI and EXEC. A server that is out of
//! memory refuses to queue anything at all, UNLINK included, so there a script does the same: it
//! compares digests of the values, and only then runs the commands.

use playbook_core::action::Fault;

use super::ask::{image_lines, slack};
use super::client::{Lines, WriteConn};
use super::faults;
use super::image::Image;
use super::sha1::sha1;
use super::txn::{Outcome, transact};
use super::value::{Reply, ServerError};

/// Compares, runs, reads. Keys: the keys. Arguments: how many; how an expiry is asked; whether to read
/// the keys afterwards; how far expiries may lie apart; digest and expiry of each; then each command
/// after its number of words.
const SCRIPT: &str = r"
local n, expiry, read, slack, at = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4]), 5
local time = redis.call('TIME')
local function expires(key)
  local value = redis.call(expiry, key)
  if expiry == 'PTTL' and value >= 0 then value = value + time[1] * 1000 + math.floor(time[2] / 1000) end
  return value
end
for i = 1, n do
  local dump = redis.call('DUMP', KEYS[i])
  local seen = dump and redis.sha1hex(dump) or ''
  if seen ~= ARGV[at] then return {0} end
  if dump then
    local now, was = expires(KEYS[i]), tonumber(ARGV[at + 1])
    if (now < 0) ~= (was < 0) or math.abs(now - was) > slack and now >= 0 then return {0} end
  end
  at = at + 2
end
local replies = {}
while at <= #ARGV do
  local words = {}
  for i = 1, tonumber(ARGV[at]) do words[i] = ARGV[at + i] end
  replies[#replies + 1] = redis.pcall(unpack(words))
  at = at + #words + 1
end
if read == '1' then
  for i = 1, n do
    replies[#replies + 1] = redis.call('DUMP', KEYS[i])
    replies[#replies + 1] = redis.call(expiry, KEYS[i])
  end
end
return {1, replies}";

/// What to do after the commands, in the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// Read the keys: the replies to [`image_lines`] follow those of the commands.
    Read,
}

/// Runs commands if the watched keys are as they were read.
///
/// # Errors
/// As [`transact`].
pub(super) async fn guarded(
    conn: &mut WriteConn<'_>,
    keys: &[(Vec<u8>, Image)],
    commands: &Lines,
    then: Then,
    insist: bool,
) -> Result<Outcome, Fault> {
    let mut body = commands.clone();
    if then == Then::Read {
        body.extend(&image_lines(keys.iter().map(|(key, _)| key.as_slice()), conn.server()));
    }
    match transact(conn, &body, insist).await? {
        Outcome::Refused(error) if is_full(&error) && !keys.is_empty() && fits_script(commands) => {
            by_script(conn, keys, commands, then, insist, error).await
        }
        outcome => Ok(outcome),
    }
}

/// A script cannot pass on more words than this.
const WORDS: usize = 7000;

fn fits_script(commands: &Lines) -> bool {
    commands.words().all(|words| words.count() <= WORDS)
}

fn is_full(error: &ServerError) -> bool {
    error.code == "OOM" || error.text.contains("because of: OOM")
}

async fn by_script(
    conn: &mut WriteConn<'_>,
    keys: &[(Vec<u8>, Image)],
    commands: &Lines,
    then: Then,
    insist: bool,
    full: ServerError,
) -> Result<Outcome, Fault> {
    let exact = conn.server().tells_expiry();
    let number = |n: usize| n.to_string().into_bytes();
    let mut words: Vec<Vec<u8>> = vec![b"EVAL".to_vec(), SCRIPT.as_bytes().to_vec(), number(keys.len())];
    words.extend(keys.iter().map(|(key, _)| key.clone()));
    words.push(number(keys.len()));
    words.push(if exact { b"PEXPIRETIME".to_vec() } else { b"PTTL".to_vec() });
    words.push(number(usize::from(then == Then::Read)));
    words.push(slack(conn.server()).to_string().into_bytes());
    for (_, image) in keys {
        words.push(image.dump.as_deref().map(sha1).unwrap_or_default().into_bytes());
        words.push(image.expiry.to_string().into_bytes());
    }
    for command in commands.words() {
        let command: Vec<Vec<u8>> = command.map(<[u8]>::to_vec).collect();
        words.push(number(command.len()));
        words.extend(command);
    }
    let line = Lines::of(words);
    let replies = if insist { conn.insist(&line).await? } else { conn.commit(&line).await? };
    let reply = replies.into_iter().next().unwrap_or(Reply::Nil);
    if let Some(error) = reply.error() {
        // Who may not run scripts is told why one was needed; a script that failed in the middle
        // is another matter.
        return match error.code.as_str() {
            "NOPERM" | "OOM" | "READONLY" | "MISCONF" => Ok(Outcome::Refused(full)),
            _ => Err(faults::server(error, &conn.target().address_text(), conn.target().secrets()).unclear()),
        };
    }
    let mut parts = reply.into_items().into_iter();
    match (parts.next(), parts.next()) {
        (Some(Reply::Int(0)), None) => Ok(Outcome::Moved),
        (Some(Reply::Int(1)), Some(replies)) => Ok(Outcome::Ran(replies.into_items())),
        _ => Err(faults::internal("a script without its reply").unclear()),
    }
}
