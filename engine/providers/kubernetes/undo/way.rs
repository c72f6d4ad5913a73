//! What a rollback has to do about one object, from what was captured and what is there now.

use std::collections::BTreeSet;

use playbook_core::action::Difference;
use serde_json::{Value, json};

use crate::kubernetes::client::Call;
use crate::kubernetes::diff::{self, Field, Seg};
use crate::kubernetes::manifest::is_secret;
use crate::kubernetes::record::Kept;

/// What is to be done about one object.
pub(super) enum Way {
    /// It is as it was.
    Done,
    /// Put these fields back.
    Fields(Vec<Field>, Value),
    /// Make it again.
    Create,
    /// It is not made again, and why.
    Leave(&'static str),
    /// It was made, and goes.
    Delete(Value),
    /// It is going, and has to be gone first.
    Going,
    /// Someone else changed it.
    Conflicts(Vec<Difference>),
}

pub(super) fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "(absent)".to_owned(), Value::to_string)
}

/// `remade`: did this process make the object with this UID again?
pub(super) fn decide(kept: &Kept, now: Option<&Value>, remade: &dyn Fn(&str) -> bool) -> Way {
    let differs = |text: &str| {
        Way::Conflicts(vec![Difference {
            subject: kept.title.clone(),
            before: if kept.creates() { "(absent)".into() } else { "there".into() },
            ours: if kept.deletes { "deleted".into() } else { "changed".into() },
            now: text.to_owned(),
        }])
    };
    let Some(now) = now else {
        return match (kept.deletes, kept.creates()) {
            (true, _) if finished(&kept.before) => {
                Way::Leave("not made again: it had come to its end, and would run again")
            }
            (true, _) => Way::Create,
            (false, true) => Way::Done,
            (false, false) => differs("deleted by someone else"),
        };
    };
    let uid = now.pointer("/metadata/uid").and_then(Value::as_str);
    let going = now.pointer("/metadata/deletionTimestamp").is_some();
    if kept.deletes {
        return match (uid == Some(kept.uid.as_str()), going) {
            (true, true) => Way::Going,
            (true, false) => Way::Done,
            (false, _) if diff::fields(&kept.before, now).is_empty() => Way::Done,
            (false, _) => differs("someone made another one"),
        };
    }
    if kept.creates() {
        let ours = uid.is_some() && (uid == kept.made.as_deref() || uid.is_some_and(remade));
        if !ours {
            return differs("another one of that name");
        }
        if going {
            return Way::Going;
        }
        let mut conflicts = conflicts(kept, &kept.stated(), now);
        conflicts.extend(added(kept, now));
        return if conflicts.is_empty() { Way::Delete(now.clone()) } else { Way::Conflicts(conflicts) };
    }
    // One that a later step deleted, and its rollback made again, is the same one.
    if uid != Some(kept.uid.as_str()) && !uid.is_some_and(remade) {
        return differs("another one of that name");
    }
    let fields = kept.fields();
    let conflicts = conflicts(kept, &fields, now);
    if !conflicts.is_empty() {
        return Way::Conflicts(conflicts);
    }
    let back: Vec<Field> =
        fields.into_iter().filter(|f| diff::get(now, &f.path) == f.after.as_ref() && f.after != f.before).collect();
    if back.is_empty() { Way::Done } else { Way::Fields(back, now.clone()) }
}

/// The fields that are neither as they were nor as they were left.
fn conflicts(kept: &Kept, fields: &[Field], now: &Value) -> Vec<Difference> {
    let theirs = |field: &&Field| {
        let value = diff::get(now, &field.path);
        // A note of kubectl's that someone has written since stays as it is, and is no reason to stop.
        value != field.before.as_ref() && value != field.after.as_ref() && !field.is_applied()
    };
    let conflict = |field: &Field| Difference {
        subject: format!("{} {}", kept.title, diff::shown(&field.path)),
        before: shown(field.before.as_ref()),
        ours: shown(field.after.as_ref()),
        now: shown(diff::get(now, &field.path)),
    };
    fields.iter().filter(theirs).map(conflict).collect()
}

/// What others have put into something that was made, and would lose with it.
fn added(kept: &Kept, now: &Value) -> Vec<Difference> {
    let difference =
        |subject: String, now: String| Difference { subject, before: "(absent)".into(), ours: "(absent)".into(), now };
    let writers = others(now);
    if is_secret(now) {
        let keys = |object: &Value| -> BTreeSet<String> {
            object.get("data").and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.clone()).collect()
        };
        let theirs: Vec<&str> =
            writers.iter().filter(|name| !CONTROLLERS.contains(&name.as_str())).map(String::as_str).collect();
        let more: Vec<String> = keys(now).into_iter().filter(|key| !kept.keys.contains(key)).collect();
        return match (theirs.is_empty(), more.is_empty()) {
            (true, true) => Vec::new(),
            (false, _) => vec![difference(format!("{} data", kept.title), format!("written by {}", theirs.join(", ")))],
            (true, false) => vec![difference(format!("{} data", kept.title), format!("also {}", more.join(", ")))],
        };
    }
    // What controllers fill in is theirs to lose, and so is what hangs on it by name: labels, finalizers.
    if kept.wanted.is_null() || (!writers.is_empty() && writers.iter().all(|name| CONTROLLERS.contains(&name.as_str())))
    {
        return Vec::new();
    }
    let more = diff::fields_with(&kept.wanted, now, kept.status);
    let outside = |field: &Field| !matches!(field.path.first(), Some(Seg::Key(key)) if key == "metadata");
    let new =
        |field: &&Field| outside(field) && field.before.is_none() && diff::get(&kept.asked, &field.path).is_none();
    more.iter()
        .filter(new)
        .map(|field| difference(format!("{} {}", kept.title, diff::shown(&field.path)), shown(field.after.as_ref())))
        .collect()
}

/// The controllers of Kubernetes itself.
const CONTROLLERS: &[&str] =
    &["kube-controller-manager", "cloud-controller-manager", "kube-scheduler", "kubelet", "kube-apiserver"];

/// Who else wrote more than metadata and status, by the server's own account.
fn others(object: &Value) -> BTreeSet<String> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    let wrote = |entry: &&Value| {
        let fields = entry.get("fieldsV1").and_then(Value::as_object).into_iter().flatten();
        fields.into_iter().any(|(field, _)| !["f:metadata", "f:status"].contains(&field.as_str()))
    };
    let name = |entry: &Value| entry.get("manager").and_then(Value::as_str).map(str::to_owned);
    entries.filter(wrote).filter_map(name).filter(|name| name != "playbook").collect()
}

/// Has it come to its end, so that another one would do it all again?
fn finished(object: &Value) -> bool {
    let is =
        |at: &str, texts: &[&str]| object.pointer(at).and_then(Value::as_str).is_some_and(|own| texts.contains(&own));
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let over = |condition: &Value| {
        let kind = condition.get("type").and_then(Value::as_str).unwrap_or_default();
        ["Complete", "Failed"].contains(&kind) && condition.get("status").is_some_and(|status| status == "True")
    };
    match object.get("kind").and_then(Value::as_str) {
        Some("Job") => conditions.into_iter().any(over),
        Some("Pod") => is("/status/phase", &["Succeeded", "Failed"]),
        _ => false,
    }
}

/// The request that takes one object back; what is made again is `body`.
pub(super) fn call(kept: &Kept, way: &Way, body: &Value) -> Option<Call> {
    match way {
        Way::Create => {
            Some(Call::with("POST", kept.collection.clone(), body.clone()).query("fieldManager", "playbook"))
        }
        Way::Fields(fields, now) => {
            // The fields as they were, on the version that was looked at. Whoever may patch may take it back.
            let mut object = now.clone();
            diff::restore(&mut object, fields, &kept.before);
            let mut patch = diff::merge_patch(now, &object);
            let version = now.pointer("/metadata/resourceVersion").cloned().unwrap_or(Value::Null);
            diff::set(&mut patch, &[Seg::Key("metadata".into()), Seg::Key("resourceVersion".into())], Some(&version));
            let call = Call::with("PATCH", kept.path.clone(), patch).content("application/merge-patch+json");
            Some(call.query("fieldManager", "playbook"))
        }
        Way::Delete(now) => {
            let of = |at: &str| now.pointer(at).cloned().unwrap_or(Value::Null);
            let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
                "preconditions": {"uid": of("/metadata/uid"), "resourceVersion": of("/metadata/resourceVersion")}});
            Some(Call::with("DELETE", kept.path.clone(), options))
        }
        Way::Done | Way::Going | Way::Leave(_) | Way::Conflicts(_) => None,
    }
}
