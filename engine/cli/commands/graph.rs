//! `playbook graph`.

use std::fmt::Write as _;

use playbook_core::check::{Body, Checked, Lane, Step};
use playbook_core::graph::Why;
use playbook_core::model::StepIx;

use crate::app::App;
use crate::args::{Graph, GraphOutput};
use crate::compile::{Overrides, compile};
use crate::error::Failure;
use crate::locate;

pub(super) fn graph(app: &App, args: &Graph) -> Result<u8, Failure> {
    let compiled = compile(app, locate::one(app, &args.playbook)?, Overrides::default())?;
    let text = match args.output {
        GraphOutput::Tree => tree(&compiled.checked),
        GraphOutput::Mermaid => mermaid(&compiled.checked),
        GraphOutput::Dot => dot(&compiled.checked),
    };
    app.out.print(&text);
    Ok(0)
}

fn label(step: &Step) -> String {
    let text = step.title.as_ref().map_or_else(|| step.line(), |title| title.text().to_owned());
    if text.is_empty() { step.body.name(step.gate.as_ref()).to_owned() } else { text }
}

/// Steps in the order written; `←` names what a step waits for when that is not the one above it.
fn tree(checked: &Checked) -> String {
    let mut out = format!("{}\n", checked.name());
    let mut section = Lane::Main;
    let width = checked.steps.iter().map(|step| step.id.as_str().len()).max().unwrap_or(0).min(24);
    for step in &checked.steps {
        if step.lane != section {
            section = step.lane;
            match section {
                Lane::Main => {}
                Lane::Finally => out.push_str("finally\n"),
                Lane::Undo(of) => {
                    let _ = writeln!(out, "rollback of {}", checked.step(of).id);
                }
            }
        }
        let depth = depth(checked, step);
        let last = is_last(checked, step);
        let branch = format!("{}{}", "│  ".repeat(depth), if last { "└─ " } else { "├─ " });
        let action = step.body.name(step.gate.as_ref());
        let waits = unusual(checked, step);
        let waits = if waits.is_empty() { String::new() } else { format!("  ← {}", waits.join(", ")) };
        let gate = if step.gate.is_some() && !matches!(step.body, Body::Gate) { " (asks)" } else { "" };
        let when = if step.when.is_empty() { "" } else { " (if)" };
        let text = playbook_core::brief::one_line(&label(step), 60);
        let _ = writeln!(out, "{branch}{:<width$}  {action}{gate}{when}  {text}{waits}", step.id.as_str());
    }
    out
}

fn depth(checked: &Checked, step: &Step) -> usize {
    std::iter::successors(step.parent, |parent| checked.step(*parent).parent).count()
}

fn is_last(checked: &Checked, step: &Step) -> bool {
    !checked.steps[step.ix.at() + 1..].iter().any(|other| other.lane == step.lane && other.parent == step.parent)
}

/// What a step waits for besides the one before it.
fn unusual(checked: &Checked, step: &Step) -> Vec<String> {
    let waits = checked.graph.waits_for(step.ix);
    if step.needs.as_ref().is_some_and(Vec::is_empty) && waits.is_empty() {
        return vec!["at once".into()];
    }
    waits
        .iter()
        .filter(|edge| !matches!(edge.why, Why::Order))
        .filter(|edge| !is_before(checked, edge.from, step))
        .map(|edge| checked.step(edge.from).id.to_string())
        .collect()
}

/// Would the order written make it wait anyway?
fn is_before(checked: &Checked, from: StepIx, step: &Step) -> bool {
    step.needs.is_none() && checked.step(from).lane == step.lane && from < step.ix
}

fn mermaid(checked: &Checked) -> String {
    let mut out = String::from("flowchart TD\n");
    for step in &checked.steps {
        let text = encode(&format!("{} · {}", step.id, playbook_core::brief::one_line(&label(step), 50)));
        let (open, close) = match (&step.body, step.gate.is_some()) {
            (Body::Assert(_), _) => ("{{", "}}"),
            (_, true) => ("{", "}"),
            (Body::Group, _) => ("((", "))"),
            _ => ("[", "]"),
        };
        let _ = writeln!(out, "  s{}{open}\"{text}\"{close}", step.ix.0);
    }
    for (from, to, why) in edges(checked) {
        let arrow = if matches!(why, Why::Uses(_)) { "-.->" } else { "-->" };
        let _ = writeln!(out, "  s{} {arrow} s{}", from.0, to.0);
    }
    out
}

/// Characters that mermaid reads as its own are written as entities.
fn encode(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '"' | '#' | '<' | '>' | '`' | ';' | '[' | ']' | '{' | '}' | '(' | ')' | '|' | '%' => {
                let _ = write!(out, "#{};", c as u32);
            }
            other => out.push(other),
        }
        out
    })
}

fn dot(checked: &Checked) -> String {
    let mut out = String::from("digraph playbook {\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    for step in &checked.steps {
        let text =
            quote(&format!("{}\n{}", step.id, playbook_core::brief::one_line(&label(step), 50))).replace('\n', "\\n");
        let shape = if step.gate.is_some() { ", shape=diamond" } else { "" };
        let _ = writeln!(out, "  s{} [label={text}{shape}];", step.ix.0);
    }
    for (from, to, why) in edges(checked) {
        let style = if matches!(why, Why::Uses(_)) { " [style=dashed]" } else { "" };
        let _ = writeln!(out, "  s{} -> s{}{style};", from.0, to.0);
    }
    out.push_str("}\n");
    out
}

/// Edges, without those that others imply.
fn edges(checked: &Checked) -> Vec<(StepIx, StepIx, Why)> {
    checked.graph.reduced().into_iter().map(|edge| (edge.from, edge.to, edge.why)).collect()
}
