//! Ways into a cluster: who one is, how one gets there, and what is said to those who do not get in.

mod configs;
mod connect;
mod credentials;
mod pins;
mod plugins;
mod routes;

use std::path::Path;

use super::cluster::Role;
use super::lines::Scene;
use crate::live::Done;

/// Makes a configuration map: who did it is in the audit log.
const MAKE: &str = "  - {id: make, kubectl: create configmap made --from-literal=x=1}\n";

/// How a kubeconfig differs from the usual one.
struct Config<'a> {
    server: String,
    /// Fields of the cluster, with a comma before each.
    cluster: String,
    /// Fields of the user.
    user: &'a str,
    authority: String,
}

impl Scene {
    fn config<'a>(&self, user: &'a str) -> Config<'a> {
        let authority = format!("certificate-authority-data: {}", self.cluster.authority_base64());
        Config { server: self.cluster.url(), cluster: String::new(), user, authority }
    }

    /// A playbook with such a kubeconfig.
    fn with(&self, config: &Config<'_>, steps: &str) -> String {
        self.desk.file("kubeconfig", &self.text(config));
        self.playbook(&format!("{{kubernetes: {{kubeconfig: '{}'}}}}", self.here("kubeconfig")), steps)
    }

    fn playbook(&self, target: &str, steps: &str) -> String {
        self.desk.file("login.yaml", &format!("playbook: login\ntargets: {{k8s: {target}}}\nsteps:\n{steps}"))
    }

    fn text(&self, config: &Config<'_>) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
             clusters: [{{name: testbed, cluster: {{server: '{}', {}{}}}}}]\n\
             contexts: [{{name: here, context: {{cluster: testbed, user: someone, namespace: {}}}}}]\n\
             users: [{{name: someone, user: {{{}}}}}]\n",
            config.server, config.authority, config.cluster, self.namespace, config.user
        )
    }

    fn here(&self, name: &str) -> String {
        self.desk.dir.path().join(name).display().to_string()
    }

    /// Whether the step of [`MAKE`] was carried out.
    fn is_made(&self) -> bool {
        self.cluster.find(&format!("/api/v1/namespaces/{}/configmaps/made", self.namespace)).is_some()
    }

    fn has_asked(&self) -> bool {
        !self.cluster.requests_of(&self.user).is_empty()
    }

    /// Runs with variables, without those of whoever runs the tests.
    fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Done {
        let mut command = self.desk.playbook(args);
        for name in ["KUBECONFIG", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "KUBERNETES_SERVICE_HOST"] {
            command.env_remove(name);
        }
        command.env("HOME", self.desk.dir.path());
        Done(command.envs(variables.iter().copied()).output().unwrap())
    }

    /// A script.
    fn script(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.desk.file(name, &format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Fails the test if a text is in anything that was written or said.
    #[track_caller]
    fn assert_nowhere(&self, secret: &str, said: &[&Done]) {
        for text in said.iter().flat_map(|done| [done.out(), done.err()]).chain(self.desk.everything()) {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

/// All that was said, as one line.
fn said(done: &Done) -> String {
    (done.out() + &done.err()).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn write(path: impl AsRef<Path>, text: &str) {
    // As those do that renew a token: whole or not at all.
    let next = path.as_ref().with_extension("next");
    std::fs::write(&next, text).unwrap();
    std::fs::rename(next, path).unwrap();
}

fn admin() -> Option<Scene> {
    Scene::empty(Role::Admin)
}
