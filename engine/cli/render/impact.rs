//! What a step hits and changes, as plain lines.

use playbook_core::plan::{Change, Image, Impact};

use super::{bytes, things};

/// One line of a tree of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChangeLine {
    /// How deep it stands.
    pub(super) depth: usize,
    /// What.
    pub(super) subject: String,
    /// As it is and as it would be; nothing if only its parts change.
    pub(super) values: Option<(String, String)>,
}

/// The tree, without what stays as it is.
pub(super) fn change_lines(changes: &[Change]) -> Vec<ChangeLine> {
    let mut lines = Vec::new();
    add(changes, 0, &mut lines);
    lines
}

fn add(changes: &[Change], depth: usize, lines: &mut Vec<ChangeLine>) {
    for change in changes.iter().filter(|change| !change.is_noop()) {
        let changes_itself =
            change.before != change.after || (change.before == Image::Unknown && change.parts.is_empty());
        let values = changes_itself.then(|| change.shown());
        lines.push(ChangeLine { depth, subject: change.subject.clone(), values });
        add(&change.parts, depth + 1, lines);
    }
}

/// `hits 41,208 keys, 1.2 GiB`.
pub(super) fn hits(impact: &Impact) -> String {
    if impact.count == 0 {
        return format!("hits no {} that exist{}", impact.what, if impact.exact { "" } else { " (from a sample)" });
    }
    let size = impact.bytes.map(|size| format!(", {}", bytes(size))).unwrap_or_default();
    let about = if impact.exact { "" } else { "about " };
    let estimated = if impact.exact { "" } else { " (estimated from a sample)" };
    format!("hits {about}{}{size}{estimated}", things(impact.count, &impact.what))
}

/// How many are not among the samples shown.
pub(super) fn unshown(impact: &Impact, shown: usize) -> Option<u64> {
    let more = impact.count.saturating_sub(shown as u64);
    (more > 0).then_some(more)
}
