//! A docker line, understood: what it asks for, in types.
//!
//! Texts may be open when a playbook is checked (a template that has no value yet): see
//! `crate::line::open`. When a line is carried out, every text is closed.

use serde_json::{Map, Value};

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::docker) enum Verb {
    /// `ps`, `container ls`.
    Ps {
        /// `-a`; also implied by `-n`, `-l` and a filter on the status.
        all: bool,
        /// `-n`, `-l`.
        last: Option<u64>,
        /// `-s`.
        size: bool,
        /// `-f KEY=VALUE`, each.
        filters: Vec<(String, String)>,
    },
    /// `inspect`, `container inspect`, `image inspect`, `volume inspect`, `network inspect`.
    Inspect {
        /// `--type`, or the word before; else whatever has that name, in docker's order.
        what: Option<What>,
        /// Each of them.
        names: Vec<String>,
        /// `-s`.
        size: bool,
    },
    /// `logs`.
    Logs(Logs),
    /// `stats`; always one sample.
    Stats {
        /// None: all that run.
        containers: Vec<String>,
        /// `-a`.
        all: bool,
    },
    /// `top CONTAINER [PS OPTIONS]`.
    Top {
        container: String,
        /// Of ps.
        options: Vec<String>,
    },
    /// `port CONTAINER`.
    Port { container: String },
    /// `diff CONTAINER`.
    Diff { container: String },
    /// `images`, `image ls`.
    Images {
        /// `NAME[:TAG]`.
        reference: Option<String>,
        all: bool,
        filters: Vec<(String, String)>,
    },
    /// `volume ls`.
    Volumes { filters: Vec<(String, String)> },
    /// `network ls`.
    Networks { filters: Vec<(String, String)> },
    /// `version`.
    Version,
    /// `info`, `system info`.
    Info,
    /// `system df`.
    DiskUsage,
    /// `wait`: until they have ended; gives their exit codes.
    Wait { containers: Vec<String> },
    /// Start, stop and what is like it.
    Life {
        /// What is done to each.
        act: Act,
        /// One after another, in this order.
        containers: Vec<String>,
    },
    /// `rename CONTAINER NAME`.
    Rename { container: String, to: String },
    /// `rm`.
    Remove {
        containers: Vec<String>,
        /// `-f`: also those that run.
        force: bool,
        /// `-v`: with their anonymous volumes.
        volumes: bool,
    },
    /// `exec`.
    Exec(Exec),
    /// `run`.
    Run(Box<Run>),
    /// `pull`, `image pull`.
    Pull {
        image: String,
        /// `--platform`.
        platform: Option<String>,
    },
    /// `volume create`.
    VolumeCreate {
        /// None: the engine makes one up.
        name: Option<String>,
        /// The body of `POST /volumes/create` without the name.
        body: Map<String, Value>,
    },
    /// `volume rm`.
    VolumeRemove { names: Vec<String>, force: bool },
    /// `network create`.
    NetworkCreate {
        name: String,
        /// The body of `POST /networks/create` without the name.
        body: Map<String, Value>,
    },
    /// `network rm`.
    NetworkRemove { names: Vec<String> },
    /// `network connect`.
    Connect {
        network: String,
        container: String,
        /// `EndpointConfig` of the Engine API.
        endpoint: Map<String, Value>,
    },
    /// `network disconnect`.
    Disconnect { network: String, container: String, force: bool },
    /// `container prune`, `image prune`, `volume prune`, `network prune`.
    Prune {
        what: What,
        /// `-a`.
        all: bool,
        filters: Vec<(String, String)>,
    },
    /// `compose …`.
    Compose(Compose),
}

/// Kinds of things that an engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::docker) enum What {
    Container,
    Image,
    Volume,
    Network,
}

/// `logs` of docker and of compose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::docker) struct Logs {
    /// One for docker; services for compose (none: all).
    pub(in crate::docker) of: Vec<String>,
    /// `-n`, `--tail`: lines from the end; none means all (up to a limit of bytes).
    pub(in crate::docker) tail: Option<u64>,
    /// `--since`: as written (RFC 3339, UNIX time, or how long ago: `10m`).
    pub(in crate::docker) since: Option<String>,
    /// `--until`: as written.
    pub(in crate::docker) until: Option<String>,
    /// `-t`.
    pub(in crate::docker) timestamps: bool,
}

/// What is done to a container.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::docker) enum Act {
    Start,
    Stop {
        /// `-t`, in seconds: before it is killed. Negative: never killed.
        seconds: Option<i64>,
        /// `-s`.
        signal: Option<String>,
    },
    Restart {
        seconds: Option<i64>,
        signal: Option<String>,
    },
    Kill {
        /// `-s`; else KILL.
        signal: Option<String>,
    },
    Pause,
    Unpause,
    /// `update`: the body of `POST /containers/ID/update` (`Memory`, `NanoCpus`, `RestartPolicy`, …),
    /// amounts in bytes.
    Update(Map<String, Value>),
}

/// `exec` of docker and of compose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::docker) struct Exec {
    /// The container; of compose the service.
    pub(in crate::docker) container: String,
    /// The program and its arguments.
    pub(in crate::docker) command: Vec<String>,
    /// `-e NAME=VALUE`, each.
    pub(in crate::docker) environment: Vec<String>,
    /// `-u`.
    pub(in crate::docker) user: Option<String>,
    /// `-w`.
    pub(in crate::docker) folder: Option<String>,
    /// `--privileged`.
    pub(in crate::docker) privileged: bool,
    /// `-d`: its end is not waited for.
    pub(in crate::docker) detached: bool,
    /// `--index` of compose, from 1.
    pub(in crate::docker) index: Option<u64>,
}

/// `run`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::docker) struct Run {
    /// `--name`.
    pub(in crate::docker) name: Option<String>,
    pub(in crate::docker) image: String,
    /// The program and its arguments; empty: the image's.
    pub(in crate::docker) command: Vec<String>,
    /// `-d`: its end is not waited for.
    pub(in crate::docker) detached: bool,
    /// `--rm`.
    pub(in crate::docker) remove: bool,
    /// `--pull`: `always`, `missing` (the default), `never`.
    pub(in crate::docker) pull: Option<String>,
    /// `--platform`.
    pub(in crate::docker) platform: Option<String>,
    /// `--env-file`, each: relative to the playbook's folder.
    pub(in crate::docker) env_files: Vec<String>,
    /// The rest as the body of `POST /containers/create`: `Env`, `Labels`, `User`, `WorkingDir`,
    /// `Entrypoint`, `Hostname`, `Healthcheck`, `ExposedPorts`, `HostConfig` (`Binds`, `Mounts`,
    /// `PortBindings`, `NetworkMode`, `RestartPolicy`, `Memory`, …), `NetworkingConfig`. Without `Image`
    /// and `Cmd`. Relative host paths of binds stay as they were written (`./data:/data`).
    pub(in crate::docker) body: Map<String, Value>,
}

/// `compose …`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::docker) struct Compose {
    /// `-f`, each: relative to the playbook's folder.
    pub(in crate::docker) files: Vec<String>,
    /// `-p`.
    pub(in crate::docker) project: Option<String>,
    /// `--project-directory`: relative to the playbook's folder.
    pub(in crate::docker) folder: Option<String>,
    /// `--profile`, each.
    pub(in crate::docker) profiles: Vec<String>,
    /// `--env-file`, each.
    pub(in crate::docker) env_files: Vec<String>,
    /// What to do.
    pub(in crate::docker) verb: ComposeVerb,
}

/// What compose is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::docker) enum ComposeVerb {
    /// `ps`.
    Ps {
        services: Vec<String>,
        /// `-a`.
        all: bool,
    },
    /// `logs`.
    Logs(Logs),
    /// `top`.
    Top { services: Vec<String> },
    /// `images`.
    Images { services: Vec<String> },
    /// `ls`.
    Projects {
        /// `-a`.
        all: bool,
    },
    /// `start`, `stop`, `restart`, `kill`, `pause`, `unpause`; never [`Act::Update`].
    Life {
        act: Act,
        /// None: all.
        services: Vec<String>,
    },
    /// `rm`: containers that are stopped.
    Remove {
        services: Vec<String>,
        /// `-s`: stop them first.
        stop: bool,
        /// `-v`.
        volumes: bool,
    },
    /// `down`.
    Down {
        /// Of compose v2; none: all.
        services: Vec<String>,
        /// `-v`.
        volumes: bool,
        /// `--remove-orphans`.
        orphans: bool,
        /// `-t`, in seconds.
        seconds: Option<i64>,
        /// `--rmi all|local`.
        images: Option<String>,
    },
    /// `up -d`, and `scale`, which is `up --no-recreate --no-deps --scale`.
    Up(Up),
    /// `pull`.
    Pull { services: Vec<String> },
    /// `exec`: the service stands in for the container.
    Exec(Exec),
    /// `run`.
    Run(ComposeRun),
}

/// `up`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::docker) struct Up {
    pub(in crate::docker) services: Vec<String>,
    /// `--scale SERVICE=N`, each.
    pub(in crate::docker) scale: Vec<(String, u64)>,
    pub(in crate::docker) force_recreate: bool,
    pub(in crate::docker) no_recreate: bool,
    pub(in crate::docker) no_deps: bool,
    pub(in crate::docker) remove_orphans: bool,
    /// `-V`.
    pub(in crate::docker) renew_volumes: bool,
    /// `--no-start`.
    pub(in crate::docker) no_start: bool,
    /// `--pull`: `always`, `missing`, `never`.
    pub(in crate::docker) pull: Option<String>,
    /// `-t`, in seconds.
    pub(in crate::docker) seconds: Option<i64>,
    /// `--wait-timeout`, in seconds. (`--wait` is what a step does anyway.)
    pub(in crate::docker) wait_seconds: Option<u64>,
}

/// `compose run`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::docker) struct ComposeRun {
    pub(in crate::docker) service: String,
    pub(in crate::docker) command: Vec<String>,
    /// `-e NAME=VALUE`, each.
    pub(in crate::docker) environment: Vec<String>,
    pub(in crate::docker) user: Option<String>,
    pub(in crate::docker) folder: Option<String>,
    pub(in crate::docker) entrypoint: Option<String>,
    /// `--rm`.
    pub(in crate::docker) remove: bool,
    /// `--no-deps`.
    pub(in crate::docker) no_deps: bool,
    /// `-v`, each.
    pub(in crate::docker) volumes: Vec<String>,
    /// `--name`.
    pub(in crate::docker) name: Option<String>,
    /// `-d`.
    pub(in crate::docker) detached: bool,
}
