//! `playbook list`.

use crate::app::App;
use crate::args::{List, Output};
use crate::compile::{Overrides, examine};
use crate::error::Failure;
use crate::locate;

pub(super) fn list(app: &App, args: &List) -> Result<u8, Failure> {
    let mut rows = Vec::new();
    for located in locate::all(app) {
        let read = examine(app, &located, Overrides::default());
        let header = read.authored.as_ref().map(|authored| authored.header.clone()).unwrap_or_default();
        if args.tag.as_ref().is_some_and(|tag| !header.tags.contains(tag)) {
            continue;
        }
        rows.push(serde_json::json!({
            "name": locate::stem(&located.name),
            "title": header.title,
            "owners": header.owners,
            "tags": header.tags,
            "file": located.name,
            "steps": read.checked.as_ref().map(|checked| checked.steps.len()),
            "drill": read.authored.as_ref().is_some_and(|authored| authored.drill.is_some()),
            "errors": read.found.has_errors(),
        }));
    }
    match args.output {
        Output::Json => app.out.line(&serde_json::to_string_pretty(&rows).unwrap_or_default()),
        Output::Text | Output::Markdown => {
            let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
            let width = rows.iter().map(|row| text(row, "name").len()).max().unwrap_or(0);
            for row in &rows {
                let broken = if row["errors"] == true { "  (has errors: playbook check)" } else { "" };
                app.out.line(&format!("{:<width$}  {}{broken}", text(row, "name"), text(row, "title")));
            }
            if rows.is_empty() {
                app.out.error("no playbooks are found");
            }
        }
    }
    Ok(0)
}
