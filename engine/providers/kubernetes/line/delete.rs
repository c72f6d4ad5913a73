//! `kubectl delete`.

use super::model::{Cascade, Verb};
use super::objects::{Need, objects};
use crate::line::choices::choice;
use crate::line::problem::Problem;
use crate::line::reader::Reader;

pub(super) fn delete(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    let objects = objects(reader, &reader.arguments, Need::Chosen)?;
    let known = ["background", "foreground", "orphan", "true", "false"];
    let cascade = match choice(reader, "cascade", &known)? {
        Some("foreground") => Cascade::Foreground,
        Some("orphan" | "false") => Cascade::Orphan,
        _ => Cascade::Background,
    };
    let force = reader.on("force")?;
    let now = reader.on("now")?;
    let given = reader.natural("grace-period")?;
    if now && given.is_some() {
        return Err(reader.bad("grace-period", "--now says 1 already", "leave one of them out"));
    }
    if force && given.is_some_and(|seconds| seconds > 0) {
        return Err(reader.bad("grace-period", "--force waits for nothing", "write 0, or leave --force out"));
    }
    let grace_seconds = match (now, force, given) {
        (true, _, _) => Some(1),
        (false, true, _) => Some(0),
        // kubectl: zero without --force is the shortest time that keeps the order of things.
        (false, false, Some(0)) => Some(1),
        (false, false, given) => given,
    };
    Ok(Verb::Delete {
        objects,
        cascade,
        grace_seconds,
        force,
        wait: reader.switch("wait", true)?,
        // kubectl: what --all finds may be gone already.
        ignore_not_found: reader.switch("ignore-not-found", reader.on("all")?)?,
        timeout_ms: reader.patience("timeout")?,
    })
}
