//! The steps that the engine itself knows: assert, approval, manual, wait, note.

use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;

use super::model::{Approval, Assert, AssertCheck, Gate, Level, OnExpiry};
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Expr, Template};
use crate::model::Duration;
use crate::source::Spanned;
use crate::syntax::OneOrMany;
use crate::syntax::de::{decode, unknown_key};
use crate::syntax::tree::{Entry, Node, Value};

/// The names of these steps and one line on each.
pub(super) const NATIVE: &[(&str, &str)] = &[
    ("assert", "holds expressions against what is known"),
    ("approval", "a gate that a person opens"),
    ("manual", "an instruction for a person, who says when it is done"),
    ("wait", "a length of time"),
    ("note", "a line in the timeline"),
];

/// Keys that stand beside `assert:`.
const ASSERT_KEYS: &[&str] = &["message", "otherwise"];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ApprovalFields {
    /// The question. May be a template.
    ask: Spanned<String>,
    /// Users, and groups as `@name`, who may answer. Default: anyone.
    #[serde(default)]
    by: Vec<String>,
    /// How many different people must say yes. Default: 1.
    #[serde(default)]
    quorum: Option<Spanned<u32>>,
    /// Does the yes of whoever started the run count? Default: false.
    #[serde(default)]
    allow_author: bool,
    /// How long the question stands. Default: for ever.
    #[serde(default)]
    expires: Option<Duration>,
    /// What its expiry means. Default: reject.
    #[serde(default)]
    on_expiry: Option<OnExpiry>,
    /// How far counts may move between approval and change, such as `10%`. Default: 10%.
    #[serde(default)]
    tolerance: Option<Spanned<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AssertFields {
    /// What must be true.
    that: Spanned<String>,
    /// What it means if it is not. Default: fail.
    #[serde(default)]
    otherwise: Option<Level>,
    /// What to tell then. May be a template.
    #[serde(default)]
    message: Option<Spanned<String>>,
}

/// JSON Schemas of these steps, and of the keys beside them, by key.
pub fn native_schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
    let text = || schemars::json_schema!({"type": "string"});
    let fields = generator.subschema_for::<AssertFields>();
    let expressions = generator.subschema_for::<OneOrMany>();
    vec![
        (
            "assert",
            schemars::json_schema!({"anyOf": [expressions, {"type": "array", "items": {"anyOf": [{"type": "string"}, fields]}}]}),
        ),
        ("message", text()),
        ("otherwise", generator.subschema_for::<Level>()),
        ("approval", generator.subschema_for::<ApprovalFields>()),
        ("manual", text()),
        ("wait", text()),
        ("note", text()),
    ]
}

pub(super) fn approval(node: &Node, found: &mut Diagnostics) -> Option<Gate> {
    let shorthand = node.text().map(|text| Spanned::new(text.to_owned(), node.span));
    if let Some(ask) = shorthand {
        let ask = Template::new(&ask, found)?;
        return Some(Gate::Approval(Approval {
            ask,
            by: Vec::new(),
            quorum: 1,
            allow_author: false,
            expires: None,
            on_expiry: OnExpiry::Reject,
            tolerance: 0.1,
        }));
    }
    let fields: ApprovalFields = decode(node, found)?;
    let quorum = fields.quorum.as_ref().map_or(1, |quorum| quorum.value);
    if let Some(at) = fields.quorum.as_ref().filter(|quorum| quorum.value == 0) {
        found.push(
            Diagnostic::error(Code::WrongType, at.span, "a quorum of nobody").help("at least one person must say yes"),
        );
    }
    let users = fields.by.iter().filter(|who| !who.starts_with('@')).count();
    if let Some(at) =
        fields.quorum.as_ref().filter(|q| !fields.by.is_empty() && users == fields.by.len() && q.value as usize > users)
    {
        found.push(
            Diagnostic::error(Code::WrongType, at.span, format!("a quorum of {} among {users} people", at.value))
                .help("name more people in by:, or lower the quorum"),
        );
    }
    let tolerance = fields.tolerance.as_ref().map_or(Some(0.1), |text| percent(text, found))?;
    Some(Gate::Approval(Approval {
        ask: Template::new(&fields.ask, found)?,
        by: fields.by,
        quorum,
        allow_author: fields.allow_author,
        expires: fields.expires,
        on_expiry: fields.on_expiry.unwrap_or(OnExpiry::Reject),
        tolerance,
    }))
}

fn percent(text: &Spanned<String>, found: &mut Diagnostics) -> Option<f64> {
    let number = text.value.strip_suffix('%').and_then(|digits| digits.trim().parse::<f64>().ok());
    match number.filter(|number| (0.0..=1000.0).contains(number)) {
        Some(number) => Some(number / 100.0),
        None => {
            found.push(
                Diagnostic::error(Code::WrongType, text.span, format!("`{}` is not a share", text.value))
                    .help("write 10%"),
            );
            None
        }
    }
}

pub(super) fn assert(node: &Node, rest: &[Entry], found: &mut Diagnostics) -> Option<Assert> {
    let beside = |name: &str| rest.iter().find(|entry| entry.key.value == name).map(|entry| &entry.value);
    let otherwise = beside("otherwise").and_then(|node| decode::<Level>(node, found)).unwrap_or(Level::Fail);
    let message = beside("message").and_then(|node| text_template(node, found));
    let make = |text: &Spanned<String>, level: Option<Level>, own: Option<Template>, found: &mut Diagnostics| {
        Some(AssertCheck {
            expr: Expr::new(text, found)?,
            otherwise: level.unwrap_or(otherwise),
            message: own.or_else(|| message.clone()),
        })
    };
    let single = |node: &Node| node.text().map(|text| Spanned::new(text.to_owned(), node.span));
    let checks: Vec<Option<AssertCheck>> = match &node.value {
        Value::Scalar { .. } => vec![single(node).and_then(|text| make(&text, None, None, found))],
        Value::Seq(items) => items
            .iter()
            .map(|item| match single(item) {
                Some(text) => make(&text, None, None, found),
                None => {
                    let fields: AssertFields = decode(item, found)?;
                    let own = fields.message.as_ref().and_then(|text| Template::new(text, found));
                    make(&fields.that, fields.otherwise, own, found)
                }
            })
            .collect(),
        Value::Null | Value::Map(_) => {
            found.push(
                Diagnostic::error(
                    Code::WrongType,
                    node.span,
                    format!("expected expressions, found {}", node.describe()),
                )
                .help("write assert: steps.x.field > 5, or a list of such lines"),
            );
            return None;
        }
    };
    checks.into_iter().collect::<Option<Vec<_>>>().map(|checks| Assert { checks })
}

/// A value that is text with templates.
pub(super) fn text_template(node: &Node, found: &mut Diagnostics) -> Option<Template> {
    let text: String = decode(node, found)?;
    Template::new(&Spanned::new(text, node.span), found)
}

/// `wait:` is a length of time, or a template of a number of seconds.
pub(super) fn wait(node: &Node, found: &mut Diagnostics) -> Option<Template> {
    let template = text_template(node, found)?;
    if let Some(Err(why)) = template.fixed().map(str::parse::<Duration>) {
        found.push(Diagnostic::error(Code::WrongType, node.span, why).help("write wait: 20s"));
        return None;
    }
    Some(template)
}

/// Keys beside an action that belong to another.
pub(super) fn strays(action: &str, rest: &[Entry], found: &mut Diagnostics) {
    for entry in rest.iter().filter(|entry| entry.key.value != action) {
        let name = entry.key.value.as_str();
        if ASSERT_KEYS.contains(&name) {
            if action != "assert" {
                found.push(
                    Diagnostic::error(Code::Misplaced, entry.key.span, format!("`{name}` belongs to `assert`"))
                        .help("use expect: for what must be true of this step's result"),
                );
            }
            continue;
        }
        found.push(unknown_key(&entry.key, &crate::syntax::known_keys().collect::<Vec<_>>()));
    }
}

/// Is this key one of those that stand beside an action?
pub(super) fn is_companion(name: &str) -> bool {
    ASSERT_KEYS.contains(&name)
}
