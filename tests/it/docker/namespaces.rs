//! What an engine is made of, and the namespaces in which it runs.

use std::path::{Path, PathBuf};

use super::engine::PATIENCE;
use crate::installed::{cached, on_path};
use crate::keeper::{Keeper, REMOVE_CGROUPS, Running, until};

/// What an engine is made of.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) dockerd: PathBuf,
    pub(super) images: PathBuf,
}

pub(super) fn daemon_flags(dir: &Path) -> Vec<String> {
    let at = |name: &str| dir.join(name).display().to_string();
    let cgroup = dir.file_name().unwrap().to_str().unwrap();
    vec![
        format!("--data-root={}", at("data")),
        format!("--exec-root={}", at("exec")),
        format!("--pidfile={}", at("pid")),
        format!("--host=unix://{}", at("docker.sock")),
        // The name of the folder makes that of the cgroup unique.
        "--exec-opt=native.cgroupdriver=cgroupfs".into(),
        format!("--cgroup-parent=/{cgroup}"),
    ]
}

/// All parts, or what is missing.
pub(super) fn parts() -> Result<Parts, String> {
    let how = "scripts/need-docker gets it";
    let installed = |name: &str| on_path(name).ok_or_else(|| format!("no {name} here: {how}"));
    for name in ["docker", "containerd", "runc", "iptables", "ip", "unshare", "nsenter"] {
        installed(name)?;
    }
    if !rustix::process::geteuid().is_root() {
        return Err("an engine for tests needs root, or DOCKER_HOST with one that runs".into());
    }
    let images = cached("docker").ok_or("no images for an engine here: scripts/need-docker gets them")?;
    let parts = Parts { dockerd: installed("dockerd")?, images };
    drop(namespaces(None)?);
    Ok(parts)
}

/// Namespaces of their own, with the programs that are started next in them.
pub(super) fn namespaces(disk: Option<&str>) -> Result<(Keeper, Running), String> {
    let mut keeper = Keeper::new("docker", REMOVE_CGROUPS);
    let dir = keeper.dir().to_path_buf();
    std::fs::write(dir.join("engine.sh"), include_str!("engine.sh")).unwrap();
    let words = ["--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "sh"];
    let mut args: Vec<String> = words.map(str::to_owned).to_vec();
    args.extend([dir.join("engine.sh").display().to_string(), dir.display().to_string()]);
    args.extend(disk.map(str::to_owned));
    let unshare = on_path("unshare").ok_or("no unshare here: scripts/need-docker gets it")?;
    let first = keeper.spawn("namespaces", &unshare, &args);
    let set_up = || dir.join("is-set-up").exists().then_some(true);
    let ended = || (!first.is_alive()).then_some(false);
    if until(PATIENCE, || set_up().or_else(ended)) != Some(true) {
        return Err(format!("no namespaces for an engine can be made here: {}", first.last_words()));
    }
    let of = format!("/proc/{}/ns", first.pid);
    keeper.before = vec![
        "nsenter".into(),
        format!("--net={of}/net"),
        format!("--mount={of}/mnt"),
        format!("--pid={of}/pid_for_children"),
        "--".into(),
    ];
    Ok((keeper, first))
}
