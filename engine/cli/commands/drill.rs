//! `playbook drill`: break a throwaway server, run the playbook on it, check the outcome, take it
//! back, compare.

use playbook_core::check::{Options, check, part_of_drill};
use playbook_core::codes::Code;
use playbook_core::event::{Outcome, RunResumed, Settings};
use playbook_core::input::Inputs;
use playbook_core::model::RunId;
use playbook_core::source::{Sources, Spanned};
use playbook_core::syntax::tree::Node;
use playbook_core::syntax::{Authored, Drill as Written, Step, read};
use playbook_core::timeline::{EntryKind, Timeline, Tone};
use playbook_providers::redis::drill::{Elsewhere, Ignoring, Snapshot, Throwaway};
use playbook_runtime::{Ended, Start, load};

use super::run::{CAPTURE_LIMIT, new_id};
use crate::app::{App, VERSION};
use crate::args::{Drill, Given, Output};
use crate::compile::{Compiled, Overrides, compile};
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::locate::{self, Located};
use crate::render::{Mark, Paint};
use crate::session::Session;
use crate::ui::Ui;
use crate::values::{Wanted, resolve};

/// Names the image of the servers of drills.
const IMAGE: &str = "PLAYBOOK_DRILL_IMAGE";

pub(super) fn drill(app: &App, args: &Drill) -> Result<u8, Failure> {
    let located = locate::one(app, &args.playbook)?;
    let (authored, written) = parts(app, &located)?;
    let interrupt = Interrupt::listen()?;
    let scratch = tempfile::tempdir().map_err(|error| failed(format!("no place for servers: {error}")))?;
    let stage = Stage::set(app, located, authored, written, scratch.path(), interrupt)?;
    let result = stage.rehearse();
    if args.keep {
        let kept = scratch.keep();
        stage.leave_running(&kept);
    }
    result
}

fn failed(message: impl Into<String>) -> Failure {
    Failure::failed(Code::Drill, message, "`playbook timeline last` has what happened up to there")
}

/// What may start the servers of drills, besides this machine.
pub(super) fn elsewhere(app: &App) -> Elsewhere<'_> {
    let image = app.env.get(IMAGE).map(String::as_str).filter(|image| !image.is_empty());
    Elsewhere { starter: Some(app.starter.as_ref()), image }
}

/// The playbook and its drill section, as written.
fn parts(app: &App, located: &Located) -> Result<(Authored, Written), Failure> {
    // Whatever is wrong with the playbook itself is told first.
    compile(app, located.clone(), Overrides::default())?;
    let mut sources = Sources::new();
    let file = sources.add(located.name.clone(), located.text.clone());
    let authored = sources.get(file).and_then(|source| read(file, source).0);
    let authored = authored.ok_or_else(|| failed("the playbook cannot be read"))?;
    match authored.drill.clone() {
        Some(drill) => Ok((authored, drill)),
        None => Err(Failure::input(
            Code::Drill,
            format!("{} has no drill", located.name),
            "add drill: with targets, fault and after; docs/language.md shows how",
        )),
    }
}

/// The servers of a drill and everything around them.
struct Stage<'a> {
    app: &'a App,
    located: Located,
    authored: Authored,
    written: Written,
    servers: Vec<(String, Throwaway)>,
    targets: Vec<(Spanned<String>, Node)>,
    scratch: std::path::PathBuf,
    paint: Paint,
    interrupt: Interrupt,
}

impl<'a> Stage<'a> {
    fn set(
        app: &'a App,
        located: Located,
        authored: Authored,
        written: Written,
        scratch: &std::path::Path,
        interrupt: Interrupt,
    ) -> Result<Self, Failure> {
        let mut servers = Vec::new();
        for (name, node) in &written.targets {
            let dir = scratch.join(&name.value);
            std::fs::create_dir_all(&dir).map_err(|error| failed(error.to_string()))?;
            let server = Throwaway::start(&settings(node), &dir, elsewhere(app)).map_err(|error| {
                Failure::failed(
                    Code::Drill,
                    format!("no server for `{}`: {error}", name.value),
                    "`playbook doctor` looks for what drills need",
                )
            })?;
            servers.push((name.value.clone(), server));
            // Whoever is told to stop takes the servers along.
            interrupt.check()?;
        }
        if servers.is_empty() {
            return Err(Failure::input(
                Code::Drill,
                "the drill names no servers",
                "add drill: {targets: {cache: {redis: {}}}}",
            ));
        }
        let paint = Paint::new(app.colour);
        let (targets, scratch) = (Vec::new(), scratch.to_owned());
        let mut stage = Self { app, located, authored, written, servers, targets, scratch, paint, interrupt };
        stage.targets = stage.overrides()?.into_targets();
        Ok(stage)
    }

    fn overrides(&self) -> Result<Overrides, Failure> {
        let mut overrides = Overrides::default();
        for (name, server) in &self.servers {
            overrides.target(&format!("{name}={}", server.url()))?;
        }
        Ok(overrides)
    }

    fn say(&self, mark: Mark, what: &str, text: &str) {
        self.app.out.line(&format!("{} {}  {text}", self.paint.mark(mark), self.paint.bold(&format!("{what:<9}"))));
    }

    fn rehearse(&self) -> Result<u8, Failure> {
        self.app.out.line(&format!("{} {}", self.paint.bold("drill"), self.authored.header.playbook.value));
        for (name, server) in &self.servers {
            let node = self.written.targets.iter().find(|(known, _)| known.value == *name).map(|(_, node)| node);
            let list: Vec<String> = node
                .map(settings)
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| format!("{key} {value}"))
                .collect();
            self.say(
                Mark::Note,
                "server",
                &format!("{name}: redis {} at {}, {}", server.version(), server.url(), list.join(", ")),
            );
        }
        self.part("fault", &self.written.fault, "injected")?;
        let before = self.snapshots()?;
        let keys: usize = before.iter().map(Snapshot::len).sum();
        self.say(Mark::Note, "before", &format!("{keys} keys and every setting are kept for comparison"));

        self.app.out.line("");
        let run = new_id();
        let ended = self.execute(self.app, &self.located, run.clone(), None, Ui::new(self.app, Output::Text), true)?;
        self.app.out.line("");
        match ended.summary.outcome {
            Some(Outcome::Succeeded) => self.say(Mark::Ok, "run", "it did what it is for"),
            other => {
                let word = other.map_or("was parked", Outcome::word);
                let reason = ended.summary.reason.unwrap_or_default();
                return Err(failed(format!("the run should have succeeded, and {word}: {reason}")));
            }
        }
        let after = self.part("after", &self.written.after, "hold")?;
        self.untouched(&before)?;
        if let Some(after) = after {
            self.take_back(&after, true)?;
        }
        self.app.out.line("");
        self.take_back(&(self.app.clone(), run.clone()), false)?;
        self.app.out.line("");
        self.compare(&before)?;
        self.say(Mark::Ok, "drill", "passed");
        let place = self.app.store().place(&run);
        self.app.out.line(&self.paint.dim(&format!("  timeline   playbook timeline {}", run.short())));
        self.app.out.line(&self.paint.dim(&format!("  journal    {place}")));
        Ok(0)
    }

    /// Carries out steps of the drill itself, leaving no trace. Gives how to take them back.
    fn part(&self, name: &str, steps: &[Step], done: &str) -> Result<Option<(App, RunId)>, Failure> {
        if steps.is_empty() {
            return Ok(None);
        }
        let app = self.app.with_state(&self.scratch.join(format!("state-{name}")));
        let run = new_id();
        let ended = self.execute(&app, &self.located, run.clone(), Some(steps), Ui::silent(&app), true)?;
        if !matches!(ended.summary.outcome, Some(Outcome::Succeeded)) {
            let reason = ended.summary.reason.unwrap_or_default();
            return Err(failed(format!("{name}: {reason}")));
        }
        let count = steps.len();
        self.say(Mark::Ok, name, &format!("{count} step{} {done}", if count == 1 { "" } else { "s" }));
        self.told(&app, &run)?;
        Ok(Some((app, run)))
    }

    /// What such steps showed: what was refused, and what was held against their results.
    fn told(&self, app: &App, run: &RunId) -> Result<(), Failure> {
        let loaded = load(app.store().as_ref(), run)?;
        let timeline = Timeline::of(&loaded.records, None, None);
        for entry in timeline.entries.iter().filter(|entry| entry.kind == EntryKind::Step) {
            let held = timeline.assertions.iter().filter(|row| row.step == entry.step && row.pass);
            let mut shown: Vec<String> = held.map(|row| row.expression.clone()).collect();
            if entry.tone == Tone::Bad {
                shown.extend(entry.detail.clone().or_else(|| entry.outcome.clone()));
            }
            if shown.is_empty() || entry.action.as_deref() == Some("assert") {
                continue;
            }
            let command = entry.command.as_ref().unwrap_or(&entry.summary);
            self.app.out.line(&self.paint.dim(&format!("             {command}: {}", shown.join(", "))));
        }
        Ok(())
    }

    fn execute(
        &self,
        app: &App,
        located: &Located,
        run: RunId,
        part: Option<&[Step]>,
        ui: Ui,
        fresh: bool,
    ) -> Result<Ended, Failure> {
        self.interrupt.check()?;
        let compiled = self.compiled(app, located, part)?;
        let inputs = self.inputs(app, &compiled)?;
        let settings = Settings { parallel: 16, yes: true, capture_limit: CAPTURE_LIMIT };
        let session = Session::new(app, compiled, inputs, Some(&run))?;
        let start = if fresh {
            Start::Fresh(Box::new(session.started(app, settings, true)?))
        } else {
            let source = session.checked().digest;
            Start::Rollback(RunResumed {
                engine: VERSION.to_owned(),
                source,
                accepted: Vec::new(),
                accepted_targets: Vec::new(),
            })
        };
        let ended = session.execute(app, run, start, ui, false)?;
        self.interrupt.check()?;
        Ok(ended)
    }

    fn compiled(&self, app: &App, located: &Located, part: Option<&[Step]>) -> Result<Compiled, Failure> {
        let mut compiled = compile(app, located.clone(), self.overrides()?)?;
        if let Some(steps) = part {
            let options = Options {
                stem: None,
                targets: self.targets.clone(),
                throwaway: true,
                files: Some(located.beside.clone()),
            };
            let (checked, found) = check(&part_of_drill(&self.authored, steps), &app.registry, &options);
            let checked = checked.ok_or_else(|| {
                let first = found.iter().next().map(|d| d.message.clone()).unwrap_or_default();
                failed(format!("the steps of the drill cannot be checked: {first}"))
            })?;
            compiled.checked = std::sync::Arc::new(checked);
        }
        Ok(compiled)
    }

    fn inputs(&self, app: &App, compiled: &Compiled) -> Result<Inputs, Failure> {
        let mut given = Given::default();
        for (name, raw) in &self.written.inputs.0 {
            let text = match raw {
                playbook_core::syntax::de::Raw::One(text) => text.clone(),
                playbook_core::syntax::de::Raw::Many(items) => items.join(","),
            };
            given.inputs.push(format!("{}={text}", name.value));
        }
        resolve(app, &Wanted { compiled, given: &given, recorded: None, ask: false })
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>, Failure> {
        self.interrupt.check()?;
        crate::session::runtime()?.block_on(async {
            let mut all = Vec::new();
            for (name, server) in &self.servers {
                let taken = Snapshot::take(&server.url()).await;
                all.push(taken.map_err(|fault| failed(format!("`{name}` cannot be read: {}", fault.message)))?);
            }
            Ok(all)
        })
    }

    /// Values under the patterns that the drill protects are what they were.
    fn untouched(&self, before: &[Snapshot]) -> Result<(), Failure> {
        if self.written.untouched.is_empty() {
            return Ok(());
        }
        let patterns: Vec<String> = self.written.untouched.iter().map(|pattern| pattern.value.clone()).collect();
        let mut count = 0;
        for (then, now) in before.iter().zip(self.snapshots()?) {
            let then = then.subset(&patterns);
            count += then.len();
            let differences = then.differences(&now.subset(&patterns), &Ignoring::default());
            if let Some(first) = differences.first() {
                return Err(failed(format!(
                    "{} of the keys that must not be touched were: {first}",
                    differences.len()
                )));
            }
        }
        self.say(
            Mark::Ok,
            "untouched",
            &format!("{count} keys under {} are byte for byte what they were", patterns.join(", ")),
        );
        Ok(())
    }

    fn take_back(&self, (app, run): &(App, RunId), quiet: bool) -> Result<(), Failure> {
        let part = quiet.then_some(self.written.after.as_slice());
        let ui = if quiet { Ui::silent(app) } else { Ui::new(app, Output::Text) };
        let ended = self.execute(app, &self.located, run.clone(), part, ui, false)?;
        match ended.summary.outcome {
            Some(Outcome::RolledBack) => Ok(()),
            // Steps that changed nothing leave nothing to take back.
            Some(Outcome::Succeeded) if quiet => Ok(()),
            _ => Err(failed("the rollback is not complete")),
        }
    }

    fn compare(&self, before: &[Snapshot]) -> Result<(), Failure> {
        let mut keys = 0;
        let mut settings = 0;
        for (then, now) in before.iter().zip(self.snapshots()?) {
            keys += then.len();
            settings += then.settings();
            let differences = then.differences(&now, &Ignoring::default());
            if let Some(first) = differences.first() {
                return Err(failed(format!("{} things are not what they were: {first}", differences.len())));
            }
        }
        self.say(
            Mark::Ok,
            "compare",
            &format!("{keys} keys and {settings} settings are what they were before the run"),
        );
        Ok(())
    }

    fn leave_running(self, kept: &std::path::Path) {
        for (name, server) in self.servers {
            let url = server.url();
            let end = server.keep();
            self.app.out.line(&format!("{name} keeps running at {url}; end it with: {end}"));
        }
        self.app.out.line(&format!("its files are in {}", kept.display()));
    }
}

/// `{redis: {maxmemory: 8mb, …}}` as names and values.
fn settings(node: &Node) -> Vec<(String, String)> {
    let entries = node.get("redis").and_then(Node::entries).unwrap_or(&[]);
    entries.iter().map(|entry| (entry.key.value.clone(), entry.value.text().unwrap_or_default().to_owned())).collect()
}
