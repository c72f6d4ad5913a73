//! What names mean during one evaluation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

/// What `steps.<id>` shows.
#[derive(Clone, Debug)]
pub struct StepView {
    /// `ok`, `failed`, `skipped`, …
    pub status: &'static str,
    /// Did it change anything?
    pub changed: bool,
    /// Seconds.
    pub duration: f64,
    /// What it returned.
    pub result: Option<Arc<serde_json::Value>>,
}

#[derive(Debug)]
struct StepObject {
    view: StepView,
    result: Option<Value>,
}

impl Object for StepObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some("status") => Some(Value::from(self.view.status)),
            Some("changed") => Some(Value::from(self.view.changed)),
            Some("duration") => Some(Value::from(self.view.duration)),
            Some("result") => self.result.clone(),
            _ => self.result.as_ref()?.get_item(key).ok().filter(|value| !value.is_undefined()),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["status", "changed", "duration", "result"])
    }
}

/// The names that one evaluation can see.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    root: BTreeMap<&'static str, Value>,
    steps: BTreeMap<String, Value>,
    unknown: BTreeSet<String>,
    others_unknown: bool,
    knows_outcome: bool,
    secrets: BTreeSet<String>,
}

impl Scope {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a root name, such as `inputs` or `result`.
    pub fn set(&mut self, name: &'static str, value: impl serde::Serialize) {
        self.root.insert(name, Value::from(minijinja::value::Serde(value)));
    }

    /// As [`Scope::set`] for a value that exists already, so that it is not copied.
    pub fn share(&mut self, name: &'static str, value: Value) {
        self.root.insert(name, value);
    }

    /// Makes a value that many scopes can share.
    pub fn shared(value: impl serde::Serialize) -> Value {
        Value::from(minijinja::value::Serde(value))
    }

    /// Says which inputs are secret: what is made of them is secret as well.
    pub fn secret_inputs(&mut self, names: impl IntoIterator<Item = String>) {
        self.secrets.extend(names);
    }

    /// Adds `steps.<id>`.
    pub fn step(&mut self, id: &str, view: StepView) {
        let result = view.result.as_deref().map(|result| Value::from(minijinja::value::Serde(result)));
        self.steps.insert(id.to_owned(), Value::from_object(StepObject { view, result }));
    }

    /// A step whose result only a run can tell.
    pub fn unknown_step(&mut self, id: &str) {
        self.unknown.insert(id.to_owned());
    }

    /// The run is about to end, and how is known.
    pub fn knows_outcome(&mut self) {
        self.knows_outcome = true;
    }

    /// All steps that are not added are known only after a run.
    pub fn others_unknown(&mut self) {
        self.others_unknown = true;
    }

    /// A root name whose value only a run can tell.
    pub fn unknown_root(&mut self, name: &str) {
        self.unknown.insert(name.to_owned());
    }

    /// Is what this path names known only after a run? Gives the step, or the root name.
    pub(super) fn unknown_for<'p>(&self, path: &'p [String]) -> Option<&'p str> {
        if path[0] == "run" && path.get(1).is_some_and(|name| name == "outcome") && !self.knows_outcome {
            return Some("run");
        }
        if path[0] != "steps" {
            return self.unknown.contains(&path[0]).then_some(&path[0]);
        }
        let name = path.get(1)?;
        let unknown = self.unknown.contains(name) || (self.others_unknown && !self.steps.contains_key(name));
        unknown.then_some(name)
    }

    /// The secret input that this path reads, if it does.
    pub(super) fn secret_for<'p>(&self, path: &'p [String]) -> Option<&'p str> {
        if path[0] != "inputs" {
            return None;
        }
        match path.get(1) {
            Some(name) => self.secrets.contains(name).then_some(name),
            None => (!self.secrets.is_empty()).then_some("inputs"),
        }
    }

    pub(super) fn root(&self) -> Value {
        let steps = Value::from_pairs(self.steps.iter().map(|(id, value)| (id.clone(), value.clone())));
        Value::from_pairs(
            self.root.iter().map(|(name, value)| (*name, value.clone())).chain(std::iter::once(("steps", steps))),
        )
    }
}
