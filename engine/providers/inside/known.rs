//! What one process knows of places that its steps reached into, for as long as it runs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

use playbook_core::action::Target;

/// Targets inside of other targets, kept as long as those, and what this process saw itself.
#[derive(Default)]
pub(crate) struct Known {
    targets: Chain,
    met: Mutex<BTreeSet<String>>,
    ended: Mutex<BTreeSet<String>>,
}

/// A list that only grows: a change under way borrows a target from it.
#[derive(Default)]
struct Chain(OnceLock<Box<Link>>);

struct Link {
    key: String,
    target: Arc<dyn Target>,
    next: Chain,
}

impl Known {
    /// The target with this key, which is made if there is none yet.
    pub(crate) fn target(&self, key: &str, made: &Arc<dyn Target>) -> &dyn Target {
        let mut chain = &self.targets;
        loop {
            let link = chain.0.get_or_init(|| {
                Box::new(Link { key: key.to_owned(), target: Arc::clone(made), next: Chain::default() })
            });
            if link.key == key {
                return link.target.as_ref();
            }
            chain = &link.next;
        }
    }

    /// This process met the server with this identity.
    pub(crate) fn meet(&self, identity: &str) {
        if let Ok(mut met) = self.met.lock() {
            met.insert(identity.to_owned());
        }
    }

    /// Did this process meet it?
    pub(crate) fn has_met(&self, identity: &str) -> bool {
        self.met.lock().is_ok_and(|met| met.contains(identity))
    }

    /// A command came to its end, and this process saw it.
    pub(crate) fn end(&self, command: &str) {
        if let Ok(mut ended) = self.ended.lock() {
            ended.insert(command.to_owned());
        }
    }

    /// Did this process see the end of a command?
    pub(crate) fn has_ended(&self, command: &str) -> bool {
        self.ended.lock().is_ok_and(|ended| ended.contains(command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use playbook_core::action::{Fault, Identity};
    use playbook_core::ports::{BoxFuture, Cancel};

    struct Named(&'static str);

    impl Target for Named {
        fn name(&self) -> &str {
            self.0
        }

        fn address(&self) -> String {
            String::new()
        }

        fn identify<'a>(&'a self, _: &'a dyn Cancel) -> BoxFuture<'a, Result<Identity, Fault>> {
            Box::pin(async { Ok(Identity { id: String::new(), facts: Vec::new() }) })
        }

        fn as_any(&self) -> &dyn std::any::Any {
            self
        }
    }

    fn named(name: &'static str) -> Arc<dyn Target> {
        Arc::new(Named(name))
    }

    #[test]
    fn the_first_target_of_a_key_stays() {
        let known = Known::default();
        let first = known.target("a", &named("first"));
        assert_eq!(known.target("b", &named("other")).name(), "other");
        assert_eq!(known.target("a", &named("second")).name(), "first");
        assert_eq!(first.name(), "first");
    }
}
