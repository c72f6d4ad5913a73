//! Ways to an engine (contexts, TLS, ssh), and through it to a Redis in a container.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::engine::{Engine, Options};
use super::scene::Scene;
use crate::installed::on_path;

const WHO: &str = "
playbook: who
targets: {host: {docker: TARGET}}
steps:
- {id: who, docker: info, expect: result.ServerVersion}
";

fn who(scene: &Scene<'_>, target: &str) -> String {
    scene.file("who.yaml", &WHO.replace("TARGET", target))
}

/// Certificates of an engine that listens on the loopback, and of its users.
fn certificates(dir: &Path) {
    let script = "
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca-key.pem -out ca.pem
        for name in server client; do
            openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name-key.pem -out $name.csr
            printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' > ext
            openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile ext -out $name.pem
        done
        mkdir user; cp ca.pem user/; cp client.pem user/cert.pem; cp client-key.pem user/key.pem";
    let made = Command::new("sh").args(["-e", "-c", script]).current_dir(dir).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn an_engine_behind_tls_lets_in_who_has_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let file = |name: &str| dir.path().join(name).display().to_string();
    let flags = [
        "--tlsverify".to_owned(),
        format!("--tlscacert={}", file("ca.pem")),
        format!("--tlscert={}", file("server.pem")),
        format!("--tlskey={}", file("server-key.pem")),
        "--host=tcp://127.0.0.1:2376".to_owned(),
    ];
    let Some(engine) = Engine::with(&Options { flags: flags.to_vec(), ..Options::default() }) else { return };
    let scene = Scene::new(&engine);
    let playbook = who(&scene, &format!("{{host: \"tcp://127.0.0.1:2376\", tls: {{folder: {}}}}}", file("user")));
    scene.run(&["run", &playbook]).expect(0);

    // A context has the same under its name, as `docker context create` writes it.
    let (config, user) = (dir.path().join("config"), file("user"));
    let flags = format!("host=tcp://127.0.0.1:2376,ca={user}/ca.pem,cert={user}/cert.pem,key={user}/key.pem");
    let made = Command::new(on_path("docker").unwrap())
        .args(["--config", config.to_str().unwrap(), "context", "create", "prod", "--docker", &flags])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut named = Scene::new(&engine);
    named.set("DOCKER_CONFIG", &config);
    named.run(&["run", &who(&named, "prod")]).expect(0);

    let stranger = who(&scene, "{host: \"tcp://127.0.0.1:2376\"}");
    let refused = scene.run(&["run", &stranger]).expect(1);
    let said = refused.out() + &refused.err();
    assert!(said.contains("TLS") && said.contains("DOCKER_CERT_PATH"), "{said}");
}

#[test]
fn an_engine_on_another_machine_is_reached_by_ssh() {
    let Some(mut scene) = Scene::shared() else { return };
    // In place of ssh: the other machine is this one, and nothing but its docker is run there.
    let bin = scene.desk.dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let docker = on_path("docker").unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {}/asked\nfor last; do :; done\ncase \"$*\" in *'docker system dial-stdio'*) \
         exec {} --host {} system dial-stdio;; esac\nexit 9\n",
        bin.display(),
        docker.display(),
        scene.engine.host()
    );
    let ssh = bin.join("ssh");
    std::fs::write(&ssh, script).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    scene.set("PATH", PathBuf::from(path));
    let playbook = who(&scene, "{host: \"ssh://anna@shop-1:2222\"}");
    scene.run(&["run", &playbook]).expect(0);
    let asked = std::fs::read_to_string(bin.join("asked")).unwrap();
    assert!(asked.contains("BatchMode=yes") && asked.contains("2222") && asked.contains("shop-1"), "{asked}");
}

const VIA: &str = "
playbook: via
targets:
  host: {docker: {}}
  cache: {redis: \"redis://:6379\", via: {docker: WAY}}
steps:
- {id: set, redis: SET shop:1 new, target: cache}
- {id: get, redis: GET shop:1, target: cache, expect: result == \"new\"}
";

#[test]
fn a_redis_in_a_container_is_reached_by_its_port_or_its_address() {
    let Some(scene) = Scene::shared() else { return };
    for (word, flags) in [("published", &["--publish", "127.0.0.1::6379"][..]), ("inside", &[][..])] {
        let name = scene.engine.redis(word, flags);
        scene.engine.docker(&["exec", &name, "redis-cli", "set", "shop:1", "old"]);
        let playbook = scene.file("via.yaml", &VIA.replace("WAY", &name));
        let plan = scene.run(&["plan", "--live", &playbook]).expect(0).out();
        assert!(plan.contains("\"old\" → \"new\"") && plan.contains(&name), "{plan}");
        scene.run(&["run", &playbook]).expect(0);
        scene.run(&["rollback", "last", "--yes"]).expect(0);
        assert_eq!(scene.engine.docker(&["exec", &name, "redis-cli", "get", "shop:1"]), "old");
    }
}

#[test]
fn a_container_that_does_not_run_has_no_port_and_says_so() {
    let Some(scene) = Scene::shared() else { return };
    let name = scene.engine.redis("gone", &[]);
    scene.engine.docker(&["stop", &name]);
    let playbook = scene.file("via.yaml", &VIA.replace("WAY", &name));
    let done = scene.run(&["run", &playbook]).expect(1);
    let said = done.out() + &done.err();
    assert!(said.contains(&name) && said.contains("exited"), "{said}");
}

const EXEC: &str = "
playbook: exec
targets: {host: {docker: {}}}
steps:
- {id: keys, docker: exec NAME redis-cli -a PASSWORD dbsize, expect: result == 1}
- {id: limit, docker: [exec, NAME, redis-cli, CONFIG, SET, maxmemory, 50mb]}
- {id: drop, docker: exec -i NAME redis-cli DEL shop:1}
";

#[test]
fn a_redis_cli_in_a_container_is_the_redis_command_that_it_is() {
    let Some(scene) = Scene::shared() else { return };
    let name = scene.engine.redis("exec", &["--env", "REDISCLI_AUTH=inner-canary"]);
    let redis = |words: &[&str]| scene.engine.docker(&[&["exec", &name, "redis-cli"][..], words].concat());
    redis(&["config", "set", "requirepass", "inner-canary"]);
    redis(&["set", "shop:1", "kept"]);
    let playbook = scene.file("exec.yaml", &EXEC.replace("NAME", &name).replace(" -a PASSWORD", ""));
    let plan = scene.run(&["plan", "--live", &playbook]).expect(0).out();
    assert!(plan.contains("maxmemory: 0 → 52428800") && plan.contains("shop:1"), "{plan}");
    assert_eq!(redis(&["get", "shop:1"]), "kept");
    let done = scene.run(&["run", &playbook]).expect(0);
    assert_eq!(redis(&["exists", "shop:1"]), "0");
    scene.run(&["rollback", "last", "--yes"]).expect(0);
    assert_eq!(
        (redis(&["get", "shop:1"]).as_str(), redis(&["config", "get", "maxmemory"]).lines().last()),
        ("kept", Some("0"))
    );
    let shown = plan + &done.out() + &done.err() + &scene.desk.everything().concat();
    assert!(!shown.contains("inner-canary"), "the password of the container is nowhere");
}
