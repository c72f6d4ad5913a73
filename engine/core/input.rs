//! Inputs: text as given → values of the declared type, with everything that is wrong said at once.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Bytes, Duration};
use crate::source::{Span, Spanned};
use crate::syntax::de::Raw;
use crate::syntax::{InputDecl, InputFrom, InputType};

/// An input whose declaration makes sense.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub span: Span,
    /// What kind of value it takes.
    pub kind: InputType,
    /// The value if none is given.
    pub default: Option<Value>,
    /// What it is for.
    pub description: Option<String>,
    /// Must there be a value?
    pub required: bool,
    /// Where to look for one.
    pub from: InputFrom,
    min: Option<f64>,
    max: Option<f64>,
    pattern: Option<String>,
    values: Vec<String>,
}

impl Input {
    /// Checks a declaration. What contradicts itself goes to `found`.
    pub fn new(name: &Spanned<String>, decl: &Spanned<InputDecl>, found: &mut Diagnostics) -> Self {
        let kind = decl.r#type;
        let mut wrong = |span: Span, message: String, help: &str| {
            found.push(Diagnostic::error(Code::InputDeclaration, span, message).help(help));
        };
        if crate::model::StepId::author(name).is_err() {
            wrong(name.span, format!("`{}` cannot be the name of an input", name.value), "use letters, digits and `_`");
        }
        let mut bound = |text: &Option<Spanned<String>>, which: &str| {
            let text = text.as_ref()?;
            if !is_ordered(kind) {
                wrong(
                    text.span,
                    format!("`{which}` on an input that has no order"),
                    "min and max go with int, float, bytes and duration",
                );
                return None;
            }
            match parse(kind, text) {
                Ok(value) => value.as_f64(),
                Err(why) => {
                    wrong(text.span, why, "write it as a value of the input's type");
                    None
                }
            }
        };
        let (min, max) = (bound(&decl.min, "min"), bound(&decl.max, "max"));
        if let (Some(low), Some(high), Some(at)) = (min, max, &decl.max)
            && low > high
        {
            wrong(at.span, "`max` is below `min`".into(), "swap them");
        }
        let pattern = decl.pattern.as_ref().and_then(|pattern| match regex_lite::Regex::new(&anchored(pattern)) {
            Ok(_) if matches!(kind, InputType::String | InputType::List | InputType::Secret) => {
                Some(pattern.value.clone())
            }
            Ok(_) => {
                wrong(
                    pattern.span,
                    "`pattern` on an input that is not text".into(),
                    "pattern goes with string and list",
                );
                None
            }
            Err(error) => {
                wrong(pattern.span, format!("not a regular expression: {error}"), "write for example ^INC-[0-9]+$");
                None
            }
        });
        let values = decl.values.as_ref().map(|values| values.value.clone()).unwrap_or_default();
        match (kind, values.is_empty()) {
            (InputType::Enum, true) => {
                wrong(decl.span, format!("`{}` has no choices", name.value), "add values: [a, b]");
            }
            (InputType::Enum, false) | (_, true) => {}
            (_, false) => wrong(
                decl.values.as_ref().map_or(decl.span, |values| values.span),
                "`values` on an input that is not an enum".into(),
                "write type: enum",
            ),
        }
        let mut input = Self {
            name: name.value.clone(),
            span: name.span,
            kind,
            default: None,
            description: decl.description.clone(),
            required: decl.required.unwrap_or(decl.default.is_none()),
            from: decl.from.as_ref().map(|from| from.value.clone()).unwrap_or_default(),
            min,
            max,
            pattern,
            values,
        };
        if let Some(default) = &decl.default {
            if kind == InputType::Secret {
                found.push(
                    Diagnostic::error(Code::SecretInTheOpen, default.span, "a secret written into the playbook")
                        .help("use from: {env: NAME}, {file: PATH} or {prompt: \"…\"}"),
                );
            } else {
                match input.accept(&default.value) {
                    Ok(value) => input.default = Some(value),
                    Err(why) => found.push(
                        Diagnostic::error(
                            Code::InputDeclaration,
                            default.span,
                            format!("the default is not accepted: {why}"),
                        )
                        .help("change the default or the bounds"),
                    ),
                }
            }
        }
        input
    }

    /// Turns text into a value of this input's type.
    ///
    /// # Errors
    /// Says what is wrong with the value, without repeating a secret.
    pub fn accept(&self, raw: &Raw) -> Result<Value, String> {
        let value = match (self.kind, raw) {
            (InputType::List, Raw::Many(items)) => Value::from(items.clone()),
            (InputType::List, Raw::One(text)) => Value::from(split_list(text)),
            (_, Raw::Many(_)) => return Err(format!("`{}` takes one value, not a list", self.name)),
            (kind, Raw::One(text)) => parse(kind, text)?,
        };
        self.within(&value)?;
        Ok(value)
    }

    fn within(&self, value: &Value) -> Result<(), String> {
        let show = |bound: f64| match self.kind {
            #[expect(clippy::cast_sign_loss, reason = "bounds of sizes are not negative")]
            InputType::Bytes => Bytes(bound as u64).to_string(),
            #[expect(clippy::cast_sign_loss, reason = "bounds of durations are not negative")]
            InputType::Duration => Duration::micros((bound * 1e6) as u64).to_string(),
            _ => bound.to_string(),
        };
        if let Some(number) = value.as_f64() {
            if let Some(min) = self.min.filter(|min| number < *min) {
                return Err(format!("`{}` must be at least {}", self.name, show(min)));
            }
            if let Some(max) = self.max.filter(|max| number > *max) {
                return Err(format!("`{}` must be at most {}", self.name, show(max)));
            }
        }
        if self.kind == InputType::Enum && !value.as_str().is_some_and(|v| self.values.iter().any(|known| known == v)) {
            return Err(format!("`{}` is one of {}", self.name, self.values.join(", ")));
        }
        if let Some(pattern) = &self.pattern {
            let regex = regex_lite::Regex::new(&anchored(pattern)).map_err(|error| error.to_string())?;
            let texts: Vec<&str> = match value {
                Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
                other => other.as_str().into_iter().collect(),
            };
            if !texts.iter().all(|text| regex.is_match(text)) {
                return Err(format!("`{}` must match {pattern}", self.name));
            }
        }
        Ok(())
    }
}

/// A pattern is about the whole value, as authors expect of a check.
fn anchored(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

fn is_ordered(kind: InputType) -> bool {
    matches!(kind, InputType::Int | InputType::Float | InputType::Bytes | InputType::Duration)
}

fn parse(kind: InputType, text: &str) -> Result<Value, String> {
    Ok(match kind {
        InputType::String | InputType::Enum | InputType::Secret => Value::from(text),
        InputType::List => Value::from(split_list(text)),
        InputType::Int => {
            Value::from(text.trim().parse::<i64>().map_err(|_| format!("`{text}` is not a whole number"))?)
        }
        InputType::Float => {
            let number: f64 = text.trim().parse().map_err(|_| format!("`{text}` is not a number"))?;
            serde_json::Number::from_f64(number)
                .map(Value::Number)
                .ok_or_else(|| format!("`{text}` is not a number"))?
        }
        InputType::Bool => match text.trim() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(format!("`{text}` is neither true nor false")),
        },
        InputType::Bytes => Value::from(text.parse::<Bytes>()?.0),
        InputType::Duration => text.parse::<Duration>()?.to_json(),
    })
}

fn split_list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// The values of one run.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    values: BTreeMap<String, Value>,
    secrets: BTreeMap<String, String>,
}

impl Inputs {
    /// No inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives an input its value.
    pub fn set(&mut self, input: &Input, value: Value) {
        if let (InputType::Secret, Some(text)) = (input.kind, value.as_str()) {
            self.secrets.insert(input.name.clone(), text.to_owned());
        }
        self.values.insert(input.name.clone(), value);
    }

    /// All values, secrets included: for expressions.
    pub fn values(&self) -> &BTreeMap<String, Value> {
        &self.values
    }

    /// The secrets by name.
    pub fn secrets(&self) -> &BTreeMap<String, String> {
        &self.secrets
    }

    /// All values with secrets as `[secret:name]`: for journals and people.
    pub fn redacted(&self) -> BTreeMap<String, Value> {
        self.values
            .iter()
            .map(|(name, value)| {
                let shown = if self.secrets.contains_key(name) {
                    Value::from(format!("[secret:{name}]"))
                } else {
                    value.clone()
                };
                (name.clone(), shown)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn input(kind: InputType) -> Input {
        Input {
            name: "x".into(),
            span: Span::default(),
            kind,
            default: None,
            description: None,
            required: true,
            from: InputFrom::default(),
            min: None,
            max: None,
            pattern: None,
            values: Vec::new(),
        }
    }

    fn accept(input: &Input, text: &str) -> Result<Value, String> {
        input.accept(&Raw::One(text.into()))
    }

    #[test]
    fn text_becomes_the_declared_type() {
        assert_eq!(accept(&input(InputType::Bytes), "3gb"), Ok(json!(3_221_225_472_u64)));
        assert_eq!(accept(&input(InputType::Duration), "1m 30s"), Ok(json!(90)));
        assert_eq!(accept(&input(InputType::List), "a, b"), Ok(json!(["a", "b"])));
        assert_eq!(accept(&input(InputType::String), "010"), Ok(json!("010")));
        assert!(accept(&input(InputType::Int), "1.5").is_err());
        assert!(accept(&input(InputType::Bool), "yes").is_err());
    }

    #[test]
    fn bounds_and_patterns_hold_for_the_whole_value() {
        let mut bytes = input(InputType::Bytes);
        bytes.min = Some(268_435_456.0);
        assert_eq!(accept(&bytes, "1mb").unwrap_err(), "`x` must be at least 256 MiB");
        let mut text = input(InputType::String);
        text.pattern = Some("INC-[0-9]+".into());
        assert!(accept(&text, "INC-7").is_ok());
        assert!(accept(&text, "INC-7; rm").is_err());
    }
}
