//! The order of lines, over one run or several.
//!
//! The key is (occurred or recorded, recorded, run, seq): when it happened as far as anyone said,
//! then when it was recorded, then the run's id, then the number in its journal. Wall clocks of
//! different hosts are compared as they are; nothing better is known of them.

use jiff::Timestamp;

use super::Timeline;
use super::entry::Entry;
use crate::model::RunId;

/// What lines are sorted by. A time that cannot be read comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey {
    /// When it happened.
    pub at: Option<Timestamp>,
    /// When it was recorded.
    pub recorded: Option<Timestamp>,
    /// Which run.
    pub run: RunId,
    /// Its number there.
    pub seq: u64,
}

impl SortKey {
    /// Of one line of a run.
    pub fn of(run: &RunId, entry: &Entry) -> Self {
        Self { at: instant(entry.at()), recorded: instant(&entry.time), run: run.clone(), seq: entry.seq }
    }
}

pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

pub(super) fn sorted(run: &RunId, mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_cached_key(|entry| SortKey::of(run, entry));
    entries
}

/// The lines of several runs in one order.
pub fn merged<'t>(timelines: impl IntoIterator<Item = &'t Timeline>) -> Vec<(&'t RunId, &'t Entry)> {
    let mut all: Vec<(&RunId, &Entry)> =
        timelines.into_iter().flat_map(|one| one.entries.iter().map(|entry| (&one.header.run, entry))).collect();
    all.sort_by_cached_key(|(run, entry)| SortKey::of(run, entry));
    all
}
