//! Steps as written → steps with their action, gate, rollback and defaults.

use std::sync::Arc;

use super::model::{Body, CheckedDrill, Gate, Lane, Rollback, Step, TargetDef};
use super::native;
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Expr, Template};
use crate::files::Files;
use crate::input::Input;
use crate::model::{Duration, StepId, StepIx};
use crate::registry::Registry;
use crate::source::{Span, Spanned};
use crate::syntax::tree::Entry;
use crate::syntax::{Authored, Drill, OnFailure, RollbackDecl, Step as Written};

/// How often a condition is looked at, unless the step says it.
const EVERY: Duration = Duration::seconds(2);
/// How long a step may take, unless it says it.
const TIMEOUT: Duration = Duration::seconds(300);

pub(super) struct Builder<'a> {
    registry: &'a Registry,
    targets: &'a [TargetDef],
    files: &'a dyn Files,
    on_failure: Option<OnFailure>,
    steps: Vec<Step>,
    found: &'a mut Diagnostics,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        registry: &'a Registry,
        targets: &'a [TargetDef],
        files: &'a dyn Files,
        on_failure: Option<OnFailure>,
        found: &'a mut Diagnostics,
    ) -> Self {
        Self { registry, targets, files, on_failure, steps: Vec::new(), found }
    }

    pub(super) fn main(&mut self, written: &[Written]) {
        self.list(written, Lane::Main, None, &[]);
    }

    pub(super) fn finally(&mut self, written: &[Written]) {
        self.list(written, Lane::Finally, None, &[]);
    }

    pub(super) fn finish(self) -> Vec<Step> {
        self.steps
    }

    fn list(&mut self, written: &[Written], lane: Lane, parent: Option<StepIx>, when: &[Expr]) -> Vec<StepIx> {
        written.iter().map(|step| self.step(step, lane, parent, when)).collect()
    }

    fn step(&mut self, written: &Written, lane: Lane, parent: Option<StepIx>, outer: &[Expr]) -> StepIx {
        let ix = StepIx::from(self.steps.len());
        let common = &written.common;
        let (id, id_span) = self.id(written, ix, lane);
        let mut when = outer.to_vec();
        when.extend(common.when.as_ref().and_then(|text| Expr::new(text, self.found)));
        let expressions = |texts: &[Spanned<String>], found: &mut Diagnostics| -> Vec<Expr> {
            texts.iter().filter_map(|text| Expr::new(text, found)).collect()
        };
        let expect = common.expect.as_ref().map(|list| expressions(&list.0, self.found)).unwrap_or_default();
        let until = common.until.as_ref().and_then(|text| Expr::new(text, self.found));
        let confirm = common.confirm.as_ref().and_then(|text| Template::new(text, self.found));
        // A step whose action cannot be read stays as a placeholder, so that its id stays known.
        let (body, gate) = match self.body(written, confirm) {
            Some((body, gate)) => {
                self.misplaced(written, &body);
                (body, gate)
            }
            None => (Body::Gate, None),
        };
        let target = match &body {
            Body::Action { kind, .. } => self.target(written, kind.provider()),
            _ => None,
        };
        let on_failure = common.on_failure.as_ref().map(|spanned| spanned.value);
        self.steps.push(Step {
            ix,
            id,
            span: written.action.first().map_or(written.span, |entry| entry.key.span),
            id_span,
            lane,
            parent,
            title: common.title.as_ref().and_then(|text| Template::new(text, self.found)),
            why: common.why.clone(),
            target,
            needs: common.needs.as_ref().map(|needs| needs.0.clone()),
            when: when.clone(),
            body,
            gate,
            expect,
            until,
            every: common.every.as_ref().map_or(EVERY, |every| every.value),
            timeout: common.timeout.as_ref().map_or(TIMEOUT, |timeout| timeout.value),
            retry: common.retry.as_ref().map(|retry| retry.value.clone()),
            on_failure: on_failure.or(self.on_failure).unwrap_or(OnFailure::Stop),
            tolerated: on_failure == Some(OnFailure::Continue),
            rollback: Rollback::Auto,
            effect: common.effect.as_ref().map(|effect| effect.value),
            tags: common.tags.clone(),
        });
        if let Some(children) = &written.parallel {
            self.list(children, lane, Some(ix), &when);
        }
        self.steps[ix.at()].rollback = self.rollback(&written.rollback, ix, lane);
        ix
    }

    fn id(&mut self, written: &Written, ix: StepIx, lane: Lane) -> (StepId, Span) {
        let numbered = match lane {
            Lane::Main | Lane::Finally => StepId::numbered(ix.at() + 1),
            Lane::Undo(of) => {
                let before = self.steps.iter().filter(|step| step.lane == lane).count();
                StepId::recorded(&format!("{}/undo{}", self.steps[of.at()].id, before + 1))
            }
        };
        match &written.common.id {
            None => (numbered, written.span),
            Some(id) => match StepId::author(id) {
                Ok(named) => (named, id.span),
                Err(why) => {
                    let near: String =
                        id.value.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                    self.found.push(
                        Diagnostic::error(
                            Code::InvalidId,
                            id.span,
                            format!("`{}` cannot be the id of a step: {why}", id.value),
                        )
                        .help(format!("write {near}"))
                        .edit(id.span, near),
                    );
                    (numbered, id.span)
                }
            },
        }
    }

    /// What the step does. There is exactly one action; `confirm` alone is a question.
    fn body(&mut self, written: &Written, confirm: Option<Template>) -> Option<(Body, Option<Gate>)> {
        let known = |name: &str| self.registry.kind(name).is_some() || native::NATIVE.iter().any(|(n, _)| *n == name);
        let actions: Vec<&Entry> = written.action.iter().filter(|entry| known(&entry.key.value)).collect();
        if let Some(parallel) = &written.parallel {
            native::strays("parallel", &written.action, self.found);
            if parallel.is_empty() {
                self.found.push(
                    Diagnostic::error(Code::NoAction, written.span, "nothing runs in parallel here")
                        .help("list steps under parallel:"),
                );
            }
            return Some((Body::Group, confirm.map(Gate::Confirm)));
        }
        let Some(action) = actions.first() else {
            return self.no_action(written, confirm);
        };
        if let Some(second) = actions.get(1) {
            self.found.push(
                Diagnostic::error(
                    Code::TwoActions,
                    second.key.span,
                    format!("a step with two actions: `{}` and `{}`", action.key.value, second.key.value),
                )
                .label("the second")
                .also(action.key.span, "the first")
                .help("make two steps of it"),
            );
            return None;
        }
        let name = action.key.value.as_str();
        native::strays(name, &written.action, self.found);
        let gate = confirm.map(Gate::Confirm);
        let (body, gate) = match name {
            "assert" => (Body::Assert(native::assert(&action.value, &written.action, self.found)?), gate),
            "wait" => (Body::Wait(native::wait(&action.value, self.found)?), gate),
            "note" => (Body::Note(native::text_template(&action.value, self.found)?), gate),
            "approval" => (Body::Gate, native::approval(&action.value, self.found)),
            "manual" => (Body::Gate, Some(Gate::Manual(native::text_template(&action.value, self.found)?))),
            _ => {
                let kind = self.registry.kind(name)?.clone();
                let draft = kind.read(&action.key, &action.value, self.files, self.found)?;
                (Body::Action { kind, draft }, gate)
            }
        };
        Some((body, gate))
    }

    fn no_action(&mut self, written: &Written, confirm: Option<Template>) -> Option<(Body, Option<Gate>)> {
        let strange: Vec<&Entry> =
            written.action.iter().filter(|entry| !native::is_companion(&entry.key.value)).collect();
        let names: Vec<&str> = self
            .registry
            .kinds()
            .map(|kind| kind.name())
            .chain(native::NATIVE.iter().map(|(name, _)| *name))
            .chain(["parallel"])
            .collect();
        if let Some(confirm) = confirm.filter(|_| strange.is_empty()) {
            native::strays("confirm", &written.action, self.found);
            return Some((Body::Gate, Some(Gate::Confirm(confirm))));
        }
        match strange.as_slice() {
            [] => self.found.push(
                Diagnostic::error(Code::NoAction, written.span, "a step without an action")
                    .help(format!("give it one of: {}", names.join(", "))),
            ),
            entries => {
                for entry in entries {
                    let keys: Vec<&str> = names.iter().copied().chain(crate::syntax::known_keys()).collect();
                    let diagnostic = Diagnostic::error(
                        Code::UnknownAction,
                        entry.key.span,
                        format!("there is no action `{}`", entry.key.value),
                    );
                    self.found.push(match crate::diagnostic::nearest(&entry.key.value, keys.iter().copied()) {
                        Some(_) => diagnostic.suggest(&entry.key.value, keys),
                        None => diagnostic.help(format!("actions: {}", names.join(", "))),
                    });
                }
            }
        }
        None
    }

    /// Keys that make no sense for this kind of step.
    fn misplaced(&mut self, written: &Written, body: &Body) {
        let common = &written.common;
        let acts = matches!(body, Body::Action { .. });
        let mut wrong = |span: Option<Span>, key: &str, help: &str| {
            if let Some(span) = span {
                self.found.push(
                    Diagnostic::error(Code::Misplaced, span, format!("`{key}` has no meaning for this step"))
                        .help(help),
                );
            }
        };
        if !acts {
            let first = |list: &crate::syntax::OneOrMany| list.0.first().map(|text| text.span);
            wrong(common.target.as_ref().map(|t| t.span), "target", "only actions have a target");
            wrong(
                common.expect.as_ref().and_then(first),
                "expect",
                "use assert: to hold expressions against what is known",
            );
            wrong(common.until.as_ref().map(|t| t.span), "until", "give it to the step whose result is looked at");
            wrong(common.retry.as_ref().map(|t| t.span), "retry", "only actions are tried again");
            wrong(common.effect.as_ref().map(|t| t.span), "effect", "only actions have an effect");
        }
        if common.until.is_none() {
            wrong(common.every.as_ref().map(|t| t.span), "every", "it goes with until:");
        }
        if matches!(body, Body::Gate)
            && common.confirm.is_some()
            && written.action.iter().any(|e| e.key.value != "confirm")
        {
            wrong(common.confirm.as_ref().map(|t| t.span), "confirm", "the step asks already");
        }
    }

    fn target(&mut self, written: &Written, provider: &str) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.targets.len()).filter(|&at| self.targets[at].provider == provider).collect();
        let names = || self.targets.iter().filter(|t| t.provider == provider).map(|t| t.name.value.as_str());
        if let Some(wanted) = &written.common.target {
            let found = fitting.iter().copied().find(|&at| self.targets[at].name.value == wanted.value);
            if found.is_none() {
                let other = self.targets.iter().find(|target| target.name.value == wanted.value);
                let diagnostic = match other {
                    Some(other) => Diagnostic::error(
                        Code::UnknownTarget,
                        wanted.span,
                        format!("`{}` is a {} target, and this step needs {provider}", wanted.value, other.provider),
                    ),
                    None => Diagnostic::error(
                        Code::UnknownTarget,
                        wanted.span,
                        format!("there is no target `{}`", wanted.value),
                    ),
                };
                self.found.push(diagnostic.suggest(&wanted.value, names().collect::<Vec<_>>()));
            }
            return found;
        }
        let place = written.action.first().map_or(written.span, |entry| entry.key.span);
        match fitting.as_slice() {
            [only] => Some(*only),
            [] => {
                self.found.push(
                    Diagnostic::error(Code::UnknownTarget, place, format!("there is no {provider} target to act on"))
                        .help(format!("add targets: {{name: {{{provider}: …}}}}")),
                );
                None
            }
            _ => {
                self.found.push(
                    Diagnostic::error(Code::UnknownTarget, place, "several targets fit this step")
                        .help(format!("add target: one of {}", names().collect::<Vec<_>>().join(", "))),
                );
                None
            }
        }
    }

    fn rollback(&mut self, declared: &RollbackDecl, ix: StepIx, lane: Lane) -> Rollback {
        match declared {
            RollbackDecl::Auto => Rollback::Auto,
            RollbackDecl::None { why, span } => match why.as_deref().map(str::trim).filter(|why| !why.is_empty()) {
                Some(why) => Rollback::None(why.to_owned()),
                None => {
                    self.found.push(
                        Diagnostic::error(Code::NoWayBack, *span, "no rollback, and no reason")
                            .help("write rollback: {none: \"why it is safe to leave\"}"),
                    );
                    Rollback::None("no reason given".into())
                }
            },
            RollbackDecl::Steps(steps, span) => {
                if lane != Lane::Main {
                    self.found.push(
                        Diagnostic::error(Code::Misplaced, *span, "a rollback inside finally or another rollback")
                            .help("only steps of the run itself are rolled back"),
                    );
                    return Rollback::Auto;
                }
                Rollback::Stated(self.list(steps, Lane::Undo(ix), None, &[]))
            }
        }
    }
}

/// Checks the steps of a drill as if they were playbooks of their own, and keeps its settings.
pub(super) fn drill(
    drill: &Drill,
    authored: &Authored,
    inputs: &[Input],
    registry: &Registry,
    files: &Arc<dyn Files>,
    found: &mut Diagnostics,
) -> CheckedDrill {
    for (name, raw) in &drill.inputs.0 {
        match inputs.iter().find(|input| input.name == name.value) {
            Some(input) => {
                if let Err(why) = input.accept(raw) {
                    found.push(
                        Diagnostic::error(Code::InputValue, name.span, why).help("give a value that the input takes"),
                    );
                }
            }
            None => found.push(
                Diagnostic::error(Code::UnknownInput, name.span, format!("there is no input `{}`", name.value))
                    .suggest(&name.value, inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>()),
            ),
        }
    }
    for steps in [&drill.fault, &drill.after] {
        let options = super::Options { throwaway: true, files: Some(files.clone()), ..super::Options::default() };
        let (_, inner) = super::check(&part_of_drill(authored, steps), registry, &options);
        // What concerns the whole file was said already.
        for diagnostic in inner.into_iter().filter(|diagnostic| steps_cover(steps, diagnostic)) {
            found.push(diagnostic);
        }
    }
    CheckedDrill {
        span: drill.span,
        targets: drill.targets.clone(),
        inputs: drill.inputs.0.clone(),
        untouched: drill.untouched.clone(),
    }
}

fn steps_cover(steps: &[Written], diagnostic: &Diagnostic) -> bool {
    steps.first().is_some_and(|first| diagnostic.primary.span.start >= first.span.start)
}

/// The steps of a drill as a playbook of their own, with the same inputs and targets.
pub fn part_of_drill(authored: &Authored, steps: &[Written]) -> Authored {
    let mut part = authored.clone();
    part.steps = steps.to_vec();
    part.finally = Vec::new();
    part.drill = None;
    part
}
