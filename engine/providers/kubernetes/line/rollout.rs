//! `kubectl rollout …`.

use super::model::{Objects, Verb};
use super::objects::{Need, objects};
use crate::line::problem::Problem;
use crate::line::reader::Reader;

fn workloads(reader: &Reader) -> Result<Objects, Problem> {
    reader.check_output()?;
    objects(reader, &reader.arguments, Need::Chosen)
}

pub(super) fn status(reader: &Reader) -> Result<Verb, Problem> {
    if !reader.switch("watch", true)? {
        return Err(reader.bad("watch", "the step waits", "leave it out; use kubectl get to look once"));
    }
    Ok(Verb::RolloutStatus {
        objects: workloads(reader)?,
        timeout_ms: reader.patience("timeout")?,
        revision: reader.whole("revision")?.filter(|revision| *revision > 0),
    })
}

pub(super) fn history(reader: &Reader) -> Result<Verb, Problem> {
    let revision = reader.whole("revision")?.filter(|revision| *revision > 0);
    Ok(Verb::RolloutHistory { objects: workloads(reader)?, revision })
}

pub(super) fn restart(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::RolloutRestart(workloads(reader)?))
}

pub(super) fn pause(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::RolloutPause(workloads(reader)?))
}

pub(super) fn resume(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::RolloutResume(workloads(reader)?))
}

pub(super) fn undo(reader: &Reader) -> Result<Verb, Problem> {
    let to_revision = reader.whole("to-revision")?;
    if to_revision.is_some_and(|revision| revision < 0) {
        return Err(reader.bad("to-revision", "revisions begin at 1", "see them with rollout history"));
    }
    // 0 is kubectl's word for "the one before".
    Ok(Verb::RolloutUndo { objects: workloads(reader)?, to_revision: to_revision.filter(|revision| *revision > 0) })
}
