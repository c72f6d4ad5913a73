//! Verbs that only look: get, describe, events, logs, top, wait, auth can-i. And exec.

use super::model::{Exec, Logs, Objects, Verb, Wanted};
use super::objects::{Need, kind, name, objects, type_and_name};
use crate::line::choices::choice;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

pub(super) fn get(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    Ok(Verb::Get(objects(reader, &reader.arguments, Need::Any)?))
}

pub(super) fn describe(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Describe(objects(reader, &reader.arguments, Need::Any)?))
}

pub(super) fn events(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    reader.no_more(0, "write events --for TYPE/NAME, or get events --field-selector …")?;
    let about = reader.last("for").map(type_and_name).transpose()?;
    Ok(Verb::Events { about, types: reader.lists("types").iter().map(Piece::value).collect() })
}

/// `POD`, `TYPE/NAME`: what logs and exec take.
fn pod_or_owner(piece: &Piece) -> Result<(String, String), Problem> {
    if piece.head.contains('/') { type_and_name(piece) } else { Ok(("pod".to_owned(), name(piece)?)) }
}

pub(super) fn logs(reader: &Reader) -> Result<Verb, Problem> {
    let selectors = reader.selectors()?;
    let by_label = selectors.labels.is_some();
    let objects = match (reader.arguments.first(), by_label) {
        (Some(extra), true) => return Err(extra.problem("both a pod and a selector", "leave one of them out")),
        (None, true) => Objects::Kinds(vec!["pods".into()], selectors),
        (Some(pod), false) => Objects::Named(vec![pod_or_owner(pod)?]),
        (None, false) => {
            return Err(reader.wrong("logs of what?", "write logs POD, logs deploy/NAME or logs -l app=NAME"));
        }
    };
    let named = reader.name("container")?;
    let container = match (reader.arguments.get(1), named) {
        (Some(extra), Some(_)) => return Err(extra.problem("the container is named twice", "leave -c out, or this")),
        (Some(piece), None) => Some(name(piece)?),
        (None, named) => named,
    };
    reader.no_more(2, "logs takes one pod and one container; choose more pods with -l")?;
    let all_containers = reader.on("all-containers")?;
    if all_containers && container.is_some() {
        return Err(reader.wrong("both a container and --all-containers", "leave one of them out"));
    }
    if reader.last("since").is_some() && reader.last("since-time").is_some() {
        return Err(reader.wrong("both --since and --since-time", "leave one of them out"));
    }
    let tail = match reader.last("tail") {
        None => by_label.then_some(10),
        Some(_) => reader.natural("tail")?,
    };
    Ok(Verb::Logs(Logs {
        objects,
        container,
        all_containers,
        previous: reader.on("previous")?,
        tail,
        since_seconds: reader.duration("since")?.filter(|since| *since > 0).map(|since| (since + 999) / 1000),
        since_time: reader.text("since-time"),
        timestamps: reader.on("timestamps")?,
        limit_bytes: reader.whole("limit-bytes")?.filter(|limit| *limit > 0),
        prefix: reader.on("prefix")?,
    }))
}

pub(super) fn exec(reader: &Reader) -> Result<Verb, Problem> {
    let Some(pod) = reader.arguments.first() else {
        return Err(reader.wrong("exec in which pod?", "write exec POD -- COMMAND, or exec deploy/NAME -- COMMAND"));
    };
    let object = pod_or_owner(pod)?;
    if let Some(extra) = reader.arguments.get(1) {
        return Err(extra.problem(
            "a command without `--` before it",
            format!("write exec {} -- {} …", pod.shown(), extra.shown()),
        ));
    }
    let command: Vec<String> = reader.rest.iter().flatten().map(Piece::value).collect();
    if command.first().is_none_or(String::is_empty) {
        return Err(reader.wrong("exec without a command", format!("write exec {} -- COMMAND", pod.shown())));
    }
    Ok(Verb::Exec(Exec { object, container: reader.name("container")?, command }))
}

pub(super) fn top(reader: &Reader) -> Result<Verb, Problem> {
    let Some(what) = reader.arguments.first() else {
        return Err(reader.wrong("top of what?", "write top pods or top nodes"));
    };
    let written = kind(what)?;
    let what = match written.to_ascii_lowercase().as_str() {
        "pod" | "pods" | "po" => "pods",
        "node" | "nodes" | "no" => "nodes",
        _ => return Err(what.problem(format!("top knows nothing of `{written}`"), "write top pods or top nodes")),
    };
    let selectors = reader.selectors()?;
    let named = reader.arguments.get(1).map(name).transpose()?;
    reader.no_more(2, "top takes one name; choose more with -l")?;
    if named.is_some() && (selectors.labels.is_some() || selectors.fields.is_some()) {
        return Err(reader.wrong("both a name and a selector", "leave one of them out"));
    }
    choice(reader, "sort-by", &["cpu", "memory"])?;
    let containers = reader.on("containers")?;
    if containers && what == "nodes" {
        return Err(reader.bad("containers", "nodes have none", "write top pods --containers"));
    }
    Ok(Verb::Top { what: what.into(), name: named, selectors, containers })
}

/// kubectl waits so long if nothing is said.
const PATIENCE_MS: u64 = 30_000;
/// And so long if a negative time is said.
const WEEK_MS: u64 = 7 * 24 * 3_600_000;

pub(super) fn wait(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    let wanted = match reader.last("for") {
        Some(piece) => wanted(piece)?,
        None => {
            return Err(reader
                .missing("for", "--for=condition=Ready, --for=delete or --for=jsonpath='{.status.phase}'=Running"));
        }
    };
    let objects = objects(reader, &reader.arguments, Need::Chosen)?;
    let timeout_ms = match reader.duration("timeout")? {
        None => PATIENCE_MS,
        Some(given) => u64::try_from(given).unwrap_or(WEEK_MS),
    };
    Ok(Verb::Wait { objects, wanted, timeout_ms })
}

const FOR: &str = "write --for=condition=Ready, --for=delete, --for=create or --for=jsonpath='{.status.phase}'=Running";

fn wanted(piece: &Piece) -> Result<Wanted, Problem> {
    match piece.head.to_ascii_lowercase().as_str() {
        "delete" if piece.fixed => return Ok(Wanted::Delete),
        "create" if piece.fixed => return Ok(Wanted::Create),
        _ => {}
    }
    let Some((what, rest)) = piece.split('=') else {
        return Err(piece.problem(format!("`{}` cannot be waited for", piece.shown()), FOR));
    };
    match what.to_ascii_lowercase().as_str() {
        "condition" => {
            let (condition, value) = match rest.split('=') {
                Some((condition, value)) => (condition, value.value()),
                None => (rest.value(), "true".to_owned()),
            };
            let empty = condition.is_empty() || value.is_empty();
            if empty {
                Err(piece.problem("a condition needs a name", FOR))
            } else {
                Ok(Wanted::Condition(condition, value))
            }
        }
        "jsonpath" => json_path(&rest),
        other => Err(piece.problem(format!("`{other}` cannot be waited for"), FOR)),
    }
}

/// `{.status.phase}=Running`, `.status.phase=Running`, `{.status.loadBalancer.ingress}`. An `=` in
/// braces or quotes belongs to the path.
fn json_path(rest: &Piece) -> Result<Wanted, Problem> {
    let mut depth = 0_i32;
    let mut quote = None;
    let mut end = None;
    for (byte, c) in rest.head.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '{' | '[' | '(') => depth += 1,
            (None, '}' | ']' | ')') => depth -= 1,
            (None, '=') if depth <= 0 => {
                end = Some(byte);
                break;
            }
            (None, _) => {}
        }
    }
    let (path, value) = match end {
        Some(byte) => (rest.head[..byte].to_owned(), Some(rest.after(byte + 1).value())),
        None if rest.fixed => (rest.head.clone(), None),
        None => {
            return Err(rest.problem("a template in a JSONPath", "write the path out; the value can be a template"));
        }
    };
    let inner = path.strip_prefix('{').and_then(|path| path.strip_suffix('}')).unwrap_or(&path);
    if inner.is_empty() || inner.contains(['{', '}']) || value.as_deref() == Some("") {
        return Err(rest.problem(
            format!("`{}` is no JSONPath with a value", rest.shown()),
            "write one path in braces: --for=jsonpath='{.status.phase}'=Running",
        ));
    }
    let dotted = if inner.starts_with(['.', '$', '[']) { inner.to_owned() } else { format!(".{inner}") };
    Ok(Wanted::JsonPath(format!("{{{dotted}}}"), value))
}

pub(super) fn can_i(reader: &Reader) -> Result<Verb, Problem> {
    let (Some(verb), Some(resource)) = (reader.arguments.first(), reader.arguments.get(1)) else {
        return Err(reader.wrong("may I do what?", "write auth can-i VERB RESOURCE: auth can-i delete pods"));
    };
    let (resource, of_resource) = match resource.split('/') {
        Some((kind, rest)) => (Piece::fixed(&kind, resource.at), Some(name(&rest)?)),
        None => (resource.clone(), None),
    };
    let named = match (reader.arguments.get(2), of_resource) {
        (Some(piece), None) => Some(name(piece)?),
        (_, of_resource) => of_resource,
    };
    reader.no_more(3, "write auth can-i VERB RESOURCE/NAME")?;
    let resource = if resource.fixed && resource.head == "*" { "*".to_owned() } else { kind(&resource)? };
    Ok(Verb::CanI { verb: name(verb)?, resource, name: named, subresource: reader.name("subresource")? })
}

pub(super) fn version(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    reader.no_more(0, "leave it out")?;
    Ok(Verb::Version)
}

pub(super) fn api_resources(reader: &Reader) -> Result<Verb, Problem> {
    reader.check_output()?;
    reader.no_more(0, "leave it out")?;
    Ok(Verb::ApiResources)
}
