//! One step as written: the keys that every step may carry, and the rest for its action.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::de::{decode, unknown_key};
use super::tree::{Entry, Node, Value};
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Duration, Effect};
use crate::source::{Span, Spanned};

/// The keys that every step may carry, whatever it does.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// Its name, to refer to it. Letters, digits and `_`.
    #[serde(default)]
    pub id: Option<Spanned<String>>,
    /// One line for people. May be a template.
    #[serde(default)]
    pub title: Option<Spanned<String>>,
    /// Why it is done. Markdown, shown to the operator.
    #[serde(default)]
    pub why: Option<String>,
    /// The target it acts on; optional when only one fits.
    #[serde(default)]
    pub target: Option<Spanned<String>>,
    /// The steps it waits for, in place of the step written before it.
    #[serde(default)]
    pub needs: Option<Needs>,
    /// It is skipped unless this is true.
    #[serde(default)]
    pub when: Option<Spanned<String>>,
    /// It fails unless all of these are true of its `result`.
    #[serde(default)]
    pub expect: Option<OneOrMany>,
    /// It is repeated until this is true of its `result`.
    #[serde(default)]
    pub until: Option<Spanned<String>>,
    /// How long to wait between repetitions. Default: 2s.
    #[serde(default)]
    pub every: Option<Spanned<Duration>>,
    /// How long it may take, all attempts together. Default: 5m.
    #[serde(default)]
    pub timeout: Option<Spanned<Duration>>,
    /// How often, and for which errors, it is tried again.
    #[serde(default)]
    pub retry: Option<Spanned<Retry>>,
    /// What happens when it fails, if not what the playbook says.
    #[serde(default)]
    pub on_failure: Option<Spanned<OnFailure>>,
    /// A question that is asked before it runs. May be a template.
    #[serde(default)]
    pub confirm: Option<Spanned<String>>,
    /// What it does, where the engine cannot know.
    #[serde(default)]
    pub effect: Option<Spanned<Effect>>,
    /// Words to select it by.
    #[serde(default)]
    pub tags: Vec<String>,
}

const COMMON: &[&str] = &[
    "id",
    "title",
    "why",
    "target",
    "needs",
    "when",
    "expect",
    "until",
    "every",
    "timeout",
    "retry",
    "on_failure",
    "confirm",
    "effect",
    "tags",
];

/// Keys of the language that this version reads as such and refuses.
const LATER: &[&str] = &["foreach", "matrix", "save", "block", "rescue", "always", "with"];

/// What happens to the run when a step fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Nothing more starts; what changed stays.
    Stop,
    /// Nothing more starts; what changed is rolled back.
    Rollback,
    /// The run goes on.
    Continue,
}

/// The steps that one waits for: one name or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs(pub Vec<Spanned<String>>);

/// One expression or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<Spanned<String>>);

macro_rules! one_or_many {
    ($type:ident, $what:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Texts;
                impl<'de> Visitor<'de> for Texts {
                    type Value = Vec<Spanned<String>>;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                        Ok(vec![Spanned::new(text.to_owned(), Span::default())])
                    }
                    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                        let mut texts = Vec::new();
                        while let Some(text) = items.next_element()? {
                            texts.push(text);
                        }
                        Ok(texts)
                    }
                }
                struct Inner(Vec<Spanned<String>>);
                impl<'de> Deserialize<'de> for Inner {
                    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                        // As written: `yes` and `010` mean nothing else in an expression.
                        deserializer.deserialize_newtype_struct(super::de::RAW, Texts).map(Inner)
                    }
                }
                // A single text gets the place of the whole value.
                let Spanned { value: Inner(mut texts), span } = Spanned::<Inner>::deserialize(deserializer)?;
                for text in texts.iter_mut().filter(|text| text.span == Span::default()) {
                    text.span = span;
                }
                Ok(Self(texts))
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
            }
        }
    };
}

one_or_many!(Needs, "the id of a step or a list of ids");
one_or_many!(OneOrMany, "an expression or a list of expressions");

/// How often something is tried again. `retry: 3` means three attempts with the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles each time, and a random part of it is waited
    /// (full jitter).
    pub delay: Duration,
    /// The longest wait.
    pub max_delay: Duration,
    /// Which errors: kinds (`unreachable`, `timeout`, `refused`) or what the server's error begins
    /// with (`LOADING`). Empty: those that pass by themselves.
    pub errors: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RetryFields {
    /// Attempts in all, the first included.
    attempts: u32,
    /// The wait before the second attempt; doubled each time, with full jitter. Default: 1s.
    #[serde(default)]
    delay: Option<Duration>,
    /// The longest wait. Default: 30s.
    #[serde(default)]
    max_delay: Option<Duration>,
    /// Which errors: `unreachable`, `timeout`, `refused`, or what the server's error begins with.
    #[serde(default)]
    errors: Vec<String>,
}

impl<'de> Deserialize<'de> for Retry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = RetryFields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of attempts, or attempts, delay, max_delay and errors")
            }
            fn visit_i64<E: de::Error>(self, attempts: i64) -> Result<RetryFields, E> {
                let attempts = u32::try_from(attempts).map_err(|_| E::custom("attempts must be positive"))?;
                Ok(RetryFields { attempts, delay: None, max_delay: None, errors: Vec::new() })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<RetryFields, A::Error> {
                RetryFields::deserialize(de::value::MapAccessDeserializer::new(map))
            }
        }
        let fields = deserializer.deserialize_any(Form)?;
        if !(1..=100).contains(&fields.attempts) {
            return Err(de::Error::custom("attempts must be from 1 to 100"));
        }
        Ok(Self {
            attempts: fields.attempts,
            delay: fields.delay.unwrap_or(Duration::seconds(1)),
            max_delay: fields.max_delay.unwrap_or(Duration::seconds(30)),
            errors: fields.errors,
        })
    }
}

impl JsonSchema for Retry {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Retry".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fields = generator.subschema_for::<RetryFields>();
        json_schema!({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 100}, fields]})
    }
}

/// How a step says that it is rolled back.
#[derive(Clone, Debug)]
pub enum RollbackDecl {
    /// From what was captured, where the engine can.
    Auto,
    /// Not at all, and why.
    None {
        /// The author's reason.
        why: Option<String>,
        /// Where it is said.
        span: Span,
    },
    /// By these steps.
    Steps(Vec<Step>, Span),
}

/// One step as written.
#[derive(Clone, Debug)]
pub struct Step {
    /// The place to point at when speaking of the step as a whole.
    pub span: Span,
    /// What every step may carry.
    pub common: Common,
    /// How it is rolled back.
    pub rollback: RollbackDecl,
    /// `parallel:`, if that is what it is.
    pub parallel: Option<Vec<Step>>,
    /// All other keys: its action and what belongs to it.
    pub action: Vec<Entry>,
}

/// Reads a list of steps.
pub(super) fn steps(node: Node, found: &mut Diagnostics) -> Vec<Step> {
    let what = node.describe();
    let Value::Seq(items) = node.value else {
        found.push(
            Diagnostic::error(Code::WrongType, node.span, format!("expected a list of steps, found {what}"))
                .help("write each step as an item: - redis: PING"),
        );
        return Vec::new();
    };
    items.into_iter().filter_map(|item| step(item, found)).collect()
}

fn step(node: Node, found: &mut Diagnostics) -> Option<Step> {
    let what = node.describe();
    let Value::Map(entries) = node.value else {
        found.push(
            Diagnostic::error(Code::WrongType, node.span, format!("expected a step, found {what}"))
                .help("a step is a mapping with one action: - redis: PING"),
        );
        return None;
    };
    let (common, rest): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| COMMON.contains(&entry.key.value.as_str()));
    let common = Node { span: node.span, value: Value::Map(common) };
    let common = decode::<Common>(&common, found).unwrap_or_default();
    let mut step = Step { span: node.span, common, rollback: RollbackDecl::Auto, parallel: None, action: Vec::new() };
    for entry in rest {
        match entry.key.value.as_str() {
            "rollback" => step.rollback = rollback(entry, found),
            "parallel" => step.parallel = Some(steps(entry.value, found)),
            later if LATER.contains(&later) => found.push(
                Diagnostic::error(Code::NotSupported, entry.key.span, format!("this version cannot run `{later}` yet"))
                    .help("write the steps out"),
            ),
            _ => step.action.push(entry),
        }
    }
    Some(step)
}

fn rollback(entry: Entry, found: &mut Diagnostics) -> RollbackDecl {
    let span = entry.key.span;
    let place = entry.value.span;
    match entry.value.value {
        Value::Scalar { text, .. } if &*text == "auto" => RollbackDecl::Auto,
        Value::Scalar { text, .. } if &*text == "none" => RollbackDecl::None { why: None, span },
        Value::Map(entries) => match entries.as_slice() {
            [only] if only.key.value == "none" => {
                RollbackDecl::None { why: only.value.text().map(str::to_owned), span }
            }
            [other, ..] => {
                found.push(unknown_key(&other.key, &["none"]));
                RollbackDecl::Auto
            }
            [] => RollbackDecl::Auto,
        },
        Value::Seq(items) => RollbackDecl::Steps(steps(Node { span: place, value: Value::Seq(items) }, found), span),
        Value::Null | Value::Scalar { .. } => {
            found.push(
                Diagnostic::error(Code::WrongType, place, "not a way to roll back")
                    .help("write auto, {none: \"why\"}, or a list of steps"),
            );
            RollbackDecl::Auto
        }
    }
}

/// The names of the keys that every step may carry, for suggestions.
pub(crate) fn known_keys() -> impl Iterator<Item = &'static str> + Clone {
    COMMON.iter().copied().chain(["rollback", "parallel"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_common_keys_is_the_struct() {
        let schema = schemars::schema_for!(Common);
        let mut fields: Vec<_> = schema.get("properties").unwrap().as_object().unwrap().keys().cloned().collect();
        let mut listed: Vec<_> = COMMON.iter().map(|key| (*key).to_owned()).collect();
        fields.sort();
        listed.sort();
        assert_eq!(fields, listed);
    }
}
