//! Keys that a server evicts to stay under its limit. They do not return, whatever is put back.

use std::collections::BTreeMap;

use playbook_core::action::{Difference, Fault};
use playbook_core::model::Bytes;

use serde_json::Value;

use super::ask::Ask;
use super::client::Lines;
use super::reply::info_fields;
use super::value::Reply;

/// What cannot be taken back of a limit.
pub(super) const GONE: &str = "keys that the server evicts do not return";

/// Is it a setting that decides what is evicted?
pub(super) fn decides(name: &str) -> bool {
    matches!(name, "maxmemory" | "maxmemory-policy")
}

/// Does this value make the server evict more than that one?
pub(super) fn tightens(name: &str, old: &str, new: &str) -> bool {
    let limit = |text: &str| text.parse::<u64>().ok().filter(|limit| *limit != 0).unwrap_or(u64::MAX);
    match name {
        "maxmemory" => limit(new) < limit(old),
        "maxmemory-policy" => new != old && new != "noeviction",
        _ => false,
    }
}

/// What a server uses, and what it does about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    used: u64,
    limit: u64,
    policy: String,
}

impl Memory {
    /// Asks. Nothing if this user may not.
    pub(super) async fn ask(conn: &mut impl Ask) -> Result<Option<Self>, Fault> {
        Ok(info(conn, "memory").await?.map(|fields| Self::of(&fields)))
    }

    fn of(fields: &BTreeMap<String, String>) -> Self {
        let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        // Buffers of replicas and of the append-only file count for nothing here.
        let used = number("used_memory").saturating_sub(number("mem_not_counted_for_evict"));
        let policy = fields.get("maxmemory_policy").cloned().unwrap_or_default();
        Self { used, limit: number("maxmemory"), policy }
    }

    /// With these settings, as the server shows them.
    pub(super) fn with<'s>(&self, settings: impl IntoIterator<Item = (&'s str, &'s str)>) -> Self {
        let mut then = self.clone();
        for (name, value) in settings {
            match name {
                "maxmemory" => then.limit = value.parse().unwrap_or(then.limit),
                "maxmemory-policy" => value.clone_into(&mut then.policy),
                _ => {}
            }
        }
        then
    }

    /// How many bytes the server frees by evicting keys.
    pub(super) fn over(&self) -> u64 {
        match (self.limit, self.policy.as_str()) {
            (0, _) | (_, "noeviction") => 0,
            (limit, _) => self.used.saturating_sub(limit),
        }
    }

    /// What would be lost if it became so, for people; nothing if nothing would.
    pub(super) fn loss(&self, then: &Self) -> Option<String> {
        (then.over() > self.over()).then(|| {
            let (used, limit) = (Bytes(then.used), Bytes(then.limit));
            format!(
                "{used} are used, {} over {limit}: the server would evict keys ({})",
                Bytes(then.over()),
                then.policy
            )
        })
    }
}

/// How many keys were evicted so far. Nothing if this user may not know.
pub(super) async fn evicted(conn: &mut impl Ask) -> Result<Option<u64>, Fault> {
    let fields = info(conn, "stats").await?;
    Ok(fields.and_then(|fields| fields.get("evicted_keys")?.parse().ok()))
}

async fn info(conn: &mut impl Ask, section: &str) -> Result<Option<BTreeMap<String, String>>, Fault> {
    let reply = conn.ask(&Lines::of(["INFO", section])).await?.into_iter().next().unwrap_or(Reply::Nil);
    Ok(reply.text().map(info_fields))
}

/// Says what was evicted since a change of settings was recorded, if anything was or may have been.
pub(super) fn lost_since(data: &Value, run_id: Option<&str>, now: Option<u64>) -> Option<Difference> {
    let before = data.get("evicted")?;
    let then = data.get("run_id").and_then(Value::as_str);
    let restarted = then.is_some() && run_id.is_some() && then != run_id;
    // Whatever was counted was counted by another process.
    if restarted { lost(Some(u64::MAX), Some(0)) } else { lost(before.as_u64(), now) }
}

/// Says what was evicted between two counts, if anything was or may have been.
pub(super) fn lost(before: Option<u64>, now: Option<u64>) -> Option<Difference> {
    let words = match (before, now) {
        (Some(before), Some(now)) if before == now => return None,
        (Some(before), Some(now)) if before < now => format!("keys evicted: {}; they do not return", now - before),
        (Some(_), Some(_)) => "not known: the server's count of evicted keys began anew".into(),
        (_, None) | (None, _) => "not known: this user may not ask how many keys were evicted (INFO)".into(),
    };
    Some(Difference {
        subject: "evicted keys".into(),
        before: "there".into(),
        ours: "the server evicts what its limit and policy say".into(),
        now: words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(used: u64, limit: u64, policy: &str) -> Memory {
        Memory { used, limit, policy: policy.into() }
    }

    #[test]
    fn what_is_over_a_limit_goes_only_if_the_policy_says_so() {
        let now = memory(100, 0, "noeviction");
        assert_eq!(now.with([("maxmemory", "40")]).over(), 0);
        assert_eq!(now.with([("maxmemory-policy", "allkeys-lru")]).over(), 0);
        let then = now.with([("maxmemory", "40"), ("maxmemory-policy", "allkeys-lru")]);
        assert_eq!(then.over(), 60);
        assert!(now.loss(&then).is_some() && then.loss(&now).is_none() && then.loss(&then).is_none());
    }

    #[test]
    fn a_lower_limit_and_an_evicting_policy_tighten() {
        assert!(tightens("maxmemory", "0", "5") && tightens("maxmemory", "6", "5"));
        assert!(!tightens("maxmemory", "5", "0") && !tightens("maxmemory", "5", "5"));
        assert!(tightens("maxmemory-policy", "noeviction", "allkeys-lru"));
        assert!(!tightens("maxmemory-policy", "allkeys-lru", "noeviction"));
    }

    #[test]
    fn a_count_that_fell_or_is_not_known_is_said() {
        assert_eq!(lost(Some(1), Some(1)), None);
        let now = |before, now| lost(before, now).expect("told").now;
        assert!(now(Some(1), Some(4)).starts_with("keys evicted: 3"));
        assert!(now(Some(4), Some(1)).starts_with("not known") && now(None, Some(1)).starts_with("not known"));
    }
}
