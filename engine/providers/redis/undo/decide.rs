//! Whether a key may be put back, from what was captured and what is there now. No I/O.
//!
//! Invariant: a key is put back only if what is there now is proven to be the work of the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use playbook_core::action::{Difference, Fault, UndoPart};

use playbook_core::secret::Secrets;

use crate::redis::expected::{Expected, expected};
use crate::redis::image::{Image, Left, Moment, key_name};
use crate::redis::record::{KeysRecord, lefts};

/// One change of one key.
#[derive(Clone, Debug)]
pub(in crate::redis) struct Stage {
    before: Image,
    ours: Ours,
    /// Was its result never recorded, so that it may not have happened?
    doubt: bool,
    /// When it was captured.
    since: i64,
    salt: Arc<str>,
}

/// What a change left of a key.
#[derive(Clone, Debug)]
enum Ours {
    /// As it was recorded, after the change or, for what cannot come out otherwise, before it.
    Recorded(Left),
    /// As the command and what was there before tell.
    Worked(Expected),
    /// Nobody knows.
    Unknown,
}

/// All changes of one key, earliest first.
pub(in crate::redis) type Stages = Vec<Stage>;

/// What to do about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::redis) enum Decision {
    /// It is as it was before all changes.
    Already,
    /// Put this back. The difference tells what someone else did between the run's own changes.
    Restore(Image, Option<Difference>),
    /// Someone else changed it.
    Conflict(Difference),
}

/// The changes of each key. `parts` come latest first.
pub(in crate::redis) fn histories(parts: &[UndoPart]) -> Result<BTreeMap<Vec<u8>, Stages>, Fault> {
    let mut all: BTreeMap<Vec<u8>, Stages> = BTreeMap::new();
    for part in parts.iter().rev() {
        let record = KeysRecord::read(&part.record)?;
        let salt: Arc<str> = record.facts.salt.as_str().into();
        let doubt = part.after.is_none();
        let ours = ours(part, &record);
        let since = record.facts.at;
        for ((key, before), ours) in record.keys.into_iter().zip(ours) {
            let stage = Stage { before, ours, doubt, since, salt: Arc::clone(&salt) };
            all.entry(key).or_default().push(stage);
        }
    }
    Ok(all)
}

fn ours(part: &UndoPart, record: &KeysRecord) -> Vec<Ours> {
    if let Some(lefts) = lefts(part, record.keys.len()) {
        return lefts.into_iter().map(Ours::Recorded).collect();
    }
    if let Some(sweep) = record.facts.sweep {
        // What a sweep leaves is recorded before it begins.
        return record.keys.iter().map(|_| Ours::Recorded(sweep.left())).collect();
    }
    match expected(&part.words, &record.keys) {
        Some(all) => all.into_iter().map(Ours::Worked).collect(),
        None => record.keys.iter().map(|_| Ours::Unknown).collect(),
    }
}

impl Stage {
    /// Is this what the change left?
    fn made(&self, now: &Image, at: Moment) -> bool {
        match &self.ours {
            Ours::Recorded(left) => left.is(now, &self.before, &self.salt, at),
            Ours::Worked(expected) => expected.fits(now, &self.before, self.since, at),
            Ours::Unknown => false,
        }
    }

    /// May it be that this change never happened?
    fn may_be_undone(&self, now: &Image, at: Moment) -> bool {
        self.doubt && now.same(&self.before, at)
    }

    /// How many bytes come back with it.
    pub(in crate::redis) fn bytes(&self) -> usize {
        self.before.dump.as_ref().map_or(0, Vec::len)
    }

    /// As it was before.
    pub(in crate::redis) fn before(&self) -> &Image {
        &self.before
    }

    fn describe(&self, now: i64, secrets: &Secrets) -> String {
        match &self.ours {
            Ours::Recorded(left) => left.describe(&self.before, now, secrets),
            Ours::Worked(expected) => format!("{} (not certain)", expected.describe(&self.before, now, secrets)),
            Ours::Unknown => "(not certain)".into(),
        }
    }

    fn difference(&self, key: &[u8], now: &Image, at: Moment, secrets: &Secrets) -> Difference {
        Difference {
            subject: format!("key {}", key_name(key, secrets)),
            before: self.before.describe(at.now, secrets),
            ours: self.describe(at.now, secrets),
            now: now.describe(at.now, secrets),
        }
    }
}

/// Decides about one key.
pub(in crate::redis) fn decide(key: &[u8], stages: &[Stage], now: &Image, at: Moment, secrets: &Secrets) -> Decision {
    let (Some(first), Some(last)) = (stages.first(), stages.last()) else { return Decision::Already };
    if now.same(&first.before, at) {
        return Decision::Already;
    }
    // The latest change that happened made what is there now.
    let mut ix = stages.len() - 1;
    while !stages[ix].made(now, at) {
        if ix == 0 || !stages[ix].may_be_undone(now, at) {
            return Decision::Conflict(last.difference(key, now, at, secrets));
        }
        ix -= 1;
    }
    // From there back to the earliest, as long as each found what the one before it left.
    let mut goal = &stages[ix].before;
    while ix > 0 {
        let earlier = &stages[ix - 1];
        if earlier.made(goal, at) {
            goal = &earlier.before;
        } else if !earlier.may_be_undone(goal, at) {
            let difference = earlier.difference(key, goal, at, secrets);
            return Decision::Restore(goal.clone(), Some(difference));
        }
        ix -= 1;
    }
    Decision::Restore(goal.clone(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Moment = Moment { now: 1000, slack: 0 };

    fn text(value: &str) -> Image {
        let mut dump = vec![0, u8::try_from(value.len()).expect("short")];
        dump.extend_from_slice(value.as_bytes());
        dump.extend_from_slice(&[10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Image { dump: Some(dump), expiry: -1 }
    }

    fn done(before: &str, after: &str) -> Stage {
        let ours = Ours::Recorded(text(after).left("s"));
        Stage { before: text(before), ours, doubt: false, since: 0, salt: "s".into() }
    }

    fn doubtful(before: &str) -> Stage {
        Stage { before: text(before), ours: Ours::Unknown, doubt: true, since: 0, salt: "s".into() }
    }

    fn of(stages: &[Stage], now: &str) -> Decision {
        decide(b"k", stages, &text(now), AT, &Secrets::new())
    }

    #[test]
    fn a_chain_of_own_changes_goes_back_to_its_beginning() {
        let chain = [done("a", "b"), done("b", "c")];
        assert_eq!(of(&chain, "c"), Decision::Restore(text("a"), None));
        assert_eq!(of(&chain, "a"), Decision::Already);
    }

    #[test]
    fn what_someone_else_wrote_is_never_overwritten() {
        assert!(matches!(of(&[done("a", "b")], "x"), Decision::Conflict(d) if d.now == "\"x\"" && d.before == "\"a\""));
        // Someone wrote `x` between the two changes of the run.
        let broken = [done("a", "b"), done("x", "c")];
        assert!(matches!(of(&broken, "c"), Decision::Restore(goal, Some(d)) if goal == text("x") && d.now == "\"x\""));
    }

    #[test]
    fn a_change_in_doubt_is_undone_only_if_it_never_happened() {
        assert_eq!(of(&[doubtful("a")], "a"), Decision::Already);
        assert!(matches!(of(&[doubtful("a")], "b"), Decision::Conflict(_)));
        assert_eq!(of(&[done("a", "b"), doubtful("b")], "b"), Decision::Restore(text("a"), None));
        assert!(matches!(of(&[done("a", "b"), doubtful("b")], "c"), Decision::Conflict(_)));
    }
}
