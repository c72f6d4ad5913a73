//! Networks, and what was made: taken away again, or made again.

use std::time::Duration;

use playbook_core::action::{Fault, Restore, UndoPart};
use serde_json::Value;

use super::difference;
use crate::docker::again;
use crate::docker::change::{mark, pull};
use crate::docker::client::{Call, Reader, Writer, part};
use crate::docker::faults;
use crate::docker::record::{Kept, Thing};
use crate::docker::standing::id;

const REMOVE: Duration = Duration::from_secs(60);

/// A network that was removed.
pub(super) async fn network(
    writer: &Writer<'_>,
    kept: &Kept,
    inspected: &Value,
    restore: &mut Restore,
) -> Result<(), Fault> {
    let Kept::Network { id: own, name } = kept else { return Err(faults::internal("a record of another kind")) };
    match writer.reading().find(&Call::get(Thing::Network.read(name))).await? {
        Some(found) if id(&found) == own => {}
        // One that is the same in everything that was asked for stands in for it.
        Some(found) if again::network(&found) == again::network(inspected) => {}
        Some(_) => {
            restore.conflicts.push(difference(kept, "there", "removed", "another network has its name"));
            return Ok(());
        }
        None => {
            writer.send(&Call::post("/networks/create").body(again::network(inspected))).await?;
        }
    }
    restore.restored += 1;
    Ok(())
}

/// The id of what was made, if it is there.
pub(super) async fn there(reader: &Reader<'_>, kept: &Kept, after: Option<&Value>) -> Result<Option<String>, Fault> {
    let Kept::Made { what, name, mark, .. } = kept else { return Err(faults::internal("a record of another kind")) };
    let known = after.and_then(|after| after.get("id")?.as_str());
    let known = match (known, mark) {
        (Some(known), _) => known.to_owned(),
        (None, Some(mark)) => match mark::find(reader, mark).await? {
            Some(found) => id(&found).to_owned(),
            None => return Ok(None),
        },
        (None, None) => name.clone(),
    };
    let found = reader.find(&Call::get(what.read(&known))).await?;
    Ok(found.map(|_| known))
}

/// Something that was made.
pub(super) async fn made(
    writer: &Writer<'_>,
    kept: &Kept,
    part: &UndoPart,
    restore: &mut Restore,
) -> Result<(), Fault> {
    let Kept::Made { what, there: before, .. } = kept else {
        return Err(faults::internal("a record of another kind"));
    };
    if *before {
        restore.restored += 1;
        return Ok(());
    }
    if let Some(known) = there(writer.reading(), kept, part.after.as_ref()).await? {
        let mut call = Call::delete(format!("{}/{}", what.path(), crate::docker::client::part(&known))).within(REMOVE);
        if *what == Thing::Container {
            // Its own volumes came with it.
            call = call.query("force", "1").query("v", "1");
        }
        match writer.send(&call).await {
            Ok(_) => writer.reading().target().memory().remove(&known),
            // Someone uses it by now.
            Err(fault) if matches!(fault.server_code.as_deref(), Some("409" | "403")) => {
                restore.conflicts.push(difference(kept, "(absent)", "made", fault.message));
                return Ok(());
            }
            Err(fault) => return Err(fault),
        }
    }
    restore.restored += 1;
    Ok(())
}

/// What a name of an image stood for.
pub(super) async fn tag(writer: &Writer<'_>, kept: &Kept, undo: &UndoPart, restore: &mut Restore) -> Result<(), Fault> {
    let Kept::Tag { image, before } = kept else { return Err(faults::internal("a record of another kind")) };
    let reader = writer.reading();
    let found = reader.find(&Call::get(Thing::Image.read(image))).await?;
    let now = found.as_ref().map(|found| id(found).to_owned());
    let ours = undo.after.as_ref().and_then(|after| after.get("id")?.as_str().map(str::to_owned));
    let shown = |id: Option<&String>| id.map_or_else(|| "(absent)".to_owned(), |id| pull::short(id));
    if now == *before {
        restore.restored += 1;
        return Ok(());
    }
    if ours.is_some() && now.is_some() && now != ours {
        let (before, ours) = (shown(before.as_ref()), shown(ours.as_ref()));
        restore.conflicts.push(difference(kept, &before, &ours, shown(now.as_ref())));
        return Ok(());
    }
    let sent = match before {
        Some(before) => {
            let (repo, tag) = pull::reference(image);
            let call = Call::post(format!("/images/{}/tag", part(before))).query("repo", repo).query("tag", tag);
            writer.send(&call).await
        }
        None => writer.send(&Call::delete(format!("/images/{}", part(image))).within(REMOVE)).await,
    };
    match sent {
        Ok(_) => restore.restored += 1,
        Err(fault) if matches!(fault.server_code.as_deref(), Some("409" | "404")) => {
            let (before, ours) = (shown(before.as_ref()), shown(ours.as_ref()));
            restore.differs.push(difference(kept, &before, &ours, fault.message));
        }
        Err(fault) => return Err(fault),
    }
    Ok(())
}
