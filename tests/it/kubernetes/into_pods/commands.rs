//! Programs in containers: what they print, how they end, and which of them a plan runs.

use super::{Role, SERVED, Scene, flat, killed_everywhere, quoted};

#[test]
fn what_a_command_prints_and_how_it_ends_is_its_result() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let file = scene.file(
        r#"  - {id: disk, kubectl: exec -it redis-0 -- df -h /data, expect: "result.code == 0 and 'Filesystem' in result.lines[0]"}
  - {id: port, kubectl: exec redis-0 -c redis -- id}
  - {id: both, kubectl: [exec, redis-0, --, sh, -c, 'echo out; echo err >&2'], effect: read, expect: 'result.lines == ["out"] and result.stderr|trim == "err"'}
"#,
    );
    let done = scene.run(&["run", &file]);
    assert!(done.out().contains("3 ok"), "{}{}", done.out(), done.err());
}

#[test]
fn a_command_that_fails_fails_its_step_with_its_last_words() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let file = scene.file("  - {id: it, kubectl: exec redis-0 -- cat /nosuch}\n");
    let done = scene.run(&["run", &file]).expect(1);
    let said = "cat in pod/redis-0 ended with code 1: cat: can't open '/nosuch': No such file or directory";
    assert!(flat(&done).contains(said), "{}", done.out());
}

#[test]
fn what_a_program_says_drives_no_terminal() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let says = r"printf '\\033[2J\\033]0;title\\007red\\rover' >&2; printf '\\033[8mhidden'";
    let file = scene.file(&format!(
        "  - {{id: good, kubectl: [exec, redis-0, --, sh, -c, \"{says}\"], effect: read}}
  - {{id: bad, kubectl: [exec, redis-0, --, sh, -c, \"{says}; exit 1\"], rollback: {{none: test}}}}\n"
    ));
    let run = scene.run(&["run", &file]).expect(1);
    assert!(run.out().contains("ended with code 1") && run.out().contains("red"), "{}", run.out());
    let shown = [
        &["show", "last"][..],
        &["timeline", "last"],
        &["rollback", "last", "--dry-run"],
        &["show", "last", "-o", "json"],
    ];
    for done in std::iter::once(run).chain(shown.map(|args| scene.run(args))) {
        let told = done.out() + &done.err();
        assert!(!told.contains(['\u{1b}', '\u{7}', '\r']), "{told:?}");
    }
}

#[test]
fn a_change_that_fails_is_failed_and_not_in_doubt() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let file = scene.file(
        "  - {id: it, kubectl: [exec, redis-0, --, sh, -c, 'echo x >> /data/log; exit 7'], rollback: {none: a log}}\n",
    );
    let done = scene.run(&["run", &file]).expect(1);
    assert!(done.out().contains("ended with code 7") && !done.out().contains("nobody can tell"), "{}", done.out());
    let log = scene.node.exec(&scene.namespace, "redis-0", &["cat", "/data/log"]);
    assert_eq!(log.stdout, "x\n", "it ran once");
}

#[test]
fn more_than_is_kept_is_cut_and_said() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let file = scene.file(
        "  - id: it
    kubectl: [exec, redis-0, --, head, -c, '5000000', /dev/zero]
    effect: read
    expect: result.truncated and result.stdout|length == 4194304 and result.code == 0
",
    );
    let done = scene.run(&["run", &file]);
    assert_eq!(done.code(), 0, "{}{}", &done.out()[..done.out().len().min(2000)], done.err());
}

#[test]
fn a_command_without_an_end_is_given_up_and_in_doubt() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let file = scene
        .file("  - {id: it, kubectl: [exec, redis-0, --, sleep, '600'], timeout: 2s, rollback: {none: it sleeps}}\n");
    let done = scene.run(&["run", &file]).expect(1);
    assert!(done.out().contains("no result within"), "{}", done.out());
    assert!(done.out().contains("in doubt"), "{}", done.out());
}

#[test]
fn a_program_or_a_container_that_is_not_there_is_told() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    for (line, said) in [
        ("exec redis-0 -- nosuch", "executable file not found"),
        ("exec redis-0 -c web -- ls", "pod/redis-0 has no container `web`"),
        ("exec redis-9 -- ls", "there is no pod/redis-9 in"),
        ("exec deploy/nosuch -- ls", "there is no deployment/nosuch"),
    ] {
        let file = scene.file(&format!("  - {{id: it, kubectl: {}, rollback: {{none: test}}}}\n", quoted(line)));
        let done = scene.run(&["run", &file]).expect(1);
        assert!(flat(&done).contains(said), "{line}: {}", done.out());
    }
}

#[test]
fn a_plan_runs_what_looks_and_nothing_else() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let file = scene.file(
        "  - {id: touch, kubectl: exec redis-0 -- touch /data/made, rollback: {none: test}}
  - {id: stated, kubectl: exec redis-0 -- sh -c true, effect: read, needs: []}
  - {id: keys, kubectl: exec redis-0 -- redis-cli --bigkeys, needs: []}
",
    );
    let plan = scene.run(&["plan", &file, "--live"]);
    assert!(plan.out().contains("it runs in pod/redis-0 in"), "{}{}", plan.out(), plan.err());
    assert_eq!(scene.streams(), Vec::<String>::new());
    let looks = scene.file("  - {id: disk, kubectl: exec redis-0 -- df /data}\n");
    scene.run(&["plan", &looks, "--live"]).expect(0);
    let streams = scene.streams();
    assert!(streams.len() == 1 && streams[0].contains("command=df&command=%2Fdata"), "{streams:?}");
}

/// Words that are no look, although some of them are.
#[test]
fn a_plan_runs_no_program_that_only_seems_to_look() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    scene.cli("redis-0", &["SET", "precious", "1"]);
    for line in [
        "exec redis-0 -- redis-cli -i 0 DEL precious --version",
        "exec redis-0 -- redis-cli -i 0 LPUSH other --version",
        "exec redis-0 -- redis-cli --lru-test 5 --version",
        "exec redis-0 -- nc -z -o /data/x 127.0.0.1 6379",
        "exec redis-0 -- ncat -z --sh-exec=reboot 127.0.0.1 6379",
        "exec redis-0 -- cat /dev/zero",
    ] {
        let file = scene.file(&format!("  - {{id: it, kubectl: {}, rollback: {{none: test}}}}\n", quoted(line)));
        let plan = scene.run(&["plan", &file, "--live"]).expect(0);
        assert!(flat(&plan).contains("what it does there is not known"), "{line}: {}", plan.out());
    }
    assert_eq!(scene.streams(), Vec::<String>::new());
    assert_eq!(scene.cli("redis-0", &["DBSIZE"]).trim(), "1");
}

#[test]
fn who_may_not_exec_is_told_before_and_refused() {
    let Some(scene) = Scene::redis(Role::Viewer) else { return };
    let file = scene.file("  - {id: it, kubectl: exec redis-0 -- touch /data/x, rollback: {none: test}}\n");
    let plan = scene.run(&["plan", &file, "--live"]);
    assert!(plan.out().contains("this user may not exec into pod/redis-0"), "{}", plan.out());
    let done = scene.run(&["run", &file]).expect(1);
    assert!(done.out().contains("pods/exec"), "{}", done.out());
    assert!(done.out().contains("nothing was changed"), "{}", done.out());
}

#[test]
fn a_program_that_nobody_knows_is_never_run_twice() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let clean = || {
        scene.node.exec(&scene.namespace, "redis-0", &["sh", "-c", ": > /data/log"]);
    };
    let steps = "  - {id: it, kubectl: [exec, redis-0, --, sh, -c, 'echo x >> /data/log'], confirm: sure?}\n";
    killed_everywhere(&scene, steps, &clean, &|point, done| {
        let log = scene.node.exec(&scene.namespace, "redis-0", &["cat", "/data/log"]).stdout;
        assert!(log.len() <= 2, "{point}: {log:?} {}", done.out());
        // Where it may have run, it is not called done.
        assert!(!log.is_empty() || done.code() != 0 || done.err().contains("never began"), "{point}: {}", done.out());
    });
}

#[test]
fn what_owns_pods_stands_for_one_that_is_ready() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.node.apply(&scene.namespace, SERVED);
    let pod = scene.pod_of("cache");
    let file = scene.file(
        "  - {id: one, kubectl: exec deploy/cache -- cat /etc/hostname}
  - {id: two, kubectl: exec svc/cache -- redis-cli SET k v}
",
    );
    let done = scene.run(&["run", &file]).expect(0);
    assert!(flat(&done).contains("exec svc/cache -- redis-cli SET k v"), "{}", done.out());
    assert_eq!(scene.cli(&pod, &["GET", "k"]), "v");
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(scene.cli(&pod, &["EXISTS", "k"]), "0");
}

#[test]
fn a_look_in_a_pod_can_be_waited_for() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    // It is not there at first.
    let file = scene.file(
        "  - parallel:
      - {id: it, kubectl: exec redis-0 -- ls /data/late, until: result.code == 0, every: 100ms, timeout: 60s}
      - {id: make, kubectl: [exec, redis-0, --, sh, -c, 'sleep 1; touch /data/late'], rollback: {none: test}}
",
    );
    let done = scene.run(&["run", &file]);
    assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
}
