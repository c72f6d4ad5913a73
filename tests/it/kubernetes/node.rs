//! A whole node: the servers of a cluster, a scheduler, containerd and a kubelet that runs pods.
//!
//! All of it is in network, mount and process namespaces of its own: no interface, rule or mount is
//! the machine's, and when the first process is killed the kernel ends the rest. Calls come in through
//! a port of the loopback whose other end a thread opens inside. There is no kube-proxy and no DNS:
//! pods are reached by exec, port-forward, or from one another by address.

use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};

use serde_json::Value;

use super::assets::Assets;
use super::cluster::{Cluster, Options, Place};
use super::exec::{Outcome, exec};
use super::forward::forward;
use super::settings::{PATIENCE, no_plain_port};
use crate::installed::{cached, on_path, skip};
use crate::keeper::{Keeper, REMOVE_CGROUPS, Running, free_port, until};

/// A cluster whose only node, `localhost`, runs pods. Images: `redis:test` and `redis:next` (the
/// same), `busybox:test`.
///
/// Pods are to say `imagePullPolicy: Never`, and `terminationGracePeriodSeconds: 0` unless the test is
/// about their end: then the API server removes them at once, where a kubelet of 1.20 takes 8 s to say
/// that a pod has ended, and now and then a minute.
pub(super) struct Node {
    cluster: Cluster,
    kubelet: Running,
}

impl Deref for Node {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl Node {
    /// The node all tests share; None, with a notice, where there can be none.
    pub(super) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Result<Node, String>>> = OnceLock::new();
        static TOLD: Once = Once::new();
        let start = || match parts() {
            Ok(parts) => Some(Self::start(&parts)),
            Err(why) => skip(&why, "PLAYBOOK_REQUIRE_NODE", &TOLD),
        };
        Some(SHARED.get_or_init(start).as_ref()?.as_ref().unwrap_or_else(|why| panic!("{why}")))
    }

    fn start(parts: &Parts) -> Result<Self, String> {
        let mut cluster = Cluster::start_in(&parts.assets, &Options::default(), || namespaces().unwrap())?;
        let dir = cluster.dir().to_path_buf();
        start_containerd(&mut cluster, parts)?;
        let mut flags = vec![
            format!("--kubeconfig={}", dir.join("kube-scheduler.kubeconfig").display()),
            "--leader-elect=false".into(),
            "--bind-address=127.0.0.1".into(),
            format!("--secure-port={}", free_port()),
        ];
        flags.extend(no_plain_port(parts.assets.minor));
        cluster.spawn("kube-scheduler", &parts.scheduler, &flags);
        let kubelet = start_kubelet(&mut cluster, parts);
        let node = Self { cluster, kubelet };
        let is_ready = || node.find("/api/v1/nodes/localhost").filter(|it| condition(it, "Ready")).map(Ok);
        let dead = || (!node.kubelet.is_alive()).then_some(Err("it ended"));
        match until(PATIENCE, || dead().or_else(is_ready)) {
            Some(Ok(_)) => Ok(node),
            _ => Err(format!("the node does not become ready: {}", node.kubelet.last_words())),
        }
    }

    /// A PersistentVolume of 1 GiB on this node, for the next claim that fits.
    pub(super) fn volume(&self, name: &str) {
        let path = self.dir().join("volumes").join(name);
        self.apply(
            "",
            &format!(
                "{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {name}}}, spec: {{capacity: {{storage: 1Gi}}, \
                 accessModes: [ReadWriteOnce], hostPath: {{path: {}, type: DirectoryOrCreate}}}}}}",
                path.display()
            ),
        );
    }

    /// Waits until a pod is ready.
    #[track_caller]
    pub(super) fn wait_ready(&self, namespace: &str, pod: &str) -> Value {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}");
        self.wait_for(PATIENCE, &path, |pod| condition(pod, "Ready"))
    }

    /// Runs a command in a pod's first container, through the API server.
    pub(super) fn exec(&self, namespace: &str, pod: &str, command: &[&str]) -> Outcome {
        exec(&self.https, namespace, pod, command).unwrap()
    }
}

/// Whether a condition of a node's or pod's status is True.
pub(super) fn condition(object: &Value, kind: &str) -> bool {
    object["status"]["conditions"].as_array().is_some_and(|conditions| {
        conditions.iter().any(|condition| condition["type"] == kind && condition["status"] == "True")
    })
}

/// What a node is made of.
struct Parts {
    assets: Assets,
    kubelet: PathBuf,
    scheduler: PathBuf,
    containerd: PathBuf,
    /// What talks to it.
    ctr: PathBuf,
    plugins: PathBuf,
    images: PathBuf,
}

/// All parts, or what is missing.
fn parts() -> Result<Parts, String> {
    let assets = Assets::find()?;
    let how = "scripts/need-node gets it";
    let kubernetes = |name: &str| assets.program(name).ok_or_else(|| format!("no {name} in {}", assets.dir.display()));
    let (kubelet, scheduler) = (kubernetes("kubelet")?, kubernetes("kube-scheduler")?);
    kubernetes("kube-controller-manager")?;
    let installed = |name: &str| on_path(name).ok_or_else(|| format!("no {name} here: {how}"));
    for name in ["runc", "iptables", "ip", "unshare", "nsenter"] {
        installed(name)?;
    }
    let plugins =
        ["/usr/lib/cni", "/opt/cni/bin"].map(PathBuf::from).into_iter().find(|dir| dir.join("bridge").exists());
    if !rustix::process::geteuid().is_root() {
        return Err("a node needs root".into());
    }
    drop(namespaces()?);
    Ok(Parts {
        kubelet,
        scheduler,
        containerd: installed("containerd")?,
        ctr: installed("ctr")?,
        plugins: plugins.ok_or_else(|| format!("no CNI plugins here: {how}"))?,
        images: cached("node").ok_or_else(|| format!("no images for a node here: {how}"))?,
        assets,
    })
}

/// Namespaces of their own, with the programs that are started next in them.
fn namespaces() -> Result<Place, String> {
    // The name of the folder makes that of the cgroup unique.
    let mut keeper = Keeper::new("kubernetes", REMOVE_CGROUPS);
    let dir = keeper.dir().to_path_buf();
    std::fs::write(dir.join("node.sh"), include_str!("node.sh")).unwrap();
    let words = ["--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "sh"];
    let mut args: Vec<String> = words.map(str::to_owned).to_vec();
    args.extend([dir.join("node.sh").display().to_string(), dir.display().to_string(), cgroup(&dir)]);
    let unshare = on_path("unshare").ok_or("no unshare here: scripts/need-node gets it")?;
    let first = keeper.spawn("node", &unshare, &args);
    let set_up = || dir.join("node-is-set-up").exists().then_some(true);
    let ended = || (!first.is_alive()).then_some(false);
    if until(PATIENCE, || set_up().or_else(ended)) != Some(true) {
        return Err(format!("no namespaces for a node can be made here: {}", first.last_words()));
    }
    let of = format!("/proc/{}/ns", first.pid);
    keeper.before = vec![
        "nsenter".into(),
        format!("--net={of}/net"),
        format!("--mount={of}/mnt"),
        format!("--pid={of}/pid_for_children"),
        "--".into(),
    ];
    let network = PathBuf::from(format!("{of}/net"));
    Ok(Place { keeper, reach: Box::new(move |port| forward(&network, port)) })
}

fn cgroup(dir: &Path) -> String {
    dir.file_name().unwrap().to_str().unwrap().to_owned()
}

fn start_containerd(cluster: &mut Cluster, parts: &Parts) -> Result<(), String> {
    let dir = cluster.dir().to_path_buf();
    let folder = dir.to_str().unwrap();
    let settings = include_str!("containerd.toml").replace("DIR", folder);
    let settings = settings.replace("PLUGINS", parts.plugins.to_str().unwrap());
    std::fs::write(dir.join("containerd.toml"), settings).unwrap();
    std::fs::create_dir(dir.join("cni")).unwrap();
    std::fs::write(dir.join("cni/10-pods.conflist"), include_str!("pods.conflist")).unwrap();
    let socket = format!("{folder}/containerd.sock");
    let containerd =
        cluster.spawn("containerd", &parts.containerd, &["--config".into(), format!("{folder}/containerd.toml")]);
    let answers = || UnixStream::connect(&socket).is_ok().then_some(true);
    let ended = || (!containerd.is_alive()).then_some(false);
    if until(PATIENCE, || answers().or_else(ended)) != Some(true) {
        return Err(format!("containerd does not start: {}", containerd.last_words()));
    }
    for image in ["busybox", "redis"] {
        let archive = parts.images.join(format!("{image}.tar")).display().to_string();
        let words = ["--address", &socket, "--namespace", "k8s.io", "images", "import", &archive];
        let ctr = cluster.spawn(&format!("import-{image}"), &parts.ctr, &words.map(str::to_owned));
        let done = until(PATIENCE, || (!ctr.is_alive()).then(|| ctr.last_words())).unwrap_or_default();
        // Its exit code is the keeper's.
        if !done.contains("unpacking") && !done.contains("saved") {
            return Err(format!("{image} cannot be imported: {done}"));
        }
    }
    Ok(())
}

fn start_kubelet(cluster: &mut Cluster, parts: &Parts) -> Running {
    let dir = cluster.dir().to_path_buf();
    let folder = dir.to_str().unwrap();
    let minor = parts.assets.minor;
    let mut settings = include_str!("kubelet.yaml").replace("DIR", folder).replace("CGROUP", &cgroup(&dir));
    let mut flags = vec![
        format!("--config={folder}/kubelet.yaml"),
        format!("--kubeconfig={folder}/kubelet.kubeconfig"),
        format!("--root-dir={folder}/kubelet"),
        format!("--cert-dir={folder}/kubelet-pki"),
        // With this name the API server finds it on the loopback.
        "--hostname-override=localhost".into(),
        "--node-ip=10.88.0.1".into(),
    ];
    // The flags went away, in 1.27 and later; the setting came with it.
    if minor < 27 {
        flags.push("--container-runtime=remote".into());
        flags.push(format!("--container-runtime-endpoint=unix://{folder}/containerd.sock"));
        flags.push("--pod-infra-container-image=localhost/pause:test".into());
    } else {
        settings.push_str(&format!("containerRuntimeEndpoint: unix://{folder}/containerd.sock\n"));
    }
    if minor >= 31 {
        settings.push_str("failCgroupV1: false\n");
    }
    std::fs::write(dir.join("kubelet.yaml"), settings).unwrap();
    cluster.spawn("kubelet", &parts.kubelet, &flags)
}
