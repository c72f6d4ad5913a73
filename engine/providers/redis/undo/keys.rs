//! Puts keys back: watched, compared, restored and read again in one transaction a batch.

use std::collections::BTreeMap;

use playbook_core::action::{Difference, Fault, Restore};

use playbook_core::secret::Secrets;

use super::decide::{Decision, Stage, Stages, decide};
use crate::redis::ask::{Ask, image_lines, images, moment, told};
use crate::redis::client::{Lines, WriteConn};
use crate::redis::faults;
use crate::redis::guarded::{Then, guarded};
use crate::redis::image::{Image, Moment, key_name};
use crate::redis::txn::Outcome;
use crate::redis::value::Reply;

/// Keys in one transaction.
const BATCH: usize = 500;
/// Bytes in one transaction, unless one key has more.
const BYTES: usize = 8 << 20;
/// How often a batch is tried again because others write to its keys.
const TRIES: usize = 10;
/// Differences told one by one.
const TOLD: usize = 100;

type Key<'k> = (&'k Vec<u8>, &'k Stages);

/// Puts all keys back. Stops only when the server cannot be reached.
pub(super) async fn restore(
    conn: &mut WriteConn<'_>,
    histories: &BTreeMap<Vec<u8>, Stages>,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> (Restore, Option<Fault>) {
    let mut whole = Restore::default();
    let keys: Vec<Key<'_>> = histories.iter().collect();
    let mut done = 0;
    for batch in batches(&keys) {
        if conn.stopped() {
            return (whole, Some(faults::cancelled()));
        }
        if let Err(fault) = one_batch(conn, batch, &mut whole).await {
            return (whole, Some(fault));
        }
        done += batch.len() as u64;
        progress(done);
    }
    shorten(&mut whole.differs);
    shorten(&mut whole.conflicts);
    (whole, None)
}

/// Batches of not too many keys and not too many bytes.
fn batches<'b, 'k>(mut keys: &'b [Key<'k>]) -> Vec<&'b [Key<'k>]> {
    let mut all = Vec::new();
    while !keys.is_empty() {
        let mut bytes = 0;
        let fits = |(_, stages): &&Key<'_>| {
            bytes += stages.iter().map(Stage::bytes).max().unwrap_or(0);
            bytes <= BYTES
        };
        let count = keys.iter().take(BATCH).take_while(fits).count().max(1);
        let (batch, rest) = keys.split_at(count);
        all.push(batch);
        keys = rest;
    }
    all
}

/// Many alike are told as a number.
fn shorten(list: &mut Vec<Difference>) {
    let more = list.len().saturating_sub(TOLD);
    if more > 0 {
        list.truncate(TOLD);
        let of = |text: &str| text.to_owned();
        list.push(Difference {
            subject: format!("{more} more keys"), before: of("…"), ours: of("…"), now: of("…")
        });
    }
}

async fn one_batch(conn: &mut WriteConn<'_>, batch: &[Key<'_>], whole: &mut Restore) -> Result<(), Fault> {
    for _ in 0..TRIES {
        if attempt(conn, batch, whole).await? {
            return Ok(());
        }
    }
    // Others write to one of them all the time: the rest must not wait for it.
    for key in batch {
        let mut settled = false;
        for _ in 0..TRIES {
            if attempt(conn, std::slice::from_ref(key), whole).await? {
                settled = true;
                break;
            }
        }
        if !settled {
            whole.differs.push(Difference {
                subject: format!("key {}", key_name(key.0, conn.target().secrets())),
                before: "as captured".into(),
                ours: "as the run left it".into(),
                now: "changing all the time".into(),
            });
        }
    }
    Ok(())
}

/// True if every key of the batch is settled; false if one changed meanwhile, and nothing was done.
async fn attempt(conn: &mut WriteConn<'_>, batch: &[Key<'_>], whole: &mut Restore) -> Result<bool, Fault> {
    let mut lines = Lines::of(["UNWATCH"]);
    lines.add([b"WATCH".as_slice()].into_iter().chain(batch.iter().map(|(key, _)| key.as_slice())));
    for reply in conn.insist(&lines).await? {
        told(reply, conn.target())?;
    }
    let at = moment(&mut Insisting(conn)).await?;
    let lines = image_lines(batch.iter().map(|(key, _)| key.as_slice()), conn.server());
    let replies = conn.insist(&lines).await?;
    let found = images(replies, at.now, conn.server(), conn.target())?;
    let secrets = conn.target().secrets();
    let mut result = Restore::default();
    let mut goals: Vec<(&Vec<u8>, Image, Option<Difference>)> = Vec::new();
    let mut seen: Vec<(Vec<u8>, Image)> = Vec::new();
    for ((key, stages), now) in batch.iter().zip(found) {
        match decide(key, stages, &now, at, secrets) {
            Decision::Already => result.restored += 1,
            Decision::Conflict(difference) => result.conflicts.push(difference),
            Decision::Restore(goal, left) => {
                goals.push((key, goal, left));
                seen.push(((*key).clone(), now));
            }
        }
    }
    if goals.is_empty() {
        conn.insist(&Lines::of(["UNWATCH"])).await?;
        merge(whole, result);
        return Ok(true);
    }
    let mut body = Lines::new();
    for (key, goal, _) in &goals {
        back(key, goal, at, &mut body);
    }
    let count = body.len();
    match guarded(conn, &seen, &body, Then::Read, true).await? {
        Outcome::Moved => return Ok(false),
        Outcome::Refused(error) => {
            let fault = faults::server(&error, &conn.target().address_text(), conn.target().secrets());
            for (key, goal, _) in &goals {
                result.differs.push(differs(key, goal, at, secrets, &format!("unchanged: {}", fault.message)));
            }
            result.failed = Some(fault);
        }
        Outcome::Ran(mut replies) => {
            let read = images(replies.split_off(count), at.now, conn.server(), conn.target())?;
            for (((key, goal, left), reply), now) in goals.iter().zip(replies).zip(&read) {
                if now.same(goal, at) {
                    match left {
                        None => result.restored += 1,
                        Some(difference) => result.conflicts.push(difference.clone()),
                    }
                    continue;
                }
                let why = match reply {
                    Reply::Error(error) => format!("{} ({} {})", now.describe(at.now, secrets), error.code, error.text),
                    _ => now.describe(at.now, secrets),
                };
                result.differs.push(differs(key, goal, at, secrets, &why));
            }
        }
    }
    merge(whole, result);
    Ok(true)
}

/// The command that puts a key back.
fn back(key: &[u8], goal: &Image, at: Moment, body: &mut Lines) {
    match goal.alive(at.now) {
        None => body.add([b"UNLINK".as_slice(), key]),
        Some(payload) => {
            let expiry = goal.expiry.max(0).to_string();
            body.add([b"RESTORE".as_slice(), key, expiry.as_bytes(), payload, b"REPLACE", b"ABSTTL"])
        }
    };
}

fn differs(key: &[u8], goal: &Image, at: Moment, secrets: &Secrets, why: &str) -> Difference {
    Difference {
        subject: format!("key {}", key_name(key, secrets)),
        before: goal.describe(at.now, secrets),
        ours: "as the run left it".into(),
        now: why.to_owned(),
    }
}

fn merge(whole: &mut Restore, part: Restore) {
    whole.restored += part.restored;
    whole.differs.extend(part.differs);
    whole.conflicts.extend(part.conflicts);
    if whole.failed.is_none() {
        whole.failed = part.failed;
    }
}

/// A connection whose questions are asked even when it was told to stop: a rollback ends what it
/// began.
pub(super) struct Insisting<'c, 'a>(pub(super) &'c mut WriteConn<'a>);

impl Ask for Insisting<'_, '_> {
    fn ask(&mut self, lines: &Lines) -> impl Future<Output = Result<Vec<Reply>, Fault>> + Send {
        self.0.insist(lines)
    }
    fn server(&self) -> &crate::redis::server::Server {
        self.0.server()
    }
    fn target(&self) -> &crate::redis::target::RedisTarget {
        WriteConn::target(self.0)
    }
}
