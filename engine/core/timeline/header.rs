//! What stands above and below the lines of a timeline.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::action::Identity;
use crate::event::{Actor, Event, Git, Outcome, Record, RunFinished, RunStarted};
use crate::journal::{Head, Verdict};
use crate::model::{Digest, RunId, StepId};

/// Where a run stands, as far as its record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It ended.
    Finished,
    /// It stopped to wait for people.
    Waiting,
    /// The record ends while it was under way: it still is, or its process ended.
    Unfinished,
}

/// What ran, where, by whom, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// The run.
    pub run: RunId,
    /// The playbook's name.
    pub playbook: String,
    /// Its title.
    pub title: Option<String>,
    /// Its path as given.
    pub path: Option<String>,
    /// SHA-256 of the file.
    pub source: Option<Digest>,
    /// The commit it came from.
    pub git: Option<Git>,
    /// The environment that was selected.
    pub environment: Option<String>,
    /// Inputs, secrets hidden.
    pub inputs: BTreeMap<String, Value>,
    /// Targets and who answered.
    pub targets: Vec<TargetRow>,
    /// Who started it, and where.
    pub starter: Option<Actor>,
    /// When.
    pub started_at: Option<String>,
    /// When it ended; nothing if it has not.
    pub ended_at: Option<String>,
    /// Where it stands.
    pub standing: Standing,
    /// How it ended; nothing if it has not.
    pub outcome: Option<Outcome>,
    /// The exit code that goes with it.
    pub exit: Option<u8>,
    /// Why, in one line.
    pub reason: Option<String>,
    /// Steps by how they ended.
    pub counts: BTreeMap<String, u32>,
    /// Steps that wait for a person.
    pub waiting: Vec<StepId>,
    /// Versions of the program that ran it, first to last.
    pub engines: Vec<String>,
    /// The digest of the plan.
    pub plan: Option<Digest>,
    /// Is it a rehearsal?
    pub drill: bool,
    /// How often it went on after it had stopped.
    pub resumed: u32,
}

/// A target of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetRow {
    /// As in `targets:`.
    pub name: String,
    /// Where, without secrets.
    pub address: String,
    /// Who answered; nothing if nobody was asked.
    pub identity: Option<Identity>,
}

/// Where the time went, on the monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimeSpent {
    /// From the beginning to the end, without what passed between two boots.
    pub measured_us: u64,
    /// Is that all of it? Not if the machine restarted, or another machine went on.
    pub complete: bool,
    /// While at least one question was open that only held the run up.
    pub waiting_us: u64,
    /// While no process was at work, and not for want of an answer.
    pub stopped_us: u64,
    /// The rest: the engine, or a person with a `manual` step, was at work.
    pub hands_on_us: u64,
}

/// What the default view shows and hides. `told` and all of `hidden` add up to `records`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Records in all.
    pub records: u64,
    /// Rows shown, those that stand for several included.
    pub rows: u64,
    /// Records told by the rows shown.
    pub told: u64,
    /// Records not shown, by type.
    pub hidden: BTreeMap<String, u64>,
}

/// What checking the journal found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It was not checked.
    Unchecked,
    /// It holds together and ends where the head says.
    Good,
    /// It holds together; its end is not anchored.
    Unanchored,
    /// The last line is torn, or a stored part is missing.
    Incomplete,
    /// It was changed.
    Tampered,
}

/// Does the record hold together, and how can a reader find out for themselves?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Integrity {
    /// What checking it found.
    pub holds: Holds,
    /// What is wrong or missing.
    pub problems: Vec<String>,
    /// Lines of the journal, where known.
    pub size: Option<u64>,
    /// SHA-256 of its last line, where known.
    pub head: Option<Digest>,
    /// The command that checks it again.
    pub check: String,
}

/// The last `run.finished` that nothing came after, and the record that it is in.
pub(super) fn finished<'r>(records: &[&'r Record]) -> Option<(&'r Record, &'r RunFinished)> {
    records.iter().rev().find_map(|record| match &record.event {
        Event::RunFinished(finished) => Some(Some((*record, finished))),
        Event::RunResumed(_) | Event::RollbackStarted(_) | Event::StepStarted(_) => Some(None),
        _ => None,
    })?
}

fn started<'r>(records: &[&'r Record]) -> Option<(&'r Record, &'r RunStarted)> {
    records.iter().find_map(|record| match &record.event {
        Event::RunStarted(started) => Some((*record, &**started)),
        _ => None,
    })
}

/// Did the process stop to wait, with nothing done since?
fn waiting(records: &[&Record]) -> Option<Vec<StepId>> {
    records.iter().rev().find_map(|record| match &record.event {
        Event::RunPaused(paused) => Some(Some(paused.waiting.clone())),
        Event::ApprovalDecided(_) | Event::NoteAdded(_) | Event::LockBroken(_) | Event::Other(_) => None,
        _ => Some(None),
    })?
}

pub(super) fn header(records: &[&Record]) -> Header {
    let begun = started(records);
    let run = begun.map(|(_, started)| started);
    let ended = finished(records);
    let waiting = if ended.is_none() { waiting(records) } else { None };
    let mut engines: Vec<String> = run.iter().map(|run| run.engine.clone()).collect();
    let mut resumed = 0;
    for record in records {
        if let Event::RunResumed(again) = &record.event {
            engines.push(again.engine.clone());
            resumed += 1;
        }
    }
    engines.dedup();
    Header {
        run: run_id(records),
        playbook: run.map_or_else(|| "unknown".to_owned(), |run| run.playbook.clone()),
        title: run.and_then(|run| run.title.clone()),
        path: run.map(|run| run.path.clone()),
        source: run.map(|run| run.source),
        git: run.and_then(|run| run.git.clone()),
        environment: run.and_then(|run| run.environment.clone()),
        inputs: run.map(|run| run.inputs.clone()).unwrap_or_default(),
        targets: targets(records, run),
        starter: begun.map(|(record, _)| record.actor.clone()),
        started_at: begun.map(|(record, _)| record.time.clone()),
        ended_at: ended.map(|(record, _)| record.time.clone()),
        standing: match (&ended, &waiting) {
            (Some(_), _) => Standing::Finished,
            (None, Some(_)) => Standing::Waiting,
            (None, None) => Standing::Unfinished,
        },
        outcome: ended.map(|(_, end)| end.outcome),
        exit: ended.map(|(_, end)| end.exit).or(waiting.is_some().then_some(3)),
        reason: ended.and_then(|(_, end)| end.reason.clone()),
        counts: ended.map(|(_, end)| end.counts.clone()).unwrap_or_default(),
        waiting: waiting.unwrap_or_default(),
        engines,
        plan: run.map(|run| run.plan),
        drill: run.is_some_and(|run| run.drill),
        resumed,
    }
}

fn run_id(records: &[&Record]) -> RunId {
    let recorded = records.first().map(|record| record.run.clone());
    recorded.or_else(|| "unknown".parse().ok()).unwrap_or_else(|| RunId::new(jiff::Timestamp::UNIX_EPOCH, 0))
}

fn targets(records: &[&Record], run: Option<&RunStarted>) -> Vec<TargetRow> {
    let mut met: BTreeMap<&str, &Identity> = BTreeMap::new();
    for record in records {
        if let Event::TargetMet(target) = &record.event {
            met.insert(&target.target, &target.identity);
        }
    }
    let known = run.map(|run| &run.targets);
    let names: BTreeSet<&str> =
        known.iter().flat_map(|all| all.keys().map(String::as_str)).chain(met.keys().copied()).collect();
    names
        .into_iter()
        .map(|name| TargetRow {
            name: name.to_owned(),
            address: known.and_then(|all| all.get(name)).cloned().unwrap_or_default(),
            identity: met.get(name).map(|identity| (*identity).clone()),
        })
        .collect()
}

pub(super) fn followups(records: &[&Record]) -> Vec<String> {
    started(records).map(|(_, started)| started.followups.clone()).unwrap_or_default()
}

pub(super) fn integrity(run: &RunId, head: Option<&Head>, verdict: Option<&Verdict>) -> Integrity {
    let (holds, found, problems) = match verdict {
        None => (Holds::Unchecked, None, Vec::new()),
        Some(Verdict::Good(found)) => (Holds::Good, Some(found), Vec::new()),
        Some(Verdict::Unanchored(found)) => (Holds::Unanchored, Some(found), Vec::new()),
        Some(Verdict::Incomplete(found, missing)) => (Holds::Incomplete, Some(found), missing.clone()),
        Some(Verdict::Tampered(problem)) => (Holds::Tampered, None, vec![problem.to_string()]),
    };
    let head = head.or(found);
    Integrity {
        holds,
        problems,
        size: head.map(|head| head.size),
        head: head.map(|head| head.digest),
        check: format!("playbook verify {run}"),
    }
}
