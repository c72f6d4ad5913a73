//! Steps that start something end when it is ready, and say why when it does not become so.

use serde_json::Value;

use super::compose::Compose;
use super::engine::Engine;
use super::scene::Scene;
use crate::live::Done;

const HEAD: &str = "playbook: waiting\ntargets: {d: {docker: {}}}\non_failure: stop\n";

impl Scene<'_> {
    /// A playbook of these steps, one a line.
    pub(super) fn steps(&self, steps: &[&str]) -> String {
        let steps: String = steps.iter().map(|step| format!("  - {{{step}}}\n")).collect();
        self.file("steps.yaml", &format!("{HEAD}steps:\n{steps}"))
    }

    /// Runs a playbook of these steps.
    pub(super) fn follow(&self, steps: &[&str]) -> Done {
        let file = self.steps(steps);
        self.run(&["run", &file, "--yes"])
    }

    /// What the latest run recorded of a step at its end.
    pub(super) fn finished(&self, step: &str) -> Value {
        let of = |record: &&Value| record["type"] == "step.finished" && record["step"] == step;
        self.journal().iter().rev().find(of).map(|record| record["data"].clone()).unwrap_or_default()
    }

    /// The journal of the latest run.
    pub(super) fn journal(&self) -> Vec<Value> {
        let runs = std::fs::read_dir(self.desk.dir.path().join("state/runs")).unwrap();
        let files = runs.map(|entry| entry.unwrap().path());
        let journal = |path: &std::path::PathBuf| {
            path.extension().is_some_and(|it| it == "jsonl") && !path.to_string_lossy().contains(".inbox.")
        };
        let file = files.filter(journal).max().unwrap();
        std::fs::read_to_string(file).unwrap().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// A container that is made and does not run; ended at once when it is stopped.
fn made(engine: &Engine, word: &str, flags: &[&str], command: &[&str]) -> String {
    let name = engine.name(word);
    let lead = ["create", "--name", &name, "--stop-signal", "KILL"];
    engine.docker(&[&lead[..], flags, &["busybox:test"], command].concat());
    name
}

/// Healthy as long as there is a file /well.
const CHECK: &[&str] = &["--health-cmd", "cat /well", "--health-interval", "200ms", "--health-retries", "2"];
/// What is not well in the beginning does not count.
const PATIENT: &[&str] = &["--health-start-period", "60s"];
/// Becomes well a moment after it was started.
const SLOWLY: &[&str] = &["sh", "-c", "rm -f /well; usleep 700000; echo it is well >/well; exec sleep 1000"];

fn message(scene: &Scene, step: &str) -> String {
    scene.finished(step)["fault"]["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_start_and_a_restart_end_when_the_container_is_healthy() {
    let Some(scene) = Scene::shared() else { return };
    let name = made(scene.engine, "slow", &[CHECK, PATIENT].concat(), SLOWLY);
    for verb in ["start", "restart -t 0"] {
        scene.follow(&[&format!("id: it, docker: {verb} {name}")]).expect(0);
        assert_eq!(scene.engine.container(&name)["State"]["Health"]["Status"], "healthy", "{verb}");
        assert_eq!(scene.finished("it")["result"]["settled"]["items"][0]["health"], "healthy", "{verb}");
    }
    scene.engine.docker(&["rm", "--force", &name]);
}

#[test]
fn a_container_that_becomes_unhealthy_fails_its_step_with_what_check_and_log_say() {
    let Some(scene) = Scene::shared() else { return };
    let ill = ["sh", "-c", "echo first; echo the last words; exec sleep 1000"];
    let name = made(scene.engine, "ill", CHECK, &ill);
    let done = scene.follow(&[&format!("id: it, docker: start {name}")]).expect(1);
    let said = message(&scene, "it");
    for part in [&format!("container {name} is not ready: it is unhealthy"), "/well", "the last words"] {
        assert!(said.contains(part), "{said}\n{}", done.out());
    }
    assert!(scene.finished("it")["fault"]["help"].as_str().unwrap().contains(&format!("docker: logs {name}")));
    scene.engine.docker(&["rm", "--force", &name]);
}

#[test]
fn one_that_ends_again_and_again_fails_with_its_code_and_its_last_words() {
    let Some(scene) = Scene::shared() else { return };
    let fails = ["sh", "-c", "echo cannot open the file; exit 7"];
    let name = made(scene.engine, "loop", &["--restart", "always"], &fails);
    scene.follow(&[&format!("id: it, docker: start {name}")]).expect(1);
    let said = message(&scene, "it");
    for part in ["ends again and again", "code 7", "cannot open the file"] {
        assert!(said.contains(part), "{said}");
    }
    scene.engine.docker(&["rm", "--force", &name]);
}

#[test]
fn one_that_ends_with_an_error_fails_and_one_that_did_its_work_is_done() {
    let Some(scene) = Scene::shared() else { return };
    let broken = made(scene.engine, "broken", &[], &["sh", "-c", "echo no such host; exit 3"]);
    scene.follow(&[&format!("id: it, docker: start {broken}")]).expect(1);
    let said = message(&scene, "it");
    assert!(said.contains("it ended with code 3") && said.contains("no such host"), "{said}");
    let once = made(scene.engine, "once", &["--restart", "on-failure"], &["true"]);
    scene.follow(&[&format!("id: it, docker: start {once}")]).expect(0);
    assert_eq!(scene.finished("it")["result"]["items"][0]["exit_code"], 0);
    scene.engine.docker(&["rm", "--force", &broken, &once]);
}

#[test]
fn up_waits_for_every_service_and_says_which_one_is_not_ready() {
    for compose in [Compose::V1, Compose::V2] {
        let Some(scene) = Scene::composed(compose) else { continue };
        let name = scene.engine.name("up");
        let check = "stop_grace_period: 0s, healthcheck: {test: cat /well, interval: 200ms, retries: 2";
        let file = |second: &str| {
            let text = format!(
                "version: '2.4'\nservices:\n  slow: {{image: 'busybox:test', {check}, start_period: 60s}}, command: [sh, -c, 'usleep 500000; \
                 touch /well; exec sleep 1000']}}\n  once: {{image: 'busybox:test', command: 'true'}}\n{second}"
            );
            scene.file("docker-compose.yml", &text);
        };
        file("");
        let up = format!("id: it, docker: compose -p {name} up -d, timeout: 60s");
        scene.follow(&[&up]).expect(0);
        let slow = scene.engine.docker(&["ps", "--quiet", "--filter", &format!("name={name}.slow")]);
        assert_eq!(scene.engine.container(&slow)["State"]["Health"]["Status"], "healthy", "{compose:?}");
        file(&format!(
            "  ill: {{image: 'busybox:test', {check}}}, command: [sh, -c, 'echo no well; exec sleep 1000']}}\n"
        ));
        let done = scene.follow(&[&up]).expect(1);
        let said = message(&scene, "it");
        assert!(said.contains("ill") && said.contains("unhealthy") && said.contains("no well"), "{}", done.out());
        scene.run(&["rollback", "last", "--yes"]).expect(0);
        let of = format!("label=com.docker.compose.project={name}");
        let all = scene.engine.docker(&["ps", "--all", "--format", "{{.Names}}", "--filter", &of]);
        assert!(all.contains("slow") && !all.contains("ill"), "{compose:?}: {all}");
        scene.engine.docker(&["rm", "--force", &slow]);
        scene.follow(&[&format!("id: it, docker: compose -p {name} down -t 0")]).expect(0);
    }
}

#[test]
fn until_waits_for_the_health_of_what_inspect_says() {
    let Some(scene) = Scene::shared() else { return };
    let name = made(scene.engine, "until", &[CHECK, PATIENT].concat(), SLOWLY);
    scene.engine.docker(&["start", &name]);
    let until = "until: result.health == \"healthy\", every: 100ms, timeout: 30s";
    scene.follow(&[&format!("id: it, docker: inspect {name}, {until}")]).expect(0);
    assert_eq!(scene.engine.container(&name)["State"]["Health"]["Status"], "healthy");
    scene.engine.docker(&["rm", "--force", &name]);
}

#[test]
fn what_was_unhealthy_before_is_not_expected_healthy_after_a_rollback() {
    let Some(scene) = Scene::shared() else { return };
    let name = made(scene.engine, "still", CHECK, &["sleep", "1000"]);
    scene.engine.docker(&["start", &name]);
    scene.engine.wait(&name, |it| it["State"]["Health"]["Status"] == "unhealthy");
    scene.follow(&[&format!("id: it, docker: stop {name}")]).expect(0);
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(scene.engine.container(&name)["State"]["Running"], true);
    scene.engine.docker(&["rm", "--force", &name]);
}

#[test]
fn what_was_healthy_before_and_is_not_after_a_rollback_is_told() {
    let Some(scene) = Scene::shared() else { return };
    let name = made(
        scene.engine,
        "was",
        CHECK,
        &["sh", "-c", "touch /well; if test -e /ill; then rm /well; fi; exec sleep 1000"],
    );
    scene.engine.docker(&["start", &name]);
    scene.engine.wait(&name, |it| it["State"]["Health"]["Status"] == "healthy");
    scene.engine.docker(&["exec", &name, "touch", "/ill"]);
    scene.follow(&[&format!("id: it, docker: stop {name}")]).expect(0);
    let back = scene.run(&["rollback", "last", "--yes"]);
    assert_eq!(back.code(), 5, "{}{}", back.out(), back.err());
    assert!(back.out().contains("unhealthy"), "{}", back.out());
    scene.engine.docker(&["rm", "--force", &name]);
}
