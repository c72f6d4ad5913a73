//! What rollback needs of keys, as it is stored: small facts as JSON, keys and values as bytes.

use playbook_core::action::{Fault, UndoOrder, UndoPart, UndoRecord};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::faults;
use super::image::{Image, Left};

/// The kind of record that holds keys.
pub(super) const KEYS: &str = "redis.keys/1";
/// What stored bytes begin with: a mark and the version of their shape.
const MAGIC: &[u8; 4] = b"PBK\x01";

/// Keys before a change.
#[derive(Clone, Debug)]
pub(super) struct KeysRecord {
    pub(super) facts: Facts,
    pub(super) keys: Vec<(Vec<u8>, Image)>,
}

/// Small facts about captured keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// The database.
    pub(super) db: u32,
    /// How many keys.
    pub(super) count: u64,
    /// When they were captured: milliseconds since 1970 by the server's clock.
    pub(super) at: i64,
    /// Makes digests of this record unlike those of others.
    pub(super) salt: String,
    /// Did the server tell expiries as points in time?
    pub(super) exact: bool,
    /// The connection that makes the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<i64>,
    /// The process of the server that had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) run_id: Option<String>,
    /// What was changed besides, without being captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) beyond: Option<String>,
    /// What `redis.keys` does to each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sweep: Option<Sweep>,
}

/// What `redis.keys` does to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sweep {
    /// Deletes them.
    Unlink,
    /// Lets them expire at this moment, in milliseconds since 1970.
    Expire(i64),
    /// Takes their expiry away.
    Persist,
}

impl Sweep {
    /// What it leaves of each key.
    pub(super) fn left(self) -> Left {
        match self {
            Self::Unlink => Left::Absent,
            Self::Expire(at) => Left::Expiring(at),
            Self::Persist => Left::Expiring(-1),
        }
    }
}

impl KeysRecord {
    /// As it is stored.
    pub(super) fn stored(&self) -> UndoRecord {
        let mut blob = MAGIC.to_vec();
        blob.extend_from_slice(&(self.keys.len() as u64).to_le_bytes());
        let put = |bytes: &[u8], blob: &mut Vec<u8>| {
            blob.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            blob.extend_from_slice(bytes);
        };
        for (key, image) in &self.keys {
            put(key, &mut blob);
            blob.extend_from_slice(&image.expiry.to_le_bytes());
            blob.push(u8::from(image.dump.is_some()));
            if let Some(dump) = &image.dump {
                put(dump, &mut blob);
            }
        }
        UndoRecord {
            kind: KEYS.into(),
            data: serde_json::to_value(&self.facts).unwrap_or_default(),
            blob: Some(blob),
            order: UndoOrder::Data,
        }
    }

    /// As it is read back.
    pub(super) fn read(record: &UndoRecord) -> Result<Self, Fault> {
        let broken = || faults::internal("a record of keys that cannot be read");
        let facts: Facts = serde_json::from_value(record.data.clone()).map_err(|_| broken())?;
        let blob = record.blob.as_deref().ok_or_else(broken)?;
        let rest = blob.strip_prefix(MAGIC).ok_or_else(broken)?;
        let keys = keys(rest).filter(|keys| keys.len() as u64 == facts.count).ok_or_else(broken)?;
        Ok(Self { facts, keys })
    }

    /// How many bytes come back with it.
    pub(super) fn bytes(&self) -> u64 {
        self.keys.iter().map(|(key, image)| (key.len() + image.dump.as_ref().map_or(0, Vec::len)) as u64).sum()
    }
}

fn keys(mut rest: &[u8]) -> Option<Vec<(Vec<u8>, Image)>> {
    fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
        let (taken, after) = rest.split_at_checked(count)?;
        *rest = after;
        Some(taken)
    }
    fn number(rest: &mut &[u8]) -> Option<u64> {
        Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
    }
    fn text(rest: &mut &[u8]) -> Option<Vec<u8>> {
        let length = usize::try_from(number(rest)?).ok()?;
        Some(take(rest, length)?.to_vec())
    }
    let count = number(&mut rest)?;
    let mut keys = Vec::new();
    for _ in 0..count {
        let key = text(&mut rest)?;
        let expiry = i64::from_le_bytes(take(&mut rest, 8)?.try_into().ok()?);
        let dump = match take(&mut rest, 1)? {
            [0] => None,
            _ => Some(text(&mut rest)?),
        };
        keys.push((key, Image { dump, expiry }));
    }
    rest.is_empty().then_some(keys)
}

/// What a change left of each key, as it stands in a journal.
pub(super) fn after(lefts: &[Left]) -> Value {
    serde_json::json!({"keys": lefts.iter().map(Left::json).collect::<Vec<_>>()})
}

/// What a sweep left of all its keys.
pub(super) fn swept(sweep: Sweep) -> Value {
    serde_json::json!({"each": sweep.left().json()})
}

/// What a part left of each of its keys, if that is known.
pub(super) fn lefts(part: &UndoPart, count: usize) -> Option<Vec<Left>> {
    let after = part.after.as_ref()?;
    if let Some(each) = after.get("each") {
        return Left::read(each).map(|left| vec![left; count]);
    }
    let lefts: Option<Vec<Left>> = after.get("keys")?.as_array()?.iter().map(Left::read).collect();
    lefts.filter(|lefts| lefts.len() == count)
}

/// Sixteen digits that nobody can guess.
pub(super) fn salt() -> String {
    use std::hash::{BuildHasher, Hasher};
    let random = || std::hash::RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(count: u64) -> Facts {
        Facts {
            db: 1,
            count,
            at: 5,
            salt: salt(),
            exact: true,
            client: Some(3),
            run_id: None,
            beyond: None,
            sweep: Some(Sweep::Expire(9)),
        }
    }

    proptest! {
        #[test]
        fn keys_come_back_as_they_were(
            keys in proptest::collection::vec((any::<Vec<u8>>(), proptest::option::of(any::<Vec<u8>>()), any::<i64>()), 0..6)
        ) {
            let keys: Vec<(Vec<u8>, Image)> = keys.into_iter().map(|(key, dump, expiry)| (key, Image { dump, expiry })).collect();
            let record = KeysRecord { facts: facts(keys.len() as u64), keys };
            let back = KeysRecord::read(&record.stored()).expect("reads");
            prop_assert_eq!(back.keys, record.keys);
            prop_assert_eq!(back.facts, record.facts);
        }

        #[test]
        fn damaged_bytes_are_told_and_never_half_read(cut in 0usize..60) {
            let record = KeysRecord { facts: facts(1), keys: vec![(b"key".to_vec(), Image { dump: Some(b"payload".to_vec()), expiry: 1 })] };
            let mut stored = record.stored();
            let blob = stored.blob.take().expect("has one");
            prop_assume!(cut < blob.len());
            stored.blob = Some(blob[..cut].to_vec());
            prop_assert!(KeysRecord::read(&stored).is_err());
        }
    }
}
