//! SIGKILL at every event boundary, then `resume`: the same end, and nothing made twice.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cluster::Role;
use super::lines::Scene;

const STEPS: &str = "  - {id: file, kubectl: apply -f both.yaml}
  - {id: scale, kubectl: scale deploy/web --replicas=0}
  - {id: two, kubectl: label deploy/web cm/conf team=x}
  - {id: json, kubectl: 'patch cm/conf --type json -p ''[{\"op\": \"add\", \"path\": \"/data/c\", \"value\": \"3\"}]'''}
  - {id: new, kubectl: create configmap made --from-literal=x=1}
  - {id: gone, kubectl: delete cm other, confirm: Sure?}
";

const BOTH: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {a: '2'}
---
apiVersion: v1
kind: Service
metadata: {name: svc}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, protocol: TCP}]}
";

impl Scene {
    fn prepared() -> Option<(Self, String)> {
        let scene = Self::empty(Role::Admin)?;
        let conf = "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf}, data: {a: '1'}}";
        scene.cluster.apply(&scene.namespace, &super::lines::WEB.replace("replicas: 2", "replicas: 1"));
        scene.cluster.apply(&scene.namespace, conf);
        scene.cluster.apply(&scene.namespace, &conf.replace("name: conf", "name: other"));
        scene.desk.file("both.yaml", BOTH);
        let file = scene.file(STEPS);
        Some((scene, file))
    }

    fn killed_at(&self, file: &str, point: Option<&str>) {
        let mut command = self.desk.playbook(&["run", file, "--yes"]);
        command.envs(point.map(|point| ("PLAYBOOK_FAILPOINT", point)));
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    }

    fn events(&self) -> usize {
        let dir = std::fs::read_dir(self.desk.dir.path().join("state/runs")).unwrap();
        let journal = dir.flatten().find(|entry| entry.path().extension().is_some_and(|ending| ending == "jsonl"));
        std::fs::read_to_string(journal.unwrap().path()).unwrap().lines().count()
    }

    /// Where things stand, whatever the namespace is called.
    fn stand(&self) -> String {
        let all = serde_json::to_string(&self.everything()).unwrap();
        all.replace(&format!("\"{}\"", self.namespace), "\"here\"").replace(&format!("\\\"{}\\\"", self.namespace), "")
    }

    /// Changes that were made; a conflict is none.
    fn made(&self) -> Vec<String> {
        let made = |entry: &&super::audit::Entry| entry.mutates() && entry.code().is_some_and(|code| code < 300);
        let all = self.cluster.requests_of(&self.user);
        all.iter()
            .filter(made)
            .map(|entry| {
                entry.line().replace(&format!("/{}/", self.namespace), "/here/").split_once(' ').unwrap().1.to_owned()
            })
            .collect()
    }
}

#[test]
fn killed_at_every_event_and_resumed_it_ends_the_same_and_makes_nothing_twice() {
    let Some((whole, file)) = Scene::prepared() else { return };
    let before = whole.stand();
    whole.killed_at(&file, None);
    let (expected, made, events) = (whole.stand(), whole.made(), whole.events());
    assert_eq!(made.len(), 8);
    let points: Vec<String> = (2..=events)
        .flat_map(|seq| [format!("before:{seq}"), format!("synced:{seq}"), format!("after:{seq}")])
        .collect();
    let next = AtomicUsize::new(0);
    let one = |at: usize, point: &str| {
        let (scene, file) = Scene::prepared().unwrap();
        scene.killed_at(&file, Some(point));
        let done = scene.desk.run(&["resume", "last"]);
        if done.err().contains("never began") {
            return;
        }
        assert!(done.code() == 0 || done.err().contains("is over"), "{point}: {}{}", done.out(), done.err());
        assert_eq!(scene.stand(), expected, "{point}: {}", done.out());
        assert_eq!(scene.made(), made, "{point}: {}", done.out());
        // Some of them are taken back as well.
        if at.is_multiple_of(8) {
            scene.run(&["rollback", "last", "--yes"]).expect(0);
            assert_eq!(scene.stand(), before, "{point}");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((at, point)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, points.get(at)?)))
                {
                    one(at, point);
                }
            });
        }
    });
}
