//! Ctrl-C, three stages.

use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::live::{Desk, Redis};

const SLOW: &str = "playbook: slow
targets: {cache: {redis: \"redis://127.0.0.1:1\"}}
on_failure: stop
steps:
  - id: change
    redis: SET changed yes
  - id: waits
    redis: GET never
    until: result == \"go\"
    every: 20ms
    timeout: 10m
  - id: after
    redis: SET after yes
finally:
  - id: last
    redis: SET finally ran
    rollback: {none: a mark}
";

struct Scene {
    redis: Redis,
    desk: Desk,
    child: Child,
}

impl Scene {
    fn start(text: &str) -> Self {
        let redis = Redis::start(&[]);
        let desk = Desk::new();
        let file = desk.file("slow.yaml", text);
        let target = format!("cache={}", redis.url());
        let child = desk.playbook(&["run", &file, "-t", &target]).stdout(Stdio::piped()).spawn().unwrap();
        let scene = Self { redis, desk, child };
        while !scene.has("changed") {}
        scene
    }

    fn has(&self, key: &str) -> bool {
        self.redis.send(&format!("EXISTS {key}")) == redis::Value::Int(1)
    }

    /// Waits until the journal has this.
    fn recorded(&self, text: &str) {
        let runs = self.desk.dir.path().join("state/runs");
        loop {
            let journal = std::fs::read_dir(&runs)
                .into_iter()
                .flatten()
                .flatten()
                .find(|e| e.path().extension().is_some_and(|x| x == "jsonl"));
            if journal.is_some_and(|file| std::fs::read_to_string(file.path()).unwrap().contains(text)) {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(self) -> (i32, String, Redis, Desk) {
        let output = self.child.wait_with_output().unwrap();
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            self.redis,
            self.desk,
        )
    }
}

#[test]
fn the_first_ctrl_c_starts_nothing_more_and_still_runs_finally() {
    let scene = Scene::start(SLOW);
    scene.signal(Signal::INT);
    let (code, out, redis, _desk) = scene.end();
    assert_eq!(code, 130, "{out}");
    assert_eq!(redis.send("EXISTS after"), redis::Value::Int(0));
    assert_eq!(redis.send("GET finally"), redis::Value::BulkString(b"ran".to_vec()));
    assert!(out.contains("nothing more starts"), "{out}");
}

#[test]
fn the_second_ends_a_step_that_does_not_end_by_itself() {
    let text = SLOW.replace(
        "    redis: GET never\n    until: result == \"go\"\n    every: 20ms\n",
        "    redis: DEBUG SLEEP 4\n    confirm: Sleep?\n",
    );
    let redis = Redis::start(&[]);
    let desk = Desk::new();
    let file = desk.file("slow.yaml", &text);
    let target = format!("cache={}", redis.url());
    let child = desk.playbook(&["run", &file, "-t", &target, "--yes"]).stdout(Stdio::piped()).spawn().unwrap();
    let scene = Scene { redis, desk, child };
    scene.recorded("\"DEBUG\",\"SLEEP\"");
    scene.signal(Signal::INT);
    scene.recorded("run.cancelling");
    scene.signal(Signal::INT);
    let (code, out, _redis, desk) = scene.end();
    assert_eq!(code, 130, "{out}");
    desk.run(&["verify", "last"]).expect(0);
}

#[test]
fn the_third_leaves_at_once_and_resume_goes_on() {
    let text = SLOW.replace(
        "    redis: GET never\n    until: result == \"go\"\n    every: 20ms\n",
        "    redis: DEBUG SLEEP 3\n    confirm: Sleep?\n",
    );
    let redis = Redis::start(&[]);
    let desk = Desk::new();
    let file = desk.file("slow.yaml", &text);
    let target = format!("cache={}", redis.url());
    let child = desk.playbook(&["run", &file, "-t", &target, "--yes"]).stdout(Stdio::piped()).spawn().unwrap();
    let scene = Scene { redis, desk, child };
    scene.recorded("\"DEBUG\",\"SLEEP\"");
    // Signals of one kind that arrive together count once.
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        scene.signal(signal);
    }
    let (code, out, redis, desk) = scene.end();
    assert_eq!(code, 130, "{out}");
    let done = desk.run(&["resume", "last"]);
    assert!([0, 3].contains(&done.code()), "{}{}", done.out(), done.err());
    assert_eq!(redis.send("GET changed"), redis::Value::BulkString(b"yes".to_vec()));
}
