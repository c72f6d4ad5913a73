//! `targets: {d: {docker: …}}` → a target.

use std::sync::Arc;

use playbook_core::action::{Target, TargetDraft};
use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics, Severity};
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::source::Spanned;
use playbook_core::syntax::de::{decode, unknown_key};
use playbook_core::syntax::tree::{Entry, Node, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Place, Tls};
use super::expect::Expect;
use super::target::DockerTarget;

/// Keys beside `docker:`.
const SIBLINGS: &[&str] = &["protected", "expect"];

/// An engine in parts. Without any of them: what docker itself would take.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// The address: `unix:///PATH`, `tcp://HOST:PORT`, `ssh://USER@HOST`. May be a template.
    #[serde(default)]
    host: Option<Spanned<String>>,
    /// A context of the docker CLI. May be a template.
    #[serde(default)]
    context: Option<Spanned<String>>,
    /// TLS to a `tcp://` address.
    #[serde(default)]
    tls: Option<TlsFields>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TlsFields {
    /// The folder with `ca.pem`, `cert.pem` and `key.pem`; as DOCKER_CERT_PATH. May be a template.
    #[serde(default)]
    folder: Option<Spanned<String>>,
    /// Any certificate of the engine is taken.
    #[serde(default)]
    insecure: bool,
}

/// Where an engine is, with its templates open: for targets and for `via:`.
#[derive(Clone, Default)]
pub(super) struct Where {
    /// A context, or a host if it has `://`.
    either: Option<Template>,
    host: Option<Template>,
    context: Option<Template>,
    tls: Option<(Option<Template>, bool)>,
}

impl Where {
    /// Reads a host and a context.
    pub(super) fn read(
        host: Option<&Spanned<String>>,
        context: Option<&Spanned<String>>,
        found: &mut Diagnostics,
    ) -> Self {
        if let (Some(host), Some(_)) = (host, context) {
            found.push(
                Diagnostic::error(Code::TargetAddress, host.span, "an engine at two places: host and context")
                    .help("keep one of them"),
            );
        }
        let mut template = |text: Option<&Spanned<String>>| text.and_then(|text| Template::new(text, found));
        Self { host: template(host), context: template(context), ..Self::default() }
    }

    pub(super) fn templates(&self) -> Vec<&Template> {
        let tls = self.tls.as_ref().and_then(|(folder, _)| folder.as_ref());
        [&self.either, &self.host, &self.context].into_iter().flatten().chain(tls).collect()
    }

    /// Fills in the templates.
    pub(super) fn open(&self, scope: &Scope) -> Result<Place, EvalError> {
        let (mut host, mut context) = (text(self.host.as_ref(), scope)?, text(self.context.as_ref(), scope)?);
        if let Some(either) = text(self.either.as_ref(), scope)? {
            let place = if either.contains("://") { &mut host } else { &mut context };
            *place = Some(either);
        }
        let tls = match &self.tls {
            Some((folder, insecure)) => {
                Some(Tls { folder: text(folder.as_ref(), scope)?.map(Into::into), insecure: *insecure })
            }
            None => None,
        };
        Ok(Place { host, context, tls })
    }
}

fn text(template: Option<&Template>, scope: &Scope) -> Result<Option<String>, EvalError> {
    let Some(template) = template else { return Ok(None) };
    Ok(Some(template.render_text(scope)?).filter(|text| !text.is_empty()))
}

/// A target with its templates open.
pub(super) struct Draft {
    place: Where,
    protected: bool,
    expect: Option<Expect>,
}

/// Reads a target and the keys beside it.
pub(super) fn read(entry: &Entry, siblings: &[Entry], found: &mut Diagnostics) -> Option<Draft> {
    let before = found.len();
    let place = place(&entry.value, found)?;
    let (mut protected, mut expect) = (false, None);
    for entry in siblings {
        match entry.key.value.as_str() {
            "protected" => protected = decode::<bool>(&entry.value, found).unwrap_or(true),
            "expect" => {
                expect = decode::<Expect>(&entry.value, found);
                if let Some(why) = expect.as_ref().and_then(Expect::wrong) {
                    found.push(
                        Diagnostic::error(Code::WrongType, entry.value.span, why)
                            .help("write version: 20.10, or version: \">=20.10\""),
                    );
                }
            }
            _ => found.push(unknown_key(&entry.key, SIBLINGS)),
        }
    }
    let errors = found.iter().skip(before).any(|found| found.severity == Severity::Error);
    (!errors).then_some(Draft { place, protected, expect })
}

fn place(node: &Node, found: &mut Diagnostics) -> Option<Where> {
    match &node.value {
        Value::Null => Some(Where::default()),
        Value::Scalar { text, .. } => {
            let either = Template::new(&Spanned::new(text.to_string(), node.span), found)?;
            Some(Where { either: Some(either), ..Where::default() })
        }
        Value::Map(_) => {
            let fields: Fields = decode(node, found)?;
            let mut place = Where::read(fields.host.as_ref(), fields.context.as_ref(), found);
            if let Some(tls) = &fields.tls {
                if fields.host.is_none() {
                    found.push(
                        Diagnostic::error(Code::TargetAddress, node.span, "tls: belongs to a host")
                            .help("name it: host: tcp://HOST:2376; contexts and DOCKER_HOST bring their own keys"),
                    );
                }
                let folder = tls.folder.as_ref().and_then(|folder| Template::new(folder, found));
                place.tls = Some((folder, tls.insecure));
            }
            Some(place)
        }
        Value::Seq(_) => {
            let message = format!("expected an engine, found {}", node.describe());
            found.push(
                Diagnostic::error(Code::WrongType, node.span, message)
                    .help("write docker: my-context, docker: unix:///var/run/docker.sock, or docker: {}"),
            );
            None
        }
    }
}

/// The schema of what stands under `docker:`.
pub(super) fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let fields = generator.subschema_for::<Fields>();
    let expect = generator.subschema_for::<Expect>();
    schemars::json_schema!({
        "type": "object",
        "required": ["docker"],
        "additionalProperties": false,
        "properties": {
            "docker": {"anyOf": [
                {"type": "string", "description": "A context of the docker CLI, or an address with ://."},
                {"type": "null", "description": "What docker itself would take."},
                fields,
            ]},
            "protected": {"type": "boolean", "description": "Changes there need an approval."},
            "expect": expect,
        }
    })
}

impl TargetDraft for Draft {
    fn templates(&self) -> Vec<&Template> {
        self.place.templates()
    }

    fn protected(&self) -> bool {
        self.protected
    }

    fn open(&self, name: &str, scope: &Scope, _: &mut dyn FnMut(&str, &str)) -> Result<Arc<dyn Target>, EvalError> {
        Ok(Arc::new(DockerTarget::new(name, self.place.open(scope)?, self.expect.clone())))
    }
}

#[cfg(test)]
mod tests {
    use playbook_core::source::Sources;
    use playbook_core::syntax::tree::parse;

    use super::*;

    /// The place that a target leads to, or what is wrong with it.
    fn read_text(text: &str) -> Result<Place, String> {
        let mut sources = Sources::new();
        let file = sources.add("t.yaml", text);
        let (node, mut found) = parse(file, sources.get(file).unwrap());
        let node = node.unwrap();
        let (first, siblings) = node.entries().unwrap().split_first().unwrap();
        let draft = read(first, siblings, &mut found);
        let wrong = found.iter().map(|found| found.message.clone()).collect::<Vec<_>>().join("; ");
        let mut scope = Scope::new();
        scope.set("inputs", serde_json::json!({"at": "ssh://ops@far"}));
        draft.map(|draft| draft.place.open(&scope).unwrap()).ok_or(wrong)
    }

    #[test]
    fn a_target_is_a_context_a_host_or_what_docker_would_take() {
        let (host, context) = (|host: &str| Some(host.to_owned()), |context: &str| Some(context.to_owned()));
        let tls = Some(Tls { folder: Some("keys".into()), insecure: false });
        for (text, place) in [
            ("docker: prod", Place { context: context("prod"), ..Place::default() }),
            ("docker: unix:///run/d.sock", Place { host: host("unix:///run/d.sock"), ..Place::default() }),
            ("docker: '{{ inputs.at }}'", Place { host: host("ssh://ops@far"), ..Place::default() }),
            ("docker:", Place::default()),
            ("docker: {}", Place::default()),
            ("docker: ''", Place::default()),
            ("docker: {context: prod}", Place { context: context("prod"), ..Place::default() }),
            (
                "docker: {host: 'tcp://h:2376', tls: {folder: keys}}\nexpect: {version: '>=20.10'}\nprotected: true",
                Place { host: host("tcp://h:2376"), context: None, tls },
            ),
        ] {
            assert_eq!(read_text(text), Ok(place), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (text, why) in [
            ("docker: [a]", "expected an engine, found a list"),
            ("docker: {host: 'unix:///x', context: y}", "an engine at two places"),
            ("docker: {context: x, tls: {insecure: true}}", "tls: belongs to a host"),
            ("docker: {}\nexpect: {version: new}", "`new` is no version"),
            ("docker: {socket: x}", "socket"),
            ("docker: {}\nvia: x", "via"),
        ] {
            let told = read_text(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
