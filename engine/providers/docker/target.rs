//! An engine as a target: where it is, who is expected there, and who answers.

use std::any::Any;

use playbook_core::action::{Fault, FaultKind, Identity, ReadAccess, Target};
use playbook_core::codes::Code;
use playbook_core::ports::{BoxFuture, Cancel};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::client::{Call, Place, Reader, Wire, open};
use super::expect::Expect;
use super::faults;
use super::memory::Memory;
use crate::inside::Known;

/// An engine. Connects when it is first used.
pub(super) struct DockerTarget {
    name: String,
    place: Place,
    expect: Option<Expect>,
    wire: OnceCell<Wire>,
    memory: Memory,
    known: Known,
}

impl DockerTarget {
    pub(super) fn new(name: &str, place: Place, expect: Option<Expect>) -> Self {
        Self {
            name: name.to_owned(),
            place,
            expect,
            wire: OnceCell::new(),
            memory: Memory::default(),
            known: Known::default(),
        }
    }

    /// The target of an access, which is always one of this provider's.
    pub(super) fn of(target: &dyn Target) -> Result<&Self, Fault> {
        target.as_any().downcast_ref().ok_or_else(|| faults::internal("a target of another provider"))
    }

    /// What this process did there.
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What this process knows of what it reached into there.
    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// Where the engine is, found out once.
    pub(super) async fn wire(&self) -> Result<Wire, Fault> {
        self.wire.get_or_try_init(|| async { Ok(Wire::new(open(&self.place)?)) }).await.cloned()
    }

    async fn who(&self, cancel: &dyn Cancel) -> Result<Identity, Fault> {
        let reader = Reader::open(ReadAccess::new(self, cancel)).await?;
        let info = reader.get(&Call::get("/info")).await?;
        let text = |name: &str| info.get(name).and_then(Value::as_str).unwrap_or("unknown").to_owned();
        let host = reader.opened().host.clone();
        let engine = Some(text("ID")).filter(|id| !id.is_empty() && id != "unknown");
        let mut facts = vec![
            ("name".to_owned(), text("Name")),
            ("version".to_owned(), text("ServerVersion")),
            ("api".to_owned(), reader.wire().version().unwrap_or("unknown").to_owned()),
            ("address".to_owned(), host.clone()),
            ("os".to_owned(), format!("{} ({})", text("OperatingSystem"), text("Architecture"))),
            ("storage".to_owned(), text("Driver")),
        ];
        if let Some(context) = &reader.opened().context {
            facts.push(("context".to_owned(), context.clone()));
        }
        if let Some(expect) = &self.expect {
            // The id is what the identity is, and not said twice.
            let id = ("engine".to_owned(), engine.clone().unwrap_or_else(|| "unknown".into()));
            let known: Vec<(String, String)> = facts.iter().cloned().chain([id]).collect();
            expect.check(&known).map_err(|why| {
                Fault::new(FaultKind::WrongTarget, Code::WrongTarget, format!("{host}: {why}"))
                    .help("check host, context and DOCKER_HOST, or change expect:; nothing was changed")
            })?;
        }
        // Engines that have no id are told apart by where they are.
        let id = engine.unwrap_or(host);
        Ok(Identity { id: format!("docker:{id}"), facts })
    }
}

impl Target for DockerTarget {
    fn name(&self) -> &str {
        &self.name
    }

    fn address(&self) -> String {
        match (self.wire.get(), &self.place.host, &self.place.context) {
            (Some(wire), ..) => wire.opened().host.clone(),
            (None, Some(host), _) => host.clone(),
            (None, None, Some(context)) => format!("context {context}"),
            (None, None, None) => "the current context".into(),
        }
    }

    fn identify<'a>(&'a self, cancel: &'a dyn Cancel) -> BoxFuture<'a, Result<Identity, Fault>> {
        Box::pin(self.who(cancel))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use playbook_core::ports::Never;
    use serde_json::json;

    use super::*;
    use crate::docker::client::testing::{Asked, Does, Fake};

    #[tokio::test]
    async fn an_engine_says_who_it_is() {
        let info = json!({"ID": "ABCD:EFGH", "Name": "host-1", "ServerVersion": "20.10.24", "Driver": "overlay2",
            "OperatingSystem": "Debian 12", "Architecture": "x86_64"});
        let engine = Fake::start(move |asked: &Asked| (asked.path == "/info").then(|| Does::Json(200, info.clone())));
        let identity = engine.target().identify(&Never).await.unwrap();
        assert_eq!(identity.id, "docker:ABCD:EFGH");
        let fact = |name: &str| identity.facts.iter().find(|(known, _)| known == name).map(|(_, fact)| fact.as_str());
        assert_eq!((fact("name"), fact("api"), fact("storage")), (Some("host-1"), Some("1.41"), Some("overlay2")));
        let expect = Expect { name: Some("host-2".into()), ..Expect::default() };
        let host = format!("unix://{}", engine.socket().display());
        let other = DockerTarget::new("d", Place { host: Some(host), ..Place::default() }, Some(expect));
        let fault = other.identify(&Never).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::WrongTarget);
        assert!(fault.message.ends_with("the name is host-1, and host-2 is expected"), "{}", fault.message);
    }
}
