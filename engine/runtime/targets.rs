//! The targets of one run, opened once each.

use std::collections::BTreeMap;
use std::sync::Arc;

use playbook_core::action::Target;
use playbook_core::check::Checked;
use playbook_core::expr::EvalError;
use playbook_core::plan::World;
use playbook_core::secret::Secrets;

/// The targets of one run.
#[derive(Clone, Default)]
pub struct Targets(Vec<Option<Arc<dyn Target>>>);

impl Targets {
    /// Opens the targets that steps act on; no connection is made yet.
    ///
    /// # Errors
    /// The first address that makes no sense, and the name of its target.
    pub fn open(checked: &Checked, world: &World, secrets: &Secrets) -> Result<Self, (String, EvalError)> {
        let scope = world.scope();
        let mut targets: Vec<Option<Arc<dyn Target>>> = vec![None; checked.targets.len()];
        for at in checked.steps.iter().filter_map(|step| step.target) {
            if targets[at].is_none() {
                let def = &checked.targets[at];
                let opened = def.draft.open(&def.name.value, &scope, &mut |name, value| secrets.add(name, value));
                targets[at] = Some(opened.map_err(|error| (def.name.value.clone(), error))?);
            }
        }
        Ok(Self(targets))
    }

    /// The target at this place of [`Checked::targets`].
    pub fn get(&self, at: usize) -> Option<&Arc<dyn Target>> {
        self.0.get(at)?.as_ref()
    }

    /// All that were opened.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Target>> {
        self.0.iter().flatten()
    }

    /// Names and addresses, without secrets.
    pub fn addresses(&self) -> BTreeMap<String, String> {
        self.all().map(|target| (target.name().to_owned(), target.address())).collect()
    }
}
