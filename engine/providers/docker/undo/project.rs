//! A project of compose as it was: what `up` made goes, what it replaced is made again, and everything
//! stands as it stood. Volumes that it made stay: a rollback removes no data.

use std::time::Duration;

use playbook_core::action::{Difference, Fault, FaultKind, Restore, UndoPart};
use serde_json::{Value, json};

use super::containers::{make, stand};
use super::{difference, way};
use crate::docker::again;
use crate::docker::change::impact;
use crate::docker::client::{Call, Writer, part};
use crate::docker::compose::have::{Have, called};
use crate::docker::compose::{PROJECT, service};
use crate::docker::record::{Kept, Thing};
use crate::docker::standing::{Standing, id, label, name};

const REMOVE: Duration = Duration::from_secs(60);

/// What `up` left of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) standing: Standing,
}

/// What it left.
pub(super) fn left(after: Option<&Value>) -> Vec<Left> {
    let list = after.and_then(|after| after.get("containers")?.as_array()).into_iter().flatten();
    let text = |one: &Value, field: &str| one.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    list.map(|one| Left {
        id: text(one, "id"),
        name: text(one, "name"),
        standing: Standing { status: text(one, "status"), started: text(one, "started"), ..Standing::default() },
    })
    .collect()
}

pub(super) async fn back(
    writer: &Writer<'_>,
    kept: &Kept,
    undo: &UndoPart,
    restore: &mut Restore,
) -> Result<(), Fault> {
    let Kept::Project { project, wanted, .. } = kept else {
        return Err(crate::docker::faults::internal("a record of another kind"));
    };
    let reader = writer.reading();
    let memory = reader.target().memory();
    let before = Have::of(&Kept::blob(undo)?);
    let now = Have::look(reader, project).await?;
    let left = left(undo.after.as_ref());
    let about = |title: &str, before: &str, ours: &str, now: String| {
        let mut found = difference(kept, before, ours, now);
        found.subject = format!("container {title}");
        found
    };
    // Of what it left. If that was never recorded, whatever is there of its services and was not.
    let of_its_services = |one: &Value| wanted.iter().any(|wanted| wanted.service == service(one));
    let ours = |one: &Value| match &undo.after {
        Some(_) => left.iter().any(|left| memory.now(&left.id) == id(one)),
        None => of_its_services(one),
    };
    let was = |one: &Value| before.containers.iter().any(|old| memory.now(id(old)) == id(one));
    for one in now.containers.iter().rev().filter(|one| ours(one) && !was(one)) {
        let replaces = before.containers.iter().any(|old| name(old) == name(one));
        let mut call = Call::delete(format!("/containers/{}", part(id(one)))).query("force", "1").within(REMOVE);
        if !replaces {
            // Its own volumes came with it; what replaced another has that one's.
            call = call.query("v", "1");
        }
        match writer.send(&call).await {
            Ok(_) => memory.remove(id(one)),
            Err(fault) => missed(restore, about(name(one), "(absent)", "made", fault.message.clone()), fault)?,
        }
    }
    for network in &before.networks {
        if !now.networks.iter().any(|one| called(one) == called(network)) {
            writer.send(&Call::post("/networks/create").body(again::network(network))).await?;
        }
    }
    for old in &before.containers {
        let back = one_back(writer, &about, &left, old, restore).await;
        if let Err(fault) = back {
            let stood = Standing::of(old).shown();
            missed(restore, about(name(old), &stood, "changed", fault.message.clone()), fault)?;
        }
    }
    for network in now.networks.iter().filter(|one| !before.networks.iter().any(|old| called(old) == called(one))) {
        let call = Call::delete(format!("/networks/{}", part(id(network))));
        match writer.send(&call).await {
            Ok(_) => {}
            // Someone else came to use it.
            Err(fault) if matches!(fault.server_code.as_deref(), Some("403" | "409" | "404")) => {
                let mut found = difference(kept, "(absent)", "made", fault.message);
                found.subject = format!("network {}", called(network));
                restore.conflicts.push(found);
            }
            Err(fault) => return Err(fault),
        }
    }
    if before.containers.is_empty() && restore.conflicts.is_empty() && restore.failed.is_none() {
        restore.restored += 1;
    }
    Ok(())
}

/// One that did not come back does not keep the others from it; being told to stop does.
fn missed(restore: &mut Restore, found: Difference, fault: Fault) -> Result<(), Fault> {
    if fault.kind == FaultKind::Cancelled {
        return Err(fault);
    }
    restore.differs.push(found);
    restore.failed.get_or_insert(fault);
    Ok(())
}

/// A container that was there before stands as it stood, and is made again if it is gone.
async fn one_back(
    writer: &Writer<'_>,
    about: &(dyn Fn(&str, &str, &str, String) -> Difference + Sync),
    left: &[Left],
    old: &Value,
    restore: &mut Restore,
) -> Result<(), Fault> {
    let reader = writer.reading();
    let memory = reader.target().memory();
    let stood = Standing::of(old);
    let there = reader.find(&Call::get(Thing::Container.read(&memory.now(id(old))))).await?;
    let (container, new) = match there {
        Some(there) => (there, false),
        None if left.iter().any(|left| left.id == id(old)) => {
            // `up` had left it as it was.
            restore.conflicts.push(about(name(old), &stood.shown(), "there", "removed".to_owned()));
            return Ok(());
        }
        None => match make(writer, old).await? {
            Ok(made) => (made, true),
            Err(why) => {
                restore.conflicts.push(about(name(old), &stood.shown(), "made anew", why));
                return Ok(());
            }
        },
    };
    if !new {
        places(writer, old, &container).await?;
    }
    let stands = Standing::of(&container);
    let known = left.iter().find(|left| left.id == id(old)).map(|left| &left.standing);
    let odd = match way::decide(&stood, known.filter(|_| !new), &stands, "up") {
        way::Way::Done => None,
        way::Way::Conflict => {
            let ours = known.map(Standing::shown).unwrap_or_default();
            restore.conflicts.push(about(name(old), &stood.shown(), &ours, stands.shown()));
            return Ok(());
        }
        way::Way::Acts(acts) => stand(writer, &container, &acts, &stood).await?,
    };
    match odd {
        Some(odd) => restore.differs.push(about(name(old), &stood.shown(), "changed", odd)),
        None if new && written(old) > 0 => restore.differs.push(about(
            name(old),
            &stood.shown(),
            "made anew",
            format!("made again, without {} files that it wrote outside of volumes", written(old)),
        )),
        None => restore.restored += 1,
    }
    Ok(())
}

/// A container is in the networks in which it was: the first compose connects it to some of them only when
/// it starts it.
async fn places(writer: &Writer<'_>, old: &Value, now: &Value) -> Result<(), Fault> {
    let project = |one: &Value| label(one, PROJECT).map(str::to_owned);
    let named = |one: &Value| -> Vec<String> {
        let all = one.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
        all.into_iter().flatten().map(|(network, _)| network.clone()).collect()
    };
    let (before, after) = (named(old), named(now));
    for network in after.iter().filter(|network| !before.contains(network)) {
        // What somebody else connected it to is not of the project.
        let found = writer.reading().find(&Call::get(Thing::Network.read(network))).await?;
        if found.is_some_and(|found| project(&found) == project(old)) {
            let body = json!({"Container": id(now)});
            writer.send(&Call::post(format!("/networks/{}/disconnect", part(network))).body(body)).await?;
        }
    }
    Ok(())
}

/// Files that a container had written outside of volumes.
fn written(container: &Value) -> u64 {
    container.get(impact::WRITTEN).and_then(Value::as_u64).unwrap_or_default()
}
