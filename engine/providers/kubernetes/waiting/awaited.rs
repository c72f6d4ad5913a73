//! Waiting for one object: for its rollout, for its end, for a state.
//!
//! What is waited for is known from the object alone, or from the record of a change, so that a run
//! that was killed meanwhile waits for the same again.

use playbook_core::action::{Fault, FaultKind, UndoRecord};
use playbook_core::codes::Code;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::rollout::{Standing, standing};
use super::trouble::{held, why};
use super::wanted::Goal;
use crate::kubernetes::client::Reader;
use crate::kubernetes::find::Named;

/// One object that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) struct Awaited {
    pub(in crate::kubernetes) kind: String,
    /// For people: `deployment/web in dash`.
    pub(in crate::kubernetes) title: String,
    collection: String,
    name: String,
    /// Only this one of that name, if it is known.
    uid: Option<String>,
}

/// How far it is: done, and of how many.
pub(in crate::kubernetes) type Tell<'t> = &'t (dyn Fn(u64, u64) + Send + Sync);

impl Awaited {
    pub(in crate::kubernetes) fn of(named: &Named, uid: Option<&str>) -> Self {
        Self {
            kind: named.resource.kind.clone(),
            title: named.title(),
            collection: named.resource.path(Some(&named.namespace)),
            name: named.name.clone(),
            uid: uid.map(str::to_owned),
        }
    }

    /// For the record of a change.
    pub(in crate::kubernetes) fn recorded(&self) -> Value {
        json!({"kind": self.kind, "title": self.title, "collection": self.collection, "name": self.name, "uid": self.uid})
    }

    /// From the record of a change.
    pub(in crate::kubernetes) fn of_record(record: &UndoRecord) -> Option<Self> {
        let data = record.data.pointer("/settle/object")?;
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            kind: text("kind")?,
            title: text("title")?,
            collection: text("collection")?,
            name: text("name")?,
            uid: text("uid"),
        })
    }

    /// By name alone, or all of a collection that fit.
    fn one(&self) -> Vec<(&'static str, String)> {
        vec![("fieldSelector", format!("metadata.name={}", self.name))]
    }

    fn is_another(&self, object: &Value) -> bool {
        let now = object.pointer("/metadata/uid").and_then(Value::as_str);
        self.uid.as_deref().is_some_and(|uid| now != Some(uid))
    }

    /// Waits until its rollout is complete: pods ready, and of how many. `patience` names the time.
    ///
    /// # Errors
    /// When it is not complete in time, when its controller gives it up: with the reasons of its pods.
    pub(in crate::kubernetes) async fn rolled_out(
        &self,
        reader: &Reader<'_>,
        revision: Option<i64>,
        until: Option<Instant>,
        tell: Tell<'_>,
    ) -> Result<(u64, u64), Fault> {
        let began = Instant::now();
        let mut last: Option<Value> = None;
        let mut words = UNKNOWN.to_owned();
        let mut seen = |object: Option<&Value>| {
            let object = object.ok_or_else(|| self.gone())?;
            if self.is_another(object) {
                return Err(self.gone());
            }
            let standing = standing(&self.kind, &self.title, object, revision)?;
            let (done, of) = standing.counts();
            tell(done, of);
            last = Some(object.clone());
            Ok(match standing {
                Standing::Complete(ready, of) => Some(Ok((ready, of))),
                Standing::Stuck(_, _, said) => Some(Err(said)),
                Standing::Going(_, _, said) => {
                    words = said;
                    None
                }
            })
        };
        let found = reader.follow(&self.collection, &self.one(), until, &mut seen).await;
        let object = last.unwrap_or_default();
        let (kind, said) = match found {
            Ok(Some(Ok(counts))) => return Ok(counts),
            Ok(Some(Err(said))) => (FaultKind::Refused, said),
            Ok(None) => (FaultKind::Timeout, format!("{words}, after {}", lasted(began))),
            Err(fault) if fault.kind == FaultKind::Cancelled => (FaultKind::Cancelled, words),
            Err(fault) => return Err(fault),
        };
        let why = why(reader.target(), &self.kind, &object).await;
        let message = format!("{} is not rolled out: {said}{}", self.title, why.after());
        let fault = unmet(kind, message, why.help("kubectl: describe and kubectl: events tell more"));
        Err(if kind == FaultKind::Refused { fault.server("ProgressDeadlineExceeded", false) } else { fault })
    }

    /// Waits until it is gone, or another one has its name.
    ///
    /// # Errors
    /// When it is not gone in time, with what holds it.
    pub(in crate::kubernetes) async fn ended(&self, reader: &Reader<'_>, until: Option<Instant>) -> Result<(), Fault> {
        let began = Instant::now();
        let mut first = self.uid.clone();
        let mut last: Option<Value> = None;
        let mut seen = |object: Option<&Value>| {
            let uid = object.and_then(|object| object.pointer("/metadata/uid")?.as_str().map(str::to_owned));
            let same = uid.is_some()
                && *first.get_or_insert_with(|| uid.clone().unwrap_or_default()) == *uid.as_deref().unwrap_or_default();
            last = object.cloned();
            Ok((!same).then_some(()))
        };
        let found = reader.follow(&self.collection, &self.one(), until, &mut seen).await;
        let held = last.as_ref().map(held).unwrap_or_default();
        match found {
            Ok(Some(())) => Ok(()),
            Ok(None) => Err(unmet(
                FaultKind::Timeout,
                format!("{} is still there after {}{held}", self.title, lasted(began)),
                "whoever set a finalizer removes it once it is done: is that controller running?",
            )),
            Err(fault) if fault.kind == FaultKind::Cancelled => {
                Err(Fault { message: format!("{} is still there{held}", self.title), ..fault })
            }
            Err(fault) => Err(fault),
        }
    }

    /// Waits for a state.
    ///
    /// # Errors
    /// When it does not come in time, with the reasons of its pods.
    pub(in crate::kubernetes) async fn reaches(
        &self,
        reader: &Reader<'_>,
        goal: &Goal,
        until: Option<Instant>,
    ) -> Result<(), Fault> {
        if *goal == Goal::Gone {
            return self.ended(reader, until).await;
        }
        let began = Instant::now();
        let mut last: Option<Value> = None;
        let mut words = UNKNOWN.to_owned();
        let mut seen = |object: Option<&Value>| {
            last = object.cloned();
            Ok(match goal.reached(&self.kind, object)? {
                None => Some(()),
                Some(said) => {
                    words = said;
                    None
                }
            })
        };
        let found = reader.follow(&self.collection, &self.one(), until, &mut seen).await;
        let (kind, said) = match found {
            Ok(Some(())) => return Ok(()),
            Ok(None) => (FaultKind::Timeout, format!("{words}, after {}", lasted(began))),
            Err(fault) if fault.kind == FaultKind::Cancelled => (FaultKind::Cancelled, words),
            Err(fault) => return Err(fault),
        };
        let why = match &last {
            Some(object) => why(reader.target(), &self.kind, object).await,
            None => super::trouble::Why::default(),
        };
        let message = format!("{} {said}{}", self.title, why.after());
        Err(unmet(kind, message, why.help("raise --timeout, or find out what holds it up: kubectl: describe")))
    }

    fn gone(&self) -> Fault {
        Fault::new(FaultKind::Refused, Code::ServerError, format!("{} was deleted meanwhile", self.title))
            .help("kubectl: events may tell by whom")
            .server("NotFound", false)
    }
}

/// A wait that came to nothing.
fn unmet(kind: FaultKind, message: String, help: impl Into<String>) -> Fault {
    let code = if kind == FaultKind::Refused { Code::ServerError } else { Code::TimedOut };
    Fault::new(kind, code, message).help(help)
}

/// Before the first answer.
const UNKNOWN: &str = "the server has not told how it is";

/// In whole seconds: a fault is recorded.
fn lasted(since: Instant) -> String {
    format!("{}s", (since.elapsed().as_millis() + 500) / 1000)
}
