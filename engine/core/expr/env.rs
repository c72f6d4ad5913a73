//! The one minijinja environment: what names exist in it and how strict it is.

use std::sync::OnceLock;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::model::{Bytes, Duration};

/// Work units that one evaluation may use; a loop over a million items fits.
const FUEL: u64 = 20_000_000;

/// Filters that authors can use.
pub const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "b64encode",
    "batch",
    "bool",
    "bytes",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "duration",
    "first",
    "float",
    "format",
    "groupby",
    "human_bytes",
    "human_duration",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// Tests that authors can use after `is`.
pub const TESTS: &[&str] = &[
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// Functions that authors can call.
pub const FUNCTIONS: &[&str] = &["bytes", "dict", "duration", "range"];

pub(super) fn env() -> &'static Environment<'static> {
    static ENV: OnceLock<Environment<'static>> = OnceLock::new();
    ENV.get_or_init(|| {
        let mut env = Environment::new();
        env.set_debug(false);
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        env.set_recursion_limit(64);
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        env.set_syntax(super::parse::syntax());
        env.add_function("bytes", |text: String| text.parse::<Bytes>().map(|b| b.0).map_err(invalid));
        env.add_function("duration", |text: String| text.parse::<Duration>().map(seconds).map_err(invalid));
        env.add_filter("bytes", to_bytes);
        env.add_filter("duration", |text: String| text.parse::<Duration>().map(seconds).map_err(invalid));
        env.add_filter("human_bytes", |bytes: u64| Bytes(bytes).to_string());
        env.add_filter("human_duration", human_duration);
        env.add_filter("b64encode", |text: String| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(text)
        });
        env.remove_filter("safe");
        env.remove_filter("escape");
        env.remove_filter("e");
        env
    })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn seconds(duration: Duration) -> Value {
    Value::from(minijinja::value::Serde(duration.to_json()))
}

fn to_bytes(value: &Value) -> Result<u64, Error> {
    match value.as_usize() {
        Some(number) => Ok(number as u64),
        None => value.to_string().parse::<Bytes>().map(|b| b.0).map_err(invalid),
    }
}

#[expect(clippy::cast_sign_loss, reason = "clamped to be positive")]
fn human_duration(seconds: f64) -> String {
    Duration::micros((seconds.clamp(0.0, 1e10) * 1e6) as u64).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_offered_exists() {
        for name in FILTERS {
            let error =
                env().compile_expression_owned(format!("x|{name}")).unwrap().eval(minijinja::context! { x => 1 }).err();
            assert_ne!(error.map(|e| e.kind()), Some(ErrorKind::UnknownFilter), "{name}");
        }
        for name in TESTS.iter().filter(|name| name.starts_with(char::is_alphabetic)) {
            let text = if *name == "in" { "x is in([1])".to_owned() } else { format!("x is {name}") };
            let error = env().compile_expression_owned(text).unwrap().eval(minijinja::context! { x => 1 }).err();
            assert_ne!(error.map(|e| e.kind()), Some(ErrorKind::UnknownTest), "{name}");
        }
        for name in FUNCTIONS {
            let error = env().compile_expression_owned(format!("{name}()")).unwrap().eval(()).err();
            assert_ne!(error.map(|e| e.kind()), Some(ErrorKind::UnknownFunction), "{name}");
        }
    }
}
