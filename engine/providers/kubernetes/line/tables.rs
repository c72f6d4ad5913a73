//! Which verb takes which flags.

use super::flags::{ALL, ANYWHERE, CHANGES, FIELDS, FILES, LABELS, PRINT, VALIDATION, WATCH};
use crate::line::flags::{Group, maybe, switch, value};

const EXPRESSION: &str = "the result is data: count and choose with an expression over steps.ID.items";

pub(super) const GET: &[Group] = &[
    PRINT,
    FILES,
    LABELS,
    FIELDS,
    ANYWHERE,
    WATCH,
    &[
        switch("ignore-not-found"),
        value("sort-by"),
        value("label-columns").short('L').ignored(),
        switch("show-labels").ignored(),
        switch("show-kind").ignored(),
        switch("server-print").ignored(),
        value("raw").refused("name the resource; or use http: for a path of the API server"),
        value("subresource").refused("leave it out; status and scale are in the object itself"),
    ],
];

pub(super) const DESCRIBE: &[Group] =
    &[FILES, LABELS, ANYWHERE, &[switch("show-events").ignored(), value("chunk-size").ignored()]];

pub(super) const EVENTS: &[Group] = &[PRINT, ANYWHERE, WATCH, &[value("for"), value("types")]];

pub(super) const LOGS: &[Group] = &[
    LABELS,
    &[
        switch("follow").short('f').refused("following never ends; use until: on the step to wait for a line"),
        value("container").short('c'),
        switch("all-containers"),
        switch("all-pods").refused("choose the pods by label: -l app=NAME"),
        switch("previous").short('p'),
        value("tail"),
        value("since"),
        value("since-time"),
        switch("timestamps"),
        value("limit-bytes"),
        switch("prefix"),
        switch("ignore-errors").ignored(),
        value("max-log-requests").ignored(),
        value("pod-running-timeout").ignored(),
        switch("insecure-skip-tls-verify-backend").refused("leave it out; how to connect belongs to the target"),
    ],
];

pub(super) const EXEC: &[Group] = &[&[
    value("container").short('c'),
    switch("stdin").short('i').ignored(),
    switch("tty").short('t').ignored(),
    switch("quiet").short('q').ignored(),
    value("pod-running-timeout").ignored(),
    value("filename").short('f').refused("name the pod: exec POD -- COMMAND, or exec deploy/NAME -- COMMAND"),
]];

pub(super) const TOP: &[Group] = &[
    LABELS,
    FIELDS,
    ANYWHERE,
    &[
        switch("containers"),
        value("sort-by"),
        switch("no-headers").ignored(),
        switch("show-capacity").ignored(),
        switch("show-swap").ignored(),
        switch("use-protocol-buffers").ignored(),
        switch("sum").refused(EXPRESSION),
    ],
];

pub(super) const ROLLOUT_STATUS: &[Group] =
    &[FILES, LABELS, &[value("timeout"), value("revision"), switch("watch").short('w')]];

pub(super) const ROLLOUT_HISTORY: &[Group] = &[PRINT, FILES, LABELS, &[value("revision")]];

pub(super) const ROLLOUT_CHANGE: &[Group] = &[PRINT, FILES, LABELS, CHANGES];

pub(super) const ROLLOUT_UNDO: &[Group] = &[PRINT, FILES, LABELS, CHANGES, &[value("to-revision")]];

pub(super) const WAIT: &[Group] = &[
    PRINT,
    FILES,
    LABELS,
    FIELDS,
    ALL,
    ANYWHERE,
    &[value("for"), value("timeout"), switch("local").refused("leave it out; the API server is asked")],
];

pub(super) const APPLY: &[Group] = &[
    PRINT,
    FILES,
    LABELS,
    ALL,
    VALIDATION,
    &[
        switch("server-side"),
        switch("force-conflicts"),
        value("field-manager"),
        maybe("overwrite", "true").ignored(),
        switch("openapi-patch").ignored(),
        maybe("record", "true").ignored(),
        switch("force").refused("delete the object in a step of its own, where what is lost is shown"),
        switch("prune").refused("delete what is no longer wanted in a step of its own: delete -l …"),
        value("prune-allowlist").refused("delete what is no longer wanted in a step of its own: delete -l …"),
        value("applyset").refused("delete what is no longer wanted in a step of its own: delete -l …"),
        maybe("cascade", "background").refused("it is only for --force and --prune, which are not to be had"),
        value("grace-period").refused("it is only for --force and --prune, which are not to be had"),
        value("timeout").refused("it is only for --force and --prune; timeout: of the step bounds everything"),
        switch("wait").refused("wait in a step of its own: rollout status, or wait --for=…"),
        value("subresource").refused("patch --subresource changes status and scale"),
    ],
];

pub(super) const PATCH: &[Group] =
    &[PRINT, FILES, CHANGES, &[value("patch").short('p'), value("patch-file"), value("type"), value("subresource")]];

pub(super) const SET_IMAGE: &[Group] = &[PRINT, FILES, LABELS, ALL, CHANGES];

const ENV_SOURCE: &str = "write KEY=VALUE; for a value from a ConfigMap or Secret use kubectl patch";

pub(super) const SET_ENV: &[Group] = &[
    PRINT,
    FILES,
    LABELS,
    ALL,
    CHANGES,
    &[
        value("containers").short('c'),
        value("env").short('e'),
        switch("overwrite"),
        switch("list").refused("use kubectl get; the variables are in the data"),
        switch("resolve").refused("use kubectl get; the variables are in the data"),
        value("from").refused(ENV_SOURCE),
        value("keys").refused(ENV_SOURCE),
        value("prefix").refused(ENV_SOURCE),
    ],
];

pub(super) const SET_RESOURCES: &[Group] =
    &[PRINT, FILES, LABELS, ALL, CHANGES, &[value("containers").short('c'), value("limits"), value("requests")]];

pub(super) const SCALE: &[Group] = &[
    PRINT,
    FILES,
    LABELS,
    ALL,
    CHANGES,
    &[
        value("replicas"),
        value("current-replicas"),
        value("resource-version"),
        value("timeout").refused("wait in a step of its own: rollout status TYPE/NAME --timeout=…"),
    ],
];

pub(super) const AUTOSCALE: &[Group] =
    &[PRINT, FILES, CHANGES, VALIDATION, &[value("min"), value("max"), value("cpu-percent"), value("name")]];

/// `label` and `annotate`.
pub(super) const MARK: &[Group] = &[
    PRINT,
    FILES,
    LABELS,
    FIELDS,
    ALL,
    ANYWHERE,
    CHANGES,
    &[
        switch("overwrite"),
        value("resource-version"),
        switch("list").refused("use kubectl get; labels and annotations are in the data"),
    ],
];

pub(super) const DELETE: &[Group] = &[
    PRINT,
    FILES,
    LABELS,
    FIELDS,
    ALL,
    ANYWHERE,
    &[
        maybe("cascade", "background"),
        switch("force"),
        value("grace-period"),
        switch("now"),
        switch("ignore-not-found"),
        switch("wait"),
        value("timeout"),
        switch("interactive").short('i').refused("use confirm: on the step"),
        value("raw").refused("name the resource"),
    ],
];

pub(super) const CORDON: &[Group] = &[LABELS, CHANGES];

pub(super) const DRAIN: &[Group] = &[
    LABELS,
    CHANGES,
    &[
        switch("ignore-daemonsets"),
        switch("delete-emptydir-data"),
        switch("delete-local-data"),
        switch("force"),
        value("grace-period"),
        value("timeout"),
        value("pod-selector"),
        value("chunk-size").ignored(),
        switch("disable-eviction").refused("evictions respect the PodDisruptionBudgets; delete single pods by name"),
        value("skip-wait-for-delete-timeout").refused("leave it out; --timeout bounds the whole drain"),
    ],
];

pub(super) const CAN_I: &[Group] = &[
    ANYWHERE,
    &[
        value("subresource"),
        switch("quiet").short('q').ignored(),
        switch("no-headers").ignored(),
        switch("list").refused("ask for one verb and one resource: auth can-i VERB RESOURCE"),
    ],
];

pub(super) const VERSION: &[Group] = &[
    PRINT,
    &[switch("short").ignored(), switch("client").refused("there is no client; the result is the server's version")],
];

pub(super) const API_RESOURCES: &[Group] = &[
    PRINT,
    &[
        switch("cached").ignored(),
        value("sort-by").refused(EXPRESSION),
        value("api-group").refused(EXPRESSION),
        switch("namespaced").refused(EXPRESSION),
        value("verbs").refused(EXPRESSION),
        value("categories").refused(EXPRESSION),
    ],
];
