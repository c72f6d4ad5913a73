//! The names that templates of one run see, apart from the results of steps.

use std::collections::BTreeMap;

use crate::check::{ENV, Gate, Step};
use crate::expr::{EvalError, Scope};
use crate::input::Inputs;
use crate::secret::Secrets;
use crate::words;

/// Inputs, targets, the run and the environment, ready to be shared by many evaluations.
pub struct World {
    base: Scope,
    run: serde_json::Value,
    secrets: Secrets,
}

impl World {
    /// From the inputs of a run and what is known of it. `env` is filtered to what is open to
    /// playbooks.
    pub fn new(
        inputs: &Inputs,
        targets: &BTreeMap<String, String>,
        run: &serde_json::Value,
        env: impl IntoIterator<Item = (String, String)>,
        secrets: &Secrets,
    ) -> Self {
        let mut base = Scope::new();
        base.set("inputs", inputs.values());
        base.secret_inputs(inputs.secrets().keys().cloned());
        let targets: BTreeMap<_, _> = targets
            .iter()
            .map(|(name, address)| (name, serde_json::json!({"name": name, "address": address})))
            .collect();
        base.set("targets", targets);
        base.set("run", run);
        let open = |name: &str| ENV.contains(&name) || name.starts_with("PLAYBOOK_");
        base.set("env", env.into_iter().filter(|(name, _)| open(name)).collect::<BTreeMap<_, _>>());
        Self { base, run: run.clone(), secrets: secrets.clone() }
    }

    /// A scope that also knows how the run is about to end.
    pub fn scope_at_end(&self, outcome: &str) -> Scope {
        let mut scope = self.base.clone();
        let mut run = self.run.clone();
        if let Some(map) = run.as_object_mut() {
            map.insert("outcome".into(), outcome.into());
        }
        scope.set("run", run);
        scope.knows_outcome();
        scope
    }

    /// What is kept out of everything that is said.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// A scope without results of steps.
    pub fn scope(&self) -> Scope {
        self.base.clone()
    }
}

/// The words of a step, as far as they are known, and the line that people see: unknown words as
/// `(known after run)`, secrets as `[secret:name]`. Last, the steps that unknown words wait for.
pub struct Shown {
    /// The words that are known.
    pub words: Vec<Option<String>>,
    /// One line.
    pub command: String,
    /// The steps waited for.
    pub waits: Vec<String>,
    /// A word that will never have a value.
    pub failed: Option<EvalError>,
}

/// Renders what a step does.
pub fn shown(step: &Step, scope: &Scope) -> Shown {
    let mut shown = Shown { words: Vec::new(), command: String::new(), waits: Vec::new(), failed: None };
    let templates = match (step.draft(), &step.gate) {
        (Some(draft), _) => draft.words(),
        (None, _) => step.templates().into_iter().filter(|t| step.title.as_ref() != Some(*t)).collect(),
    };
    let mut line = Vec::new();
    for template in templates {
        match template.render(scope) {
            Ok(rendered) => {
                let text = rendered.word().unwrap_or_else(|_| rendered.value.to_string());
                line.push(rendered.secret.map_or(text.clone(), |name| format!("[secret:{name}]")));
                shown.words.push(Some(text));
            }
            Err(EvalError::Unknown(steps)) => {
                shown.waits.extend(steps);
                line.push("(known after run)".into());
                shown.words.push(None);
            }
            Err(error) => {
                line.push(template.text().to_owned());
                shown.words.push(None);
                shown.failed.get_or_insert(error);
            }
        }
    }
    shown.command = match step.draft() {
        Some(draft) => {
            let quoted = draft.mask(line).into_iter().map(|word| match word.as_str() {
                "(known after run)" => word,
                _ if word.starts_with("[secret") => word,
                _ => words::quote(&word),
            });
            quoted.collect::<Vec<_>>().join(" ")
        }
        None => line.join(" "),
    };
    if let crate::check::Body::Assert(assert) = &step.body {
        shown.command = assert.checks.iter().map(|check| check.expr.text()).collect::<Vec<_>>().join("; ");
    }
    shown.waits.sort();
    shown.waits.dedup();
    shown
}

/// The question of a step's gate.
pub fn question(step: &Step, scope: &Scope) -> Option<String> {
    let template = match step.gate.as_ref()? {
        Gate::Confirm(ask) | Gate::Manual(ask) => ask,
        Gate::Approval(approval) => &approval.ask,
    };
    Some(template.render_text(scope).unwrap_or_else(|_| template.text().to_owned()))
}
