//! redis-cli in a pod is the Redis command that it is given.

use super::{GUARDED, REDIS, Role, Scene, flat, killed_everywhere, quoted};

#[test]
fn redis_cli_in_a_pod_is_planned_made_and_taken_back_as_the_command_it_is() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let file = scene.file("  - {id: it, kubectl: exec -it redis-0 -- redis-cli CONFIG SET appendonly yes}\n");
    let plan = scene.run(&["plan", &file, "--live", "--detailed-exitcode"]).expect(10);
    assert!(plan.out().contains("config appendonly: no → yes"), "{}", plan.out());
    assert_eq!((scene.setting("redis-0", "appendonly").as_str(), scene.calls("redis-0", "config|set")), ("no", 0));

    scene.run(&["run", &file]).expect(0);
    assert_eq!(scene.setting("redis-0", "appendonly"), "yes");
    let back = scene.run(&["rollback", "last", "--dry-run"]);
    assert!(back.out().contains("config appendonly: yes → no"), "{}{}", back.out(), back.err());
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(scene.setting("redis-0", "appendonly"), "no");
}

#[test]
fn keys_that_redis_cli_in_a_pod_changes_come_back() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    scene.cli("redis-0", &["-n", "2", "RPUSH", "dash:queue:pending", "a", "b"]);
    let file = scene.file(
        "  - {id: len, kubectl: exec redis-0 -- redis-cli -n 2 llen dash:queue:pending, expect: result == 2}
  - {id: drop, kubectl: exec redis-0 -- redis-cli -n 2 --raw DEL dash:queue:pending, expect: result == 1}
  - {id: fill, kubectl: [exec, redis-0, --, redis-cli, INFO, memory], expect: result.used_memory > 1000}
",
    );
    scene.run(&["run", &file]).expect(0);
    assert_eq!(scene.cli("redis-0", &["-n", "2", "EXISTS", "dash:queue:pending"]), "0");
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(scene.cli("redis-0", &["-n", "2", "LRANGE", "dash:queue:pending", "0", "-1"]), "a\nb");
}

#[test]
fn a_failing_run_takes_back_what_redis_cli_changed_before() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let file = scene.file(
        "  - {id: it, kubectl: exec redis-0 -- redis-cli SET k v}
  - {id: no, kubectl: exec redis-0 -- redis-cli GET k, expect: 'result == \"other\"'}
",
    );
    let file = scene
        .desk
        .file("pods.yaml", &std::fs::read_to_string(file).unwrap().replace("steps:", "on_failure: rollback\nsteps:"));
    scene.run(&["run", &file]).expect(4);
    assert_eq!(scene.cli("redis-0", &["EXISTS", "k"]), "0");
}

#[test]
fn inner_commands_are_checked_as_those_of_redis() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    for (line, said) in [
        ("exec redis-0 -- redis-cli CONFG SET a b", "Redis has no command `CONFG`"),
        ("exec redis-0 -- redis-cli MONITOR", "MONITOR cannot be a step"),
        ("exec redis-0 -- redis-cli KEYS *", "KEYS walks through all keys at once"),
        ("exec redis-0 -- redis-cli EVAL 'return 1' 0", "cannot be taken back"),
        ("exec redis-0 -- redis-cli -h other SET a b", "redis-cli may talk to another server"),
        ("exec redis-0 -- rm -rf /data", "nobody knows what the program does"),
    ] {
        let file = scene.file(&format!("  - {{id: it, kubectl: {}}}\n", quoted(line)));
        let done = scene.run(&["check", &file]);
        assert!(format!("{}{}", done.out(), done.err()).contains(said), "{line}: {}{}", done.out(), done.err());
    }
}

#[test]
fn the_password_of_a_pod_is_used_as_redis_cli_uses_it_and_shown_nowhere() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.start(&GUARDED.replace("ENV", "{name: REDISCLI_AUTH, value: canary-8151}"), "redis-0");
    let file = scene.file(
        "  - {id: one, kubectl: exec redis-0 -- redis-cli SET k v}
  - {id: two, kubectl: exec redis-0 -- redis-cli CONFIG SET maxmemory 100mb}
  - {id: three, kubectl: exec redis-0 -- redis-cli CONFIG GET requirepass}
  - {id: four, kubectl: exec redis-0 -- cat /proc/1/cmdline}
",
    );
    scene.run(&["run", &file]).expect(0);
    let lines: [&[&str]; 5] = [
        &["show", "last"],
        &["plan", &file, "--live", "-o", "json"],
        &["timeline", "last"],
        &["rollback", "last", "--yes"],
        &["run", &file, "-o", "json"],
    ];
    let heard = scene.heard(&lines);
    let at = heard.find("canary-8151").map(|at| heard[..at].chars().rev().take(300).collect::<String>());
    assert!(heard.contains("maxmemory") && at.is_none(), "before it, backwards: {at:?}");
}

#[test]
fn a_password_in_a_secret_is_read_or_its_place_is_told() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: redis}, stringData: {pw: canary-8151}}";
    scene.node.apply(&scene.namespace, secret);
    let from = "{name: REDISCLI_AUTH, valueFrom: {secretKeyRef: {name: redis, key: pw}}}";
    scene.start(&GUARDED.replace("ENV", from), "redis-0");
    let steps = "  - {id: it, kubectl: exec redis-0 -- redis-cli PING, expect: 'result == \"PONG\"'}\n";
    let file = scene.file(steps);
    scene.run(&["run", &file]).expect(0);

    // Someone who may forward ports and not read Secrets.
    let user = scene.node.user(Role::Viewer);
    let rules = format!(
        "{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: ports}}, rules: [{{apiGroups: [''], \
         resources: [pods/portforward], verbs: [get, create]}}]}}\n---\n{{apiVersion: rbac.authorization.k8s.io/v1, \
         kind: RoleBinding, metadata: {{name: ports}}, roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, \
         name: ports}}, subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {}}}]}}",
        user.name
    );
    scene.node.apply(&scene.namespace, &rules);
    let viewer = Scene { user, ..scene };
    let done = viewer.run(&["run", &viewer.file(steps)]).expect(1);
    assert!(done.out().contains("the password is in Secret redis"), "{}", done.out());
}

/// Every line of the seeds that goes into a pod.
#[test]
fn the_lines_of_runbooks_that_go_into_pods_work() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    scene.cli("redis-0", &["SET", "dash:user:1", "x"]);
    let steps: String = [
        "exec -it redis-0 -n NS -- redis-cli ping",
        "exec -it redis-0 -n NS -- redis-cli info memory",
        "exec -it redis-0 -n NS -- redis-cli llen dash:queue:pending",
        "exec -it redis-0 -n NS -- redis-cli --bigkeys",
        "exec -it redis-0 -n NS -- redis-cli EVAL \"return redis.call('del', unpack(redis.call('keys', ARGV[1])))\" 0 'dash:user:*'",
        "exec -it redis-0 -n NS -- redis-cli info persistence",
        "exec -it redis-0 -n NS -- df -h /data",
        "exec -it redis-0 -n NS -- redis-cli BGREWRITEAOF",
        "exec -it redis-0 -n NS -- redis-cli info replication",
        "exec -it redis-0 -n NS -- redis-cli CONFIG SET appendonly yes",
        "exec -it redis-0 -n NS -- redis-cli CONFIG SET save \"60 1000\"",
    ]
    .iter()
    .map(|line| {
        let confirm = if line.contains("EVAL") { ", confirm: sure?" } else { "" };
        format!("  - {{kubectl: {}{confirm}}}\n", quoted(&line.replace("NS", &scene.namespace)))
    })
    .collect();
    let file = scene.file(&steps);
    scene.run(&["plan", &file, "--live"]).expect(0);
    let done = scene.run(&["run", &file, "--yes"]);
    assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
    assert_eq!(scene.setting("redis-0", "save"), "60 1000");
    assert_eq!(scene.cli("redis-0", &["EXISTS", "dash:user:1"]), "0");
}

#[test]
fn a_redis_command_in_a_pod_is_carried_out_once_wherever_the_run_is_killed() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let clean = || {
        scene.cli("redis-0", &["DEL", "n"]);
    };
    let steps = "  - {id: it, kubectl: exec redis-0 -- redis-cli INCR n}\n";
    killed_everywhere(&scene, steps, &clean, &|point, done| {
        let began = !done.err().contains("never began");
        let wanted = if began { "1" } else { "" };
        assert_eq!(scene.cli("redis-0", &["GET", "n"]), wanted, "{point}: {}{}", done.out(), done.err());
    });
}

#[test]
fn what_was_started_anew_since_is_not_taken_for_what_was_changed() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let file = scene.file("  - {id: it, kubectl: exec redis-0 -- redis-cli SET k v}\n");
    scene.run(&["run", &file]).expect(0);
    let path = format!("/api/v1/namespaces/{}/pods/redis-0", scene.namespace);
    scene.node.delete(&path);
    scene.node.wait_gone(&path);
    scene.start(REDIS, "redis-0");
    let done = scene.run(&["rollback", "last", "--yes"]).expect(5);
    assert!(flat(&done).contains("was started anew since the run changed it"), "{}", done.out());
}

#[test]
fn passwords_on_the_line_are_used_and_shown_nowhere() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.start(&GUARDED.replace("ENV", "{name: A, value: b}"), "redis-0");
    let bare = scene.file("  - {id: it, kubectl: exec redis-0 -- redis-cli PING}\n");
    let done = scene.run(&["run", &bare]).expect(1);
    assert!(flat(&done).contains("redis-cli would be refused too: give it -a"), "{}", done.out());
    for (inputs, word) in
        [("inputs: {pw: {type: secret, from: {file: PATH}}}\n", "{{ inputs.pw }}"), ("", "canary-8151")]
    {
        let path = scene.desk.file("password", "canary-8151");
        let line = format!("  - {{id: it, kubectl: 'exec redis-0 -- redis-cli -a \"{word}\" SET k v'}}\n");
        let text = std::fs::read_to_string(scene.file(&line)).unwrap();
        let file =
            scene.desk.file("pods.yaml", &text.replace("steps:", &format!("{}steps:", inputs.replace("PATH", &path))));
        let lines: [&[&str]; 4] =
            [&["plan", &file, "--live"], &["run", &file], &["timeline", "last"], &["rollback", "last", "--yes"]];
        let heard = scene.heard(&lines);
        assert!(heard.contains("restored 1 thing") && !heard.contains("canary-8151"), "{word}: {heard:.2000}");
    }
}

#[test]
fn a_password_that_was_changed_in_a_pod_is_put_back_by_another_process() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.start(&GUARDED.replace("ENV", "{name: REDISCLI_AUTH, value: canary-8151}"), "redis-0");
    let path = scene.desk.file("password", "canary-9262");
    let line = "  - {id: it, kubectl: 'exec redis-0 -- redis-cli CONFIG SET requirepass {{ inputs.new }}'}\n";
    let text = std::fs::read_to_string(scene.file(line)).unwrap();
    let inputs = format!("inputs: {{new: {{type: secret, from: {{file: '{path}'}}}}}}\nsteps:");
    let file = scene.desk.file("pods.yaml", &text.replace("steps:", &inputs));
    scene.run(&["run", &file]).expect(0);
    assert_eq!(scene.cli("redis-0", &["--no-auth-warning", "-a", "canary-9262", "PING"]), "PONG");
    let done = scene.run(&["rollback", "last", "--yes"]);
    assert_eq!(scene.cli("redis-0", &["PING"]), "PONG", "{}{}", done.out(), done.err());
    let heard = scene.heard(&[&["timeline", "last"]]);
    assert!(!heard.contains("canary-8151") && !heard.contains("canary-9262"));
}
