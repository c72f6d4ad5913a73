//! Taking one step back from what was captured.

use std::sync::Arc;
use std::time::Instant;

use playbook_core::action::{Executable, Fault, FaultKind, ReadAccess};
use playbook_core::codes::Code;
use playbook_core::event::{Event, RollbackEnd, RollbackStep, StateCaptured};
use playbook_core::model::StepIx;
use playbook_core::run::{Part, PartKnown, end_of, impossible, not_tried};
use tokio_util::sync::CancellationToken;

use super::{FromTask, Shared, TaskEnd, Told};
use crate::sink::Progress;

/// Rolls back one step. If its author stated how, only finds out whether there is anything to undo.
pub(crate) async fn undo(
    shared: Arc<Shared>,
    step: StepIx,
    parts: Vec<Part>,
    stated: bool,
    executable: Executable,
    token: CancellationToken,
) -> TaskEnd {
    let began = Instant::now();
    let micros = || u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    match try_undo(&shared, step, parts, stated, &executable, token).await {
        Ok(Some(mut end)) => {
            end.duration_us = micros();
            TaskEnd::Undone(Box::new(end))
        }
        Ok(None) => TaskEnd::Probed,
        Err(fault) => {
            let mut end = not_tried(RollbackEnd::Failed, fault.message.clone());
            end.fault = Some(fault);
            end.duration_us = micros();
            TaskEnd::Undone(Box::new(end))
        }
    }
}

async fn try_undo(
    shared: &Shared,
    step: StepIx,
    mut parts: Vec<Part>,
    stated: bool,
    executable: &Executable,
    token: CancellationToken,
) -> Result<Option<RollbackStep>, Fault> {
    let told = Told(token);
    let identity = shared.meet(step, true, &told).await?;
    shared.lock(step, &identity).await?;
    let verdicts = shared.probe(step, &parts).await?;
    for part in &mut parts {
        if let Some((_, known)) = verdicts.iter().find(|(number, _)| *number == part.number) {
            part.known = known.clone();
        }
    }
    let unclear = parts.iter().filter(|part| matches!(part.known, PartKnown::Unclear)).count();
    if unclear > 0 {
        let why = "nobody can tell whether it was carried out, so it is left as it is".to_owned();
        return Ok(Some(not_tried(RollbackEnd::Unclear, why)));
    }
    parts.retain(|part| part.may_have_changed() || part.captured.for_rollback);
    if stated {
        let nothing = parts.is_empty();
        return Ok(nothing.then(|| not_tried(RollbackEnd::Nothing, "it was not carried out".into())));
    }
    let hopeless = parts.iter().find_map(impossible).map(str::to_owned);
    parts.retain(|part| impossible(part).is_none());
    if parts.iter().all(|part| part.captured.for_rollback) {
        return Ok(Some(match hopeless {
            Some(why) => not_tried(RollbackEnd::Impossible, why),
            None => not_tried(RollbackEnd::Nothing, "nothing of it was carried out".into()),
        }));
    }
    let mut end = run(shared, step, parts, executable, &told).await?;
    if let (Some(why), true) = (hopeless, end.outcome.is_complete()) {
        end.outcome = RollbackEnd::Impossible;
        end.why = Some(why);
    }
    Ok(Some(end))
}

async fn run(
    shared: &Shared,
    step: StepIx,
    parts: Vec<Part>,
    executable: &Executable,
    told: &Told,
) -> Result<RollbackStep, Fault> {
    let (_, target) = shared.target_of(step)?;
    let id = shared.checked.step(step).id.clone();
    let sender = shared.loop_.clone();
    let progress = move |done, of| {
        let _ = sender.try_send(FromTask::Progress(Progress::Done { step: id.clone(), done, of }));
    };
    let next = parts.iter().map(|part| part.number).max().unwrap_or(0) + 1;
    // Latest first: what a later part found is what an earlier one left.
    let undo_parts = parts.iter().rev().map(|part| shared.undo_part(part)).collect::<Result<Vec<_>, _>>()?;
    let kind = parts.first().map(|part| part.captured.kind.clone()).unwrap_or_default();
    let provider = shared.provider_of(&kind)?;
    let write = executable.write(ReadAccess::new(target.as_ref(), told), &progress);
    let mut undo = provider.undo(write, undo_parts).await?;
    if let Some(capture) = undo.prepare().await? {
        if capture.undo.blob.is_some() {
            return Err(Fault::new(FaultKind::Internal, Code::Internal, "a rollback that captures data"));
        }
        let captured = StateCaptured {
            part: next,
            subject: capture.subject,
            kind: capture.undo.kind,
            record: capture.undo.data,
            blob: None,
            bytes: 0,
            order: capture.undo.order,
            last: false,
            for_rollback: true,
            settles: false,
        };
        shared.record(step, vec![Event::StateCaptured(Box::new(captured))]).await?;
    }
    Ok(end_of(undo.run().await, 0))
}
