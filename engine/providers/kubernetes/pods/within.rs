//! Programs in pods that another provider knows: which process in which pod they would reach.

use std::sync::Arc;

use playbook_core::action::{Fault, ReadAccess, Target};
use playbook_core::ports::BoxFuture;
use playbook_core::tunnel::Insider;
use serde_json::{Value, json};

use super::environment;
use super::exec;
use super::tunnel::PodTunnel;
use crate::inside::undo::Places;
use crate::inside::{There, WithinAction};
use crate::kubernetes::client::{Inside, Reader};
use crate::kubernetes::faults;
use crate::kubernetes::line::model::{Exec, Line};
use crate::kubernetes::pods;

/// The kind of record that holds another provider's.
pub(in crate::kubernetes) const WITHIN: &str = "kubernetes.inner/1";

/// Where the program of an exec would run.
pub(in crate::kubernetes) async fn of<'a>(
    action: &WithinAction,
    access: ReadAccess<'a>,
    line: &Line,
    exec: &Exec,
) -> Result<There<'a>, Fault> {
    let reader = Reader::for_line(access, line).await?;
    let (inside, pod) = exec::place(&reader, line, exec).await?;
    there(&reader, action.insider(), action.flags(), inside, &pod).await
}

/// Pods as places that records name.
pub(in crate::kubernetes) struct Pods;

impl Places for Pods {
    fn again<'o, 'a: 'o>(
        &'o self,
        access: ReadAccess<'a>,
        insider: &'o dyn Insider,
        flags: &'o [String],
        place: &'o Value,
    ) -> BoxFuture<'o, Result<There<'a>, Fault>> {
        Box::pin(async move {
            let text = |name: &str| {
                let text = place.get(name).and_then(Value::as_str).map(str::to_owned);
                text.ok_or_else(|| faults::internal(format!("a record of {WITHIN} that cannot be read")))
            };
            let reader = Reader::open(access).await?;
            let (namespace, pod) = (text("namespace")?, text("pod")?);
            let found = pods::named(&reader.door(), &namespace, &pod).await?;
            let inside = Inside { namespace, pod, uid: pods::uid(&found).to_owned(), container: text("container")? };
            there(&reader, insider, flags, inside, &found).await
        })
    }
}

/// What a program with these flags acts on in a pod.
async fn there<'a>(
    reader: &Reader<'a>,
    insider: &dyn Insider,
    flags: &[String],
    inside: Inside,
    pod: &Value,
) -> Result<There<'a>, Fault> {
    let door = reader.door();
    let environment = environment::read(&door, pod, &inside, insider.environment(flags)).await?;
    let target = reader.target();
    let tunnel = Arc::new(PodTunnel::to(&door, &inside.namespace, &inside.pod));
    let made = insider.target(Target::name(target), flags, &|name| environment.get(name), tunnel)?;
    let key = json!([insider.program(), inside.namespace, inside.uid, inside.container, flags]);
    let known = target.known();
    // A pod that was replaced has the same place; what runs in it is asked for its identity.
    let place = json!({"namespace": inside.namespace, "pod": inside.pod, "container": inside.container});
    Ok(There {
        target: known.target(&key.to_string(), &made),
        place,
        title: format!("pod/{} of {}", inside.pod, inside.namespace),
        explain: Box::new(move |fault| environment.explain(fault)),
        anew: false,
        known,
    })
}
