//! What stands under `redis.keys:`.

use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::expr::{EvalError, Expr, Template};
use playbook_core::model::Duration;
use playbook_core::source::{Span, Spanned};
use playbook_core::syntax::de::decode;
use playbook_core::syntax::tree::Node;
use playbook_core::words;
use schemars::JsonSchema;
use serde::Deserialize;

use super::filter::NAMES;

/// Names of the playbook that a condition may use besides those of a key.
const ROOTS: &[&str] = &["inputs", "steps", "run", "env", "targets"];

/// As it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// A pattern, as for SCAN: `dash:queue:*`. May be a template.
    #[serde(rename = "match")]
    pattern: Spanned<String>,
    /// Only keys of this type.
    #[serde(default, rename = "type")]
    kind: Option<Spanned<String>>,
    /// Only keys for which this is true: an expression over `key`, `type`, `ttl` (seconds, -1
    /// without expiry), `idle` (seconds) and `memory` (bytes), and over `inputs` and `steps`.
    #[serde(default, rename = "where")]
    condition: Option<Spanned<String>>,
    /// `count`, `list`, `sample`, `unlink`, `expire 1h` or `persist`.
    #[serde(rename = "do")]
    what: Spanned<String>,
    /// At most so many keys.
    #[serde(default)]
    limit: Option<Spanned<u64>>,
    /// At most so many keys a second: `50000/s`.
    #[serde(default)]
    rate: Option<Spanned<String>>,
    /// So many keys are captured and changed at a time. Default: 1000.
    #[serde(default)]
    batch: Option<Spanned<u32>>,
    /// How many keys the server looks at in one SCAN. Default: 1000.
    #[serde(default)]
    count: Option<Spanned<u32>>,
}

/// What to do with the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Do {
    Count,
    List,
    Sample,
    Unlink,
    Expire,
    Persist,
}

/// As it is read.
#[derive(Clone)]
pub(super) struct Params {
    pub(super) pattern: Template,
    pub(super) kind: Option<String>,
    pub(super) condition: Option<Expr>,
    pub(super) what: Do,
    pub(super) number: Option<Template>,
    pub(super) limit: Option<u64>,
    /// Keys a second.
    pub(super) rate: Option<u32>,
    pub(super) batch: usize,
    pub(super) count: u32,
}

impl Do {
    const ALL: [Self; 6] = [Self::Count, Self::List, Self::Sample, Self::Unlink, Self::Expire, Self::Persist];

    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::List => "list",
            Self::Sample => "sample",
            Self::Unlink => "unlink",
            Self::Expire => "expire",
            Self::Persist => "persist",
        }
    }
}

impl Params {
    pub(super) fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let fields: Fields = decode(node, found)?;
        let before = found.len();
        let pattern = Template::new(&fields.pattern, found);
        let condition = fields.condition.as_ref().and_then(|text| Expr::new(text, found));
        if let Some(condition) = &condition {
            names(condition, found);
        }
        let what = action(&fields.what, found);
        let rate = fields.rate.as_ref().and_then(|text| per_second(text, found));
        let mut whole = |number: &Option<Spanned<u32>>, default: u32| {
            if let Some(zero) = number.as_ref().filter(|number| number.value == 0) {
                found.push(
                    Diagnostic::error(Code::WrongType, zero.span, "none at a time").help("write a number from 1"),
                );
            }
            number.as_ref().map_or(default, |number| number.value)
        };
        let (batch, count) = (whole(&fields.batch, 1000), whole(&fields.count, 1000));
        if found.len() > before {
            return None;
        }
        let (what, number) = what?;
        Some(Self {
            pattern: pattern?,
            kind: fields.kind.map(|kind| kind.value),
            condition,
            what,
            number,
            limit: fields.limit.map(|limit| limit.value),
            rate,
            batch: batch as usize,
            count,
        })
    }

    pub(super) fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<Fields>()
    }
}

fn names(condition: &Expr, found: &mut Diagnostics) {
    for usage in condition.uses() {
        if !NAMES.contains(&usage.root()) && !ROOTS.contains(&usage.root()) {
            found.push(
                Diagnostic::error(Code::UndefinedName, usage.span, format!("a key has no `{}`", usage.root()))
                    .suggest(usage.root(), NAMES.iter().copied()),
            );
        }
    }
}

fn action(text: &Spanned<String>, found: &mut Diagnostics) -> Option<(Do, Option<Template>)> {
    let words = words::split(text, found)?;
    let name = words.first().and_then(Template::fixed).unwrap_or_default();
    let Some(what) = Do::ALL.into_iter().find(|what| what.name() == name) else {
        let known = Do::ALL.map(Do::name);
        let diagnostic =
            Diagnostic::error(Code::UnknownCommand, text.span, format!("`{name}` is nothing to do with keys"));
        found.push(match name {
            "del" | "delete" | "remove" => diagnostic.help("write unlink, which frees memory in the background"),
            _ => diagnostic.suggest(name, known),
        });
        return None;
    };
    let number = words.get(1).cloned();
    let wrong = match (what, &number, words.len()) {
        (Do::Expire, None, _) => Some("expire needs to know when: do: expire 1h"),
        (Do::Expire | Do::Sample, _, ..=2) | (Do::Count | Do::List | Do::Unlink | Do::Persist, None, _) => None,
        (Do::Count | Do::List | Do::Sample | Do::Unlink | Do::Expire | Do::Persist, _, _) => Some("a word too many"),
    };
    if let Some(why) = wrong {
        found.push(
            Diagnostic::error(Code::Arguments, text.span, why)
                .help("for example do: unlink, do: expire 1h, do: sample 20"),
        );
        return None;
    }
    if let Some(Err(EvalError::Failed { code, message, help, span })) =
        number.as_ref().and_then(|template| Some(self::number(what, template.fixed()?, template.span())))
    {
        found.push(Diagnostic::error(code, span, message).help(help));
        return None;
    }
    Some((what, number))
}

/// Seconds after `expire`, or how many after `sample`.
pub(super) fn number(what: Do, text: &str, span: Span) -> Result<u64, EvalError> {
    let failed =
        |message: String, help: &str| EvalError::Failed { code: Code::Arguments, message, help: help.into(), span };
    let plain = text.parse::<u64>().ok();
    match what {
        Do::Expire => {
            let seconds = plain.or_else(|| {
                let duration: Duration = text.parse().ok()?;
                Some(duration.as_micros() / 1_000_000)
            });
            match seconds.filter(|seconds| *seconds > 0 && *seconds < 1 << 40) {
                Some(seconds) => Ok(seconds),
                None => Err(failed(
                    format!("`{text}` is not a time to live"),
                    "write seconds, or a length of time such as 1h; to delete, do: unlink",
                )),
            }
        }
        Do::Count | Do::List | Do::Sample | Do::Unlink | Do::Persist => plain
            .filter(|number| *number > 0)
            .ok_or_else(|| failed(format!("`{text}` is not a number"), "for example do: sample 20")),
    }
}

fn per_second(text: &Spanned<String>, found: &mut Diagnostics) -> Option<u32> {
    let rate =
        text.value.strip_suffix("/s").and_then(|number| number.trim().parse::<u32>().ok()).filter(|rate| *rate > 0);
    if rate.is_none() {
        found.push(
            Diagnostic::error(Code::WrongType, text.span, format!("`{}` is not a rate", text.value))
                .help("for example rate: 50000/s"),
        );
    }
    rate
}
