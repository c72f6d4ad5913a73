//! `run`: the flags of a new container → the body of `POST /containers/create`.

mod devices;
mod health;
mod mounts;
mod network;
mod ports;

use serde_json::{Map, Value, json};

use super::amounts::{bytes, whole};
use super::exec::program;
use super::life::{limits, signal_of};
use super::model::{Run, Verb};
use super::names::{image, mode, name};
use super::pairs::{environment, list, object, on, put, text};
use crate::line::choices::choice;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

pub(super) use mounts::source;

/// When the image is fetched.
pub(super) const PULLS: &[&str] = &["always", "missing", "never"];

pub(super) fn run(reader: &Reader) -> Result<Verb, Problem> {
    let Some((first, command)) = reader.arguments.split_first() else {
        return Err(reader.wrong("run of which image?", "write run --rm IMAGE COMMAND"));
    };
    let remove = reader.on("rm")?;
    let body = body(reader)?;
    let host = body.get("HostConfig");
    let restarts = host.and_then(|host| host.pointer("/RestartPolicy/Name")).and_then(Value::as_str);
    if let Some(policy) = restarts.filter(|policy| remove && *policy != "no") {
        return Err(reader.wrong(format!("both --rm and --restart {policy}"), "leave one of them out"));
    }
    Ok(Verb::Run(Box::new(Run {
        name: reader.last("name").map(name).transpose()?,
        image: image(first)?,
        command: program(reader, command)?,
        detached: reader.on("detach")?,
        remove,
        pull: choice(reader, "pull", PULLS)?.map(str::to_owned),
        platform: reader.text("platform"),
        env_files: reader.all("env-file").into_iter().map(Piece::value).collect(),
        body,
    })))
}

fn body(reader: &Reader) -> Result<Map<String, Value>, Problem> {
    let mut body = Map::new();
    let environment = environment(reader, "env")?;
    put(&mut body, "Env", (!environment.is_empty()).then(|| environment.into()));
    put(&mut body, "Labels", object(reader, "label")?);
    for (flag, key) in
        [("user", "User"), ("workdir", "WorkingDir"), ("hostname", "Hostname"), ("domainname", "Domainname")]
    {
        put(&mut body, key, text(reader, flag));
    }
    put(&mut body, "MacAddress", text(reader, "mac-address"));
    put(&mut body, "Entrypoint", text(reader, "entrypoint").map(|program| Value::Array(vec![program])));
    put(&mut body, "StopSignal", reader.last("stop-signal").map(signal_of).transpose()?.map(Value::String));
    put(&mut body, "StopTimeout", reader.last("stop-timeout").map(|piece| whole(piece, -1)).transpose()?);
    put(&mut body, "Healthcheck", health::check(reader)?);
    let mut host = limits(reader)?;
    plain(reader, &mut host)?;
    modes(reader, &mut host)?;
    security(reader, &mut host)?;
    devices::put_all(reader, &mut host)?;
    mounts::put_all(reader, &mut body, &mut host)?;
    ports::put_all(reader, &mut body, &mut host)?;
    network::put_all(reader, &mut body, &mut host)?;
    body.insert("HostConfig".into(), Value::Object(host));
    Ok(body)
}

/// What is taken as it is.
fn plain(reader: &Reader, host: &mut Map<String, Value>) -> Result<(), Problem> {
    for (flag, key) in [
        ("cap-add", "CapAdd"),
        ("cap-drop", "CapDrop"),
        ("dns", "Dns"),
        ("dns-search", "DnsSearch"),
        ("group-add", "GroupAdd"),
        ("device-cgroup-rule", "DeviceCgroupRules"),
        ("volumes-from", "VolumesFrom"),
        ("link", "Links"),
    ] {
        put(host, key, list(reader, flag));
    }
    put(host, "DnsOptions", list(reader, "dns-option").or_else(|| list(reader, "dns-opt")));
    for (flag, key) in [("cgroup-parent", "CgroupParent"), ("runtime", "Runtime"), ("volume-driver", "VolumeDriver")] {
        put(host, key, text(reader, flag));
    }
    for (flag, key) in [
        ("privileged", "Privileged"),
        ("read-only", "ReadonlyRootfs"),
        ("init", "Init"),
        ("oom-kill-disable", "OomKillDisable"),
        ("publish-all", "PublishAllPorts"),
    ] {
        put(host, key, on(reader, flag)?);
    }
    for (flag, key) in [("annotation", "Annotations"), ("sysctl", "Sysctls"), ("storage-opt", "StorageOpt")] {
        put(host, key, object(reader, flag)?);
    }
    put(host, "OomScoreAdj", reader.last("oom-score-adj").map(|piece| whole(piece, -1000)).transpose()?);
    put(host, "MemorySwappiness", reader.last("memory-swappiness").map(|piece| whole(piece, -1)).transpose()?);
    put(host, "ShmSize", reader.last("shm-size").map(bytes).transpose()?);
    let options = object(reader, "log-opt")?;
    if let (None, Some(_)) = (reader.last("log-driver"), &options) {
        host.insert("LogConfig".into(), json!({"Type": "", "Config": options}));
    } else if let Some(driver) = reader.text("log-driver") {
        host.insert("LogConfig".into(), json!({"Type": driver, "Config": options.unwrap_or_else(|| json!({}))}));
    }
    let hosts = reader.all("add-host").into_iter().map(extra_host).collect::<Result<Vec<_>, _>>()?;
    put(host, "ExtraHosts", (!hosts.is_empty()).then(|| hosts.into()));
    Ok(())
}

/// `NAME:ADDRESS`, or `NAME=ADDRESS`.
fn extra_host(piece: &Piece) -> Result<String, Problem> {
    let found = piece.split('=').or_else(|| piece.split(':')).filter(|(host, _)| !host.is_empty());
    let (host, address) = found.ok_or_else(|| {
        piece.problem(format!("`{}` is no NAME:ADDRESS", piece.shown()), "write --add-host NAME:ADDRESS")
    })?;
    Ok(format!("{host}:{}", address.value()))
}

/// Whose namespaces it shares.
fn modes(reader: &Reader, host: &mut Map<String, Value>) -> Result<(), Problem> {
    for (flag, key) in [("ipc", "IpcMode"), ("pid", "PidMode")] {
        put(host, key, reader.last(flag).map(mode).transpose()?.map(Value::String));
    }
    for (flag, key) in [("uts", "UTSMode"), ("userns", "UsernsMode"), ("cgroupns", "CgroupnsMode")] {
        put(host, key, reader.last(flag).map(name).transpose()?.map(Value::String));
    }
    Ok(())
}

fn security(reader: &Reader, host: &mut Map<String, Value>) -> Result<(), Problem> {
    let mut options: Vec<Value> = Vec::new();
    for piece in reader.all("security-opt") {
        let value = piece.value();
        let seccomp = value.strip_prefix("seccomp=").or_else(|| value.strip_prefix("seccomp:"));
        match seccomp {
            Some("unconfined" | "builtin") | None => {}
            Some(_) => {
                return Err(piece.problem(
                    "a profile of seccomp is a file of docker's client",
                    "write seccomp=unconfined, or leave it out for the engine's own",
                ));
            }
        }
        if value == "systempaths=unconfined" {
            host.insert("MaskedPaths".into(), json!([]));
            host.insert("ReadonlyPaths".into(), json!([]));
        } else {
            options.push(value.into());
        }
    }
    put(host, "SecurityOpt", (!options.is_empty()).then_some(Value::Array(options)));
    Ok(())
}
