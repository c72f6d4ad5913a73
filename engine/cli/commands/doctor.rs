//! `playbook doctor`: what this machine has and lacks.

use std::io::Write as _;

use playbook_providers::redis::drill::Throwaway;

use crate::app::App;
use crate::args::{Doctor, Output};
use crate::error::Failure;
use crate::render::{Mark, Paint};

struct Finding {
    what: &'static str,
    mark: Mark,
    text: String,
}

pub(super) fn doctor(app: &App, args: &Doctor) -> Result<u8, Failure> {
    let findings = [state(app), terminal(app), who(app), drills(app), clock()];
    if args.output == Output::Json {
        let rows: Vec<_> = findings
            .iter()
            .map(|finding| serde_json::json!({"what": finding.what, "ok": finding.mark != Mark::Fail, "text": finding.text}))
            .collect();
        app.out.line(&serde_json::to_string_pretty(&rows).unwrap_or_default());
    } else {
        let paint = Paint::new(app.colour);
        for finding in &findings {
            app.out.line(&format!("{} {:<14}  {}", paint.mark(finding.mark), finding.what, finding.text));
        }
    }
    Ok(u8::from(findings.iter().any(|finding| finding.mark == Mark::Fail)))
}

fn state(app: &App) -> Finding {
    let dir = app.state_dir();
    let probe = dir.join(".doctor");
    let tried = std::fs::create_dir_all(&dir)
        .and_then(|()| std::fs::File::create(&probe))
        .and_then(|mut file| file.write_all(b"ok").and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::remove_file(&probe));
    match tried {
        Ok(()) => Finding { what: "state", mark: Mark::Ok, text: dir.display().to_string() },
        Err(error) => Finding {
            what: "state",
            mark: Mark::Fail,
            text: format!("{}: {error}; set PLAYBOOK_STATE_DIR to a directory that can be written", dir.display()),
        },
    }
}

fn terminal(app: &App) -> Finding {
    let text = match (app.is_interactive(false), app.in_ci()) {
        (true, _) => format!("a person can be asked; {} columns", app.width),
        (false, true) => "CI is set: runs park where a person is needed".to_owned(),
        (false, false) => "no terminal: runs park where a person is needed".to_owned(),
    };
    Finding { what: "terminal", mark: Mark::Ok, text }
}

fn who(app: &App) -> Finding {
    let person = crate::actor::person(&app.env, "cli");
    let text = format!("{} ({})", person.name(), person.by.as_deref().unwrap_or("unknown"));
    Finding { what: "you", mark: Mark::Ok, text }
}

fn drills(app: &App) -> Finding {
    match Throwaway::look(super::drill::elsewhere(app)) {
        Ok(found) => Finding { what: "redis-server", mark: Mark::Ok, text: format!("for drills: {found}") },
        Err(why) => Finding { what: "redis-server", mark: Mark::Warn, text: why },
    }
}

fn clock() -> Finding {
    let now = jiff::Timestamp::now();
    Finding { what: "clock", mark: Mark::Ok, text: format!("{now:.0} UTC; journals keep UTC and a monotonic clock") }
}
