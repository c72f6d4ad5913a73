//! `targets: {cache: {redis: …}}` → a target with its templates open, then with all its values.

mod fill;

use std::sync::Arc;

use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::expr::Template;
use playbook_core::secret::Secrets;
use playbook_core::source::{Span, Spanned};
use playbook_core::syntax::de::{decode, unknown_key};
use playbook_core::syntax::tree::{Entry, Node, Value};
use playbook_core::tunnel::{Way, WayDraft};
use schemars::JsonSchema;
use serde::Deserialize;

use super::address;
use super::expect::Expect;
use super::outside::Outside;

/// Keys beside `redis:`.
const SIBLINGS: &[&str] = &["protected", "expect", "via", "sentinel", "cluster"];

/// A target in parts, but for its password.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// The address: `redis://host:6379/0`, `rediss://…`, `unix:///path`. May be a template.
    #[serde(default)]
    url: Option<Spanned<String>>,
    /// Instead of `url`. May be a template.
    #[serde(default)]
    host: Option<Spanned<String>>,
    /// Default: 6379.
    #[serde(default)]
    port: Option<Spanned<String>>,
    /// Instead of `host`: a socket in the file system.
    #[serde(default)]
    socket: Option<Spanned<String>>,
    /// The user. Default: `default`.
    #[serde(default)]
    user: Option<Spanned<String>>,
    /// The number of the database. Default: 0.
    #[serde(default)]
    db: Option<Spanned<u32>>,
    /// Encrypt the connection.
    #[serde(default)]
    tls: Option<TlsFields>,
}

/// Files in PEM.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TlsFields {
    /// Whom to trust, instead of what the system trusts.
    #[serde(default)]
    ca: Option<Spanned<String>>,
    /// Take any certificate. For tests.
    #[serde(default)]
    insecure: bool,
    /// The client's own certificate.
    #[serde(default)]
    cert: Option<Spanned<String>>,
    /// Its key.
    #[serde(default)]
    key: Option<Spanned<String>>,
}

/// Where a password comes from, besides a template.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    /// An environment variable.
    #[serde(default)]
    env: Option<Spanned<String>>,
    /// A file, whose last line end is left out.
    #[serde(default)]
    file: Option<Spanned<String>>,
}

enum Password {
    Template(Template),
    Env(Spanned<String>),
    File(Spanned<String>),
}

/// A target as it is written.
pub(super) struct Draft {
    span: Span,
    url: Option<Template>,
    host: Option<Template>,
    port: Option<Template>,
    socket: Option<Template>,
    user: Option<Template>,
    password: Option<Password>,
    db: Option<u32>,
    tls: Option<TlsFields>,
    protected: bool,
    expect: Option<Expect>,
    via: Option<Arc<dyn WayDraft>>,
    secrets: Secrets,
    outside: Arc<dyn Outside>,
}

/// Reads a target and the keys beside it.
pub(super) fn read(
    entry: &Entry,
    siblings: &[Entry],
    secrets: &Secrets,
    outside: &Arc<dyn Outside>,
    ways: &[Arc<dyn Way>],
    found: &mut Diagnostics,
) -> Option<Draft> {
    let before = found.len();
    let behind = siblings.iter().any(|entry| entry.key.value == "via");
    let (fields, password) = match entry.value.text() {
        Some(url) => (Fields { url: Some(Spanned::new(url.to_owned(), entry.value.span)), ..Fields::default() }, None),
        None => fields(&entry.value, found)?,
    };
    let mut template = |text: &Option<Spanned<String>>| text.as_ref().and_then(|text| Template::new(text, found));
    let (url, host, port) = (template(&fields.url), template(&fields.host), template(&fields.port));
    let (socket, user) = (template(&fields.socket), template(&fields.user));
    let password = password.and_then(|node| read_password(&node, found));
    let Beside { protected, expect, via } = beside(siblings, ways, found);
    let span = entry.value.span;
    one_place(&fields, span, behind, found);
    if let Some(url) = &url {
        check_url(url, behind, found);
    }
    let db = fields.db.map(|db| db.value);
    let draft = Draft {
        span,
        url,
        host,
        port,
        socket,
        user,
        password,
        db,
        tls: fields.tls,
        protected,
        expect,
        via,
        secrets: secrets.clone(),
        outside: Arc::clone(outside),
    };
    let errors = found.iter().skip(before).any(|d| d.severity == playbook_core::diagnostic::Severity::Error);
    (!errors).then_some(draft)
}

/// A mapping without its password, which may be text or a mapping.
fn fields(node: &Node, found: &mut Diagnostics) -> Option<(Fields, Option<Node>)> {
    let Some(entries) = node.entries() else {
        found.push(
            Diagnostic::error(Code::WrongType, node.span, format!("expected an address, found {}", node.describe()))
                .help("write redis: redis://host:6379, or redis: {host: …, user: …, password: {env: NAME}}"),
        );
        return None;
    };
    let (passwords, rest): (Vec<Entry>, Vec<Entry>) =
        entries.iter().cloned().partition(|entry| entry.key.value == "password");
    let fields = decode(&Node { span: node.span, value: Value::Map(rest) }, found)?;
    Some((fields, passwords.into_iter().next().map(|entry| entry.value)))
}

fn one_place(fields: &Fields, span: Span, behind: bool, found: &mut Diagnostics) {
    if behind {
        let mut wrong = |what: &str, help: &str| {
            found.push(Diagnostic::error(Code::TargetAddress, span, what).help(help));
        };
        if fields.socket.is_some() || (fields.host.is_some() && fields.tls.is_none()) {
            wrong("via: says where the server is, and so does this", "leave host and socket out; port: may stay");
        }
        if fields.url.is_none() && fields.host.is_none() && fields.tls.as_ref().is_some_and(|tls| !tls.insecure) {
            wrong(address::NO_NAME, "or write tls: {insecure: true}, which takes any");
        }
        return;
    }
    let given = [fields.url.is_some(), fields.host.is_some(), fields.socket.is_some()];
    match given.into_iter().filter(|given| *given).count() {
        1 => {}
        0 => found.push(
            Diagnostic::error(Code::MissingKey, span, "a target without an address").help("add url, host or socket"),
        ),
        _ => found.push(
            Diagnostic::error(Code::TargetAddress, span, "a target with more than one address")
                .help("keep one of url, host and socket"),
        ),
    }
}

fn read_password(node: &Node, found: &mut Diagnostics) -> Option<Password> {
    if let Some(text) = node.text() {
        let template = Template::new(&Spanned::new(text.to_owned(), node.span), found)?;
        if template.fixed().is_some() {
            in_the_open(node.span, found);
        }
        return Some(Password::Template(template));
    }
    let elsewhere: Elsewhere = decode(node, found)?;
    match (elsewhere.env, elsewhere.file) {
        (Some(name), None) => Some(Password::Env(name)),
        (None, Some(path)) => Some(Password::File(path)),
        (None, None) | (Some(_), Some(_)) => {
            found.push(
                Diagnostic::error(Code::WrongType, node.span, "a password from nowhere, or from two places")
                    .help("write password: {env: NAME} or password: {file: PATH}"),
            );
            None
        }
    }
}

fn in_the_open(span: Span, found: &mut Diagnostics) {
    found.push(
        Diagnostic::warning(Code::SecretInTheOpen, span, "a password in the playbook")
            .help("use password: {env: NAME}, password: {file: PATH}, a secret input, or REDISCLI_AUTH"),
    );
}

/// What can be said of an address before its templates are filled in.
fn check_url(url: &Template, behind: bool, found: &mut Diagnostics) {
    if let Some(text) = url.fixed() {
        let parse = if behind { address::parse_behind } else { address::parse };
        match parse(text, false) {
            Ok(endpoint) if endpoint.password.is_some() => in_the_open(url.span(), found),
            Ok(_) => {}
            Err(why) => found.push(Diagnostic::error(Code::TargetAddress, url.span(), why).help(if behind {
                "for example redis://:6379/0"
            } else {
                "for example redis://127.0.0.1:6379/0"
            })),
        }
        return;
    }
    // Between `:` and `@`, without a template, stands a password.
    let userinfo = url.text().split_once("://").and_then(|(_, rest)| rest.split_once('@')).map(|(info, _)| info);
    let literal = userinfo.filter(|info| !info.contains("{{")).and_then(|info| info.split_once(':'));
    if literal.is_some_and(|(_, password)| !password.is_empty()) {
        in_the_open(url.span(), found);
    }
}

/// What stands beside `redis:`.
struct Beside {
    protected: bool,
    expect: Option<Expect>,
    via: Option<Arc<dyn WayDraft>>,
}

/// `via: {kubernetes: …}`, read by who knows that way.
fn read_via(node: &Node, ways: &[Arc<dyn Way>], found: &mut Diagnostics) -> Option<Arc<dyn WayDraft>> {
    let known: Vec<&str> = ways.iter().map(|way| way.name()).collect();
    let help = format!("write via: {{{}: …}}", known.first().unwrap_or(&"kubernetes"));
    match node.entries() {
        Some([entry]) => match ways.iter().find(|way| way.name() == entry.key.value) {
            Some(way) => way.read(entry, found),
            None => {
                let message = format!("there is no way `{}`", entry.key.value);
                found.push(
                    Diagnostic::error(Code::NotSupported, entry.key.span, message).suggest(&entry.key.value, known),
                );
                None
            }
        },
        _ => {
            let message = format!("expected one way, found {}", node.describe());
            found.push(Diagnostic::error(Code::WrongType, node.span, message).help(help));
            None
        }
    }
}

fn beside(siblings: &[Entry], ways: &[Arc<dyn Way>], found: &mut Diagnostics) -> Beside {
    let (mut protected, mut expect, mut via) = (false, None, None);
    for entry in siblings {
        match entry.key.value.as_str() {
            "protected" => protected = decode::<bool>(&entry.value, found).unwrap_or(true),
            "expect" => {
                expect = decode::<Expect>(&entry.value, found);
                if let Some(problem) = expect.as_ref().and_then(Expect::problem) {
                    found.push(
                        Diagnostic::error(Code::WrongType, entry.value.span, problem)
                            .help("for example expect: {role: master, version: \">=7.0\", replicas: \">=1\"}"),
                    );
                }
            }
            "via" => via = read_via(&entry.value, ways, found),
            name @ ("sentinel" | "cluster") => found.push(
                Diagnostic::error(Code::NotSupported, entry.key.span, format!("`{name}` is not supported yet"))
                    .help("give the address of the server itself"),
            ),
            _ => found.push(unknown_key(&entry.key, SIBLINGS)),
        }
    }
    Beside { protected, expect, via }
}

/// The schema of what stands under `redis:`.
pub(super) fn schema(ways: &[Arc<dyn Way>], generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let mut fields = Fields::json_schema(generator);
    let elsewhere = generator.subschema_for::<Elsewhere>();
    let password = serde_json::json!({"description": "The password. May be a template.", "anyOf": [{"type": "string"}, elsewhere]});
    if let Some(properties) = fields.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
        properties.insert("password".into(), password);
    }
    let expect = generator.subschema_for::<Expect>();
    let known: serde_json::Map<String, serde_json::Value> =
        ways.iter().map(|way| (way.name().to_owned(), way.schema(generator).to_value())).collect();
    let via = serde_json::json!({
        "description": "How it is reached, where it cannot be reached from here.",
        "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": known,
    });
    schemars::json_schema!({
        "type": "object",
        "required": ["redis"],
        "additionalProperties": false,
        "properties": {
            "redis": {"anyOf": [{"type": "string", "description": "redis://user@host:6379/0, rediss://… or unix:///path"}, fields]},
            "protected": {"type": "boolean", "description": "Changes there need an approval."},
            "expect": expect,
            "via": via,
        }
    })
}
