//! Targets belong to a provider that can read them.

use super::Options;
use super::model::TargetDef;
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::StepId;
use crate::registry::Registry;
use crate::source::Spanned;
use crate::syntax::Authored;
use crate::syntax::tree::Node;

pub(super) fn all(
    authored: &Authored,
    options: &Options,
    registry: &Registry,
    found: &mut Diagnostics,
) -> Vec<TargetDef> {
    let replaced = |name: &str| options.targets.iter().any(|(other, _)| other.value == name);
    authored
        .targets
        .iter()
        .filter(|(name, _)| !replaced(&name.value))
        .chain(&options.targets)
        .filter_map(|(name, node)| one(name, node, registry, found))
        .collect()
}

fn one(name: &Spanned<String>, node: &Node, registry: &Registry, found: &mut Diagnostics) -> Option<TargetDef> {
    if StepId::author(name).is_err() {
        found.push(
            Diagnostic::error(Code::InvalidId, name.span, format!("`{}` cannot be the name of a target", name.value))
                .help("use letters, digits and `_`"),
        );
    }
    let providers: Vec<&str> = registry.providers().iter().map(|provider| provider.name()).collect();
    let Some(entries) = node.entries() else {
        found.push(
            Diagnostic::error(Code::WrongType, node.span, format!("expected a target, found {}", node.describe()))
                .help(format!("write {}: {{{}: …}}", name.value, providers.first().unwrap_or(&"redis"))),
        );
        return None;
    };
    let Some((entry, provider)) = entries.iter().find_map(|entry| Some((entry, registry.provider(&entry.key.value)?)))
    else {
        let place = entries.first().map_or(name.span, |entry| entry.key.span);
        found.push(
            Diagnostic::error(Code::UnknownTarget, place, format!("the target `{}` is of no kind", name.value))
                .suggest(entries.first().map_or("", |entry| entry.key.value.as_str()), providers),
        );
        return None;
    };
    let siblings: Vec<_> = entries.iter().filter(|other| other.key.span != entry.key.span).cloned().collect();
    let draft = provider.target(entry, &siblings, found)?;
    Some(TargetDef { name: name.clone(), provider: provider.name(), draft })
}
