//! What else a change touches: pods, their disruption budgets, autoscalers that would undo it, quota,
//! what goes with an object that is deleted.

use std::collections::BTreeMap;

use playbook_core::action::Fault;
use serde_json::Value;

use super::edit::Edit;
use super::work::{Item, Tried, restarts};
use super::{cascade, quota};
use crate::kubernetes::find::{Finder, Named};
use crate::kubernetes::line::model::Selectors;
use crate::kubernetes::selector;

/// What stands around the objects of a line, asked once for each namespace.
pub(super) struct Surroundings<'f> {
    finder: &'f Finder<'f>,
    lists: BTreeMap<(&'static str, String), Option<Vec<Value>>>,
    /// Pods of each budget that this line would evict.
    evicted: BTreeMap<String, u64>,
}

impl<'f> Surroundings<'f> {
    pub(super) fn new(finder: &'f Finder<'f>) -> Self {
        Self { finder, lists: BTreeMap::new(), evicted: BTreeMap::new() }
    }

    /// What to know before this change is made.
    pub(super) async fn of(&mut self, item: &Item, tried: &Tried) -> Result<Vec<String>, Fault> {
        let named = item.named();
        let mut notes = Vec::new();
        if restarts(tried) {
            let replicas = tried.before.pointer("/spec/replicas").and_then(Value::as_i64);
            notes.push(match replicas {
                Some(1) => format!("1 pod of {} restarts", named.title()),
                Some(count) => format!("{count} pods of {} restart", named.title()),
                None => format!("the pods of {} restart", named.title()),
            });
            notes.extend(self.budgets(named, tried.before.pointer("/spec/template/metadata/labels"), None).await);
        }
        let replicas = |object: &Value| object.pointer("/spec/replicas").and_then(Value::as_i64);
        if let (Edit::Patch { .. }, Some(from), Some(to)) =
            (&tried.edit, replicas(&tried.before), replicas(&tried.after))
            && from != to
        {
            notes.extend(self.scalers(named, to).await);
            if to < from
                && named.resource.kind == "StatefulSet"
                && tried.before.pointer("/spec/volumeClaimTemplates").is_some()
            {
                notes.push(format!("the volume claims of the {} pods that go stay", from - to));
            }
        }
        match &tried.edit {
            Edit::Patch { .. } | Edit::Create(_) => {
                let quotas = self.list("resourcequotas", &named.namespace).await.unwrap_or_default();
                notes.extend(quota::notes(&quotas, &named.title(), &tried.before, &tried.after));
            }
            Edit::Evict(..) => {
                let labels = tried.before.pointer("/metadata/labels");
                notes.extend(self.budgets(named, labels, Some(1)).await);
            }
            Edit::Delete(options) => {
                if named.resource.kind == "Pod" {
                    let labels = tried.before.pointer("/metadata/labels");
                    notes.extend(self.budgets(named, labels, None).await);
                }
                let orphans = options.get("propagationPolicy").is_some_and(|policy| policy == "Orphan");
                notes.extend(cascade::notes(self.finder, named, &tried.before, orphans).await?);
            }
        }
        Ok(notes)
    }

    /// The budgets of pods with these labels; `evict`: how many of them this asks to go.
    async fn budgets(&mut self, named: &Named, labels: Option<&Value>, evict: Option<u64>) -> Vec<String> {
        let Some(all) = self.list("poddisruptionbudgets", &named.namespace).await else {
            return vec![format!("the disruption budgets in {} cannot be read", named.namespace)];
        };
        let none = Value::Null;
        let labels = labels.unwrap_or(&none);
        let mut notes = Vec::new();
        for budget in all.iter().filter(|budget| selector::matches(budget.pointer("/spec/selector"), labels)) {
            let name = budget.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            let number = |at: &str| budget.pointer(at).and_then(Value::as_i64).unwrap_or(0);
            let allowed = number("/status/disruptionsAllowed");
            let healthy = format!("{} of {} healthy", number("/status/currentHealthy"), number("/status/expectedPods"));
            let Some(more) = evict else {
                notes.push(format!("PodDisruptionBudget {name} allows {allowed} disruptions now ({healthy})"));
                continue;
            };
            let asked = self.evicted.entry(format!("{}/{name}", named.namespace)).or_default();
            *asked += more;
            if i64::try_from(*asked).unwrap_or(i64::MAX) > allowed {
                notes.push(format!(
                    "{} waits for PodDisruptionBudget {name}, which allows {allowed} disruptions now ({healthy})",
                    named.title()
                ));
            }
        }
        notes
    }

    /// Autoscalers that would set the replicas again.
    async fn scalers(&mut self, named: &Named, to: i64) -> Vec<String> {
        let all = self.list("horizontalpodautoscalers", &named.namespace).await.unwrap_or_default();
        let aims = |scaler: &&Value| {
            let is = |at: &str, text: &str| scaler.pointer(at).and_then(Value::as_str) == Some(text);
            is("/spec/scaleTargetRef/kind", &named.resource.kind) && is("/spec/scaleTargetRef/name", &named.name)
        };
        let told = |scaler: &Value| {
            let name = scaler.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            let min = scaler.pointer("/spec/minReplicas").and_then(Value::as_i64).unwrap_or(1);
            let max = scaler.pointer("/spec/maxReplicas").and_then(Value::as_i64).unwrap_or(min);
            if to == 0 {
                return format!(
                    "HorizontalPodAutoscaler {name} leaves {} alone while it has no replicas",
                    named.title()
                );
            }
            format!(
                "HorizontalPodAutoscaler {name} sets the replicas of {} itself, {min} to {max}: it may undo this",
                named.title()
            )
        };
        all.iter().filter(aims).map(told).collect()
    }

    /// Everything of a kind in a namespace; none if the user may not look.
    async fn list(&mut self, plural: &'static str, namespace: &str) -> Option<Vec<Value>> {
        let key = (plural, namespace.to_owned());
        if !self.lists.contains_key(&key) {
            let found = match self.finder.catalogue.find(plural) {
                Ok(resource) => self.finder.list_in(resource, Some(namespace), &Selectors::default()).await.ok(),
                // A server without them.
                Err(_) => Some(Vec::new()),
            };
            self.lists.insert(key.clone(), found);
        }
        self.lists.get(&key).cloned().flatten()
    }
}
