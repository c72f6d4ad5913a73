//! A run read back from its journal: the playbook that it was started with, and where it stands.

use std::sync::Arc;

use playbook_core::check::{Checked, Options, check};
use playbook_core::codes::Code;
use playbook_core::event::{Event, Record, RunStarted};
use playbook_core::model::{Digest, RunId};
use playbook_core::run::RunState;
use playbook_core::source::Sources;
use playbook_core::syntax::read;
use playbook_runtime::{load, open};

use crate::app::App;
use crate::beside::Beside;
use crate::compile::{Compiled, Overrides, compile};
use crate::error::Failure;
use crate::locate::Located;

/// A run read back.
pub(crate) struct Replayed {
    /// How it began.
    pub started: RunStarted,
    /// Its playbook as it was then.
    pub checked: Arc<Checked>,
    /// Where it stands.
    pub state: RunState,
    /// Its events.
    pub records: Vec<Record>,
}

/// Reads a run back.
pub(crate) fn replay(app: &App, run: &RunId) -> Result<Replayed, Failure> {
    let (started, records) = begin(app, run)?;
    let compiled = as_started(app, &started, Overrides::recorded(&started.overrides, started.environment.as_deref())?)?;
    let mut state = RunState::new(&compiled.checked);
    for record in &records {
        state.apply(&compiled.checked, record);
    }
    Ok(Replayed { started, checked: compiled.checked, state, records })
}

/// How a run began, and all its events.
pub(crate) fn begin(app: &App, run: &RunId) -> Result<(RunStarted, Vec<Record>), Failure> {
    let loaded = load(app.store().as_ref(), run)?;
    let started = loaded.records.iter().find_map(|record| match &record.event {
        Event::RunStarted(started) => Some((**started).clone()),
        _ => None,
    });
    let started = started.ok_or_else(|| {
        Failure::failed(
            Code::JournalDamaged,
            format!("run {run} never began"),
            "the process ended before its first event was on disk; nothing was changed",
        )
    })?;
    Ok((started, loaded.records))
}

/// The playbook as it was when the run began, from the copy that was kept.
pub(crate) fn as_started(app: &App, started: &RunStarted, overrides: Overrides) -> Result<Compiled, Failure> {
    let path = std::path::PathBuf::from(&started.path);
    // The file itself, if it is the same: secrets that were written into it are not in the copy.
    let same = std::fs::read_to_string(&path).ok().filter(|text| Digest::of(text.as_bytes()) == started.source);
    let text = match same {
        Some(text) => text,
        None => {
            let stored = app.store().get(&started.source_blob)?;
            String::from_utf8_lossy(&open(&app.secrets, stored)?).into_owned()
        }
    };
    let beside = Arc::new(Beside::as_started(app, &path, &started.files)?);
    let located = Located { name: started.path.clone(), path: path.is_file().then_some(path), text, beside };
    compile(app, located, overrides)
}

/// Steps of a file that differ from those that a run was started with.
pub(crate) fn changed_steps(app: &App, before: &Checked, text: &str, name: &str) -> Result<Vec<String>, Failure> {
    let mut sources = Sources::new();
    let file = sources.add(name, text);
    let (authored, found) = match sources.get(file) {
        Some(source) => read(file, source),
        None => return Ok(Vec::new()),
    };
    let Some(authored) = authored.filter(|_| !found.has_errors()) else {
        return Err(Failure::Source(sources, found));
    };
    let (checked, found) = check(
        &authored,
        &app.registry,
        &Options {
            throwaway: true,
            files: Some(Arc::new(Beside::of(std::path::Path::new(name)))),
            ..Options::default()
        },
    );
    let Some(checked) = checked else { return Err(Failure::Source(sources, found)) };
    let shape = |checked: &Checked| -> Vec<(String, String)> {
        checked.steps.iter().map(|step| (step.id.to_string(), fingerprint(step))).collect()
    };
    let (old, new) = (shape(before), shape(&checked));
    let mut changed: Vec<String> = new.iter().filter(|line| !old.contains(line)).map(|(id, _)| id.clone()).collect();
    changed.extend(old.iter().filter(|(id, _)| !new.iter().any(|(other, _)| other == id)).map(|(id, _)| id.clone()));
    changed.sort();
    changed.dedup();
    Ok(changed)
}

fn fingerprint(step: &playbook_core::check::Step) -> String {
    let words: Vec<&str> = step.templates().iter().map(|template| template.text()).collect();
    let exprs: Vec<&str> =
        step.when.iter().chain(&step.expect).chain(&step.until).map(playbook_core::expr::Expr::text).collect();
    format!("{} {words:?} {exprs:?} {:?} {:?}", step.body.name(step.gate.as_ref()), step.lane, step.target)
}
