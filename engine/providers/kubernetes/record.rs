//! What is captured of an object before it is changed: a record that a rollback reads.

use playbook_core::action::{Fault, UndoOrder, UndoPart, UndoRecord};
use serde_json::{Value, json};

use super::diff::{self, Field};
use super::faults;
use super::find::Named;
use super::manifest::{SHOWN, is_secret};
use super::target::Acting;

/// The kind of record that holds an object.
pub(super) const OBJECT: &str = "kubernetes.object/1";

/// An object before and after a change.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kept {
    pub(super) path: String,
    pub(super) collection: String,
    pub(super) title: String,
    /// Of the object before; empty if there was none.
    pub(super) uid: String,
    pub(super) version: String,
    pub(super) deletes: bool,
    /// Has the kind no subresource for its status?
    pub(super) status: bool,
    /// What goes with it for good, and does not come back by a rollback.
    pub(super) lost: Option<String>,
    /// As it was; null if it was not there.
    pub(super) before: Value,
    /// As it was to be, if the server would tell; null if not, or if there is to be none.
    pub(super) wanted: Value,
    /// What was sent to make it.
    pub(super) asked: Value,
    /// Of a Secret that is made: what its data is called.
    pub(super) keys: Vec<String>,
    /// The UID of what was made, once that is known.
    pub(super) made: Option<String>,
}

impl Kept {
    /// Of a change that is about to be made.
    pub(super) fn of(named: &Named, before: &Value, wanted: &Value, asked: &Value, deletes: bool) -> Self {
        let text = |at: &str| before.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            path: named.path(),
            collection: named.resource.path(Some(&named.namespace)),
            title: named.title(),
            uid: text("/metadata/uid"),
            version: text("/metadata/resourceVersion"),
            deletes,
            status: !named.resource.has_status && !named.scale,
            lost: None,
            before: kept(before),
            wanted: kept(wanted),
            asked: kept(asked),
            keys: keys(asked),
            made: None,
        }
    }

    /// As it is stored.
    pub(super) fn record(&self, order: UndoOrder) -> UndoRecord {
        UndoRecord {
            kind: OBJECT.into(),
            data: json!({
                "path": self.path, "collection": self.collection, "title": self.title,
                "uid": self.uid, "version": self.version, "deletes": self.deletes, "status": self.status, "lost": self.lost, "keys": self.keys,
            }),
            // Texts: records hold no floats, and objects may.
            blob: Some(
                json!({"before": self.before, "wanted": self.wanted, "asked": self.asked}).to_string().into_bytes(),
            ),
            order,
        }
    }

    pub(super) fn read(part: &UndoPart) -> Result<Self, Fault> {
        let broken = || faults::internal(format!("a record of {} that cannot be read", part.record.kind));
        let data = &part.record.data;
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(broken);
        let blob: Value =
            part.record.blob.as_deref().and_then(|blob| serde_json::from_slice(blob).ok()).ok_or_else(broken)?;
        let object = |name: &str| blob.get(name).cloned().unwrap_or(Value::Null);
        Ok(Self {
            path: text("path")?,
            collection: text("collection")?,
            title: text("title")?,
            uid: text("uid")?,
            version: text("version")?,
            deletes: data.get("deletes").and_then(Value::as_bool).ok_or_else(broken)?,
            status: data.get("status").and_then(Value::as_bool).unwrap_or(false),
            lost: data.get("lost").and_then(Value::as_str).map(str::to_owned),
            keys: data.get("keys").cloned().and_then(|keys| serde_json::from_value(keys).ok()).unwrap_or_default(),
            before: object("before"),
            wanted: object("wanted"),
            asked: object("asked"),
            made: part.after.as_ref().and_then(|after| after.get("uid")?.as_str().map(str::to_owned)),
        })
    }

    /// Was there none before?
    pub(super) fn creates(&self) -> bool {
        self.before.is_null()
    }

    /// Of what was made: the fields that were asked for, as the server took them.
    pub(super) fn stated(&self) -> Vec<Field> {
        let mut all = diff::fields(&json!({}), &self.asked);
        all.retain(|field| !matches!(field.path.first(), Some(diff::Seg::Key(key)) if key == "status"));
        for field in &mut all {
            // Amounts and times are written in the server's way.
            let taken = diff::get(&self.wanted, &field.path).cloned();
            field.after = taken.or(field.after.take());
        }
        all
    }

    /// Does it say what was asked for?
    pub(super) fn is_as_stated(&self, now: &Value) -> bool {
        self.stated().iter().all(|field| diff::get(now, &field.path) == field.after.as_ref())
    }

    /// A text of the object, whichever side there is.
    pub(super) fn before_or_asked(&self, at: &str) -> &str {
        self.before.pointer(at).or_else(|| self.asked.pointer(at)).and_then(Value::as_str).unwrap_or_default()
    }

    /// The fields that the change was to change.
    pub(super) fn fields(&self) -> Vec<Field> {
        if self.wanted.is_null() { Vec::new() } else { diff::fields_with(&self.before, &self.wanted, self.status) }
    }
}

/// Who made the changes of these records, if not the target's own user: a rollback is theirs as well.
pub(super) fn acting(parts: &[UndoPart]) -> Option<Acting> {
    let (user, groups) = serde_json::from_value(parts.first()?.record.data.get("as")?.clone()).ok()?;
    Some(Acting { user, groups })
}

/// Data of Secrets is not kept, not even in a pre-image: what would change it is refused.
fn kept(object: &Value) -> Value {
    let mut object = object.clone();
    if is_secret(&object) {
        if let Some(map) = object.as_object_mut() {
            map.retain(|key, _| SHOWN.contains(&key.as_str()));
        }
        diff::forget_applied(&mut object);
    }
    object
}

fn keys(secret: &Value) -> Vec<String> {
    let fields = ["data", "stringData"].iter().filter(|_| is_secret(secret));
    let keys = fields.filter_map(|field| secret.get(field)?.as_object()).flatten();
    keys.map(|(key, _)| key.clone()).collect()
}

/// What a change left: which object. The fields are in the record.
pub(super) fn left(now: &Value, deleted: bool) -> Value {
    json!({"deleted": deleted, "uid": now.pointer("/metadata/uid")})
}
