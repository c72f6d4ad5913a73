//! A plan as a comment on a pull request.

use std::fmt::Write as _;

use playbook_core::plan::{Plan, PlannedStep};
use playbook_core::timeline::phrase::number;

use super::impact::{change_lines, hits, unshown};
use super::markdown::{Table, clip, code, cut, details, text};
use super::plan_words as words;

/// Characters of a comment: forges refuse more than 65,536, and something may be put around it.
pub(crate) const PLAN_MAX_CHARS: usize = 60_000;
/// Characters of one value in a table.
const MAX_CELL: usize = 300;

/// What a comment holds. Less and less until it fits.
#[derive(Clone, Copy)]
struct Fit {
    samples: usize,
    reads: bool,
    /// Changes whose details are shown.
    detailed: usize,
    /// Rows of the table of changes.
    rows: usize,
}

/// A plan in at most [`PLAN_MAX_CHARS`] characters: what would change first, details folded away,
/// and what was left out said.
pub(crate) fn plan_md(plan: &Plan) -> String {
    let all = Fit { samples: 10, reads: true, detailed: usize::MAX, rows: usize::MAX };
    let fewer = [
        Fit { samples: 0, ..all },
        Fit { samples: 0, reads: false, ..all },
        Fit { samples: 0, reads: false, detailed: 20, ..all },
        Fit { samples: 0, reads: false, detailed: 0, ..all },
        Fit { samples: 0, reads: false, detailed: 0, rows: 150 },
        Fit { samples: 0, reads: false, detailed: 0, rows: 40 },
    ];
    let fits = |text: &String| text.chars().count() <= PLAN_MAX_CHARS;
    let mut rendered = render(plan, all, all);
    for fit in fewer {
        if fits(&rendered) {
            return rendered;
        }
        rendered = render(plan, fit, all);
    }
    if fits(&rendered) { rendered } else { cut(&rendered, PLAN_MAX_CHARS) }
}

fn render(plan: &Plan, fit: Fit, all: Fit) -> String {
    let mut out = head(plan);
    let acting: Vec<&PlannedStep> = plan.steps.iter().filter(|step| words::acts(step)).collect();
    if !acting.is_empty() {
        out.push_str(&table(&acting, fit));
        out.push('\n');
    }
    for step in acting.iter().take(fit.detailed) {
        out.push_str(&about(step, fit));
    }
    let others: Vec<&PlannedStep> = plan.steps.iter().filter(|step| !words::acts(step)).collect();
    if fit.reads && !others.is_empty() {
        out.push_str(&details("Steps that only read, ask, tell, wait or do not run", &quiet(&others)));
        out.push('\n');
    }
    if fit.reads {
        out.push_str(&targets(plan));
    }
    let dropped = dropped(&acting, others.len(), fit, all);
    if !dropped.is_empty() {
        let _ = writeln!(
            out,
            "Left out to stay under {} characters: {}.\n",
            number(PLAN_MAX_CHARS as u64),
            dropped.join("; ")
        );
    }
    let _ = writeln!(out, "Plan digest {}", code(&plan.digest.to_string()));
    out
}

fn head(plan: &Plan) -> String {
    let place = plan.environment.as_ref().map(|name| format!(" in {}", code(name))).unwrap_or_default();
    format!("**{}**\n\n{}{place}, {}.\n\n", words::totals(plan), code(&plan.playbook), words::depth(plan.depth))
}

fn table(acting: &[&PlannedStep], fit: Fit) -> String {
    let mut table = Table::new(&["", "Step", "What", "Target", "Effect", "Rollback", "Asks first?"]);
    for step in acting.iter().take(fit.rows) {
        let class = words::class(step);
        table.row([
            code(words::symbol(step)),
            code(step.id.as_str()),
            what(step),
            step.target.as_deref().map(code).unwrap_or_default(),
            effect(step),
            text(&clip(&words::reversal(&class.reversal), MAX_CELL)),
            if step.gate.is_some() { "● yes".to_owned() } else { "no".to_owned() },
        ]);
    }
    table.to_string()
}

/// The title and the command, or the command alone.
fn what(step: &PlannedStep) -> String {
    let command = clip(&words::command(step), MAX_CELL);
    match (&step.gate, &step.title) {
        (Some(ask), _) if words::is_gate(step) => format!("{}: {}", words::gate(step), text(&clip(ask, MAX_CELL))),
        (_, Some(title)) => format!("{}: {}", text(&clip(title, MAX_CELL)), code(&command)),
        (_, None) => code(&command),
    }
}

fn effect(step: &PlannedStep) -> String {
    let counted = step.planned.iter().flat_map(|planned| &planned.impact).map(hits);
    let all: Vec<String> =
        std::iter::once(words::effect(words::class(step).effect).to_owned()).chain(counted).collect();
    text(&clip(&all.join("; "), MAX_CELL))
}

/// Everything else that is known of a step that changes something.
fn about(step: &PlannedStep, fit: Fit) -> String {
    let mut body = String::new();
    let mut item = |text: String| {
        let _ = writeln!(body, "- {text}");
    };
    if let Some(ask) = &step.gate {
        item(format!("{}: {}", words::gate(step), text(ask)));
    }
    if let Some((when, holds)) = words::condition(step) {
        item(format!("only if {} ({holds})", code(when)));
    }
    if let Some(unknown) = words::unknown(step) {
        item(text(&unknown));
    }
    for note in step.planned.iter().flat_map(|planned| &planned.notes) {
        item(text(note));
    }
    item(format!("written at {}", code(&step.place)));
    if let Some(planned) = &step.planned {
        let lines = change_lines(&planned.changes);
        if !lines.is_empty() {
            let mut table = Table::new(&["What", "Before", "After"]);
            for line in lines {
                let subject = format!("{}{}", "· ".repeat(line.depth), line.subject);
                let value = |text: &str| code(&clip(text, MAX_CELL));
                let (before, after) =
                    line.values.map(|(before, after)| (value(&before), value(&after))).unwrap_or_default();
                table.row([value(&subject), before, after]);
            }
            let _ = write!(body, "\n{table}");
        }
        for impact in planned.impact.iter().filter(|impact| fit.samples > 0 && !impact.samples.is_empty()) {
            let mut table = Table::new(&["Some of what is hit", ""]);
            for sample in impact.samples.iter().take(fit.samples) {
                table.row([code(&clip(&sample.name, MAX_CELL)), text(&clip(&sample.about, MAX_CELL))]);
            }
            if let Some(more) = unshown(impact, impact.samples.len().min(fit.samples)) {
                table.row([format!("and {} more", number(more)), String::new()]);
            }
            let _ = write!(body, "\n{table}");
        }
    }
    format!("**{}**\n{}\n", code(step.id.as_str()), details("Conditions, before and after, what is hit", &body))
}

fn quiet(others: &[&PlannedStep]) -> String {
    let mut table = Table::new(&["", "Step", "What", "Target", "Known so far"]);
    for step in others {
        let noop = words::is_noop(step).then(|| "already so: nothing would change".to_owned());
        let ask = step.gate.as_ref().filter(|_| !words::is_gate(step)).map(|ask| text(&format!("asks first: {ask}")));
        let when =
            words::condition(step).map(|(when, holds)| format!("only if {} ({holds})", code(&clip(when, MAX_CELL))));
        let known = [words::unknown(step), noop, step.outcome.clone()]
            .map(|words| words.map(|words| text(&clip(&words, MAX_CELL))));
        let known: Vec<String> = [ask, when].into_iter().chain(known).flatten().collect();
        table.row([
            if words::symbol(step) == " " { String::new() } else { code(words::symbol(step)) },
            code(step.id.as_str()),
            what(step),
            step.target.as_deref().map(code).unwrap_or_default(),
            known.join("; "),
        ]);
    }
    table.to_string()
}

fn targets(plan: &Plan) -> String {
    if plan.targets.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["Target", "Address", "Who answered"]);
    for target in &plan.targets {
        let identity = target
            .identity
            .as_ref()
            .map(|who| format!("{}{}", code(&who.id), text(&clip(&words::facts(who), MAX_CELL))));
        let fault =
            target.fault.as_ref().map(|fault| text(&clip(&format!("nobody: {}", words::fault(fault)), MAX_CELL)));
        let who = identity.or(fault).unwrap_or_else(|| "not asked".to_owned());
        let address = if target.address.is_empty() { &target.kind } else { &target.address };
        table.row([code(&target.name), code(address), who]);
    }
    format!("{}\n", details("Targets", &table.to_string()))
}

fn dropped(acting: &[&PlannedStep], quiet: usize, fit: Fit, all: Fit) -> Vec<String> {
    let mut dropped = Vec::new();
    if fit.samples < all.samples {
        dropped.push("samples of what is hit".to_owned());
    }
    if !fit.reads {
        dropped.push(format!("targets; {}", super::things(quiet as u64, "steps that change nothing")));
    }
    let details = acting.len().saturating_sub(fit.detailed);
    if details > 0 {
        dropped.push(format!("details of {}", super::things(details as u64, "changes")));
    }
    let rows = acting.len().saturating_sub(fit.rows);
    if rows > 0 {
        dropped.push(format!("{} in the table", super::things(rows as u64, "changes")));
    }
    dropped
}
