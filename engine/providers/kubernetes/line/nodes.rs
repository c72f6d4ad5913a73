//! `kubectl cordon`, `uncordon`, `drain`.

use super::model::{NodeChoice, Verb};
use super::objects::name;
use crate::line::problem::Problem;
use crate::line::reader::Reader;

fn nodes(reader: &Reader) -> Result<NodeChoice, Problem> {
    let selectors = reader.selectors()?;
    match (reader.arguments.first(), selectors.labels) {
        (Some(extra), Some(_)) => Err(extra.problem("both names and a selector", "leave one of them out")),
        (None, Some(labels)) => Ok(NodeChoice::Labels(labels)),
        (None, None) => {
            Err(reader.wrong(format!("{} which node?", reader.verb), format!("write {} NODE", reader.verb)))
        }
        (Some(_), None) => {
            let names = reader.arguments.iter().map(|piece| match piece.split('/') {
                Some((kind, rest)) if ["node", "nodes", "no"].contains(&kind.as_str()) => name(&rest),
                Some((kind, _)) => Err(piece.problem(
                    format!("{} is for nodes, and this is a {kind}", reader.verb),
                    format!("write {} NODE", reader.verb),
                )),
                None => name(piece),
            });
            Ok(NodeChoice::Names(names.collect::<Result<_, _>>()?))
        }
    }
}

pub(super) fn cordon(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Cordon(nodes(reader)?))
}

pub(super) fn uncordon(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Uncordon(nodes(reader)?))
}

pub(super) fn drain(reader: &Reader) -> Result<Verb, Problem> {
    Ok(Verb::Drain {
        nodes: nodes(reader)?,
        ignore_daemonsets: reader.on("ignore-daemonsets")?,
        delete_emptydir_data: reader.on("delete-emptydir-data")? || reader.on("delete-local-data")?,
        force: reader.on("force")?,
        grace_seconds: reader.natural("grace-period")?,
        timeout_ms: reader.patience("timeout")?,
        pods: reader.text("pod-selector"),
    })
}
