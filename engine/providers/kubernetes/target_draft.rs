//! `targets: {k8s: {kubernetes: …}}` → a target.

use std::sync::Arc;

use playbook_core::action::{Target, TargetDraft};
use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics, Severity};
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::secret::Secrets;
use playbook_core::source::Spanned;
use playbook_core::syntax::de::{decode, unknown_key};
use playbook_core::syntax::tree::Entry;
use schemars::JsonSchema;
use serde::Deserialize;

use super::client::Place;
use super::target::KubeTarget;

/// Keys beside `kubernetes:`.
const SIBLINGS: &[&str] = &["protected", "expect"];

/// A cluster in parts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// The context; else the current one. May be a template.
    #[serde(default)]
    context: Option<Spanned<String>>,
    /// The file; else KUBECONFIG, `~/.kube/config`, or what a pod is given. May be a template.
    #[serde(default)]
    kubeconfig: Option<Spanned<String>>,
    /// The namespace of steps that name none; else the context's. May be a template.
    #[serde(default)]
    namespace: Option<Spanned<String>>,
    /// Whom to act as. May be a template.
    #[serde(default, rename = "as")]
    as_user: Option<Spanned<String>>,
    /// Groups to act as.
    #[serde(default, rename = "as-group")]
    as_groups: Vec<Spanned<String>>,
}

/// What a playbook expects to meet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// The UID of the namespace `kube-system`.
    #[serde(default)]
    pub(super) cluster: Option<String>,
    /// The address of the API server: `https://10.0.0.1:6443`.
    #[serde(default)]
    pub(super) server: Option<String>,
    /// The user that the server takes us for.
    #[serde(default)]
    pub(super) user: Option<String>,
}

impl Expect {
    /// Says what differs.
    pub(super) fn check(&self, uid: Option<&str>, facts: &[(String, String)]) -> Result<(), String> {
        let fact = |name: &str| facts.iter().find(|(known, _)| known == name).map(|(_, fact)| fact.as_str());
        let wanted = [("cluster", &self.cluster, uid), ("user", &self.user, fact("user"))];
        for (what, expected, found) in wanted {
            if let Some(expected) = expected.as_deref().filter(|expected| Some(*expected) != found) {
                return Err(format!("the {what} is {}, and {expected} is expected", found.unwrap_or("not known")));
            }
        }
        Ok(())
    }
}

/// A target with its templates open.
pub(super) struct Draft {
    context: Option<Template>,
    kubeconfig: Option<Template>,
    namespace: Option<Template>,
    as_user: Option<Template>,
    as_groups: Vec<Template>,
    protected: bool,
    expect: Option<Expect>,
    secrets: Secrets,
}

/// Reads a target and the keys beside it.
pub(super) fn read(entry: &Entry, siblings: &[Entry], secrets: &Secrets, found: &mut Diagnostics) -> Option<Draft> {
    let before = found.len();
    let fields = match entry.value.text() {
        Some(context) => {
            Fields { context: Some(Spanned::new(context.to_owned(), entry.value.span)), ..Fields::default() }
        }
        None if entry.value.entries().is_some() => decode(&entry.value, found)?,
        None => {
            found.push(
                Diagnostic::error(
                    Code::WrongType,
                    entry.value.span,
                    format!("expected a context, found {}", entry.value.describe()),
                )
                .help("write kubernetes: my-context, or kubernetes: {context: …, namespace: …}"),
            );
            return None;
        }
    };
    let mut template = |text: &Option<Spanned<String>>| text.as_ref().and_then(|text| Template::new(text, found));
    let (context, kubeconfig) = (template(&fields.context), template(&fields.kubeconfig));
    let (namespace, as_user) = (template(&fields.namespace), template(&fields.as_user));
    let as_groups = fields.as_groups.iter().filter_map(|group| Template::new(group, found)).collect();
    let (mut protected, mut expect) = (false, None);
    for entry in siblings {
        match entry.key.value.as_str() {
            "protected" => protected = decode::<bool>(&entry.value, found).unwrap_or(true),
            "expect" => expect = decode::<Expect>(&entry.value, found),
            _ => found.push(unknown_key(&entry.key, SIBLINGS)),
        }
    }
    let errors = found.iter().skip(before).any(|found| found.severity == Severity::Error);
    let secrets = secrets.clone();
    (!errors).then_some(Draft { context, kubeconfig, namespace, as_user, as_groups, protected, expect, secrets })
}

/// The schema of what stands under `kubernetes:`.
pub(super) fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let fields = generator.subschema_for::<Fields>();
    let expect = generator.subschema_for::<Expect>();
    schemars::json_schema!({
        "type": "object",
        "required": ["kubernetes"],
        "additionalProperties": false,
        "properties": {
            "kubernetes": {"anyOf": [{"type": "string", "description": "A context of the kubeconfig."}, fields]},
            "protected": {"type": "boolean", "description": "Changes there need an approval."},
            "expect": expect,
        }
    })
}

fn text(template: Option<&Template>, scope: &Scope) -> Result<Option<String>, EvalError> {
    let Some(template) = template else { return Ok(None) };
    Ok(Some(template.render_text(scope)?).filter(|text| !text.is_empty()))
}

impl TargetDraft for Draft {
    fn templates(&self) -> Vec<&Template> {
        let parts = [&self.context, &self.kubeconfig, &self.namespace, &self.as_user];
        parts.into_iter().flatten().chain(&self.as_groups).collect()
    }

    fn protected(&self) -> bool {
        self.protected
    }

    fn open(&self, name: &str, scope: &Scope, _: &mut dyn FnMut(&str, &str)) -> Result<Arc<dyn Target>, EvalError> {
        let as_groups = self.as_groups.iter().map(|group| group.render_text(scope)).collect::<Result<_, _>>()?;
        let place = Place {
            context: text(self.context.as_ref(), scope)?,
            kubeconfig: text(self.kubeconfig.as_ref(), scope)?.map(Into::into),
            namespace: text(self.namespace.as_ref(), scope)?,
            as_user: text(self.as_user.as_ref(), scope)?,
            as_groups,
        };
        Ok(Arc::new(KubeTarget::new(name, place, self.expect.clone(), self.secrets.clone())))
    }
}
