//! Finding what a line names, and what to say when it is not there.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use playbook_core::diagnostic::nearest;
use serde_json::Value;

use super::client::{Call, Reader};
use super::record::Thing;

/// A container by its name or by the beginning of its id, as `inspect` tells it.
///
/// # Errors
/// When there is none: with the nearest name.
pub(super) async fn container(reader: &Reader<'_>, named: &str) -> Result<Value, Fault> {
    thing(reader, Thing::Container, named).await
}

/// A thing by its name or id.
///
/// # Errors
/// When there is none.
pub(super) async fn thing(reader: &Reader<'_>, what: Thing, named: &str) -> Result<Value, Fault> {
    if let Some(found) = reader.find(&Call::get(what.read(named))).await? {
        return Ok(found);
    }
    let known = names(reader, what).await.unwrap_or_default();
    let help = match nearest(named, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("this engine has no {}s at all: is it the right one?", what.word()),
        None if known.len() <= 8 => format!("it has {}", known.join(", ")),
        None => format!("it has {} others; is it the right engine?", known.len()),
    };
    let message = format!("there is no {} `{named}`", what.word());
    Err(Fault::new(FaultKind::Refused, Code::ServerError, message).help(help).server("404", false))
}

/// What all of them are called.
async fn names(reader: &Reader<'_>, what: Thing) -> Result<Vec<String>, Fault> {
    let call = match what {
        Thing::Container => Call::get("/containers/json").query("all", "1"),
        Thing::Image => Call::get("/images/json"),
        Thing::Volume | Thing::Network => Call::get(what.path()),
    };
    let all = reader.get(&call).await?;
    let list = all.as_array().or_else(|| all.get("Volumes")?.as_array()).cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(|name| name.trim_start_matches('/').to_owned());
    let of = |one: &Value| -> Vec<String> {
        match what {
            Thing::Container => {
                one.get("Names").and_then(Value::as_array).into_iter().flatten().filter_map(text).collect()
            }
            Thing::Image => {
                one.get("RepoTags").and_then(Value::as_array).into_iter().flatten().filter_map(text).collect()
            }
            Thing::Volume | Thing::Network => one.get("Name").and_then(text).into_iter().collect(),
        }
    };
    Ok(list.iter().flat_map(of).collect())
}
