//! `kubectl top`: what pods and nodes use, as the metrics API of the cluster says, in whole numbers.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Value, json};

use crate::kubernetes::client::Call;
use crate::kubernetes::find::Finder;
use crate::kubernetes::line::model::Selectors;
use crate::kubernetes::quantity;

/// The group of the metrics API.
const GROUP: &str = "metrics.k8s.io";

/// What to measure.
pub(in crate::kubernetes) struct Wanted<'w> {
    /// `pods` or `nodes`.
    pub(in crate::kubernetes) what: &'w str,
    pub(in crate::kubernetes) name: Option<&'w str>,
    pub(in crate::kubernetes) selectors: &'w Selectors,
    /// `cpu` or `memory`: the most first.
    pub(in crate::kubernetes) sort_by: Option<&'w str>,
}

/// Measures: items with `cpu` in millicores and `memory` in bytes.
///
/// # Errors
/// When the cluster measures nothing.
pub(in crate::kubernetes) async fn top(finder: &Finder<'_>, wanted: &Wanted<'_>) -> Result<Value, Fault> {
    let what = wanted.what;
    let mut all = finder.catalogue.all().iter();
    let resource = all.find(|resource| resource.group == GROUP && resource.plural == what).ok_or_else(|| {
        Fault::new(
            FaultKind::Refused,
            Code::ServerError,
            format!("the cluster has no metrics of {what}: nothing serves {GROUP}"),
        )
        .help("install metrics-server, or wait until it is ready: kubectl: get apiservices")
    })?;
    let measured = match wanted.name {
        Some(name) => {
            let namespace = finder.namespace.as_deref().unwrap_or_default();
            let found = finder.reader.find(&Call::get(resource.object(namespace, name))).await?;
            vec![found.ok_or_else(|| {
                let message = format!("nothing was measured of {}/{name} yet", what.trim_end_matches('s'));
                Fault::new(FaultKind::Refused, Code::ServerError, message)
                    .help("check the name; of what is new there is nothing for a minute")
                    .server("NotFound", false)
            })?]
        }
        None => finder.list(resource, wanted.selectors).await?,
    };
    let mut rows = Vec::new();
    for item in &measured {
        rows.push(if what == "pods" { pod(item) } else { node(finder, item).await });
    }
    if let Some(by) = wanted.sort_by {
        rows.sort_by_key(|row| std::cmp::Reverse(row.get(by).and_then(Value::as_u64)));
    }
    Ok(json!({"count": rows.len(), "items": rows}))
}

fn text<'v>(value: &'v Value, at: &str) -> &'v str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// CPU and memory of a map such as `usage`.
fn used(of: &Value) -> (Option<u64>, Option<u64>) {
    (quantity::millicores(text(of, "/cpu")), quantity::bytes(text(of, "/memory")))
}

fn pod(item: &Value) -> Value {
    let containers: Vec<Value> = item
        .get("containers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|container| {
            let (cpu, memory) = used(container.get("usage").unwrap_or(&Value::Null));
            json!({"name": text(container, "/name"), "cpu": cpu, "memory": memory})
        })
        .collect();
    let sum = |field: &str| containers.iter().filter_map(|container| container.get(field)?.as_u64()).sum::<u64>();
    json!({"name": text(item, "/metadata/name"), "namespace": text(item, "/metadata/namespace"),
        "cpu": sum("cpu"), "memory": sum("memory"), "containers": containers})
}

/// With how much that is of what pods may use there, where this user may see it.
async fn node(finder: &Finder<'_>, item: &Value) -> Value {
    let name = text(item, "/metadata/name");
    let (cpu, memory) = used(item.get("usage").unwrap_or(&Value::Null));
    let of = match finder.catalogue.of("v1", "Node") {
        Some(nodes) => finder.reader.find(&Call::get(nodes.object("", name))).await.ok().flatten(),
        None => None,
    };
    let allocatable = of.as_ref().and_then(|node| node.pointer("/status/allocatable")).map(used).unwrap_or_default();
    let percent = |used: Option<u64>, of: Option<u64>| Some(used?.saturating_mul(100) / of.filter(|of| *of > 0)?);
    json!({"name": name, "cpu": cpu, "memory": memory,
        "cpu_percent": percent(cpu, allocatable.0), "memory_percent": percent(memory, allocatable.1)})
}
