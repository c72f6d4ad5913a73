//! `via: {kubernetes: …}`: a Redis behind a port of a pod.

use super::{Desk, Done, PATIENCE, Role, SERVED, Scene, flat, until};

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
        ("{redis: 'rediss://:6379', via: {kubernetes: {pod: a}}}", "a certificate is for a name"),
        ("{redis: {port: 1, tls: {ca: x}}, via: {kubernetes: {pod: a}}}", "a certificate is for a name"),
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

#[test]
fn tls_goes_through_a_tunnel_and_its_certificate_is_checked() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    let pem =
        |name: &str| serde_json::to_string(&std::fs::read_to_string(scene.node.dir().join(name)).unwrap()).unwrap();
    let files = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: tls}}, data: {{crt: {}, key: {}}}}}",
        pem("server.crt"),
        pem("server.key")
    );
    scene.node.apply(&scene.namespace, &files);
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: redis-0}, spec: {terminationGracePeriodSeconds: 0, \
               volumes: [{name: tls, configMap: {name: tls}}], containers: [{name: redis, image: 'redis:test', \
               imagePullPolicy: Never, volumeMounts: [{name: tls, mountPath: /tls}], command: [redis-server, --bind, \
               0.0.0.0, --protected-mode, 'no', --save, '', --port, '0', --tls-port, '6379', --tls-auth-clients, 'no', \
               --tls-cert-file, /tls/crt, --tls-key-file, /tls/key], \
               readinessProbe: {tcpSocket: {port: 6379}, periodSeconds: 1}}]}}";
    scene.start(pod, "redis-0");
    let steps = "  - {redis: SET k v}\n  - {redis: GET k, expect: 'result == \"v\"'}\n";
    let ca = scene.node.authority().display().to_string();
    for (target, code, said) in [
        (format!("{{url: 'rediss://localhost:6379', tls: {{ca: '{ca}'}}}}"), 0, "done"),
        ("{port: 6379, tls: {insecure: true}}".to_owned(), 0, "done"),
        ("{port: 6379, tls: {insecure: true}, host: any.where}".to_owned(), 0, "done"),
        (format!("{{url: 'rediss://redis.dash:6379', tls: {{ca: '{ca}'}}}}"), 1, "not valid for name \"redis.dash\""),
        ("'rediss://localhost:6379'".to_owned(), 1, "UnknownIssuer"),
    ] {
        let done = scene.run(&["run", &scene.via(&target, "pod: redis-0", steps)]);
        assert_eq!(done.code(), code, "{target}: {}{}", done.out(), done.err());
        assert!(flat(&done).contains(said), "{target}: {}", done.out());
    }
}

#[test]
fn all_connections_of_a_target_lead_to_one_pod() {
    let Some(scene) = Scene::new(Role::Admin) else { return };
    scene.node.apply(&scene.namespace, &SERVED.replace("replicas: 1", "replicas: 3"));
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/cache", scene.namespace);
    scene.node.wait_for(PATIENCE, &path, |deployment| deployment["status"]["readyReplicas"] == 3);
    let steps: String = (0..6).map(|n| format!("  - {{redis: INCR n, expect: result == {}}}\n", n + 1)).collect();
    let file = scene.via("'redis://:16379'", "service: cache", &steps);
    scene.run(&["run", &file]).expect(0);
    let streams = scene.streams();
    assert!(streams.len() > 6, "a stream for each connection: {streams:?}");
    scene.run(&["rollback", "last", "--yes"]).expect(0);
}
