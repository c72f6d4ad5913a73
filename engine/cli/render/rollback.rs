//! What a rollback would do.

use playbook_core::action::Fault;
use playbook_core::plan::Planned;
use playbook_core::timeline::clean;

use super::{Mark, Paint};

/// Step by step, in the order in which it would be done.
pub(crate) fn text(rows: &[(String, Result<Planned, Fault>)], width: usize, colour: bool) -> String {
    let paint = Paint::new(colour);
    let mut out = String::new();
    let ids = rows.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
    for (id, plan) in rows {
        let id = paint.bold(&format!("{id:<ids$}"));
        match plan {
            Err(fault) => {
                out.push_str(&format!(
                    "  {} {id}  cannot be taken back: {}\n",
                    paint.mark(Mark::Fail),
                    clean(&fault.message)
                ));
            }
            Ok(planned) => {
                let counts: Vec<String> =
                    planned.impact.iter().map(|impact| super::things(impact.count, &impact.what)).collect();
                let head =
                    if counts.is_empty() { "put back".to_owned() } else { format!("put back {}", counts.join(", ")) };
                out.push_str(&format!("  {} {id}  {head}\n", paint.mark(Mark::Back)));
                for change in planned.changes.iter().take(20) {
                    let line = change.line();
                    out.push_str(&format!(
                        "    {:ids$}  {}\n",
                        "",
                        playbook_core::brief::one_line(&line, width.saturating_sub(ids + 6))
                    ));
                }
                for note in planned.notes.iter().map(|note| clean(note)) {
                    out.push_str(&format!("    {:ids$}  {} {note}\n", "", paint.mark(Mark::Warn)));
                }
            }
        }
    }
    out.push_str("\nNothing was changed: this is what `playbook rollback` would do.\n");
    out
}
