//! `via: {docker: …}`: ports of containers, for the targets of other providers.

mod ends;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use playbook_core::action::Fault;
use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::ports::BoxFuture;
use playbook_core::source::{Span, Spanned};
use playbook_core::syntax::de::decode;
use playbook_core::syntax::tree::Entry;
use playbook_core::tunnel::{Duplex, Tunnel, Way, WayDraft};
use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Opened, Place, Reader, Wire};
use super::target::DockerTarget;
use super::target_draft::Where;
use ends::Wanted;

/// The way `docker`.
pub fn way() -> Arc<dyn Way> {
    Arc::new(ContainerWay)
}

struct ContainerWay;

/// The keys of `via: {docker: …}`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// This container. May be a template.
    #[serde(default)]
    container: Option<Spanned<String>>,
    /// A running container of this service of compose. May be a template.
    #[serde(default)]
    service: Option<Spanned<String>>,
    /// The service's project; else the only one that has such a service. May be a template.
    #[serde(default)]
    project: Option<Spanned<String>>,
    /// The engine's address: `unix:///PATH`, `tcp://HOST:PORT`, `ssh://USER@HOST`. May be a template.
    #[serde(default)]
    host: Option<Spanned<String>>,
    /// The engine's context of the docker CLI; without host and context: what docker itself would take. May
    /// be a template.
    #[serde(default)]
    context: Option<Spanned<String>>,
    /// The port in the container; else that of the address. May be a template.
    #[serde(default)]
    port: Option<Spanned<String>>,
}

struct Draft {
    place: Where,
    container: Option<Template>,
    service: Option<Template>,
    project: Option<Template>,
    port: Option<Template>,
    span: Span,
}

impl Way for ContainerWay {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn read(&self, entry: &Entry, found: &mut Diagnostics) -> Option<Arc<dyn WayDraft>> {
        let span = entry.value.span;
        let fields = match entry.value.text() {
            Some(name) => Fields { container: Some(Spanned::new(name.to_owned(), span)), ..Fields::default() },
            None => decode(&entry.value, found)?,
        };
        let mut wrong = |what: &str, help: &str| {
            found.push(Diagnostic::error(Code::TargetAddress, span, what.to_owned()).help(help.to_owned()));
        };
        match (&fields.container, &fields.service) {
            (None, None) => {
                wrong("a way that leads nowhere", "write via: {docker: NAME}, or name container or service");
                return None;
            }
            (Some(_), Some(_)) => {
                wrong("a way that leads to two places", "name one of container and service");
                return None;
            }
            (Some(_), None) if fields.project.is_some() => {
                wrong("project: goes with service:", "a container's name stands for itself");
                return None;
            }
            _ => {}
        }
        let place = Where::read(fields.host.as_ref(), fields.context.as_ref(), found);
        let mut template = |text: &Option<Spanned<String>>| text.as_ref().and_then(|text| Template::new(text, found));
        Some(Arc::new(Draft {
            container: template(&fields.container),
            service: template(&fields.service),
            project: template(&fields.project),
            port: template(&fields.port),
            place,
            span,
        }))
    }

    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let fields = generator.subschema_for::<Fields>();
        schemars::json_schema!({"anyOf": [{"type": "string", "description": "This container."}, fields]})
    }
}

impl WayDraft for Draft {
    fn templates(&self) -> Vec<&Template> {
        let parts = [&self.container, &self.service, &self.project, &self.port];
        parts.into_iter().flatten().chain(self.place.templates()).collect()
    }

    fn open(&self, name: &str, scope: &Scope) -> Result<Arc<dyn Tunnel>, EvalError> {
        let text = |template: &Option<Template>| -> Result<Option<String>, EvalError> {
            let Some(template) = template else { return Ok(None) };
            Ok(Some(template.render_text(scope)?).filter(|text| !text.is_empty()))
        };
        let (container, service) = (text(&self.container)?, text(&self.service)?);
        let wanted = match (container, service) {
            (Some(name), _) => Wanted::Container(name),
            (None, Some(name)) => Wanted::Service { name, project: text(&self.project)? },
            (None, None) => {
                return Err(EvalError::Failed {
                    code: Code::TargetAddress,
                    message: "the container of via: has no name".into(),
                    help: "give it a name".into(),
                    span: self.span,
                });
            }
        };
        let place = self.place.open(scope)?;
        Ok(Arc::new(ContainerTunnel {
            way: way_of(&place),
            source: Source::Engine(Box::new(DockerTarget::new(name, place, None))),
            wanted,
            port: text(&self.port)?,
            chosen: Mutex::default(),
        }))
    }
}

fn way_of(place: &Place) -> String {
    match (&place.host, &place.context) {
        (Some(host), _) => format!("docker {host}"),
        (None, Some(context)) => format!("docker @{context}"),
        (None, None) => "docker".into(),
    }
}

/// Where a connection to the engine comes from.
enum Source {
    /// It is made when it is first needed.
    Engine(Box<DockerTarget>),
    /// It is there.
    Wire(Wire),
}

/// Ports of one container: of a service the same one for as long as it runs.
pub(in crate::docker) struct ContainerTunnel {
    source: Source,
    wanted: Wanted,
    port: Option<String>,
    way: String,
    chosen: Mutex<Option<Chosen>>,
}

/// Where the last stream led.
#[derive(Clone)]
struct Chosen {
    name: String,
    id: String,
}

impl ContainerTunnel {
    /// To one container, by name or id, of an engine that is known.
    pub(in crate::docker) fn to(reader: &Reader<'_>, container: &str) -> Self {
        let wire = reader.wire().clone();
        let Opened { host, context, .. } = wire.opened();
        let way = context.as_ref().map_or_else(|| format!("docker {host}"), |context| format!("docker @{context}"));
        let wanted = Wanted::Container(container.to_owned());
        Self { source: Source::Wire(wire), wanted, port: None, way, chosen: Mutex::default() }
    }

    async fn stream(&self, port: &str) -> Result<Box<dyn Duplex>, Fault> {
        let wire = match &self.source {
            Source::Engine(target) => target.wire().await?,
            Source::Wire(wire) => wire.clone(),
        };
        let number = ends::number(port, &self.end())?;
        let before = self.chosen.lock().ok().and_then(|chosen| chosen.as_ref().map(|chosen| chosen.id.clone()));
        let container = ends::choose(&wire, &self.wanted, before.as_deref()).await?;
        let text = |at: &str| container.pointer(at).and_then(serde_json::Value::as_str).unwrap_or_default();
        let chosen = Chosen { name: text("/Name").trim_start_matches('/').to_owned(), id: text("/Id").to_owned() };
        let mut refused = None;
        for end in ends::of(&wire, &container, number).await? {
            match wire.reach(&end).await {
                Ok(stream) => {
                    if let Ok(mut last) = self.chosen.lock() {
                        *last = Some(chosen);
                    }
                    return Ok(stream);
                }
                // What is published says more to people than an address within.
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
        Err(refused.unwrap_or_else(|| ends::unreachable(&chosen.name, number, wire.opened())))
    }
}

impl Tunnel for ContainerTunnel {
    fn end(&self) -> String {
        match &self.wanted {
            Wanted::Container(name) => format!("container/{name}"),
            Wanted::Service { name, project: Some(project) } => format!("service/{name} of {project}"),
            Wanted::Service { name, project: None } => format!("service/{name}"),
        }
    }

    fn way(&self) -> String {
        self.way.clone()
    }

    fn port(&self) -> Option<String> {
        self.port.clone()
    }

    fn facts(&self) -> Vec<(String, String)> {
        let chosen = self.chosen.lock().ok().and_then(|chosen| chosen.clone());
        let short = |id: &str| id.chars().take(12).collect::<String>();
        let fact = chosen.map(|chosen| ("container".to_owned(), format!("{} ({})", chosen.name, short(&chosen.id))));
        fact.into_iter().collect()
    }

    fn open<'a>(&'a self, port: &'a str) -> BoxFuture<'a, Result<Box<dyn Duplex>, Fault>> {
        Box::pin(self.stream(port))
    }
}
