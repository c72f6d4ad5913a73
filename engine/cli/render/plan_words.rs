//! What a plan says, in words that a terminal and a pull request share.

use playbook_core::action::{Fault, Identity};
use playbook_core::model::{Class, Effect, Reversal};
use playbook_core::plan::{Depth, Known, Plan, Planned, PlannedStep, Totals};

use super::things;

/// The sign of a step. Words beside it say the same.
pub(super) fn symbol(step: &PlannedStep) -> &'static str {
    match (&step.known, class(step).effect) {
        (Known::Skipped | Known::NotReached(_), _) => "·",
        (_, Effect::Read) if is_gate(step) => "●",
        (_, Effect::Read) => " ",
        _ if is_noop(step) => "=",
        (_, Effect::Change) => "~",
        (_, Effect::Destroy) => "-",
        (_, Effect::Disrupt) => "!",
        (_, Effect::Unknown) => "?",
    }
}

/// What the signs mean.
pub(super) const LEGEND: &[(&str, &str)] = &[
    ("~", "changes"),
    ("-", "destroys"),
    ("!", "interrupts"),
    ("?", "unknown"),
    ("=", "already so"),
    ("●", "asks"),
    ("·", "does not run"),
];

/// Effect and reversal as far as they are known.
pub(super) fn class(step: &PlannedStep) -> &Class {
    step.planned.as_ref().map_or(&step.class, |planned| &planned.class)
}

/// Would it leave everything as it is, although it could change something?
pub(super) fn is_noop(step: &PlannedStep) -> bool {
    step.planned.as_ref().is_some_and(|planned| planned.class.effect.changes() && Planned::is_noop(planned))
}

/// Does it do nothing but ask?
pub(super) fn is_gate(step: &PlannedStep) -> bool {
    step.gate.is_some() && matches!(step.action.as_str(), "approval" | "manual" | "confirm")
}

/// Is it reached, and would it change anything?
pub(super) fn acts(step: &PlannedStep) -> bool {
    let reached = !matches!(step.known, Known::Skipped | Known::NotReached(_));
    reached && class(step).effect.changes() && !is_noop(step)
}

/// What it does to the world.
pub(super) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "reads",
        Effect::Change => "changes data or settings",
        Effect::Disrupt => "interrupts service",
        Effect::Destroy => "destroys data",
        Effect::Unknown => "may change anything",
    }
}

/// Whether it can be taken back.
pub(super) fn reversal(reversal: &Reversal) -> String {
    match reversal {
        Reversal::NoneNeeded => "nothing to roll back".into(),
        Reversal::Exact => "can be rolled back exactly".into(),
        Reversal::BestEffort(why) => format!("can be rolled back in part: {why}"),
        Reversal::Stated => "rolled back by its author's steps".into(),
        Reversal::Impossible(why) => format!("cannot be rolled back: {why}"),
    }
}

/// Its condition, and whether it holds.
pub(super) fn condition(step: &PlannedStep) -> Option<(&str, &'static str)> {
    let when = step.when.as_deref()?;
    Some(match (&step.known, step.conditional) {
        (Known::Skipped, _) => (when, "not true now"),
        (_, true) => (when, "known after run"),
        (_, false) => (when, "true now"),
    })
}

/// What it does, as its author would write it: `redis: INFO memory`.
pub(super) fn command(step: &PlannedStep) -> String {
    if step.command.is_empty() { step.action.clone() } else { format!("{}: {}", step.action, step.command) }
}

/// The name of its question: what a person is to do about it.
pub(super) fn gate(step: &PlannedStep) -> &'static str {
    match step.action.as_str() {
        "approval" => "needs approval",
        "manual" => "a person does",
        _ => "asks first",
    }
}

/// What is not known, and why.
pub(super) fn unknown(step: &PlannedStep) -> Option<String> {
    match &step.known {
        Known::Yes => None,
        Known::AfterRun(steps) if steps.is_empty() => Some("known after run".into()),
        Known::AfterRun(steps) => Some(format!("known after run: it waits for {}", steps.join(", "))),
        Known::Skipped => step.when.is_none().then(|| "does not run".into()),
        Known::NotReached(by) => Some(format!("not reached: {by} ends the run before it")),
        Known::Undetermined(why) => Some(format!("could not be found out: {why}")),
    }
}

/// What runs when.
pub(super) fn part(part: &str) -> String {
    match part {
        "main" => "Steps".into(),
        "finally" => "At the end, however it went".into(),
        other => match other.strip_prefix("rollback of ") {
            Some(step) => format!("If {step} is rolled back"),
            None => other.to_owned(),
        },
    }
}

/// `Plan: 2 to change, 1 to destroy, 0 irreversible, 1 question; 3 known only after run.`
pub(super) fn totals(plan: &Plan) -> String {
    let Totals { reads, changes, disruptions, destroys, unknown, irreversible, gates, after_run } = plan.totals;
    let after = if after_run > 0 { format!("; {after_run} known only after run") } else { String::new() };
    if changes + disruptions + destroys + unknown == 0 {
        let asks = if gates > 0 { format!(", {}", things(gates.into(), "questions")) } else { String::new() };
        return format!("Plan: nothing to change, {} to read{asks}{after}.", things(reads.into(), "steps"));
    }
    let mut parts = vec![format!("{changes} to change")];
    parts.extend((disruptions > 0).then(|| format!("{disruptions} to interrupt")));
    parts.push(format!("{destroys} to destroy"));
    parts.extend((unknown > 0).then(|| format!("{unknown} unknown")));
    parts.push(format!("{irreversible} irreversible"));
    parts.push(things(gates.into(), "questions"));
    format!("Plan: {}{after}.", parts.join(", "))
}

/// How deep the plan looked.
pub(super) fn depth(depth: Depth) -> &'static str {
    match depth {
        Depth::Offline => "offline: no target was asked",
        Depth::Live => "live: targets were read, nothing was changed",
    }
}

/// Who answered at a target.
pub(super) fn identity(identity: &Identity) -> String {
    format!("{}{}", identity.id, facts(identity))
}

/// What else is known of who answered: `, role master, db 0`. Its address stands elsewhere.
pub(super) fn facts(identity: &Identity) -> String {
    let facts = identity.facts.iter().filter(|(name, _)| name != "address");
    facts.map(|(name, fact)| format!(", {name} {fact}")).collect()
}

/// Why nobody did.
pub(super) fn fault(fault: &Fault) -> String {
    format!("{} ({})", fault.message, fault.code)
}
