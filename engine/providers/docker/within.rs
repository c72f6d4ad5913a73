//! Programs in containers that another provider knows: which process in which container they would
//! reach. It is reached through a port of the container, by the engine's GET alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use playbook_core::action::{Fault, FaultKind, ReadAccess, Target};
use playbook_core::codes::Code;
use playbook_core::ports::BoxFuture;
use playbook_core::tunnel::Insider;
use serde_json::{Value, json};

use super::asked::Asked;
use super::change::{container_of, exec};
use super::client::Reader;
use super::faults;
use super::line::model::Exec;
use super::standing::{id, name};
use super::tunnel::ContainerTunnel;
use crate::inside::undo::Places;
use crate::inside::{There, WithinAction};

/// The kind of record that holds another provider's.
pub(super) const WITHIN: &str = "docker.inner/1";

/// Where the program of an exec would run.
pub(super) async fn of<'a>(
    action: &WithinAction,
    access: ReadAccess<'a>,
    asked: &Asked,
    exec: &Exec,
) -> Result<There<'a>, Fault> {
    let reader = Reader::open(access).await?;
    let container = container_of(&reader, asked).await?;
    let container = exec::running(&reader, &container).await?;
    there(&reader, action.insider(), action.flags(), &container, &exec.environment)
}

/// Containers as places that records name.
pub(super) struct Containers;

impl Places for Containers {
    fn again<'o, 'a: 'o>(
        &'o self,
        access: ReadAccess<'a>,
        insider: &'o dyn Insider,
        flags: &'o [String],
        place: &'o Value,
    ) -> BoxFuture<'o, Result<There<'a>, Fault>> {
        Box::pin(async move {
            let named = place.get("container").and_then(Value::as_str);
            let named = named.ok_or_else(|| faults::internal(format!("a record of {WITHIN} that cannot be read")))?;
            let reader = Reader::open(access).await?;
            let container = exec::running(&reader, named).await?;
            there(&reader, insider, flags, &container, &[])
        })
    }
}

/// What a program with these flags acts on in a container.
fn there<'a>(
    reader: &Reader<'a>,
    insider: &dyn Insider,
    flags: &[String],
    container: &Value,
    given: &[String],
) -> Result<There<'a>, Fault> {
    let environment = environment(container, given, insider.environment(flags));
    let target = reader.target();
    let tunnel = Arc::new(ContainerTunnel::to(reader, id(container)));
    let made = insider.target(Target::name(target), flags, &|name| environment.get(name).cloned(), tunnel)?;
    let key = json!([insider.program(), id(container), flags]);
    let title = format!("container {}", name(container));
    let known = target.known();
    let program = insider.program();
    Ok(There {
        target: known.target(&key.to_string(), &made),
        // One that was made again has the same name; what runs in it is asked for its identity.
        place: json!({"container": name(container)}),
        title: title.clone(),
        explain: Box::new(move |fault| explain(fault, program, &title)),
        anew: target.memory().has_started(name(container)),
        known,
    })
}

/// Variables that the program takes a password from, as it would see them.
fn environment(container: &Value, given: &[String], names: &[&'static str]) -> BTreeMap<String, String> {
    let own = container.pointer("/Config/Env").and_then(Value::as_array).into_iter().flatten();
    let own = own.filter_map(Value::as_str);
    let pairs = own.chain(given.iter().map(String::as_str)).filter_map(|pair| pair.split_once('='));
    let wanted = pairs.filter(|(name, _)| names.contains(name));
    wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// That a port is connected to is not what the author wrote.
fn explain(fault: Fault, program: &str, title: &str) -> Fault {
    match fault.server_code.as_deref() {
        Some("NOAUTH") => {
            fault.help(format!("{program} would be refused too: give it -a, or use a redis target with via:"))
        }
        Some("DENIED") => fault.help(format!(
            "{program} is not run: its command goes through a port of {title}, and the server lets in only who is \
             inside (protected-mode); give the server a password, or set protected-mode no"
        )),
        _ if fault.kind == FaultKind::Unreachable && fault.code == Code::Unreachable => fault.help(format!(
            "{program} is not run: its command goes through a port of {title}, which has to be published or to \
             listen on the container's address"
        )),
        _ => fault,
    }
}
