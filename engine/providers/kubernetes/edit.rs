//! Changes of objects: each is read, tried by the server without being made, recorded, and then made,
//! pinned to the very version that was read.

use std::collections::VecDeque;

use playbook_core::action::{
    Applied, Capture, Change, Fault, FaultKind, ReadAccess, UndoOrder, UndoRecord, WriteAccess,
};
use playbook_core::codes::Code;
use playbook_core::model::Class;
use playbook_core::plan::{Image, Impact, Planned, Sample};
use playbook_core::ports::BoxFuture;
use serde_json::{Map, Value, json};

use super::client::{Call, Reader, Writer};
use super::diff::{self, Field};
use super::faults;
use super::find::{Finder, Named};
use super::line::model::{Cascade, Line, NodeChoice, Objects, Patch, PatchType, Selectors, Verb};
use super::look::{may, missing};

/// The kind of record that holds an object.
pub(super) const OBJECT: &str = "kubernetes.object/1";
/// How often an object is read again because someone wrote to it meanwhile.
const LOOKS: u32 = 10;
/// The annotation that makes pods restart.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

/// What a line does to one object.
#[derive(Clone, Debug, PartialEq)]
enum Edit {
    Patch { content: &'static str, body: Value },
    Delete(Value),
}

impl Edit {
    /// As a request that is carried out only on the version that was read.
    fn call(&self, named: &Named, before: &Value) -> Call {
        let version = before.pointer("/metadata/resourceVersion").cloned().unwrap_or(Value::Null);
        match self {
            Self::Patch { content, body } if *content == JSON_PATCH => {
                let mut steps = vec![json!({"op": "test", "path": "/metadata/resourceVersion", "value": version})];
                steps.extend(body.as_array().cloned().unwrap_or_default());
                Call::with("PATCH", named.path(), Value::Array(steps)).content(content)
            }
            Self::Patch { content, body } => {
                let mut body = body.clone();
                diff::set(&mut body, &[key("metadata"), key("resourceVersion")], Some(&version));
                Call::with("PATCH", named.path(), body).content(content)
            }
            Self::Delete(options) => {
                let uid = before.pointer("/metadata/uid").cloned().unwrap_or(Value::Null);
                let mut options = options.clone();
                options["preconditions"] = json!({"uid": uid, "resourceVersion": version});
                Call::with("DELETE", named.path(), options)
            }
        }
        .query_if("fieldManager", (!matches!(self, Self::Delete(_))).then_some("playbook"))
    }
}

fn key(name: &str) -> diff::Seg {
    diff::Seg::Key(name.to_owned())
}

fn invalid(message: impl Into<String>, help: &str) -> Fault {
    Fault::new(FaultKind::Invalid, Code::ServerError, message).help(help)
}

/// The objects of a line.
async fn targets(finder: &Finder<'_>, line: &Line) -> Result<Vec<Named>, Fault> {
    let all = meant(finder, line).await?;
    // A run that was killed half-way begins the line again: what does harm twice is one object a step.
    let once = match &line.verb {
        Verb::RolloutRestart(_) | Verb::Patch { kind: PatchType::Json, .. } => true,
        Verb::Delete { objects, .. } => matches!(objects, Objects::Named(_)),
        _ => false,
    };
    if once && all.len() > 1 {
        return Err(invalid(
            format!("this would be done to {} objects at once, and could not go on after a stop", all.len()),
            "name one object in each step",
        ));
    }
    Ok(all)
}

async fn meant(finder: &Finder<'_>, line: &Line) -> Result<Vec<Named>, Fault> {
    let nodes = |choice: &NodeChoice| match choice {
        NodeChoice::Names(names) => {
            Objects::Named(names.iter().map(|name| ("node".to_owned(), name.clone())).collect())
        }
        NodeChoice::Labels(labels) => {
            let selectors = Selectors { labels: Some(labels.clone()), ..Selectors::default() };
            Objects::Kinds(vec!["nodes".into()], selectors)
        }
    };
    match &line.verb {
        Verb::Patch { objects, .. }
        | Verb::Scale { objects, .. }
        | Verb::Label { objects, .. }
        | Verb::Annotate { objects, .. }
        | Verb::SetImage { objects, .. }
        | Verb::SetEnv { objects, .. }
        | Verb::SetResources { objects, .. }
        | Verb::RolloutRestart(objects)
        | Verb::RolloutPause(objects)
        | Verb::RolloutResume(objects)
        | Verb::Delete { objects, .. } => finder.objects(objects).await,
        Verb::Cordon(choice) | Verb::Uncordon(choice) => finder.objects(&nodes(choice)).await,
        _ => Err(faults::internal("a line that changes nothing")),
    }
}

/// What the line does to an object as it is.
fn edit(line: &Line, named: &Named, before: &Value) -> Result<Edit, Fault> {
    let merge = |body: Value| Ok(Edit::Patch { content: MERGE, body });
    match &line.verb {
        Verb::Patch { kind, patch: Patch::Known(body), .. } => Ok(Edit::Patch {
            content: match kind {
                PatchType::Strategic => STRATEGIC,
                PatchType::Merge => MERGE,
                PatchType::Json => JSON_PATCH,
            },
            body: body.clone(),
        }),
        Verb::Scale { replicas, current, resource_version, .. } => {
            let now = before.pointer("/spec/replicas").and_then(Value::as_i64);
            let now = now.ok_or_else(|| {
                invalid(format!("{} has no replicas", named.title()), "scale deployments, statefulsets or replicasets")
            })?;
            if current.is_some_and(|wanted| wanted != now) {
                return Err(invalid(
                    format!("{} has {now} replicas, not {}", named.title(), current.unwrap_or_default()),
                    "--current-replicas is a condition",
                ));
            }
            pinned(resource_version.as_deref(), named, before)?;
            merge(json!({"spec": {"replicas": number(*replicas)?}}))
        }
        Verb::Label { set, unset, overwrite, resource_version, .. } => {
            pinned(resource_version.as_deref(), named, before)?;
            merge(json!({"metadata": {"labels": pairs("/metadata/labels", set, unset, *overwrite, named, before)?}}))
        }
        Verb::Annotate { set, unset, overwrite, resource_version, .. } => {
            pinned(resource_version.as_deref(), named, before)?;
            merge(
                json!({"metadata": {"annotations": pairs("/metadata/annotations", set, unset, *overwrite, named, before)?}}),
            )
        }
        Verb::SetImage { images, .. } => containers(named, before, |name| {
            let image = images.iter().find(|(of, _)| of == name || of == "*");
            image.map(|(_, image)| json!({"image": image}))
        }),
        Verb::SetEnv { set, unset, containers: which, .. } => containers(named, before, |name| {
            let mut env: Vec<Value> = set.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
            env.extend(unset.iter().map(|name| json!({"name": name, "$patch": "delete"})));
            fits(which, name).then(|| json!({"env": env}))
        }),
        Verb::SetResources { containers: which, limits, requests, .. } => containers(named, before, |name| {
            let map = |pairs: &[(String, String)]| -> Map<String, Value> {
                pairs.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
            };
            let mut resources = Map::new();
            if !limits.is_empty() {
                resources.insert("limits".into(), map(limits).into());
            }
            if !requests.is_empty() {
                resources.insert("requests".into(), map(requests).into());
            }
            fits(which, name).then(|| json!({"resources": resources}))
        }),
        Verb::RolloutRestart(_) => {
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            if before.pointer("/spec/template").is_none() {
                return Err(invalid(
                    format!("{} has no pods of its own to restart", named.title()),
                    "restart deployments, statefulsets or daemonsets",
                ));
            }
            merge(json!({"spec": {"template": {"metadata": {"annotations": {RESTARTED: now}}}}}))
        }
        Verb::RolloutPause(_) => merge(json!({"spec": {"paused": true}})),
        Verb::RolloutResume(_) => merge(json!({"spec": {"paused": null}})),
        Verb::Cordon(_) => merge(json!({"spec": {"unschedulable": true}})),
        Verb::Uncordon(_) => merge(json!({"spec": {"unschedulable": null}})),
        Verb::Delete { cascade, grace_seconds, force, .. } => {
            let policy = match cascade {
                Cascade::Background => "Background",
                Cascade::Foreground => "Foreground",
                Cascade::Orphan => "Orphan",
            };
            let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy});
            if let Some(seconds) = grace_seconds.or(force.then_some(0)).filter(|seconds| *seconds >= 0) {
                options["gracePeriodSeconds"] = seconds.into();
            }
            Ok(Edit::Delete(options))
        }
        _ => Err(faults::internal("a line that changes nothing")),
    }
}

fn number(number: super::line::model::Number) -> Result<i64, Fault> {
    match number {
        super::line::model::Number::Known(number) => Ok(number),
        super::line::model::Number::Open => Err(faults::internal("a number without a value")),
    }
}

fn pinned(wanted: Option<&str>, named: &Named, before: &Value) -> Result<(), Fault> {
    let now = before.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    match wanted {
        Some(wanted) if Some(wanted) != now => Err(invalid(
            format!("{} has the resource version {}", named.title(), now.unwrap_or("unknown")),
            "--resource-version is a condition",
        )),
        _ => Ok(()),
    }
}

fn pairs(
    at: &str,
    set: &[(String, String)],
    unset: &[String],
    overwrite: bool,
    named: &Named,
    before: &Value,
) -> Result<Value, Fault> {
    let mut map = Map::new();
    for (name, value) in set {
        let now = before.pointer(at).and_then(|all| all.get(name)).and_then(Value::as_str);
        if let Some(now) = now.filter(|now| now != value && !overwrite) {
            return Err(invalid(format!("{} has {name}={now} already", named.title()), "add --overwrite"));
        }
        map.insert(name.clone(), value.clone().into());
    }
    map.extend(unset.iter().map(|name| (name.clone(), Value::Null)));
    Ok(map.into())
}

/// Is this container meant?
fn fits(which: &str, name: &str) -> bool {
    which.is_empty() || which == "*" || which == name
}

/// A patch of containers, wherever this kind of object has them.
fn containers(named: &Named, before: &Value, with: impl Fn(&str) -> Option<Value>) -> Result<Edit, Fault> {
    let places: [&[&str]; 3] =
        [&["spec", "template", "spec"], &["spec", "jobTemplate", "spec", "template", "spec"], &["spec"]];
    for place in places {
        let path: Vec<diff::Seg> = place.iter().map(|name| key(name)).collect();
        let Some(pod) = diff::get(before, &path).filter(|pod| pod.get("containers").is_some()) else { continue };
        let mut body = Value::Null;
        for list in ["containers", "initContainers"] {
            let items = pod.get(list).and_then(Value::as_array).into_iter().flatten();
            let changed: Vec<Value> = items
                .filter_map(|item| {
                    let name = item.get("name")?.as_str()?;
                    let mut patch = with(name)?;
                    patch["name"] = name.into();
                    Some(patch)
                })
                .collect();
            if !changed.is_empty() {
                let mut path = path.clone();
                path.push(key(list));
                diff::set(&mut body, &path, Some(&Value::Array(changed)));
            }
        }
        if body.is_null() {
            return Err(invalid(
                format!("{} has no such container", named.title()),
                "kubectl: get shows spec.template.spec.containers",
            ));
        }
        return Ok(Edit::Patch { content: STRATEGIC, body });
    }
    Err(invalid(
        format!("{} has no containers", named.title()),
        "use a pod, deployment, statefulset, daemonset, job or cronjob",
    ))
}

/// Secrets are never captured, so that nothing of them is kept.
fn not_a_secret(named: &Named) -> Result<(), Fault> {
    if named.resource.kind == "Secret" && named.resource.group.is_empty() {
        return Err(Fault::new(FaultKind::Refused, Code::NotSupported, "changes of Secrets are not supported yet")
            .help("their data would have to be captured; change them by hand, with a manual: step"));
    }
    Ok(())
}

/// What the line would change, as the server says.
pub(super) async fn plan(access: ReadAccess<'_>, line: &Line, class: Class) -> Result<Planned, Fault> {
    let reader = Reader::open(access).await?;
    let finder = Finder::of(&reader, line).await?;
    let objects = targets(&finder, line).await?;
    let mut planned = Planned::new(class);
    let mut samples = Vec::new();
    for named in &objects {
        not_a_secret(named)?;
        let Some((before, edit)) = looked(&reader, line, named).await? else { continue };
        let verb = if matches!(edit, Edit::Delete(_)) { "delete" } else { "patch" };
        let resource = &named.resource;
        if !may(&finder, verb, &resource.group, &resource.plural, Some(&named.name), None).await? {
            planned.notes.push(format!("this user may not {verb} {}", named.title()));
            continue;
        }
        let (before, edit, after) = tried(&reader, line, named, before, edit).await?;
        let mut changes = match edit {
            Edit::Delete(_) => {
                vec![playbook_core::plan::Change::new(named.title(), Image::of("there"), Image::Absent)]
            }
            Edit::Patch { .. } => diff::changes(&named.title(), &diff::fields(&before, &after)),
        };
        // The time of a restart is that of the run: what was approved is not lapsed by a clock.
        for change in changes.iter_mut().filter(|change| change.subject.contains(RESTARTED)) {
            change.after = Image::Unknown;
        }
        planned.changes.extend(changes);
        if restarts(&before, &after) {
            let replicas = before.pointer("/spec/replicas").and_then(Value::as_i64);
            planned.notes.push(match replicas {
                Some(count) => format!("{count} pods of {} restart", named.title()),
                None => format!("the pods of {} restart", named.title()),
            });
        }
        samples.push(Sample {
            name: named.title(),
            about: before.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned(),
        });
    }
    planned.impact.push(Impact {
        what: "objects".into(),
        count: samples.len() as u64,
        bytes: None,
        exact: true,
        samples,
    });
    Ok(planned)
}

/// The object and what is to be done to it; nothing if it may be missing, and is.
async fn looked(reader: &Reader<'_>, line: &Line, named: &Named) -> Result<Option<(Value, Edit)>, Fault> {
    match reader.find(&Call::get(named.path())).await? {
        Some(before) => {
            let edit = edit(line, named, &before)?;
            Ok(Some((before, edit)))
        }
        None if matches!(&line.verb, Verb::Delete { ignore_not_found: true, .. }) => Ok(None),
        None => Err(missing(named)),
    }
}

/// What the server says that it would come to. Read again where someone wrote meanwhile.
async fn tried(
    reader: &Reader<'_>,
    line: &Line,
    named: &Named,
    mut before: Value,
    mut edit: Edit,
) -> Result<(Value, Edit, Value), Fault> {
    let mut tries = 0;
    loop {
        match reader.dry(&edit.call(named, &before)).await.map_err(moved) {
            Ok(after) => return Ok((before, edit, after)),
            Err(fault) if fault.kind == FaultKind::Moved && tries < LOOKS => {
                tries += 1;
                (before, edit) = looked(reader, line, named).await?.ok_or_else(|| missing(named))?;
            }
            Err(fault) => return Err(Fault { message: format!("{}: {}", named.title(), fault.message), ..fault }),
        }
    }
}

/// Does the template of its pods change?
fn restarts(before: &Value, after: &Value) -> bool {
    let template = |object: &Value| object.pointer("/spec/template").cloned();
    template(before).is_some() && template(before) != template(after)
}

/// A change under way, object by object.
pub(super) struct ObjectChange<'a> {
    writer: Writer<'a>,
    line: Line,
    words: Vec<String>,
    left: VecDeque<Named>,
    captured: Option<(Named, Value, Edit)>,
    results: Vec<Value>,
}

impl<'a> ObjectChange<'a> {
    /// Finds out what the line is about.
    pub(super) async fn begin(access: &WriteAccess<'a>, line: &Line, words: Vec<String>) -> Result<Self, Fault> {
        let writer = Writer::open(access).await?;
        let finder = Finder::of(writer.reading(), line).await?;
        let left: VecDeque<Named> = targets(&finder, line).await?.into();
        left.iter().try_for_each(not_a_secret)?;
        Ok(Self { writer, line: line.clone(), words, left, captured: None, results: Vec::new() })
    }

    async fn next(&mut self) -> Result<Option<Capture>, Fault> {
        loop {
            // After a conflict, the same object is read again.
            let named = match self.captured.take() {
                Some((named, ..)) => named,
                None => match self.left.pop_front() {
                    Some(named) => named,
                    None => return Ok(None),
                },
            };
            let Some((before, edit)) = looked(self.writer.reading(), &self.line, &named).await? else { continue };
            let (before, edit, wanted) = match edit {
                Edit::Delete(_) => (before, edit, Value::Null),
                Edit::Patch { .. } => tried(self.writer.reading(), &self.line, &named, before, edit).await?,
            };
            let undo = record(&named, &before, &wanted, matches!(self.line.verb, Verb::RolloutRestart(_)));
            let capture = Capture {
                subject: named.title(),
                words: self.words.clone(),
                undo,
                count: 1,
                last: self.left.is_empty(),
            };
            self.captured = Some((named, before, edit));
            return Ok(Some(capture));
        }
    }

    async fn make(&mut self) -> Result<Applied, Fault> {
        let (named, before, edit) =
            self.captured.clone().ok_or_else(|| faults::internal("a change that was not captured"))?;
        let answer = self.writer.send(&edit.call(&named, &before)).await.map_err(moved)?;
        self.captured = None;
        let title = named.title();
        let (changed, diff) = match edit {
            Edit::Delete(_) => {
                (true, vec![playbook_core::plan::Change::new(title.clone(), Image::of("there"), Image::Absent)])
            }
            Edit::Patch { .. } => {
                let fields = diff::fields(&before, &answer.body);
                (!fields.is_empty(), diff::changes(&title, &fields))
            }
        };
        let after = after(&before, &answer.body, matches!(edit, Edit::Delete(_)));
        self.results.push(json!({"object": title, "changed": changed, "warnings": answer.warnings}));
        Ok(Applied { changed, after, diff: if changed { diff } else { Vec::new() }, corrected: None })
    }
}

/// A condition on the version that no longer holds: nothing was done.
fn moved(fault: Fault) -> Fault {
    // A JSON patch says it as a test that failed.
    if fault.server_code.as_deref() == Some("Invalid") && fault.message.contains("/metadata/resourceVersion") {
        return Fault::new(FaultKind::Moved, Code::WorldMoved, fault.message).help(fault.help);
    }
    fault
}

/// What rollback needs of an object.
fn record(named: &Named, before: &Value, wanted: &Value, restart: bool) -> UndoRecord {
    UndoRecord {
        kind: OBJECT.into(),
        data: json!({
            "path": named.path(), "collection": named.resource.path(Some(&named.namespace)), "title": named.title(),
            "uid": before.pointer("/metadata/uid"), "version": before.pointer("/metadata/resourceVersion"),
            "deletes": wanted.is_null(),
        }),
        // Texts: records hold no floats, and objects may.
        blob: Some(json!({"before": before, "wanted": wanted}).to_string().into_bytes()),
        order: if restart { UndoOrder::Nothing } else { UndoOrder::Data },
    }
}

/// What the change left, small: the fields that it changed.
pub(super) fn after(before: &Value, now: &Value, deleted: bool) -> Value {
    let fields: Vec<Field> = if deleted { Vec::new() } else { diff::fields(before, now) };
    let rows: Vec<Value> = fields
        .iter()
        .map(|field| json!([diff::shown(&field.path), field.after.as_ref().map(Value::to_string)]))
        .collect();
    json!({"deleted": deleted, "fields": rows})
}

impl Change for ObjectChange<'_> {
    fn capture(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(self.next())
    }

    fn apply(&mut self) -> BoxFuture<'_, Result<Applied, Fault>> {
        Box::pin(self.make())
    }

    fn result(&mut self) -> Value {
        let items = std::mem::take(&mut self.results);
        let changed = items.iter().filter(|item| item["changed"] == true).count();
        json!({"changed": changed, "items": items})
    }
}
