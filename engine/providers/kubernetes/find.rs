//! From the words of a line to the objects that they mean.

use std::sync::Arc;

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::Value;

use super::asked::Asked;
use super::client::{Call, Reader};
use super::line::model::{Line, NodeChoice, Objects, Selectors};
use super::manifest::Manifest;
use super::resources::{Catalogue, Resource};

/// How many objects a list is asked for at a time.
const PAGE: &str = "500";

/// Objects that one step may hold.
const OBJECTS: usize = 20_000;
/// And how large they may be together, in bytes of JSON, about.
const BYTES: usize = super::client::LARGEST;

/// How much a step may still hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    objects: usize,
    bytes: usize,
}

impl Room {
    /// Of a step that holds nothing yet.
    pub(super) fn new() -> Self {
        Self { objects: OBJECTS, bytes: BYTES }
    }

    /// Makes room for these.
    fn take(&mut self, items: &[Value], plural: &str) -> Result<(), Fault> {
        let objects = self.objects.checked_sub(items.len());
        let bytes = items.iter().try_fold(self.bytes, |left, item| left.checked_sub(size(item)));
        let message = match (objects, bytes) {
            (Some(objects), Some(bytes)) => {
                *self = Self { objects, bytes };
                return Ok(());
            }
            (None, _) => format!("these are more than {OBJECTS} objects, most of them {plural}: too many for one step"),
            (_, None) => {
                let limit = BYTES >> 20;
                format!("these {plural} have more than {limit} MiB: too much for one step")
            }
        };
        Err(Fault::new(FaultKind::Refused, Code::ServerError, message)
            .help("choose fewer: one namespace (-n), labels (-l) or fields (--field-selector)"))
    }
}

/// About as many bytes as a value has as JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 5,
        Value::String(text) => text.len() + 3,
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 2,
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + 4 + size(value)).sum::<usize>() + 2,
    }
}

/// One object, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) resource: Resource,
    pub(super) namespace: String,
    pub(super) name: String,
    /// What is meant is not the object but its number of replicas.
    pub(super) scale: bool,
}

impl Named {
    /// Where it is.
    pub(super) fn path(&self) -> String {
        let path = self.resource.object(&self.namespace, &self.name);
        if self.scale { format!("{path}/scale") } else { path }
    }

    /// For people: `deployment/web in dash`, and `service.serving.knative.dev/web in dash` where another
    /// group has a kind of that name.
    pub(super) fn title(&self) -> String {
        let Resource { group, singular, namespaced, .. } = &self.resource;
        let place = if *namespaced { format!(" in {}", self.namespace) } else { String::new() };
        let own = group.contains('.') && !group.ends_with(".k8s.io");
        let group = if own { format!(".{group}") } else { String::new() };
        format!("{singular}{group}/{}{place}", self.name)
    }
}

/// What a line is about.
pub(super) struct Finder<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) catalogue: Arc<Catalogue>,
    /// Where the line acts; nothing: everywhere.
    pub(super) namespace: Option<String>,
    own: String,
    /// Of the files of the line.
    manifests: Vec<Manifest>,
}

impl<'a> Finder<'a> {
    pub(super) async fn of(reader: &'a Reader<'a>, line: &Line) -> Result<Self, Fault> {
        let catalogue = reader.target().catalogue(reader).await?;
        let own = line.namespace.clone().unwrap_or_else(|| reader.opened().namespace.clone());
        let namespace = (!line.all_namespaces).then(|| own.clone());
        Ok(Self { reader, catalogue, namespace, own, manifests: Vec::new() })
    }

    /// The same, with what the files of the line hold.
    pub(super) async fn for_asked(reader: &'a Reader<'a>, asked: &Asked) -> Result<Self, Fault> {
        Ok(Self { manifests: asked.held.manifests.clone(), ..Self::of(reader, &asked.line).await? })
    }

    /// The object of a manifest.
    pub(super) fn of_manifest(&self, manifest: &Manifest) -> Result<Named, Fault> {
        self.of_object(&manifest.object)
            .map_err(|fault| Fault { message: format!("{}: {}", manifest.place, fault.message), ..fault })
    }

    /// What an object says it is.
    pub(super) fn of_object(&self, object: &Value) -> Result<Named, Fault> {
        let text = |at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or_default();
        let (version, kind) = (text("/apiVersion"), text("/kind"));
        let resource = self.catalogue.of(version, kind).cloned().ok_or_else(|| {
            Fault::new(FaultKind::Invalid, Code::ServerError, format!("the server has no {kind} of {version}"))
                .help("kubectl: api-resources lists what it has; is a custom resource definition missing?")
        })?;
        let namespace = match text("/metadata/namespace") {
            "" => self.own.clone(),
            namespace => namespace.to_owned(),
        };
        Ok(Named { resource, namespace, name: text("/metadata/name").to_owned(), scale: false })
    }

    /// Nodes by name or label.
    pub(super) async fn nodes(&self, nodes: &NodeChoice) -> Result<Vec<Named>, Fault> {
        let objects = match nodes {
            NodeChoice::Names(names) => {
                Objects::Named(names.iter().map(|name| ("node".to_owned(), name.clone())).collect())
            }
            NodeChoice::Labels(labels) => {
                let selectors = Selectors { labels: Some(labels.clone()), ..Selectors::default() };
                Objects::Kinds(vec!["nodes".into()], selectors)
            }
        };
        self.objects(&objects).await
    }

    /// An object by its resource as it was written, and its name.
    pub(super) fn named(&self, resource: &str, name: &str) -> Result<Named, Fault> {
        let resource = self.catalogue.find(resource)?.clone();
        Ok(Named { resource, namespace: self.own.clone(), name: name.to_owned(), scale: false })
    }

    /// Everything of a kind that fits the selectors, page by page.
    pub(super) async fn list(&self, resource: &Resource, selectors: &Selectors) -> Result<Vec<Value>, Fault> {
        self.list_in(resource, self.namespace.as_deref(), selectors).await
    }

    /// The same in a namespace, or in all of them.
    pub(super) async fn list_in(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selectors: &Selectors,
    ) -> Result<Vec<Value>, Fault> {
        self.pages(Call::get(resource.path(namespace)), resource, selectors, &mut Room::new()).await
    }

    /// The same where the line acts, among other things that the step holds.
    pub(super) async fn list_into(
        &self,
        resource: &Resource,
        selectors: &Selectors,
        room: &mut Room,
    ) -> Result<Vec<Value>, Fault> {
        self.pages(Call::get(resource.path(self.namespace.as_deref())), resource, selectors, room).await
    }

    async fn pages(
        &self,
        call: Call,
        resource: &Resource,
        selectors: &Selectors,
        room: &mut Room,
    ) -> Result<Vec<Value>, Fault> {
        let call = call
            .query("limit", PAGE)
            .query_if("labelSelector", selectors.labels.clone())
            .query_if("fieldSelector", selectors.fields.clone());
        let mut items = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut page = self.reader.send(&call.clone().query_if("continue", next.take())).await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                room.take(&more, &resource.plural)?;
                items.extend(more.into_iter().map(|item| typed(item, resource)));
            }
            match page.pointer("/metadata/continue").and_then(Value::as_str).filter(|token| !token.is_empty()) {
                Some(token) => next = Some(token.to_owned()),
                None => return Ok(items),
            }
        }
    }

    /// The kinds of a list such as `pods,svc` or `all`.
    pub(super) fn kinds(&self, written: &[String]) -> Result<Vec<Resource>, Fault> {
        let mut all = Vec::new();
        for name in written {
            let of = self.catalogue.category(name);
            if of.is_empty() {
                all.push(self.catalogue.find(name)?.clone());
            } else {
                all.extend(of.into_iter().cloned());
            }
        }
        Ok(all)
    }

    /// The objects that a change is about, by name. None at all is an error, as for kubectl.
    pub(super) async fn objects(&self, objects: &Objects) -> Result<Vec<Named>, Fault> {
        match objects {
            Objects::Named(pairs) => pairs.iter().map(|(resource, name)| self.named(resource, name)).collect(),
            Objects::Kinds(kinds, selectors) => {
                let mut all = Vec::new();
                let mut room = Room::new();
                for resource in self.kinds(kinds)? {
                    // Their names are enough.
                    let call = Call::get(resource.path(self.namespace.as_deref())).bare();
                    for item in self.pages(call, &resource, selectors, &mut room).await? {
                        let text = |at: &str| item.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
                        all.push(Named {
                            resource: resource.clone(),
                            namespace: text("/metadata/namespace"),
                            name: text("/metadata/name"),
                            scale: false,
                        });
                    }
                }
                Ok(all)
            }
            Objects::Files { .. } => self.manifests.iter().map(|manifest| self.of_manifest(manifest)).collect(),
        }
    }
}

/// Items of lists do not say what they are; objects do.
fn typed(mut item: Value, resource: &Resource) -> Value {
    if let Some(map) = item.as_object_mut() {
        map.entry("apiVersion").or_insert_with(|| resource.api_version().into());
        map.entry("kind").or_insert_with(|| resource.kind.clone().into());
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_step_holds_so_much_and_no_more() {
        let mut room = Room::new();
        let small = vec![json!({"metadata": {"name": "x"}}); OBJECTS / 2];
        assert!(room.take(&small, "pods").is_ok() && room.take(&small, "pods").is_ok());
        let fault = room.take(&small[..1], "pods").expect_err("too many");
        assert!(fault.message.contains("more than 20000 objects") && fault.help.contains("-l"), "{fault:?}");
        let large = vec![json!({"data": {"x": "y".repeat(BYTES / 4)}}); 4];
        let fault = Room::new().take(&large, "configmaps").expect_err("too large");
        assert_eq!(fault.message, "these configmaps have more than 64 MiB: too much for one step");
    }
}
