//! `playbook runs`.

use playbook_core::event::{Event, Record};
use playbook_runtime::RunLine;

use crate::app::App;
use crate::args::{Output, Runs};
use crate::error::Failure;

pub(super) fn runs(app: &App, args: &Runs) -> Result<u8, Failure> {
    let store = app.store();
    let all = store.list()?;
    let locks = store.locks();
    let rows: Vec<serde_json::Value> = all
        .iter()
        .take(args.limit)
        .map(|line| {
            let started = line.first.as_ref().and_then(started);
            serde_json::json!({
                "run": line.id,
                "playbook": started.map(|started| started.playbook.clone()),
                "drill": started.is_some_and(|started| started.drill),
                "started": line.first.as_ref().map(|record| record.time.clone()),
                "by": line.first.as_ref().map(|record| record.actor.name().to_owned()),
                "state": state(line),
            })
        })
        .collect();
    if args.output == Output::Json {
        app.out.line(
            &serde_json::to_string_pretty(&serde_json::json!({"runs": rows, "locks": locks})).unwrap_or_default(),
        );
        return Ok(0);
    }
    if rows.is_empty() {
        app.out.line("no runs yet");
    }
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or("?").to_owned();
    let width = rows.iter().map(|row| text(row, "playbook").len()).max().unwrap_or(0);
    for row in &rows {
        let drill = if row["drill"] == true { "  (drill)" } else { "" };
        app.out.line(&format!(
            "{}  {:<width$}  {}  by {}{drill}",
            text(row, "run"),
            text(row, "playbook"),
            text(row, "state"),
            text(row, "by")
        ));
    }
    if !locks.is_empty() {
        app.out.line("\nheld targets");
        for lock in &locks {
            app.out.line(&format!(
                "  {}  {}  by run {} ({}) since {}",
                lock.target,
                lock.identity,
                lock.run.short(),
                lock.user,
                lock.since
            ));
        }
    }
    if all.len() > args.limit {
        app.out.line(&format!("… and {} earlier; --limit shows more", all.len() - args.limit));
    }
    Ok(0)
}

fn started(record: &Record) -> Option<&playbook_core::event::RunStarted> {
    match &record.event {
        Event::RunStarted(started) => Some(started),
        _ => None,
    }
}

/// Where a run stands, from its last line.
fn state(line: &RunLine) -> String {
    if line.alive {
        return "running".into();
    }
    match line.last.as_ref().map(|record| &record.event) {
        Some(Event::RunFinished(finished)) => finished.outcome.word().replace('_', " "),
        Some(Event::RunPaused(_) | Event::ApprovalDecided(_)) => "waiting".into(),
        Some(Event::NoteAdded(_)) => "noted after".into(),
        _ => "stopped; resume or roll back".into(),
    }
}
