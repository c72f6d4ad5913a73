//! Credential plugins.

use super::super::cluster::Role;
use super::super::lines::Scene;
use super::{MAKE, admin, said};

const LATER: &str = "2199-01-01T00:00:00Z";
const PAST: &str = "2001-01-01T00:00:00Z";

fn user(version: &str, command: &str, rest: &str) -> String {
    format!(
        "exec: {{apiVersion: client.authentication.k8s.io/{version}, command: '{command}', \
         installHint: get it from the shelf, interactiveMode: Never{rest}}}"
    )
}

/// Prints a token, and counts.
fn prints(scene: &Scene, version: &str, token: &str, until: &str) -> String {
    format!(
        "echo once >> {count}\ncat <<END\n{{\"apiVersion\": \"client.authentication.k8s.io/{version}\", \"kind\": \
         \"ExecCredential\", \"status\": {{\"token\": \"{token}\", \"expirationTimestamp\": \"{until}\"}}}}\nEND",
        count = scene.here("count")
    )
}

impl Scene {
    fn calls(&self) -> usize {
        std::fs::read_to_string(self.here("count")).unwrap_or_default().lines().count()
    }
}

#[test]
fn a_plugin_gives_a_token_once_which_is_shown_nowhere() {
    for version in ["v1", "v1beta1"] {
        let Some(scene) = admin() else { return };
        let command = scene.script("plugin", &prints(&scene, version, &scene.user.token, LATER));
        let user = user(version, &command, "");
        let file = scene.with(&scene.config(&user), MAKE);
        let plan = scene.run(&["plan", &file, "--live", "-o", "json"]).expect(0);
        assert_eq!(scene.calls(), 1, "{version}");
        let run = scene.run(&["run", &file, "-o", "json"]).expect(0);
        assert_eq!(scene.calls(), 2, "{version}");
        assert!(scene.is_made() && scene.has_asked());
        scene.assert_nowhere(&scene.user.token, &[&plan, &run]);
    }
}

#[test]
fn a_token_that_expires_is_asked_for_anew_within_a_run() {
    let Some(scene) = admin() else { return };
    let next = scene.cluster.user(Role::Admin);
    let (first, then) = (prints(&scene, "v1", &scene.user.token, PAST), prints(&scene, "v1", &next.token, LATER));
    let script = format!("if [ -e {count} ]; then\n{then}\nelse\n{first}\nfi", count = scene.here("count"));
    let command = scene.script("plugin", &script);
    let user = user("v1", &command, "");
    let done = scene.run(&["run", &scene.with(&scene.config(&user), MAKE)]).expect(0);
    assert!(scene.has_asked() && !scene.cluster.requests_of(&next).is_empty());
    assert_eq!(scene.calls(), 2);
    scene.assert_nowhere(&scene.user.token, &[&done]);
    scene.assert_nowhere(&next.token, &[&done]);
}

#[test]
fn a_token_that_the_server_does_not_know_any_more_is_asked_for_anew() {
    let Some(scene) = admin() else { return };
    let (bad, good) =
        (prints(&scene, "v1", "revoked-canary-4711", LATER), prints(&scene, "v1", &scene.user.token, LATER));
    let script = format!("if [ -e {count} ]; then\n{good}\nelse\n{bad}\nfi", count = scene.here("count"));
    let command = scene.script("plugin", &script);
    let user = user("v1", &command, "");
    scene.run(&["run", &scene.with(&scene.config(&user), MAKE)]).expect(0);
    assert!(scene.is_made());
    assert_eq!(scene.calls(), 2);
    scene.assert_nowhere("revoked-canary-4711", &[]);
}

#[test]
fn a_plugin_gives_a_certificate() {
    let Some(scene) = admin() else { return };
    let read = |name: &str| std::fs::read_to_string(scene.cluster.dir().join(name)).unwrap();
    let answer = serde_json::json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"clientCertificateData": read("certified.crt"), "clientKeyData": read("certified.key")}});
    let answer = scene.desk.file("answer.json", &answer.to_string());
    let command = scene.script("plugin", &format!("cat {answer}"));
    let user = user("v1", &command, "");
    scene.run(&["run", &scene.with(&scene.config(&user), MAKE)]).expect(0);
    assert!(scene.is_made());
    scene.assert_nowhere(read("certified.key").lines().nth(1).unwrap(), &[]);
}

#[test]
fn a_plugin_is_told_of_the_cluster_and_that_nobody_can_be_asked() {
    let Some(scene) = admin() else { return };
    let told = format!("printf %s \"$KUBERNETES_EXEC_INFO $EXTRA\" > {}\n", scene.here("told"));
    let command = scene.script("plugin", &(told + &prints(&scene, "v1", &scene.user.token, LATER)));
    let user = user("v1", &command, ", provideClusterInfo: true, env: [{name: EXTRA, value: given}]");
    scene.run(&["run", &scene.with(&scene.config(&user), MAKE)]).expect(0);
    let told = std::fs::read_to_string(scene.here("told")).unwrap();
    let (info, extra) = told.rsplit_once(' ').unwrap();
    let info: serde_json::Value = serde_json::from_str(info).unwrap();
    assert_eq!(extra, "given");
    assert_eq!(info["spec"]["interactive"], false);
    assert_eq!(info["spec"]["cluster"]["server"], scene.cluster.url());
}

#[test]
fn a_plugin_that_gives_nothing_is_named_with_what_to_do() {
    let Some(scene) = admin() else { return };
    let fails = scene.script("fails", "echo session over: log in to the portal >&2\necho canary-4711\nexit 7");
    for (command, rest, expected) in [
        ("no-such-plugin", "", &["credential plugin `no-such-plugin` is not installed", "get it from the shelf"][..]),
        (&fails, "", &["failed with code 7: session over: log in to the portal"]),
        ("cat", ", args: [/dev/null]", &["credential plugin `cat` printed something else than an ExecCredential"]),
    ] {
        let user = user("v1", command, rest);
        let done = scene.run(&["run", &scene.with(&scene.config(&user), MAKE)]);
        let all = said(&done);
        for words in expected {
            assert!(done.code() != 0 && all.contains(words), "{command}: {all}");
        }
        scene.assert_nowhere("canary-4711", &[&done]);
    }
    let user = user("v1", "true", "").replace("Never", "Always");
    let done = scene.run(&["run", &scene.with(&scene.config(&user), MAKE)]);
    let all = said(&done);
    assert!(all.contains("wants to ask someone, and there is no terminal"), "{all}");
    assert!(!scene.has_asked());
}
