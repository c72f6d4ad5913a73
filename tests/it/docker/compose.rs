//! The two generations of Compose, so that the one a test wants is the one that is found.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use super::engine::Engine;
use crate::installed::{on_path, skip};

/// Which Compose is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compose {
    /// `docker-compose`, the program of its own.
    V1,
    /// `docker compose`, the plugin.
    V2,
    /// Neither.
    None,
}

/// Where the client's packages put its plugins.
const PLUGINS: [&str; 4] = [
    "/usr/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
];

impl Compose {
    /// The environment in which this one is found, and the other is not; None, with a notice, when it
    /// is not here.
    pub(super) fn settings(self, engine: &Engine) -> Option<Vec<(&'static str, PathBuf)>> {
        static TOLD: Once = Once::new();
        let how = "scripts/need-docker gets it";
        let programs = match self {
            Self::V1 => vec![on_path("docker"), on_path("docker-compose")],
            Self::V2 | Self::None => vec![on_path("docker")],
        };
        let plugin = match self {
            Self::V2 => plugin().map(Some),
            Self::V1 | Self::None => Some(None),
        };
        let (Some(programs), Some(plugin)) = (programs.into_iter().collect::<Option<Vec<_>>>(), plugin) else {
            return skip(&format!("no Compose ({self:?}) here: {how}"), "PLAYBOOK_REQUIRE_DOCKER", &TOLD);
        };
        let dir = engine.dir().join(engine.name(&format!("{self:?}").to_lowercase()));
        let (path, config) = (dir.join("bin"), dir.join("config"));
        std::fs::create_dir_all(config.join("cli-plugins")).unwrap();
        std::fs::create_dir_all(&path).unwrap();
        for program in programs {
            link(&program, &path);
        }
        if let Some(plugin) = plugin {
            link(&plugin, &config.join("cli-plugins"));
        }
        Some(vec![("PATH", path), ("DOCKER_CONFIG", config)])
    }

    /// A command of this Compose itself, such as `up -d`, in the folder of a project.
    pub(super) fn command(self, engine: &Engine, dir: &Path, args: &[&str]) -> Option<Command> {
        let settings = self.settings(engine)?;
        let mut command = if self == Self::V1 { engine.client("docker-compose") } else { engine.client("docker") };
        if self == Self::V2 {
            command.arg("compose");
        }
        command.args(args).current_dir(dir).envs(settings);
        Some(command)
    }
}

fn link(file: &Path, dir: &Path) {
    std::os::unix::fs::symlink(file, dir.join(file.file_name().unwrap())).unwrap();
}

/// That of scripts/need-docker, or the machine's.
fn plugin() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache")))?;
    let ours = cache.join("playbook/docker/compose/cli-plugins");
    let folders = [ours].into_iter().chain(PLUGINS.map(PathBuf::from));
    folders.map(|dir| dir.join("docker-compose")).find(|file| file.exists())
}
