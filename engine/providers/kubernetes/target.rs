//! A cluster as a target: where it is, as whom, who is expected there, and who answers.

use std::any::Any;
use std::sync::Arc;

use playbook_core::action::{Fault, FaultKind, Identity, ReadAccess, Target};
use playbook_core::codes::Code;
use playbook_core::ports::{BoxFuture, Cancel};
use playbook_core::secret::Secrets;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::client::{Call, Opened, Place, Reader, Wire, open};
use super::faults;
use super::resources::Catalogue;
use super::target_draft::Expect;

/// A cluster. Connects when it is first used.
pub(super) struct KubeTarget {
    name: String,
    place: Place,
    expect: Option<Expect>,
    secrets: Secrets,
    wire: OnceCell<Wire>,
    catalogue: OnceCell<Arc<Catalogue>>,
}

impl KubeTarget {
    pub(super) fn new(name: &str, place: Place, expect: Option<Expect>, secrets: Secrets) -> Self {
        let (wire, catalogue) = (OnceCell::new(), OnceCell::new());
        Self { name: name.to_owned(), place, expect, secrets, wire, catalogue }
    }

    /// The target of an access, which is always one of this provider's.
    pub(super) fn of(target: &dyn Target) -> Result<&Self, Fault> {
        target.as_any().downcast_ref().ok_or_else(|| faults::internal("a target of another provider"))
    }

    /// What of a configuration may not be shown is known from here on.
    pub(super) async fn wire(&self) -> Result<Wire, Fault> {
        let made = async {
            let opened = open(&self.place).await?;
            for (name, value) in &opened.secrets {
                self.secrets.add(&format!("target.{}.{name}", self.name), value);
            }
            self.pinned(&opened)?;
            Ok(Wire::new(opened))
        };
        self.wire.get_or_try_init(|| made).await.cloned()
    }

    /// What the server has, asked once.
    pub(super) async fn catalogue(&self, reader: &Reader<'_>) -> Result<Arc<Catalogue>, Fault> {
        let asked = async { Ok(Arc::new(Catalogue::ask(reader).await?)) };
        self.catalogue.get_or_try_init(|| asked).await.cloned()
    }

    /// Before anything is sent: is it the server that is expected?
    fn pinned(&self, opened: &Opened) -> Result<(), Fault> {
        let Some(expected) = self.expect.as_ref().and_then(|expect| expect.server.as_deref()) else { return Ok(()) };
        if expected.trim_end_matches('/') == opened.server {
            return Ok(());
        }
        let context = opened.context.as_deref().unwrap_or("in-cluster");
        Err(differs(&format!("the context `{context}` leads to {}, and {expected} is expected", opened.server)))
    }

    async fn who(&self, cancel: &dyn Cancel) -> Result<Identity, Fault> {
        let reader = Reader::open(ReadAccess::new(self, cancel)).await?;
        let opened = reader.opened().clone();
        let version = reader.send(&Call::get("/version")).await?;
        // The namespace that every cluster has from its birth tells clusters apart.
        let system = reader.find(&Call::get("/api/v1/namespaces/kube-system")).await;
        let uid = system.ok().flatten().and_then(|found| found.pointer("/metadata/uid")?.as_str().map(str::to_owned));
        let user = self.user(&reader).await;
        let id =
            uid.as_ref().map_or_else(|| format!("kubernetes:{}", opened.server), |uid| format!("kubernetes:{uid}"));
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("unknown").to_owned();
        let facts = vec![
            ("version".to_owned(), text(version.get("gitVersion"))),
            ("address".to_owned(), opened.server.clone()),
            ("context".to_owned(), opened.context.clone().unwrap_or_else(|| "in-cluster".into())),
            ("namespace".to_owned(), opened.namespace.clone()),
            ("user".to_owned(), user.unwrap_or_else(|| "unknown".into())),
        ];
        if let Some(expect) = &self.expect {
            expect.check(uid.as_deref(), &facts).map_err(|why| differs(&why))?;
        }
        Ok(Identity { id, facts })
    }

    /// Newer servers say whom they take us for; older ones say it when they refuse.
    async fn user(&self, reader: &Reader<'_>) -> Option<String> {
        for version in ["v1", "v1beta1", "v1alpha1"] {
            let path = format!("/apis/authentication.k8s.io/{version}/selfsubjectreviews");
            let body = json!({"apiVersion": format!("authentication.k8s.io/{version}"), "kind": "SelfSubjectReview"});
            if let Ok(answer) = reader.send(&Call::with("POST", path, body)).await {
                return answer.pointer("/status/userInfo/username")?.as_str().map(str::to_owned);
            }
        }
        None
    }
}

fn differs(why: &str) -> Fault {
    Fault::new(FaultKind::WrongTarget, Code::WrongTarget, why.to_owned()).help("check the context; nothing was changed")
}

impl Target for KubeTarget {
    fn name(&self) -> &str {
        &self.name
    }

    fn address(&self) -> String {
        match (self.wire.get(), &self.place.context) {
            (Some(wire), _) => wire.opened().server.clone(),
            (None, Some(context)) => format!("context {context}"),
            (None, None) => "the current context".into(),
        }
    }

    fn identify<'a>(&'a self, cancel: &'a dyn Cancel) -> BoxFuture<'a, Result<Identity, Fault>> {
        Box::pin(self.who(cancel))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
