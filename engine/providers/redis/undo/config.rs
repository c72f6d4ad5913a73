//! Puts settings back, part by part, latest first.

use playbook_core::action::{Difference, Fault, Restore, UndoPart};
use serde_json::Value;

use super::keys::Insisting;
use crate::redis::ask::told;
use crate::redis::client::{Lines, WriteConn};
use crate::redis::eviction::{Memory, decides, evicted, lost, lost_since, tightens};
use crate::redis::faults;
use crate::redis::secret_words::is_secret_setting;
use crate::redis::settings::{Kept, get_lines, got, read_kept};
use crate::redis::target::RedisTarget;
use crate::redis::txn::{Outcome, transact_or_not};
use crate::redis::value::Reply;

/// What a part says of one setting.
pub(in crate::redis) struct Setting {
    pub(in crate::redis) name: String,
    before: Kept,
    /// What the run left, or was about to set.
    ours: Option<Kept>,
    /// Is it certain that the run left it?
    doubt: bool,
}

/// What to do about a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::redis) enum Turn {
    /// It is as it was.
    Already,
    /// Set it to this.
    Back(String),
    /// Its old value is secret and was not kept.
    Lost(Difference),
    /// Someone else changed it.
    Conflict(Difference),
}

/// Settings of a part.
pub(in crate::redis) fn settings(part: &UndoPart) -> Result<Vec<Setting>, Fault> {
    let read = |value: Option<&Value>| value.and_then(read_kept);
    let before = read(part.record.data.get("before"))
        .ok_or_else(|| faults::internal("a record of settings that cannot be read"))?;
    let after = read(part.after.as_ref().and_then(|after| after.get("after")));
    let doubt = after.is_none();
    let ours = after.or_else(|| read(part.record.data.get("wanted"))).unwrap_or_default();
    let find = |name: &str| ours.iter().find(|(other, _)| other == name).map(|(_, kept)| kept.clone());
    Ok(before.into_iter().map(|(name, before)| Setting { ours: find(&name), name, before, doubt }).collect())
}

/// A password that the run set: the target may have to be entered with it.
pub(super) fn new_password(parts: &[UndoPart], target: &RedisTarget) -> Option<String> {
    let all = parts.iter().filter_map(|part| settings(part).ok()).flatten();
    let mut ours = all.filter(|setting| setting.name == "requirepass").filter_map(|setting| setting.ours);
    ours.find_map(|kept| kept.value(target.secrets())).filter(|password| !password.is_empty())
}

impl Setting {
    /// Decides, from what it is now.
    pub(in crate::redis) fn decide(&self, now: &str, target: &RedisTarget) -> Turn {
        let secrets = target.secrets();
        let before = self.before.value(secrets);
        if before.as_deref() == Some(now) {
            return Turn::Already;
        }
        let ours = self.ours.as_ref().and_then(|kept| kept.value(secrets));
        if ours.as_deref() != Some(now) {
            return Turn::Conflict(self.difference(now, target));
        }
        match before {
            Some(before) => Turn::Back(before),
            None => Turn::Lost(self.difference(now, target)),
        }
    }

    /// Is it as it was before, or as the run was about to set it?
    pub(in crate::redis) fn probe(&self, now: &str, target: &RedisTarget) -> (bool, bool) {
        let is = |kept: Option<&Kept>| kept.and_then(|kept| kept.value(target.secrets())).as_deref() == Some(now);
        (is(Some(&self.before)), is(self.ours.as_ref()))
    }

    fn difference(&self, now: &str, target: &RedisTarget) -> Difference {
        let secrets = target.secrets();
        let show = |kept: &Kept| secrets.text(&kept.show()).into_owned();
        let hidden = is_secret_setting(&self.name) && !now.is_empty();
        let ours = self.ours.as_ref().map_or_else(|| "unknown".to_owned(), show);
        Difference {
            subject: format!("config {}", self.name),
            before: match &self.before {
                Kept::Hidden => "[secret] (it was not kept, so it is not put back)".into(),
                kept => show(kept),
            },
            ours: if self.doubt { format!("{ours} (not certain)") } else { ours },
            now: if hidden { "[secret]".into() } else { show(&Kept::Plain(now.to_owned())) },
        }
    }
}

/// Puts the settings of all parts back. `parts` come latest first.
pub(super) async fn restore(conn: &mut WriteConn<'_>, parts: &[UndoPart], whole: &mut Restore) -> Result<(), Fault> {
    for part in parts {
        one(conn, &settings(part)?, whole).await?;
        // After the limit is back: until then the server went on.
        if part.record.data.get("evicted").is_some() {
            let now = evicted(&mut Insisting(conn)).await?;
            whole.differs.extend(lost_since(&part.record.data, conn.server().run_id.as_deref(), now));
        }
    }
    Ok(())
}

/// Leaves out what would make the server evict keys: those would be gone for good.
async fn keep_keys<'s>(
    conn: &mut WriteConn<'_>,
    back: Vec<(&'s Setting, String, String)>,
    whole: &mut Restore,
) -> Result<Vec<(&'s Setting, String, String)>, Fault> {
    if !back.iter().any(|(setting, value, now)| tightens(&setting.name, now, value)) {
        return Ok(back);
    }
    let why = why_not(Memory::ask(&mut Insisting(conn)).await?, &back);
    let Some(why) = why else { return Ok(back) };
    let (left, back): (Vec<_>, Vec<_>) = back.into_iter().partition(|(setting, ..)| decides(&setting.name));
    for (setting, _, now) in left {
        let mut difference = setting.difference(&now, conn.target());
        difference.now = format!("{} (left as it is: {why})", difference.now);
        whole.differs.push(difference);
    }
    Ok(back)
}

/// Why a limit or a policy cannot be put back without losing keys.
fn why_not(memory: Option<Memory>, back: &[(&Setting, String, String)]) -> Option<String> {
    match memory {
        Some(now) => {
            now.loss(&now.with(back.iter().map(|(setting, value, _)| (setting.name.as_str(), value.as_str()))))
        }
        None => Some("this user may not run INFO, so nobody can tell whether keys would be evicted".into()),
    }
}

/// As [`keep_keys`], for a plan: why these settings, from what they are now, are left.
pub(super) fn left(memory: Option<Memory>, part: &[Setting], now: &[String], target: &RedisTarget) -> Option<String> {
    let mut back = Vec::new();
    for (setting, now) in part.iter().zip(now) {
        if let Turn::Back(value) = setting.decide(now, target) {
            back.push((setting, value, now.clone()));
        }
    }
    let tighter = back.iter().any(|(setting, value, now)| tightens(&setting.name, now, value));
    if tighter { why_not(memory, &back) } else { None }
}

async fn read(conn: &mut WriteConn<'_>, all: &[&Setting]) -> Result<Vec<String>, Fault> {
    let replies = conn.insist(&get_lines(all.iter().map(|one| one.name.as_str()))).await?;
    all.iter().zip(replies).map(|(one, reply)| got(reply, &one.name, conn.target())).collect()
}

async fn one(conn: &mut WriteConn<'_>, all: &[Setting], whole: &mut Restore) -> Result<(), Fault> {
    let target = conn.target();
    let all: Vec<&Setting> = all.iter().collect();
    let now = read(conn, &all).await?;
    let mut back: Vec<(&Setting, String, String)> = Vec::new();
    for (setting, now) in all.iter().zip(now) {
        match setting.decide(&now, target) {
            Turn::Already => whole.restored += 1,
            Turn::Back(value) => back.push((setting, value, now)),
            Turn::Lost(difference) => whole.differs.push(difference),
            Turn::Conflict(difference) => whole.conflicts.push(difference),
        }
    }
    let back = keep_keys(conn, back, whole).await?;
    if back.is_empty() {
        return Ok(());
    }
    let tightened = back.iter().any(|(setting, value, now)| tightens(&setting.name, now, value));
    let evicted_before = if tightened { evicted(&mut Insisting(conn)).await? } else { None };
    let mut set = vec!["CONFIG", "SET"];
    set.extend(back.iter().flat_map(|(setting, value, _)| [setting.name.as_str(), value.as_str()]));
    let names = || back.iter().map(|(setting, ..)| setting.name.as_str());
    let mut body = get_lines(names());
    body.add(set).extend(&get_lines(names()));
    let mut replies = match transact_or_not(conn, &body, true).await? {
        Outcome::Ran(replies) => replies,
        Outcome::Moved => return Err(faults::moved("a setting")),
        Outcome::Refused(error) => return Err(faults::server(&error, &target.address_text(), target.secrets())),
    };
    let after = replies.split_off(back.len() + 1);
    let refusal = replies.pop().and_then(|reply| reply.error().cloned());
    for (((setting, value, seen), found), after) in back.iter().zip(replies).zip(after) {
        let found = got(found, &setting.name, target)?;
        let now = got(after, &setting.name, target)?;
        if now == *value && found == *seen {
            whole.restored += 1;
        } else if found != *seen {
            // Someone set it between two replies: what they set goes back.
            give_back(conn, &setting.name, &found).await?;
            whole.conflicts.push(setting.difference(&found, target));
        } else {
            let mut difference = setting.difference(&now, target);
            if let Some(error) = refusal.as_ref().filter(|_| !is_secret_setting(&setting.name)) {
                let text = format!("{} ({} {})", difference.now, error.code, error.text);
                difference.now = target.secrets().text(&text).into_owned();
            }
            whole.differs.push(difference);
        }
    }
    if tightened {
        // It fitted; others may have written since.
        whole.differs.extend(lost(evicted_before, evicted(&mut Insisting(conn)).await?));
    }
    Ok(())
}

async fn give_back(conn: &mut WriteConn<'_>, name: &str, value: &str) -> Result<(), Fault> {
    let target = conn.target();
    let reply = conn.insist(&Lines::of(["CONFIG", "SET", name, value])).await?.into_iter().next();
    told(reply.unwrap_or(Reply::Nil), target).map(drop)
}
