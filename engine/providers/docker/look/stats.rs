//! `stats`: one sample, with percentages as docker's own program computes them.

use futures_util::StreamExt as _;
use playbook_core::action::Fault;
use serde_json::{Value, json};

use super::{Call, Reader, field, flattened, list, missing, text};
use crate::docker::client::part;
use crate::docker::line::model::What;

/// How many are asked at once: the engine takes a second for each.
const AT_ONCE: usize = 8;

/// Samples these containers; none: all that run, or all there are.
pub(super) async fn stats(reader: &Reader<'_>, containers: &[String], all: bool) -> Result<Value, Fault> {
    let mut wanted = containers.to_vec();
    if wanted.is_empty() {
        let found = reader.get(&Call::get("/containers/json").query_if("all", all.then_some("1"))).await?;
        wanted.extend(list(&found, "").map(|container| text(container, "/Id").to_owned()));
    }
    let named = !containers.is_empty();
    let samples = wanted.into_iter().map(|name| async move {
        let call = Call::get(format!("/containers/{}/stats", part(&name))).query("stream", "false");
        match reader.find(&call).await? {
            Some(sample) => Ok(Some(row(&sample))),
            // It went while the others were asked.
            None if !named => Ok(None),
            None => Err(missing(Some(What::Container), &name)),
        }
    });
    let samples: Vec<Result<Option<Value>, Fault>> =
        futures_util::stream::iter(samples).buffered(AT_ONCE).collect().await;
    let rows: Result<Vec<Option<Value>>, Fault> = samples.into_iter().collect();
    let rows: Vec<Value> = rows?.into_iter().flatten().collect();
    Ok(flattened(rows, containers.len()))
}

fn row(sample: &Value) -> Value {
    let number = |at: &str| sample.pointer(at).and_then(Value::as_u64).unwrap_or(0);
    let used = memory(sample);
    let limit = number("/memory_stats/limit");
    let memory_percent = if limit == 0 { 0.0 } else { used as f64 / limit as f64 * 100.0 };
    let (block_read, block_write) = blocks(sample);
    let networks = sample.get("networks").and_then(Value::as_object);
    let sum = |name: &str| -> u64 {
        let each = networks.into_iter().flat_map(serde_json::Map::values);
        each.filter_map(|network| network.get(name)?.as_u64()).sum()
    };
    json!({
        "name": text(sample, "/name").trim_start_matches('/'),
        "id": field(sample, "/id"),
        "cpu_percent": rounded(cpu(sample)),
        "memory_usage": used,
        "memory_limit": limit,
        "memory_percent": rounded(memory_percent),
        "net_rx": sum("rx_bytes"),
        "net_tx": sum("tx_bytes"),
        "block_read": block_read,
        "block_write": block_write,
        "pids": number("/pids_stats/current"),
    })
}

/// As it is shown: two places.
fn rounded(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}

/// 100 is one whole processor.
fn cpu(sample: &Value) -> f64 {
    let number = |at: &str| sample.pointer(at).and_then(Value::as_u64).unwrap_or(0) as f64;
    let used = number("/cpu_stats/cpu_usage/total_usage") - number("/precpu_stats/cpu_usage/total_usage");
    let system = number("/cpu_stats/system_cpu_usage") - number("/precpu_stats/system_cpu_usage");
    let mut processors = number("/cpu_stats/online_cpus");
    if processors == 0.0 {
        processors = list(sample, "/cpu_stats/cpu_usage/percpu_usage").count() as f64;
    }
    if used > 0.0 && system > 0.0 { used / system * processors * 100.0 } else { 0.0 }
}

/// Without the part of the cache that can be taken back at any time: of cgroup v1, else of v2.
fn memory(sample: &Value) -> u64 {
    let number = |at: &str| sample.pointer(at).and_then(Value::as_u64);
    let usage = number("/memory_stats/usage").unwrap_or(0);
    let v1 = number("/memory_stats/stats/total_inactive_file").filter(|cache| *cache < usage);
    let v2 = number("/memory_stats/stats/inactive_file").filter(|cache| *cache < usage);
    usage - v1.or(v2).unwrap_or(0)
}

fn blocks(sample: &Value) -> (u64, u64) {
    let (mut read, mut written) = (0, 0);
    for entry in list(sample, "/blkio_stats/io_service_bytes_recursive") {
        let value = entry.get("value").and_then(Value::as_u64).unwrap_or(0);
        match text(entry, "/op").chars().next() {
            Some('r' | 'R') => read += value,
            Some('w' | 'W') => written += value,
            _ => {}
        }
    }
    (read, written)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of an engine with cgroup v2; docker stats showed 12.50% and 10.42% for it.
    fn recorded() -> Value {
        json!({
            "name": "/web", "id": "13a0", "pids_stats": {"current": 4},
            "cpu_stats": {"cpu_usage": {"total_usage": 1_125_000_000_u64}, "system_cpu_usage": 70_002_000_000_000_u64,
                "online_cpus": 2},
            "precpu_stats": {"cpu_usage": {"total_usage": 1_000_000_000_u64},
                "system_cpu_usage": 70_000_000_000_000_u64},
            "memory_stats": {"usage": 150_000_000, "limit": 1_200_000_000_u64, "stats": {"inactive_file": 25_000_000}},
            "networks": {"eth0": {"rx_bytes": 100, "tx_bytes": 7}, "eth1": {"rx_bytes": 11, "tx_bytes": 0}},
            "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 4096}, {"op": "write", "value": 1},
                {"op": "Total", "value": 4097}]},
        })
    }

    #[test]
    fn percentages_are_those_that_docker_shows() {
        let wanted = json!({"name": "web", "id": "13a0", "cpu_percent": 12.5, "memory_usage": 125_000_000,
            "memory_limit": 1_200_000_000_u64, "memory_percent": 10.42, "net_rx": 111, "net_tx": 7, "block_read": 4096,
            "block_write": 1, "pids": 4});
        assert_eq!(row(&recorded()), wanted);
    }

    #[test]
    fn the_cache_of_the_first_cgroups_has_another_name() {
        let mut sample = recorded();
        sample["memory_stats"]["stats"] = json!({"total_inactive_file": 50_000_000, "inactive_file": 1});
        assert_eq!(memory(&sample), 100_000_000);
        sample["memory_stats"]["stats"] = json!({"total_inactive_file": 150_000_000, "inactive_file": 150_000_000});
        assert_eq!(memory(&sample), 150_000_000);
    }

    #[test]
    fn what_does_not_run_uses_nothing() {
        let sample = json!({"name": "/once", "id": "b", "pids_stats": {}, "cpu_stats": {}, "memory_stats": {}});
        assert_eq!(row(&sample)["cpu_percent"], 0.0);
        assert_eq!(row(&sample)["memory_usage"], 0);
    }
}
