//! stub
pub(in crate::docker) mod model;
use crate::line::form::Filled;
use crate::line::problem::Problem;
use crate::line::word::Word;
use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::model::Class;
use playbook_core::syntax::tree::Node;
pub(in crate::docker) fn parse(_: &[Word]) -> Result<model::Verb, Vec<Problem>> {
    Ok(model::Verb::Info)
}
pub(in crate::docker) fn class(_: &model::Verb) -> Class {
    Class::READ
}
pub(in crate::docker) fn mask(words: Vec<String>) -> Vec<String> {
    words
}
pub(in crate::docker) struct Form;
impl Form {
    pub(in crate::docker) fn read(_: &Node, _: &mut Diagnostics) -> Option<Self> {
        None
    }
    pub(in crate::docker) fn check(&self, _: &mut Diagnostics) -> Option<model::Verb> {
        None
    }
    pub(in crate::docker) fn templates(&self) -> Vec<&Template> {
        vec![]
    }
    pub(in crate::docker) fn valued(&self, _: &[Option<String>]) -> Vec<Word> {
        vec![]
    }
    pub(in crate::docker) fn lint(&self, _: &mut Diagnostics) {}
    pub(in crate::docker) fn fill(&self, _: &Scope) -> Result<Filled, EvalError> {
        unimplemented!()
    }
}
