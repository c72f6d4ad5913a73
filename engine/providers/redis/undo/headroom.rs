//! Room for data that returns: a server at its limit refuses it, or evicts other data for it.

use std::collections::BTreeMap;

use playbook_core::action::{Capture, Difference, Fault, FaultKind, Restore, UndoOrder, UndoPart, UndoRecord};
use playbook_core::model::Bytes;
use serde_json::json;

use super::decide::{Stage, Stages};
use super::keys::Insisting;
use crate::redis::ask::told;
use crate::redis::client::{Lines, WriteConn};
use crate::redis::dump::Content;
use crate::redis::eviction::{Memory, evicted, lost};
use crate::redis::reply::info_fields;
use crate::redis::settings::{get_lines, got};
use crate::redis::value::Reply;

/// The kind of record that holds the limit to put back.
pub(in crate::redis) const HEADROOM: &str = "redis.headroom/1";
/// What a key costs besides its value.
const PER_KEY: u64 = 512;
/// What an item of a collection costs besides itself.
const PER_ITEM: u64 = 128;
/// Room besides: buffers of connections and of replication.
const SLACK: u64 = 1 << 20;

/// A limit that was raised, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Headroom {
    /// The limit to put back.
    before: u64,
    /// Limits that this rollback, or one that was interrupted, set instead.
    raised: Vec<u64>,
    /// Is it still to be raised, to the last of those?
    raise: bool,
}

/// What limits an interrupted rollback left. `parts` come latest first.
pub(super) fn interrupted(parts: &[UndoPart]) -> Option<Headroom> {
    let numbers = |part: &UndoPart| {
        let number = |name: &str| part.record.data.get(name)?.as_u64();
        Some((number("maxmemory")?, number("to")?))
    };
    let found: Vec<(u64, u64)> = parts.iter().rev().filter_map(numbers).collect();
    let (before, _) = *found.first()?;
    Some(Headroom { before, raised: found.into_iter().map(|(_, to)| to).collect(), raise: false })
}

/// How many bytes the server needs to take everything back, generously.
fn needed(histories: &BTreeMap<Vec<u8>, Stages>) -> u64 {
    let size = |stage: &Stage| {
        let Some(content) = stage.before().content() else { return 0 };
        let items = match &content {
            Content::Text(bytes) => bytes.len() as u64,
            Content::List(items) | Content::Set(items) => items.iter().map(|item| item.len() as u64 + PER_ITEM).sum(),
            Content::Hash(fields) => {
                fields.iter().map(|field| (field.name.len() + field.value.len()) as u64 + 2 * PER_ITEM).sum()
            }
            Content::Sorted(items) => items.iter().map(|(_, member)| member.len() as u64 + 2 * PER_ITEM).sum(),
            Content::Opaque(_, bytes) => bytes.len() as u64 * 10,
        };
        items.saturating_mul(2).max(stage.bytes() as u64 * 3)
    };
    histories
        .iter()
        .map(|(key, stages)| stages.iter().map(size).max().unwrap_or(0) + 2 * key.len() as u64 + PER_KEY)
        .fold(SLACK, u64::saturating_add)
}

/// Looks whether the limit has to be raised. Gives what has to be recorded before that.
pub(super) async fn prepare(
    conn: &mut WriteConn<'_>,
    histories: &BTreeMap<Vec<u8>, Stages>,
    earlier: Option<Headroom>,
) -> Result<(Option<Headroom>, Option<Capture>), Fault> {
    if histories.is_empty() {
        return Ok((earlier, None));
    }
    let reply = match conn.one(["INFO", "memory"]).await {
        Ok(reply) => reply,
        // Who may not look cannot raise the limit either; what does not fit is told key by key.
        Err(fault) if fault.kind == FaultKind::Unauthorised => return Ok((earlier, None)),
        Err(fault) => return Err(fault),
    };
    let fields = info_fields(reply.text().unwrap_or_default());
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let (limit, used) = (number("maxmemory"), number("used_memory"));
    let wanted = used.saturating_add(needed(histories));
    if limit == 0 || wanted <= limit {
        return Ok((earlier, None));
    }
    // The step may itself have been undone in part before: then the first limit is the one to keep.
    let mut headroom = earlier.unwrap_or(Headroom { before: limit, raised: Vec::new(), raise: false });
    headroom.raise = true;
    if headroom.raised.last().is_some_and(|to| *to >= wanted) {
        return Ok((Some(headroom), None));
    }
    headroom.raised.push(wanted);
    let policy = fields.get("maxmemory_policy").cloned().unwrap_or_default();
    let undo = UndoRecord {
        kind: HEADROOM.into(),
        data: json!({"maxmemory": headroom.before, "to": wanted, "policy": policy}),
        blob: None,
        order: UndoOrder::MakesRoom,
    };
    let words = ["CONFIG", "SET", "maxmemory", &wanted.to_string()].map(str::to_owned).to_vec();
    let capture = Capture { subject: "maxmemory".into(), words, undo, count: 1, last: false };
    Ok((Some(headroom), Some(capture)))
}

/// Raises the limit, if it has to be. Tells how much has been evicted so far, if it can be told.
pub(super) async fn raise(conn: &mut WriteConn<'_>, headroom: &Headroom) -> Result<Option<u64>, Fault> {
    let target = conn.target();
    if let (true, Some(to)) = (headroom.raise, headroom.raised.last()) {
        let replies = conn.insist(&Lines::of(["CONFIG", "SET", "maxmemory", &to.to_string()])).await?;
        for reply in replies {
            told(reply, target)?;
        }
    }
    evicted(&mut Insisting(conn)).await
}

/// Puts the limit back and reads it again, unless the server would evict keys for it.
pub(super) async fn lower(
    conn: &mut WriteConn<'_>,
    headroom: &Headroom,
    evicted_before: Option<u64>,
    whole: &mut Restore,
) -> Result<(), Fault> {
    let target = conn.target();
    let read = async |conn: &mut WriteConn<'_>| -> Result<u64, Fault> {
        let reply = conn.insist(&get_lines(["maxmemory"])).await?.into_iter().next().unwrap_or(Reply::Nil);
        Ok(got(reply, "maxmemory", target)?.parse().unwrap_or(0))
    };
    let now = read(conn).await?;
    let shown = |bytes: u64| if bytes == 0 { "no limit".to_owned() } else { Bytes(bytes).to_string() };
    let difference = |now: u64| Difference {
        subject: "config maxmemory".into(),
        before: shown(headroom.before),
        ours: headroom.raised.last().map_or_else(String::new, |to| shown(*to)),
        now: shown(now),
    };
    if now == headroom.before {
        return Ok(());
    }
    if !headroom.raised.contains(&now) {
        whole.conflicts.push(difference(now));
        return Ok(());
    }
    let before = headroom.before.to_string();
    if let Some(memory) = Memory::ask(&mut Insisting(conn)).await?
        && let Some(loss) = memory.loss(&memory.with([("maxmemory", before.as_str())]))
    {
        let mut left = difference(now);
        left.now = format!("{} (left as it is: {loss})", left.now);
        whole.differs.push(left);
        return Ok(());
    }
    for reply in conn.insist(&Lines::of(["CONFIG", "SET", "maxmemory", &before])).await? {
        told(reply, target)?;
    }
    let now = read(conn).await?;
    if now != headroom.before {
        whole.differs.push(difference(now));
    }
    let evicted_now = evicted(&mut Insisting(conn)).await?;
    whole.differs.extend(lost(evicted_before, evicted_now));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_the_first_interrupted_rollback_is_the_one_to_put_back() {
        let part = |before: u64, to: u64| UndoPart {
            record: UndoRecord {
                kind: HEADROOM.into(),
                data: json!({"maxmemory": before, "to": to}),
                blob: None,
                order: UndoOrder::MakesRoom,
            },
            after: None,
            words: Vec::new(),
        };
        // Latest first.
        let found = interrupted(&[part(100, 300), part(100, 200)]).expect("found");
        assert_eq!(found, Headroom { before: 100, raised: vec![200, 300], raise: false });
        assert_eq!(interrupted(&[]), None);
    }
}
