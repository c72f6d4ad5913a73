//! Environment variables of a container, as a program that is started in it sees them: some of them are
//! passwords.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use playbook_core::action::Fault;
use serde_json::Value;

use crate::kubernetes::client::{Call, Door, Inside, part};

/// The variables that were asked for.
#[derive(Clone, Debug, Default)]
pub(in crate::kubernetes) struct Environment {
    values: BTreeMap<&'static str, String>,
    /// Where a value is that could not be read.
    hidden: Option<String>,
}

impl Environment {
    pub(in crate::kubernetes) fn get(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// A password that could not be had is the cause of being refused; and that a port is forwarded is not
    /// what the author wrote.
    pub(in crate::kubernetes) fn explain(&self, fault: Fault) -> Fault {
        if fault.message.contains("pods/portforward") {
            return fault.help(
                "the program is not run: its command goes through a port of the pod, which takes the right to pods/portforward",
            );
        }
        if fault.server_code.as_deref() != Some("NOAUTH") {
            return fault;
        }
        let help = match &self.hidden {
            Some(place) => format!(
                "the password is in {place}, which this user may not read: give redis-cli -a, or use a redis target with via:"
            ),
            None => "redis-cli would be refused too: give it -a, or use a redis target with via: and a password".into(),
        };
        fault.help(help)
    }
}

/// Reads variables from the spec of a pod, and from the Secrets and ConfigMaps that it takes them from.
/// What this user may not read is not there.
pub(in crate::kubernetes) async fn read(
    door: &Door<'_>,
    pod: &Value,
    inside: &Inside,
    names: &[&'static str],
) -> Result<Environment, Fault> {
    let mut found = Environment::default();
    if names.is_empty() {
        return Ok(found);
    }
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    let container =
        containers.into_iter().find(|one| one.get("name").is_some_and(|name| name == inside.container.as_str()));
    let listed = |at: &str| {
        let list = container.and_then(|container| container.get(at)).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    for source in listed("envFrom") {
        let prefix = source.get("prefix").and_then(Value::as_str).unwrap_or_default();
        for (kind, field) in KINDS {
            let Some(object) = source.pointer(&format!("/{field}Ref/name")).and_then(Value::as_str) else { continue };
            for name in names.iter().filter_map(|name| Some((*name, name.strip_prefix(prefix)?))) {
                found.take(door, inside, *kind, object, name).await?;
            }
        }
    }
    for variable in listed("env") {
        let own = variable.get("name").and_then(Value::as_str);
        let Some(name) = names.iter().find(|name| Some(**name) == own) else { continue };
        found.values.remove(name);
        found.hidden = None;
        if let Some(value) = variable.get("value").and_then(Value::as_str) {
            found.values.insert(name, value.to_owned());
        }
        for (kind, field) in KINDS {
            let from = variable.pointer(&format!("/valueFrom/{field}KeyRef"));
            let text = |at: &str| from.and_then(|from| from.get(at)).and_then(Value::as_str);
            if let (Some(object), Some(key)) = (text("name"), text("key")) {
                found.take(door, inside, *kind, object, (*name, key)).await?;
            }
        }
    }
    Ok(found)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Secret,
    ConfigMap,
}

const KINDS: &[(Kind, &str)] = &[(Kind::Secret, "secret"), (Kind::ConfigMap, "configMap")];

impl Environment {
    async fn take(
        &mut self,
        door: &Door<'_>,
        inside: &Inside,
        kind: Kind,
        object: &str,
        (name, key): (&'static str, &str),
    ) -> Result<(), Fault> {
        let (plural, word) = match kind {
            Kind::Secret => ("secrets", "Secret"),
            Kind::ConfigMap => ("configmaps", "ConfigMap"),
        };
        let path = format!("/api/v1/namespaces/{}/{plural}/{}", part(&inside.namespace), part(object));
        let read = match door.find(&Call::get(path)).await {
            Ok(read) => read,
            Err(fault) if fault.kind == playbook_core::action::FaultKind::Unauthorised => {
                self.hidden = Some(format!("{word} {object}"));
                return Ok(());
            }
            Err(fault) => return Err(fault),
        };
        let text = read.as_ref().and_then(|read| read.get("data")?.get(key)?.as_str());
        let value = match (kind, text) {
            (Kind::ConfigMap, text) => text.map(str::to_owned),
            (Kind::Secret, text) => text.and_then(|text| String::from_utf8(STANDARD.decode(text).ok()?).ok()),
        };
        if let Some(value) = value {
            self.values.insert(name, value);
        }
        Ok(())
    }
}
