//! Which objects a line is about, and what the server says that it would come to.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Value, json};

use super::edit::{self, Edit, JSON_PATCH, RESTARTED, STRATEGIC};
use super::{drain, revision, spares_secrets};
use crate::kubernetes::asked::Asked;
use crate::kubernetes::client::{Call, Reader};
use crate::kubernetes::diff::{self, Field};
use crate::kubernetes::faults;
use crate::kubernetes::find::{Finder, Named};
use crate::kubernetes::line::model::{Create, Number, Objects, Verb};
use crate::kubernetes::look::missing;

/// How often an object is read again because someone wrote to it meanwhile.
const LOOKS: u32 = 10;

/// One object and what is to be done with it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// What the line says.
    Change(Named),
    /// It is to be what this says.
    Make(Named, Value),
    /// A node, so that nothing new comes to it.
    Cordon(Named),
    /// A pod is asked to go; the API version of `Eviction`, and options.
    Evict(Named, String, Value),
}

impl Item {
    pub(super) fn named(&self) -> &Named {
        match self {
            Self::Change(named) | Self::Make(named, _) | Self::Cordon(named) | Self::Evict(named, ..) => named,
        }
    }

    /// For people, and unique within a line.
    pub(super) fn subject(&self) -> String {
        self.named().title()
    }
}

/// What a change of one object would come to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tried {
    /// Null if it is not there.
    pub(super) before: Value,
    pub(super) edit: Edit,
    /// Null if there is none afterwards, or if nobody can tell.
    pub(super) after: Value,
    /// Why nobody can tell.
    pub(super) untried: Option<String>,
}

/// The objects of a line.
pub(super) async fn items(finder: &Finder<'_>, asked: &Asked) -> Result<Vec<Item>, Fault> {
    let change = |all: Vec<Named>| all.into_iter().map(Item::Change).collect();
    match &asked.line.verb {
        Verb::Apply { .. } | Verb::Create(Create::Files { .. }) => {
            let all = asked.held.manifests.iter();
            all.map(|manifest| Ok(Item::Make(finder.of_manifest(manifest)?, manifest.object.clone()))).collect()
        }
        Verb::Create(Create::Object(object)) => Ok(vec![Item::Make(finder.of_object(object)?, object.clone())]),
        Verb::Create(Create::JobFrom { name, cronjob }) => {
            let job = job_from(finder, name, cronjob).await?;
            Ok(vec![Item::Make(finder.of_object(&job)?, job)])
        }
        Verb::Create(Create::Open) => Err(faults::internal("a create without its values")),
        Verb::Autoscale { objects, min, max, cpu_percent, name } => {
            let mut all = Vec::new();
            for named in finder.objects(objects).await? {
                let scaler = scaler(finder, &named, *min, *max, *cpu_percent, name.as_deref())?;
                all.push(Item::Make(finder.of_object(&scaler)?, scaler));
            }
            Ok(all)
        }
        Verb::Cordon(nodes) | Verb::Uncordon(nodes) => Ok(change(finder.nodes(nodes).await?)),
        Verb::Drain { .. } => drain::items(finder, asked).await,
        Verb::Scale { objects, .. } => {
            let all = finder.objects(objects).await?.into_iter();
            // Where a custom resource keeps the number is for its definition to say.
            Ok(change(
                all.map(|named| Named { scale: named.resource.scales && !edit::has_replicas(&named), ..named })
                    .collect(),
            ))
        }
        verb => match verb.objects() {
            Some(objects) => Ok(change(finder.objects(objects).await?)),
            None => Err(faults::internal("a line that changes nothing")),
        },
    }
}

/// What `create job --from` makes.
async fn job_from(finder: &Finder<'_>, name: &str, cronjob: &str) -> Result<Value, Fault> {
    let named = finder.named("cronjobs", cronjob)?;
    let from = finder.reader.find(&Call::get(named.path())).await?.ok_or_else(|| missing(&named))?;
    let of = |at: &str| from.pointer(at).cloned().unwrap_or(Value::Null);
    let mut annotations = of("/spec/jobTemplate/metadata/annotations");
    if !annotations.is_object() {
        annotations = json!({});
    }
    annotations["cronjob.kubernetes.io/instantiate"] = "manual".into();
    let owner = json!({"apiVersion": named.resource.api_version(), "kind": named.resource.kind, "name": cronjob,
        "uid": of("/metadata/uid"), "controller": true});
    Ok(json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": named.namespace, "annotations": annotations,
            "labels": of("/spec/jobTemplate/metadata/labels"), "ownerReferences": [owner]},
        "spec": of("/spec/jobTemplate/spec"),
    }))
}

/// What `autoscale` makes.
fn scaler(
    finder: &Finder<'_>,
    named: &Named,
    min: Option<Number>,
    max: Number,
    cpu: Option<Number>,
    name: Option<&str>,
) -> Result<Value, Fault> {
    let name = name.unwrap_or(&named.name);
    let target = json!({"apiVersion": named.resource.api_version(), "kind": named.resource.kind, "name": named.name});
    let mut spec = json!({"scaleTargetRef": target, "maxReplicas": edit::number(max)?});
    if let Some(min) = min {
        spec["minReplicas"] = edit::number(min)?.into();
    }
    let version = if finder.catalogue.of("autoscaling/v1", "HorizontalPodAutoscaler").is_some() { "v1" } else { "v2" };
    match (cpu, version) {
        (Some(cpu), "v1") => spec["targetCPUUtilizationPercentage"] = edit::number(cpu)?.into(),
        (Some(cpu), _) => {
            let target = json!({"type": "Utilization", "averageUtilization": edit::number(cpu)?});
            spec["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
        }
        (None, _) => {}
    }
    Ok(json!({"apiVersion": format!("autoscaling/{version}"), "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": named.namespace}, "spec": spec}))
}

/// The object and what is to be done to it; nothing if it may be missing, and is.
pub(super) async fn look(reader: &Reader<'_>, asked: &Asked, item: &Item) -> Result<Option<(Value, Edit)>, Fault> {
    let named = item.named();
    let before = reader.find(&Call::get(named.path())).await?;
    // Whatever the server says of it, its data is not shown.
    before.iter().for_each(|object| reader.target().hide(object));
    let edit = match (item, &before) {
        (Item::Make(_, manifest), before) => edit::of_manifest(&asked.line, named, manifest, before.as_ref())?,
        (Item::Evict(_, api, options), Some(_)) => Edit::Evict(api.clone(), options.clone()),
        (Item::Evict(..), None) => return Ok(None),
        (Item::Cordon(_), Some(_)) => Edit::patch(edit::MERGE, json!({"spec": {"unschedulable": true}})),
        (Item::Change(_), Some(before)) => match &asked.line.verb {
            Verb::RolloutUndo { to_revision, .. } => {
                revision::back(reader, named, before, to_revision.filter(|revision| *revision > 0)).await?
            }
            _ => edit::edit(&asked.line, named, before)?,
        },
        (Item::Change(_), None) if may_be_gone(asked, item) => return Ok(None),
        (Item::Change(_) | Item::Cordon(_), None) => return Err(missing(named)),
    };
    Ok(Some((before.unwrap_or(Value::Null), edit)))
}

/// May the object be gone already? What was chosen by a selector or `--all` may go with what owned it
/// before its turn comes, as for kubectl.
pub(super) fn may_be_gone(asked: &Asked, item: &Item) -> bool {
    match (item, &asked.line.verb) {
        (Item::Evict(..), _) => true,
        (Item::Change(_), Verb::Delete { ignore_not_found: true, .. }) => true,
        (Item::Change(_), Verb::Delete { objects, .. }) => matches!(objects, Objects::Kinds(..)),
        _ => false,
    }
}

/// Is this what the server says of an object that is not there?
pub(super) fn is_gone(fault: &Fault) -> bool {
    fault.server_code.as_deref() == Some("NotFound")
}

/// What the server says that it would come to; nothing if it may be gone, and is. Read again where
/// someone wrote meanwhile.
pub(super) async fn try_it(
    reader: &Reader<'_>,
    asked: &Asked,
    item: &Item,
    mut before: Value,
    mut edit: Edit,
) -> Result<Option<Tried>, Fault> {
    let named = item.named();
    let mut tries = 0;
    loop {
        // Whether a pod may go is for its budget to say when it is asked.
        let answer = match &edit {
            Edit::Evict(..) => Ok(Value::Null),
            _ => match reader.dry(&edit.call(named, &before)).await {
                Ok(after) => Ok(after),
                Err(fault) => Err(moved(reader, named, &edit, &before, fault).await),
            },
        };
        let tried = match answer {
            Ok(after) => {
                let after = if edit.deletes() { Value::Null } else { after };
                Tried { before, edit, after, untried: None }
            }
            Err(fault) if fault.kind == FaultKind::Moved && tries < LOOKS => {
                tries += 1;
                let Some(again) = look(reader, asked, item).await? else { return Ok(None) };
                (before, edit) = again;
                continue;
            }
            Err(fault) if is_gone(&fault) && edit.deletes() && may_be_gone(asked, item) => return Ok(None),
            Err(fault) => match faults::untried(&fault) {
                Some(why) => Tried { before, edit, after: Value::Null, untried: Some(why) },
                None => return Err(Fault { message: format!("{}: {}", named.title(), fault.message), ..fault }),
            },
        };
        spares_secrets(&named.title(), &tried)?;
        return Ok(Some(tried));
    }
}

/// What a change of an object changes.
pub(super) fn fields(item: &Item, before: &Value, after: &Value) -> Vec<Field> {
    let named = item.named();
    diff::fields_with(before, after, !named.resource.has_status && !named.scale)
}

/// A condition on the version that no longer holds, or a name that was taken meanwhile: nothing was done.
pub(super) async fn moved(reader: &Reader<'_>, named: &Named, edit: &Edit, before: &Value, fault: Fault) -> Fault {
    let gone_by = match (edit, fault.server_code.as_deref()) {
        (Edit::Create(_), Some("AlreadyExists")) => true,
        // A JSON patch says it as a test that failed, in words that differ between servers.
        (Edit::Patch { content, .. }, Some("Invalid")) if *content == JSON_PATCH => {
            let version = |object: &Value| object.pointer("/metadata/resourceVersion").cloned();
            let now = reader.find(&Call::get(named.path())).await.ok().flatten();
            now.is_some_and(|now| version(&now) != version(before))
        }
        _ => false,
    };
    if gone_by { Fault::new(FaultKind::Moved, Code::WorldMoved, fault.message).help(fault.help) } else { fault }
}

/// Does an object that is being deleted lose the last thing that holds it?
pub(super) fn ends(tried: &Tried) -> bool {
    let held = |object: &Value| {
        object.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|all| !all.is_empty())
    };
    tried.before.pointer("/metadata/deletionTimestamp").is_some()
        && held(&tried.before)
        && matches!(tried.edit, Edit::Patch { .. })
        && !tried.after.is_null()
        && !held(&tried.after)
}

/// Does the template of its pods change?
pub(super) fn restarts(tried: &Tried) -> bool {
    let template = |object: &Value| object.pointer("/spec/template").cloned();
    template(&tried.before).is_some() && !tried.after.is_null() && template(&tried.before) != template(&tried.after)
}

/// Is this the time of a restart, which is that of the run?
pub(super) fn is_time_of_restart(subject: &str) -> bool {
    subject.contains(RESTARTED)
}

/// A patch that puts another template of pods in place.
pub(super) fn template(template: &Value, strategic: bool) -> Edit {
    if strategic {
        return Edit::patch(STRATEGIC, template.clone());
    }
    Edit::patch(JSON_PATCH, json!([{"op": "replace", "path": "/spec/template", "value": template}]))
}
