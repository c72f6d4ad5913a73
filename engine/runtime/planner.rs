//! The live plan: what a run would do, asked of the targets over connections that cannot write.
//!
//! Reads are carried out as in a run, like data sources, as long as nothing before them would
//! change what they read. What depends on more than that is known after the run.

use std::collections::BTreeMap;
use std::time::Duration;

use playbook_core::action::{Action, Fault, FaultKind, Identity, Look, ReadAccess, Target};
use playbook_core::brief::brief;
use playbook_core::check::{Assert, Body, Checked, Lane, Level, Step, effective};
use playbook_core::codes::Code;
use playbook_core::expr::{EvalError, Expr, Scope, StepView};
use playbook_core::model::StepIx;
use playbook_core::plan::{Asked, Depth, Known, Plan, Planned, PlannedStep, planned_step, skeleton};
use playbook_core::ports::Cancel;
use playbook_core::registry::Registry;
use playbook_core::run::{RunState, impossible, rollback_plan};
use playbook_core::secret::Secrets;

use crate::store::Store;
use crate::targets::Targets;

/// How long a target may take for one question of a plan.
const PATIENCE: Duration = Duration::from_secs(30);

/// Said of what would change nothing, or is not there, when steps before it change something.
const BY_THEN: &str = "as things are now: steps before it change something, and it may be otherwise by then";

/// Makes live plans.
pub struct Planner<'a> {
    /// The playbook.
    pub checked: &'a Checked,
    /// Inputs, addresses, names.
    pub asked: Asked<'a>,
    /// The targets.
    pub targets: &'a Targets,
    /// Tells when to stop.
    pub cancel: &'a dyn Cancel,
}

/// What is known of the steps that were planned so far.
#[derive(Default)]
struct So {
    views: BTreeMap<String, StepView>,
    /// Would this step, or one before it, change something?
    dirty: Vec<bool>,
    /// Why nothing after this point is reached.
    over: Option<String>,
    met: BTreeMap<String, Result<Identity, Fault>>,
}

impl Planner<'_> {
    /// Plans all steps. Never fails: what cannot be found out says why.
    pub async fn plan(&self) -> Plan {
        let mut so = So { dirty: vec![false; self.checked.steps.len()], ..So::default() };
        for target in self.targets.all() {
            so.met.insert(target.name().to_owned(), self.identify(target.as_ref()).await);
        }
        let mut planned: BTreeMap<StepIx, PlannedStep> = BTreeMap::new();
        for ix in self.checked.graph.order() {
            let step = self.checked.step(ix);
            let line = match step.lane {
                Lane::Main => self.step(step, &mut so).await,
                Lane::Finally | Lane::Undo(_) => {
                    planned_step(self.checked, step, &self.scope_for(step, &So::default()), self.asked.sources)
                }
            };
            planned.insert(ix, line);
        }
        let mut plan = skeleton(self.checked, &self.asked, Depth::Live, planned.into_values().collect());
        for line in &mut plan.targets {
            match so.met.remove(&line.name) {
                Some(Ok(identity)) => line.identity = Some(identity),
                Some(Err(fault)) => line.fault = Some(fault),
                None => {}
            }
        }
        plan.sealed()
    }

    async fn identify(&self, target: &dyn Target) -> Result<Identity, Fault> {
        patient(target.identify(self.cancel)).await
    }

    /// Only what this step uses is put into its scope.
    fn scope_for(&self, step: &Step, so: &So) -> Scope {
        let asserts: &[_] = match &step.body {
            Body::Assert(assert) => &assert.checks,
            Body::Action { .. } | Body::Gate | Body::Wait(_) | Body::Note(_) | Body::Group => &[],
        };
        let templates = step.templates();
        let expressions = step.when.iter().chain(&step.expect).chain(&step.until);
        let uses = templates
            .iter()
            .flat_map(|template| template.uses())
            .chain(expressions.flat_map(Expr::uses))
            .chain(asserts.iter().flat_map(|check| check.expr.uses()));
        let mut scope = self.asked.world.scope();
        scope.others_unknown();
        for id in uses.filter(|usage| usage.root() == "steps").filter_map(|usage| usage.path.get(1)) {
            if let Some(view) = so.views.get(id) {
                scope.step(id, view.clone());
            }
        }
        scope
    }

    async fn step(&self, step: &Step, so: &mut So) -> PlannedStep {
        let scope = self.scope_for(step, so);
        let mut line = planned_step(self.checked, step, &scope, self.asked.sources);
        let before = self.checked.graph.waits_for(step.ix).iter().any(|edge| so.dirty[edge.from.at()]);
        so.dirty[step.ix.at()] = before;
        if let Some(why) = &so.over {
            line.known = Known::NotReached(why.clone());
            return line;
        }
        match self.condition(step, &scope) {
            Some(false) => {
                line.known = Known::Skipped;
                line.conditional = false;
                self.view(step, so, "skipped", None);
                return line;
            }
            Some(true) => line.conditional = false,
            None => line.conditional = true,
        }
        match &step.body {
            Body::Action { .. } => self.action(step, &scope, before, &mut line, so).await,
            Body::Assert(assert) if !line.conditional => self.assert(assert, &scope, &mut line, so),
            Body::Assert(_) | Body::Gate | Body::Wait(_) | Body::Note(_) | Body::Group => {}
        }
        line
    }

    fn condition(&self, step: &Step, scope: &Scope) -> Option<bool> {
        let mut known = Some(true);
        for expr in &step.when {
            match expr.eval(scope) {
                Ok(evaluated) if !evaluated.truth => return Some(false),
                Ok(_) => {}
                Err(_) => known = None,
            }
        }
        known
    }

    fn view(&self, step: &Step, so: &mut So, status: &'static str, result: Option<serde_json::Value>) {
        if step.id.is_named() {
            let view = StepView { status, changed: false, duration: 0.0, result: result.map(Into::into) };
            so.views.insert(step.id.to_string(), view);
        }
    }

    async fn action(&self, step: &Step, scope: &Scope, before: bool, line: &mut PlannedStep, so: &mut So) {
        let changes = line.class.effect.changes();
        so.dirty[step.ix.at()] |= changes;
        if !matches!(line.known, Known::Yes) {
            return;
        }
        let Some(draft) = step.draft() else { return };
        let action = match draft.prepare(scope) {
            Ok(action) => action,
            Err(EvalError::Unknown(steps)) => {
                line.known = Known::AfterRun(steps);
                return;
            }
            Err(error) => {
                line.known = Known::Undetermined(error.to_string());
                return;
            }
        };
        line.class = effective(step, action.class());
        let Some(target) = step.target.and_then(|at| self.targets.get(at)) else { return };
        if let Some(Err(fault)) = so.met.get(target.name()) {
            line.known = Known::Undetermined(fault.message.clone());
            return;
        }
        let access = ReadAccess::new(target.as_ref(), self.cancel);
        if line.class.effect.changes() {
            self.change(step, action.as_ref(), access, before, line, so).await;
        } else if before || line.conditional {
            let waits = self.checked.graph.waits_for(step.ix);
            let ids = waits.iter().filter(|edge| so.dirty[edge.from.at()]);
            line.known = Known::AfterRun(ids.map(|edge| self.checked.step(edge.from).id.to_string()).collect());
        } else {
            self.read(step, action.as_ref(), access, scope, line, so).await;
        }
    }

    async fn change(
        &self,
        step: &Step,
        action: &dyn Action,
        access: ReadAccess<'_>,
        before: bool,
        line: &mut PlannedStep,
        so: &mut So,
    ) {
        match patient(action.plan(access)).await {
            Ok(mut planned) => {
                planned.class = effective(step, planned.class);
                line.class = planned.class.clone();
                if planned.is_noop() {
                    line.outcome = Some("nothing would change".into());
                }
                match (planned.is_noop(), before) {
                    (true, true) => planned.notes.push(BY_THEN.into()),
                    (true, false) => so.dirty[step.ix.at()] = false,
                    (false, _) => {}
                }
                line.planned = Some(planned);
            }
            // What is missing now may be made by then.
            Err(fault) if before && fault.kind == FaultKind::Refused => {
                line.known = Known::Undetermined(format!("{}; {BY_THEN}", fault.message));
            }
            Err(fault) => line.known = Known::Undetermined(fault.message),
        }
    }

    async fn read(
        &self,
        step: &Step,
        action: &dyn Action,
        access: ReadAccess<'_>,
        scope: &Scope,
        line: &mut PlannedStep,
        so: &mut So,
    ) {
        if let Some(why) = action.only_in_run() {
            line.known = Known::AfterRun(Vec::new());
            line.outcome = Some(why.into());
            return;
        }
        let value = match patient(action.peek(access)).await {
            Ok(Look::Now(value)) => value,
            Ok(Look::NotYet(why)) => {
                line.known = Known::AfterRun(Vec::new());
                line.outcome = Some(format!("not yet: {why}"));
                // What comes after it reads what will have changed by then.
                so.dirty[step.ix.at()] = true;
                return;
            }
            Err(fault) => {
                line.known = Known::Undetermined(fault.message);
                return;
            }
        };
        let mut scope = scope.clone();
        scope.set("result", &value);
        let unmet = step.expect.iter().find(|expr| !expr.eval(&scope).is_ok_and(|evaluated| evaluated.truth));
        let waits = step.until.iter().find(|expr| !expr.eval(&scope).is_ok_and(|evaluated| evaluated.truth));
        if let Some(expr) = unmet {
            line.outcome = Some(format!("not true now: {}", expr.text()));
            if step.on_failure != playbook_core::syntax::OnFailure::Continue {
                so.over = Some(format!("{} would fail: {}", step.id, expr.text()));
            }
            self.view(step, so, "failed", Some(value));
        } else if let Some(expr) = waits {
            // How long it would take, and whether it comes true, only the run can tell.
            line.outcome = Some(format!("not true yet: {}", expr.text()));
        } else {
            let mut shown = value.clone();
            self.asked.world.secrets().value(&mut shown);
            line.outcome = Some(told(&shown));
            self.view(step, so, "ok", Some(value));
        }
    }

    fn assert(&self, assert: &Assert, scope: &Scope, line: &mut PlannedStep, so: &mut So) {
        for check in &assert.checks {
            match check.expr.eval(scope) {
                Ok(evaluated) if evaluated.truth => {
                    line.outcome = Some("true now".into());
                    line.known = Known::Yes;
                }
                Ok(_) => {
                    let message = check.message.as_ref().and_then(|message| message.render_text(scope).ok());
                    let words = message.unwrap_or_else(|| format!("`{}` is not true", check.expr.text()));
                    line.known = Known::Yes;
                    line.outcome = Some(format!("not true now: {words}"));
                    match check.otherwise {
                        Level::Warn => {}
                        Level::Finish => so.over = Some(format!("the run would end well at {}: {words}", line.id)),
                        Level::Fail => so.over = Some(format!("{} would fail: {words}", line.id)),
                    }
                    return;
                }
                Err(EvalError::Unknown(steps)) => {
                    line.known = Known::AfterRun(steps);
                    return;
                }
                Err(error) => {
                    line.known = Known::Undetermined(error.to_string());
                    return;
                }
            }
        }
    }
}

async fn patient<T>(question: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(answer) => answer,
        Err(_) => Err(Fault::new(FaultKind::Timeout, Code::TimedOut, "the target does not answer")),
    }
}

/// A result in one line.
fn told(value: &serde_json::Value) -> String {
    brief(value).unwrap_or_else(|| match value {
        serde_json::Value::Object(map) => format!("{} fields", map.len()),
        _ => "nothing".into(),
    })
}

/// What taking back a run would do, step by step in its order, without doing it.
///
/// # Errors
/// Never as a whole: each step says why it cannot be told.
pub async fn plan_rollback(
    checked: &Checked,
    state: &RunState,
    registry: &Registry,
    targets: &Targets,
    store: &dyn Store,
    secrets: &Secrets,
    cancel: &dyn Cancel,
) -> Vec<(StepIx, Result<Planned, Fault>)> {
    let mut plans = Vec::new();
    for ix in rollback_plan(checked, state).steps {
        plans.push((ix, one_rollback(checked, state, ix, registry, targets, store, secrets, cancel).await));
    }
    plans
}

#[expect(clippy::too_many_arguments, reason = "all of a run, which exists nowhere else as one value")]
async fn one_rollback(
    checked: &Checked,
    state: &RunState,
    ix: StepIx,
    registry: &Registry,
    targets: &Targets,
    store: &dyn Store,
    secrets: &Secrets,
    cancel: &dyn Cancel,
) -> Result<Planned, Fault> {
    let broken = |error: crate::error::RuntimeError| Fault::new(FaultKind::Internal, error.code(), error.to_string());
    let parts: Vec<_> = state.step(ix).parts.iter().filter(|part| part.may_have_changed()).collect();
    if let Some(why) = parts.iter().find_map(|part| impossible(part)) {
        return Err(Fault::new(FaultKind::Invalid, Code::NoWayBack, why.to_owned()));
    }
    let target = checked.step(ix).target.and_then(|at| targets.get(at));
    let target = target.ok_or_else(|| Fault::new(FaultKind::Internal, Code::Internal, "a step without a target"))?;
    let mut undo = Vec::new();
    for part in parts.into_iter().rev() {
        let part = crate::executor::undo_part(store, secrets, part).map_err(broken)?;
        undo.push(part);
    }
    let name = undo.first().map(|part| part.record.provider().to_owned()).unwrap_or_default();
    let provider = registry
        .provider(&name)
        .ok_or_else(|| Fault::new(FaultKind::Internal, Code::Internal, format!("no provider is called {name}")))?;
    patient(provider.plan_undo(ReadAccess::new(target.as_ref(), cancel), &undo)).await
}
