//! A kubectl line, understood: what it asks for, in types.
//!
//! Texts may be open when a playbook is checked (a template that has no value yet): see
//! [`super::open`]. When a line is carried out, every text is closed.

use std::path::PathBuf;

use serde_json::Value;

/// A whole line.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::kubernetes) struct Line {
    /// What to do.
    pub(in crate::kubernetes) verb: Verb,
    /// `-n`, `--namespace`; else the target's, else the context's.
    pub(in crate::kubernetes) namespace: Option<String>,
    /// `-A`, `--all-namespaces`.
    pub(in crate::kubernetes) all_namespaces: bool,
    /// `--as`.
    pub(in crate::kubernetes) as_user: Option<String>,
    /// `--as-group`, each.
    pub(in crate::kubernetes) as_groups: Vec<String>,
    /// `--request-timeout`, in milliseconds.
    pub(in crate::kubernetes) request_timeout_ms: Option<u64>,
    /// `--ignore-not-found` of `get`: an object that is not there is no error, and the result has
    /// no items. (`delete` has its own.)
    pub(in crate::kubernetes) ignore_not_found: bool,
    /// `--sort-by` of `get` (a JSONPath, as written) and `top` (`cpu`, `memory`).
    pub(in crate::kubernetes) sort_by: Option<String>,
}

/// Which objects a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) enum Objects {
    /// `pod/a svc/b`, `pod a b`: each with the resource as it was written (`po`, `pods`,
    /// `deployments.apps`, `deploy.v1.apps`) and its name.
    Named(Vec<(String, String)>),
    /// `pods`, `pods,services`: all of these resources that fit the selectors.
    Kinds(Vec<String>, Selectors),
    /// `-f FILE`, each as it was written; `recursive` for folders. Objects of these files.
    Files {
        /// Paths, relative to the playbook.
        paths: Vec<PathBuf>,
        /// `-R`.
        recursive: bool,
        /// Only those that fit.
        selectors: Selectors,
    },
}

/// `-l` and `--field-selector`, `--all`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::kubernetes) struct Selectors {
    pub(in crate::kubernetes) labels: Option<String>,
    pub(in crate::kubernetes) fields: Option<String>,
    pub(in crate::kubernetes) all: bool,
}

/// `--type` of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) enum PatchType {
    Strategic,
    Merge,
    Json,
}

/// `--cascade`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) enum Cascade {
    Background,
    Foreground,
    Orphan,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::kubernetes) enum Verb {
    /// Items of a list, or the object.
    Get(Objects),
    /// The object with its events.
    Describe(Objects),
    /// `kubectl events`.
    Events {
        about: Option<(String, String)>,
        types: Vec<String>,
    },
    Logs(Logs),
    Exec(Exec),
    /// `nodes` or `pods`.
    Top {
        what: String,
        name: Option<String>,
        selectors: Selectors,
        containers: bool,
    },
    /// `rollout status`; waits.
    RolloutStatus {
        objects: Objects,
        timeout_ms: Option<u64>,
        revision: Option<i64>,
    },
    RolloutHistory {
        objects: Objects,
        revision: Option<i64>,
    },
    RolloutRestart(Objects),
    RolloutUndo {
        objects: Objects,
        to_revision: Option<i64>,
    },
    RolloutPause(Objects),
    RolloutResume(Objects),
    /// `wait --for=…`.
    Wait {
        objects: Objects,
        wanted: Wanted,
        timeout_ms: u64,
    },
    Apply {
        objects: Objects,
        server_side: bool,
        force_conflicts: bool,
        field_manager: Option<String>,
    },
    /// `create -f`, or a generator (`configmap`, `namespace`, `secret generic`, `job --from`, …)
    /// as the object that it makes.
    Create(Create),
    Patch {
        objects: Objects,
        kind: PatchType,
        patch: Patch,
        subresource: Option<String>,
    },
    /// `set image NAME=IMAGE…`; container `*` is all of them.
    SetImage {
        objects: Objects,
        images: Vec<(String, String)>,
    },
    /// `set env K=V K-`; `containers` may hold a `*`.
    SetEnv {
        objects: Objects,
        set: Vec<(String, String)>,
        unset: Vec<String>,
        containers: String,
    },
    SetResources {
        objects: Objects,
        containers: String,
        limits: Vec<(String, String)>,
        requests: Vec<(String, String)>,
    },
    Scale {
        objects: Objects,
        replicas: Number,
        current: Option<i64>,
        resource_version: Option<String>,
    },
    Autoscale {
        objects: Objects,
        min: Option<Number>,
        max: Number,
        cpu_percent: Option<Number>,
        name: Option<String>,
    },
    Label {
        objects: Objects,
        set: Vec<(String, String)>,
        unset: Vec<String>,
        overwrite: bool,
        resource_version: Option<String>,
    },
    Annotate {
        objects: Objects,
        set: Vec<(String, String)>,
        unset: Vec<String>,
        overwrite: bool,
        resource_version: Option<String>,
    },
    Delete {
        objects: Objects,
        cascade: Cascade,
        grace_seconds: Option<i64>,
        force: bool,
        wait: bool,
        ignore_not_found: bool,
        timeout_ms: Option<u64>,
    },
    Cordon(NodeChoice),
    Uncordon(NodeChoice),
    Drain {
        nodes: NodeChoice,
        ignore_daemonsets: bool,
        delete_emptydir_data: bool,
        force: bool,
        grace_seconds: Option<i64>,
        timeout_ms: Option<u64>,
        pods: Option<String>,
    },
    /// `auth can-i VERB RESOURCE[/NAME]`.
    CanI {
        verb: String,
        resource: String,
        name: Option<String>,
        subresource: Option<String>,
    },
    Version,
    ApiResources,
}

impl Verb {
    /// The objects that it names, other than nodes.
    pub(in crate::kubernetes) fn objects(&self) -> Option<&Objects> {
        match self {
            Self::Get(objects)
            | Self::Describe(objects)
            | Self::RolloutStatus { objects, .. }
            | Self::RolloutHistory { objects, .. }
            | Self::RolloutRestart(objects)
            | Self::RolloutUndo { objects, .. }
            | Self::RolloutPause(objects)
            | Self::RolloutResume(objects)
            | Self::Wait { objects, .. }
            | Self::Apply { objects, .. }
            | Self::Patch { objects, .. }
            | Self::SetImage { objects, .. }
            | Self::SetEnv { objects, .. }
            | Self::SetResources { objects, .. }
            | Self::Scale { objects, .. }
            | Self::Autoscale { objects, .. }
            | Self::Label { objects, .. }
            | Self::Annotate { objects, .. }
            | Self::Delete { objects, .. } => Some(objects),
            Self::Logs(logs) => Some(&logs.objects),
            Self::Events { .. }
            | Self::Exec(_)
            | Self::Top { .. }
            | Self::Create(_)
            | Self::Cordon(_)
            | Self::Uncordon(_)
            | Self::Drain { .. }
            | Self::CanI { .. }
            | Self::Version
            | Self::ApiResources => None,
        }
    }
}

/// Nodes by name or by label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) enum NodeChoice {
    Names(Vec<String>),
    Labels(String),
}

/// A number that may be a template still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) enum Number {
    Known(i64),
    /// A template that has no value yet.
    Open,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::kubernetes) enum Patch {
    /// `-p`, parsed from JSON or YAML.
    Known(Value),
    /// `--patch-file`, relative to the playbook.
    File(PathBuf),
    /// A template that has no value yet.
    Open,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::kubernetes) enum Create {
    Files {
        paths: Vec<PathBuf>,
        recursive: bool,
    },
    /// What a generator makes: a whole object with apiVersion, kind and metadata.name.
    Object(Value),
    /// `create job NAME --from=cronjob/OTHER`.
    JobFrom {
        name: String,
        cronjob: String,
    },
    /// A generator with a template that has no value yet.
    Open,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) struct Logs {
    /// `pod`, `pod/a`, `deploy/x`, or by label.
    pub(in crate::kubernetes) objects: Objects,
    pub(in crate::kubernetes) container: Option<String>,
    pub(in crate::kubernetes) all_containers: bool,
    pub(in crate::kubernetes) previous: bool,
    /// Lines from the end; kubectl's default is 10 with a selector, else all.
    pub(in crate::kubernetes) tail: Option<i64>,
    pub(in crate::kubernetes) since_seconds: Option<i64>,
    pub(in crate::kubernetes) since_time: Option<String>,
    pub(in crate::kubernetes) timestamps: bool,
    pub(in crate::kubernetes) limit_bytes: Option<i64>,
    pub(in crate::kubernetes) prefix: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) struct Exec {
    /// `pod` or `deploy`, and its name.
    pub(in crate::kubernetes) object: (String, String),
    pub(in crate::kubernetes) container: Option<String>,
    /// What runs, after `--`.
    pub(in crate::kubernetes) command: Vec<String>,
}

/// `--for`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) enum Wanted {
    Delete,
    Create,
    /// `condition=NAME[=VALUE]`; VALUE is `true` if not given.
    Condition(String, String),
    /// `jsonpath={.status.phase}=Running`; no value: it must exist.
    JsonPath(String, Option<String>),
}
