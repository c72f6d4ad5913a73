//! Flags of docker and compose that several verbs share.

use crate::line::flags::{Group, switch, value};

pub(super) const TARGET: &str =
    "where to connect belongs to the target: targets: {engine: {docker: {host: …}}}, or {docker: {context: …}}";
pub(super) const DATA: &str = "the result is data: use steps.ID in expressions and in expect:";
pub(super) const FOLLOW: &str = "following never ends; use until: on the step to wait for a line";
pub(super) const DETACH_KEYS: &str = "leave it out; nobody is attached";

/// Flags before the verb of docker.
pub(super) const GLOBAL: Group = &[
    switch("debug").short('D').ignored(),
    value("log-level").short('l').ignored(),
    value("context").short('c').refused(TARGET),
    value("host").short('H').refused(TARGET),
    value("config").refused(TARGET),
    switch("tls").refused(TARGET),
    switch("tlsverify").refused(TARGET),
    value("tlscacert").refused(TARGET),
    value("tlscert").refused(TARGET),
    value("tlskey").refused(TARGET),
    switch("version").short('v').refused("write version"),
    switch("help").refused(HELP),
];

const HELP: &str = "leave it out; docs/ tells what a docker step takes";

/// Flags before the verb of compose.
pub(super) const COMPOSE: Group = &[
    value("file").short('f'),
    value("project-name").short('p'),
    value("project-directory"),
    value("workdir"),
    value("profile"),
    value("env-file"),
    value("ansi").ignored(),
    value("progress").ignored(),
    value("parallel").ignored(),
    value("log-level").ignored(),
    switch("no-ansi").ignored(),
    switch("verbose").ignored(),
    value("context").short('c').refused(TARGET),
    value("host").short('H').refused(TARGET),
    switch("tls").refused(TARGET),
    switch("tlsverify").refused(TARGET),
    value("tlscacert").refused(TARGET),
    value("tlscert").refused(TARGET),
    value("tlskey").refused(TARGET),
    switch("skip-hostname-check").refused(TARGET),
    switch("compatibility").refused("leave it out; it gives other names to containers and to limits"),
    switch("all-resources").refused("leave it out; name profiles with --profile"),
    switch("dry-run").refused("leave it out; `playbook plan` shows what would change"),
    switch("version").short('v').refused("write version"),
    switch("help").short('h').refused(HELP),
];

/// `--help` after a verb.
pub(super) const HELPED: Group = &[switch("help").refused(HELP)];

/// How docker prints. A result is data, so nothing of it matters.
pub(super) const PRINT: Group =
    &[value("format").refused(DATA), switch("quiet").short('q').ignored(), switch("no-trunc").ignored()];

/// As [`PRINT`], where `-f` is short for it.
pub(super) const PRINT_F: Group = &[value("format").short('f').refused(DATA)];

/// `-f KEY=VALUE`.
pub(super) const FILTER: Group = &[value("filter").short('f')];

/// What a prune takes: it asks nobody.
pub(super) const PRUNE: Group = &[value("filter"), switch("force").short('f').ignored()];

/// `-t`, `-s`: how something is stopped. `--time` is what it was called before.
pub(super) const STOP: Group = &[value("timeout").short('t'), value("time"), value("signal").short('s')];
