//! Tokens in files, certificates, passwords; tokens that are no good any more; what a pod is given.

use std::process::Command;

use super::super::audit::Entry;
use super::super::cluster::Role;
use super::super::lines::Scene;
use super::super::proxy::Proxy;
use super::{MAKE, admin, said, write};
use crate::live::Done;

/// Goes on when the test makes the configuration map `go`.
const GO: &str = "  - {id: go, kubectl: wait --for=create cm/go --timeout=120s}\n";

impl Scene {
    /// Runs in a second thread, and acts when the run waits for `go`.
    fn acting_meanwhile(&self, file: &str, act: impl FnOnce()) -> Done {
        let command = self.desk.playbook(&["run", file]).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let watches = |entry: &Entry| entry.verb() == "watch" && entry.resource() == "configmaps";
        let waits = || self.cluster.requests_of(&self.user).iter().any(watches).then_some(());
        crate::keeper::until(std::time::Duration::from_secs(60), waits).expect("the run waits");
        act();
        self.cluster.apply(&self.namespace, "{apiVersion: v1, kind: ConfigMap, metadata: {name: go}}");
        Done(command.wait_with_output().unwrap())
    }
}

#[test]
fn a_token_file_that_is_renewed_within_a_run_is_read_again() {
    let Some(scene) = admin() else { return };
    let next = scene.cluster.user(Role::Admin);
    let token = scene.desk.file("token", &scene.user.token);
    let user = "tokenFile: token";
    let file = scene.with(&scene.config(user), &format!("{GO}{MAKE}"));
    let done = scene.acting_meanwhile(&file, || write(&token, &format!("{}\n", next.token))).expect(0);
    let made = scene.cluster.requests_of(&next);
    assert!(made.iter().any(Entry::mutates), "{}", done.out());
    scene.assert_nowhere(&next.token, &[&done]);
}

#[test]
fn a_token_that_is_revoked_within_a_run_stops_it_and_a_new_one_lets_it_be_taken_back() {
    let Some(scene) = admin() else { return };
    let token = scene.desk.file("token", &scene.user.token);
    let user = "tokenFile: token";
    let file = scene.with(&scene.config(user), &format!("{MAKE}{GO}  - {{id: late, kubectl: label cm/made a=b}}\n"));
    let done = scene.acting_meanwhile(&file, || write(&token, "canary-4711-revoked")).expect(1);
    let refused = format!("does not accept the token in {token} of the user `someone`");
    assert!(said(&done).contains(&refused) && said(&done).contains("log in again"), "{}", done.out());
    scene.assert_nowhere("canary-4711-revoked", &[&done]);
    write(&token, &scene.user.token);
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert!(!scene.is_made());
}

#[test]
fn a_run_that_waited_longer_than_its_token_is_good_goes_on_after_a_new_login() {
    let Some(scene) = admin() else { return };
    let token = scene.desk.file("token", &scene.user.token);
    let user = "tokenFile: token";
    let first = "  - {id: first, kubectl: create configmap first --from-literal=x=1}\n  - {id: gate, manual: go on?}\n";
    let file = scene.with(&scene.config(user), &format!("{first}{MAKE}"));
    scene.run(&["run", &file]).expect(3);
    scene.run(&["approve", "last", "gate"]).expect(0);
    write(&token, "canary-4711-revoked");
    let done = scene.run(&["resume", "last"]).expect(6);
    assert!(
        said(&done).contains("log in again; what was done before is recorded; the run is as it was"),
        "{}",
        said(&done)
    );
    assert!(!scene.is_made());
    write(&token, &scene.user.token);
    scene.run(&["resume", "last"]).expect(0);
    let asked = scene.cluster.requests_of(&scene.user);
    let made = asked.iter().filter(|entry| entry.mutates() && entry.verb() == "create").count();
    assert_eq!((scene.is_made(), made), (true, 2), "nothing is made twice");
}

#[test]
fn a_certificate_says_who_one_is() {
    let Some(scene) = admin() else { return };
    let config = std::fs::read_to_string(scene.cluster.certificate_kubeconfig()).unwrap();
    let config = scene
        .desk
        .file("kubeconfig", &config.replace("namespace: default", &format!("namespace: {}", scene.namespace)));
    let target = format!("{{kubernetes: {{kubeconfig: '{config}'}}, expect: {{user: certified}}}}");
    let done = scene.run(&["run", &scene.playbook(&target, MAKE)]).expect(0);
    assert!(scene.is_made());
    let met = scene.met();
    assert!(met.contains("certified"), "{met}");
    let key = std::fs::read_to_string(scene.cluster.dir().join("certified.key")).unwrap();
    scene.assert_nowhere(key.lines().nth(1).unwrap(), &[&done]);
}

#[test]
fn a_name_and_a_password_are_sent_and_shown_nowhere() {
    let Some(scene) = admin() else { return };
    let proxy = Proxy::new(scene.cluster);
    let user = "username: anna, password: canary-4711-pw";
    let config = super::Config { server: proxy.url(), ..scene.config(user) };
    let done = scene.run(&["run", &scene.with(&config, MAKE)]);
    // Servers of today pass passwords over, and take who sends one for nobody; what stands before one may not.
    assert!(said(&done).contains("does not accept the password of the kubeconfig"), "{}", done.out());
    let sent = proxy.seen();
    let basic = "Basic YW5uYTpjYW5hcnktNDcxMS1wdw==";
    assert!(!sent.is_empty() && sent.iter().all(|seen| seen.header("authorization") == Some(basic)), "{sent:?}");
    scene.assert_nowhere("canary-4711-pw", &[&done]);
    scene.assert_nowhere("YW5uYTpjYW5hcnktNDcxMS1wdw", &[&done]);
}

/// A pod has its account in a place that is always the same: here, in a mount namespace of the run.
#[test]
fn a_pod_uses_the_account_that_it_is_given() {
    let Some(scene) = admin() else { return };
    let namespace = &scene.namespace;
    scene.cluster.apply(
        namespace,
        &format!(
            "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: robot}}}}
---
{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: robot}},
  roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}},
  subjects: [{{kind: ServiceAccount, name: robot, namespace: {namespace}}}]}}
"
        ),
    );
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/robot/token");
    let asked = br#"{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}"#;
    let answer = scene.cluster.send("POST", &path, "application/json", asked).done().json();
    let token = answer["status"]["token"].as_str().unwrap();
    scene.desk.file("account/token", token);
    scene.desk.file("account/namespace", namespace);
    std::fs::copy(scene.cluster.authority(), scene.here("account/ca.crt")).unwrap();
    let name = format!("system:serviceaccount:{namespace}:robot");
    let target = format!("{{kubernetes: {{}}, expect: {{user: '{name}'}}}}");
    let file = scene.playbook(&target, MAKE);

    let port = scene.cluster.https.port.to_string();
    let inside = |variables: &[(&str, &str)], account: &str| {
        let program = scene.desk.playbook(&[]);
        let enter = "mount -t tmpfs none /run && cd / && mkdir -p /run/secrets/kubernetes.io && \
                     cp -r \"$0\" /run/secrets/kubernetes.io/serviceaccount && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", enter, &scene.here(account)]);
        command.arg(program.get_program()).args(["run", &file]);
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("HOME", "/nowhere").env_remove("KUBECONFIG");
        Done(command.envs(variables.iter().copied()).output().unwrap())
    };
    let within = [("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", port.as_str())];
    let done = inside(&within, "account").expect(0);
    assert!(scene.is_made());
    assert!(scene.met().contains(&name), "{}", scene.met());
    scene.assert_nowhere(token, &[&done]);

    std::fs::create_dir(scene.here("empty")).unwrap();
    let done = inside(&within, "empty");
    assert!(said(&done).contains("this pod has no account"), "{}{}", done.out(), done.err());
    let done = inside(&[], "account");
    let all = said(&done);
    assert!(all.contains("/nowhere/.kube/config is not there), and this is not a pod"), "{all}");
}
