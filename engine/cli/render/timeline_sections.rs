//! The parts of a postmortem that stand around its tables.

use std::fmt::Write as _;

use playbook_core::event::Actor;
use playbook_core::timeline::phrase::number;
use playbook_core::timeline::{ChangeState, Header, Holds, Integrity, Standing, phrase};

use super::markdown::{Table, block, clip, code, text};
use super::timeline_md::Page;
use super::{duration, things};

/// How a run ended, or that it has not.
fn outcome(header: &Header) -> &'static str {
    match (header.outcome, header.standing) {
        (Some(outcome), _) => phrase::outcome(outcome).0,
        (None, Standing::Waiting) => "waiting for people",
        (None, Standing::Finished | Standing::Unfinished) => "unfinished, outcome unknown",
    }
}

pub(super) fn title(page: &Page<'_>) -> String {
    let header = &page.timeline.header;
    let title = header.title.as_ref().map(|title| format!(": {}", text(title))).unwrap_or_default();
    format!("# {}{title} ({})", text(&header.playbook), outcome(header))
}

pub(super) fn drill(page: &Page<'_>) -> String {
    if page.timeline.header.drill {
        "> **Drill.** This was a rehearsal on throwaway servers; nothing below happened to a real one.".to_owned()
    } else {
        String::new()
    }
}

/// The first rows of the page: what, where, who, when, how long, how it ended.
pub(super) fn summary(page: &Page<'_>) -> String {
    let header = &page.timeline.header;
    let mut table = Table::new(&["Summary", "Facts"]);
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            table.row([name.to_owned(), value]);
        }
    };
    row("Outcome", ending(header));
    row("Run", code(header.run.as_str()));
    row("Playbook", playbook(header));
    row("Environment", header.environment.as_deref().map(code).unwrap_or_default());
    row("Started", started(page));
    row("Ended", header.ended_at.as_deref().map_or_else(|| "not recorded".to_owned(), |time| page.clock.full(time)));
    row("Times", page.clock.name(page.timeline.entries.iter().map(playbook_core::timeline::Entry::at)));
    row("Took", took(page));
    row("Targets", targets(header));
    row("Inputs", inputs(page));
    row(
        "Steps",
        header
            .counts
            .iter()
            .map(|(word, count)| format!("{count} {}", word.replace('_', " ")))
            .collect::<Vec<_>>()
            .join(", "),
    );
    row("People", people(page));
    row("Impact window, TTD, TTA, TTM, TTR", "not recorded".to_owned());
    row("Engine", text(&header.engines.join(", then ")));
    table.to_string()
}

fn ending(header: &Header) -> String {
    let exit = header.exit.map(|exit| format!(" (exit {exit})")).unwrap_or_default();
    let reason = header.reason.as_ref().map(|reason| format!(": {}", text(reason))).unwrap_or_default();
    let waiting: Vec<String> = header.waiting.iter().map(|step| code(step.as_str())).collect();
    let waiting = if waiting.is_empty() { String::new() } else { format!(": {}", waiting.join(", ")) };
    format!("**{}**{exit}{reason}{waiting}", outcome(header))
}

fn playbook(header: &Header) -> String {
    let path = header.path.as_ref().map(|path| format!(", {}", code(path))).unwrap_or_default();
    let source = header.source.as_ref().map(|digest| format!(", sha256 {}", code(&digest.short()))).unwrap_or_default();
    let git = header.git.as_ref().map(|git| {
        let dirty = if git.dirty { " with changes on top" } else { "" };
        format!(", commit {}{dirty}", code(&clip(&git.rev, 12)))
    });
    format!("{}{path}{source}{}", code(&header.playbook), git.unwrap_or_default())
}

fn started(page: &Page<'_>) -> String {
    let header = &page.timeline.header;
    let Some(time) = &header.started_at else { return "not recorded".to_owned() };
    let who = header.starter.as_ref().map(|actor| format!(" by {}", whoever(actor))).unwrap_or_default();
    let again = match header.resumed {
        0 => String::new(),
        1 => ", went on once after a stop".to_owned(),
        n => format!(", went on {n} times after a stop"),
    };
    format!("{}{who}{again}", page.clock.full(time))
}

/// A person, how they were identified, and where.
fn whoever(actor: &Actor) -> String {
    let by = actor.by.as_ref().map(|by| format!("identified by {}", text(&by.replace('_', " "))));
    let via = actor.via.as_ref().map(|via| format!("via {}", text(via)));
    let host = actor.host.as_ref().map(|host| format!("on {}", text(host)));
    let more: Vec<String> = [by, via, host].into_iter().flatten().collect();
    let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
    format!("{}{more}", text(actor.name()))
}

fn took(page: &Page<'_>) -> String {
    let time = &page.timeline.time;
    let mut parts = vec![
        format!("{} at work", duration(time.hands_on_us)),
        format!("{} waiting for people", duration(time.waiting_us)),
    ];
    if time.stopped_us > 0 {
        parts.push(format!("{} stopped", duration(time.stopped_us)));
    }
    let incomplete = if time.complete { "" } else { ", without the time between two boots" };
    format!("{}{incomplete}: {}", duration(time.measured_us), parts.join(", "))
}

fn targets(header: &Header) -> String {
    let targets = header.targets.iter().map(|target| {
        let who = target
            .identity
            .as_ref()
            .map(|identity| format!(" ({}{})", code(&identity.id), text(&super::plan_words::facts(identity))));
        let address = if target.address.is_empty() { String::new() } else { format!(" {}", code(&target.address)) };
        format!("{}{address}{}", code(&target.name), who.unwrap_or_default())
    });
    targets.collect::<Vec<_>>().join("; ")
}

fn inputs(page: &Page<'_>) -> String {
    let inputs = page.timeline.header.inputs.iter().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        code(&clip(&format!("{name}={value}"), page.fit.cell))
    });
    inputs.collect::<Vec<_>>().join(", ")
}

/// Everyone who did something, first come first.
fn people(page: &Page<'_>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for entry in &page.timeline.entries {
        let name = entry.actor.name();
        if entry.actor.kind == playbook_core::event::ActorKind::Human && !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

/// What only people know.
pub(super) fn prompts(page: &Page<'_>) -> String {
    let count = |state| page.timeline.changes.iter().filter(|row| row.state == state).count() as u64;
    let doubt = match count(ChangeState::Unknown) {
        0 => String::new(),
        unknown => format!(", and {} of unknown outcome", number(unknown)),
    };
    let resolution = format!(
        "The run: **{}**, {} made{doubt}; see below. TODO: what resolved the incident, and when?",
        outcome(&page.timeline.header),
        things(count(ChangeState::Applied), "changes")
    );
    let asked = [
        ("Impact", "TODO: who and what was affected, how badly, from when to when?"),
        ("Trigger", "TODO: what set it off?"),
        ("Detection", "TODO: who or what noticed first, when, and how?"),
        ("Resolution", &resolution),
        ("Root causes", "TODO: why was it possible, and why was it not caught earlier?"),
    ];
    asked.map(|(heading, prompt)| format!("## {heading}\n\n{prompt}")).join("\n\n")
}

pub(super) fn lessons() -> String {
    ["What went well", "What went wrong", "Where we were lucky"]
        .map(|heading| format!("## {heading}\n\n- TODO"))
        .join("\n\n")
}

pub(super) fn followups(page: &Page<'_>) -> String {
    let followups = &page.timeline.followups;
    let mut items: Vec<String> = followups.iter().map(|followup| format!("- [ ] {}", text(followup))).collect();
    if items.is_empty() {
        items.push("- [ ] TODO".to_owned());
    }
    format!("## Follow-ups\n\n{}", items.join("\n"))
}

/// What a reader needs to check the record themselves.
pub(super) fn integrity(page: &Page<'_>) -> String {
    let Integrity { holds, problems, size, head, check } = &page.timeline.integrity;
    let found = match holds {
        Holds::Unchecked => "**Not checked** when this was written.",
        Holds::Good => "The record holds together and ends where its head says.",
        Holds::Unanchored => {
            "The record holds together, but its **tail is not anchored**: without a head kept elsewhere, nobody can tell whether its end was cut."
        }
        Holds::Incomplete => "The record is **incomplete**.",
        Holds::Tampered => "The record **was changed** after it was written.",
    };
    let mut out = format!("## Integrity\n\n{found}");
    if !problems.is_empty() {
        out.push_str("\n\n");
        let items: Vec<String> = problems.iter().map(|problem| format!("- {}", text(problem))).collect();
        out.push_str(&items.join("\n"));
    }
    if let (Some(size), Some(head)) = (size, head) {
        let lines = format!("playbook-journal/v1 {}\n{size}\n{head}", page.timeline.header.run);
        let _ = write!(out, "\n\nIts head; keep it where the record is not:\n\n{}", block(&lines, "text").trim_end());
    }
    let _ = write!(out, "\n\nTo check it again: {}", code(check));
    if head.is_some() {
        let _ = write!(out, ", or with those three lines in a file: {}", code(&format!("{check} --head FILE")));
    }
    out
}
