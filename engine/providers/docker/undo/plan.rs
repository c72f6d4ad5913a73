//! What a rollback would do.

use playbook_core::action::{Fault, ReadAccess, UndoPart};
use playbook_core::model::{Class, Effect, Reversal};
use playbook_core::plan::{Change as Diff, Image, Planned};
use serde_json::Value;

use super::project;
use super::things;
use super::way::{Way, decide, left};
use crate::docker::again;
use crate::docker::change::{pull, setting};
use crate::docker::client::{Call, Reader};
use crate::docker::compose::have::Have;
use crate::docker::record::{Kept, Thing};
use crate::docker::standing::{Standing, id, name};

/// Says what would be put back.
///
/// # Errors
/// When the engine does not answer.
pub(in crate::docker) async fn plan(access: ReadAccess<'_>, parts: &[UndoPart]) -> Result<Planned, Fault> {
    let reader = Reader::open(access).await?;
    let mut planned = Planned::new(Class::new(Effect::Change, Reversal::Exact));
    for part in parts {
        one(&reader, part, &mut planned).await?;
    }
    Ok(planned)
}

async fn one(reader: &Reader<'_>, part: &UndoPart, planned: &mut Planned) -> Result<(), Fault> {
    let kept = Kept::read(part)?;
    let title = kept.subject();
    let find = async |id: &str| {
        let id = reader.target().memory().now(id);
        reader.find(&Call::get(Thing::Container.read(&id))).await
    };
    let mut change =
        |subject: String, before: Image, after: Image| planned.changes.push(Diff::new(subject, before, after));
    match &kept {
        Kept::Standing { id, act, before, .. } => match find(id).await? {
            None => planned.notes.push(format!("{title} is gone")),
            Some(now) => {
                let now = Standing::of(&now);
                match decide(before, left(part.after.as_ref()).as_ref(), &now, act) {
                    Way::Done => {}
                    Way::Acts(_) => change(title, Image::of(now.shown()), Image::of(before.does().word())),
                    Way::Conflict => planned.notes.push(format!(
                        "{title}: before {}, now {}, and that was someone else; left as it is",
                        before.shown(),
                        now.shown()
                    )),
                }
            }
        },
        Kept::Settings { id, before, .. } => match find(id).await? {
            None => planned.notes.push(format!("{title} is gone")),
            Some(now) => {
                for (field, value) in before {
                    let now = setting(&now, field);
                    if now != *value {
                        change(format!("{title} {field}"), Image::of(now), Image::of(value.clone()));
                    }
                }
            }
        },
        Kept::Name { id, from, to } => match find(id).await? {
            Some(now) if name(&now) == to => {
                change("container name".into(), Image::of(to.as_str()), Image::of(from.as_str()));
            }
            Some(now) if name(&now) == from => {}
            Some(now) => planned.notes.push(format!("{title} is called {} now; left as it is", name(&now))),
            None => planned.notes.push(format!("{title} is gone")),
        },
        Kept::Container { id, before, written, .. } => {
            if find(id).await?.is_none() {
                change(title.clone(), Image::Absent, Image::of(before.shown()));
                if *written > 0 {
                    planned
                        .notes
                        .push(format!("{title}: {written} files that it wrote outside of volumes do not come back"));
                }
            }
        }
        Kept::Network { name, .. } => {
            if reader.find(&Call::get(Thing::Network.read(name))).await?.is_none() {
                change(title, Image::Absent, Image::of("there"));
            }
        }
        Kept::Endpoint { network, id, connects, .. } => {
            if let Some(now) = find(id).await?
                && again::endpoint(&now, network).is_some() == *connects
            {
                let side = |there: bool| Image::of(if there { "connected" } else { "not connected" });
                change(title, side(*connects), side(!connects));
            }
        }
        Kept::Made { there: true, .. } => {}
        Kept::Made { .. } => {
            if things::there(reader, &kept, part.after.as_ref()).await?.is_some() {
                change(title, Image::of("there"), Image::Absent);
            }
        }
        Kept::Tag { image, before } => {
            let found = reader.find(&Call::get(Thing::Image.read(image))).await?;
            let now = found.as_ref().map(|found| self::id(found).to_owned());
            let side = |id: Option<&String>| id.map_or(Image::Absent, |id| Image::of(pull::short(id)));
            if now != *before {
                change(title, side(now.as_ref()), side(before.as_ref()));
            }
        }
        Kept::Project { project, .. } => of_project(reader, part, project, planned).await?,
        Kept::Removed { .. } | Kept::Ran { .. } => {}
    }
    Ok(())
}

async fn of_project(reader: &Reader<'_>, part: &UndoPart, project: &str, planned: &mut Planned) -> Result<(), Fault> {
    let before = Have::of(&Kept::blob(part)?);
    let now = Have::look(reader, project).await?;
    let left = project::left(part.after.as_ref());
    let is = |one: &Value, other: &Value| id(one) == id(other);
    for one in &now.containers {
        let old = before.containers.iter().find(|old| is(old, one));
        let title = format!("container {}", name(one));
        let shown = Standing::of(one).shown();
        match old {
            None if left.iter().any(|left| reader.target().memory().now(&left.id) == id(one)) => {
                planned.changes.push(Diff::new(title, Image::of(shown), Image::Absent));
            }
            None => planned.notes.push(format!("{title} is not of this step; left as it is")),
            Some(old) if Standing::of(old).does() != Standing::of(one).does() => {
                planned.changes.push(Diff::new(title, Image::of(shown), Image::of(Standing::of(old).does().word())));
            }
            Some(_) => {}
        }
    }
    for old in before.containers.iter().filter(|old| !now.containers.iter().any(|one| is(old, one))) {
        let shown = format!("made again, {}", Standing::of(old).does().word());
        planned.changes.push(Diff::new(format!("container {}", name(old)), Image::Absent, Image::of(shown)));
    }
    let made: Vec<&String> = now.volumes.iter().filter(|one| !before.volumes.contains(one)).collect();
    for volume in made {
        planned.notes.push(format!("the volume {volume} stays: a rollback removes no data"));
    }
    Ok(())
}
