//! One part of a change: what it is about, what is captured before it, how it is made.

use std::time::Duration;

use playbook_core::action::{Applied, Fault};
use playbook_core::plan::{Change as Diff, Image};
use serde_json::{Map, Value, json};

use super::{exec, impact, once, pull, run, up};
use crate::docker::again;
use crate::docker::client::{Call, Reader, Writer, part};
use crate::docker::faults;
use crate::docker::find;
use crate::docker::line::model::Act;
use crate::docker::record::{Kept, Thing};
use crate::docker::standing::{Standing, id, name};

/// What is given to what takes so long by itself.
const GRACE: Duration = Duration::from_secs(60);
/// How long a container is given to end where nothing says otherwise, in seconds; the engine's.
const STOP: i64 = 10;
/// As good as for ever.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// One part of a change. Containers and networks are named by their ids: what is captured is what is
/// changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Life {
        id: String,
        act: Act,
    },
    Rename {
        id: String,
        to: String,
    },
    /// `again`: it can be made again.
    Remove {
        what: Thing,
        id: String,
        name: String,
        force: bool,
        volumes: bool,
        again: bool,
    },
    Endpoint {
        network: String,
        id: String,
        connects: bool,
        endpoint: Map<String, Value>,
        force: bool,
    },
    /// `named`: by the author; else the name is a new one each time.
    Create {
        what: Thing,
        name: String,
        named: bool,
        body: Map<String, Value>,
    },
    Pull(pull::Pull),
    Prune(pull::Prune),
    Exec(exec::Work),
    Run(Box<run::Work>),
    Up(Box<up::Work>),
    Once(Box<once::Once>),
}

/// What was read before a part.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) kept: Kept,
    /// What the record holds beside it.
    pub(super) blob: Option<Value>,
    /// As the engine describes it.
    pub(super) thing: Value,
}

/// How a part went.
pub(super) struct Made {
    pub(super) applied: Applied,
    /// For the result of the step.
    pub(super) row: Value,
}

/// The word for an act.
pub(super) fn word(act: &Act) -> &'static str {
    match act {
        Act::Start => "start",
        Act::Stop { .. } => "stop",
        Act::Restart { .. } => "restart",
        Act::Kill { .. } => "kill",
        Act::Pause => "pause",
        Act::Unpause => "unpause",
        Act::Update(_) => "update",
    }
}

/// Does the step end only when the container is ready?
fn waits(act: &Act) -> bool {
    matches!(act, Act::Start | Act::Restart { .. } | Act::Unpause)
}

impl Item {
    /// What would be done twice if it were done again, or done to what someone else did since.
    pub(super) fn counts(&self) -> bool {
        matches!(self, Self::Life { .. })
    }

    /// Reads what it is about to change.
    ///
    /// # Errors
    /// When it is not there.
    pub(super) async fn look(&self, reader: &Reader<'_>) -> Result<Seen, Fault> {
        match self {
            Self::Life { id, act: Act::Update(wanted) } => {
                let thing = find::container(reader, id).await?;
                // The engine wants to be told of both when one of them changes.
                let both = ["Memory", "MemorySwap"];
                let both = both.iter().filter(|_| wanted.keys().any(|field| both.contains(&field.as_str())));
                let fields = wanted.keys().cloned().chain(both.map(|field| (*field).to_owned()));
                let before = fields.map(|field| (field.clone(), setting(&thing, &field))).collect();
                let kept = Kept::Settings {
                    id: self::id(&thing).to_owned(),
                    name: name(&thing).to_owned(),
                    before,
                    wanted: wanted.clone(),
                };
                Ok(Seen { kept, blob: None, thing })
            }
            Self::Life { id, act } => {
                let thing = find::container(reader, id).await?;
                let vanishes = thing.pointer("/HostConfig/AutoRemove").and_then(Value::as_bool) == Some(true)
                    && matches!(act, Act::Stop { .. } | Act::Kill { .. });
                let kept = Kept::Standing {
                    id: self::id(&thing).to_owned(),
                    name: name(&thing).to_owned(),
                    act: word(act).to_owned(),
                    before: Standing::of(&thing),
                    ready: waits(act),
                    vanishes,
                };
                Ok(Seen { kept, blob: None, thing })
            }
            Self::Rename { id, to } => {
                let thing = find::container(reader, id).await?;
                let (id, from) = (self::id(&thing).to_owned(), name(&thing).to_owned());
                Ok(Seen { kept: Kept::Name { id, from, to: to.clone() }, blob: None, thing })
            }
            Self::Remove { what, id, name, again, .. } => {
                let thing = find::thing(reader, *what, id).await?;
                let (id, name) = (id.clone(), name.clone());
                let kept = match what {
                    Thing::Container if *again => {
                        let written = impact::written(reader, &thing).await?.len() as u64;
                        Kept::Container { id, name, before: Standing::of(&thing), written }
                    }
                    Thing::Network if *again => Kept::Network { id, name },
                    _ => Kept::Removed { what: *what, id, name },
                };
                let blob = again.then(|| thing.clone());
                Ok(Seen { kept, blob, thing })
            }
            Self::Endpoint { network, id, connects, endpoint, .. } => {
                let thing = find::container(reader, id).await?;
                let before = again::endpoint(&thing, network);
                if *connects == before.is_some() {
                    // Of a container that does not run, the engine would lay the new place over the old one.
                    let (is, help) = if *connects {
                        ("is in network", "disconnect it first, or leave the step out")
                    } else {
                        ("is not in network", "`docker: inspect` of the container shows its networks")
                    };
                    let message = format!("container {} {is} {network}", name(&thing));
                    return Err(faults::refused(message, help).server("403", false));
                }
                let endpoint = if *connects { Some(endpoint.clone()) } else { before };
                let kept = Kept::Endpoint {
                    network: network.clone(),
                    id: self::id(&thing).to_owned(),
                    name: name(&thing).to_owned(),
                    connects: *connects,
                    endpoint: endpoint.unwrap_or_default(),
                };
                Ok(Seen { kept, blob: None, thing })
            }
            Self::Create { what, name, .. } => {
                let thing = reader.find(&Call::get(what.read(name))).await?.unwrap_or(Value::Null);
                let there = !thing.is_null();
                let kept = Kept::Made { what: *what, name: name.clone(), mark: None, ready: false, there };
                Ok(Seen { kept, blob: None, thing })
            }
            Self::Pull(pull) => pull.look(reader).await,
            Self::Prune(prune) => Ok(prune.look()),
            Self::Exec(exec) => exec.look(reader).await,
            Self::Run(run) => run.look(reader).await,
            Self::Up(up) => up.look(reader).await,
            Self::Once(once) => Ok(once.look()),
        }
    }

    /// As a person would type it.
    pub(super) fn words(&self, seen: &Seen) -> Vec<String> {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self {
            Self::Life { act, .. } => own(&[word(act), name(&seen.thing)]),
            Self::Rename { to, .. } => own(&["rename", name(&seen.thing), to]),
            Self::Remove { what: Thing::Container, name, .. } => own(&["rm", name]),
            Self::Remove { what, name, .. } => own(&[what.word(), "rm", name]),
            Self::Endpoint { network, connects, .. } => {
                own(&["network", if *connects { "connect" } else { "disconnect" }, network, name(&seen.thing)])
            }
            Self::Create { what, name, .. } => own(&[what.word(), "create", name]),
            Self::Pull(pull) => own(&["pull", &pull.image]),
            Self::Prune(prune) => prune.words(),
            Self::Exec(exec) => exec.words(seen),
            Self::Run(run) => run.words(),
            Self::Up(up) => up.words(),
            Self::Once(once) => once.words(),
        }
    }

    /// Makes the change.
    ///
    /// # Errors
    /// When the engine refuses; without an answer it is unclear whether it was made.
    pub(super) async fn apply(&self, writer: &Writer<'_>, seen: &Seen) -> Result<Made, Fault> {
        match self {
            Self::Life { id, act: Act::Update(wanted) } => update(writer, id, wanted, seen).await,
            Self::Life { id, act } => live(writer, id, act, seen).await,
            Self::Rename { id, to } => {
                let call = Call::post(format!("/containers/{}/rename", part(id))).query("name", to);
                writer.send(&call).await?;
                let diff = Diff::new("container name", Image::of(name(&seen.thing)), Image::of(to.as_str()));
                Ok(Made { applied: applied(true, json!({"name": to}), vec![diff]), row: json!({"name": to, "id": id}) })
            }
            Self::Remove { what, id, name, force, volumes, .. } => {
                let mut call = Call::delete(format!("{}/{}", what.path(), part(id)));
                if *force {
                    call = call.query("force", "1");
                }
                if *volumes {
                    call = call.query("v", "1");
                }
                writer.send(&call.within(GRACE)).await?;
                let diff = Diff::new(format!("{} {name}", what.word()), Image::of("there"), Image::Absent);
                Ok(Made { applied: applied(true, json!({"gone": true}), vec![diff]), row: json!({"name": name}) })
            }
            Self::Endpoint { network, id, connects, endpoint, force } => {
                let verb = if *connects { "connect" } else { "disconnect" };
                let mut body = json!({"Container": id});
                if *connects {
                    body["EndpointConfig"] = Value::Object(endpoint.clone());
                } else {
                    body["Force"] = (*force).into();
                }
                writer.send(&Call::post(format!("/networks/{}/{verb}", part(network))).body(body)).await?;
                let (before, after) = (Image::of("connected"), Image::of("not connected"));
                let (before, after) = if *connects { (after, before) } else { (before, after) };
                let diff = Diff::new(seen.kept.subject(), before, after);
                let row = json!({"name": name(&seen.thing), "network": network, "connected": connects});
                Ok(Made { applied: applied(true, json!({"connected": connects}), vec![diff]), row })
            }
            Self::Create { what, name, body, .. } => create(writer, *what, name, body, seen).await,
            Self::Pull(pull) => pull.apply(writer, seen).await,
            Self::Prune(prune) => prune.apply(writer).await,
            Self::Exec(exec) => exec.apply(writer, seen).await,
            Self::Run(run) => run.apply(writer, seen).await,
            Self::Up(up) => up.apply(writer, seen).await,
            Self::Once(once) => once.apply(writer).await,
        }
    }
}

pub(super) fn applied(changed: bool, after: Value, diff: Vec<Diff>) -> Applied {
    Applied { changed, after, diff, corrected: None }
}

/// A setting of a container, in the terms of an update.
pub(in crate::docker) fn setting(container: &Value, field: &str) -> Value {
    container.pointer("/HostConfig").and_then(|host| host.get(field)).cloned().unwrap_or(Value::Null)
}

/// Starts, stops and what is like it.
pub(in crate::docker) fn life(container: &Value, act: &Act) -> Call {
    let path = format!("/containers/{}/{}", part(id(container)), word(act));
    let stop = container.pointer("/Config/StopTimeout").and_then(Value::as_i64).unwrap_or(STOP);
    let limit = |seconds: Option<i64>| match u64::try_from(seconds.unwrap_or(stop)) {
        Ok(seconds) => Duration::from_secs(seconds).saturating_add(GRACE),
        // Never killed.
        Err(_) => LONG,
    };
    let call = Call::post(path);
    match act {
        Act::Stop { seconds, signal } | Act::Restart { seconds, signal } => {
            let call = call.within(limit(*seconds));
            let call = seconds.map_or_else(|| call.clone(), |seconds| call.clone().query("t", seconds.to_string()));
            signal.as_ref().map_or_else(|| call.clone(), |signal| call.clone().query("signal", signal))
        }
        Act::Kill { signal: Some(signal) } => call.query("signal", signal).within(GRACE),
        Act::Start | Act::Kill { signal: None } | Act::Pause | Act::Unpause | Act::Update(_) => call.within(GRACE),
    }
}

async fn live(writer: &Writer<'_>, id: &str, act: &Act, seen: &Seen) -> Result<Made, Fault> {
    writer.send(&life(&seen.thing, act)).await?;
    if matches!(act, Act::Start | Act::Restart { .. }) {
        writer.reading().target().memory().start(name(&seen.thing));
    }
    let before = Standing::of(&seen.thing);
    let title = format!("container {}", name(&seen.thing));
    let now = writer.reading().find(&Call::get(Thing::Container.read(id))).await;
    // The change was made; what cannot be seen now is told as far as it is known.
    let Ok(Some(now)) = now else {
        let gone = matches!(now, Ok(None));
        let after = if gone { Image::Absent } else { Image::Unknown };
        let diff = Diff::new(title, Image::of(before.shown()), after);
        let row = json!({"name": name(&seen.thing), "id": id, "state": if gone { "removed" } else { "unknown" }});
        return Ok(Made { applied: applied(true, json!({"gone": gone}), vec![diff]), row });
    };
    let after = Standing::of(&now);
    let changed = (after.does(), &after.started) != (before.does(), &before.started);
    let diff =
        if changed { vec![Diff::new(title, Image::of(before.shown()), Image::of(after.shown()))] } else { vec![] };
    let left = serde_json::to_value(&after).unwrap_or_default();
    Ok(Made { applied: applied(changed, left, diff), row: crate::docker::ready::row(&now, &after) })
}

async fn update(writer: &Writer<'_>, id: &str, wanted: &Map<String, Value>, seen: &Seen) -> Result<Made, Fault> {
    let call = Call::post(format!("/containers/{}/update", part(id))).body(Value::Object(wanted.clone()));
    let answer = writer.send(&call).await?;
    let now = writer.reading().get(&Call::get(Thing::Container.read(id))).await.unwrap_or_default();
    let mut diff = Vec::new();
    let mut left = Map::new();
    let fields = match &seen.kept {
        Kept::Settings { before, .. } => before,
        _ => wanted,
    };
    for field in fields.keys() {
        let (before, after) = (setting(&seen.thing, field), setting(&now, field));
        if before != after {
            diff.push(Diff::new(
                format!("container {} {field}", name(&seen.thing)),
                Image::of(before),
                Image::of(after.clone()),
            ));
        }
        left.insert(field.clone(), after);
    }
    let row = json!({"name": name(&seen.thing), "id": id, "warnings": answer.body.get("Warnings")});
    Ok(Made { applied: applied(!diff.is_empty(), Value::Object(left), diff), row })
}

async fn create(
    writer: &Writer<'_>,
    what: Thing,
    name: &str,
    body: &Map<String, Value>,
    seen: &Seen,
) -> Result<Made, Fault> {
    let mut body = body.clone();
    body.insert("Name".into(), name.into());
    if what == Thing::Network {
        body.insert("CheckDuplicate".into(), true.into());
    }
    let answer = writer.send(&Call::post(format!("{}/create", what.path())).body(Value::Object(body))).await?;
    let text = |field: &str| answer.body.get(field).and_then(Value::as_str).map(str::to_owned);
    let id = text("Id").or_else(|| text("Name")).unwrap_or_else(|| name.to_owned());
    // Making a volume that is there already makes none.
    let made = seen.thing.is_null();
    let diff = Diff::new(format!("{} {name}", what.word()), Image::Absent, Image::of("there"));
    let row = json!({"name": name, "id": id, "warning": text("Warning")});
    Ok(Made { applied: applied(made, json!({"id": id}), if made { vec![diff] } else { vec![] }), row })
}
