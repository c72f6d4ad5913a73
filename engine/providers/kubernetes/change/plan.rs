//! What a line would change, as the server says, and what else to know before it does.

use playbook_core::action::{Fault, FaultKind, ReadAccess};
use playbook_core::codes::Code;
use playbook_core::model::{Class, Effect, Reversal};
use playbook_core::plan::{Change, Image, Impact, Planned, Sample};
use serde_json::{Value, json};

use super::afterwards;
use super::dropped;
use super::edit::Edit;
use super::impact::Surroundings;
use super::work::{Item, Tried, ends, fields, is_time_of_restart, items, look, try_it};
use crate::kubernetes::asked::Asked;
use crate::kubernetes::client::Reader;
use crate::kubernetes::diff;
use crate::kubernetes::find::Finder;
use crate::kubernetes::look::may;
use crate::kubernetes::manifest::is_secret;
use crate::kubernetes::waiting;

/// Asks the server what would come of it.
pub(in crate::kubernetes) async fn plan(access: ReadAccess<'_>, asked: &Asked, class: Class) -> Result<Planned, Fault> {
    let reader = Reader::for_line(access, &asked.line).await?;
    let finder = Finder::for_asked(&reader, asked).await?;
    let mut around = Surroundings::new(&finder);
    let mut planned = Planned::new(class);
    let mut samples = Vec::new();
    for item in items(&finder, asked).await? {
        let named = item.named();
        let Some((before, edit)) = look(&reader, asked, &item).await? else { continue };
        let (verb, subresource) = edit.right();
        let subresource = subresource.or(named.scale.then_some("scale"));
        let resource = &named.resource;
        let allowed = may(&finder, verb, &resource.group, &resource.plural, Some(&named.name), subresource).await?;
        if !allowed {
            planned.notes.push(format!("this user may not {verb} {}", named.title()));
            continue;
        }
        let tried = match try_it(&reader, asked, &item, before, edit).await {
            Ok(Some(tried)) => tried,
            Ok(None) => continue,
            // What it goes into is made by the same line.
            Err(fault) if awaits(&planned, &fault) => {
                planned.changes.push(Change::new(named.title(), Image::Absent, Image::Unknown));
                continue;
            }
            Err(fault) => return Err(fault),
        };
        if let Some(why) = &tried.untried {
            return Err(Fault::new(
                FaultKind::Refused,
                Code::ServerError,
                format!("{}: what it would come to cannot be found out: {why}", named.title()),
            )
            .help("a run can make the change all the same, and records what came of it"));
        }
        let unknown = dropped::told(&item, &tried.after);
        planned.notes.extend(unknown.map(|told| format!("{}: {told}", named.title())));
        let changes = changes(&item, &tried);
        if changes.is_empty() {
            continue;
        }
        planned.changes.extend(changes);
        if ends(&tried) {
            let lost = "what finalizers held is gone for good, whatever a rollback makes again";
            planned.class = Class::new(Effect::Destroy, Reversal::BestEffort(lost.into()));
            planned.notes.push(format!("{} is being deleted, and this lets it go", named.title()));
        }
        if let Some(back) = edit_back(&tried)
            && !may(&finder, back, &resource.group, &resource.plural, Some(&named.name), named.scale.then_some("scale"))
                .await?
        {
            planned.notes.push(format!("this user may not {back} {}, so it could not be taken back", named.title()));
        }
        planned.notes.extend(around.of(&item, &tried).await?);
        planned.notes.extend(waiting::notes(&finder, named, &afterwards(asked, &item, &tried)).await?);
        samples.push(Sample {
            name: named.title(),
            about: tried.before.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned(),
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

/// What a rollback would have to be allowed besides.
fn edit_back(tried: &Tried) -> Option<&'static str> {
    match tried.edit {
        Edit::Create(_) => Some("delete"),
        Edit::Delete(_) => Some("create"),
        Edit::Patch { .. } | Edit::Evict(..) => None,
    }
}

/// Is it refused only for want of something that this line makes first?
fn awaits(planned: &Planned, fault: &Fault) -> bool {
    let makes = |kind: &str| planned.changes.iter().any(|change| change.subject.starts_with(kind));
    fault.server_code.as_deref() == Some("NotFound") && fault.message.contains("namespaces") && makes("namespace/")
}

fn changes(item: &Item, tried: &Tried) -> Vec<Change> {
    let title = item.named().title();
    match &tried.edit {
        Edit::Delete(_) => vec![Change::new(title, Image::of("there"), Image::Absent)],
        Edit::Evict(..) => vec![Change::new(title, Image::of("there"), Image::of("evicted"))],
        Edit::Create(asked) => vec![created(&title, asked)],
        Edit::Patch { .. } => {
            let mut all = diff::changes(&title, &fields(item, &tried.before, &tried.after));
            // The time of a restart is that of the run: what was approved is not lapsed by a clock.
            all.iter_mut().filter(|change| is_time_of_restart(&change.subject)).for_each(|c| c.after = Image::Unknown);
            all
        }
    }
}

/// A new object with its fields.
pub(super) fn created(title: &str, object: &Value) -> Change {
    let mut change = Change::new(title, Image::Absent, Image::of("created"));
    let mut fields = diff::fields(&json!({}), object);
    fields.retain(|field| {
        !matches!(diff::shown(&field.path).as_str(), "apiVersion" | "kind" | "metadata.name" | "metadata.namespace")
    });
    change.parts = diff::changes("", &fields);
    for part in &mut change.parts {
        part.subject = part.subject.trim().to_owned();
        let shown = ["metadata.", "type", "immutable"].iter().any(|known| part.subject.starts_with(known));
        if is_secret(object) && !shown {
            part.after = Image::Secret;
        }
    }
    change
}
