//! A whole plan.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{Planned, Sample};
use crate::action::{Fault, Identity};
use crate::model::{Class, Digest, StepId};

/// How deep a plan looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// At the playbook alone: no connection was opened.
    Offline,
    /// At the targets as well.
    Live,
}

/// What a run would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Version of this shape: `playbook.plan/v1`.
    pub schema: String,
    /// The playbook.
    pub playbook: String,
    /// SHA-256 of its file.
    pub source: Digest,
    /// The version of the program.
    pub engine: String,
    /// How deep it looked.
    pub depth: Depth,
    /// The environment that was selected.
    pub environment: Option<String>,
    /// Inputs, secrets hidden.
    pub inputs: BTreeMap<String, Value>,
    /// Targets and who answered there.
    pub targets: Vec<TargetLine>,
    /// The steps in the order written.
    pub steps: Vec<PlannedStep>,
    /// Sums.
    pub totals: Totals,
    /// SHA-256 over everything above except samples.
    pub digest: Digest,
}

/// A target of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetLine {
    /// As in `targets:`.
    pub name: String,
    /// Redis, Kubernetes, …
    pub kind: String,
    /// Where, without secrets.
    pub address: String,
    /// Who answered; nothing in an offline plan.
    pub identity: Option<Identity>,
    /// Why nobody did.
    pub fault: Option<Fault>,
}

/// How much of a step is known before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is", content = "of")]
pub enum Known {
    /// Everything that this depth can tell.
    Yes,
    /// It waits for the results of these steps.
    AfterRun(Vec<String>),
    /// It will be skipped: its condition is false now.
    Skipped,
    /// It is not reached: this assertion ends or fails the run before it.
    NotReached(String),
    /// Asked, and not told: why.
    Undetermined(String),
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStep {
    /// Its id.
    pub id: StepId,
    /// `main`, `finally` or `rollback of ID`.
    pub part: String,
    /// The group it stands in.
    pub parent: Option<StepId>,
    /// One line for people.
    pub title: Option<String>,
    /// The action.
    pub action: String,
    /// What it does in words, secrets hidden.
    pub command: String,
    /// The target it acts on.
    pub target: Option<String>,
    /// Effect and reversal.
    pub class: Class,
    /// Its condition, as written.
    pub when: Option<String>,
    /// Is its condition open until the run?
    pub conditional: bool,
    /// The question before it.
    pub gate: Option<String>,
    /// How much of it is known.
    pub known: Known,
    /// What its target says of it.
    pub planned: Option<Planned>,
    /// What a read returned, or how an assertion came out, in one line.
    pub outcome: Option<String>,
    /// Where it is written.
    pub place: String,
}

/// Sums over a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Steps that only read, ask, tell or wait.
    pub reads: u32,
    /// Steps that change data or settings.
    pub changes: u32,
    /// Steps that interrupt service.
    pub disruptions: u32,
    /// Steps after which data is gone.
    pub destroys: u32,
    /// Steps of which nobody knows.
    pub unknown: u32,
    /// Steps that cannot be taken back.
    pub irreversible: u32,
    /// Steps that a person has to open.
    pub gates: u32,
    /// Steps of which only the run can tell more.
    pub after_run: u32,
}

impl Plan {
    /// Counts and seals a plan.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.totals = Totals::of(&self.steps);
        self.digest = Digest::ZERO;
        // Samples move on a live system; they are set aside while the rest is hashed.
        let impacts = |plan: &mut Self| -> Vec<Vec<Sample>> {
            let planned = plan.steps.iter_mut().filter_map(|step| step.planned.as_mut());
            planned.flat_map(|planned| &mut planned.impact).map(|impact| std::mem::take(&mut impact.samples)).collect()
        };
        let samples = impacts(&mut self);
        self.digest = Digest::of_json(&self);
        let planned = self.steps.iter_mut().filter_map(|step| step.planned.as_mut());
        for (impact, samples) in planned.flat_map(|planned| &mut planned.impact).zip(samples) {
            impact.samples = samples;
        }
        self
    }

    /// Would a run change anything, as far as this plan can tell?
    pub fn changes_anything(&self) -> bool {
        self.steps.iter().any(|step| {
            let reached = !matches!(step.known, Known::Skipped | Known::NotReached(_));
            let noop = step.planned.as_ref().is_some_and(Planned::is_noop);
            reached && step.class.effect.changes() && !noop
        })
    }
}

impl Totals {
    fn of(steps: &[PlannedStep]) -> Self {
        use crate::model::{Effect, Reversal};
        let mut totals = Self::default();
        let reached = |step: &&PlannedStep| !matches!(step.known, Known::Skipped | Known::NotReached(_));
        for step in steps.iter().filter(reached) {
            let class = step.planned.as_ref().map_or(&step.class, |planned| &planned.class);
            let noop = step.planned.as_ref().is_some_and(Planned::is_noop);
            match class.effect {
                Effect::Read => totals.reads += 1,
                _ if noop => totals.reads += 1,
                Effect::Change => totals.changes += 1,
                Effect::Disrupt => totals.disruptions += 1,
                Effect::Destroy => totals.destroys += 1,
                Effect::Unknown => totals.unknown += 1,
            }
            totals.irreversible += u32::from(matches!(class.reversal, Reversal::Impossible(_)));
            totals.gates += u32::from(step.gate.is_some());
            totals.after_run += u32::from(matches!(step.known, Known::AfterRun(_)) || step.conditional);
        }
        totals
    }
}
