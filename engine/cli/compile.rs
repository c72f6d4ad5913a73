//! Text → a checked playbook, with environment and overrides applied.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use playbook_core::check::{Checked, Options, check};
use playbook_core::codes::Code;
use playbook_core::diagnostic::{Diagnostic, Diagnostics};
use playbook_core::files::Files;
use playbook_core::source::{Sources, Spanned};
use playbook_core::syntax::tree::{self, Node};
use playbook_core::syntax::{Authored, read};

use crate::app::App;
use crate::args::Given;
use crate::error::Failure;
use crate::locate::{Located, stem};

/// A playbook ready to be planned and run.
pub(crate) struct Compiled {
    /// All texts.
    pub sources: Arc<Sources>,
    /// As checked.
    pub checked: Arc<Checked>,
    /// Where it came from.
    pub located: Located,
    /// The environment that was selected.
    pub environment: Option<String>,
    /// Targets that were replaced, as YAML.
    pub overrides: BTreeMap<String, String>,
}

/// Everything found in one playbook, whether it can run or not.
pub(crate) struct Read {
    /// All texts.
    pub sources: Sources,
    /// As written, if it could be read.
    pub authored: Option<Authored>,
    /// As checked, if nothing is wrong.
    pub checked: Option<Checked>,
    /// What is wrong, or could be.
    pub found: Diagnostics,
}

/// Reads and checks; finds everything.
pub(crate) fn examine(app: &App, located: &Located, targets: Overrides) -> Read {
    let Overrides { mut sources, mut targets, named, .. } = targets;
    let file = sources.add(located.name.clone(), located.text.clone());
    let (authored, mut found) = match sources.get(file) {
        Some(source) => read(file, source),
        None => (None, Diagnostics::new()),
    };
    let mut checked = None;
    if let Some(authored) = &authored {
        unknown_targets(authored, &mut targets, &named, &mut found);
        let files = Some(located.beside.clone() as Arc<dyn Files>);
        let options = Options { stem: Some(stem(&located.name)), targets, throwaway: false, files };
        let (done, more) = check(authored, &app.registry, &options);
        checked = done.filter(|_| !found.has_errors());
        found.extend(more);
    }
    let found = found.sorted();
    for diagnostic in found.iter().filter(|diagnostic| diagnostic.code == Code::SecretInTheOpen) {
        sources.mask(diagnostic.primary.span);
    }
    Read { sources, authored, checked, found }
}

/// A target of the command line that the playbook does not have. One without targets takes any, and an
/// environment may have more than each playbook uses.
fn unknown_targets(
    authored: &Authored,
    given: &mut Vec<(Spanned<String>, Node)>,
    named: &[String],
    found: &mut Diagnostics,
) {
    let known: Vec<&str> = authored.targets.iter().map(|(name, _)| name.value.as_str()).collect();
    given.retain(|(name, _)| {
        let fits = known.is_empty() || known.contains(&name.value.as_str()) || !named.contains(&name.value);
        if !fits {
            let message = format!("the playbook has no target `{}`", name.value);
            let known = known.clone();
            found.push(Diagnostic::error(Code::UnknownTarget, name.span, message).suggest(&name.value, known));
        }
        fits
    });
}

/// As [`examine`], for commands that need a playbook without errors.
pub(crate) fn compile(app: &App, located: Located, overrides: Overrides) -> Result<Compiled, Failure> {
    let environment = overrides.environment.clone();
    let texts = overrides.texts.clone();
    let read = examine(app, &located, overrides);
    match (drop(read.authored), read.checked) {
        ((), Some(checked)) => Ok(Compiled {
            sources: Arc::new(read.sources),
            checked: Arc::new(checked),
            located,
            environment,
            overrides: texts,
        }),
        _ => Err(Failure::Source(read.sources, read.found)),
    }
}

/// Targets from an environment and the command line.
#[derive(Default)]
pub(crate) struct Overrides {
    sources: Sources,
    targets: Vec<(Spanned<String>, Node)>,
    environment: Option<String>,
    texts: BTreeMap<String, String>,
    /// Those of `--target`.
    named: Vec<String>,
}

impl Overrides {
    /// From `--env` and `--target`.
    pub(crate) fn given(given: &Given, located: &Located) -> Result<Self, Failure> {
        let mut all = Self::default();
        if let Some(name) = &given.env {
            all.environment(name, located)?;
        }
        given.targets.iter().try_for_each(|text| all.target(text))?;
        Ok(all)
    }

    /// `NAME=URL`, as on the command line.
    pub(crate) fn target(&mut self, text: &str) -> Result<(), Failure> {
        let (name, url) = text.split_once('=').ok_or_else(|| {
            Failure::input(
                Code::Usage,
                format!("`--target {text}` has no `=`"),
                "write --target cache=redis://10.0.0.7:6379",
            )
        })?;
        let Some((scheme, _)) = url.split_once("://") else {
            return Err(Failure::input(
                Code::TargetAddress,
                format!("`{url}` is no address of a target: it does not say what is there"),
                format!("write --target {name}=redis://{url}"),
            ));
        };
        let kind = match scheme {
            "rediss" | "unix" => "redis",
            other => other,
        };
        self.named.push(name.to_owned());
        self.add(name, &format!("{{{kind}: {}}}", quoted(url)))
    }

    /// The targets alone.
    pub(crate) fn into_targets(self) -> Vec<(Spanned<String>, Node)> {
        self.targets
    }

    /// A target whose recorded address had a secret taken out of it.
    pub(crate) fn hidden(&self) -> Option<&str> {
        self.texts.iter().find(|(_, text)| text.contains("[secret:")).map(|(name, _)| name.as_str())
    }

    /// As recorded by an earlier run.
    pub(crate) fn recorded(texts: &BTreeMap<String, String>, environment: Option<&str>) -> Result<Self, Failure> {
        let mut all = Self { environment: environment.map(str::to_owned), ..Self::default() };
        for (name, text) in texts {
            all.add(name, text)?;
        }
        Ok(all)
    }

    /// Puts one target elsewhere; the last word counts.
    pub(crate) fn add(&mut self, name: &str, yaml: &str) -> Result<(), Failure> {
        let file = self.sources.add(format!("--target {name}"), yaml);
        let Some(source) = self.sources.get(file) else { return Ok(()) };
        let (node, found) = tree::parse(file, source);
        match node {
            Some(node) if !found.has_errors() => {
                self.targets.retain(|(known, _)| known.value != name);
                self.targets.push((Spanned::new(name.to_owned(), node.span), node));
                self.texts.insert(name.to_owned(), yaml.to_owned());
                Ok(())
            }
            _ => Err(Failure::Source(std::mem::take(&mut self.sources), found)),
        }
    }

    fn environment(&mut self, name: &str, located: &Located) -> Result<(), Failure> {
        let dir = located.path.as_deref().and_then(Path::parent).unwrap_or(Path::new("playbooks"));
        let path = dir.join("targets.yaml");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::input(
                Code::UnknownTarget,
                format!("the environment `{name}` is sought in {}: {error}", path.display()),
                "write environments: {prod: {cache: {redis: \"redis://…\"}}} there, or leave --env out",
            )
        })?;
        let file = self.sources.add(path.display().to_string(), text);
        let Some(source) = self.sources.get(file) else { return Ok(()) };
        let (node, mut found) = tree::parse(file, source);
        let environments = node.as_ref().and_then(|node| node.get("environments"));
        let chosen = environments.and_then(|all| all.get(name));
        if let (false, Some(entries)) = (found.has_errors(), chosen.and_then(Node::entries)) {
            self.targets.extend(entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())));
            self.texts = yaml_of(chosen);
            self.environment = Some(name.to_owned());
            return Ok(());
        }
        if !found.has_errors() {
            let place = environments.or(node.as_ref()).map(|node| node.span).unwrap_or_default();
            let known: Vec<&str> = environments
                .and_then(Node::entries)
                .unwrap_or(&[])
                .iter()
                .map(|entry| entry.key.value.as_str())
                .collect();
            found.push(
                Diagnostic::error(Code::UnknownTarget, place, format!("there is no environment `{name}`"))
                    .suggest(name, known),
            );
        }
        Err(Failure::Source(std::mem::take(&mut self.sources), found))
    }
}

/// Targets of an environment as one YAML text each, so that a journal can keep them.
fn yaml_of(environment: Option<&Node>) -> BTreeMap<String, String> {
    let entries = environment.and_then(Node::entries).unwrap_or(&[]);
    entries.iter().map(|entry| (entry.key.value.clone(), flow(&entry.value))).collect()
}

/// A tree in flow style; every scalar that was plain stays plain.
fn flow(node: &Node) -> String {
    match &node.value {
        tree::Value::Null => "null".into(),
        tree::Value::Scalar { text, plain: true } if text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') => {
            text.to_string()
        }
        tree::Value::Scalar { text, .. } => quoted(text),
        tree::Value::Seq(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        tree::Value::Map(entries) => {
            let pairs: Vec<String> =
                entries.iter().map(|entry| format!("{}: {}", quoted(&entry.key.value), flow(&entry.value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// A double-quoted YAML scalar: JSON strings are that.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
