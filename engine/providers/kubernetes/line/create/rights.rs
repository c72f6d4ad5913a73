//! Objects of RBAC: Role, ClusterRole and their bindings.

use serde_json::{Value, json};

use super::names::group;
use super::{object, with};
use crate::kubernetes::line::model::Create;
use crate::kubernetes::line::objects::name as one_name;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

const API: &str = "rbac.authorization.k8s.io/v1";
const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn role(reader: &Reader, name: &str) -> Result<Create, Problem> {
    Ok(with(object(API, "Role", name), json!({"rules": rules(reader)?})))
}

pub(super) fn cluster_role(reader: &Reader, name: &str) -> Result<Create, Problem> {
    Ok(with(object(API, "ClusterRole", name), json!({"rules": rules(reader)?})))
}

/// One rule for each group of the resources, as kubectl makes them.
fn rules(reader: &Reader) -> Result<Vec<Value>, Problem> {
    let verbs: Vec<String> = reader.lists("verb").iter().map(Piece::value).collect();
    if verbs.is_empty() {
        return Err(reader.missing("verb", "--verb=get,list"));
    }
    let resources = reader.lists("resource");
    if resources.is_empty() {
        return Err(reader.missing("resource", "--resource=pods"));
    }
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for piece in &resources {
        if !piece.fixed {
            return Err(
                piece.problem("a template for a resource", "write the resource out; it is what the role is about")
            );
        }
        let (resource, sub) = match piece.head.split_once('/') {
            Some((resource, sub)) => (resource, Some(sub)),
            None => (piece.head.as_str(), None),
        };
        let (plain, group) = group(resource).ok_or_else(|| {
            piece.problem(format!("the group of `{resource}` is not known here"), format!("write {resource}.GROUP"))
        })?;
        let full = sub.map_or(plain.clone(), |sub| format!("{plain}/{sub}"));
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, all)) => all.push(full),
            None => groups.push((group, vec![full])),
        }
    }
    let names: Vec<String> = reader.lists("resource-name").iter().map(one_name).collect::<Result<_, _>>()?;
    let rule = |(group, resources): (String, Vec<String>)| {
        let mut rule = json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
        if !names.is_empty() {
            rule["resourceNames"] = json!(names);
        }
        rule
    };
    Ok(groups.into_iter().map(rule).collect())
}

pub(super) fn role_binding(reader: &Reader, name: &str) -> Result<Create, Problem> {
    let (kind, role) = match (reader.name("role")?, reader.name("clusterrole")?) {
        (Some(role), None) => ("Role", role),
        (None, Some(role)) => ("ClusterRole", role),
        (Some(_), Some(_)) => return Err(reader.wrong("both --role and --clusterrole", "leave one of them out")),
        (None, None) => return Err(reader.missing("role or --clusterrole", "--role=NAME")),
    };
    binding(reader, object(API, "RoleBinding", name), kind, &role)
}

pub(super) fn cluster_role_binding(reader: &Reader, name: &str) -> Result<Create, Problem> {
    let role = reader.name("clusterrole")?.ok_or_else(|| reader.missing("clusterrole", "--clusterrole=NAME"))?;
    binding(reader, object(API, "ClusterRoleBinding", name), "ClusterRole", &role)
}

fn binding(reader: &Reader, made: Value, kind: &str, role: &str) -> Result<Create, Problem> {
    let mut subjects = Vec::new();
    for (flag, kind) in [("user", "User"), ("group", "Group")] {
        for piece in reader.lists(flag) {
            subjects.push(json!({"kind": kind, "apiGroup": GROUP, "name": piece.value()}));
        }
    }
    for piece in reader.lists("serviceaccount") {
        let (namespace, account) = match (piece.split(':'), &piece.text) {
            (Some((namespace, account)), _) => (namespace, one_name(&account)?),
            (None, None) => (String::new(), String::new()),
            (None, Some(text)) => {
                let help = "write --serviceaccount=NAMESPACE:NAME, with the namespace written out";
                return Err(piece.problem(format!("`{text}` has no namespace"), help));
            }
        };
        subjects.push(json!({"kind": "ServiceAccount", "namespace": namespace, "name": account}));
    }
    if subjects.is_empty() {
        return Err(reader.missing("user, --group or --serviceaccount", "--serviceaccount=NAMESPACE:NAME"));
    }
    let reference = json!({"apiGroup": GROUP, "kind": kind, "name": role});
    Ok(with(made, json!({"roleRef": reference, "subjects": subjects})))
}
