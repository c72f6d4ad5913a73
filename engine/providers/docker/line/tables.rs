//! Which verb of docker takes which flags, but for run.

use super::flags::{DATA, DETACH_KEYS, FILTER, FOLLOW, PRINT, PRINT_F, PRUNE, STOP};
use crate::line::flags::{Group, switch, value};

const SWARM: &str = "leave it out; it is for swarms";
const WINDOWS: &str = "leave it out; it is for Windows";
const TRUST: Group = &[switch("disable-content-trust").ignored()];

pub(super) const NONE: &[Group] = &[];

pub(super) const PS: &[Group] = &[
    PRINT,
    FILTER,
    &[switch("all").short('a'), value("last").short('n'), switch("latest").short('l'), switch("size").short('s')],
];

pub(super) const INSPECT: &[Group] = &[
    PRINT_F,
    &[value("type"), switch("size").short('s')],
    &[value("platform").refused("leave it out; the image that the engine has is looked at")],
    &[switch("verbose").short('v').refused(SWARM)],
];

pub(super) const LOGS: &[Group] = &[&[
    switch("follow").short('f').refused(FOLLOW),
    switch("details").ignored(),
    value("since"),
    value("until"),
    value("tail").short('n'),
    switch("timestamps").short('t'),
]];

/// One sample is taken, with and without `--no-stream`.
pub(super) const STATS: &[Group] = &[PRINT, &[switch("all").short('a'), switch("no-stream").ignored()]];

pub(super) const IMAGES: &[Group] =
    &[PRINT, FILTER, &[switch("all").short('a'), switch("digests").ignored(), switch("tree").refused(DATA)]];

pub(super) const VOLUMES: &[Group] = &[PRINT, FILTER, &[switch("cluster").refused(SWARM)]];

pub(super) const NETWORKS: &[Group] = &[PRINT, FILTER];

pub(super) const PRINTED: &[Group] = &[PRINT_F];

pub(super) const DISK: &[Group] = &[&[value("format").refused(DATA), switch("verbose").short('v').ignored()]];

const CHECKPOINT: &str = "leave it out; a container is started as it is";

pub(super) const START: &[Group] = &[&[
    switch("attach").short('a').refused("what it prints is in logs CONTAINER"),
    switch("interactive").short('i').refused("nobody is attached; write exec CONTAINER COMMAND"),
    value("checkpoint").refused(CHECKPOINT),
    value("checkpoint-dir").refused(CHECKPOINT),
    value("detach-keys").refused(DETACH_KEYS),
]];

pub(super) const STOPPED: &[Group] = &[STOP];

pub(super) const KILL: &[Group] = &[&[value("signal").short('s')]];

const GONE: &str = "leave it out; engines of today know it no more";

/// Limits that can be changed while a container runs.
pub(super) const LIMITS: Group = &[
    value("blkio-weight"),
    value("cpu-period"),
    value("cpu-quota"),
    value("cpu-rt-period"),
    value("cpu-rt-runtime"),
    value("cpu-shares").short('c'),
    value("cpus"),
    value("cpuset-cpus"),
    value("cpuset-mems"),
    value("memory").short('m'),
    value("memory-reservation"),
    value("memory-swap"),
    value("pids-limit"),
    value("restart"),
    value("kernel-memory").refused(GONE),
];

pub(super) const UPDATE: &[Group] = &[LIMITS];

pub(super) const RM: &[Group] = &[&[
    switch("force").short('f'),
    switch("volumes").short('v'),
    switch("link").short('l').refused("leave it out; links of names are of networks, which know names anyway"),
]];

pub(super) const EXEC: &[Group] = &[&[
    switch("detach").short('d'),
    value("detach-keys").refused(DETACH_KEYS),
    value("env").short('e'),
    value("env-file").refused("write -e NAME=VALUE for each variable"),
    switch("interactive").short('i').ignored(),
    switch("privileged"),
    switch("tty").short('t').ignored(),
    value("user").short('u'),
    value("workdir").short('w'),
]];

pub(super) const PULL: &[Group] = &[
    TRUST,
    &[
        value("platform"),
        switch("quiet").short('q').ignored(),
        switch("all-tags").short('a').refused("name the tags that are wanted, one step for each"),
    ],
];

pub(super) const PRUNED: &[Group] = &[PRUNE];

pub(super) const PRUNED_ALL: &[Group] = &[PRUNE, &[switch("all").short('a')]];

pub(super) const VOLUME_CREATE: &[Group] = &[&[
    value("name"),
    value("driver").short('d'),
    value("label"),
    value("opt").short('o'),
    value("availability").refused(SWARM),
    value("group").refused(SWARM),
    value("limit-bytes").refused(SWARM),
    value("required-bytes").refused(SWARM),
    value("scope").refused(SWARM),
    value("secret").refused(SWARM),
    value("sharing").refused(SWARM),
    value("topology-preferred").refused(SWARM),
    value("topology-required").refused(SWARM),
    value("type").refused(SWARM),
]];

pub(super) const VOLUME_RM: &[Group] = &[&[switch("force").short('f')]];

pub(super) const NETWORK_CREATE: &[Group] = &[&[
    switch("attachable"),
    value("aux-address"),
    value("config-from"),
    switch("config-only"),
    value("driver").short('d'),
    value("gateway"),
    switch("ingress").refused(SWARM),
    switch("internal"),
    value("ip-range"),
    value("ipam-driver"),
    value("ipam-opt"),
    switch("ipv4"),
    switch("ipv6"),
    value("label"),
    value("opt").short('o'),
    value("scope").refused(SWARM),
    value("subnet"),
]];

pub(super) const NETWORK_RM: &[Group] = &[&[switch("force")
    .short('f')
    .refused("leave it out; when: on the step tells whether there is something to remove")]];

pub(super) const CONNECT: &[Group] = &[&[
    value("alias"),
    value("driver-opt"),
    value("gw-priority"),
    value("ip"),
    value("ip6"),
    value("link"),
    value("link-local-ip"),
]];

pub(super) const DISCONNECT: &[Group] = &[&[switch("force").short('f')]];

/// What run takes besides [`LIMITS`].
pub(super) const RUN: &[Group] = &[
    LIMITS,
    TRUST,
    &[
        value("add-host"),
        value("annotation"),
        value("attach").short('a').refused("leave it out; output and exit code are kept as steps.ID"),
        value("blkio-weight-device"),
        value("cap-add"),
        value("cap-drop"),
        value("cgroup-parent"),
        value("cgroupns"),
        value("cidfile").refused("leave it out; the id is in the result, as steps.ID.id"),
        value("cpu-count").refused(WINDOWS),
        value("cpu-percent").refused(WINDOWS),
        switch("detach").short('d'),
        value("detach-keys").refused(DETACH_KEYS),
        value("device"),
        value("device-cgroup-rule"),
        value("device-read-bps"),
        value("device-read-iops"),
        value("device-write-bps"),
        value("device-write-iops"),
        value("dns"),
        value("dns-opt"),
        value("dns-option"),
        value("dns-search"),
        value("domainname"),
        value("entrypoint"),
        value("env").short('e'),
        value("env-file"),
        value("expose"),
        value("gpus").refused("give the container its devices with --device, or run it by shell:"),
        value("group-add"),
        value("health-cmd"),
        value("health-interval"),
        value("health-retries"),
        value("health-start-interval"),
        value("health-start-period"),
        value("health-timeout"),
        value("hostname").short('h'),
        switch("init"),
        switch("interactive").short('i').ignored(),
        value("io-maxbandwidth").refused(WINDOWS),
        value("io-maxiops").refused(WINDOWS),
        value("ip"),
        value("ip6"),
        value("ipc"),
        value("isolation").refused(WINDOWS),
        value("label").short('l'),
        value("label-file").refused("write --label KEY=VALUE for each label"),
        value("link"),
        value("link-local-ip"),
        value("log-driver"),
        value("log-opt"),
        value("mac-address"),
        value("memory-swappiness"),
        value("mount"),
        value("name"),
        value("net"),
        value("net-alias"),
        value("network"),
        value("network-alias"),
        switch("no-healthcheck"),
        switch("oom-kill-disable"),
        value("oom-score-adj"),
        value("pid"),
        value("platform"),
        switch("privileged"),
        value("publish").short('p'),
        switch("publish-all").short('P'),
        value("pull"),
        switch("quiet").short('q').ignored(),
        switch("read-only"),
        switch("rm"),
        value("runtime"),
        value("security-opt"),
        value("shm-size"),
        switch("sig-proxy").ignored(),
        value("stop-signal"),
        value("stop-timeout"),
        value("storage-opt"),
        value("sysctl"),
        value("tmpfs"),
        switch("tty").short('t').ignored(),
        value("ulimit"),
        switch("use-api-socket").refused("leave it out; it gives the container all of the engine"),
        value("user").short('u'),
        value("userns"),
        value("uts"),
        value("volume").short('v'),
        value("volume-driver"),
        value("volumes-from"),
        value("workdir").short('w'),
    ],
];
