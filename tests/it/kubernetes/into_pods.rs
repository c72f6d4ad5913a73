//! Into pods: commands, redis-cli understood inside of them, and targets behind a port of a pod.

use serde_json::Value;

use super::audit::Entry;
use super::cluster::{Role, User};
use super::keeper::until;
use super::node::Node;
use super::settings::PATIENCE;
use crate::live::{Desk, Done};

/// A pod with a Redis server of its own.
const REDIS: &str = "apiVersion: v1
kind: Pod
metadata: {name: redis-0, labels: {app: redis}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: redis
      image: 'redis:test'
      imagePullPolicy: Never
      command: [redis-server, --bind, 0.0.0.0, --protected-mode, 'no', --save, '', --appendonly, 'no']
      ports: [{name: redis, containerPort: 6379}]
      readinessProbe: {exec: {command: [redis-cli, ping]}, periodSeconds: 1}
";

/// One that asks for a password, which redis-cli in it takes from its environment.
const GUARDED: &str = "apiVersion: v1
kind: Pod
metadata: {name: redis-0}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: redis
      image: 'redis:test'
      imagePullPolicy: Never
      command: [redis-server, --bind, 0.0.0.0, --protected-mode, 'no', --save, '', --requirepass, canary-8151]
      env: [ENV]
      readinessProbe: {exec: {command: [redis-cli, ping]}, periodSeconds: 1}
";

/// A deployment with one Redis, and a service before it whose port has another number.
const SERVED: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: cache}
spec:
  replicas: 1
  selector: {matchLabels: {app: cache}}
  template:
    metadata: {labels: {app: cache}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: redis
          image: 'redis:test'
          imagePullPolicy: Never
          command: [redis-server, --bind, 0.0.0.0, --protected-mode, 'no', --save, '']
          ports: [{name: resp, containerPort: 6379}]
          readinessProbe: {exec: {command: [redis-cli, ping]}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: cache}
spec: {selector: {app: cache}, ports: [{name: main, port: 16379, targetPort: resp}]}
";

struct Scene {
    node: &'static Node,
    namespace: String,
    user: User,
    desk: Desk,
}

impl Scene {
    fn new(role: Role) -> Option<Self> {
        let node = Node::shared()?;
        let namespace = node.namespace();
        Some(Self { node, namespace, user: node.user(role), desk: Desk::new() })
    }

    /// With a Redis in `redis-0`.
    fn redis(role: Role) -> Option<Self> {
        let scene = Self::new(role)?;
        scene.start(REDIS, "redis-0");
        Some(scene)
    }

    /// Makes a pod and waits until it is ready.
    fn start(&self, yaml: &str, pod: &str) {
        self.node.apply(&self.namespace, yaml);
        self.node.wait_ready(&self.namespace, pod);
    }

    fn config(&self) -> String {
        self.node.kubeconfig(&self.user, &self.node.url(), &self.namespace).display().to_string()
    }

    fn file(&self, steps: &str) -> String {
        let target = format!("{{kubernetes: {{kubeconfig: '{}'}}}}", self.config());
        self.desk.file("pods.yaml", &format!("playbook: pods\ntargets: {{k8s: {target}}}\nsteps:\n{steps}"))
    }

    /// A playbook whose Redis target is reached through `end`.
    fn via(&self, redis: &str, end: &str, steps: &str) -> String {
        let way = format!("{{kubernetes: {{kubeconfig: '{}', {end}}}}}", self.config());
        let target = format!("{{redis: {redis}, via: {way}}}");
        self.desk.file("via.yaml", &format!("playbook: via\ntargets: {{cache: {target}}}\nsteps:\n{steps}"))
    }

    fn run(&self, args: &[&str]) -> Done {
        self.desk.run(args)
    }

    /// What redis-cli in the pod says.
    fn cli(&self, pod: &str, words: &[&str]) -> String {
        let command: Vec<&str> = ["redis-cli"].iter().chain(words).copied().collect();
        self.node.exec(&self.namespace, pod, &command).stdout.trim().to_owned()
    }

    fn setting(&self, pod: &str, name: &str) -> String {
        self.cli(pod, &["CONFIG", "GET", name]).lines().last().unwrap_or_default().to_owned()
    }

    /// How often the server carried out a command.
    fn calls(&self, pod: &str, command: &str) -> usize {
        let stats = self.cli(pod, &["INFO", "commandstats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
    }

    fn streams(&self) -> Vec<String> {
        self.node.requests_of(&self.user).iter().filter(|entry| entry.opens_stream()).map(Entry::line).collect()
    }

    /// The only pod of a deployment.
    fn pod_of(&self, app: &str) -> String {
        let path = format!("/api/v1/namespaces/{}/pods?labelSelector=app%3D{app}", self.namespace);
        let ready = |list: &Value| {
            let pods = list["items"].as_array().cloned().unwrap_or_default();
            pods.len() == 1 && super::node::condition(&pods[0], "Ready")
        };
        let list = self.node.wait_for(PATIENCE, &path, ready);
        list["items"][0]["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// Everything that the program wrote, to the terminal and to its state.
    fn heard(&self, lines: &[&[&str]]) -> String {
        let mut heard = String::new();
        for args in lines {
            let done = self.run(args);
            heard += &format!("{}{}", done.out(), done.err());
        }
        let mut files = vec![self.desk.dir.path().join("state")];
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                heard += &String::from_utf8_lossy(&std::fs::read(&path).unwrap());
            }
        }
        heard
    }
}

/// What it printed, on one line.
fn flat(done: &Done) -> String {
    done.out().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn quoted(line: &str) -> String {
    serde_json::to_string(line).unwrap()
}

// ---------------------------------------------------------------- commands

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

// ---------------------------------------------------------------- redis-cli

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

// ---------------------------------------------------------------- via: kubernetes

#[test]
fn a_redis_behind_a_service_is_planned_changed_and_taken_back() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.node.apply(&scene.namespace, SERVED);
    let pod = scene.pod_of("cache");
    for end in ["service: cache, port: main", "service: cache, port: '16379'", "deployment: cache, port: resp"] {
        let file = scene.via(
            "'redis://:1'",
            end,
            "  - {id: is, redis: INFO server, expect: result.tcp_port == 6379}\n  - {id: it, redis: CONFIG SET maxmemory 100mb}\n  - {id: key, redis: SET k v}\n",
        );
        let plan = scene.run(&["plan", &file, "--live", "--detailed-exitcode"]).expect(10);
        assert!(
            plan.out().contains("config maxmemory: 0 → 100mb") || plan.out().contains("104857600"),
            "{}",
            plan.out()
        );
        assert!(plan.out().contains("via kubernetes"), "{}", plan.out());
        assert_eq!((scene.setting(&pod, "maxmemory").as_str(), scene.cli(&pod, &["EXISTS", "k"]).as_str()), ("0", "0"));
        scene.run(&["run", &file]).expect(0);
        assert_eq!(scene.setting(&pod, "maxmemory"), "104857600", "{end}");
        scene.run(&["rollback", "last", "--yes"]).expect(0);
        assert_eq!((scene.setting(&pod, "maxmemory").as_str(), scene.cli(&pod, &["EXISTS", "k"]).as_str()), ("0", "0"));
    }
}

#[test]
fn what_stands_in_the_way_of_a_tunnel_is_told() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let quiet = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: none}, spec: {replicas: 0, \
                 selector: {matchLabels: {app: none}}, template: {metadata: {labels: {app: none}}, \
                 spec: {containers: [{name: a, image: 'redis:test'}]}}}}";
    scene.node.apply(&scene.namespace, quiet);
    for (end, said) in [
        ("deployment: none", "no pod of deployment/none in"),
        ("pod: redis-0, port: '6999'", "nothing listens on this port of the pod"),
        ("pod: redis-0, port: web", "pod/redis-0 has no port `web`"),
        ("pod: redis-9", "there is no pod/redis-9 in"),
        ("service: nosuch", "there is no service/nosuch in"),
    ] {
        let file = scene.via("'redis://:6379'", end, "  - {id: it, redis: PING}\n");
        let done = scene.run(&["run", &file]).expect(1);
        assert!(flat(&done).contains(said), "{end}: {}{}", done.out(), done.err());
    }
    let viewer = Scene { user: scene.node.user(Role::Viewer), ..scene };
    let file = viewer.via("'redis://:6379'", "pod: redis-0", "  - {id: it, redis: PING}\n");
    let done = viewer.run(&["run", &file]).expect(1);
    assert!(done.out().contains("pods/portforward"), "{}", done.out());
}

#[test]
fn a_pod_that_is_gone_is_looked_for_again() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.node.apply(&scene.namespace, SERVED);
    let first = scene.pod_of("cache");
    // The run itself deletes the pod; the next step finds the one that took its place.
    let way = format!("{{kubernetes: {{kubeconfig: '{}', service: cache}}}}", scene.config());
    let file = scene.desk.file(
        "gone.yaml",
        &format!(
            "playbook: gone\ntargets:\n  cache: {{redis: 'redis://:16379', via: {way}}}\n  k8s: {{kubernetes: {{kubeconfig: '{}'}}}}\n\
             steps:\n  - {{id: before, redis: 'SET k v'}}\n  - {{id: out, kubectl: delete pod {first}, rollback: {{none: it comes again}}}}\n\
             \x20 - {{id: after, redis: EXISTS k, until: result == 0, every: 1s, timeout: 120s}}\n",
            scene.config()
        ),
    );
    let done = scene.run(&["run", &file]);
    assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
    assert_ne!(scene.pod_of("cache"), first);
}

#[test]
fn a_plan_through_a_tunnel_sends_only_reads() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let file = scene.via("{port: 6379, db: 1}", "pod: redis-0", "  - {redis: SET k v}\n  - {redis: DEL k}\n");
    scene.run(&["plan", &file, "--live"]).expect(0);
    let sent: Vec<usize> = ["set", "del", "multi", "restore"].iter().map(|name| scene.calls("redis-0", name)).collect();
    assert_eq!(sent, [0, 0, 0, 0]);
    assert!(scene.streams().iter().all(|line| line.contains("/portforward")), "{:?}", scene.streams());
}

#[test]
fn a_way_that_makes_no_sense_is_told_by_check() {
    let desk = Desk::new();
    for (target, said) in [
        ("{redis: 'redis://prod:6379', via: {kubernetes: {pod: a}}}", "`prod` is not looked at"),
        ("{redis: 'rediss://:6379', via: {kubernetes: {pod: a}}}", "TLS inside of via: is not supported yet"),
        ("{redis: 'redis://:6379', via: {kubernetes: {}}}", "a way that leads nowhere"),
        ("{redis: 'redis://:6379', via: {kubernetes: {pod: a, service: b}}}", "a way that leads to two places"),
        ("{redis: 'redis://:6379', via: {kubernets: {pod: a}}}", "there is no way `kubernets`"),
        ("{redis: {host: a}, via: {kubernetes: {pod: a}}}", "via: says where the server is"),
        ("{redis: 'redis://:6379', via: {kubernetes: {pod: a, prot: 1}}}", "prot"),
    ] {
        let file =
            desk.file("via.yaml", &format!("playbook: via\ntargets: {{cache: {target}}}\nsteps:\n  - redis: PING\n"));
        let done = desk.run(&["check", &file]).expect(2);
        assert!(format!("{}{}", done.out(), done.err()).contains(said), "{target}: {}{}", done.out(), done.err());
    }
    let file = desk.file(
        "via.yaml",
        "playbook: via\ninputs: {p: {type: string, default: redis-0}}\ntargets: {cache: {redis: {port: 6380}, via: {kubernetes: {statefulset: '{{ inputs.p }}'}}}}\nsteps:\n  - redis: PING\n",
    );
    desk.run(&["check", &file]).expect(0);
}

// ---------------------------------------------------------------- killed, replaced

/// Runs a playbook killed at each of its events, then resumes it; `look` says what was left.
fn killed_everywhere(scene: &Scene, steps: &str, clean: &dyn Fn(), look: &dyn Fn(&str, &Done)) {
    let file = scene.file(steps);
    for point in (1..=12).flat_map(|seq| ["before", "after", "synced"].map(|when| format!("{when}:{seq}"))) {
        clean();
        let desk = Desk::new();
        let mut command = desk.playbook(&["run", &file, "--yes"]);
        let killed = !command.env("PLAYBOOK_FAILPOINT", &point).output().unwrap().status.success();
        if killed && desk.run(&["runs", "-o", "json"]).json()["runs"].as_array().is_some_and(|runs| !runs.is_empty()) {
            look(&point, &desk.run(&["resume", "last", "--no-input"]));
        }
    }
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
fn a_server_that_ends_in_the_middle_of_a_change_leaves_it_in_doubt() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    // It never answers.
    let crash = "  - {id: it, redis: [EVAL, 'while true do end', '0'], confirm: sure?}\n";
    let file = scene.via("'redis://'", "pod: redis-0", crash);
    let path = format!("/api/v1/namespaces/{}/pods/redis-0", scene.namespace);
    let mut run = scene.desk.playbook(&["run", &file, "--yes"]);
    let run = run.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let sent = || {
        std::fs::read_dir(scene.desk.dir.path().join("state/runs"))
            .ok()?
            .flatten()
            .find_map(|file| std::fs::read_to_string(file.path()).ok()?.contains("action.intent").then_some(()))
    };
    until(PATIENCE, sent).expect("the run comes to its change");
    scene.node.delete(&path);
    let done = Done(run.wait_with_output().unwrap());
    assert!(flat(&done).contains("the connection to redis://pod/redis-0:6379 via kubernetes broke"), "{}", done.out());
    assert!(done.code() == 1 && flat(&done).contains("in doubt"), "{}", done.out());
}

#[test]
fn a_named_pod_that_is_gone_is_told() {
    let Some(scene) = Scene::redis(Role::Admin) else { return };
    let config = scene.config();
    let file = scene.desk.file(
        "gone.yaml",
        &format!(
            "playbook: gone\ntargets:\n  cache: {{redis: 'redis://', via: {{kubernetes: {{kubeconfig: '{config}', pod: redis-0}}}}}}\n\
             \x20 k8s: {{kubernetes: {{kubeconfig: '{config}'}}}}\nsteps:\n  - redis: SET k v\n\
             \x20 - {{kubectl: delete pod redis-0, rollback: {{none: test}}}}\n  - {{id: after, redis: SET k w}}\n"
        ),
    );
    let done = scene.run(&["run", &file]).expect(1);
    assert!(flat(&done).contains("there is no pod/redis-0 in"), "{}", done.out());
}
