//! `compose run`: carried out by the compose that is installed.

use playbook_core::action::{Fault, Happened};
use serde_json::{Value, json};

use super::item::{Made, Seen, applied};
use super::{exec, mark, run};
use crate::docker::asked::Asked;
use crate::docker::client::{Call, Reader, Writer};
use crate::docker::compose;
use crate::docker::compose::project::Project;
use crate::docker::compose::tool::Tool;
use crate::docker::faults;
use crate::docker::known::Known;
use crate::docker::line::model::ComposeRun;
use crate::docker::record::{Kept, Thing};
use crate::docker::standing::id;

/// `compose run`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::docker) struct Once {
    run: ComposeRun,
    project: Project,
    tool: Tool,
    mark: String,
    /// What the compose files say.
    files: String,
}

impl Once {
    /// # Errors
    /// When there is no compose.
    pub(in crate::docker) async fn of(asked: &Asked, project: &Project, run: &ComposeRun) -> Result<Self, Fault> {
        let whole = |volume: &String| run::whole(asked, volume).unwrap_or_else(|| volume.clone());
        let run = ComposeRun { volumes: run.volumes.iter().map(whole).collect(), ..run.clone() };
        let files = texts(project);
        Ok(Self { run, project: project.clone(), tool: Tool::find().await?, mark: mark::new(), files })
    }

    pub(super) fn look(&self) -> Seen {
        let kept = Kept::Ran { mark: self.mark.clone(), container: Some(self.run.service.clone()) };
        Seen { kept, blob: None, thing: Value::Null }
    }

    pub(super) fn words(&self) -> Vec<String> {
        let mut words = vec!["compose".to_owned(), "run".to_owned(), self.run.service.clone()];
        words.extend(self.run.command.iter().cloned());
        crate::docker::line::mask(words)
    }

    fn arguments(&self) -> Vec<String> {
        let run = &self.run;
        let mut words = vec!["run".to_owned(), "-T".to_owned(), format!("--label={}={}", mark::MARK, self.mark)];
        let switches = [(run.remove, "--rm"), (run.no_deps, "--no-deps"), (run.detached, "-d")];
        words.extend(switches.iter().filter(|(given, _)| *given).map(|(_, flag)| (*flag).to_owned()));
        let one = |flag: &str, value: &Option<String>| value.as_ref().map(|value| format!("--{flag}={value}"));
        words.extend(one("user", &run.user));
        words.extend(one("workdir", &run.folder));
        words.extend(one("entrypoint", &run.entrypoint));
        words.extend(one("name", &run.name));
        for variable in &run.environment {
            // Everyone can read the arguments of a process: it takes the value from its environment.
            let name = handed(variable, &self.files).map_or(variable.as_str(), |(name, _)| name);
            words.extend(["-e".to_owned(), name.to_owned()]);
        }
        for volume in &run.volumes {
            words.extend(["-v".to_owned(), volume.clone()]);
        }
        words.push(run.service.clone());
        words.extend(run.command.iter().cloned());
        words
    }

    pub(super) async fn apply(&self, writer: &Writer<'_>) -> Result<Made, Fault> {
        let reader = writer.reading();
        let mut environment: Vec<(&str, Option<String>)> = reader.opened().environment();
        let own = self.run.environment.iter().filter_map(|variable| handed(variable, &self.files));
        environment.extend(own.map(|(name, value)| (name, Some(value.to_owned()))));
        let done = self.tool.run(&self.project, &self.arguments(), &environment, reader.cancel()).await?;
        if reader.cancel().is_cancelled() {
            return Err(faults::cancelled(true));
        }
        reader.target().memory().end(&self.mark);
        let known = self.known(reader).await;
        let (stdout, stderr) = (known.hide(&done.stdout), known.hide(&done.stderr));
        let lines: Vec<&str> = stdout.lines().collect();
        let row = json!({"stdout": stdout, "stderr": stderr, "code": done.code, "lines": lines});
        let row = exec::ended(row, &self.run.command, &format!("service {}", self.run.service), false)
            .map_err(|fault| Fault { happened: Happened::Unclear, ..fault })?;
        Ok(Made { applied: applied(true, json!({"ended": true}), Vec::new()), row })
    }

    /// The passwords of its service, as far as a container of it is there.
    async fn known(&self, reader: &Reader<'_>) -> Known {
        let mut known = Known::default();
        for one in compose::containers(reader, &self.project.name).await.unwrap_or_default() {
            if compose::service(&one) == self.run.service
                && let Ok(Some(found)) = reader.find(&Call::get(Thing::Container.read(id(&one)))).await
            {
                known = known.and(found.get("Config").unwrap_or(&Value::Null));
            }
        }
        known
    }
}

/// What the files of a project say, one after another.
pub(in crate::docker) fn texts(project: &Project) -> String {
    project.files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect()
}

/// A variable for a container that compose can be handed in its own environment, where it means nothing to
/// compose itself and nothing in its files.
pub(in crate::docker) fn handed<'v>(variable: &'v str, files: &str) -> Option<(&'v str, &'v str)> {
    const OWN: &[&str] = &["DOCKER_", "COMPOSE_", "LD_", "PYTHON", "GO", "BUILDKIT_", "SSH_", "XDG_", "LC_"];
    const NAMES: &[&str] = &["PATH", "HOME", "TMPDIR", "LANG", "TERM", "USER", "PWD", "SHELL", "NO_COLOR"];
    let (name, value) = variable.split_once('=')?;
    let mentioned = files.contains(&format!("${name}")) || files.contains(&format!("${{{name}"));
    let proxy = name.to_ascii_lowercase().ends_with("_proxy");
    let taken = proxy || NAMES.contains(&name) || OWN.iter().any(|own| name.starts_with(own)) || mentioned;
    // What is included is not read here.
    let known = !files.lines().any(|line| line.starts_with("include:"));
    (!taken && known && !name.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::handed;

    #[test]
    fn values_of_variables_are_no_arguments_of_compose() {
        assert_eq!(handed("PASSWORD=a=b", "image: ${OTHER}"), Some(("PASSWORD", "a=b")));
        assert_eq!(handed("TAG=1", "image: web:${TAG:-2}"), None);
        assert_eq!(handed("TAG=1", "image: web:$TAG"), None);
        assert_eq!(handed("TAG=1", "include:\n- other.yaml"), None);
        for own in ["DOCKER_HOST=x", "PATH=/bin", "https_proxy=y", "COMPOSE_FILE=y", "PASSWORD", "=x"] {
            assert_eq!(handed(own, ""), None, "{own}");
        }
    }
}
