//! Would a change need more than a ResourceQuota leaves?

use serde_json::Value;

use crate::kubernetes::quantity;

/// What of the quotas a change would exceed.
pub(super) fn notes(quotas: &[Value], title: &str, before: &Value, after: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    for quota in quotas {
        let name = quota.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let hard = quota.pointer("/status/hard").and_then(Value::as_object).into_iter().flatten();
        for (what, hard) in hard {
            let used = quota.pointer("/status/used").and_then(|used| used.get(what));
            let (Some(hard), Some(used)) = (milli(Some(hard)), milli(used)) else { continue };
            let more = needs(after, what) - needs(before, what);
            if more > 0 && used + more > hard {
                notes.push(format!(
                    "{title} asks for {} more {what}, and ResourceQuota {name} has {} of {} left: pods would not start",
                    shown(more),
                    shown((hard - used).max(0)),
                    shown(hard)
                ));
            }
        }
    }
    notes
}

/// What all pods of an object ask for, in thousandths.
fn needs(object: &Value, what: &str) -> i128 {
    let (pods, template) = match object.get("kind").and_then(Value::as_str) {
        Some("Pod") => (1, object),
        _ => match object.pointer("/spec/template") {
            Some(template) => (
                i128::from(
                    object
                        .pointer("/spec/replicas")
                        .or(object.pointer("/spec/parallelism"))
                        .and_then(Value::as_i64)
                        .unwrap_or(1),
                ),
                template,
            ),
            None => return 0,
        },
    };
    let (side, resource) = match what {
        "pods" | "count/pods" => return pods * 1000,
        "cpu" | "memory" => ("requests", what),
        _ => match what.split_once('.') {
            Some((side @ ("requests" | "limits"), resource)) => (side, resource),
            _ => return 0,
        },
    };
    let containers = template.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    let each = containers.filter_map(|container| milli(container.get("resources")?.get(side)?.get(resource)));
    pods * each.sum::<i128>()
}

fn milli(value: Option<&Value>) -> Option<i128> {
    match value? {
        Value::String(text) => quantity::millicores(text).map(i128::from),
        Value::Number(number) => Some(i128::from(number.as_i64()?) * 1000),
        _ => None,
    }
}

fn shown(milli: i128) -> String {
    if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") }
}
