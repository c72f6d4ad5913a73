//! Which fields of an object differ, without what the server itself writes.

use playbook_core::plan::{Change, Image};
use serde_json::{Map, Value};

use crate::line::secret_words::names_a_secret;

/// A step on the way to a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seg {
    /// A field of a mapping.
    Key(String),
    /// The item of a list that has this `name`.
    Item(String),
}

/// A field with two values; nothing where it is absent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) path: Vec<Seg>,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

impl Field {
    /// Is it what kubectl applied last?
    pub(super) fn is_applied(&self) -> bool {
        matches!(self.path.last(), Some(Seg::Key(key)) if key == APPLIED)
    }
}

/// Fields of `metadata` that the server writes.
const OWNED: &[&str] = &[
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];
/// Where kubectl keeps what it applied last.
pub(super) const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Annotations that controllers and clients keep for themselves.
const NOISE: &[&str] = &["deployment.kubernetes.io/revision"];

/// Without what kubectl applied last.
pub(super) fn forget_applied(object: &mut Value) {
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(APPLIED);
    }
}

/// The object without what the server writes, as it can be created again.
pub(super) fn anew(object: &Value) -> Value {
    bare(object, false)
}

fn bare(object: &Value, status: bool) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        if !status {
            map.remove("status");
        }
        if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            OWNED.iter().for_each(|name| drop(metadata.remove(*name)));
        }
    }
    unbound(&mut object);
    object
}

/// Without what ties an object to the one that is gone.
fn unbound(object: &mut Value) {
    let key = |name: &str| Seg::Key(name.to_owned());
    let labels = ["controller-uid", "batch.kubernetes.io/controller-uid"];
    match object.get("kind").and_then(Value::as_str) {
        Some("Job") if object.pointer("/spec/manualSelector").is_none_or(|manual| manual != true) => {
            set(object, &[key("spec"), key("selector")], None);
            for label in labels {
                set(object, &[key("metadata"), key("labels"), key(label)], None);
                set(object, &[key("spec"), key("template"), key("metadata"), key("labels"), key(label)], None);
            }
        }
        // The scheduler finds it a node that is there.
        Some("Pod") => set(object, &[key("spec"), key("nodeName")], None),
        _ => {}
    }
}

/// The object without what the server, controllers and clients write for themselves.
fn own(object: &Value, status: bool) -> Value {
    let mut object = bare(object, status);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let bare = match metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            Some(annotations) => {
                annotations.retain(|name, _| !NOISE.contains(&name.as_str()));
                annotations.is_empty()
            }
            None => false,
        };
        if bare {
            metadata.remove("annotations");
        }
    }
    object
}

/// What differs between two states of an object.
pub(super) fn fields(before: &Value, after: &Value) -> Vec<Field> {
    fields_with(before, after, false)
}

/// The same; `status` is a field like any other where the kind has no subresource for it.
pub(super) fn fields_with(before: &Value, after: &Value, status: bool) -> Vec<Field> {
    let mut all = Vec::new();
    compare(&mut Vec::new(), Some(&own(before, status)), Some(&own(after, status)), &mut all);
    all
}

fn compare(path: &mut Vec<Seg>, before: Option<&Value>, after: Option<&Value>, all: &mut Vec<Field>) {
    if before == after {
        return;
    }
    // A mapping that is new or gone is its fields, so that others may add to it; an empty one says
    // something by being there.
    let empty = Map::new();
    let map = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let maps = match (before, after) {
        (Some(Value::Object(_)), Some(Value::Object(_))) => map(before).zip(map(after)),
        (None, Some(Value::Object(two))) if !two.is_empty() && !path.is_empty() => Some((empty, two.clone())),
        (Some(Value::Object(one)), None) if !one.is_empty() && !path.is_empty() => Some((one.clone(), empty)),
        _ => None,
    };
    if let Some((one, two)) = maps.filter(|_| !matches!((path.last(), before.zip(after)), (Some(Seg::Item(_)), None))) {
        let keys = one.keys().chain(two.keys().filter(|key| !one.contains_key(*key)));
        for key in keys {
            path.push(Seg::Key(key.clone()));
            compare(path, one.get(key), two.get(key), all);
            path.pop();
        }
        return;
    }
    match (before, after) {
        (Some(Value::Array(one)), Some(Value::Array(two))) => match (named(one), named(two)) {
            // In another order it is another list: variables may be made of those before them.
            (Some(first), Some(second)) if same_order(&first, &second) => {
                let names = first.keys().chain(second.keys().filter(|name| !first.contains_key(*name)));
                for name in names {
                    path.push(Seg::Item(name.clone()));
                    compare(path, first.get(name), second.get(name), all);
                    path.pop();
                }
            }
            _ => all.push(Field { path: path.clone(), before: before.cloned(), after: after.cloned() }),
        },
        _ => all.push(Field { path: path.clone(), before: before.cloned(), after: after.cloned() }),
    }
}

/// Do the names that both have come in the same order?
fn same_order(first: &Map<String, Value>, second: &Map<String, Value>) -> bool {
    let common = first.keys().filter(|name| second.contains_key(*name));
    common.eq(second.keys().filter(|name| first.contains_key(*name)))
}

/// A list whose items all have a name of their own, by name.
fn named(items: &[Value]) -> Option<Map<String, Value>> {
    let mut map = Map::new();
    for item in items {
        let name = item.get("name")?.as_str()?;
        if map.insert(name.to_owned(), item.clone()).is_some() {
            return None;
        }
    }
    Some(map)
}

/// The value of a field.
pub(super) fn get<'v>(object: &'v Value, path: &[Seg]) -> Option<&'v Value> {
    path.iter().try_fold(object, |value, seg| match seg {
        Seg::Key(key) => value.get(key),
        Seg::Item(name) => value.as_array()?.iter().find(|item| item.get("name").is_some_and(|own| own == name)),
    })
}

/// Sets a field, or removes it; what leads to it is made.
pub(super) fn set(object: &mut Value, path: &[Seg], to: Option<&Value>) {
    let Some((first, rest)) = path.split_first() else {
        *object = to.cloned().unwrap_or(Value::Null);
        return;
    };
    match first {
        Seg::Key(key) => {
            if !object.is_object() {
                *object = Value::Object(Map::new());
            }
            let Some(map) = object.as_object_mut() else { return };
            match (rest.is_empty(), to) {
                (true, None) => drop(map.remove(key)),
                (false, None) if !map.contains_key(key) => {}
                _ => {
                    let empty =
                        if matches!(rest.first(), Some(Seg::Item(_))) { Value::Array(Vec::new()) } else { Value::Null };
                    set(map.entry(key.clone()).or_insert(empty), rest, to);
                }
            }
        }
        Seg::Item(name) => {
            let Some(items) = object.as_array_mut() else { return };
            let at = items.iter().position(|item| item.get("name").is_some_and(|own| own == name));
            match (at, rest.is_empty(), to) {
                (Some(at), true, None) => drop(items.remove(at)),
                (Some(at), _, _) => set(&mut items[at], rest, to),
                (None, true, Some(value)) => items.push(value.clone()),
                (None, _, _) => {}
            }
        }
    }
}

/// A path for people: `spec.template.spec.containers[redis].image`.
pub(super) fn shown(path: &[Seg]) -> String {
    let mut text = String::new();
    for seg in path {
        match seg {
            Seg::Key(key) if text.is_empty() => text.push_str(key),
            Seg::Key(key) if key.contains(['.', '/']) => text.push_str(&format!("[{key}]")),
            Seg::Key(key) => text.push_str(&format!(".{key}")),
            Seg::Item(name) => text.push_str(&format!("[{name}]")),
        }
    }
    text
}

/// The differences for people, under the name of the object. What kubectl applied last repeats the
/// others.
pub(super) fn changes(title: &str, fields: &[Field]) -> Vec<Change> {
    let image = |value: Option<&Value>| value.map_or(Image::Absent, |value| Image::Value(value.clone()));
    let note = |value: Option<&Value>| value.map_or(Image::Absent, |_| Image::of("the manifest that was applied"));
    let alone = fields.iter().all(Field::is_applied);
    let told = fields.iter().filter(|field| alone || !field.is_applied());
    let change = |field: &Field| {
        let side = |value: Option<&Value>| match value {
            _ if field.is_applied() => note(value),
            Some(_) if is_secret_variable(&field.path) => Image::Secret,
            _ => image(value),
        };
        let after = if field.is_applied() && field.after.is_some() {
            Image::of("the manifest that is applied")
        } else {
            side(field.after.as_ref())
        };
        Change::new(format!("{title} {}", shown(&field.path)), side(field.before.as_ref()), after)
    };
    told.map(change).collect()
}

/// Sets fields back. Mappings that were not there before and are empty now go as well.
pub(super) fn restore(object: &mut Value, fields: &[Field], before: &Value) {
    for field in fields {
        set(object, &field.path, field.before.as_ref());
        if let (Some((Seg::Item(_), list)), Some(_)) = (field.path.split_last(), &field.before) {
            in_order(object, list, before);
        }
        for end in (1..field.path.len()).rev() {
            let parent = &field.path[..end];
            let bare = get(object, parent).and_then(Value::as_object).is_some_and(Map::is_empty);
            if !bare || get(before, parent).is_some() {
                break;
            }
            set(object, parent, None);
        }
    }
}

/// Puts the named items of a list in the order that they had; what is new stays behind what it follows.
fn in_order(object: &mut Value, list: &[Seg], before: &Value) {
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
    let Some(order) = get(before, list).and_then(Value::as_array) else { return };
    let order: Vec<Option<String>> = order.iter().map(name).collect();
    let Some(now) = get(object, list).and_then(Value::as_array) else { return };
    let place = |item: &Value| order.iter().position(|known| *known == name(item));
    let mut old: Vec<Value> = now.iter().filter(|item| place(item).is_some()).cloned().collect();
    old.sort_by_key(place);
    let mut old = old.into_iter();
    // Each old item stands where an old item stood.
    let sorted = now.iter().map(|item| match place(item) {
        Some(_) => old.next().unwrap_or_else(|| item.clone()),
        None => item.clone(),
    });
    let sorted: Value = sorted.collect();
    set(object, list, Some(&sorted));
}

/// The JSON merge patch (RFC 7386) that makes the one into the other.
pub(super) fn merge_patch(from: &Value, to: &Value) -> Value {
    let (Some(from), Some(to)) = (from.as_object(), to.as_object()) else { return to.clone() };
    let mut patch = Map::new();
    for (key, value) in to {
        match from.get(key) {
            Some(now) if now == value => {}
            Some(now) if now.is_object() && value.is_object() => {
                patch.insert(key.clone(), merge_patch(now, value));
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    patch.extend(from.keys().filter(|key| !to.contains_key(*key)).map(|key| (key.clone(), Value::Null)));
    Value::Object(patch)
}

/// Is it the value of a variable that is called like a secret?
fn is_secret_variable(path: &[Seg]) -> bool {
    match path {
        [.., Seg::Key(list), Seg::Item(name)] | [.., Seg::Key(list), Seg::Item(name), Seg::Key(_)] => {
            list == "env" && names_a_secret(name)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object() -> Value {
        json!({"metadata": {"name": "a", "resourceVersion": "1", "labels": {"x": "1"}}, "status": {"ready": 1},
            "spec": {"replicas": 2, "containers": [{"name": "redis", "image": "a"}, {"name": "log", "image": "b"}],
                "args": ["1", "2"]}})
    }

    #[test]
    fn fields_are_named_and_what_the_server_writes_is_left_out() {
        let mut after = object();
        after["metadata"]["resourceVersion"] = json!("2");
        after["status"] = json!({"ready": 2});
        after["spec"]["containers"][0]["image"] = json!("c");
        after["spec"]["args"] = json!(["1"]);
        after["metadata"]["labels"]["app.io/y"] = json!("2");
        let found: Vec<String> = fields(&object(), &after).iter().map(|field| shown(&field.path)).collect();
        assert_eq!(found, ["metadata.labels[app.io/y]", "spec.containers[redis].image", "spec.args"]);
    }

    #[test]
    fn what_was_changed_can_be_set_back() {
        let (before, mut after) = (object(), object());
        after["spec"]["containers"] = json!([{"name": "log", "image": "z"}, {"name": "new", "image": "n"}]);
        after["metadata"].as_object_mut().unwrap().remove("labels");
        let mut back = after.clone();
        restore(&mut back, &fields(&before, &after), &before);
        assert!(fields(&before, &back).is_empty(), "{back}");
    }

    #[test]
    fn items_come_back_to_their_place_and_another_order_is_a_change() {
        let list = |names: &[&str]| json!({"spec": {"env": names.iter().map(|name| json!({"name": name, "value": name})).collect::<Vec<_>>()}});
        let before = list(&["a", "b", "c"]);
        let mut now = list(&["b", "x", "c"]);
        let changed = fields(&before, &list(&["b", "c"]));
        restore(&mut now, &changed, &before);
        let names: Vec<&str> =
            now["spec"]["env"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a", "x", "b", "c"]);
        let turned = fields(&before, &list(&["c", "b", "a"]));
        assert_eq!(turned.iter().map(|field| shown(&field.path)).collect::<Vec<_>>(), ["spec.env"]);
    }

    #[test]
    fn a_merge_patch_makes_the_one_into_the_other() {
        let (from, to) =
            (json!({"a": 1, "b": {"c": 1, "d": 2}, "e": [1, 2]}), json!({"b": {"c": 1, "f": {}}, "e": [2]}));
        assert_eq!(merge_patch(&from, &to), json!({"b": {"f": {}, "d": null}, "e": [2], "a": null}));
    }

    #[test]
    fn values_of_variables_that_are_called_secret_are_not_shown() {
        let object = |value: &str| json!({"spec": {"containers": [{"name": "a", "env": [{"name": "DB_PASSWORD", "value": value}]}]}});
        let told = changes("x", &fields(&object("old-canary"), &object("new-canary")));
        assert_eq!(told.len(), 1);
        assert!(!format!("{told:?}").contains("canary"), "{told:?}");
    }

    #[test]
    fn a_mapping_that_is_new_is_its_fields_and_goes_with_them() {
        let (before, mut after) = (object(), object());
        after["metadata"]["annotations"] = json!({"note": "x"});
        after["spec"]["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
        let changed = fields(&before, &after);
        let found: Vec<String> = changed.iter().map(|field| shown(&field.path)).collect();
        assert_eq!(found, ["metadata.annotations.note", "spec.volumes"]);
        let mut now = after.clone();
        restore(&mut now, &changed, &before);
        assert_eq!(now, before);
        after["metadata"]["annotations"]["theirs"] = json!("y");
        restore(&mut after, &changed, &before);
        assert_eq!(after["metadata"]["annotations"], json!({"theirs": "y"}));
    }
}
