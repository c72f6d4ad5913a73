//! Start, stop and what is like it, of docker and of compose.

use serde_json::{Map, Value, json};

use super::amounts::{bytes, bytes_or_all, cpus, seconds, whole};
use super::model::{Act, Verb};
use super::names::{name, several};
use super::pairs::{put, text};
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

/// What a verb does to each container.
pub(super) fn act(reader: &Reader) -> Result<Act, Problem> {
    let verb = reader.verb.rsplit(' ').next().unwrap_or_default();
    Ok(match verb {
        "start" => Act::Start,
        "stop" => Act::Stop { seconds: patience(reader)?, signal: signal(reader)? },
        "restart" => Act::Restart { seconds: patience(reader)?, signal: signal(reader)? },
        "kill" => Act::Kill { signal: signal(reader)? },
        "pause" => Act::Pause,
        "unpause" => Act::Unpause,
        _ => Act::Update(update(reader)?),
    })
}

pub(super) fn life(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Life { containers: several(reader, 0, name, "CONTAINER")?, act: act(reader)? })
}

/// `-t`, under both of its names.
pub(super) fn patience(reader: &Reader) -> Result<Option<i64>, Problem> {
    match reader.last("timeout").or_else(|| reader.last("time")) {
        Some(piece) => seconds(piece),
        None => Ok(None),
    }
}

/// `KILL`, `SIGHUP`, `9`.
fn signal(reader: &Reader) -> Result<Option<String>, Problem> {
    reader.last("signal").map(signal_of).transpose()
}

/// One signal.
pub(super) fn signal_of(piece: &Piece) -> Result<String, Problem> {
    let known = |text: &str| {
        !text.is_empty() && text.len() <= 16 && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-".contains(c))
    };
    match &piece.text {
        Some(text) if !known(text) => {
            Err(piece.problem(format!("`{text}` is no signal"), "write its name or number: TERM, SIGHUP, 9"))
        }
        _ => Ok(piece.value()),
    }
}

fn update(reader: &Reader) -> Result<Map<String, Value>, Problem> {
    let body = limits(reader)?;
    if body.is_empty() {
        return Err(reader.wrong("update changes nothing", "write what to change: update --memory 1g CONTAINER"));
    }
    Ok(body)
}

/// The limits of a container, as the Engine API names them.
pub(super) fn limits(reader: &Reader) -> Result<Map<String, Value>, Problem> {
    let mut body = Map::new();
    let number = |name: &str, least| reader.last(name).map(|piece| whole(piece, least)).transpose();
    put(&mut body, "BlkioWeight", number("blkio-weight", 0)?);
    put(&mut body, "CpuPeriod", number("cpu-period", 0)?);
    put(&mut body, "CpuQuota", number("cpu-quota", -1)?);
    put(&mut body, "CpuRealtimePeriod", number("cpu-rt-period", 0)?);
    put(&mut body, "CpuRealtimeRuntime", number("cpu-rt-runtime", 0)?);
    put(&mut body, "CpuShares", number("cpu-shares", 0)?);
    put(&mut body, "CpusetCpus", text(reader, "cpuset-cpus"));
    put(&mut body, "CpusetMems", text(reader, "cpuset-mems"));
    put(&mut body, "NanoCpus", reader.last("cpus").map(cpus).transpose()?);
    put(&mut body, "Memory", reader.last("memory").map(bytes).transpose()?);
    put(&mut body, "MemoryReservation", reader.last("memory-reservation").map(bytes).transpose()?);
    put(&mut body, "MemorySwap", reader.last("memory-swap").map(bytes_or_all).transpose()?);
    put(&mut body, "PidsLimit", number("pids-limit", -1)?);
    put(&mut body, "RestartPolicy", reader.last("restart").map(restart).transpose()?);
    Ok(body)
}

const POLICIES: &str = "write no, always, unless-stopped, on-failure or on-failure:3";

/// `no`, `always`, `unless-stopped`, `on-failure[:3]`.
fn restart(piece: &Piece) -> Result<Value, Problem> {
    let parts = piece.parts(':')?;
    let (policy, times) = match parts.as_slice() {
        [policy] => (policy, None),
        [policy, times] => (policy, Some(times)),
        _ => return Err(piece.problem(format!("`{}` is no restart policy", piece.shown()), POLICIES)),
    };
    let known = ["no", "always", "unless-stopped", "on-failure"];
    match &policy.text {
        Some(text) if !known.contains(&text.as_str()) => {
            return Err(piece.problem(format!("`{text}` is no restart policy"), "").near(text, &known, POLICIES));
        }
        _ => {}
    }
    let Some(times) = times else { return Ok(json!({"Name": policy.value()})) };
    if policy.text.as_deref().is_some_and(|text| text != "on-failure") {
        return Err(piece.problem("only on-failure counts how often", POLICIES));
    }
    Ok(json!({"Name": policy.value(), "MaximumRetryCount": whole(times, 0)?}))
}
