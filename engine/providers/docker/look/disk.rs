//! `system df`: what takes the room, and how much of it nobody uses.

use playbook_core::action::Fault;
use serde_json::{Value, json};

use super::{Call, Reader, list, text};

/// How long it may take: the engine walks over the files of all volumes.
const LONG: std::time::Duration = std::time::Duration::from_secs(180);

pub(super) async fn usage(reader: &Reader<'_>) -> Result<Value, Fault> {
    let found = reader.get(&Call::get("/system/df").within(LONG)).await?;
    let of = |at: &str| list(&found, at).cloned().collect::<Vec<Value>>();
    // An engine that does not know says -1.
    let number = |one: &Value, at: &str| one.pointer(at).and_then(Value::as_u64).unwrap_or(0);
    let sum = |all: &[Value], at: &str| all.iter().map(|one| number(one, at)).sum::<u64>();

    let images = of("/Images");
    let layers = found.get("LayersSize").and_then(Value::as_u64).unwrap_or_else(|| sum(&images, "/Size"));
    let (used, free): (Vec<Value>, Vec<Value>) = images.into_iter().partition(|image| number(image, "/Containers") > 0);
    let own = |image: &Value| number(image, "/Size").saturating_sub(number(image, "/SharedSize"));
    let needed: u64 = used.iter().map(own).sum();
    let images = json!({
        "count": used.len() + free.len(), "active": used.len(), "size": layers,
        "reclaimable": if free.is_empty() { 0 } else { layers.saturating_sub(needed) },
    });

    let containers = of("/Containers");
    let runs = |one: &&Value| matches!(text(one, "/State"), "running" | "paused" | "restarting");
    let running: u64 = containers.iter().filter(runs).map(|one| number(one, "/SizeRw")).sum();
    let size = sum(&containers, "/SizeRw");
    let containers = json!({
        "count": containers.len(), "active": containers.iter().filter(runs).count(), "size": size,
        "reclaimable": size - running,
    });

    let volumes = of("/Volumes");
    let active = |one: &&Value| number(one, "/UsageData/RefCount") > 0;
    let size = sum(&volumes, "/UsageData/Size");
    let needed: u64 = volumes.iter().filter(active).map(|one| number(one, "/UsageData/Size")).sum();
    let volumes = json!({
        "count": volumes.len(), "active": volumes.iter().filter(active).count(), "size": size,
        "reclaimable": size - needed,
    });

    let cache = of("/BuildCache");
    let is = |one: &Value, at: &str| one.pointer(at).and_then(Value::as_bool).unwrap_or(false);
    let own: Vec<&Value> = cache.iter().filter(|one| !is(one, "/Shared")).collect();
    let free = own.iter().filter(|one| !is(one, "/InUse")).map(|one| number(one, "/Size")).sum::<u64>();
    let size = own.iter().map(|one| number(one, "/Size")).sum::<u64>();
    let active = cache.iter().filter(|one| is(one, "/InUse")).count();
    let cache = json!({"count": cache.len(), "active": active, "size": size, "reclaimable": free});
    Ok(json!({"images": images, "containers": containers, "volumes": volumes, "build_cache": cache}))
}
