//! The tables of a postmortem.

use std::fmt::Write as _;

use playbook_core::timeline::{
    ApprovalRow, ApprovalState, ChangeRow, ChangeState, Entry, EntryKind, FailureRow, RollbackRow, Row, Tone, phrase,
};

use super::markdown::{Table, block, clip, code, details, text};
use super::timeline_md::Page;
use super::{bytes, duration, things};

/// Before-and-after lines of one change.
const MAX_DIFF: usize = 8;

/// A word, bold if it is not good.
fn word((word, tone): (&str, Tone)) -> String {
    match tone {
        Tone::Plain | Tone::Good => text(word),
        Tone::Doubt | Tone::Bad => format!("**{}**", text(word)),
    }
}

pub(super) fn timeline(page: &Page<'_>) -> String {
    let mut out = "## Timeline\n".to_owned();
    let mut day = String::new();
    let mut table = Table::new(&["Time", "Elapsed", "Who", "What", "Result"]);
    for row in &page.view.rows {
        match row {
            Row::Line(entry) => {
                let here = page.clock.day(entry.at());
                if here != day {
                    flush(&mut out, &day, &mut table);
                    day = here;
                }
                table.row(line(page, entry));
            }
            Row::Gap(entries) => table.row([String::new(), String::new(), String::new(), gap(entries), String::new()]),
        }
    }
    flush(&mut out, &day, &mut table);
    out.push_str(&counts(page));
    out
}

fn flush(out: &mut String, day: &str, table: &mut Table) {
    if !table.is_empty() {
        let _ = write!(out, "\n### {day}\n\n{table}");
        *table = Table::new(&["Time", "Elapsed", "Who", "What", "Result"]);
    }
}

fn line(page: &Page<'_>, entry: &Entry) -> [String; 5] {
    let elapsed =
        entry.elapsed_us.map(|elapsed| if elapsed == 0 { "0s".to_owned() } else { format!("+{}", duration(elapsed)) });
    [
        page.clock.time(entry.at()),
        elapsed.unwrap_or_default(),
        text(entry.actor.name()),
        what(page, entry),
        result(page, entry),
    ]
}

fn what(page: &Page<'_>, entry: &Entry) -> String {
    let short = |text: &str| clip(text, page.fit.cell);
    let late = entry.late_us.map(|late| format!(" (added {} later)", duration(late))).unwrap_or_default();
    let step =
        entry.step.as_ref().filter(|_| matches!(entry.kind, EntryKind::Step | EntryKind::Approval | EntryKind::Note));
    let step = step.map(|step| format!("{}: ", code(step.as_str()))).unwrap_or_default();
    let command = |command: &str| match &entry.action {
        Some(action) => code(&short(&format!("{action}: {command}"))),
        None => code(&short(command)),
    };
    let words = match (&entry.command, entry.kind, &entry.action) {
        (Some(sent), _, _) => format!("{}: {}", text(&short(&entry.summary)), command(sent)),
        // A step without a title of its own is called by its command.
        (None, EntryKind::Step, Some(_)) => command(&entry.summary),
        (None, _, _) => text(&short(&entry.summary)),
    };
    format!("{step}{words}{late}")
}

fn result(page: &Page<'_>, entry: &Entry) -> String {
    let outcome = entry.outcome.as_deref().map(|outcome| word((outcome, entry.tone))).unwrap_or_default();
    let took = entry.duration_us.filter(|micros| *micros >= 1000).map(duration);
    let took = match (entry.kind, took) {
        (_, None) => String::new(),
        (EntryKind::Approval | EntryKind::Decision, Some(took)) => format!(" after {took}"),
        (_, Some(took)) if outcome.is_empty() => took,
        (_, Some(took)) => format!(", {took}"),
    };
    let detail = entry.detail.as_deref().map(|detail| text(&clip(detail, page.fit.cell)));
    match (outcome.is_empty() && took.is_empty(), detail) {
        (_, None) => format!("{outcome}{took}"),
        (true, Some(detail)) => detail,
        (false, Some(detail)) => format!("{outcome}{took}: {detail}"),
    }
}

/// What was left out between two rows.
fn gap(entries: &[&Entry]) -> String {
    let mut words: Vec<(&str, u64)> = Vec::new();
    for entry in entries {
        let word = entry.outcome.as_deref().unwrap_or("other");
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => words.push((word, 1)),
        }
    }
    let list: Vec<String> =
        words.into_iter().map(|(word, count)| format!("{} {}", phrase::number(count), text(word))).collect();
    format!("… {} left out: {}", things(entries.len() as u64, "lines"), list.join(", "))
}

fn counts(page: &Page<'_>) -> String {
    let counts = page.view.counts();
    let rows = things(counts.rows, "rows");
    let mut out = format!("\n{rows} tell {} of {}.", phrase::number(counts.told), things(counts.records, "records"));
    if !counts.hidden.is_empty() {
        let hidden: Vec<String> =
            counts.hidden.iter().map(|(kind, count)| format!("{} {}", phrase::number(*count), code(kind))).collect();
        let _ = write!(out, " Not shown: {}.", hidden.join(", "));
    }
    out
}

/// A heading, a table of at most as many rows as fit, and how many there are besides.
fn section(page: &Page<'_>, heading: &str, header: &[&'static str], rows: Vec<[String; 7]>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new(header);
    let more = rows.len().saturating_sub(page.fit.table);
    let width = header.len();
    for row in rows.into_iter().take(page.fit.table) {
        table.cells(row.into_iter().take(width));
    }
    let more = if more > 0 { format!("\nand {}.", things(more as u64, "more rows")) } else { String::new() };
    format!("## {heading}\n\n{table}{more}")
}

pub(super) fn approvals(page: &Page<'_>) -> String {
    let header = ["Asked", "Question", "Answer", "Who", "Waited", "Comment", "Digest shown"];
    let rows = page.timeline.approvals.iter().flat_map(|row| approval(page, row)).collect();
    section(page, "Approvals", &header, rows)
}

fn approval(page: &Page<'_>, row: &ApprovalRow) -> Vec<[String; 7]> {
    let step = row.step.as_ref().map(|step| format!("{}: ", code(step.as_str()))).unwrap_or_default();
    let ask = format!("{step}{}", text(&clip(&row.ask, page.fit.cell)));
    let asked = page.clock.full(&row.asked_at);
    let waited = row.waited_us.map_or_else(|| "not recorded".to_owned(), duration);
    let mut rows: Vec<[String; 7]> = Vec::new();
    for (at, answer) in row.answers.iter().enumerate() {
        let last = at + 1 == row.answers.len();
        let digest = answer.digest.unwrap_or(row.digest);
        rows.push([
            asked.clone(),
            ask.clone(),
            text(&answer.answer),
            text(answer.actor.name()),
            if last { waited.clone() } else { String::new() },
            answer.comment.as_deref().map(|comment| text(&clip(comment, page.fit.cell))).unwrap_or_default(),
            code(&digest.short()),
        ]);
    }
    // What the answers alone do not say.
    let state = word(phrase::approval(row.state));
    match (row.state, rows.last_mut()) {
        (ApprovalState::Lapsed, Some(last)) => {
            let why =
                row.lapsed.as_deref().map(|why| format!(": {}", text(&clip(why, page.fit.cell)))).unwrap_or_default();
            last[2] = format!("{}, then {state}{why}", last[2]);
        }
        (ApprovalState::Waiting | ApprovalState::Unanswered | ApprovalState::AskedAgain, _) | (_, None) => {
            let many = if row.quorum > 1 { format!("{} must say yes", row.quorum) } else { String::new() };
            rows.push([asked, ask, state, String::new(), String::new(), many, code(&row.digest.short())]);
        }
        (_, Some(_)) => {}
    }
    rows
}

pub(super) fn changes(page: &Page<'_>) -> String {
    let header = ["Step", "Target", "What", "Before", "After", "Rolled back?"];
    let rows = page.timeline.changes.iter().flat_map(|row| change(page, row)).collect();
    section(page, "Changes made", &header, rows)
}

fn change(page: &Page<'_>, row: &ChangeRow) -> Vec<[String; 7]> {
    let value = |text: &str| code(&clip(text, page.fit.cell));
    let step = code(row.step.as_str());
    let target = row.target.as_deref().map(code).unwrap_or_default();
    let rolled_back = row.rolled_back.map_or_else(|| "no".to_owned(), |end| word(phrase::rollback(end)));
    let mut rows: Vec<[String; 7]> = Vec::new();
    if row.diff.is_empty() || row.state != ChangeState::Applied {
        let captured = match (&row.subject, row.captured_bytes) {
            (Some(subject), 0) => text(subject),
            (Some(subject), size) if row.parts > 1 => format!("{} and more, {} captured", text(subject), bytes(size)),
            (Some(subject), size) => format!("{}, {} captured", text(subject), bytes(size)),
            (None, _) => String::new(),
        };
        let parts =
            if row.parts > 1 { format!(" in {} parts", phrase::number(row.parts.into())) } else { String::new() };
        let touched = match row.state {
            ChangeState::Applied => format!(": {} touched{parts}", phrase::number(row.count)),
            ChangeState::NotApplied | ChangeState::Unknown => String::new(),
        };
        let after = format!("{}{touched}", word(phrase::change(row.state)));
        rows.push([
            step.clone(),
            target.clone(),
            value(&row.command),
            captured,
            after,
            rolled_back.clone(),
            String::new(),
        ]);
    }
    for line in row.diff.iter().take(MAX_DIFF) {
        rows.push([
            step.clone(),
            target.clone(),
            value(&line.subject),
            value(&line.before),
            value(&line.after),
            rolled_back.clone(),
            String::new(),
        ]);
    }
    // A change of many things names only some of them.
    let shown = row.diff.len().min(MAX_DIFF) as u64;
    let more = (row.diff.len() as u64).max(row.count) - shown;
    if more > 0 && shown > 0 {
        rows.push([
            step,
            target,
            format!("and {} more", phrase::number(more)),
            String::new(),
            String::new(),
            rolled_back,
            String::new(),
        ]);
    }
    rows
}

pub(super) fn assertions(page: &Page<'_>) -> String {
    let header = ["Step", "Expression", "Read", "Held?", "Looks"];
    let rows = page.timeline.assertions.iter().filter(|row| page.fit.held || !row.pass);
    let rows = rows.map(|row| {
        let read: Vec<String> = row.operands.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let held = if row.pass { "yes".to_owned() } else { word(("no", Tone::Bad)) };
        let message = row
            .message
            .as_deref()
            .filter(|_| !row.pass)
            .map(|message| format!(": {}", text(&clip(message, page.fit.cell))));
        let step = row.step.as_ref().map(|step| code(step.as_str())).unwrap_or_default();
        let read = if read.is_empty() { String::new() } else { code(&clip(&read.join(", "), page.fit.cell)) };
        let held = format!("{held}{}", message.unwrap_or_default());
        [
            step,
            code(&clip(&row.expression, page.fit.cell)),
            read,
            held,
            row.samples.to_string(),
            String::new(),
            String::new(),
        ]
    });
    section(page, "Assertions", &header, rows.collect())
}

pub(super) fn failures(page: &Page<'_>) -> String {
    if page.timeline.failures.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = page.timeline.failures.iter().take(page.fit.table).map(|row| failure(page, row)).collect();
    let more = page.timeline.failures.len() - shown.len();
    let more = if more > 0 { format!("\n\nand {}.", things(more as u64, "more failures")) } else { String::new() };
    format!("## Failures\n\n{}{more}", shown.join("\n\n"))
}

fn failure(page: &Page<'_>, row: &FailureRow) -> String {
    let step = row.step.as_ref().map_or_else(|| "the run".to_owned(), |step| code(step.as_str()));
    let short = |words: &str| text(&clip(words, page.fit.cell));
    let what =
        row.fault.as_ref().map(|fault| format!(": {} ({})", short(&fault.message), fault.code)).unwrap_or_default();
    let mut out = format!(
        "**{step} {}**{what}\n\n- {}, {}",
        text(&row.outcome),
        page.clock.full(&row.at),
        code(&clip(&row.title, page.fit.cell))
    );
    if let Some(help) = row.fault.as_ref().map(|fault| fault.help.as_str()).filter(|help| !help.is_empty()) {
        let _ = write!(out, "\n- help: {}", short(help));
    }
    if let Some((choice, actor)) = &row.handled {
        let _ = write!(out, "\n- decided: {}, by {}", phrase::choice(*choice), text(actor.name()));
    }
    if let Some(digest) = row.result_blob {
        let _ = write!(out, "\n- all of what it returned: {}", code(&digest.to_string()));
    }
    if let Some(excerpt) = row.excerpt.as_ref().filter(|_| page.fit.excerpts) {
        let _ = write!(out, "\n\n{}", details("What it returned", &block(excerpt, "text")).trim_end());
    }
    out
}

pub(super) fn rollback(page: &Page<'_>) -> String {
    let parts: Vec<String> = page.timeline.rollbacks.iter().map(|row| one_rollback(page, row)).collect();
    if parts.is_empty() { String::new() } else { format!("## Rollback\n\n{}", parts.join("\n\n")) }
}

fn one_rollback(page: &Page<'_>, row: &RollbackRow) -> String {
    let complete = match row.complete {
        Some(true) => "everything was restored, and that was verified",
        Some(false) => "**not everything was restored**",
        None => "**it did not come to its end**",
    };
    let mut order = Table::new(&["Order", "Step", "Outcome", "As before", "Took", "Why"]);
    let mut ways = Table::new(&["Step", "What", "Before the run", "As the run left it", "Found", "Then"]);
    for (at, step) in row.steps.iter().enumerate().take(page.fit.table) {
        let outcome = match (step.outcome, step.begun) {
            (Some(end), _) => word(phrase::rollback(end)),
            (None, true) => word((phrase::UNKNOWN, Tone::Doubt)),
            (None, false) => word(("not begun", Tone::Bad)),
        };
        let fault = step.fault.as_ref().map(|fault| format!("{} ({})", fault.message, fault.code));
        let why: Vec<String> = [fault, step.why.clone()].into_iter().flatten().collect();
        order.row([
            (at + 1).to_string(),
            code(step.step.as_str()),
            outcome,
            step.outcome.map(|_| phrase::number(step.restored)).unwrap_or_default(),
            step.duration_us.map(duration).unwrap_or_default(),
            text(&clip(&why.join("; "), page.fit.cell)),
        ]);
        let conflicts = step.conflicts.iter().map(|difference| (difference, "left as found: someone else changed it"));
        let differs = step.differs.iter().map(|difference| (difference, "could not be put back"));
        for (difference, then) in conflicts.chain(differs).take(page.fit.table) {
            let value = |text: &str| code(&clip(text, page.fit.cell));
            ways.row([
                code(step.step.as_str()),
                value(&difference.subject),
                value(&difference.before),
                value(&difference.ours),
                value(&difference.now),
                then.to_owned(),
            ]);
        }
    }
    let mut out = format!(
        "{}, because: {}; {complete}.\n\n{order}",
        page.clock.full(&row.at),
        text(&clip(&row.cause, page.fit.cell))
    );
    if !ways.is_empty() {
        let _ = write!(out, "\n{ways}");
    }
    out
}
