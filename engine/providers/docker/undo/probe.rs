//! Did a change happen whose answer was never recorded?

use std::time::Duration;

use playbook_core::action::{Fault, ReadAccess, UndoPart, Verdict};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::things;
use crate::docker::again;
use crate::docker::change::{mark, same, setting};
use crate::docker::client::{Call, Reader};
use crate::docker::compose::have::Have;
use crate::docker::compose::{HASH, service, turn};
use crate::docker::record::{Kept, Thing, Wanted};
use crate::docker::standing::{Does, Standing, id, label, name};

/// How long what was told to end is given to end; a probe as a whole has 15 seconds.
const ENDING: Duration = Duration::from_secs(12);
const LOOK: Duration = Duration::from_millis(300);

/// Looks.
///
/// # Errors
/// When the engine does not answer.
pub(in crate::docker) async fn probe(access: ReadAccess<'_>, part: &UndoPart) -> Result<Verdict, Fault> {
    let reader = Reader::open(access).await?;
    let kept = Kept::read(part)?;
    let find = async |id: &str| reader.find(&Call::get(Thing::Container.read(id))).await;
    Ok(match &kept {
        Kept::Standing { id, act, before, vanishes, name, .. } => match find(id).await? {
            None if *vanishes => Verdict::Done(json!({"gone": true})),
            None => Verdict::Unclear(format!("container {name} is gone")),
            Some(now) => match standing(act, before, &Standing::of(&now)) {
                Verdict::NotDone if matches!(act.as_str(), "stop" | "restart") => {
                    on_its_way(&reader, id, act, before, *vanishes).await?
                }
                verdict => verdict,
            },
        },
        Kept::Settings { id, before, wanted, name } => match find(id).await? {
            None => Verdict::Unclear(format!("container {name} is gone")),
            Some(now) => settings(before, wanted, &now),
        },
        Kept::Name { id, from, to } => match find(id).await? {
            None => Verdict::Unclear(format!("container {from} is gone")),
            Some(now) if name(&now) == to => Verdict::Done(json!({"name": to})),
            Some(now) if name(&now) == from => Verdict::NotDone,
            Some(now) => Verdict::Unclear(format!("someone renamed it to {}", name(&now))),
        },
        Kept::Container { id, .. } => match find(id).await? {
            Some(now) if Standing::of(&now).status != "removing" => Verdict::NotDone,
            _ => Verdict::Done(json!({"gone": true})),
        },
        Kept::Network { id, .. } => gone(&reader, Thing::Network, id).await?,
        Kept::Removed { id, name, .. } if id.is_empty() => {
            Verdict::Unclear(format!("what was {name} cannot be told any longer"))
        }
        Kept::Removed { what, id, .. } => gone(&reader, *what, id).await?,
        Kept::Endpoint { network, id, connects, name, .. } => match find(id).await? {
            None => Verdict::Unclear(format!("container {name} is gone")),
            Some(now) if again::endpoint(&now, network).is_some() == *connects => {
                Verdict::Done(json!({"connected": connects}))
            }
            Some(_) => Verdict::NotDone,
        },
        // What was there before was not made.
        Kept::Made { there: true, .. } => Verdict::NotDone,
        Kept::Made { .. } => match things::there(&reader, &kept, None).await? {
            Some(id) => Verdict::Done(json!({"id": id})),
            None => Verdict::NotDone,
        },
        Kept::Tag { image, before } => {
            let found = reader.find(&Call::get(Thing::Image.read(image))).await?;
            let now = found.as_ref().map(|found| self::id(found).to_owned());
            // Fetching the same again changes nothing.
            if now == *before { Verdict::NotDone } else { Verdict::Done(json!({"id": now})) }
        }
        Kept::Project { project, wanted, .. } => {
            if turn::is_taken(project, &reader.opened().host) {
                return Ok(Verdict::Unclear("compose is still at it; look again when it has ended".into()));
            }
            let before = Have::of(&Kept::blob(part)?);
            let now = Have::look(&reader, project).await?;
            if before.marks() == now.marks() {
                Verdict::NotDone
            } else if let Some(missing) = wanted.iter().find(|wanted| !is_there(wanted, &now))
                && !reader.target().memory().has_ended(&up_of(project))
            {
                // Compose ended with who ran it, or is still at it.
                Verdict::Unclear(format!("compose began, and service {} is not as it would leave it", missing.service))
            } else {
                let runs = |one: &&Value| Standing::of(one).does() == Does::Run;
                let ready: Vec<String> = now.containers.iter().filter(runs).map(|one| id(one).to_owned()).collect();
                Verdict::Done(now.left(&ready))
            }
        }
        Kept::Ran { mark, .. } if reader.target().memory().has_ended(mark) => Verdict::Done(json!({"ended": true})),
        Kept::Ran { mark, .. } => {
            let found = mark::find(&reader, mark).await?;
            let state = found.as_ref().and_then(|found| found.get("Status")?.as_str()).unwrap_or_default();
            let seen = if state.is_empty() { String::new() } else { format!("; its container: {state}") };
            Verdict::Unclear(format!("nobody saw the program end, and what it changes is not known{seen}"))
        }
    })
}

/// An engine that was asked to stop a container goes on with it when nobody waits for the answer: what
/// runs as before may be about to end. Its events tell, and then it is given time.
async fn on_its_way(
    reader: &Reader<'_>,
    id: &str,
    act: &str,
    before: &Standing,
    vanishes: bool,
) -> Result<Verdict, Fault> {
    if before.does() == Does::Rest || !is_told_to_end(reader, id, before).await? {
        return Ok(Verdict::NotDone);
    }
    let limit = Instant::now() + ENDING;
    while Instant::now() < limit {
        let verdict = match reader.find(&Call::get(Thing::Container.read(id))).await? {
            None if vanishes => return Ok(Verdict::Done(json!({"gone": true}))),
            None => return Ok(Verdict::Unclear("the container is gone".into())),
            Some(now) => standing(act, before, &Standing::of(&now)),
        };
        // Between its end and its start, a restart looks like something else.
        if matches!(verdict, Verdict::Done(_)) {
            return Ok(verdict);
        }
        reader.rest(LOOK).await?;
    }
    Ok(Verdict::Unclear("the engine was told to end it, and it has not ended yet".into()))
}

/// Was it sent a signal since it was started?
async fn is_told_to_end(reader: &Reader<'_>, id: &str, before: &Standing) -> Result<bool, Fault> {
    let info = reader.get(&Call::get("/info")).await?;
    let now = info.get("SystemTime").and_then(Value::as_str).and_then(seconds);
    let (Some(since), Some(until)) = (seconds(&before.started), now) else { return Ok(true) };
    let filters = json!({"container": [id], "event": ["kill"]}).to_string();
    let call = Call::get("/events").query("since", since.to_string()).query("until", until.to_string());
    Ok(!reader.get(&call.query("filters", filters)).await?.is_null())
}

/// Seconds since 1970, of the engine's words for a time.
fn seconds(time: &str) -> Option<i64> {
    time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// What this process remembers of a compose that came to its end: what it left is all of its work.
pub(in crate::docker) fn up_of(project: &str) -> String {
    format!("up of {project}")
}

async fn gone(reader: &Reader<'_>, what: Thing, id: &str) -> Result<Verdict, Fault> {
    let found = reader.find(&Call::get(what.read(id))).await?;
    Ok(if found.is_some() { Verdict::NotDone } else { Verdict::Done(json!({"gone": true})) })
}

fn standing(act: &str, before: &Standing, now: &Standing) -> Verdict {
    let done = || Verdict::Done(serde_json::to_value(now).unwrap_or_default());
    let untouched = now.does() == before.does() && now.started == before.started;
    match (act, now.does()) {
        // It made no difference before, and makes none now.
        ("start", Does::Run) | ("stop", Does::Rest) if untouched => done(),
        ("restart", Does::Run) if now.started != before.started => done(),
        // It may have ended by itself afterwards, or between stop and start.
        ("restart", _) if !untouched => Verdict::Unclear(format!("it is {} now", now.shown())),
        ("kill", Does::Run | Does::Pause) => Verdict::Unclear("a signal leaves no trace".into()),
        ("start" | "unpause", Does::Run) | ("stop" | "kill", Does::Rest) | ("pause", Does::Pause) if !untouched => {
            done()
        }
        _ if untouched => Verdict::NotDone,
        _ => Verdict::Unclear(format!("it is {} now", now.shown())),
    }
}

/// Did compose come to its end with a service?
fn is_there(wanted: &Wanted, now: &Have) -> bool {
    let own = now.containers.iter().filter(|one| service(one) == wanted.service);
    let fits = |one: &&Value| {
        let stands = Standing::of(one);
        let ended = stands.status == "exited" && stands.exit == 0;
        (!wanted.runs || ended || stands.does() != Does::Rest)
            && wanted.hash.as_deref().is_none_or(|hash| label(one, HASH).is_none_or(|own| own == hash))
    };
    let (all, good) = (own.clone().count(), own.filter(fits).count());
    all == good && u64::try_from(good) == Ok(wanted.count)
}

fn settings(before: &Map<String, Value>, wanted: &Map<String, Value>, now: &Value) -> Verdict {
    let all = |side: &Map<String, Value>| side.iter().all(|(field, value)| same(&setting(now, field), value));
    if all(wanted) {
        let left = before.keys().map(|field| (field.clone(), setting(now, field))).collect();
        Verdict::Done(Value::Object(left))
    } else if all(before) {
        Verdict::NotDone
    } else {
        Verdict::Unclear("someone else changed its settings meanwhile".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(status: &str, started: &str) -> Standing {
        Standing { status: status.into(), started: started.into(), ..Standing::default() }
    }

    #[test]
    fn a_restart_is_told_by_the_time_of_the_last_start() {
        let before = stands("running", "10:00");
        assert_eq!(standing("restart", &before, &before), Verdict::NotDone);
        assert!(matches!(standing("restart", &before, &stands("running", "10:01")), Verdict::Done(_)));
        assert!(matches!(standing("restart", &before, &stands("exited", "10:00")), Verdict::Unclear(_)));
    }

    #[test]
    fn settings_are_the_same_if_what_is_left_out_is_none() {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let before = map(json!({"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}));
        let wanted = map(json!({"RestartPolicy": {"Name": "always"}}));
        let now = json!({"HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}});
        assert!(matches!(settings(&before, &wanted, &now), Verdict::Done(_)));
        assert_eq!(settings(&before, &wanted, &json!({"HostConfig": before})), Verdict::NotDone);
    }

    #[test]
    fn compose_came_to_its_end_only_where_every_container_is_up_and_made_as_wanted() {
        let one = |status: &str, hash: &str| {
            json!({"State": {"Status": status, "ExitCode": 0},
                "Config": {"Labels": {"com.docker.compose.service": "a", HASH: hash}}})
        };
        let have = |containers: Vec<Value>| Have { containers, ..Have::default() };
        let wanted = Wanted { service: "a".into(), count: 2, hash: Some("new".into()), runs: true };
        assert!(is_there(&wanted, &have(vec![one("running", "new"), one("exited", "new")])));
        for containers in [
            vec![one("running", "new")],
            vec![one("running", "new"), one("created", "new")],
            vec![one("running", "new"), one("running", "old")],
            vec![one("running", "new"), one("running", "new"), one("running", "old")],
        ] {
            assert!(!is_there(&wanted, &have(containers)));
        }
    }

    #[test]
    fn what_is_as_it_was_was_not_done() {
        let before = stands("running", "10:00");
        assert_eq!(standing("stop", &before, &before), Verdict::NotDone);
        assert!(matches!(standing("stop", &before, &stands("exited", "10:00")), Verdict::Done(_)));
        let rest = stands("exited", "10:00");
        assert!(matches!(standing("stop", &rest, &rest), Verdict::Done(_)));
        assert_eq!(standing("start", &rest, &rest), Verdict::NotDone);
        assert!(matches!(standing("kill", &before, &before), Verdict::Unclear(_)));
    }
}
