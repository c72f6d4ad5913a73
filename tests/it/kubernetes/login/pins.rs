//! Who is expected at a target, and who was met.

use super::super::audit::Entry;
use super::super::cluster::Role;
use super::super::lines::Scene;
use super::{MAKE, admin, said};

impl Scene {
    /// The line of the journal about who was met.
    pub(super) fn met(&self) -> String {
        let lines = self.desk.everything().join("\n");
        lines.lines().find(|line| line.contains("\"target.met\"")).unwrap_or_default().to_owned()
    }

    fn uid(&self) -> String {
        let system = self.cluster.get("/api/v1/namespaces/kube-system");
        system["metadata"]["uid"].as_str().unwrap().to_owned()
    }
}

#[test]
fn who_was_met_is_in_the_plan_and_in_the_journal() {
    let Some(scene) = admin() else { return };
    let user = format!("token: {}", scene.user.token);
    let file = scene.with(&scene.config(&user), MAKE);
    let plan = scene.run(&["plan", &file, "--live", "-o", "json"]).expect(0).out();
    scene.run(&["run", &file]).expect(0);
    for text in [plan, scene.met()] {
        for fact in [&scene.uid(), &scene.namespace, &scene.cluster.url(), "\"here\"", "\"user\""] {
            assert!(text.contains(fact), "{fact}: {text}");
        }
    }
}

#[test]
fn who_may_do_nothing_is_known_by_what_it_is_refused() {
    let Some(scene) = Scene::empty(Role::Nobody) else { return };
    let user = format!("token: {}", scene.user.token);
    scene.with(&scene.config(&user), MAKE);
    let name = &scene.user.name;
    let target = format!("{{kubernetes: {{kubeconfig: '{}'}}, expect: {{user: {name}}}}}", scene.here("kubeconfig"));
    let done = scene.run(&["run", &scene.playbook(&target, MAKE)]).expect(1);
    assert!(scene.met().contains(&format!("\"{name}\"")), "{}", scene.met());
    assert!(!done.out().contains("is expected"), "{}", done.out());
}

#[test]
fn another_server_than_expected_is_sent_nothing_and_no_plugin_is_run() {
    let Some(scene) = admin() else { return };
    let command = scene.script("plugin", &format!("touch {}", scene.here("ran")));
    let user = format!("exec: {{apiVersion: client.authentication.k8s.io/v1, command: '{command}'}}");
    scene.with(&scene.config(&user), MAKE);
    let target = format!(
        "{{kubernetes: {{kubeconfig: '{}'}}, expect: {{server: 'https://prod:6443'}}}}",
        scene.here("kubeconfig")
    );
    let file = scene.playbook(&target, MAKE);
    for args in [&["run", &file][..], &["plan", &file, "--live"]] {
        let done = scene.run(args);
        let all = said(&done);
        assert!(all.contains(&scene.cluster.url()) && all.contains("https://prod:6443 is expected"), "{all}");
    }
    assert!(!std::path::Path::new(&scene.here("ran")).exists());
}

#[test]
fn another_cluster_or_user_than_expected_is_only_asked_who_it_is() {
    let Some(scene) = admin() else { return };
    let user = format!("token: {}", scene.user.token);
    scene.with(&scene.config(&user), MAKE);
    let config = scene.here("kubeconfig");
    for (expect, differs) in [
        ("cluster: other", format!("the cluster is {}, and other is expected", scene.uid())),
        ("user: other", "and other is expected".to_owned()),
    ] {
        let target = format!("{{kubernetes: {{kubeconfig: '{config}'}}, expect: {{{expect}}}}}");
        let done = scene.run(&["run", &scene.playbook(&target, MAKE)]).expect(6);
        let all = said(&done);
        assert!(all.contains(&differs), "{all}");
    }
    let asked: Vec<String> = scene.cluster.requests_of(&scene.user).iter().map(Entry::line).collect();
    let about = ["/version", "/namespaces/kube-system", "/selfsubjectreviews"];
    assert!(!asked.is_empty() && asked.iter().all(|line| about.iter().any(|end| line.contains(end))), "{asked:?}");
}
