//! Expressions and templates: read once with everything that they refer to, evaluated under guards.
//!
//! Jinja by minijinja, strict. Guards (each has a test): an undefined result is an error; a number
//! compared with a string is an error that says what to write; fuel bounds every evaluation; the
//! engine never runs in debug mode, because that prints variables.

mod env;
mod eval;
mod parse;
mod scope;

pub use env::{FILTERS, FUNCTIONS, TESTS};
pub use eval::{EvalError, Evaluated, Operand, Rendered};
pub use parse::{Expr, Template, Use};
pub use scope::{Scope, StepView};
