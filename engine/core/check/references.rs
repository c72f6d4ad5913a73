//! Every name in every template and expression exists, and can be known when it is used.

use std::collections::HashSet;

use super::model::{Body, Lane, Step, TargetDef};
use super::names::Named;
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Expr, Template, Use};
use crate::input::Input;

/// What `run.…` has.
const RUN: &[&str] = &["id", "playbook", "started", "user", "host", "outcome"];
/// Environment variables that a playbook may read without declaring an input.
pub(crate) const ENV: &[&str] = &["USER", "HOSTNAME", "HOME", "CI", "TZ", "LANG"];
/// What every step has besides its result.
const STEP: &[&str] = &["status", "changed", "duration", "result"];

/// All uses of names in a step, those that see its `result` included.
pub(super) fn uses(step: &Step) -> Vec<&Use> {
    let mut all: Vec<&Use> = step.templates().into_iter().flat_map(Template::uses).collect();
    all.extend(step.when.iter().flat_map(Expr::uses));
    all.extend(asserts(step));
    all.extend(after(step));
    all
}

fn asserts(step: &Step) -> impl Iterator<Item = &Use> {
    let checks = match &step.body {
        Body::Assert(assert) => assert.checks.as_slice(),
        Body::Action { .. } | Body::Gate | Body::Wait(_) | Body::Note(_) | Body::Group => &[],
    };
    checks.iter().flat_map(|check| check.expr.uses())
}

fn after(step: &Step) -> impl Iterator<Item = &Use> {
    step.expect.iter().chain(&step.until).flat_map(Expr::uses)
}

struct World<'a> {
    steps: &'a [Step],
    inputs: Vec<&'a str>,
    targets: Vec<&'a str>,
    named: &'a Named,
}

pub(super) fn all(steps: &[Step], inputs: &[Input], targets: &[TargetDef], named: &Named, found: &mut Diagnostics) {
    let world = World {
        steps,
        inputs: inputs.iter().map(|input| input.name.as_str()).collect(),
        targets: targets.iter().map(|target| target.name.value.as_str()).collect(),
        named,
    };
    for target in targets {
        for usage in target.draft.templates().iter().flat_map(|template| template.uses()) {
            world.in_target(usage, found);
        }
    }
    for step in steps {
        let sees_result: HashSet<*const Use> = after(step).map(std::ptr::from_ref).collect();
        for usage in uses(step) {
            world.in_step(step, usage, sees_result.contains(&std::ptr::from_ref(usage)), found);
        }
    }
}

impl World<'_> {
    fn in_target(&self, usage: &Use, found: &mut Diagnostics) {
        match usage.root() {
            "inputs" => self.input(usage, found),
            "env" => env(usage, found),
            other => found.push(
                Diagnostic::error(
                    Code::UndefinedName,
                    usage.span,
                    format!("`{other}` is not known when a target is opened"),
                )
                .help("targets can use inputs and env"),
            ),
        }
    }

    fn in_step(&self, step: &Step, usage: &Use, sees_result: bool, found: &mut Diagnostics) {
        match usage.root() {
            "inputs" => self.input(usage, found),
            "steps" => self.step(step, usage, found),
            "env" => env(usage, found),
            "targets" => self.target(usage, found),
            "run" => self.run(step, usage, found),
            "result" if sees_result => {}
            "result" => found.push(
                Diagnostic::error(Code::UndefinedName, usage.span, "`result` is known only in `expect` and `until`")
                    .help("other steps read it as steps.ID.…"),
            ),
            other => {
                let roots =
                    ["inputs", "steps", "targets", "run", "env"].into_iter().chain(sees_result.then_some("result"));
                let diagnostic =
                    Diagnostic::error(Code::UndefinedName, usage.span, format!("`{other}` is not defined"));
                found.push(if self.inputs.contains(&other) {
                    diagnostic
                        .help(format!("write inputs.{other}"))
                        .edit(usage.span.slice(0, other.len()), format!("inputs.{other}"))
                } else if self.named.contains_key(other) {
                    diagnostic
                        .help(format!("write steps.{other}"))
                        .edit(usage.span.slice(0, other.len()), format!("steps.{other}"))
                } else {
                    diagnostic.suggest(other, roots.collect::<Vec<_>>())
                });
            }
        }
    }

    fn input(&self, usage: &Use, found: &mut Diagnostics) {
        let Some(name) = usage.path.get(1) else { return };
        if !self.inputs.contains(&name.as_str()) {
            found.push(
                Diagnostic::error(Code::UnknownInput, usage.span, format!("there is no input `{name}`"))
                    .suggest(name, self.inputs.iter().copied()),
            );
        }
    }

    fn target(&self, usage: &Use, found: &mut Diagnostics) {
        let Some(name) = usage.path.get(1) else { return };
        if !self.targets.contains(&name.as_str()) {
            found.push(
                Diagnostic::error(Code::UnknownTarget, usage.span, format!("there is no target `{name}`"))
                    .suggest(name, self.targets.iter().copied()),
            );
        }
    }

    fn run(&self, step: &Step, usage: &Use, found: &mut Diagnostics) {
        match usage.path.get(1).map(String::as_str) {
            None => {}
            Some("outcome") if step.lane != Lane::Finally => found.push(
                Diagnostic::error(Code::NotReady, usage.span, "`run.outcome` is known only in `finally`")
                    .help("use it in a step under finally:"),
            ),
            Some(name) if RUN.contains(&name) => {}
            Some(name) => found.push(
                Diagnostic::error(Code::UndefinedName, usage.span, format!("`run` has no `{name}`"))
                    .suggest(name, RUN.iter().copied()),
            ),
        }
    }

    fn step(&self, step: &Step, usage: &Use, found: &mut Diagnostics) {
        let Some(id) = usage.path.get(1) else {
            found.push(
                Diagnostic::error(Code::UndefinedName, usage.span, "`steps` alone has no value")
                    .help("write steps.ID.field"),
            );
            return;
        };
        let Some(&other) = self.named.get(id) else {
            let known: Vec<&str> = self.named.keys().map(String::as_str).collect();
            found.push(
                Diagnostic::error(Code::UnknownStep, usage.span, format!("there is no step `{id}`")).suggest(id, known),
            );
            return;
        };
        let other = &self.steps[other.at()];
        if usage.path.len() == 2 {
            found.push(
                Diagnostic::error(Code::UndefinedName, usage.span, format!("`steps.{id}` alone has no value")).help(
                    format!("write steps.{id}.result for what it returned, or one of .{}", STEP[..3].join(", .")),
                ),
            );
        }
        if other.ix == step.ix {
            found.push(
                Diagnostic::error(Code::NotReady, usage.span, format!("`{id}` refers to itself"))
                    .help("in expect and until, its own result is `result`"),
            );
            return;
        }
        self.lanes(step, other, usage, found);
    }

    fn lanes(&self, step: &Step, other: &Step, usage: &Use, found: &mut Diagnostics) {
        let possible = match (step.lane, other.lane) {
            (a, b) if a == b => true,
            (Lane::Finally | Lane::Undo(_), Lane::Main) => true,
            (Lane::Main | Lane::Finally | Lane::Undo(_), Lane::Main | Lane::Finally | Lane::Undo(_)) => false,
        };
        if !possible {
            found.push(
                Diagnostic::error(
                    Code::NotReady,
                    usage.span,
                    format!("`{}` runs in another part of the playbook", other.id),
                )
                .also(other.id_span, "it is here")
                .help("finally and rollback can use the steps of the run, not the other way round"),
            );
        }
    }
}

fn env(usage: &Use, found: &mut Diagnostics) {
    let Some(name) = usage.path.get(1) else {
        found.push(
            Diagnostic::error(Code::UndefinedName, usage.span, "`env` alone has no value").help("write env.NAME"),
        );
        return;
    };
    if !ENV.contains(&name.as_str()) && !name.starts_with("PLAYBOOK_") {
        found.push(
            Diagnostic::error(Code::UndefinedName, usage.span, format!("`env.{name}` is not open to playbooks")).help(
                format!("declare an input with from: {{env: {name}}}; open are {} and PLAYBOOK_*", ENV.join(", ")),
            ),
        );
    }
}
