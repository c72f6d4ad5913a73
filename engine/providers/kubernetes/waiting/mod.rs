//! Lines that wait (`wait`, `rollout status`), and what changes wait for (`rollout restart`, `delete`).

mod awaited;
mod pod_trouble;
pub(in crate::kubernetes) mod rollout;
mod trouble;
pub(in crate::kubernetes) mod wanted;

use std::time::Duration;

use playbook_core::action::{Fault, FaultKind, Look, ReadAccess, UndoPart, UndoRecord, WriteAccess};
use playbook_core::codes::Code;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::asked::Asked;
use super::client::{Call, Reader};
use super::faults;
use super::find::{Finder, Named};
use super::line::model::{Line, Objects, Verb};
use super::look::{may, missing};
use awaited::Awaited;
use rollout::{Standing, has_rollouts, on_delete, standing};
use wanted::Goal;

/// Does this line wait?
pub(super) fn waits(line: &Line) -> bool {
    matches!(line.verb, Verb::Wait { .. } | Verb::RolloutStatus { .. })
}

fn goal(line: &Line) -> Result<Option<Goal>, Fault> {
    let Verb::Wait { wanted, .. } = &line.verb else { return Ok(None) };
    Goal::of(wanted).map(Some).map_err(|why| {
        Fault::new(FaultKind::Invalid, Code::ServerError, why).help("--for=jsonpath='{.status.phase}'=Running")
    })
}

fn objects(line: &Line) -> Result<&Objects, Fault> {
    match &line.verb {
        Verb::Wait { objects, .. } | Verb::RolloutStatus { objects, .. } => Ok(objects),
        _ => Err(faults::internal("a line that does not wait")),
    }
}

/// The objects of a line; none at all is an error unless they are to be gone.
async fn meant(finder: &Finder<'_>, line: &Line, goal: Option<&Goal>) -> Result<Vec<Named>, Fault> {
    let all = finder.objects(objects(line)?).await?;
    if all.is_empty() && goal != Some(&Goal::Gone) {
        return Err(Fault::new(FaultKind::Refused, Code::ServerError, "nothing fits the selector")
            .help("check the labels and the namespace; --for=create waits until there is something")
            .server("NotFound", false));
    }
    Ok(all)
}

fn after(milliseconds: Option<u64>) -> Option<Instant> {
    milliseconds.and_then(|milliseconds| Instant::now().checked_add(Duration::from_millis(milliseconds)))
}

/// Waits, telling how far it is.
///
/// # Errors
/// When it does not come true in time; when the objects are not there.
pub(super) async fn wait(access: &WriteAccess<'_>, asked: &Asked) -> Result<Value, Fault> {
    let line = &asked.line;
    let reader = Reader::for_line(access.reading(), line).await?;
    let finder = Finder::for_asked(&reader, asked).await?;
    match &line.verb {
        Verb::RolloutStatus { timeout_ms, revision, .. } => {
            let all = meant(&finder, line, None).await?;
            let until = after(*timeout_ms);
            let mut rows = Vec::new();
            for (at, named) in all.iter().enumerate() {
                exists(&reader, named).await?;
                let many = all.len() as u64;
                // Of one object its pods are counted, of several the objects.
                let tell = |done: u64, of: u64| {
                    if many == 1 {
                        access.progress(done, Some(of));
                    } else {
                        access.progress(at as u64, Some(many));
                    }
                };
                let (ready, of) = Awaited::of(named, None).rolled_out(&reader, *revision, until, &tell).await?;
                rows.push(rollout::row(&named.title(), ready, of));
            }
            Ok(summed(&rows))
        }
        Verb::Wait { timeout_ms, .. } => {
            let goal = goal(line)?.ok_or_else(|| faults::internal("a wait for nothing"))?;
            if let (Goal::There, Objects::Kinds(kinds, selectors)) = (&goal, objects(line)?) {
                return appear(&finder, kinds, selectors, after(Some(*timeout_ms))).await;
            }
            let all = meant(&finder, line, Some(&goal)).await?;
            let until = after(Some(*timeout_ms));
            let of = all.len() as u64;
            for (at, named) in all.iter().enumerate() {
                access.progress(at as u64, Some(of));
                if !matches!(goal, Goal::Gone | Goal::There) {
                    exists(&reader, named).await?;
                }
                Awaited::of(named, None).reaches(&reader, &goal, until).await?;
            }
            let titles: Vec<String> = all.iter().map(Named::title).collect();
            Ok(json!({"ready": of, "of": of, "items": titles}))
        }
        _ => Err(faults::internal("a line that does not wait")),
    }
}

/// As kubectl: what is not there when the wait begins is an error.
async fn exists(reader: &Reader<'_>, named: &Named) -> Result<Value, Fault> {
    reader.find(&Call::get(named.path())).await?.ok_or_else(|| missing(named))
}

/// Waits until there is something of each kind.
async fn appear(
    finder: &Finder<'_>,
    kinds: &[String],
    selectors: &super::line::model::Selectors,
    until: Option<Instant>,
) -> Result<Value, Fault> {
    let all = finder.kinds(kinds)?;
    for resource in &all {
        let mut chosen: Vec<(&'static str, String)> = Vec::new();
        chosen.extend(selectors.labels.clone().map(|labels| ("labelSelector", labels)));
        chosen.extend(selectors.fields.clone().map(|fields| ("fieldSelector", fields)));
        let mut seen = |object: Option<&Value>| Ok(object.map(|_| ()));
        let path = resource.path(finder.namespace.as_deref());
        if finder.reader.follow(&path, &chosen, until, &mut seen).await?.is_none() {
            let message = format!("there are still no {} that fit", resource.plural);
            return Err(Fault::new(FaultKind::Timeout, Code::TimedOut, message).help("raise --timeout"));
        }
    }
    let kinds: Vec<&str> = all.iter().map(|resource| resource.plural.as_str()).collect();
    Ok(json!({"ready": all.len(), "of": all.len(), "items": kinds}))
}

fn summed(rows: &[Value]) -> Value {
    let sum = |field: &str| rows.iter().filter_map(|row| row.get(field)?.as_u64()).sum::<u64>();
    json!({"ready": sum("ready"), "of": sum("of"), "items": rows})
}

/// Looks once: what a plan does instead of waiting.
pub(super) async fn look_once(access: ReadAccess<'_>, asked: &Asked) -> Result<Look, Fault> {
    let line = &asked.line;
    let reader = Reader::for_line(access, line).await?;
    let finder = Finder::for_asked(&reader, asked).await?;
    let goal = goal(line)?;
    let all = match finder.objects(objects(line)?).await? {
        all if all.is_empty() && goal == Some(Goal::There) => return Ok(Look::NotYet("nothing fits yet".into())),
        all if all.is_empty() && goal != Some(Goal::Gone) => return Err(missing_all()),
        all => all,
    };
    let mut rows = Vec::new();
    for named in &all {
        let object = reader.find(&Call::get(named.path())).await?;
        let title = named.title();
        match (&goal, &line.verb) {
            (Some(goal), _) => {
                if object.is_none() && !matches!(goal, Goal::Gone | Goal::There) {
                    return Err(missing(named));
                }
                if let Some(said) = goal.reached(&named.resource.kind, object.as_ref())? {
                    return Ok(Look::NotYet(format!("{title} {said}")));
                }
            }
            (None, Verb::RolloutStatus { revision, .. }) => {
                let object = object.ok_or_else(|| missing(named))?;
                match standing(&named.resource.kind, &title, &object, *revision)? {
                    Standing::Complete(ready, of) => rows.push(rollout::row(&title, ready, of)),
                    Standing::Going(_, _, said) | Standing::Stuck(_, _, said) => {
                        return Ok(Look::NotYet(format!("{title}: {said}")));
                    }
                }
            }
            (None, _) => return Err(faults::internal("a line that does not wait")),
        }
    }
    if goal.is_none() {
        return Ok(Look::Now(summed(&rows)));
    }
    let titles: Vec<String> = all.iter().map(Named::title).collect();
    Ok(Look::Now(json!({"ready": titles.len(), "of": titles.len(), "items": titles})))
}

fn missing_all() -> Fault {
    Fault::new(FaultKind::Refused, Code::ServerError, "nothing fits the selector").server("NotFound", false)
}

// ---------------------------------------------------------------- what changes wait for

/// What a change of this object waits for after it was made, for its record; null is nothing.
/// `evicts`: it asks a pod to go.
pub(super) fn afterwards(line: &Line, named: &Named, before: &Value, evicts: bool) -> Value {
    let uid = before.pointer("/metadata/uid").and_then(Value::as_str);
    let object = || Awaited::of(named, uid).recorded();
    let end = |timeout_ms: &Option<u64>| json!({"for": "end", "timeout_ms": timeout_ms, "object": object()});
    match &line.verb {
        Verb::RolloutRestart(_) if has_rollouts(&named.resource.group, &named.resource.kind) && !on_delete(before) => {
            json!({"for": "rollout", "object": object()})
        }
        Verb::Delete { wait: true, timeout_ms, .. } => end(timeout_ms),
        Verb::Drain { timeout_ms, .. } if evicts => end(timeout_ms),
        _ => Value::Null,
    }
}

/// That a change waits, for its plan; and whether this user may look on.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn notes(finder: &Finder<'_>, named: &Named, afterwards: &Value) -> Result<Vec<String>, Fault> {
    let Some(what) = afterwards.get("for").and_then(Value::as_str) else { return Ok(Vec::new()) };
    let state = if what == "rollout" { "rolled out" } else { "gone" };
    let mut notes = vec![format!("waits until {} is {state}", named.title())];
    let resource = &named.resource;
    for verb in ["list", "watch"] {
        if !may(finder, verb, &resource.group, &resource.plural, Some(&named.name), None).await? {
            notes.push(format!("this user may not {verb} {}, so the wait would fail", named.title()));
        }
    }
    Ok(notes)
}

/// Does the change of this record wait for something?
pub(super) fn settles(record: &UndoRecord) -> bool {
    record.data.pointer("/settle/for").is_some()
}

/// Waits for what these changes began. Each object once, however often it was changed.
pub(super) async fn settle(access: WriteAccess<'_>, parts: Vec<UndoPart>) -> Result<Value, Fault> {
    let reader = Reader::open(access.reading()).await?;
    let mut known: Vec<Awaited> = Vec::new();
    let (mut rows, mut gone) = (Vec::new(), 0_u64);
    let began = parts.len() as u64;
    // The latest record of an object is the one that counts.
    for part in parts.iter().rev() {
        let broken = || faults::internal(format!("a record of {} that cannot be read", part.record.kind));
        let awaited = Awaited::of_record(&part.record).ok_or_else(broken)?;
        if known.contains(&awaited) {
            continue;
        }
        let data = &part.record.data;
        if data.pointer("/settle/for").and_then(Value::as_str) == Some("rollout") {
            let tell = |done, of| access.progress(done, Some(of));
            let (ready, of) = awaited.rolled_out(&reader, None, None, &tell).await?;
            rows.push(rollout::row(&awaited.title, ready, of));
        } else {
            access.progress(gone, Some(began));
            let until = after(data.pointer("/settle/timeout_ms").and_then(Value::as_u64));
            awaited.ended(&reader, until).await?;
            gone += 1;
        }
        known.push(awaited);
    }
    Ok(if rows.is_empty() { json!({"gone": gone}) } else { summed(&rows) })
}
