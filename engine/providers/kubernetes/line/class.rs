//! Effect and reversal of a line, before a cluster is asked.

use playbook_core::model::{Class, Effect, Reversal};

use super::inner::{inner_redis, only_looks};
use super::model::{Exec, Line, Verb};

/// What a line does, as far as it can be known without a cluster. Of a program in a pod that somebody
/// knows (redis-cli), that one is asked instead.
pub(in crate::kubernetes) fn class(line: &Line) -> Class {
    match &line.verb {
        Verb::Get(_)
        | Verb::Describe(_)
        | Verb::Events { .. }
        | Verb::Logs(_)
        | Verb::Top { .. }
        | Verb::RolloutStatus { .. }
        | Verb::RolloutHistory { .. }
        | Verb::Wait { .. }
        | Verb::CanI { .. }
        | Verb::Version
        | Verb::ApiResources => Class::READ,
        Verb::Exec(exec) => inside(exec),
        Verb::RolloutUndo { .. }
        | Verb::RolloutPause(_)
        | Verb::RolloutResume(_)
        | Verb::Apply { .. }
        | Verb::Create(_)
        | Verb::Patch { .. }
        | Verb::SetImage { .. }
        | Verb::SetEnv { .. }
        | Verb::SetResources { .. }
        | Verb::Scale { .. }
        | Verb::Autoscale { .. }
        | Verb::Label { .. }
        | Verb::Annotate { .. }
        | Verb::Cordon(_)
        | Verb::Uncordon(_) => Class::new(Effect::Change, Reversal::Exact),
        Verb::RolloutRestart(_) => Class::new(Effect::Disrupt, Reversal::NoneNeeded),
        Verb::Drain { .. } => Class::new(
            Effect::Disrupt,
            Reversal::BestEffort("the node is uncordoned; pods that were evicted do not come back by it".into()),
        ),
        Verb::Delete { .. } => Class::new(
            Effect::Destroy,
            Reversal::BestEffort(
                "the objects are made again from what was captured; their status and the data they owned are gone"
                    .into(),
            ),
        ),
    }
}

fn inside(exec: &Exec) -> Class {
    match inner_redis(exec) {
        Some(_) => unknown("redis-cli may talk to another server; a redis target with via: would tell"),
        None if only_looks(exec) => Class::READ,
        None => unknown("nobody knows what the program does"),
    }
}

fn unknown(why: &str) -> Class {
    Class::new(Effect::Unknown, Reversal::Impossible(why.to_owned()))
}
