//! Which verb of compose takes which flags: those of version 2 and of version 1.

use crate::docker::line::flags::{DATA, DETACH_KEYS, FOLLOW};
use crate::line::flags::{Group, maybe, switch, value};

const BUILD: &str = "leave it out; a step builds nothing: build the image beforehand, or by shell:";
const LATER: &str = "leave it out; timeout: of the step bounds everything";
const BACKGROUND: &str = "leave it out and write up -d; logs SERVICE has what it prints";
const OF_DOCKER: &str = "write docker: run …, which has it";

/// How compose prints.
const PRINT: Group = &[
    switch("quiet").short('q').ignored(),
    value("format").refused(DATA),
    switch("no-color").ignored(),
    switch("no-log-prefix").ignored(),
    switch("no-trunc").ignored(),
];

const PATIENCE: Group = &[value("timeout").short('t')];

/// What is about a terminal.
const TERMINAL: Group = &[
    switch("interactive").short('i').ignored(),
    switch("tty").short('t').ignored(),
    switch("no-TTY").short('T').ignored(),
    switch("no-tty").ignored(),
    value("detach-keys").refused(DETACH_KEYS),
];

pub(super) const NONE: &[Group] = &[];

pub(super) const PS: &[Group] = &[
    PRINT,
    &[
        switch("all").short('a'),
        switch("services").refused(DATA),
        value("filter").refused(DATA),
        value("status").refused(DATA),
        maybe("orphans", "true").ignored(),
    ],
];

pub(super) const LOGS: &[Group] = &[
    PRINT,
    &[
        switch("follow").short('f').refused(FOLLOW),
        value("tail").short('n'),
        value("since"),
        value("until"),
        switch("timestamps").short('t'),
        value("index").refused("name the container: docker: logs CONTAINER"),
    ],
];

pub(super) const PRINTED: &[Group] = &[PRINT];

pub(super) const LS: &[Group] = &[PRINT, &[switch("all").short('a'), value("filter").refused(DATA)]];

pub(super) const START: &[Group] = &[&[switch("wait").ignored(), value("wait-timeout").refused(LATER)]];

pub(super) const STOP: &[Group] = &[PATIENCE];

/// Only what is named is restarted, with and without `--no-deps`.
pub(super) const RESTART: &[Group] = &[PATIENCE, &[switch("no-deps").ignored()]];

pub(super) const KILL: &[Group] =
    &[&[value("signal").short('s'), switch("remove-orphans").refused("write down --remove-orphans")]];

pub(super) const RM: &[Group] = &[&[
    switch("force").short('f').ignored(),
    switch("stop").short('s'),
    switch("volumes").short('v'),
    switch("all").short('a').ignored(),
]];

pub(super) const DOWN: &[Group] = &[PATIENCE, &[switch("volumes").short('v'), switch("remove-orphans"), value("rmi")]];

pub(super) const UP: &[Group] = &[
    PATIENCE,
    PRINT,
    &[
        switch("detach").short('d'),
        value("scale"),
        switch("force-recreate"),
        switch("no-recreate"),
        switch("no-deps"),
        switch("remove-orphans"),
        switch("renew-anon-volumes").short('V'),
        switch("no-start"),
        value("pull"),
        switch("wait"),
        value("wait-timeout"),
        switch("quiet-pull").ignored(),
        switch("quiet-build").ignored(),
        switch("no-build").ignored(),
        switch("timestamps").ignored(),
        switch("menu").ignored(),
        switch("yes").short('y').ignored(),
        value("no-attach").ignored(),
        switch("build").refused(BUILD),
        switch("always-recreate-deps").refused("leave it out; name the services, with --force-recreate"),
        switch("abort-on-container-exit").refused(BACKGROUND),
        switch("abort-on-container-failure").refused(BACKGROUND),
        value("exit-code-from").refused("write compose run SERVICE; the exit code is steps.ID.code"),
        value("attach").refused(BACKGROUND),
        switch("attach-dependencies").refused(BACKGROUND),
        switch("watch").short('w').refused("leave it out; watching never ends"),
    ],
];

pub(super) const SCALE: &[Group] = &[PATIENCE, &[switch("no-deps").ignored()]];

pub(super) const PULL: &[Group] = &[
    PRINT,
    &[
        switch("parallel").ignored(),
        switch("no-parallel").ignored(),
        switch("ignore-buildable").ignored(),
        switch("ignore-pull-failures").refused("leave it out; name the services whose images are there"),
        switch("include-deps").refused("leave it out; name the services"),
        value("policy").refused("leave it out; up --pull takes one"),
    ],
];

pub(super) const EXEC: &[Group] = &[
    TERMINAL,
    &[
        switch("detach").short('d'),
        value("env").short('e'),
        value("index"),
        switch("privileged"),
        value("user").short('u'),
        value("workdir").short('w'),
    ],
];

pub(super) const RUN: &[Group] = &[
    TERMINAL,
    PRINT,
    &[
        switch("detach").short('d'),
        value("env").short('e'),
        value("entrypoint"),
        value("name"),
        switch("no-deps"),
        switch("rm"),
        value("user").short('u'),
        value("volume").short('v'),
        value("workdir").short('w'),
        switch("quiet-pull").ignored(),
        switch("quiet-build").ignored(),
        switch("build").refused(BUILD),
        value("cap-add").refused(OF_DOCKER),
        value("cap-drop").refused(OF_DOCKER),
        value("env-from-file").refused("write -e NAME=VALUE for each variable"),
        value("label").short('l').refused(OF_DOCKER),
        value("publish").short('p').refused(OF_DOCKER),
        value("pull").refused("write compose pull SERVICE in a step of its own"),
        switch("remove-orphans").refused("write down --remove-orphans"),
        switch("service-ports").short('P').refused(OF_DOCKER),
        switch("use-aliases").refused("leave it out; up -d SERVICE has its aliases"),
    ],
];
