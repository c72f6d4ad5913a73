//! The commands around a run, as their users expect them.

use crate::live::{Desk, Redis};

#[test]
fn find_leads_from_an_alert_an_error_or_a_symptom_to_the_playbook() {
    let desk = Desk::new();
    for args in [
        &["find", "--alert", "RedisMemoryHigh"][..],
        &["find", "OOM command not allowed when used memory > 'maxmemory'"],
        &[
            "find",
            "ERROR worker-3 redis.exceptions.ResponseError: OOM command not allowed when used memory > 'maxmemory'.",
        ],
        &["find", "writes", "fail"],
    ] {
        let out = desk.run(args).expect(0).out();
        assert!(out.starts_with("redis-oom"), "{args:?}: {out}");
        assert!(out.contains("playbook run redis-oom"), "{out}");
    }
    desk.run(&["find", "the coffee machine is broken"]).expect(1);
    desk.run(&["find"]).expect(2);
}

#[test]
fn a_name_is_found_upward_on_the_path_and_in_the_library_and_misspelt_names_are_recognised() {
    let desk = Desk::new();
    let inner = desk.dir.path().join("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::create_dir_all(desk.dir.path().join("playbooks")).unwrap();
    desk.file("playbooks/mine.yaml", "playbook: mine\nsteps:\n  - note: hello from mine\n");
    let run = |args: &[&str]| crate::live::Done(desk.playbook(args).current_dir(&inner).output().unwrap());
    assert!(run(&["run", "mine"]).expect(0).out().contains("hello from mine"));
    assert!(run(&["list"]).expect(0).out().contains("redis-oom"), "the library is listed as well");
    let missing = run(&["run", "mnie"]).expect(2);
    assert!(missing.err().contains("did you mean `mine`?"), "{}", missing.err());
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("far.yaml"), "playbook: far\nsteps:\n  - note: hello from far\n").unwrap();
    let far = desk.playbook(&["run", "far"]).env("PLAYBOOK_PATH", elsewhere.path()).current_dir("/").output().unwrap();
    assert!(far.status.success());
}

#[test]
fn an_environment_puts_targets_elsewhere_and_the_command_line_has_the_last_word() {
    let redis = Redis::start(&[]);
    let desk = Desk::new();
    let file = desk.file(
        "where.yaml",
        "playbook: where\ntargets: {cache: {redis: \"redis://127.0.0.1:1\"}}\nsteps:\n  - redis: PING\n    expect: result == \"PONG\"\n",
    );
    desk.file("targets.yaml", &format!("environments:\n  prod:\n    cache: {{redis: \"{}\"}}\n  dead:\n    cache: {{redis: \"redis://127.0.0.1:2\"}}\n", redis.url()));
    desk.run(&["run", &file, "--env", "prod"]).expect(0);
    let nobody = desk.run(&["run", &file]).expect(1);
    assert!(nobody.out().contains("127.0.0.1:1"), "{}", nobody.out());
    desk.run(&["run", &file, "--env", "dead", "-t", &format!("cache={}", redis.url())]).expect(0);
    let misspelt = desk.run(&["run", &file, "--env", "prdo"]).expect(2);
    assert!(
        misspelt.err().contains("did you mean `prod`?") && misspelt.err().contains("targets.yaml:"),
        "{}",
        misspelt.err()
    );
}

#[test]
fn inputs_come_from_the_command_line_a_file_the_environment_and_defaults() {
    let desk = Desk::new();
    let file = desk.file(
        "given.yaml",
        "playbook: given\ninputs:\n  a: {type: int}\n  b: {type: bytes, default: 1kb}\n  c: {type: list, default: [x]}\n  d: {type: string, from: {env: GIVEN_D}}\nsteps:\n  - note: \"a={{ inputs.a }} b={{ inputs.b }} c={{ inputs.c|join('+') }} d={{ inputs.d }}\"\n",
    );
    let values = desk.file("values.yaml", "a: 5\nc: [p, q]\n");
    let run = |args: &[&str]| crate::live::Done(desk.playbook(args).env("GIVEN_D", "from-env").output().unwrap());
    let out = run(&["run", &file, "--input-file", &values, "-i", "b=2kb"]).expect(0).out();
    assert!(out.contains("a=5 b=2048 c=p+q d=from-env"), "{out}");
    let missing = run(&["run", &file]).expect(2);
    assert!(missing.err().contains("`a` has no value"), "{}", missing.err());
    let wrong = run(&["run", &file, "-i", "a=five"]).expect(2);
    assert!(wrong.err().contains("`five` is not a whole number"), "{}", wrong.err());
    let unknown = run(&["run", &file, "-i", "a=1", "-i", "bb=1"]).expect(2);
    assert!(unknown.err().contains("there is no input `bb`"), "{}", unknown.err());
}

#[test]
fn a_graph_is_drawn_in_every_form() {
    let desk = Desk::new();
    let tree = desk.run(&["graph", "playbooks/redis-oom.yaml"]).expect(0).out();
    assert!(tree.contains("├─ memory") && tree.contains("finally"), "{tree}");
    let mermaid = desk.run(&["graph", "playbooks/redis-oom.yaml", "-o", "mermaid"]).expect(0).out();
    assert!(mermaid.starts_with("flowchart TD\n") && mermaid.contains("s1 --> s2"), "{mermaid}");
    let dot = desk.run(&["graph", "playbooks/redis-oom.yaml", "-o", "dot"]).expect(0).out();
    assert!(dot.starts_with("digraph") && dot.trim_end().ends_with('}'), "{dot}");
}

#[test]
fn json_is_json_wherever_it_is_offered() {
    let desk = Desk::new();
    let file = desk.file("tiny.yaml", "playbook: tiny\nsteps:\n  - id: one\n    note: hello\n");
    let lines = desk.run(&["run", &file, "-o", "json"]).expect(0).out();
    let events: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.first().unwrap()["type"], "run.started");
    assert_eq!(events.last().unwrap()["type"], "run.finished");
    for args in [
        &["plan", &file, "-o", "json"][..],
        &["check", &file, "-o", "json"],
        &["list", "-o", "json"],
        &["show", &file, "-o", "json"],
        &["show", "last", "-o", "json"],
        &["find", "memory", "-o", "json"],
        &["runs", "-o", "json"],
        &["timeline", "last", "-o", "json"],
        &["doctor", "-o", "json"],
        &["schema", "event"],
    ] {
        desk.run(args).expect(0).json();
    }
}

#[test]
fn output_for_a_pipe_has_no_colour_no_cursor_movement_and_fits_80_columns() {
    let redis = Redis::start(&[]);
    let desk = Desk::new();
    let target = format!("cache={}", redis.url());
    let args = ["run", "playbooks/redis-oom.yaml", "-t", &target, "--yes"];
    let output = desk.playbook(&args).env("COLUMNS", "80").env("TERM", "xterm-256color").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
    // A digest is never cut: everything else fits.
    for line in text.lines().filter(|line| !line.contains("sha256:")) {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = Desk::new();
    let mut child = desk
        .playbook(&["schema", "playbook"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn completions_manual_and_codes_are_there() {
    let desk = Desk::new();
    assert!(desk.run(&["completions", "bash"]).expect(0).out().contains("playbook"));
    assert!(desk.run(&["man"]).expect(0).out().contains(".TH"));
    let dir = desk.dir.path().join("man");
    desk.run(&["man", dir.to_str().unwrap()]).expect(0);
    assert!(dir.join("playbook-run.1").is_file());
    assert!(desk.run(&["explain", "302"]).expect(0).out().starts_with("# PB0302"));
    desk.run(&["explain", "PB9999"]).expect(2);
}

#[test]
fn a_run_that_cannot_be_found_says_what_there_is() {
    let desk = Desk::new();
    let done = desk.run(&["timeline", "nope"]).expect(2);
    assert!(done.err().contains("no run goes by `nope`") && done.err().contains("playbook runs"), "{}", done.err());
    desk.run(&["resume"]).expect(2);
}

#[test]
fn a_changed_playbook_is_not_resumed_unless_the_steps_are_accepted() {
    let desk = Desk::new();
    let text = "playbook: edited\nsteps:\n  - id: gate\n    confirm: Go on?\n  - id: say\n    note: before\n";
    let file = desk.file("edited.yaml", text);
    desk.run(&["run", &file]).expect(3);
    desk.run(&["approve", "last"]).expect(0);
    desk.file("edited.yaml", &text.replace("note: before", "note: after"));
    let refused = desk.run(&["resume", "last"]).expect(6);
    assert!(refused.err().contains("say") && refused.err().contains("--accept say"), "{}", refused.err());
    let done = desk.run(&["resume", "last", "--accept", "say"]).expect(0);
    assert!(done.out().contains("before"), "{}", done.out());
}

#[test]
fn the_drill_that_ships_passes() {
    let desk = Desk::new();
    let out = desk.run(&["drill", "playbooks/redis-oom.yaml"]).expect(0).out();
    for part in ["untouched", "byte for byte", "are what they were before the run", "passed"] {
        assert!(out.contains(part), "{part} is missing:\n{out}");
    }
    desk.run(&["verify", "last"]).expect(0);
}

#[test]
fn a_drill_whose_playbook_does_not_help_fails() {
    let desk = Desk::new();
    let text = std::fs::read_to_string("playbooks/redis-oom.yaml").unwrap();
    let useless = text
        .replace("do: unlink}", "do: count}")
        .replace("    confirm: \"Delete", "    title: \"Delete")
        .replace("    title: Delete dead letters\n", "")
        .replace("CONFIG SET maxmemory {{ inputs.new_limit }}", "CONFIG GET maxmemory");
    let file = desk.file("redis-oom.yaml", &useless);
    let done = desk.run(&["drill", &file]).expect(1);
    assert!(done.err().contains("PB0718"), "{}", done.err());
}
