//! Containers as they were: standing, settings, name, place in networks; and made again.

use std::time::Duration;

use playbook_core::action::{Fault, Restore, UndoPart};
use serde_json::{Map, Value, json};

use super::difference;
use super::way::{Way, decide, left, room, settings as taken};
use crate::docker::again::{self, Again, again};
use crate::docker::change::{life, same, setting};
use crate::docker::client::{Call, Reader, Writer, part};
use crate::docker::faults;
use crate::docker::line::model::Act;
use crate::docker::ready;
use crate::docker::record::{Kept, Thing};
use crate::docker::standing::{Does, Standing, id, name};

/// How long an engine may take to make a container.
const MAKE: Duration = Duration::from_secs(120);

fn wrong() -> Fault {
    faults::internal("a record of another kind")
}

/// A container by its id, or by that which a rollback gave it.
async fn now(reader: &Reader<'_>, id: &str) -> Result<Option<Value>, Fault> {
    let id = reader.target().memory().now(id);
    reader.find(&Call::get(Thing::Container.read(&id))).await
}

/// Does what is needed, and looks whether it came true. An unhealthy container is not expected to be well.
///
/// # Errors
/// When the engine refuses.
pub(super) async fn stand(
    writer: &Writer<'_>,
    container: &Value,
    acts: &[Act],
    before: &Standing,
) -> Result<Option<String>, Fault> {
    let reader = writer.reading();
    for act in acts {
        writer.send(&life(container, act)).await?;
        if *act == Act::Start {
            reader.target().memory().start(name(container));
        }
    }
    let well = before.is_well() && before.does() == Does::Run;
    if well && let Err(fault) = ready::ready(reader, id(container)).await {
        if fault.kind == playbook_core::action::FaultKind::Cancelled {
            return Err(fault);
        }
        return Ok(Some(fault.message));
    }
    let now = Standing::of(&reader.get(&Call::get(Thing::Container.read(id(container)))).await?);
    Ok((now.does() != before.does()).then(|| now.shown()))
}

pub(super) async fn standing(
    writer: &Writer<'_>,
    kept: &Kept,
    part: &UndoPart,
    restore: &mut Restore,
) -> Result<(), Fault> {
    let Kept::Standing { id, act, before, vanishes, .. } = kept else { return Err(wrong()) };
    let after = left(part.after.as_ref());
    let ours = after.as_ref().map_or_else(|| "not known".to_owned(), Standing::shown);
    let memory = writer.reading().target().memory();
    let Some(container) = now(writer.reading(), id).await? else {
        if memory.has_removed(&memory.now(id)) {
            restore.restored += 1;
        } else {
            let why = if *vanishes { "removed by the engine when it ended (--rm)" } else { "gone" };
            restore.differs.push(difference(kept, &before.shown(), &ours, why));
        }
        return Ok(());
    };
    let stands = Standing::of(&container);
    match decide(before, after.as_ref(), &stands, act) {
        Way::Done => restore.restored += 1,
        Way::Conflict => restore.conflicts.push(difference(kept, &before.shown(), &ours, stands.shown())),
        Way::Acts(acts) => match stand(writer, &container, &acts, before).await? {
            None => restore.restored += 1,
            Some(now) => restore.differs.push(difference(kept, &before.shown(), &ours, now)),
        },
    }
    Ok(())
}

pub(super) async fn settings(
    writer: &Writer<'_>,
    kept: &Kept,
    part: &UndoPart,
    restore: &mut Restore,
) -> Result<(), Fault> {
    let Kept::Settings { id: own, before, wanted, .. } = kept else { return Err(wrong()) };
    let reader = writer.reading();
    let memory = reader.target().memory();
    let Some(container) = now(reader, own).await? else {
        if memory.has_removed(&memory.now(own)) {
            restore.restored += 1;
        } else {
            restore.differs.push(difference(kept, "there", "changed", "gone"));
        }
        return Ok(());
    };
    let ours = |field: &String| part.after.as_ref().and_then(|after| after.get(field)).or_else(|| wanted.get(field));
    let mut back = Map::new();
    for (field, value) in before {
        let now = setting(&container, field);
        if same(&now, value) {
            continue;
        }
        match ours(field) {
            Some(ours) if !same(ours, &now) => {
                let mut found = difference(kept, &value.to_string(), &ours.to_string(), now.to_string());
                found.subject = format!("{} {field}", found.subject);
                restore.conflicts.push(found);
            }
            _ => {
                back.insert(field.clone(), value.clone());
            }
        }
    }
    if back.is_empty() {
        restore.restored += u64::from(restore.conflicts.is_empty());
        return Ok(());
    }
    let machine = reader.get(&Call::get("/info")).await?;
    let (body, odd) = taken(&back, &machine);
    let update = Call::post(format!("/containers/{}/update", crate::docker::client::part(id(&container))));
    for body in room(&body, &machine).into_iter().chain([Value::Object(body)]) {
        writer.send(&update.clone().body(body)).await?;
    }
    let read = reader.get(&Call::get(Thing::Container.read(id(&container)))).await?;
    let mut whole = true;
    for (field, value) in &back {
        let now = setting(&read, field);
        if same(&now, value) {
            continue;
        }
        whole = false;
        let now =
            if odd.contains(field) { format!("{now}: as much as there is, as good as none") } else { now.to_string() };
        let ours = ours(field).map(Value::to_string).unwrap_or_default();
        let mut found = difference(kept, &value.to_string(), &ours, now);
        found.subject = format!("{} {field}", found.subject);
        restore.differs.push(found);
    }
    restore.restored += u64::from(whole);
    Ok(())
}

pub(super) async fn name_of(writer: &Writer<'_>, kept: &Kept, restore: &mut Restore) -> Result<(), Fault> {
    let Kept::Name { id: own, from, to } = kept else { return Err(wrong()) };
    let Some(container) = now(writer.reading(), own).await? else {
        restore.differs.push(difference(kept, from, to, "gone"));
        return Ok(());
    };
    let now = name(&container);
    if now == to {
        let call = Call::post(format!("/containers/{}/rename", part(id(&container)))).query("name", from);
        writer.send(&call).await?;
    } else if now != from {
        restore.conflicts.push(difference(kept, from, to, now));
        return Ok(());
    }
    restore.restored += 1;
    Ok(())
}

pub(super) async fn endpoint(writer: &Writer<'_>, kept: &Kept, restore: &mut Restore) -> Result<(), Fault> {
    let Kept::Endpoint { network, id: own, connects, endpoint, .. } = kept else { return Err(wrong()) };
    let (before, ours) = if *connects { ("not connected", "connected") } else { ("connected", "not connected") };
    let Some(container) = now(writer.reading(), own).await? else {
        restore.differs.push(difference(kept, before, ours, "gone"));
        return Ok(());
    };
    let there = again::endpoint(&container, network).is_some();
    if there == *connects {
        let verb = if *connects { "disconnect" } else { "connect" };
        let mut body = json!({"Container": id(&container)});
        if !connects {
            body["EndpointConfig"] = Value::Object(endpoint.clone());
        }
        writer.send(&Call::post(format!("/networks/{}/{verb}", part(network))).body(body)).await?;
    }
    restore.restored += 1;
    Ok(())
}

/// A container that was removed.
pub(super) async fn gone(
    writer: &Writer<'_>,
    kept: &Kept,
    inspected: &Value,
    restore: &mut Restore,
) -> Result<(), Fault> {
    let Kept::Container { id: own, before, written, .. } = kept else { return Err(wrong()) };
    let shown = before.shown();
    if now(writer.reading(), own).await?.is_some() {
        restore.restored += 1;
        return Ok(());
    }
    match make(writer, inspected).await? {
        Ok(container) => {
            let acts = super::way::acts(Does::Rest, before.does());
            let odd = stand(writer, &container, &acts, before).await?;
            whole(kept, odd, *written, restore);
        }
        Err(why) => restore.conflicts.push(difference(kept, &shown, "removed", why)),
    }
    Ok(())
}

/// How well a container came back.
pub(super) fn whole(kept: &Kept, odd: Option<String>, written: u64, restore: &mut Restore) {
    if let Some(odd) = odd {
        restore.differs.push(difference(kept, "there", "removed", odd));
    } else if written > 0 {
        let now = format!("made again, without {written} files that it wrote outside of volumes");
        restore.differs.push(difference(kept, "there", "removed", now));
    } else {
        restore.restored += 1;
    }
}

/// Makes a container again. The inner error says why it cannot be: who has its name.
///
/// # Errors
/// When the engine refuses.
pub(super) async fn make(writer: &Writer<'_>, inspected: &Value) -> Result<Result<Value, String>, Fault> {
    let reader = writer.reading();
    let memory = reader.target().memory();
    let Again { name: own, mut body, networks } = again(inspected, &|other| memory.now(other));
    // The name of an image may mean another one by now.
    let image = inspected.get("Image").and_then(Value::as_str).unwrap_or_default();
    let named = body.get("Image").and_then(Value::as_str).unwrap_or_default().to_owned();
    let found = reader.find(&Call::get(Thing::Image.read(&named))).await?;
    if found.as_ref().map(id) != Some(image) {
        body["Image"] = image.into();
    }
    if let Some(other) = reader.find(&Call::get(Thing::Container.read(&own))).await? {
        // What an interrupted rollback made, and did not come to start.
        let same = |at: &str| other.pointer(at) == inspected.pointer(at);
        let ours =
            Standing::of(&other).status == "created" && same("/Config/Labels") && same("/Config/Env") && same("/Image");
        if !ours {
            return Ok(Err(format!("another container has the name {own}")));
        }
        memory.remake(id(inspected), id(&other));
        return Ok(Ok(other));
    }
    let made = writer.send(&Call::post("/containers/create").query("name", &own).body(body).within(MAKE)).await?.body;
    memory.remake(id(inspected), id(&made));
    for (network, endpoint) in networks {
        let body = json!({"Container": id(&made), "EndpointConfig": endpoint});
        writer.send(&Call::post(format!("/networks/{}/connect", part(&network))).body(body)).await?;
    }
    Ok(Ok(reader.get(&Call::get(Thing::Container.read(id(&made)))).await?))
}
