//! A cluster as a target: where it is, as whom, who is expected there, and who answers.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use playbook_core::action::{Fault, FaultKind, Identity, ReadAccess, Target, WriteAccess};
use playbook_core::codes::Code;
use playbook_core::ports::{BoxFuture, Cancel};
use playbook_core::secret::Secrets;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use super::client::{Call, Keep, Opened, Place, Reader, Wire, address, open};
use super::faults;
use super::manifest;
use super::resources::{Catalogue, Resource};
use super::target_draft::Expect;
use crate::inside::Known;

/// Whom a line acts as (`--as`, `--as-group`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acting {
    pub(super) user: String,
    pub(super) groups: Vec<String>,
}

/// Leave to read as somebody, or as the target's own user.
pub(super) fn reading<'a>(access: ReadAccess<'a>, acting: Option<&Acting>) -> Result<ReadAccess<'a>, Fault> {
    match acting {
        Some(acting) => Ok(access.through(KubeTarget::of(access.target())?.acting(acting))),
        None => Ok(access),
    }
}

/// Leave to write as somebody, or as the target's own user.
pub(super) fn writing<'a>(access: WriteAccess<'a>, acting: Option<&Acting>) -> Result<WriteAccess<'a>, Fault> {
    match acting {
        Some(acting) => Ok(access.through(KubeTarget::of(access.target())?.acting(acting))),
        None => Ok(access),
    }
}

/// A cluster. Connects when it is first used.
pub(super) struct KubeTarget {
    name: String,
    place: Place,
    expect: Option<Expect>,
    secrets: Secrets,
    wire: OnceCell<Wire>,
    catalogue: Mutex<Option<Arc<Catalogue>>>,
    /// API groups, and why a write there cannot be tried.
    pretending: Mutex<BTreeMap<String, Option<String>>>,
    known: Known,
    /// UIDs of what rollbacks of this process made.
    remade: std::sync::Mutex<BTreeSet<String>>,
}

/// Groups that the API server serves itself.
const OWN_GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

impl KubeTarget {
    pub(super) fn new(name: &str, place: Place, expect: Option<Expect>, secrets: Secrets) -> Self {
        let (wire, catalogue, pretending) = (OnceCell::new(), Mutex::default(), Mutex::default());
        let known = Known::default();
        Self {
            name: name.to_owned(),
            place,
            expect,
            secrets,
            wire,
            catalogue,
            pretending,
            known,
            remade: std::sync::Mutex::default(),
        }
    }

    /// What this process knows of its pods.
    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// The target of an access, which is always one of this provider's.
    pub(super) fn of(target: &dyn Target) -> Result<&Self, Fault> {
        target.as_any().downcast_ref().ok_or_else(|| faults::internal("a target of another provider"))
    }

    /// A rollback made this object again: what it was called by before is this one now.
    pub(super) fn remake(&self, object: &Value) {
        let uid = object.pointer("/metadata/uid").and_then(Value::as_str);
        if let (Some(uid), Ok(mut remade)) = (uid, self.remade.lock()) {
            remade.insert(uid.to_owned());
        }
    }

    /// Did a rollback of this process make the object with this UID?
    pub(super) fn remade(&self, uid: &str) -> bool {
        self.remade.lock().is_ok_and(|remade| remade.contains(uid))
    }

    /// Data of a Secret is known as secret from here on.
    pub(super) fn hide(&self, object: &Value) {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        for (key, value) in manifest::data(object) {
            self.secrets.add(&format!("{name}.{key}"), &value);
        }
    }

    /// The same cluster as somebody else.
    pub(super) fn acting(&self, acting: &Acting) -> &dyn Target {
        let Acting { user, groups } = acting;
        let place = Place { as_user: Some(user.clone()), as_groups: groups.clone(), ..self.place.clone() };
        let made: Arc<dyn Target> = Arc::new(Self::new(&self.name, place, self.expect.clone(), self.secrets.clone()));
        self.known.target(&format!("as {user} {groups:?}"), &made)
    }

    /// What of a configuration may not be shown is known from here on.
    pub(super) async fn wire(&self) -> Result<Wire, Fault> {
        let made = async {
            let keep = Keep { secrets: self.secrets.clone(), target: self.name.clone() };
            let opened = open(&self.place, keep)?;
            self.pinned(&opened)?;
            Ok(Wire::new(opened))
        };
        self.wire.get_or_try_init(|| made).await.cloned()
    }

    /// What the server has, asked once.
    pub(super) async fn catalogue(&self, reader: &Reader<'_>) -> Result<Arc<Catalogue>, Fault> {
        let mut known = self.catalogue.lock().await;
        if let Some(known) = known.as_ref() {
            return Ok(known.clone());
        }
        let asked = Arc::new(Catalogue::ask(reader).await?);
        *known = Some(asked.clone());
        Ok(asked)
    }

    /// An object of this kind was changed: there may be other kinds now.
    pub(super) async fn changed(&self, resource: &Resource) {
        if ["CustomResourceDefinition", "APIService"].contains(&resource.kind.as_str()) {
            *self.catalogue.lock().await = None;
            self.pretending.lock().await.clear();
        }
    }

    /// Is a write to this group with `dryRun=All` only pretended? The API server and what it serves by
    /// custom resource definitions keep that promise; an aggregated API server may never have heard of it.
    pub(super) async fn pretends(&self, reader: &Reader<'_>, group: &str) -> Result<(), Fault> {
        if OWN_GROUPS.contains(&group) {
            return Ok(());
        }
        let mut known = self.pretending.lock().await;
        let why = match known.get(group) {
            Some(why) => why.clone(),
            None => {
                let why = elsewhere(reader, group).await;
                known.insert(group.to_owned(), why.clone());
                why
            }
        };
        why.map_or(Ok(()), |why| Err(faults::may_not_pretend(group, &why)))
    }

    /// Before anything is sent: is it the server that is expected?
    fn pinned(&self, opened: &Opened) -> Result<(), Fault> {
        let Some(expected) = self.expect.as_ref().and_then(|expect| expect.server.as_deref()) else { return Ok(()) };
        if address(expected) == opened.server {
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
        let told = system.as_ref().err().and_then(|fault| refused_user(&fault.message));
        let uid = system.ok().flatten().and_then(|found| found.pointer("/metadata/uid")?.as_str().map(str::to_owned));
        let user = match self.user(&reader).await.or(told) {
            Some(user) => Some(user),
            None => opened.claimed().await,
        };
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

    /// Newer servers say whom they take us for.
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

/// Older servers say whom they take us for when they refuse: `User "anna" cannot get resource …`.
fn refused_user(message: &str) -> Option<String> {
    let (_, rest) = message.split_once(" is forbidden: User \"")?;
    Some(rest.split_once("\" cannot ")?.0.to_owned()).filter(|user| !user.is_empty())
}

/// Who serves a group, if it is not the API server itself.
async fn elsewhere(reader: &Reader<'_>, group: &str) -> Option<String> {
    let path = "/apis/apiregistration.k8s.io/v1/apiservices";
    match reader.send(&Call::get(path)).await {
        Ok(list) => {
            let all = list.get("items").and_then(Value::as_array).into_iter().flatten();
            let service = all
                .into_iter()
                .filter(|item| item.pointer("/spec/group").is_some_and(|own| own == group))
                .find_map(|item| item.pointer("/spec/service").filter(|service| service.is_object()))?;
            let text = |name: &str| service.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            Some(format!("it is served by {}/{}, which may not know of dry-run", text("namespace"), text("name")))
        }
        Err(fault) => Some(format!("who serves it cannot be seen (list apiservices: {})", fault.message)),
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

    /// A cluster keeps its UID for as long as it lives.
    fn may_be_replaced(&self) -> bool {
        false
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
