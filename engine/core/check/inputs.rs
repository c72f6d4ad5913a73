//! Inputs declare what makes sense.

use crate::diagnostic::Diagnostics;
use crate::input::Input;
use crate::syntax::Authored;

pub(super) fn all(authored: &Authored, found: &mut Diagnostics) -> Vec<Input> {
    authored.header.inputs.0.iter().map(|(name, decl)| Input::new(name, decl, found)).collect()
}
