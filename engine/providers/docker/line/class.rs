//! Effect and reversal of a line, before an engine is asked.

use playbook_core::model::{Class, Effect, Reversal};

use super::inner::{inner_redis, only_looks};
use super::model::{Act, ComposeVerb, Exec, Verb, What};

const OUTSIDE: &str = "what containers wrote outside of volumes is gone";
const MADE_ANEW: &str = "what containers that are made anew wrote outside of volumes is gone";
const NOBODY_KNOWS: &str = "nobody knows what the program does";
const MEANWHILE: &str = "the container is removed again; what it did meanwhile is not known";

/// What a line does, as far as it can be known without an engine. Of a program in a container that
/// somebody knows (redis-cli), that one is asked instead.
pub(in crate::docker) fn class(verb: &Verb) -> Class {
    match verb {
        Verb::Ps { .. }
        | Verb::Inspect { .. }
        | Verb::Logs(_)
        | Verb::Stats { .. }
        | Verb::Top { .. }
        | Verb::Port { .. }
        | Verb::Diff { .. }
        | Verb::Images { .. }
        | Verb::Volumes { .. }
        | Verb::Networks { .. }
        | Verb::Version
        | Verb::Info
        | Verb::DiskUsage
        | Verb::Wait { .. } => Class::READ,
        Verb::Life { act, .. } => of_act(act),
        Verb::Exec(exec) => of_exec(exec),
        Verb::Run(run) if run.detached => best(Effect::Change, MEANWHILE),
        Verb::Run(_) => unknown(NOBODY_KNOWS),
        Verb::Rename { .. }
        | Verb::Pull { .. }
        | Verb::VolumeCreate { .. }
        | Verb::NetworkCreate { .. }
        | Verb::NetworkRemove { .. }
        | Verb::Connect { .. } => exact(Effect::Change),
        Verb::Disconnect { .. } => exact(Effect::Disrupt),
        Verb::Remove { volumes, .. } => destroy(of_removed(*volumes)),
        Verb::VolumeRemove { .. } => destroy("the data in the volumes is gone"),
        Verb::Prune { what, .. } => destroy(match what {
            What::Container => of_removed(false),
            What::Image => "the images are gone, and may not be had again",
            What::Volume => "the data in the volumes is gone",
            What::Network => "nobody knows beforehand which networks go",
        }),
        Verb::Compose(compose) => of_compose(&compose.verb),
    }
}

fn of_act(act: &Act) -> Class {
    match act {
        Act::Start | Act::Unpause | Act::Update(_) => exact(Effect::Change),
        Act::Stop { .. } | Act::Kill { .. } | Act::Pause => exact(Effect::Disrupt),
        Act::Restart { .. } => Class::new(Effect::Disrupt, Reversal::NoneNeeded),
    }
}

fn of_exec(exec: &Exec) -> Class {
    match inner_redis(exec) {
        Some(_) => unknown("redis-cli may talk to another server; a redis target with via: would tell"),
        None if only_looks(exec) => Class::READ,
        None => unknown(NOBODY_KNOWS),
    }
}

fn of_compose(verb: &ComposeVerb) -> Class {
    match verb {
        ComposeVerb::Ps { .. }
        | ComposeVerb::Logs(_)
        | ComposeVerb::Top { .. }
        | ComposeVerb::Images { .. }
        | ComposeVerb::Projects { .. } => Class::READ,
        ComposeVerb::Life { act, .. } => of_act(act),
        ComposeVerb::Remove { volumes, .. } => destroy(of_removed(*volumes)),
        ComposeVerb::Down { volumes: true, .. } => destroy("the data in the volumes is gone"),
        ComposeVerb::Down { images: Some(_), .. } => destroy("the images are gone, and may not be had again"),
        ComposeVerb::Down { .. } => best(Effect::Disrupt, OUTSIDE),
        ComposeVerb::Up(_) => best(Effect::Disrupt, MADE_ANEW),
        ComposeVerb::Pull { .. } => exact(Effect::Change),
        ComposeVerb::Exec(exec) => of_exec(exec),
        ComposeVerb::Run(_) => unknown(NOBODY_KNOWS),
    }
}

fn of_removed(volumes: bool) -> &'static str {
    if volumes { "what containers wrote is gone, and the data in their anonymous volumes" } else { OUTSIDE }
}

fn exact(effect: Effect) -> Class {
    Class::new(effect, Reversal::Exact)
}

fn best(effect: Effect, left: &str) -> Class {
    Class::new(effect, Reversal::BestEffort(left.to_owned()))
}

fn destroy(why: &str) -> Class {
    Class::new(Effect::Destroy, Reversal::Impossible(why.to_owned()))
}

fn unknown(why: &str) -> Class {
    Class::new(Effect::Unknown, Reversal::Impossible(why.to_owned()))
}
