//! `via: {kubernetes: …}`: ports of pods, for the targets of other providers.

use std::sync::{Arc, Mutex};

use playbook_core::action::Fault;
use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::ports::BoxFuture;
use playbook_core::secret::Secrets;
use playbook_core::source::{Span, Spanned};
use playbook_core::syntax::de::decode;
use playbook_core::syntax::tree::Entry;
use playbook_core::tunnel::{Duplex, Tunnel, Way, WayDraft};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::kubernetes::client::{Call, Door, Place, Wire, part};
use crate::kubernetes::pods;
use crate::kubernetes::target::KubeTarget;

/// The way `kubernetes`. `secrets` are those of the process.
pub fn way(secrets: Secrets) -> Arc<dyn Way> {
    Arc::new(PodWay { secrets })
}

struct PodWay {
    secrets: Secrets,
}

/// The keys of `via: {kubernetes: …}`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// The context; else the current one. May be a template.
    #[serde(default)]
    context: Option<Spanned<String>>,
    /// The file; else KUBECONFIG, `~/.kube/config`, or what a pod is given. May be a template.
    #[serde(default)]
    kubeconfig: Option<Spanned<String>>,
    /// The namespace; else the context's. May be a template.
    #[serde(default)]
    namespace: Option<Spanned<String>>,
    /// This pod. May be a template.
    #[serde(default)]
    pod: Option<Spanned<String>>,
    /// A ready pod of this service. May be a template.
    #[serde(default)]
    service: Option<Spanned<String>>,
    /// A ready pod of this deployment. May be a template.
    #[serde(default)]
    deployment: Option<Spanned<String>>,
    /// A ready pod of this statefulset. May be a template.
    #[serde(default)]
    statefulset: Option<Spanned<String>>,
    /// The port, by number or name: the service's, else the pod's. Else that of the address. May be a template.
    #[serde(default)]
    port: Option<Spanned<String>>,
}

/// What leads to pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pod,
    Service,
    Deployment,
    Statefulset,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Deployment => "deployment",
            Self::Statefulset => "statefulset",
        }
    }

    fn path(self, namespace: &str, name: &str) -> String {
        let (group, plural) = match self {
            Self::Pod => ("api/v1", "pods"),
            Self::Service => ("api/v1", "services"),
            Self::Deployment => ("apis/apps/v1", "deployments"),
            Self::Statefulset => ("apis/apps/v1", "statefulsets"),
        };
        format!("/{group}/namespaces/{}/{plural}/{}", part(namespace), part(name))
    }
}

struct Draft {
    context: Option<Template>,
    kubeconfig: Option<Template>,
    namespace: Option<Template>,
    kind: Kind,
    name: Template,
    port: Option<Template>,
    span: Span,
    secrets: Secrets,
}

impl Way for PodWay {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn read(&self, entry: &Entry, found: &mut Diagnostics) -> Option<Arc<dyn WayDraft>> {
        let fields: Fields = decode(&entry.value, found)?;
        let ends = [
            (Kind::Pod, &fields.pod),
            (Kind::Service, &fields.service),
            (Kind::Deployment, &fields.deployment),
            (Kind::Statefulset, &fields.statefulset),
        ];
        let given: Vec<(Kind, &Spanned<String>)> =
            ends.into_iter().filter_map(|(kind, name)| Some((kind, name.as_ref()?))).collect();
        let &[(kind, name)] = given.as_slice() else {
            let what = if given.is_empty() { "a way that leads nowhere" } else { "a way that leads to two places" };
            found.push(
                Diagnostic::error(Code::TargetAddress, entry.value.span, what)
                    .help("name one of pod, service, deployment and statefulset"),
            );
            return None;
        };
        let mut template = |text: &Spanned<String>| Template::new(text, found);
        let name = template(name)?;
        let mut optional = |text: &Option<Spanned<String>>| text.as_ref().and_then(&mut template);
        Some(Arc::new(Draft {
            context: optional(&fields.context),
            kubeconfig: optional(&fields.kubeconfig),
            namespace: optional(&fields.namespace),
            port: optional(&fields.port),
            kind,
            name,
            span: entry.value.span,
            secrets: self.secrets.clone(),
        }))
    }

    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Fields::json_schema(generator)
    }
}

impl WayDraft for Draft {
    fn templates(&self) -> Vec<&Template> {
        let parts = [&self.context, &self.kubeconfig, &self.namespace, &self.port];
        parts.into_iter().flatten().chain([&self.name]).collect()
    }

    fn open(&self, name: &str, scope: &Scope) -> Result<Arc<dyn Tunnel>, EvalError> {
        let text = |template: &Option<Template>| -> Result<Option<String>, EvalError> {
            let Some(template) = template else { return Ok(None) };
            Ok(Some(template.render_text(scope)?).filter(|text| !text.is_empty()))
        };
        let (context, namespace) = (text(&self.context)?, text(&self.namespace)?);
        let end = self.name.render_text(scope)?;
        if end.is_empty() {
            return Err(EvalError::Failed {
                code: Code::TargetAddress,
                message: format!("the {} of via: has no name", self.kind.word()),
                help: "give it a name".into(),
                span: self.span,
            });
        }
        let way = match (&namespace, &context) {
            (Some(namespace), Some(context)) => format!("kubernetes {namespace}@{context}"),
            (Some(namespace), None) => format!("kubernetes {namespace}"),
            (None, Some(context)) => format!("kubernetes @{context}"),
            (None, None) => "kubernetes".into(),
        };
        let place =
            Place { context, kubeconfig: text(&self.kubeconfig)?.map(Into::into), namespace, ..Place::default() };
        Ok(Arc::new(PodTunnel {
            source: Source::Cluster(Box::new(KubeTarget::new(name, place, None, self.secrets.clone()))),
            kind: self.kind,
            name: end,
            port: text(&self.port)?,
            way,
            chosen: Mutex::default(),
        }))
    }
}

/// Where a connection to the API server comes from.
enum Source {
    /// It is made when it is first needed.
    Cluster(Box<KubeTarget>),
    /// It is there.
    Wire(Box<Wire>, String),
}

/// Ports of one pod: the same one for as long as it is there.
pub(in crate::kubernetes) struct PodTunnel {
    source: Source,
    kind: Kind,
    name: String,
    port: Option<String>,
    way: String,
    chosen: Mutex<Option<Chosen>>,
}

/// Where the last stream led.
#[derive(Clone)]
struct Chosen {
    namespace: String,
    pod: String,
    uid: String,
}

impl PodTunnel {
    /// To one pod, over a connection that is there.
    pub(in crate::kubernetes) fn to(door: &Door<'_>, namespace: &str, pod: &str) -> Self {
        let wire = door.wire().clone();
        let at = wire.opened().context.as_ref().map(|context| format!("@{context}")).unwrap_or_default();
        Self {
            way: format!("kubernetes {namespace}{at}"),
            source: Source::Wire(Box::new(wire), namespace.to_owned()),
            kind: Kind::Pod,
            name: pod.to_owned(),
            port: None,
            chosen: Mutex::default(),
        }
    }

    async fn stream(&self, port: &str) -> Result<Box<dyn Duplex>, Fault> {
        let (door, namespace) = match &self.source {
            Source::Wire(wire, namespace) => (Door::of(wire.as_ref().clone()), namespace.clone()),
            Source::Cluster(target) => {
                let wire = target.wire().await?;
                let namespace = wire.opened().namespace.clone();
                (Door::of(wire), namespace)
            }
        };
        let (pod, port) = self.end_of(&door, &namespace, port).await?;
        let number = pods::port(&pod, &port)?;
        let (name, uid) = (pods::name(&pod).to_owned(), pods::uid(&pod).to_owned());
        let stream = door.forward(&namespace, &name, number).await?;
        if let Ok(mut chosen) = self.chosen.lock() {
            *chosen = Some(Chosen { namespace, pod: name, uid });
        }
        Ok(stream)
    }

    /// The pod, and what the port is called there. Connections of one target belong to one server, so
    /// the pod of the last one is taken while it is ready.
    async fn end_of(&self, door: &Door<'_>, namespace: &str, port: &str) -> Result<(Value, String), Fault> {
        if self.kind == Kind::Pod {
            return Ok((pods::named(door, namespace, &self.name).await?, port.to_owned()));
        }
        let owner = door.find(&Call::get(self.kind.path(namespace, &self.name))).await?;
        let owner = owner.ok_or_else(|| {
            Fault::new(
                playbook_core::action::FaultKind::Invalid,
                Code::TargetAddress,
                format!("there is no {} in {namespace}", self.end()),
            )
            .help("check name, namespace and context")
        })?;
        let port =
            if self.kind == Kind::Service { pods::target_port(&owner, &self.end(), port)? } else { port.to_owned() };
        let ready = pods::of(door, namespace, &self.end(), &owner).await?;
        let before = self.chosen.lock().ok().and_then(|chosen| chosen.as_ref().map(|chosen| chosen.uid.clone()));
        let same = ready.iter().find(|pod| Some(pods::uid(pod)) == before.as_deref());
        let pod = same.or(ready.first()).cloned().unwrap_or_default();
        Ok((pod, port))
    }
}

impl Tunnel for PodTunnel {
    fn end(&self) -> String {
        format!("{}/{}", self.kind.word(), self.name)
    }

    fn way(&self) -> String {
        self.way.clone()
    }

    fn port(&self) -> Option<String> {
        self.port.clone()
    }

    fn facts(&self) -> Vec<(String, String)> {
        let chosen = self.chosen.lock().ok().and_then(|chosen| chosen.clone());
        chosen.map(|chosen| ("pod".to_owned(), format!("{} in {}", chosen.pod, chosen.namespace))).into_iter().collect()
    }

    fn open<'a>(&'a self, port: &'a str) -> BoxFuture<'a, Result<Box<dyn Duplex>, Fault>> {
        Box::pin(self.stream(port))
    }
}
