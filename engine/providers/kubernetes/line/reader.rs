//! What only kubectl's lines ask of a [`Reader`].

use super::measure;
use super::model::{Number, Selectors};
use crate::line::problem::Problem;
use crate::line::reader::Reader;

impl Reader {
    /// The text of a flag that names an object.
    pub(super) fn name(&self, name: &str) -> Result<Option<String>, Problem> {
        self.last(name).map(super::objects::name).transpose()
    }

    /// A number that may be open, at least `least`.
    pub(super) fn number(&self, name: &str, least: i64) -> Result<Option<Number>, Problem> {
        self.last(name).map(|piece| measure::at_least(least, piece)).transpose()
    }

    /// `-l`, `--field-selector`, `--all`. An empty selector would choose everything.
    pub(super) fn selectors(&self) -> Result<Selectors, Problem> {
        for name in ["selector", "field-selector", "pod-selector"] {
            if let Some(piece) =
                self.last(name).filter(|piece| piece.text.as_deref().is_some_and(|t| t.trim().is_empty()))
            {
                return Err(piece.problem(
                    format!("--{name} is empty, which would choose everything"),
                    "write app=NAME, or leave the flag out",
                ));
            }
        }
        Ok(Selectors { labels: self.text("selector"), fields: self.text("field-selector"), all: self.on("all")? })
    }

    /// Refuses `-o` in forms that are not data.
    pub(super) fn check_output(&self) -> Result<(), Problem> {
        match self.written("output")? {
            None | Some("json" | "yaml" | "wide" | "name" | "") => Ok(()),
            Some(_) => Err(self.bad(
                "output",
                "the result of a step is data, not print",
                "leave it out and use steps.ID.items in expressions: steps.ID.items[0].status.phase",
            )),
        }
    }
}
