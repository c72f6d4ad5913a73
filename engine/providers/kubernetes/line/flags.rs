//! What a flag is: its names, whether it takes a value, and whether it means something here.

/// A flag of kubectl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flag {
    /// Without dashes.
    pub(super) name: &'static str,
    /// `-n`.
    pub(super) short: Option<char>,
    pub(super) takes: Takes,
    pub(super) meaning: Meaning,
}

/// Does a flag take a value?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// A switch: `--all`, `--all=false`.
    Nothing,
    /// `--name VALUE`, `--name=VALUE`.
    Value,
    /// `--name=VALUE`; alone it stands for this value.
    Maybe(&'static str),
}

/// What becomes of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The verb reads it.
    Read,
    /// It changes nothing here: it is about terminals or about how things are printed.
    Ignored,
    /// It cannot be had; this says what to write instead.
    Refused(&'static str),
}

/// A switch.
pub(super) const fn switch(name: &'static str) -> Flag {
    Flag { name, short: None, takes: Takes::Nothing, meaning: Meaning::Read }
}

/// A flag with a value.
pub(super) const fn value(name: &'static str) -> Flag {
    Flag { name, short: None, takes: Takes::Value, meaning: Meaning::Read }
}

/// A flag that stands for `alone` when it has no value.
pub(super) const fn maybe(name: &'static str, alone: &'static str) -> Flag {
    Flag { name, short: None, takes: Takes::Maybe(alone), meaning: Meaning::Read }
}

impl Flag {
    /// With a name of one letter.
    pub(super) const fn short(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    /// Accepted, without effect.
    pub(super) const fn ignored(self) -> Self {
        Self { meaning: Meaning::Ignored, ..self }
    }

    /// Not to be had.
    pub(super) const fn refused(self, help: &'static str) -> Self {
        Self { meaning: Meaning::Refused(help), ..self }
    }
}

/// Flags that go together, and groups of them.
pub(super) type Group = &'static [Flag];

/// Finds a flag by its long name.
pub(super) fn long(groups: &[Group], name: &str) -> Option<&'static Flag> {
    groups.iter().copied().flatten().find(|flag| flag.name == name)
}

/// Finds a flag by its letter.
pub(super) fn short(groups: &[Group], letter: char) -> Option<&'static Flag> {
    groups.iter().copied().flatten().find(|flag| flag.short == Some(letter))
}

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
