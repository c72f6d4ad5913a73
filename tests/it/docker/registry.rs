//! A registry beside an engine, for what pulls.

use std::sync::OnceLock;

use super::engine::{Engine, PATIENCE};
use crate::installed::on_path;
use crate::keeper::{Running, until};

/// Where it listens: the network is the engine's own, so the port is free.
const PORT: u16 = 5000;

/// Where it asks who is there.
const GUARDED: u16 = 5001;
/// Who may come in there: `anna`, `pull-canary`.
const LOGINS: &str = "anna:$2b$04$E6vx4XIw/1Ec6W.7jNv94ejpt8TyX4b9GqjODZSOwbFlaN8yDjVPq\n";

/// A registry that has the images of the tests.
pub(super) struct Registry {
    running: Running,
    guarded: OnceLock<Running>,
}

fn serve(engine: &Engine, port: u16, more: &str) -> Running {
    let dir = engine.dir().join("registry");
    let settings = format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: '{}'}}, delete: {{enabled: true}}}}\n\
         http: {{addr: '127.0.0.1:{port}'}}\n{more}",
        dir.display(),
    );
    let path = engine.dir().join(format!("registry-{port}.yaml"));
    std::fs::write(&path, settings).unwrap();
    let program = on_path("docker-registry").expect("docker-registry is here: scripts/need-docker gets it");
    engine.spawn("registry", &program, &["serve".into(), path.display().to_string()])
}

impl Registry {
    pub(super) fn start(engine: &Engine) -> Self {
        let registry = Self { running: serve(engine, PORT, ""), guarded: OnceLock::new() };
        for image in ["redis:test", "busybox:test"] {
            let there = registry.image(image);
            engine.docker(&["tag", image, &there]);
            // Until it listens nothing can be pushed to it.
            let pushed = until(PATIENCE, || match engine.try_docker(&["push", "--quiet", &there]) {
                Ok(_) => Some(Ok(())),
                Err(why) if registry.running.is_alive() && why.contains("refused") => None,
                Err(why) => Some(Err(why)),
            });
            assert_eq!(pushed, Some(Ok(())), "the registry said: {}", registry.running.last_words());
            engine.docker(&["rmi", &there]);
        }
        registry
    }

    /// The same, behind a login.
    pub(super) fn guarded(&self, engine: &Engine, name: &str) -> String {
        let image = format!("127.0.0.1:{GUARDED}/{name}");
        self.guarded.get_or_init(|| {
            let logins = engine.dir().join("logins");
            std::fs::write(&logins, LOGINS).unwrap();
            let auth = format!("auth: {{htpasswd: {{realm: tests, path: '{}'}}}}\n", logins.display());
            let running = serve(engine, GUARDED, &auth);
            // Until it listens it refuses nobody.
            let refused = until(PATIENCE, || {
                engine.try_docker(&["pull", "--quiet", &image]).err().filter(|why| why.contains("basic auth"))
            });
            assert!(refused.is_some(), "the registry said: {}", running.last_words());
            running
        });
        image
    }

    /// The name under which it has an image.
    pub(super) fn image(&self, name: &str) -> String {
        format!("127.0.0.1:{PORT}/{name}")
    }
}
