//! A timeline as a postmortem in Markdown, to be pasted into GitHub, Confluence or a repository.
//!
//! What the record tells is filled in; what only people know is asked for with `TODO`, and never
//! made up.

use jiff::tz::TimeZone;
use playbook_core::timeline::phrase::number;
use playbook_core::timeline::{Timeline, View};

use super::markdown::cut;
use super::zoned::Clock;
use super::{timeline_sections as sections, timeline_tables as tables};

/// How a timeline is written.
#[derive(Clone, Debug)]
pub(crate) struct MarkdownOptions {
    /// The zone of all times. Default: UTC.
    pub zone: TimeZone,
    /// Characters at the most: excerpts go first, then minor rows. Default: no limit.
    pub max_chars: Option<usize>,
    /// Rows of the timeline at the most. Default: 60.
    pub rows: usize,
}

impl Default for MarkdownOptions {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, max_chars: None, rows: playbook_core::timeline::DEFAULT_ROWS }
    }
}

/// What a document holds. Less and less until it fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// Excerpts of what failed steps returned.
    pub(super) excerpts: bool,
    /// Rows of the timeline.
    pub(super) rows: usize,
    /// Assertions that held.
    pub(super) held: bool,
    /// Characters of a cell.
    pub(super) cell: usize,
    /// Rows of each other table.
    pub(super) table: usize,
}

/// Everything that the sections need.
pub(super) struct Page<'t> {
    pub(super) timeline: &'t Timeline,
    pub(super) view: View<'t>,
    pub(super) clock: Clock,
    pub(super) fit: Fit,
}

/// A postmortem of one run.
pub(crate) fn timeline_md(timeline: &Timeline, options: &MarkdownOptions) -> String {
    let all = Fit { excerpts: true, rows: options.rows, held: true, cell: 300, table: 500 };
    let Some(max) = options.max_chars else { return document(timeline, options, all, all, None) };
    let fits = |text: &String| text.chars().count() <= max;
    let bare = Fit { excerpts: false, ..all };
    let fewer = [
        all,
        bare,
        Fit { rows: all.rows.min(30), ..bare },
        Fit { rows: all.rows.min(12), ..bare },
        Fit { rows: all.rows.min(12), held: false, ..bare },
        Fit { rows: all.rows.min(12), held: false, cell: 80, table: 20, ..bare },
        Fit { rows: all.rows.min(5), held: false, cell: 40, table: 5, ..bare },
    ];
    let mut text = String::new();
    for fit in fewer {
        text = document(timeline, options, fit, all, Some(max));
        if fits(&text) {
            return text;
        }
    }
    cut(&text, max)
}

fn document(timeline: &Timeline, options: &MarkdownOptions, fit: Fit, all: Fit, max: Option<usize>) -> String {
    let page = Page { timeline, view: timeline.view(fit.rows), clock: Clock::new(options.zone.clone()), fit };
    let dropped = max.map(|max| notice(&page, all, max)).unwrap_or_default();
    let parts = [
        sections::title(&page),
        sections::drill(&page),
        sections::summary(&page),
        dropped,
        sections::prompts(&page),
        tables::timeline(&page),
        tables::approvals(&page),
        tables::changes(&page),
        tables::assertions(&page),
        tables::failures(&page),
        tables::rollback(&page),
        sections::lessons(),
        sections::followups(&page),
        sections::integrity(&page),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|part| !part.is_empty()).map(|part| part.trim_end().to_owned()).collect();
    parts.join("\n\n") + "\n"
}

/// What was left out to stay under the limit.
fn notice(page: &Page<'_>, all: Fit, max: usize) -> String {
    let mut dropped = Vec::new();
    let excerpts = page.timeline.failures.iter().filter(|failure| failure.excerpt.is_some()).count();
    if !page.fit.excerpts && excerpts > 0 {
        dropped.push(format!("the {} of what failed steps returned", super::things(excerpts as u64, "excerpts")));
    }
    let lines = |view: &View<'_>| view.counts().told;
    let fewer = lines(&page.timeline.view(all.rows)).saturating_sub(lines(&page.view));
    if fewer > 0 {
        dropped.push(format!("minor rows of the timeline ({})", super::things(fewer, "records")));
    }
    let held = page.timeline.assertions.iter().filter(|row| row.pass).count();
    if !page.fit.held && held > 0 {
        dropped.push(super::things(held as u64, "assertions that held"));
    }
    if page.fit.table < all.table {
        dropped.push(format!("the ends of long cells, and rows of other tables after the first {}", page.fit.table));
    }
    if dropped.is_empty() {
        return String::new();
    }
    format!("> Left out to stay under {} characters: {}.", number(max as u64), dropped.join("; "))
}
