//! `compose up` and what else only the compose file can tell: carried out by the compose that is
//! installed, planned from its own digests, and taken back from what the project was before.

use std::collections::{BTreeMap, BTreeSet};

use playbook_core::action::{Fault, FaultKind, Happened};
use playbook_core::codes::Code;
use playbook_core::model::{Effect, Reversal};
use playbook_core::plan::{Change as Diff, Image, Planned};
use serde_json::{Value, json};

use super::item::{Item, Made, Seen, applied};
use super::{impact, pull};
use crate::docker::client::{Call, Reader, Writer};
use crate::docker::compose::config::Config;
use crate::docker::compose::have::Have;
use crate::docker::compose::project::Project;
use crate::docker::compose::tool::{self, Tool};
use crate::docker::compose::{HASH, number, service};
use crate::docker::faults;
use crate::docker::line::model::Up;
use crate::docker::ready;
use crate::docker::record::{Kept, Thing, Wanted};
use crate::docker::standing::{Does, Standing, id, label, name};
use crate::docker::undo::up_of;

/// Volumes may hold what somebody needs by then.
const VOLUMES_STAY: &str = "volumes that are made stay when it is taken back";

/// `up`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::docker) struct Work {
    up: Up,
    project: Project,
    tool: Tool,
    config: Config,
    /// Services that it is about, dependencies first.
    services: Vec<String>,
}

impl Work {
    /// # Errors
    /// When there is no compose, or it does not understand the files.
    pub(in crate::docker) async fn of(reader: &Reader<'_>, project: &Project, up: &Up) -> Result<Self, Fault> {
        if project.files.is_empty() {
            let message = format!("there is no compose file for project {} here", project.name);
            return Err(Fault::new(FaultKind::Invalid, Code::Arguments, message)
                .help("name it with -f; paths are relative to the playbook"));
        }
        let tool = Tool::find().await?;
        let config = Config::ask(&tool, project, reader).await?;
        let mut named = up.services.iter().chain(up.scale.iter().map(|(service, _)| service));
        if let Some(unknown) = named.find(|name| !config.services.contains_key(*name)) {
            let known: Vec<&str> = config.services.keys().map(String::as_str).collect();
            let message = format!("project {} has no service `{unknown}`", project.name);
            return Err(Fault::new(FaultKind::Invalid, Code::Arguments, message)
                .help(format!("its files name {}", known.join(", "))));
        }
        let services = config.with_dependencies(&up.services, up.no_deps);
        Ok(Self { up: up.clone(), project: project.clone(), tool, config, services })
    }

    pub(super) async fn look(&self, reader: &Reader<'_>) -> Result<Seen, Fault> {
        let mut have = Have::look(reader, &self.project.name).await?;
        for one in &mut have.containers {
            let written = impact::written(reader, one).await?.len();
            one[impact::WRITTEN] = written.into();
        }
        let mut images = BTreeMap::new();
        for service in &self.services {
            let image = self.config.services.get(service).and_then(|it| it.image.clone());
            if let Some(image) = image {
                let found = reader.find(&Call::get(Thing::Image.read(&image))).await?;
                images.insert(image, found.as_ref().map(|found| id(found).to_owned()));
            }
        }
        let kept = Kept::Project {
            project: self.project.name.clone(),
            wait_seconds: self.up.wait_seconds,
            wanted: self.services.iter().filter_map(|service| self.wanted(service)).collect(),
        };
        Ok(Seen { kept, blob: Some(have.stored()), thing: json!(images) })
    }

    /// What there is of a service when `up` has come to its end.
    fn wanted(&self, service: &str) -> Option<Wanted> {
        let wanted = self.config.services.get(service)?;
        let hash = wanted.hash.clone().filter(|_| !self.up.no_recreate);
        Some(Wanted { service: service.to_owned(), count: self.count(service)?, hash, runs: !self.up.no_start })
    }

    /// How many containers a service is to have.
    fn count(&self, service: &str) -> Option<u64> {
        let given = self.up.scale.iter().find(|(name, _)| name == service).map(|(_, scale)| *scale);
        given.or_else(|| Some(self.config.services.get(service)?.scale))
    }

    pub(super) fn words(&self) -> Vec<String> {
        let mut words = self.tool.words();
        words.extend(["-p".to_owned(), self.project.name.clone()]);
        words.extend(self.arguments());
        words
    }

    fn arguments(&self) -> Vec<String> {
        let up = &self.up;
        let mut words = vec!["up".to_owned(), if up.no_start { "--no-start" } else { "-d" }.to_owned()];
        let switches = [
            (up.force_recreate, "--force-recreate"),
            (up.no_recreate, "--no-recreate"),
            (up.no_deps, "--no-deps"),
            (up.remove_orphans, "--remove-orphans"),
            (up.renew_volumes, "--renew-anon-volumes"),
            (true, "--no-build"),
        ];
        words.extend(switches.iter().filter(|(given, _)| *given).map(|(_, flag)| (*flag).to_owned()));
        words.extend(up.scale.iter().map(|(service, number)| format!("--scale={service}={number}")));
        if let Some(seconds) = up.seconds {
            words.push(format!("--timeout={seconds}"));
        }
        // The first compose knows no --pull here.
        if let Some(pull) = up.pull.as_ref().filter(|_| !self.tool.is_first()) {
            words.push(format!("--pull={pull}"));
        }
        words.extend(up.services.iter().cloned());
        words
    }

    pub(super) async fn apply(&self, writer: &Writer<'_>, seen: &Seen) -> Result<Made, Fault> {
        let reader = writer.reading();
        let before = Have::of(seen.blob.as_ref().unwrap_or(&Value::Null));
        let environment = reader.opened().environment();
        let done = self.tool.run(&self.project, &self.arguments(), &environment, reader.cancel()).await?;
        reader.target().memory().end(&up_of(&self.project.name));
        let now = Have::look(reader, &self.project.name).await.map_err(Fault::unclear)?;
        let changed = before.marks() != now.marks();
        if done.code != 0 {
            let stopped = reader.cancel().is_cancelled();
            let message = format!("compose up of project {} failed: {}", self.project.name, tool::said(&done));
            let fault = if stopped {
                faults::cancelled(changed)
            } else {
                Fault::new(FaultKind::Refused, Code::ServerError, message).help("the words are compose's own")
            };
            return Err(if changed { fault.unclear() } else { Fault { happened: Happened::No, ..fault } });
        }
        let ours = |one: &&Value| self.services.iter().any(|name| name == service(one));
        let ready: Vec<String> = if self.up.no_start {
            Vec::new()
        } else {
            now.containers.iter().filter(ours).map(|one| id(one).to_owned()).collect()
        };
        let rows: Vec<Value> = now.containers.iter().map(|one| ready::row(one, &Standing::of(one))).collect();
        let diff = difference(&before, &now);
        let row = json!({"project": self.project.name, "items": rows});
        Ok(Made { applied: applied(changed, now.left(&ready), diff), row })
    }

    /// What it would come to.
    pub(super) fn expect(&self, seen: &Seen) -> (Vec<Diff>, Vec<String>) {
        let have = Have::of(seen.blob.as_ref().unwrap_or(&Value::Null));
        let (mut changes, mut notes) = (Vec::new(), Vec::new());
        let image_of = |image: &str| seen.thing.get(image).and_then(Value::as_str);
        changes.extend(new("network", &self.config.networks, &have.network_names()));
        changes.extend(new("volume", &self.config.volumes, &have.volumes));
        let up = if self.up.no_start { "created" } else { "running" };
        for name_of_service in &self.services {
            let Some(wanted) = self.config.services.get(name_of_service) else { continue };
            let mut own: Vec<&Value> = have.containers.iter().filter(|one| service(one) == name_of_service).collect();
            own.sort_by_key(|one| number(one));
            let scale = usize::try_from(self.count(name_of_service).unwrap_or(1)).unwrap_or(usize::MAX);
            let image = wanted.image.as_deref();
            if let Some(absent) = image.filter(|image| image_of(image).is_none()) {
                notes.push(format!("the image {absent} is not here, and is fetched"));
            }
            for (at, one) in own.iter().enumerate() {
                let title = format!("container {}", name(one));
                let standing = Standing::of(one);
                if at >= scale {
                    changes.push(Diff::new(title, Image::of(standing.shown()), Image::Absent));
                    continue;
                }
                let parts = self.recreated(one, wanted.hash.as_deref(), image.and_then(image_of));
                if !parts.is_empty() {
                    let mut change =
                        Diff::new(title, Image::of(standing.shown()), Image::of(format!("made anew, {up}")));
                    change.parts = parts;
                    changes.push(change);
                } else if standing.status != "running" && !self.up.no_start {
                    changes.push(Diff::new(title, Image::of(standing.shown()), Image::of(up)));
                }
            }
            for at in own.len()..scale.min(own.len() + 1000) {
                let between = if self.tool.is_first() { '_' } else { '-' };
                let made = wanted
                    .container
                    .clone()
                    .unwrap_or_else(|| format!("{}{between}{name_of_service}{between}{}", self.project.name, at + 1));
                changes.push(Diff::new(format!("container {made}"), Image::Absent, Image::of(up)));
            }
        }
        let orphans: Vec<&Value> =
            have.containers.iter().filter(|one| !self.config.services.contains_key(service(one))).collect();
        if self.up.remove_orphans {
            let gone = orphans.iter().map(|one| (name(one), Standing::of(one)));
            changes.extend(gone.map(|(name, standing)| {
                Diff::new(format!("container {name}"), Image::of(standing.shown()), Image::Absent)
            }));
        } else if !orphans.is_empty() {
            let names: Vec<&str> = orphans.iter().map(|one| name(one)).collect();
            notes.push(format!("the files do not name {}; --remove-orphans would remove them", names.join(", ")));
        }
        if changes.iter().any(|change| change.after != Image::Absent && !change.parts.is_empty()) {
            notes.push("what containers that are made anew wrote outside of volumes is gone".into());
        }
        (changes, notes)
    }

    /// The containers that it would make anew or remove.
    pub(super) fn reached(&self, seen: &Seen) -> Vec<Value> {
        let changes = self.expect(seen).0;
        let goes = |one: &Value| {
            let title = format!("container {}", name(one));
            changes.iter().any(|it| it.subject == title && (it.after == Image::Absent || !it.parts.is_empty()))
        };
        Have::of(seen.blob.as_ref().unwrap_or(&Value::Null)).containers.into_iter().filter(goes).collect()
    }

    /// Nothing is interrupted where nothing that runs would go.
    pub(super) fn milder(&self, seen: &Seen, planned: &mut Planned) {
        let gone = self.reached(seen);
        if gone.iter().all(|one| Standing::of(one).does() == Does::Rest) {
            planned.class.effect = Effect::Change;
        }
        if gone.is_empty() {
            let makes = planned.changes.iter().any(|change| change.subject.starts_with("volume "));
            planned.class.reversal = if makes { Reversal::BestEffort(VOLUMES_STAY.into()) } else { Reversal::Exact };
        }
    }

    /// Why a container would be made anew; empty if it would not.
    fn recreated(&self, one: &Value, hash: Option<&str>, image: Option<&str>) -> Vec<Diff> {
        let mut why = Vec::new();
        let own = label(one, HASH);
        if self.up.no_recreate {
            return why;
        }
        if let (Some(own), Some(hash)) = (own, hash)
            && own != hash
        {
            let cut = |hash: &str| Image::of(hash.chars().take(12).collect::<String>());
            why.push(Diff::new("configuration", cut(own), cut(hash)));
        }
        let now = one.get("Image").and_then(Value::as_str).unwrap_or_default();
        if let Some(image) = image.filter(|image| *image != now) {
            why.push(Diff::new("image", Image::of(pull::short(now)), Image::of(pull::short(image))));
        }
        if why.is_empty() && self.up.force_recreate {
            why.push(Diff::new("--force-recreate", Image::of(false), Image::of(true)));
        }
        why
    }
}

/// What happened to a project.
fn difference(before: &Have, now: &Have) -> Vec<Diff> {
    let mut all = Vec::new();
    let find = |have: &Have, wanted: &str| have.containers.iter().find(|one| name(one) == wanted).cloned();
    for one in &now.containers {
        let title = format!("container {}", name(one));
        let after = Standing::of(one);
        match find(before, name(one)) {
            None => all.push(Diff::new(title, Image::Absent, Image::of(after.shown()))),
            Some(old) if id(&old) != id(one) => {
                let after = format!("made anew, {}", after.shown());
                all.push(Diff::new(title, Image::of(Standing::of(&old).shown()), Image::of(after)));
            }
            Some(old) if Standing::of(&old).does() != after.does() => {
                all.push(Diff::new(title, Image::of(Standing::of(&old).shown()), Image::of(after.shown())));
            }
            Some(_) => {}
        }
    }
    let gone = before.containers.iter().filter(|one| find(now, name(one)).is_none());
    all.extend(
        gone.map(|one| {
            Diff::new(format!("container {}", name(one)), Image::of(Standing::of(one).shown()), Image::Absent)
        }),
    );
    all.extend(new("network", &now.network_names(), &before.network_names()));
    all.extend(new("volume", &now.volumes, &before.volumes));
    all
}

/// What is among `all` and not yet among `known`.
fn new(what: &str, all: &[String], known: &[String]) -> Vec<Diff> {
    let new = all.iter().filter(|one| !known.contains(one));
    new.map(|one| Diff::new(format!("{what} {one}"), Image::Absent, Image::of("there"))).collect()
}

/// The images of services, each fetched.
pub(in crate::docker) async fn pulls(
    reader: &Reader<'_>,
    project: &Project,
    services: &[String],
) -> Result<Vec<Item>, Fault> {
    let tool = Tool::find().await?;
    let config = Config::ask(&tool, project, reader).await?;
    let wanted = config.with_dependencies(services, true);
    let images: BTreeSet<String> =
        wanted.iter().filter_map(|service| config.services.get(service)?.image.clone()).collect();
    Ok(images.into_iter().map(|image| Item::Pull(pull::Pull { image, platform: None })).collect())
}

/// The images that `down --rmi` removes.
pub(in crate::docker) async fn images(
    reader: &Reader<'_>,
    project: &Project,
    containers: &[Value],
    which: &str,
) -> Result<BTreeSet<String>, Fault> {
    let mut all = BTreeSet::new();
    for one in containers {
        let Some(image) = one.get("Image").and_then(Value::as_str) else { continue };
        // What compose built and nobody named.
        let own = ['-', '_'].iter().any(|between| image == format!("{}{between}{}", project.name, service(one)));
        if (which == "all" || own) && reader.find(&Call::get(Thing::Image.read(image))).await?.is_some() {
            all.insert(image.to_owned());
        }
    }
    Ok(all)
}
