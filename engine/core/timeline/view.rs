//! A timeline short enough to read: what matters most stays, what is left out is counted.

use std::collections::BTreeMap;

use super::Timeline;
use super::entry::{Entry, Importance};
use super::header::Counts;

/// Rows of the default view.
pub const DEFAULT_ROWS: usize = 60;

/// One row of a view.
#[derive(Clone, Debug, PartialEq)]
pub enum Row<'t> {
    /// A line.
    Line(&'t Entry),
    /// Lines that were left out here because there were too many.
    Gap(Vec<&'t Entry>),
}

/// What is shown of a timeline. Every record is told by a row or counted as hidden.
#[derive(Clone, Debug, PartialEq)]
pub struct View<'t> {
    /// The rows.
    pub rows: Vec<Row<'t>>,
    hidden: Vec<&'t Entry>,
}

impl Timeline {
    /// At most `max` rows. Plumbing is never among them. When there are too many, the least
    /// important lines that stand next to each other become one row that counts them.
    pub fn view(&self, max: usize) -> View<'_> {
        let (lines, hidden): (Vec<&Entry>, Vec<&Entry>) =
            self.entries.iter().partition(|entry| entry.importance > Importance::Plumbing);
        let mut kept = vec![true; lines.len()];
        for weight in 1..=5 {
            thin(&lines, &mut kept, weight, max.max(1));
        }
        View { rows: rows(&lines, &kept), hidden }
    }

    /// Everything, plumbing included.
    pub fn full(&self) -> View<'_> {
        View { rows: self.entries.iter().map(Row::Line).collect(), hidden: Vec::new() }
    }
}

/// Leaves out lines up to a weight, from the middle of the longest stretches first, until there
/// are few enough rows. A gap takes a row itself, so a single line is never left out.
fn thin(lines: &[&Entry], kept: &mut [bool], weight: u8, max: usize) {
    let light = |at: usize, kept: &[bool]| !kept[at] || lines[at].weight() <= weight;
    let mut stretches: Vec<std::ops::Range<usize>> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let end = (at..lines.len()).find(|&next| !light(next, kept)).unwrap_or(lines.len());
        if end > at {
            stretches.push(at..end);
        }
        at = end.max(at + 1);
    }
    stretches.sort_by_key(|stretch| std::cmp::Reverse(stretch.len()));
    let mut total = count(kept);
    for stretch in stretches.into_iter().filter(|stretch| stretch.len() > 1) {
        if total <= max {
            return;
        }
        let here = &mut kept[stretch];
        let without = |size: usize| {
            let mut fewer = here.to_vec();
            let from = (fewer.len() - size) / 2;
            fewer[from..from + size].iter_mut().for_each(|kept| *kept = false);
            fewer
        };
        // Around a stretch everything is kept, so its rows can be counted by themselves. The more is
        // left out, the fewer there are.
        let others = total - count(here);
        let sizes: Vec<usize> = (2..=here.len()).collect();
        let enough = sizes.partition_point(|&size| others + count(&without(size)) > max);
        let fewer = without(sizes.get(enough).copied().unwrap_or(here.len()));
        total = others + count(&fewer);
        here.copy_from_slice(&fewer);
    }
}

/// Rows that would be shown: what is kept, and one for each stretch of what is not.
fn count(kept: &[bool]) -> usize {
    kept.chunk_by(|a, b| a == b).map(|same| if same[0] { same.len() } else { 1 }).sum()
}

fn rows<'t>(lines: &[&'t Entry], kept: &[bool]) -> Vec<Row<'t>> {
    let mut rows: Vec<Row<'t>> = Vec::new();
    for (entry, kept) in lines.iter().zip(kept) {
        match (kept, rows.last_mut()) {
            (true, _) => rows.push(Row::Line(entry)),
            (false, Some(Row::Gap(gap))) => gap.push(entry),
            (false, Some(Row::Line(_)) | None) => rows.push(Row::Gap(vec![entry])),
        }
    }
    rows
}

impl View<'_> {
    /// What this view shows and hides.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { rows: self.rows.len() as u64, ..Counts::default() };
        let mut hide = |entry: &Entry, hidden: &mut BTreeMap<String, u64>| {
            *hidden.entry(entry.r#type.clone()).or_default() += entry.covers.len() as u64;
            counts.records += entry.covers.len() as u64;
        };
        let mut hidden = BTreeMap::new();
        self.hidden.iter().for_each(|entry| hide(entry, &mut hidden));
        let mut told = 0;
        for row in &self.rows {
            match row {
                Row::Line(entry) => told += entry.covers.len() as u64,
                Row::Gap(entries) => entries.iter().for_each(|entry| hide(entry, &mut hidden)),
            }
        }
        counts.records += told;
        counts.told = told;
        counts.hidden = hidden;
        counts
    }
}
