//! A registry beside an engine, for what pulls.

use super::engine::{Engine, PATIENCE};
use crate::installed::on_path;
use crate::keeper::{Running, until};

/// Where it listens: the network is the engine's own, so the port is free.
const PORT: u16 = 5000;

/// A registry that has the images of the tests.
pub(super) struct Registry {
    running: Running,
}

impl Registry {
    pub(super) fn start(engine: &Engine) -> Self {
        let dir = engine.dir().join("registry");
        let settings = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: '{}'}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '127.0.0.1:{PORT}'}}\n",
            dir.display(),
        );
        let path = engine.dir().join("registry.yaml");
        std::fs::write(&path, settings).unwrap();
        let program = on_path("docker-registry").expect("docker-registry is here: scripts/need-docker gets it");
        let running = engine.spawn("registry", &program, &["serve".into(), path.display().to_string()]);
        let registry = Self { running };
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

    /// The name under which it has an image.
    pub(super) fn image(&self, name: &str) -> String {
        format!("127.0.0.1:{PORT}/{name}")
    }
}
