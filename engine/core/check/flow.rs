//! The order written, `needs:` and references → a graph without circles.

use super::model::{Body, Lane, Step};
use super::names::Named;
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{Edge, Graph, Why};
use crate::model::StepIx;

pub(super) fn graph(steps: &[Step], named: &Named, found: &mut Diagnostics) -> Graph {
    let mut graph = Graph::new(steps.len());
    let children = children(steps);
    for lane in lanes(steps) {
        let top: Vec<StepIx> =
            steps.iter().filter(|step| step.lane == lane && step.parent.is_none()).map(|step| step.ix).collect();
        sequence(&top, &[], steps, &children, named, &mut graph, found);
    }
    references(steps, named, &mut graph);
    for circle in graph.circles() {
        found.push(describe(&circle, steps));
    }
    graph
}

fn lanes(steps: &[Step]) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for step in steps {
        if lanes.last() != Some(&step.lane) && !lanes.contains(&step.lane) {
            lanes.push(step.lane);
        }
    }
    lanes
}

fn children(steps: &[Step]) -> Vec<Vec<StepIx>> {
    let mut children = vec![Vec::new(); steps.len()];
    for step in steps {
        if let Some(parent) = step.parent {
            children[parent.at()].push(step.ix);
        }
    }
    children
}

/// Steps one after the other, each waiting for the one before unless it says what it needs.
fn sequence(
    list: &[StepIx],
    before: &[(StepIx, Why)],
    steps: &[Step],
    children: &[Vec<StepIx>],
    named: &Named,
    graph: &mut Graph,
    found: &mut Diagnostics,
) {
    let mut previous: Vec<(StepIx, Why)> = before.to_vec();
    for &ix in list {
        place(ix, &previous, steps, children, named, graph, found);
        previous = vec![(ix, Why::Order)];
    }
}

fn place(
    ix: StepIx,
    previous: &[(StepIx, Why)],
    steps: &[Step],
    children: &[Vec<StepIx>],
    named: &Named,
    graph: &mut Graph,
    found: &mut Diagnostics,
) {
    let step = &steps[ix.at()];
    let waits: Vec<(StepIx, Why)> = match &step.needs {
        None => previous.to_vec(),
        Some(needs) => needs.iter().filter_map(|need| resolve(need, step, steps, named, found)).collect(),
    };
    for &(from, why) in &waits {
        graph.wait(Edge { from, to: ix, why });
    }
    if matches!(step.body, Body::Group) {
        for &child in &children[ix.at()] {
            place(child, &waits, steps, children, named, graph, found);
            graph.wait(Edge { from: child, to: ix, why: Why::Order });
        }
    }
}

fn resolve(
    need: &crate::source::Spanned<String>,
    step: &Step,
    steps: &[Step],
    named: &Named,
    found: &mut Diagnostics,
) -> Option<(StepIx, Why)> {
    let Some(&from) = named.get(&need.value) else {
        let known: Vec<&str> = named.keys().map(String::as_str).collect();
        let mut diagnostic =
            Diagnostic::error(Code::UnknownStep, need.span, format!("there is no step `{}`", need.value))
                .label("no step has this id")
                .suggest(&need.value, known.iter().copied());
        if let Some(near) = crate::diagnostic::nearest(&need.value, known.iter().copied()) {
            diagnostic = diagnostic.also(steps[named[near].at()].id_span, "this one?");
        }
        found.push(diagnostic);
        return None;
    };
    if steps[from.at()].lane != step.lane {
        found.push(
            Diagnostic::error(
                Code::NotReady,
                need.span,
                format!("`{}` runs in another part of the playbook", need.value),
            )
            .also(steps[from.at()].id_span, "it is here")
            .help("steps, finally and rollback each have their own order; leave this out"),
        );
        return None;
    }
    Some((from, Why::Needs(need.span)))
}

/// A use of `steps.x` makes the user wait for `x`.
fn references(steps: &[Step], named: &Named, graph: &mut Graph) {
    for step in steps {
        for usage in super::references::uses(step) {
            let Some(&from) = usage.path.get(1).filter(|_| usage.root() == "steps").and_then(|id| named.get(id)) else {
                continue;
            };
            if from != step.ix && steps[from.at()].lane == step.lane {
                graph.wait(Edge { from, to: step.ix, why: Why::Uses(usage.span) });
            }
        }
    }
}

fn describe(circle: &[Edge], steps: &[Step]) -> Diagnostic {
    let id = |ix: StepIx| &steps[ix.at()].id;
    if let [Edge { why: Why::Needs(span), to, .. }] = circle {
        return Diagnostic::error(Code::Cycle, *span, format!("`{}` needs itself", id(*to))).help("leave it out");
    }
    let backward = circle.iter().find_map(|edge| match edge.why {
        Why::Uses(span) if edge.from > edge.to => Some((edge, span)),
        Why::Uses(_) | Why::Needs(_) | Why::Order => None,
    });
    let only_order = circle.iter().all(|edge| !matches!(edge.why, Why::Needs(_)));
    if let (Some((edge, span)), true) = (backward, only_order) {
        return Diagnostic::error(Code::NotReady, span, format!("`{}` cannot have run yet", id(edge.from)))
            .label(format!("used by `{}`", id(edge.to)))
            .also(steps[edge.from.at()].id_span, "it runs later")
            .help("move it before, or give the steps their order with needs:");
    }
    let mut around: Vec<String> = circle.iter().map(|edge| format!("`{}`", id(edge.to))).collect();
    around.rotate_right(1);
    around.push(around[0].clone());
    let place = circle.iter().find_map(|edge| match edge.why {
        Why::Needs(span) | Why::Uses(span) => Some(span),
        Why::Order => None,
    });
    let mut diagnostic = Diagnostic::error(
        Code::Cycle,
        place.unwrap_or(steps[circle[0].to.at()].span),
        format!("steps wait for each other: {}", around.join(" → ")),
    );
    for edge in circle {
        let (place, why) = match edge.why {
            Why::Needs(span) => (span, "needs"),
            Why::Uses(span) => (span, "uses"),
            Why::Order => (steps[edge.to.at()].id_span, "is written after"),
        };
        let text = format!("`{}` {why} `{}`", id(edge.to), id(edge.from));
        if Some(place) == diagnostic.primary.span.into() && diagnostic.primary.value.is_empty() {
            diagnostic = diagnostic.label(text);
        } else {
            diagnostic = diagnostic.also(place, text);
        }
    }
    diagnostic.help("take one of these out; a step without needs: waits for the one written before it")
}
