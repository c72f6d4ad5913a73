//! Flags of kubectl that several verbs share.

use crate::line::flags::{Group, maybe, switch, value};

const TARGET: &str =
    "where and as whom to connect belongs to the target: targets: {cluster: {kubernetes: {context: …}}}";
const CREDENTIALS: &str = "credentials belong to the target, and come from a kubeconfig or a secret";

/// Flags of every verb.
pub(super) const GLOBAL: Group = &[
    value("namespace").short('n'),
    value("as"),
    value("as-group"),
    value("as-uid").refused("leave it out; --as and --as-group are understood"),
    value("request-timeout"),
    value("context").refused(TARGET),
    value("kubeconfig").refused(TARGET),
    value("server").short('s').refused(TARGET),
    value("cluster").refused(TARGET),
    value("user").refused(TARGET),
    value("token").refused(CREDENTIALS),
    value("username").refused(CREDENTIALS),
    value("password").refused(CREDENTIALS),
    value("client-certificate").refused(CREDENTIALS),
    value("client-key").refused(CREDENTIALS),
    value("certificate-authority").refused(TARGET),
    value("tls-server-name").refused(TARGET),
    switch("insecure-skip-tls-verify").refused(TARGET),
    switch("help").short('h').refused("leave it out; docs/ tells what a kubectl step takes"),
    maybe("dry-run", "unchanged")
        .refused("leave it out; `playbook plan` lets the API server try the step without changing anything"),
    value("v").short('v').ignored(),
    value("vmodule").ignored(),
    value("cache-dir").ignored(),
    value("log-flush-frequency").ignored(),
    value("profile").ignored(),
    value("profile-output").ignored(),
    value("kuberc").ignored(),
    switch("match-server-version").ignored(),
    switch("disable-compression").ignored(),
    switch("warnings-as-errors").ignored(),
];

const DATA: &str = "the result is data: use steps.ID.items, or steps.ID.item for one object";

/// How kubectl prints. A result is data, so nothing of it matters; `--output` is checked.
pub(super) const PRINT: Group = &[
    value("output").short('o'),
    switch("show-managed-fields").ignored(),
    switch("allow-missing-template-keys").ignored(),
    switch("no-headers").ignored(),
    value("chunk-size").ignored(),
    value("template").refused(DATA),
];

/// `-f`.
pub(super) const FILES: Group = &[
    value("filename").short('f'),
    switch("recursive").short('R'),
    value("kustomize").short('k').refused("write the built manifests to a file and name it with -f"),
];

/// `-l`.
pub(super) const LABELS: Group = &[value("selector").short('l')];

/// `--field-selector`.
pub(super) const FIELDS: Group = &[value("field-selector")];

/// `--all`.
pub(super) const ALL: Group = &[switch("all")];

/// `-A`.
pub(super) const ANYWHERE: Group = &[switch("all-namespaces").short('A')];

/// What comes with every verb that changes something.
pub(super) const CHANGES: Group = &[
    maybe("record", "true").ignored(),
    value("field-manager").refused("leave it out; playbook is the field manager of what it changes"),
    switch("local").refused("leave it out; `playbook plan` shows what would change"),
];

/// What comes with `apply` and `create`.
pub(super) const VALIDATION: Group = &[
    maybe("validate", "strict").ignored(),
    switch("save-config").ignored(),
    switch("edit").refused("a step asks nobody; write the change into the file"),
    switch("windows-line-endings").ignored(),
];

/// `-w`.
pub(super) const WATCH: Group = &[
    switch("watch").short('w').refused("a watch never ends; use until: on the step, or kubectl wait --for=…"),
    switch("watch-only").refused("a watch never ends; use until: on the step, or kubectl wait --for=…"),
    switch("output-watch-events").refused("a watch never ends; use until: on the step, or kubectl wait --for=…"),
];
