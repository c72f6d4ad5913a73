//! Waiting for what a change began at its target: after its last part is recorded, and again after a
//! crash. What is waited for comes from the records alone, so both wait for the same.

use std::sync::Arc;

use playbook_core::action::{Fault, ReadAccess};
use playbook_core::run::{Attempt, Part};
use serde_json::Value;

use super::attempt::{End, within};
use super::{FromTask, Given, Shared, TaskEnd, Told};
use crate::sink::Progress;

/// Goes on waiting for a change that was made before the process ended. `returned` is what it gave,
/// if that was recorded.
pub(crate) async fn settle(shared: Arc<Shared>, given: Given, returned: Option<Value>) -> TaskEnd {
    let told = Told(given.token.clone());
    let work = async {
        match again(&shared, &given, &told).await {
            Ok(settled) => returned.map_or(End::Lost, |returned| End::Returned(with(returned, settled))),
            Err(fault) => End::Faulted(fault),
        }
    };
    match within(&given, work).await {
        End::Lost => TaskEnd::Attempt(Attempt::Lost),
        End::Lapsed(why) => TaskEnd::Lapsed(why),
        End::Returned(value) => TaskEnd::Attempt(Attempt::Returned(value)),
        End::Faulted(fault) => TaskEnd::Attempt(Attempt::Faulted(fault)),
    }
}

async fn again(shared: &Shared, given: &Given, told: &Told) -> Result<Value, Fault> {
    let identity = shared.meet(given.step, false, told).await?;
    shared.lock(given.step, &identity).await?;
    wait(shared, given, &given.settling, told).await
}

/// Waits for what these parts began; what it came to.
pub(super) async fn wait(shared: &Shared, given: &Given, parts: &[Part], told: &Told) -> Result<Value, Fault> {
    let Some(first) = parts.first() else { return Ok(Value::Null) };
    let provider = shared.provider_of(&first.captured.kind)?;
    let (_, target) = shared.target_of(given.step)?;
    let progress = progress(shared, given);
    let write = given.executable.write(ReadAccess::new(target.as_ref(), told), &progress);
    let parts = parts.iter().map(|part| {
        let mut part = part.clone();
        part.captured.blob = None;
        shared.undo_part(&part)
    });
    provider.settle(write, parts.collect::<Result<_, _>>()?).await
}

/// Tells the screen how far a step is.
pub(super) fn progress(shared: &Shared, given: &Given) -> impl Fn(u64, Option<u64>) + Send + Sync + use<> {
    let id = shared.checked.step(given.step).id.clone();
    let sender = shared.loop_.clone();
    move |done, of| {
        let _ = sender.try_send(FromTask::Progress(Progress::Done { step: id.clone(), done, of }));
    }
}

/// A result with what was waited for beside it.
pub(super) fn with(mut result: Value, settled: Value) -> Value {
    if let (Value::Object(fields), false) = (&mut result, settled.is_null()) {
        fields.insert("settled".into(), settled);
    }
    result
}
