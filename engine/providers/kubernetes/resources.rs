//! What kinds of objects the server has, asked of the server: custom ones are known as well.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use playbook_core::diagnostic::nearest;
use serde_json::Value;

use super::client::{Call, Reader, part};

/// One kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// `apps`; empty for the oldest ones.
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    /// `deployments`.
    pub(super) plural: String,
    pub(super) singular: String,
    pub(super) short: Vec<String>,
    pub(super) namespaced: bool,
    /// Of the group: is this the version that the server prefers?
    pub(super) preferred: bool,
    pub(super) categories: Vec<String>,
    /// Is `status` a subresource, which only controllers write?
    pub(super) has_status: bool,
    /// Are there lists of it?
    pub(super) can_list: bool,
    /// Is its number of replicas set through a subresource, wherever the object itself has it?
    pub(super) scales: bool,
}

impl Resource {
    /// `apps/v1`.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The path of the collection, of one namespace or of all.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", self.group) };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/{}/namespaces/{}/{}", self.version, part(namespace), self.plural),
            None => format!("{root}/{}/{}", self.version, self.plural),
        }
    }

    /// The path of one object.
    pub(super) fn object(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.path(Some(namespace)), part(name))
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Catalogue(Vec<Resource>);

impl Catalogue {
    /// Asks the server. Groups that do not answer are left out, as kubectl does.
    pub(super) async fn ask(reader: &Reader<'_>) -> Result<Self, Fault> {
        let mut all = Vec::new();
        let core = reader.send(&Call::get("/api/v1")).await?;
        all.extend(listed("", "v1", true, &core));
        let groups = reader.send(&Call::get("/apis")).await?;
        for group in groups.get("groups").and_then(Value::as_array).into_iter().flatten() {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
            let (name, best) = (text(group.get("name")), text(group.pointer("/preferredVersion/version")));
            for version in group.get("versions").and_then(Value::as_array).into_iter().flatten() {
                let version = text(version.get("version"));
                if let Ok(list) = reader.send(&Call::get(format!("/apis/{name}/{version}"))).await {
                    all.extend(listed(&name, &version, version == best, &list));
                }
            }
        }
        Ok(Self(all))
    }

    /// `po`, `pods`, `pod`, `Pod`, `deployments.apps`, `deploy.v1.apps` → the kind.
    pub(super) fn find(&self, written: &str) -> Result<&Resource, Fault> {
        let wanted = written.to_ascii_lowercase();
        let named = |resource: &Resource, name: &str| {
            resource.plural == name
                || resource.singular == name
                || resource.kind.eq_ignore_ascii_case(name)
                || resource.short.iter().any(|short| short == name)
        };
        let (name, rest) = wanted.split_once('.').unwrap_or((&wanted, ""));
        let fits = |resource: &&Resource| {
            named(resource, name)
                && (rest.is_empty()
                    || resource.group == rest
                    || resource.group.starts_with(&format!("{rest}."))
                    || rest == format!("{}.{}", resource.version, resource.group))
        };
        let exact = rest.split('.').next().is_some_and(|first| first.starts_with('v') && first.len() > 1);
        let candidates: Vec<&Resource> = self.0.iter().filter(fits).collect();
        // Without a group, the oldest one wins, then the order of the server; as for kubectl.
        let best = candidates.iter().find(|resource| exact || resource.preferred).or(candidates.first());
        best.copied().ok_or_else(|| {
            let known: Vec<&str> = self.0.iter().flat_map(|r| [r.plural.as_str(), r.singular.as_str()]).collect();
            let fault = Fault::new(
                FaultKind::Invalid,
                Code::ServerError,
                format!("the server has no resource type `{written}`"),
            );
            match nearest(&wanted, known) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help("kubectl: api-resources lists them; is a custom resource definition missing?"),
            }
        })
    }

    /// The kind of an object in a file.
    pub(super) fn of(&self, api_version: &str, kind: &str) -> Option<&Resource> {
        self.0.iter().find(|resource| resource.kind == kind && resource.api_version() == api_version)
    }

    /// Those of a category such as `all`.
    pub(super) fn category(&self, name: &str) -> Vec<&Resource> {
        self.0.iter().filter(|r| r.preferred && r.categories.iter().any(|category| category == name)).collect()
    }

    pub(super) fn all(&self) -> &[Resource] {
        &self.0
    }
}

fn has(list: &Value, plural: &str, subresource: &str) -> bool {
    let name = format!("{plural}/{subresource}");
    let mut all = list.get("resources").and_then(Value::as_array).into_iter().flatten();
    all.any(|resource| resource.get("name").is_some_and(|own| *own == name))
}

fn listed(group: &str, version: &str, preferred: bool, list: &Value) -> Vec<Resource> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let texts = |value: &Value, key: &str| -> Vec<String> {
        let items = value.get(key).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let resources = list.get("resources").and_then(Value::as_array).into_iter().flatten();
    resources
        .filter(|resource| !text(resource, "name").contains('/'))
        .map(|resource| {
            let kind = text(resource, "kind");
            let singular = text(resource, "singularName");
            Resource {
                group: group.to_owned(),
                version: version.to_owned(),
                plural: text(resource, "name"),
                singular: if singular.is_empty() { kind.to_ascii_lowercase() } else { singular },
                short: texts(resource, "shortNames"),
                categories: texts(resource, "categories"),
                namespaced: resource.get("namespaced").and_then(Value::as_bool).unwrap_or(false),
                preferred,
                has_status: has(list, &text(resource, "name"), "status"),
                scales: has(list, &text(resource, "name"), "scale"),
                can_list: texts(resource, "verbs").iter().any(|verb| verb == "list"),
                kind,
            }
        })
        .collect()
}
