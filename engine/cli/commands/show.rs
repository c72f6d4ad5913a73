//! `playbook show`: a playbook, or where a run stands.

use playbook_core::brief::{brief, one_line};
use playbook_core::check::Lane;
use playbook_core::run::{Status, summary};
use playbook_core::syntax::InputType;

use crate::app::App;
use crate::args::{Output, Show};
use crate::compile::{Compiled, Overrides, compile};
use crate::error::Failure;
use crate::locate;
use crate::render::{Mark, Paint};
use crate::replay::replay;

pub(super) fn show(app: &App, args: &Show) -> Result<u8, Failure> {
    let run = app.store().find(&args.name);
    match (locate::one(app, &args.name), run) {
        (Ok(located), _) => playbook(app, &compile(app, located, Overrides::default())?, args),
        (Err(_), Ok(run)) => self::run(app, &run, args),
        (Err(error), Err(_)) => Err(error),
    }
}

fn playbook(app: &App, compiled: &Compiled, args: &Show) -> Result<u8, Failure> {
    let checked = &compiled.checked;
    let header = &checked.header;
    if args.output == Output::Json {
        let inputs: Vec<_> = checked
            .inputs
            .iter()
            .map(|input| {
                serde_json::json!({
                    "name": input.name, "type": input.kind, "required": input.required,
                    "default": input.default, "description": input.description,
                })
            })
            .collect();
        let steps: Vec<_> = checked
            .steps
            .iter()
            .map(|step| serde_json::json!({"id": step.id, "action": step.body.name(step.gate.as_ref()), "title": step.title.as_ref().map(playbook_core::expr::Template::text)}))
            .collect();
        let value = serde_json::json!({
            "playbook": checked.name(), "title": header.title, "description": header.description,
            "owners": header.owners, "symptoms": header.symptoms, "inputs": inputs, "steps": steps,
            "digest": checked.digest,
        });
        app.out.line(&serde_json::to_string_pretty(&value).unwrap_or_default());
        return Ok(0);
    }
    let paint = Paint::new(app.colour);
    app.out.line(&format!("{}  {}", paint.bold(checked.name()), header.title.as_deref().unwrap_or_default()));
    app.out.line(&paint.dim(&compiled.located.name));
    if let Some(description) = &header.description {
        app.out.line("");
        for line in crate::render::wrap(description.trim(), app.width.saturating_sub(2)) {
            app.out.line(&format!("  {line}"));
        }
    }
    if !checked.inputs.is_empty() {
        app.out.line(&format!("\n{}", paint.bold("inputs")));
        let width = checked.inputs.iter().map(|input| input.name.len()).max().unwrap_or(0);
        for input in &checked.inputs {
            let default = match (&input.default, input.kind) {
                (Some(value), InputType::Bytes) => {
                    value.as_u64().map(|n| playbook_core::model::Bytes(n).to_string()).unwrap_or_default()
                }
                (Some(value), _) => brief(value).unwrap_or_default(),
                (None, _) if input.required => "required".into(),
                (None, _) => "optional".into(),
            };
            let about = input.description.as_deref().unwrap_or_default();
            app.out.line(&format!("  {:<width$}  {default}  {}", input.name, paint.dim(about)));
        }
    }
    app.out.line(&format!("\n{}", paint.bold("steps")));
    let width = checked.steps.iter().map(|step| step.id.as_str().len()).max().unwrap_or(0);
    for step in checked.steps.iter().filter(|step| !matches!(step.lane, Lane::Undo(_))) {
        let title = step.title.as_ref().map_or_else(|| step.line(), |title| title.text().to_owned());
        let room = app.width.saturating_sub(width + 18);
        app.out.line(&format!(
            "  {:<width$}  {:<12}  {}",
            step.id.as_str(),
            step.body.name(step.gate.as_ref()),
            one_line(&title, room)
        ));
    }
    app.out.line(&paint.dim(&format!("\n  playbook plan {0} --live\n  playbook run {0}", checked.name())));
    Ok(0)
}

fn run(app: &App, run: &playbook_core::model::RunId, args: &Show) -> Result<u8, Failure> {
    let replayed = replay(app, run)?;
    let (checked, state) = (&replayed.checked, &replayed.state);
    let last = replayed.records.last().map_or(0, |record| record.mono_us);
    let sum = summary(checked, state, last);
    if args.output == Output::Json {
        let steps: Vec<_> = checked
            .steps
            .iter()
            .map(|step| {
                let run = state.step(step.ix);
                serde_json::json!({
                    "id": step.id, "status": run.status.word(), "changed": run.changed, "attempt": run.attempt,
                    "duration_us": run.duration_us, "result": run.result.as_deref(), "fault": run.fault,
                    "rollback": run.rollback,
                })
            })
            .collect();
        let value = serde_json::json!({"run": run, "started": replayed.started, "summary": sum, "steps": steps});
        app.out.line(&serde_json::to_string_pretty(&value).unwrap_or_default());
        return Ok(0);
    }
    let paint = Paint::new(app.colour);
    let alive = app.store().is_alive(run);
    let word = match (sum.outcome, alive) {
        (Some(outcome), _) => outcome.word().replace('_', " "),
        (None, true) => "running".into(),
        (None, false) if sum.waiting.is_empty() => "stopped; playbook resume goes on".into(),
        (None, false) => "waiting for a person".into(),
    };
    app.out.line(&format!("{} · run {run} · {word}", paint.bold(checked.name())));
    if let Some(reason) = &sum.reason {
        app.out.line(&app.out.clean(reason));
    }
    app.out.line("");
    let width = checked.steps.iter().map(|step| step.id.as_str().len()).max().unwrap_or(0);
    for step in &checked.steps {
        let at = state.step(step.ix);
        if matches!(step.lane, Lane::Undo(_)) && at.status == Status::Pending {
            continue;
        }
        let mark = match at.status {
            Status::Ok if at.changed => Mark::Changed,
            Status::Ok => Mark::Ok,
            Status::Failed | Status::TimedOut | Status::Unknown => Mark::Fail,
            Status::Asking | Status::Doubtful | Status::InDoubt | Status::Settled => Mark::Ask,
            Status::Pending | Status::Skipped | Status::Cancelled => Mark::Skip,
            Status::Running | Status::Resting { .. } => Mark::Note,
        };
        let mut text = at.fault.as_ref().map(|fault| app.out.clean(&fault.message)).unwrap_or_default();
        if let Some(result) = at.result.as_deref().filter(|_| text.is_empty()) {
            text = one_line(&result.to_string(), app.width.saturating_sub(width + 20));
        }
        let back = at.rollback.map(|end| format!("  rollback: {}", word_of(end))).unwrap_or_default();
        app.out.line(&format!(
            "  {} {:<width$}  {:<9}  {text}{back}",
            paint.mark(mark),
            step.id.as_str(),
            at.status.word()
        ));
    }
    for ix in state.waiting() {
        let gate = state.step(ix).gate.as_ref().or(state.step(ix).question.as_ref());
        if let Some(gate) = gate {
            app.out.line(&format!(
                "\n  {} {}\n    playbook approve {} {}",
                paint.mark(Mark::Ask),
                gate.asked.ask,
                run.short(),
                checked.step(ix).id.as_str().trim_start_matches('#')
            ));
        }
    }
    Ok(0)
}

fn word_of(end: playbook_core::event::RollbackEnd) -> String {
    serde_json::to_value(end).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
