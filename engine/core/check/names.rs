//! Ids are unique and usable; the playbook is named like its file.

use std::collections::BTreeMap;

use super::Options;
use super::model::Step;
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::StepIx;
use crate::syntax::Authored;

pub(super) fn header(authored: &Authored, options: &Options, found: &mut Diagnostics) {
    let name = &authored.header.playbook;
    if name.value.is_empty() {
        return;
    }
    let usable = name.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && name.value.starts_with(|c: char| c.is_ascii_lowercase())
        && name.value.len() <= 64;
    if !usable {
        found.push(
            Diagnostic::error(Code::InvalidId, name.span, format!("`{}` cannot be the name of a playbook", name.value))
                .help("use lower-case letters, digits and `-`, and begin with a letter"),
        );
    } else if let Some(stem) = options.stem.as_ref().filter(|stem| **stem != name.value) {
        found.push(
            Diagnostic::warning(
                Code::NameMismatch,
                name.span,
                format!("the file is called `{stem}`, the playbook `{}`", name.value),
            )
            .help("give both the same name, so that `playbook run NAME` finds it")
            .edit(name.span, stem.clone()),
        );
    }
}

/// Steps by the names that others can use.
pub(super) type Named = BTreeMap<String, StepIx>;

pub(super) fn steps(steps: &[Step], found: &mut Diagnostics) -> Named {
    let mut named = Named::new();
    for step in steps.iter().filter(|step| step.id.is_named()) {
        if let Some(&first) = named.get(step.id.as_str()) {
            found.push(
                Diagnostic::error(Code::DuplicateId, step.id_span, format!("two steps have the id `{}`", step.id))
                    .label("again here")
                    .also(steps[first.at()].id_span, "first here")
                    .help("give one of them another id"),
            );
        } else {
            named.insert(step.id.as_str().to_owned(), step.ix);
        }
    }
    named
}
