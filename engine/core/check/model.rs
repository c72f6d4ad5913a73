//! A playbook that has been checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::{Draft, Kind, TargetDraft};
use crate::expr::{Expr, Template};
use crate::graph::Graph;
use crate::input::Input;
use crate::model::{Digest, Duration, Effect, StepId, StepIx};
use crate::source::{FileId, Span, Spanned};
use crate::syntax::{Header, OnFailure, Retry};

/// A playbook in which every name is resolved, every parameter read, and the graph has an order.
pub struct Checked {
    /// The text it was read from.
    pub file: FileId,
    /// SHA-256 of that text.
    pub digest: Digest,
    /// What stands before the steps.
    pub header: Header,
    /// Inputs.
    pub inputs: Vec<Input>,
    /// Targets.
    pub targets: Vec<TargetDef>,
    /// All steps, each group before its children, in the order written.
    pub steps: Vec<Step>,
    /// Who waits for whom.
    pub graph: Graph,
    /// How it is rehearsed.
    pub drill: Option<CheckedDrill>,
    /// Steps by id.
    pub(super) by_id: BTreeMap<String, StepIx>,
}

/// A target and who reads it.
#[derive(Clone)]
pub struct TargetDef {
    /// Its name.
    pub name: Spanned<String>,
    /// The provider it belongs to.
    pub provider: &'static str,
    /// With templates still open.
    pub draft: Arc<dyn TargetDraft>,
}

/// When a step's turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// In the run itself.
    Main,
    /// At its end, however it went.
    Finally,
    /// When the step named is rolled back.
    Undo(StepIx),
}

/// One step.
pub struct Step {
    /// Where it stands in [`Checked::steps`].
    pub ix: StepIx,
    /// Its id.
    pub id: StepId,
    /// Where it is written.
    pub span: Span,
    /// The place of its own `id:`, for errors about it.
    pub id_span: Span,
    /// When its turn is.
    pub lane: Lane,
    /// The group it stands in.
    pub parent: Option<StepIx>,
    /// One line for people.
    pub title: Option<Template>,
    /// Why it is done.
    pub why: Option<String>,
    /// The target it acts on, by its place in [`Checked::targets`].
    pub target: Option<usize>,
    /// Why it waits, as written: the ids and where.
    pub needs: Option<Vec<Spanned<String>>>,
    /// It is skipped unless all of these are true.
    pub when: Vec<Expr>,
    /// What it does.
    pub body: Body,
    /// A person's yes before it runs.
    pub gate: Option<Gate>,
    /// It fails unless all of these are true of its result.
    pub expect: Vec<Expr>,
    /// It is repeated until this is true of its result.
    pub until: Option<Expr>,
    /// The wait between repetitions.
    pub every: Duration,
    /// How long it may take, all attempts together.
    pub timeout: Duration,
    /// How often it is tried.
    pub retry: Option<Retry>,
    /// What happens when it fails.
    pub on_failure: OnFailure,
    /// Did the step itself say so, or was it the playbook?
    pub tolerated: bool,
    /// How it is rolled back.
    pub rollback: Rollback,
    /// What it does, said by the author because the engine cannot know.
    pub effect: Option<Effect>,
    /// Words to select it by.
    pub tags: Vec<String>,
}

/// What a step does.
pub enum Body {
    /// Acts on a target through a provider.
    Action {
        /// Which action.
        kind: Arc<dyn Kind>,
        /// With templates still open.
        draft: Arc<dyn Draft>,
    },
    /// Holds expressions against what is known.
    Assert(Assert),
    /// Does nothing but ask, tell or wait for a person: the gate is everything.
    Gate,
    /// Waits.
    Wait(Template),
    /// Puts a line into the timeline.
    Note(Template),
    /// Holds other steps together and ends when they have.
    Group,
}

impl Body {
    /// The key it is written with.
    pub fn name(&self, gate: Option<&Gate>) -> &'static str {
        match self {
            Self::Action { kind, .. } => kind.name(),
            Self::Assert(_) => "assert",
            Self::Gate => match gate {
                Some(Gate::Approval(_)) => "approval",
                Some(Gate::Manual(_)) => "manual",
                Some(Gate::Confirm(_)) | None => "confirm",
            },
            Self::Wait(_) => "wait",
            Self::Note(_) => "note",
            Self::Group => "parallel",
        }
    }
}

/// Expressions that must be true.
#[derive(Clone, Debug)]
pub struct Assert {
    /// The expressions.
    pub checks: Vec<AssertCheck>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct AssertCheck {
    /// What must be true.
    pub expr: Expr,
    /// What happens if it is not.
    pub otherwise: Level,
    /// What to tell then.
    pub message: Option<Template>,
}

/// What an expression that is not true means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The step fails.
    Fail,
    /// It is noted.
    Warn,
    /// The run ends here, well.
    Finish,
}

/// A person's yes.
#[derive(Clone, Debug)]
pub enum Gate {
    /// A question; `--yes` answers it.
    Confirm(Template),
    /// An approval; nothing but a person answers it.
    Approval(Approval),
    /// Something a person does, and says that it is done.
    Manual(Template),
}

/// Who may approve what.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The question.
    pub ask: Template,
    /// Users and groups (`@group`) who may answer; empty: anyone.
    pub by: Vec<String>,
    /// How many different people must say yes.
    pub quorum: u32,
    /// Does the yes of whoever started the run count?
    pub allow_author: bool,
    /// How long the question stands.
    pub expires: Option<Duration>,
    /// What its expiry means.
    pub on_expiry: OnExpiry,
    /// How far counts may move between approval and change: 0.1 is ten percent.
    pub tolerance: f64,
}

/// What the expiry of an approval means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnExpiry {
    /// As if someone had said no.
    Reject,
    /// The run ends here, well.
    Finish,
}

/// How a step is rolled back.
#[derive(Clone, Debug)]
pub enum Rollback {
    /// From what was captured, where the engine can.
    Auto,
    /// Not at all, for this reason.
    None(String),
    /// By these steps.
    Stated(Vec<StepIx>),
}

/// How a playbook is rehearsed.
pub struct CheckedDrill {
    /// Where it stands.
    pub span: Span,
    /// The throwaway servers: target name, settings.
    pub targets: Vec<(Spanned<String>, crate::syntax::tree::Node)>,
    /// Inputs for the run.
    pub inputs: Vec<(Spanned<String>, crate::syntax::de::Raw)>,
    /// Key patterns whose values the run must not touch.
    pub untouched: Vec<Spanned<String>>,
}

impl Step {
    /// All templates and expressions of a step besides those that see its `result`.
    pub fn templates(&self) -> Vec<&Template> {
        let mut all: Vec<&Template> = self.title.iter().collect();
        match &self.body {
            Body::Action { draft, .. } => all.extend(draft.words()),
            Body::Assert(assert) => all.extend(assert.checks.iter().filter_map(|check| check.message.as_ref())),
            Body::Wait(template) | Body::Note(template) => all.push(template),
            Body::Gate | Body::Group => {}
        }
        match &self.gate {
            Some(Gate::Confirm(ask) | Gate::Manual(ask)) => all.push(ask),
            Some(Gate::Approval(approval)) => all.push(&approval.ask),
            None => {}
        }
        all
    }

    /// What it does in one line, templates still open, what its target treats as secret hidden.
    pub fn line(&self) -> String {
        match &self.body {
            Body::Action { draft, .. } => {
                draft.mask(draft.words().iter().map(|word| word.text().to_owned()).collect()).join(" ")
            }
            Body::Assert(assert) => assert.checks.iter().map(|check| check.expr.text()).collect::<Vec<_>>().join("; "),
            Body::Wait(template) | Body::Note(template) => template.text().to_owned(),
            Body::Gate | Body::Group => match &self.gate {
                Some(Gate::Confirm(ask) | Gate::Manual(ask)) => ask.text().to_owned(),
                Some(Gate::Approval(approval)) => approval.ask.text().to_owned(),
                None => String::new(),
            },
        }
    }

    /// Does it act on a target?
    pub fn draft(&self) -> Option<&Arc<dyn Draft>> {
        match &self.body {
            Body::Action { draft, .. } => Some(draft),
            Body::Assert(_) | Body::Gate | Body::Wait(_) | Body::Note(_) | Body::Group => None,
        }
    }
}

impl Checked {
    /// The step with this index.
    pub fn step(&self, ix: StepIx) -> &Step {
        &self.steps[ix.at()]
    }

    /// The step with this id.
    pub fn find(&self, id: &str) -> Option<&Step> {
        self.index_of(id).map(|ix| self.step(ix))
    }

    /// The index of the step with this id.
    pub fn index_of(&self, id: &str) -> Option<StepIx> {
        self.by_id.get(id).copied()
    }

    /// The name of the playbook.
    pub fn name(&self) -> &str {
        &self.header.playbook.value
    }
}
