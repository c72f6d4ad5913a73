//! The providers of this program, by name: an explicit list made at start, no globals.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::{Kind, Provider};

/// All providers and their actions.
#[derive(Clone, Default)]
pub struct Registry {
    providers: Vec<Arc<dyn Provider>>,
    kinds: BTreeMap<&'static str, Arc<dyn Kind>>,
}

impl Registry {
    /// From a list of providers.
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        let kinds = providers.iter().flat_map(|provider| provider.kinds()).map(|kind| (kind.name(), kind)).collect();
        Self { providers, kinds }
    }

    /// The provider with this name.
    pub fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.iter().find(|provider| provider.name() == name)
    }

    /// All providers.
    pub fn providers(&self) -> &[Arc<dyn Provider>] {
        &self.providers
    }

    /// The action with this name.
    pub fn kind(&self, name: &str) -> Option<&Arc<dyn Kind>> {
        self.kinds.get(name)
    }

    /// All actions by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Arc<dyn Kind>> + Clone {
        self.kinds.values()
    }
}
