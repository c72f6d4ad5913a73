//! An API server with etcd and its controllers, without nodes: pods are what a test says they are.

use std::path::{Path, PathBuf};

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::assets::Assets;
use super::audit::{self, Entry};
use super::https::{Answer, Https, Request};
use super::pods::Kept;
use super::settings::{
    PATIENCE, controller_flags, etcd_flags, kubeconfig, make_certificates, openssl, server_flags, write_users,
};
use crate::installed::skip;
use crate::keeper::{Keeper, Running, free_port, until};

/// How many users of each role there are.
pub(super) const USERS: u32 = 400;
/// What the testbed does itself is done as this user, which is not in the audit log.
pub(super) const SELF: &str = "testbed-itself";

/// A running API server.
pub(super) struct Cluster {
    /// Ends the servers, and removes the folder, when dropped.
    keeper: Keeper,
    pub(super) https: Https,
    authority: String,
    pub(super) assets: Assets,
    users: AtomicU32,
    namespaces: AtomicU32,
    has_controllers: bool,
}

/// How a cluster of a test's own differs.
#[derive(Default)]
pub(super) struct Options {
    /// Further flags of kube-apiserver.
    pub(super) server_flags: Vec<String>,
    /// No kube-controller-manager: what is written stays as it is.
    pub(super) without_controllers: bool,
}

/// Where the servers are started, and how to reach them from here.
pub(super) struct Place {
    pub(super) keeper: Keeper,
    /// Makes a port of there reachable on a port of the loopback of here.
    pub(super) reach: Box<dyn Fn(u16) -> u16>,
}

impl Default for Place {
    fn default() -> Self {
        Self { keeper: Keeper::new("kubernetes", ""), reach: Box::new(|port| port) }
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Everything.
    Admin,
    /// Reads everything but Secrets; changes nothing.
    Viewer,
    /// Discovery, and reviews of its own access.
    Nobody,
}

/// A user of one test, so that its requests are known from those of other tests.
pub(super) struct User {
    pub(super) name: String,
    pub(super) token: String,
    pub(super) kubeconfig: PathBuf,
}

impl Cluster {
    /// The cluster all tests share; None, with a notice, when its programs are not here.
    pub(super) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Result<Cluster, String>>> = OnceLock::new();
        let cluster = SHARED.get_or_init(|| Self::attempt_with(&Options::default())).as_ref()?;
        // Where it cannot start, it is not tried again for each test.
        Some(cluster.as_ref().unwrap_or_else(|why| panic!("{why}")))
    }

    /// One of a test's own.
    pub(super) fn start(options: &Options) -> Option<Self> {
        Self::attempt_with(options).map(|cluster| cluster.unwrap_or_else(|why| panic!("{why}")))
    }

    fn attempt_with(options: &Options) -> Option<Result<Self, String>> {
        static TOLD: Once = Once::new();
        match Assets::find() {
            Ok(assets) => Some(Self::start_in(&assets, options, Place::default)),
            Err(why) => skip(&why, "PLAYBOOK_REQUIRE_KUBERNETES", &TOLD),
        }
    }

    /// A free port may be taken before the server has it, which then ends: so all is tried again, in
    /// another place. A server that runs and is not ready is not tried again.
    pub(super) fn start_in(
        assets: &Assets,
        options: &Options,
        mut place: impl FnMut() -> Place,
    ) -> Result<Self, String> {
        let began = Instant::now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            match Self::attempt(assets, options, place()) {
                Err(_) if attempts < 3 && began.elapsed() < PATIENCE / 2 => {}
                done => return done.map_err(|why| format!("no API server could be started: {why}")),
            }
        }
    }

    fn attempt(assets: &Assets, options: &Options, place: Place) -> Result<Self, String> {
        let Place { mut keeper, reach } = place;
        let dir = keeper.dir().to_path_buf();
        make_certificates(&dir);
        write_users(&dir);
        std::fs::write(dir.join("audit-policy.yaml"), audit::POLICY).unwrap();

        let (client, peer, port) = (free_port(), free_port(), free_port());
        let etcd =
            keeper.spawn("etcd", &assets.program("etcd").expect("etcd is there"), &etcd_flags(&dir, client, peer));
        let mut flags = server_flags(&dir, client, port);
        flags.extend(options.server_flags.iter().cloned());
        let server = keeper.spawn("kube-apiserver", &assets.dir.join("kube-apiserver"), &flags);
        let https = Https::new(&dir.join("ca.crt"), reach(port), SELF);
        let is_ready = || https.get("/readyz").is_ok_and(|answer| answer.status == 200);
        await_ready(&[&etcd, &server], is_ready)?;

        let authority = openssl(&dir, &["base64", "-A", "-in", "ca.crt"]);
        let cluster = Self {
            keeper,
            https,
            authority,
            assets: assets.clone(),
            users: AtomicU32::new(0),
            namespaces: AtomicU32::new(0),
            has_controllers: assets.program("kube-controller-manager").is_some() && !options.without_controllers,
        };
        cluster.apply("", include_str!("roles.yaml"));
        cluster.with_controllers(port)
    }

    /// Starts the controllers, which look at the server from where it is.
    fn with_controllers(mut self, port: u16) -> Result<Self, String> {
        let dir = self.keeper.dir().to_path_buf();
        for user in ["system:kube-controller-manager", "system:kube-scheduler", "kubelet"] {
            let url = format!("https://127.0.0.1:{port}");
            let text = kubeconfig(&url, &self.authority, user, &format!("token-{user}"), "default");
            std::fs::write(dir.join(format!("{}.kubeconfig", user.trim_start_matches("system:"))), text).unwrap();
        }
        if let Some(program) = self.assets.program("kube-controller-manager").filter(|_| self.has_controllers) {
            let flags = controller_flags(&dir, free_port(), self.assets.minor);
            let manager = self.keeper.spawn("kube-controller-manager", &program, &flags);
            // It makes this account once its controllers run.
            let account = "/api/v1/namespaces/default/serviceaccounts/default";
            await_ready(&[&manager], || self.https.get(account).is_ok_and(|answer| answer.status == 200))?;
        }
        Ok(self)
    }

    /// Starts a program beside the servers.
    pub(super) fn spawn(&mut self, name: &str, program: &Path, args: &[String]) -> Running {
        self.keeper.spawn(name, program, args)
    }

    /// The folder of the servers.
    pub(super) fn dir(&self) -> &Path {
        self.keeper.dir()
    }

    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.https.port)
    }

    /// The certificate of the authority, a PEM file.
    pub(super) fn authority(&self) -> PathBuf {
        self.dir().join("ca.crt")
    }

    pub(super) fn authority_base64(&self) -> &str {
        &self.authority
    }

    /// Whether Deployments, StatefulSets, Jobs and so on are acted upon.
    pub(super) fn has_controllers(&self) -> bool {
        self.has_controllers
    }

    /// A user nobody else is, and its kubeconfig.
    pub(super) fn user(&self, role: Role) -> User {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        assert!(number < USERS, "more than {USERS} users: raise the number");
        let name = format!("{}-{number}", role.word());
        let mut user = User { token: format!("token-{name}"), kubeconfig: PathBuf::new(), name };
        user.kubeconfig = self.kubeconfig(&user, &self.url(), "default");
        user
    }

    /// A further kubeconfig of a user: another address (a proxy's), another namespace.
    pub(super) fn kubeconfig(&self, user: &User, url: &str, namespace: &str) -> PathBuf {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.dir().join(format!("{}-{number}.kubeconfig", user.name));
        std::fs::write(&path, kubeconfig(url, &self.authority, &user.name, &user.token, namespace)).unwrap();
        path
    }

    /// A kubeconfig with the certificate of an administrator (CN=certified) in place of a token.
    pub(super) fn certificate_kubeconfig(&self) -> PathBuf {
        let path = self.dir().join("certified.kubeconfig");
        let text = kubeconfig(&self.url(), &self.authority, "certified", "", "default");
        let file = |name: &str| serde_json::to_string(&self.dir().join(name)).unwrap();
        let keys = format!("client-certificate: {}, client-key: {}", file("certified.crt"), file("certified.key"));
        std::fs::write(&path, text.replace("token: \"\"", &keys)).unwrap();
        path
    }

    /// A fresh namespace, in which pods can be made at once.
    pub(super) fn namespace(&self) -> String {
        let name = format!("t{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        self.apply(
            "",
            &format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{testbed: {name}}}}}}}"),
        );
        // Pods want their account; without a token mounted, old servers do not wait for one either.
        let account = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}, \
                       automountServiceAccountToken: false}";
        self.apply(&name, account);
        name
    }

    /// An HTTPS call as the testbed itself, which the audit log leaves out.
    pub(super) fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        self.https
            .send(&Request(method, path, kind, body))
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.last_words()))
    }

    /// An HTTPS call as a user, as the audit log then has it.
    pub(super) fn send_as(&self, user: &User, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        self.https.with(self.https.port, &user.token).send(&Request(method, path, kind, body)).unwrap()
    }

    /// What is at a path, such as `/apis/apps/v1/namespaces/t1/deployments/web`; None when nothing is.
    pub(super) fn find(&self, path: &str) -> Option<Value> {
        let answer = self.send("GET", path, "", b"");
        (answer.status != 404).then(|| answer.done().json())
    }

    pub(super) fn get(&self, path: &str) -> Value {
        self.find(path).unwrap_or_else(|| panic!("nothing at {path}"))
    }

    /// A JSON merge patch, of a subresource as well: `.../status`.
    pub(super) fn patch(&self, path: &str, patch: &Value) -> Value {
        self.send("PATCH", path, "application/merge-patch+json", patch.to_string().as_bytes()).done().json()
    }

    pub(super) fn delete(&self, path: &str) {
        let options = br#"{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"}"#;
        let _ = self.send("DELETE", path, "application/json", options).done();
    }

    /// Creates the objects of YAML documents, or merges them into what is there. Those without a
    /// namespace of their own go into this one.
    pub(super) fn apply(&self, namespace: &str, yaml: &str) -> Vec<Value> {
        serde_yaml::Deserializer::from_str(yaml)
            .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{error}: {yaml}")))
            .filter(|object| !object.is_null())
            .map(|object| self.apply_one(namespace, &object))
            .collect()
    }

    fn apply_one(&self, namespace: &str, object: &Value) -> Value {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or(namespace);
        let collection = self.collection(&object["apiVersion"], &object["kind"], namespace);
        let text = object.to_string();
        let made =
            self.send("POST", &format!("{collection}?fieldManager=testbed"), "application/json", text.as_bytes());
        if made.status != 409 {
            return made.done().json();
        }
        self.patch(&format!("{collection}/{}", object["metadata"]["name"].as_str().unwrap()), object)
    }

    /// The path of the objects of a kind, which the server itself tells.
    pub(super) fn collection(&self, version: &Value, kind: &Value, namespace: &str) -> String {
        let version = version.as_str().unwrap();
        let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        // A definition of a custom resource takes a moment until it is served.
        let found = until(Duration::from_secs(30), || {
            let known = self.find(&root)?;
            known["resources"]
                .as_array()?
                .iter()
                .find(|resource| resource["kind"] == *kind && !resource["name"].as_str().unwrap().contains('/'))
                .cloned()
        });
        let resource = found.unwrap_or_else(|| panic!("the server has no {kind} in {version}"));
        let name = resource["name"].as_str().unwrap();
        match resource["namespaced"].as_bool() {
            Some(true) => format!("{root}/namespaces/{namespace}/{name}"),
            _ => format!("{root}/{name}"),
        }
    }

    /// Polls an object until a condition holds; fails after a minute with what it is then.
    #[track_caller]
    pub(super) fn wait(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.wait_for(Duration::from_secs(60), path, holds)
    }

    #[track_caller]
    pub(super) fn wait_for(&self, limit: Duration, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        until(limit, || self.find(path).filter(|object| holds(object))).unwrap_or_else(|| {
            let now = self.find(path).map_or("nothing".to_owned(), |object| format!("{object:#}"));
            panic!("{path} did not become what the test waits for in {limit:?}; it is {now}")
        })
    }

    /// Polls until there is nothing at a path.
    #[track_caller]
    pub(super) fn wait_gone(&self, path: &str) {
        let gone = until(PATIENCE, || self.find(path).is_none().then_some(()));
        assert!(gone.is_some(), "{path} is still there: {:#}", self.get(path));
    }

    /// From here on; see [`Cluster::audit`].
    pub(super) fn mark(&self) -> audit::Mark {
        audit::mark(&self.dir().join("audit.log"))
    }

    /// All requests since a mark, of all users but the cluster's own.
    pub(super) fn audit(&self, since: audit::Mark) -> Vec<Entry> {
        audit::read(&self.dir().join("audit.log"), since, |_| true)
    }

    /// All requests a user ever made.
    pub(super) fn requests_of(&self, user: &User) -> Vec<Entry> {
        audit::read(&self.dir().join("audit.log"), audit::Mark::default(), |entry| entry.user() == user.name)
    }

    /// Makes the pods of a namespace Running and Ready as they come, until dropped.
    pub(super) fn keep_ready(&self, namespace: &str) -> Kept {
        Kept::new(self.https.clone(), namespace)
    }

    /// What the servers printed last.
    pub(super) fn last_words(&self) -> String {
        let log = std::fs::read(self.dir().join("kube-apiserver.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log).into_owned();
        text.lines().rev().take(10).collect::<Vec<_>>().join("\n")
    }
}

impl Answer {
    /// Fails the test unless the answer is a success.
    #[track_caller]
    pub(super) fn done(self) -> Self {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self
    }
}

impl Role {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
            Self::Nobody => "nobody",
        }
    }

    pub(super) fn group(self) -> &'static str {
        match self {
            Self::Admin => "system:masters",
            Self::Viewer => "viewers",
            Self::Nobody => "nobodies",
        }
    }
}

fn await_ready(running: &[&Running], is_ready: impl Fn() -> bool) -> Result<(), String> {
    let dead = || running.iter().find(|process| !process.is_alive());
    match until(PATIENCE, || dead().map(|dead| Err(dead.last_words())).or_else(|| is_ready().then_some(Ok(())))) {
        Some(outcome) => outcome,
        None => Err(format!("not ready after {PATIENCE:?}: {}", running.last().unwrap().last_words())),
    }
}
