//! What has to be done so that a container stands as it stood.

use serde_json::{Map, Value, json};

use crate::docker::line::model::Act;
use crate::docker::standing::{Does, Standing};

/// What a rollback does about a container.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Way {
    /// It stands as it stood.
    Done,
    /// These, one after another.
    Acts(Vec<Act>),
    /// Someone else changed it since.
    Conflict,
}

/// How a container comes to do this.
pub(super) fn acts(now: Does, wanted: Does) -> Vec<Act> {
    let stop = || Act::Stop { seconds: None, signal: None };
    match (now, wanted) {
        (Does::Run, Does::Run) | (Does::Pause, Does::Pause) | (Does::Rest, Does::Rest) => Vec::new(),
        (Does::Rest, Does::Run) => vec![Act::Start],
        (Does::Pause, Does::Run) => vec![Act::Unpause],
        (Does::Run, Does::Pause) => vec![Act::Pause],
        (Does::Rest, Does::Pause) => vec![Act::Start, Act::Pause],
        (Does::Run, Does::Rest) => vec![stop()],
        (Does::Pause, Does::Rest) => vec![Act::Unpause, stop()],
    }
}

/// Decides, from how it stood, how the step left it (if that is known), and how it stands.
pub(super) fn decide(before: &Standing, after: Option<&Standing>, now: &Standing, act: &str) -> Way {
    if now.does() == before.does() {
        return Way::Done;
    }
    // A signal works when it has been handled, which the answer does not wait for.
    if act != "kill" && after.is_some_and(|after| after.does() != now.does()) {
        return Way::Conflict;
    }
    Way::Acts(acts(now.does(), before.does()))
}

/// What was left, if it was recorded.
pub(super) fn left(after: Option<&Value>) -> Option<Standing> {
    serde_json::from_value(after?.clone()).ok()
}

/// Settings as they were, as the engine takes them. It keeps what it is told to be nothing, so what was
/// nothing becomes as much as the machine has; those are named.
pub(super) fn settings(back: &Map<String, Value>, machine: &Value) -> (Map<String, Value>, Vec<String>) {
    let number = |field: &str| machine.get(field).and_then(Value::as_i64);
    let mut body = Map::new();
    let mut odd = Vec::new();
    for (field, before) in back {
        if !crate::docker::change::is_none(before) {
            body.insert(field.clone(), before.clone());
            continue;
        }
        let most = match field.as_str() {
            "Memory" | "MemoryReservation" => number("MemTotal").map(Value::from),
            "MemorySwap" => number("MemTotal").map(|memory| memory.saturating_mul(2).into()),
            "CpuQuota" => Some((-1).into()),
            "NanoCpus" => number("NCPU").map(|cpus| (cpus * 1_000_000_000).into()),
            "CpuShares" => Some(1024.into()),
            "CpusetCpus" => number("NCPU").map(|cpus| format!("0-{}", cpus - 1).into()),
            "PidsLimit" => Some(0.into()),
            _ => None,
        };
        // Of others there is no value that would mean none: they stay as they are.
        if let Some(most) = most {
            if field != "PidsLimit" {
                odd.push(field.clone());
            }
            body.insert(field.clone(), most);
        }
    }
    (body, odd)
}

/// What has to be sent before: engines pass a swap without limit on to nobody, so that the one before
/// stands in the way of more memory.
pub(super) fn room(body: &Map<String, Value>, machine: &Value) -> Option<Value> {
    let endless = body.get("MemorySwap").and_then(Value::as_i64) == Some(-1);
    let memory = body.get("Memory").filter(|_| endless)?;
    let most = machine.get("MemTotal").and_then(Value::as_i64)?.saturating_mul(2);
    Some(json!({"Memory": memory, "MemorySwap": most}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(status: &str) -> Standing {
        Standing { status: status.into(), ..Standing::default() }
    }

    #[test]
    fn what_someone_else_did_since_stays() {
        let (run, rest, pause) = (standing("running"), standing("exited"), standing("paused"));
        assert_eq!(decide(&run, Some(&rest), &rest, "stop"), Way::Acts(vec![Act::Start]));
        assert_eq!(decide(&run, Some(&rest), &run, "stop"), Way::Done);
        assert_eq!(decide(&run, Some(&pause), &rest, "pause"), Way::Conflict);
        assert_eq!(decide(&run, Some(&run), &rest, "kill"), Way::Acts(vec![Act::Start]));
        assert_eq!(decide(&pause, None, &rest, "stop"), Way::Acts(vec![Act::Start, Act::Pause]));
    }

    #[test]
    fn every_way_from_one_to_another_leads_there() {
        let all = [Does::Run, Does::Pause, Does::Rest];
        for (now, wanted) in all.iter().flat_map(|now| all.iter().map(move |wanted| (*now, *wanted))) {
            let end = acts(now, wanted).iter().fold(now, |at, act| match (act, at) {
                (Act::Start, Does::Rest) | (Act::Unpause, Does::Pause) => Does::Run,
                (Act::Pause, Does::Run) => Does::Pause,
                (Act::Stop { .. }, Does::Run) => Does::Rest,
                (act, at) => panic!("{act:?} of what is {at:?}"),
            });
            assert_eq!(end, wanted);
        }
    }

    #[test]
    fn a_limit_that_was_not_there_becomes_as_large_as_the_machine() {
        let back = json!({"Memory": 0, "CpuShares": 512, "PidsLimit": null, "NanoCpus": 0, "BlkioWeight": 0});
        let machine = json!({"MemTotal": 1000, "NCPU": 2});
        let (body, odd) = settings(back.as_object().unwrap(), &machine);
        let wanted = json!({"Memory": 1000, "CpuShares": 512, "PidsLimit": 0, "NanoCpus": 2_000_000_000});
        assert_eq!((Value::Object(body), odd), (wanted, vec!["Memory".to_owned(), "NanoCpus".to_owned()]));
        let back = json!({"Memory": 500, "MemorySwap": -1});
        let (body, odd) = settings(back.as_object().unwrap(), &machine);
        assert_eq!((room(&body, &machine), odd), (Some(json!({"Memory": 500, "MemorySwap": 2000})), Vec::new()));
    }
}
