//! What a change would come to, found out by looking alone.

use playbook_core::action::{Fault, ReadAccess};
use playbook_core::model::{Class, Effect, Reversal};
use playbook_core::plan::{Change as Diff, Image, Impact, Planned, Sample};
use serde_json::Value;

use super::impact::{self, Around};
use super::item::{Item, Seen, setting};
use super::items;
use crate::docker::asked::Asked;
use crate::docker::client::Reader;
use crate::docker::line::model::Act;
use crate::docker::record::{Kept, Thing};
use crate::docker::standing::{Does, Standing, id, label, name};

/// Why a limit does not go again.
pub(in crate::docker) const STAYS: &str =
    "the engine can change a limit that was not there, and not take it away again";

/// Says what a line would change and hit.
///
/// # Errors
/// When something that it names is not there.
pub(in crate::docker) async fn plan(access: ReadAccess<'_>, asked: &Asked, class: Class) -> Result<Planned, Fault> {
    let reader = Reader::open(access).await?;
    let items = items::items(&reader, asked).await?;
    let mut planned = Planned::new(class);
    let mut parts: Vec<(Item, Seen)> = Vec::new();
    for item in items {
        let seen = item.look(&reader).await?;
        parts.push((item, seen));
    }
    let around = Around::look(&reader, &parts).await?;
    for (at, (item, seen)) in parts.iter().enumerate() {
        if let Item::Prune(prune) = item {
            impact_of_prune(&reader, prune, &mut planned).await?;
        }
        let (mut changes, notes) = expect(item, seen);
        if let Item::Remove { what: Thing::Container, id, .. } = item
            && parts[..at].iter().any(|(before, _)| stopped(before) == Some(id))
        {
            changes.iter_mut().for_each(|change| change.before = Image::of(STOPPED));
        }
        planned.changes.extend(changes);
        add(&mut planned.notes, notes);
        add(&mut planned.notes, impact::notes(&reader, item, seen, &around).await?);
        worse(&mut planned.class, item, seen);
    }
    if let [(Item::Up(up), seen)] = parts.as_slice() {
        up.milder(seen, &mut planned);
    }
    planned.impact.extend(hits(&parts));
    Ok(planned)
}

/// How a container stands that was stopped.
const STOPPED: &str = "exited";

/// The container that a part stops.
fn stopped(item: &Item) -> Option<&String> {
    match item {
        Item::Life { act: Act::Stop { .. }, id } => Some(id),
        _ => None,
    }
}

/// What is touched, kind by kind; of parts that touch something which is there, or none of it.
fn hits(parts: &[(Item, Seen)]) -> Vec<Impact> {
    let mut all: Vec<Impact> = Vec::new();
    for (item, seen) in parts {
        let (what, samples) = match item {
            Item::Remove { what, .. } => (*what, Vec::from_iter(sample(item, seen))),
            Item::Life { .. } | Item::Rename { .. } | Item::Endpoint { .. } | Item::Exec(_) => {
                (Thing::Container, Vec::from_iter(sample(item, seen)))
            }
            Item::Up(up) => (Thing::Container, up.reached(seen).iter().map(of_container).collect()),
            Item::Create { .. } | Item::Pull(_) | Item::Prune(_) | Item::Run(_) | Item::Once(_) => continue,
        };
        let kind = format!("{}s", what.word());
        let at = all.iter().position(|impact| impact.what == kind).unwrap_or_else(|| {
            all.push(Impact { what: kind, count: 0, bytes: None, exact: true, samples: Vec::new() });
            all.len() - 1
        });
        for sample in samples {
            if all[at].samples.iter().all(|one| one.name != sample.name) {
                all[at].count += 1;
                all[at].samples.push(sample);
            }
        }
    }
    if parts.is_empty() {
        all.push(Impact { what: "containers".into(), count: 0, bytes: None, exact: true, samples: Vec::new() });
    }
    all
}

fn add(notes: &mut Vec<String>, more: Vec<String>) {
    for note in more {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}

/// What it is about, in a few words.
fn sample(item: &Item, seen: &Seen) -> Option<Sample> {
    match item {
        Item::Remove { what, name, .. } if *what != Thing::Container => {
            Some(Sample { name: name.clone(), about: what.word().to_owned() })
        }
        Item::Life { .. } | Item::Rename { .. } | Item::Remove { .. } | Item::Endpoint { .. } | Item::Exec(_) => {
            Some(of_container(&seen.thing))
        }
        Item::Create { .. } | Item::Pull(_) | Item::Prune(_) | Item::Run(_) | Item::Up(_) | Item::Once(_) => None,
    }
}

fn of_container(container: &Value) -> Sample {
    let image = container.pointer("/Config/Image").and_then(Value::as_str).unwrap_or_default();
    Sample { name: name(container).to_owned(), about: format!("{}, {image}", Standing::of(container).shown()) }
}

/// Before and after.
fn expect(item: &Item, seen: &Seen) -> (Vec<Diff>, Vec<String>) {
    let title = || seen.kept.subject();
    let mut notes = Vec::new();
    let changes = match item {
        Item::Life { act: Act::Update(wanted), .. } => wanted
            .iter()
            .map(|(field, wanted)| {
                let before = setting(&seen.thing, field);
                Diff::new(format!("{} {field}", title()), Image::of(before), Image::of(wanted.clone()))
            })
            .collect(),
        Item::Life { act, .. } => {
            let before = Standing::of(&seen.thing);
            let (after, refused) = outcome(act, &before);
            if let Some(refused) = refused {
                notes.push(format!("{} {refused}", title()));
            }
            let vanishes = matches!(&seen.kept, Kept::Standing { vanishes: true, .. });
            let after = if vanishes && before.does() != Does::Rest { Image::Absent } else { after };
            vec![Diff::new(title(), Image::of(before.shown()), after)]
        }
        Item::Rename { to, .. } => {
            vec![Diff::new("container name", Image::of(name(&seen.thing)), Image::of(to.as_str()))]
        }
        Item::Remove { what: Thing::Container, .. } => {
            vec![Diff::new(title(), Image::of(Standing::of(&seen.thing).shown()), Image::Absent)]
        }
        Item::Remove { .. } => vec![Diff::new(title(), Image::of("there"), Image::Absent)],
        Item::Endpoint { network, connects, .. } => {
            let there = crate::docker::again::endpoint(&seen.thing, network).is_some();
            let side = |there: bool| Image::of(if there { "connected" } else { "not connected" });
            vec![Diff::new(title(), side(there), side(*connects))]
        }
        // What an approval is about stays the same from one look to the next.
        Item::Create { what, named: false, .. } => {
            vec![Diff::new(format!("a new {}", what.word()), Image::Absent, Image::of("there"))]
        }
        Item::Create { what, .. } => {
            let there = !seen.thing.is_null();
            if there && *what == Thing::Network {
                notes.push(format!("{} is there already, so the engine will refuse", title()));
            }
            let before = if there { Image::of("there") } else { Image::Absent };
            vec![Diff::new(title(), before, Image::of("there"))]
        }
        Item::Pull(pull) => {
            let id = id(&seen.thing);
            let before = if id.is_empty() { Image::Absent } else { Image::of(super::pull::short(id)) };
            notes.push("what the registry has is known only when it is fetched".into());
            vec![Diff::new(format!("image {}", pull.image), before, Image::Unknown)]
        }
        Item::Run(_) => {
            if seen.thing.is_null() {
                notes.push("its image is not here, and is fetched".into());
            }
            vec![Diff::new(title(), Image::Absent, Image::of("runs"))]
        }
        Item::Exec(_) | Item::Once(_) => {
            notes.push(format!("it runs in {}; what it does there is not known", title()));
            Vec::new()
        }
        Item::Prune(_) => Vec::new(),
        Item::Up(up) => {
            let (changes, more) = up.expect(seen);
            notes.extend(more);
            changes
        }
    };
    (changes, notes)
}

/// How a container stands afterwards; and why the engine will refuse, if it will.
fn outcome(act: &Act, before: &Standing) -> (Image, Option<&'static str>) {
    let same = || Image::of(before.shown());
    match (act, before.does()) {
        (Act::Start, Does::Rest) => (Image::of("running"), None),
        (Act::Start, Does::Pause) => (same(), Some("is paused, so the engine will refuse: unpause it")),
        (Act::Start, Does::Run) | (Act::Stop { .. }, Does::Rest) => (same(), None),
        (Act::Stop { .. }, Does::Run | Does::Pause) => (Image::of(STOPPED), None),
        (Act::Restart { .. }, _) => (Image::of("started anew, running"), None),
        (Act::Kill { .. }, Does::Rest) => (same(), Some("does not run, so the engine will refuse")),
        (Act::Kill { signal }, _) => match signal.as_deref().map(|it| it.trim_start_matches("SIG")) {
            None | Some("KILL" | "9") => (Image::of("exited"), None),
            Some(_) => (Image::Unknown, None),
        },
        (Act::Pause, Does::Run) => (Image::of("paused"), None),
        (Act::Pause, Does::Rest) => (same(), Some("does not run, so the engine will refuse")),
        (Act::Pause, Does::Pause) => (same(), Some("is paused already, so the engine will refuse")),
        (Act::Unpause, Does::Pause) => (Image::of("running"), None),
        (Act::Unpause, Does::Run | Does::Rest) => (same(), Some("is not paused, so the engine will refuse")),
        (Act::Update(_), _) => (same(), None),
    }
}

/// What turns out to be worse, now that the engine has been asked.
fn worse(class: &mut Class, item: &Item, seen: &Seen) {
    match (&seen.kept, item) {
        (Kept::Standing { vanishes: true, before, .. }, _) if before.does() != Does::Rest => {
            let why = "it was started with --rm: when it ends the engine removes it, with what it wrote";
            *class = Class::new(Effect::Destroy, Reversal::Impossible(why.into()));
        }
        (Kept::Settings { before, wanted, .. }, _) if class.reversal == Reversal::Exact => {
            let none = |field: &String| before.get(field).is_none_or(impact::is_none);
            if wanted.keys().any(|field| none(field) && !matches!(field.as_str(), "RestartPolicy" | "PidsLimit")) {
                class.reversal = Reversal::BestEffort(STAYS.into());
            }
        }
        _ => {}
    }
}

async fn impact_of_prune(reader: &Reader<'_>, prune: &super::pull::Prune, planned: &mut Planned) -> Result<(), Fault> {
    let Some(names) = prune.unused(reader).await? else {
        planned.notes.push("what it finds without a use is known only when it is carried out".into());
        return Ok(());
    };
    let about = |name: &String| Sample { name: name.clone(), about: prune.what.word().to_owned() };
    planned.impact.push(Impact {
        what: format!("{}s", prune.what.word()),
        count: names.len() as u64,
        bytes: None,
        exact: true,
        samples: names.iter().take(10).map(about).collect(),
    });
    Ok(())
}

/// The service that a container is of, for people.
pub(super) fn of_service(container: &Value) -> Option<&str> {
    label(container, crate::docker::compose::SERVICE)
}
