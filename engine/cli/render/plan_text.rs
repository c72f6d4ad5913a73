//! A plan for a person at a terminal.

use playbook_core::model::Effect;
use playbook_core::plan::{Known, Plan, PlannedStep};
use playbook_core::timeline::phrase::number;

use super::impact::{change_lines, hits, unshown};
use super::plan_words as words;
use super::terminal::{Paint, clean_line, width as columns, wrap};

/// Samples of what is hit.
const SAMPLES: usize = 5;
/// The widest column of ids.
const MAX_ID: usize = 12;

/// A plan in lines of at most `width` columns (at least 40; a digest is never broken), with or
/// without colour. Colour says nothing that words and signs do not.
pub(crate) fn plan_text(plan: &Plan, width: usize, colour: bool) -> String {
    let mut page = Page { out: String::new(), width: width.max(40), paint: Paint::new(colour) };
    page.head(plan);
    page.targets(plan);
    page.inputs(plan);
    page.steps(plan);
    page.foot(plan);
    page.out
}

struct Page {
    out: String,
    width: usize,
    paint: Paint,
}

/// How a wrapped text is coloured.
type Style = fn(Paint, &str) -> String;

fn plain(_: Paint, text: &str) -> String {
    text.to_owned()
}

impl Page {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// A name, and a text beside it from `column` on: below it if the name is too long for that.
    /// `sign` stands before the name and is painted already.
    fn named(&mut self, sign: &str, name: (&str, Style), column: usize, text: &str, style: Style) {
        let (name, paint) = (clean_line(name.0), name.1);
        let begin = columns(sign);
        if begin + columns(&name) + 2 <= column {
            return self.hang(&format!("{sign}{}", paint(self.paint, &name)), column, text, style);
        }
        self.hang(sign, begin, &name, paint);
        self.hang("", column, text, style);
    }

    /// A text that hangs at `indent`; the first line goes on after `lead`, which is painted already.
    fn hang(&mut self, lead: &str, indent: usize, text: &str, style: Style) {
        for (at, part) in wrap(&clean_line(text), self.width.saturating_sub(indent).max(16)).iter().enumerate() {
            let painted = style(self.paint, part.trim_end());
            if at == 0 && !lead.is_empty() {
                let pad = " ".repeat(indent.saturating_sub(columns(lead)));
                self.line(&format!("{lead}{pad}{painted}"));
            } else {
                self.line(&format!("{}{painted}", " ".repeat(indent)));
            }
        }
    }

    fn heading(&mut self, text: &str) {
        let text = self.paint.bold(&clean_line(text));
        self.out.push('\n');
        self.line(&text);
    }

    fn head(&mut self, plan: &Plan) {
        let place = plan.environment.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
        self.hang("", 0, &format!("Plan of {}{place}", plan.playbook), Paint::bold);
        self.hang("", 0, words::depth(plan.depth), Paint::dim);
    }

    fn targets(&mut self, plan: &Plan) {
        if plan.targets.is_empty() {
            return;
        }
        self.heading("Targets");
        let column = 4 + plan.targets.iter().map(|target| columns(&target.name)).max().unwrap_or(0).min(MAX_ID);
        for target in &plan.targets {
            let address = if target.address.is_empty() { &target.kind } else { &target.address };
            self.named("  ", (&target.name, plain), column, address, plain);
            if let Some(identity) = &target.identity {
                self.hang("", column, &words::identity(identity), Paint::dim);
            }
            if let Some(fault) = &target.fault {
                self.hang("", column, &format!("no answer: {}", words::fault(fault)), Paint::bad);
            }
        }
    }

    fn inputs(&mut self, plan: &Plan) {
        if plan.inputs.is_empty() {
            return;
        }
        self.heading("Inputs");
        let column = 4 + plan.inputs.keys().map(|name| columns(name)).max().unwrap_or(0).min(2 * MAX_ID);
        for (name, value) in &plan.inputs {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.named("  ", (name, plain), column, &value, plain);
        }
    }

    fn steps(&mut self, plan: &Plan) {
        let depths = depths(&plan.steps);
        let widest = plan.steps.iter().zip(&depths).map(|(step, depth)| columns(step.id.as_str()) + 2 * depth).max();
        let column = 6 + widest.unwrap_or(0).min(MAX_ID);
        let mut part = "";
        for (step, depth) in plan.steps.iter().zip(depths) {
            if step.part != part {
                part = &step.part;
                self.heading(&words::part(part));
            }
            self.step(step, depth, column);
        }
    }

    fn step(&mut self, step: &PlannedStep, depth: usize, column: usize) {
        let symbol = words::symbol(step);
        let style = symbol_style(step);
        let sign = format!("  {} {}", style(self.paint, symbol), " ".repeat(2 * depth));
        let place = step.target.as_ref().map(|target| format!("  (on {target})")).unwrap_or_default();
        let title = match (&step.gate, &step.title) {
            (Some(ask), _) if words::is_gate(step) => format!("{}: {ask}", words::gate(step)),
            (_, Some(title)) => format!("{title}{place}"),
            (_, None) => format!("{}{place}", words::command(step)),
        };
        self.named(&sign, (step.id.as_str(), Paint::bold), column, &title, plain);
        if !words::is_gate(step) {
            if step.title.is_some() {
                self.hang("", column, &words::command(step), Paint::dim);
            }
            if let Some(ask) = &step.gate {
                self.hang("", column, &format!("● {}: {ask}", words::gate(step)), Paint::person);
            }
        }
        if let Some((when, holds)) = words::condition(step) {
            self.hang("", column, &format!("only if {when} ({holds})"), Paint::dim);
        }
        if let Some(unknown) = words::unknown(step) {
            self.hang("", column, &unknown, Paint::dim);
        }
        if words::is_noop(step) {
            self.hang("", column, "already so: nothing would change", Paint::good);
        } else if words::class(step).effect.changes() {
            self.effect(step, column);
        }
        self.planned(step, column);
        if let Some(outcome) = &step.outcome {
            self.hang("", column, &format!("→ {outcome}"), Paint::good);
        }
    }

    fn effect(&mut self, step: &PlannedStep, column: usize) {
        let class = words::class(step);
        let text = format!("{}; {}", words::effect(class.effect), words::reversal(&class.reversal));
        self.hang("", column, &text, symbol_style(step));
    }

    fn planned(&mut self, step: &PlannedStep, column: usize) {
        let Some(planned) = &step.planned else { return };
        for line in change_lines(&planned.changes) {
            self.change(&line, column + 2 * line.depth);
        }
        for impact in &planned.impact {
            self.hang("", column, &hits(impact), plain);
            let shown = impact.samples.len().min(SAMPLES);
            let names: Vec<String> = impact.samples[..shown].iter().map(|sample| clean_line(&sample.name)).collect();
            let widest = names.iter().map(|name| columns(name)).max().unwrap_or(0).min(32);
            for (name, sample) in names.iter().zip(&impact.samples) {
                let pad = " ".repeat(widest.saturating_sub(columns(name)));
                self.hang("", column + 2, &format!("{name}{pad}  {}", sample.about), Paint::dim);
            }
            if let Some(more) = unshown(impact, shown).filter(|_| shown > 0) {
                self.hang("", column + 2, &format!("and {} more", number(more)), Paint::dim);
            }
        }
        for note in &planned.notes {
            self.hang("", column, &format!("note: {note}"), plain);
        }
    }

    /// On one line if it fits, else before and after below each other.
    fn change(&mut self, line: &super::impact::ChangeLine, indent: usize) {
        let Some((before, after)) = &line.values else {
            return self.hang("", indent, &format!("{}:", line.subject), plain);
        };
        let one = clean_line(&format!("{}: {before} → {after}", line.subject));
        if columns(&one) <= self.width.saturating_sub(indent) && !before.contains('\n') && !after.contains('\n') {
            return self.hang("", indent, &one, plain);
        }
        self.hang("", indent, &format!("{}:", line.subject), plain);
        let minus = format!("{}  - ", " ".repeat(indent));
        let plus = format!("{}  + ", " ".repeat(indent));
        for part in before.lines() {
            self.hang(&minus, indent + 4, part, Paint::bad);
        }
        for part in after.lines() {
            self.hang(&plus, indent + 4, part, Paint::good);
        }
    }

    fn foot(&mut self, plan: &Plan) {
        let used = |symbol: &str| {
            plan.steps.iter().any(|step| words::symbol(step) == symbol || (symbol == "●" && step.gate.is_some()))
        };
        let legend: Vec<String> = words::LEGEND
            .iter()
            .filter(|(symbol, _)| used(symbol))
            .map(|(symbol, word)| format!("{symbol} {word}"))
            .collect();
        self.out.push('\n');
        for line in fill(&legend, self.width) {
            let line = self.paint.dim(&line);
            self.line(&line);
        }
        self.hang("", 0, &words::totals(plan), Paint::bold);
        let digest = self.paint.dim(&format!("Digest {}", plan.digest));
        self.line(&digest);
    }
}

/// Items beside each other, never broken, in as few lines as they need.
fn fill(items: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut().filter(|line| columns(line) + 3 + columns(item) <= width) {
            Some(line) => *line = format!("{line}   {item}"),
            None => lines.push(item.clone()),
        }
    }
    lines
}

/// How deep each step stands in groups.
fn depths(steps: &[PlannedStep]) -> Vec<usize> {
    let mut depths: Vec<usize> = Vec::with_capacity(steps.len());
    for step in steps {
        let parent = step.parent.as_ref().and_then(|id| steps.iter().position(|other| other.id == *id));
        depths.push(parent.and_then(|at| depths.get(at)).map_or(0, |depth| depth + 1));
    }
    depths
}

fn symbol_style(step: &PlannedStep) -> Style {
    if matches!(step.known, Known::Skipped | Known::NotReached(_)) || words::is_noop(step) {
        return Paint::dim;
    }
    match words::class(step).effect {
        Effect::Read if words::is_gate(step) => Paint::person,
        Effect::Read => plain,
        Effect::Change => Paint::change,
        Effect::Destroy => Paint::bad,
        Effect::Disrupt | Effect::Unknown => Paint::doubt,
    }
}
