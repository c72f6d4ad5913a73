//! Evaluation under guards.

use minijinja::machinery::ast::{self, BinOpKind, UnaryOpKind};
use minijinja::machinery::{self, CodeGenerator};
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, Value};

use super::env::env;
use super::parse::{Expr, Shape, Template, Use, chain_orders, equates, orders};
use super::scope::Scope;
use crate::codes::Code;
use crate::source::Span;

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// It depends on something that only a run can tell: the names of those steps.
    #[error("known after run")]
    Unknown(Vec<String>),
    /// It has no value, and never will.
    #[error("{message}")]
    Failed {
        /// What kind of problem.
        code: Code,
        /// What happened.
        message: String,
        /// What to do.
        help: String,
        /// Where the expression stands.
        span: Span,
    },
}

/// A value that was read during an evaluation, for the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// As written: `steps.memory.used_memory`.
    pub name: String,
    /// What it was; secrets are left out.
    pub value: serde_json::Value,
}

/// The value of an expression and what it was made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// The value.
    pub value: serde_json::Value,
    /// Is it true, as Jinja sees it?
    pub truth: bool,
    /// What was read.
    pub operands: Vec<Operand>,
}

/// The value of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The value; a string unless the template was exactly one `{{ … }}`.
    pub value: serde_json::Value,
    /// The secret input that went into it.
    pub secret: Option<String>,
}

impl Rendered {
    /// As a word of a command: scalars only.
    ///
    /// # Errors
    /// Lists and mappings have no form as one word.
    pub fn word(&self) -> Result<String, String> {
        match &self.value {
            serde_json::Value::String(text) => Ok(text.clone()),
            serde_json::Value::Number(number) => Ok(number.to_string()),
            serde_json::Value::Bool(value) => Ok(value.to_string()),
            serde_json::Value::Null => Err("it is nothing".into()),
            serde_json::Value::Array(_) => Err("it is a list; join it, or name one of its items".into()),
            serde_json::Value::Object(_) => Err("it is a mapping; name one of its fields, or use |tojson".into()),
        }
    }
}

impl Expr {
    /// Evaluates under all guards.
    ///
    /// # Errors
    /// [`EvalError::Unknown`] when a run has to happen first, [`EvalError::Failed`] otherwise.
    pub fn eval(&self, scope: &Scope) -> Result<Evaluated, EvalError> {
        known(self.uses(), scope)?;
        let root = scope.root();
        let value = evaluate(self.text(), self.span(), root.clone())?;
        let operands = self
            .uses()
            .iter()
            .filter(|usage| scope.secret_for(&usage.path).is_none())
            .filter_map(|usage| Some(Operand { name: usage.dotted(), value: lookup(&root, &usage.path)? }))
            .collect();
        Ok(Evaluated { truth: value.is_true(), value: json(&value), operands })
    }
}

impl Template {
    /// Fills in the template.
    ///
    /// # Errors
    /// [`EvalError::Unknown`] when a run has to happen first, [`EvalError::Failed`] otherwise.
    pub fn render(&self, scope: &Scope) -> Result<Rendered, EvalError> {
        known(self.uses(), scope)?;
        let secret = self.uses().iter().find_map(|usage| scope.secret_for(&usage.path)).map(str::to_owned);
        let value = match self.shape() {
            Shape::Text => serde_json::Value::String(self.text().to_owned()),
            Shape::Single(inner) => json(&evaluate(inner, self.span(), scope.root())?),
            Shape::Mixed => {
                for usage in self.uses().iter().filter(|usage| usage.root() == "steps") {
                    withheld(lookup(&scope.root(), &usage.path).as_ref(), usage)?;
                }
                let text = env().render_str(self.text(), scope.root()).map_err(|error| failed(&error, self.span()))?;
                serde_json::Value::String(text)
            }
        };
        Ok(Rendered { value, secret })
    }

    /// Fills in the template and gives text, for messages.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render_text(&self, scope: &Scope) -> Result<String, EvalError> {
        Ok(match self.render(scope)?.value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        })
    }
}

fn known(uses: &[Use], scope: &Scope) -> Result<(), EvalError> {
    let mut unknown: Vec<String> =
        uses.iter().filter_map(|usage| scope.unknown_for(&usage.path)).map(str::to_owned).collect();
    unknown.sort();
    unknown.dedup();
    if unknown.is_empty() { Ok(()) } else { Err(EvalError::Unknown(unknown)) }
}

/// A value that was kept out of the journal because it holds a secret, read back after a restart.
fn withheld(value: Option<&serde_json::Value>, usage: &Use) -> Result<(), EvalError> {
    let is_withheld = value.and_then(serde_json::Value::as_object).is_some_and(|map| map.contains_key("$secret"));
    if !is_withheld {
        return Ok(());
    }
    Err(EvalError::Failed {
        code: Code::SecretUnavailable,
        message: format!("`{}` held a secret, so the journal does not have it", usage.dotted()),
        help: "run the playbook again from the start, or pass the secret as an input".into(),
        span: usage.span,
    })
}

fn evaluate(text: &str, span: Span, root: Value) -> Result<Value, EvalError> {
    let tree = machinery::parse_expr(text).map_err(|error| failed(&error, span))?;
    Guard { env: env(), root: root.clone(), span }.check(&tree)?;
    let value = Guard { env: env(), root, span }.value(&tree).map_err(|error| failed(&error, span))?;
    if value.is_undefined() {
        return Err(EvalError::Failed {
            code: Code::Evaluation,
            message: format!("`{text}` is undefined"),
            help: "check the name against `playbook show`; use |default(…) where it may be missing".into(),
            span,
        });
    }
    let found = json(&value);
    if found.as_object().is_some_and(|map| map.contains_key("$secret")) {
        return Err(EvalError::Failed {
            code: Code::SecretUnavailable,
            message: format!("`{text}` held a secret, so the journal does not have it"),
            help: "run the playbook again from the start, or pass the secret as an input".into(),
            span,
        });
    }
    Ok(value)
}

fn failed(error: &Error, span: Span) -> EvalError {
    let what = match (error.kind(), error.detail()) {
        (minijinja::ErrorKind::UndefinedError, _) => "something in it is undefined".to_owned(),
        (minijinja::ErrorKind::OutOfFuel, _) => "it takes too long".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    EvalError::Failed {
        code: Code::Evaluation,
        message: format!("the expression has no value: {what}"),
        help: "`playbook show RUN` lists what each step returned; |default(…) fills a gap".into(),
        span,
    }
}

fn json(value: &Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn lookup(root: &Value, path: &[String]) -> Option<serde_json::Value> {
    let found = path.iter().try_fold(root.clone(), |value, part| {
        let index = part.parse::<i64>().ok().filter(|_| value.kind() == ValueKind::Seq);
        let next = match index {
            Some(index) => value.get_item(&Value::from(index)),
            None => value.get_attr(part),
        };
        next.ok().filter(|value| !value.is_undefined())
    })?;
    Some(json(&found))
}

/// Walks an expression as the evaluation will, and refuses comparisons of unlike kinds: minijinja
/// orders a string after every number, so `"5" > 1000` would be true without a word.
struct Guard<'env> {
    env: &'env Environment<'env>,
    root: Value,
    span: Span,
}

impl<'env> Guard<'env> {
    fn value(&self, expr: &ast::Expr<'env>) -> Result<Value, Error> {
        let mut generator = CodeGenerator::new("<expression>", "");
        generator.compile_expr(expr);
        let (instructions, blocks) = generator.finish();
        let mut text = String::new();
        let mut output = machinery::make_string_output(&mut text);
        machinery::eval(self.env, &instructions, self.root.clone(), &blocks, &mut output, AutoEscape::None)
            .map(|(value, _)| value.unwrap_or_default())
    }

    fn check(&self, expr: &ast::Expr<'env>) -> Result<(), EvalError> {
        match expr {
            ast::Expr::BinOp(op) => match op.op {
                BinOpKind::ScAnd | BinOpKind::ScOr => {
                    self.check(&op.left)?;
                    let left = self.value(&op.left).is_ok_and(|value| value.is_true());
                    let goes_on = matches!(op.op, BinOpKind::ScAnd) == left;
                    if goes_on { self.check(&op.right) } else { Ok(()) }
                }
                kind => {
                    self.check(&op.left)?;
                    self.check(&op.right)?;
                    if orders(kind) || equates(kind) {
                        self.compare(&op.left, &op.right, orders(kind))?;
                    }
                    Ok(())
                }
            },
            ast::Expr::Compare(chain) => {
                let mut left = &chain.expr;
                self.check(left)?;
                for next in &chain.ops {
                    self.check(&next.expr)?;
                    if chain_orders(next.op) {
                        self.compare(left, &next.expr, true)?;
                    }
                    left = &next.expr;
                }
                Ok(())
            }
            ast::Expr::UnaryOp(op) => match op.op {
                UnaryOpKind::Not | UnaryOpKind::Neg => self.check(&op.expr),
            },
            ast::Expr::IfExpr(choice) => {
                self.check(&choice.test_expr)?;
                if self.value(&choice.test_expr).is_ok_and(|value| value.is_true()) {
                    self.check(&choice.true_expr)
                } else {
                    choice.false_expr.as_ref().map_or(Ok(()), |otherwise| self.check(otherwise))
                }
            }
            _ => Ok(()),
        }
    }

    fn compare(&self, left: &ast::Expr<'env>, right: &ast::Expr<'env>, orders: bool) -> Result<(), EvalError> {
        // A side that has no value fails in the evaluation itself, with its own words.
        let (Ok(a), Ok(b)) = (self.value(left), self.value(right)) else { return Ok(()) };
        let (string, number) = match (a.kind(), b.kind()) {
            (ValueKind::String, ValueKind::Number) => (&a, &b),
            (ValueKind::Number, ValueKind::String) => (&b, &a),
            (x, y) if x == y || !orders || a.is_undefined() || b.is_undefined() => return Ok(()),
            (x, y) => return Err(self.unlike(&format!("{x} with {y}"), "compare things of one kind")),
        };
        let text = string.as_str().unwrap_or_default();
        let numeric = text.trim().parse::<f64>().is_ok();
        if !orders && !numeric {
            return Ok(());
        }
        let help = if numeric {
            "write value|int or value|float, or leave the quotes out"
        } else {
            "compare numbers with numbers"
        };
        Err(self.unlike(&format!("the string \"{}\" with the number {number}", clip(text)), help))
    }

    fn unlike(&self, what: &str, help: &str) -> EvalError {
        EvalError::Failed {
            code: Code::StringNumber,
            message: format!("the expression compares {what}"),
            help: help.into(),
            span: self.span,
        }
    }
}

fn clip(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(39).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::expr::StepView;
    use crate::source::Spanned;
    use serde_json::json;

    fn scope() -> Scope {
        let mut scope = Scope::new();
        scope.set("inputs", json!({"limit": 5, "name": "x y", "key": "s3cret", "list": [1, 2]}));
        scope.secret_inputs(["key".to_owned()]);
        let result = json!({"used": 850, "max": 1000, "text": "1000", "none": null});
        scope.step("m", StepView { status: "ok", changed: false, duration: 0.5, result: Some(result.into()) });
        scope.unknown_step("later");
        scope
    }

    fn eval(text: &str) -> Result<Evaluated, EvalError> {
        let mut found = Diagnostics::new();
        let expr = Expr::new(&Spanned::new(text.into(), Span::default()), &mut found).expect("reads");
        expr.eval(&scope())
    }

    fn render(text: &str) -> Result<Rendered, EvalError> {
        let mut found = Diagnostics::new();
        let template = Template::new(&Spanned::new(text.into(), Span::default()), &mut found).expect("reads");
        template.render(&scope())
    }

    fn code(result: Result<Evaluated, EvalError>) -> Code {
        match result {
            Err(EvalError::Failed { code, .. }) => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ratios_are_not_integer_division() {
        assert!(eval("steps.m.used / steps.m.max > 0.8").unwrap().truth);
        assert!(!eval("steps.m.used / steps.m.max > 0.9").unwrap().truth);
    }

    #[test]
    fn the_record_has_what_was_compared() {
        let operands = eval("steps.m.used < inputs.limit * 2").unwrap().operands;
        assert_eq!(operands[0], Operand { name: "steps.m.used".into(), value: json!(850) });
        assert_eq!(operands[1].value, json!(5));
        assert!(eval("inputs.key == 'x'").unwrap().operands.is_empty());
    }

    #[test]
    fn a_string_that_looks_like_a_number_is_not_compared_with_one() {
        assert_eq!(code(eval("steps.m.text > 900")), Code::StringNumber);
        assert_eq!(code(eval("steps.m.text == 1000")), Code::StringNumber);
        assert_eq!(code(eval("1 < 2 < steps.m.text")), Code::StringNumber);
        assert_eq!(code(eval("not (inputs.list > 3)")), Code::StringNumber);
        assert!(eval("steps.m.text|int > 900").unwrap().truth);
        assert!(eval("steps.m.status == 'ok'").unwrap().truth);
        assert!(!eval("inputs.name == 3").unwrap().truth);
    }

    #[test]
    fn a_comparison_that_is_never_reached_is_not_refused() {
        assert!(!eval("false and steps.m.text > 900").unwrap().truth);
        assert!(eval("true or steps.m.text > 900").unwrap().truth);
        assert!(eval("true if true else steps.m.text > 1").unwrap().truth);
    }

    #[test]
    fn undefined_is_an_error_and_never_nothing() {
        for text in ["steps.m.usd", "steps.nope", "inputs.list[9]", "steps.m.usd < 1", "nope"] {
            assert_eq!(code(eval(text)), Code::Evaluation, "{text}");
        }
        assert!(!eval("steps.m.usd is defined").unwrap().truth);
        assert_eq!(eval("steps.m.usd|default(7)").unwrap().value, json!(7));
    }

    #[test]
    fn what_a_run_must_tell_first_is_unknown() {
        assert_eq!(eval("steps.later.x > 1"), Err(EvalError::Unknown(vec!["later".into()])));
        assert_eq!(render("a {{ steps.later.x }}"), Err(EvalError::Unknown(vec!["later".into()])));
    }

    #[test]
    fn a_single_expression_keeps_its_type() {
        assert_eq!(render("{{ inputs.list }}").unwrap().value, json!([1, 2]));
        assert_eq!(render("n={{ inputs.limit }}").unwrap().value, json!("n=5"));
        assert_eq!(render("{{ inputs.limit }}").unwrap().word(), Ok("5".into()));
        assert!(render("{{ inputs.list }}").unwrap().word().is_err());
    }

    #[test]
    fn what_is_made_of_a_secret_is_secret() {
        assert_eq!(render("Bearer {{ inputs.key|upper }}").unwrap().secret.as_deref(), Some("key"));
        assert_eq!(render("{{ inputs.name }}").unwrap().secret, None);
        assert_eq!(render("{{ inputs|tojson }}").unwrap().secret.as_deref(), Some("inputs"));
    }

    #[test]
    fn runaway_loops_end() {
        assert_eq!(
            code(eval("range(99999)|map('string')|list|join('')|length > range(99999)|list")),
            Code::StringNumber
        );
        assert!(render("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}").is_err());
    }
}
