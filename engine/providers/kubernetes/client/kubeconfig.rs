//! Kubeconfigs: which files, merged how, and which context of them.
//!
//! As kubectl: of several files the first that says something wins, and files that are not there are
//! passed over. What cannot be read is told by its place and never quoted: it may hold a token.

use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{AuthInfo, Cluster, Context, ExecAuthCluster, InClusterError, Kubeconfig, KubeconfigError};
use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use playbook_core::diagnostic::nearest;

use super::open::Place;
use super::pem;

/// A context with its cluster and user.
pub(super) struct Chosen {
    /// Where the cluster is; nothing of who we are.
    pub(super) config: Config,
    /// Who we are.
    pub(super) user: AuthInfo,
    /// Of the context; nothing within a pod.
    pub(super) user_name: Option<String>,
    pub(super) context: Option<String>,
    /// What the configuration itself says about a proxy.
    pub(super) proxy: Option<String>,
}

/// Contexts that are named in an error.
const NAMED: usize = 12;
/// Where a pod finds its account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

pub(super) fn unusable(what: impl std::fmt::Display, help: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Invalid, Code::TargetAddress, format!("the kubeconfig cannot be used: {what}")).help(help)
}

/// Reads the files and finds the context.
pub(super) fn choose(place: &Place) -> Result<Chosen, Fault> {
    let (paths, named) = paths(place);
    let mut merged: Option<Kubeconfig> = None;
    for path in &paths {
        if !named && !path.exists() {
            continue;
        }
        let next = read(path)?;
        merged = Some(match merged {
            None => next,
            Some(first) => first.merge(next).map_err(|error| unusable(error, "KUBECONFIG lists the files"))?,
        });
    }
    match merged {
        Some(merged) => of_file(&merged, place),
        None if place.context.is_none() => in_pod(&paths),
        None => Err(unusable(format!("there is none: {} is not there", listed(&paths)), WHERE)),
    }
}

const WHERE: &str = "KUBECONFIG or kubeconfig: names the file";

/// Files to read; true: they must be there.
fn paths(place: &Place) -> (Vec<PathBuf>, bool) {
    if let Some(path) = &place.kubeconfig {
        return (vec![path.clone()], true);
    }
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let mut all: Vec<PathBuf> = std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect();
    if all.is_empty() {
        all.extend(std::env::home_dir().map(|home| home.join(".kube").join("config")));
    }
    (all, false)
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn read(path: &Path) -> Result<Kubeconfig, Fault> {
    let at = path.display();
    let mut file = Kubeconfig::read_from(path).map_err(|error| match error {
        KubeconfigError::ReadConfig(why, _) => unusable(format!("{at} cannot be read: {why}"), WHERE),
        // The words of the parser may quote the file.
        KubeconfigError::Parse(error) => {
            let place = error.location().map(|place| format!(":{}:{}", place.line(), place.column()));
            let place = place.unwrap_or_default();
            unusable(
                format!("{at}{place} is not the YAML of a kubeconfig"),
                "the line is not shown, since it may hold a secret; `kubectl config view` shows what can be read",
            )
        }
        error => unusable(format!("{at}: {error}"), WHERE),
    })?;
    // Of several files, one that names no context must not decide.
    file.current_context = file.current_context.filter(|context| !context.is_empty());
    Ok(file)
}

fn of_file(file: &Kubeconfig, place: &Place) -> Result<Chosen, Fault> {
    let names: Vec<&str> = file.contexts.iter().map(|context| context.name.as_str()).collect();
    let Some(name) = place.context.as_ref().or(file.current_context.as_ref()) else {
        return Err(unusable("it has no current context", format!("name one: {}", among(&names))));
    };
    let found = file.contexts.iter().find(|context| &context.name == name).and_then(|found| found.context.as_ref());
    let context: &Context = found.ok_or_else(|| {
        let near = nearest(name, names.iter().copied()).map(|near| format!("did you mean `{near}`? "));
        let near = near.unwrap_or_default();
        unusable(format!("there is no context `{name}`"), format!("{near}there are: {}", among(&names)))
    })?;
    let found = file.clusters.iter().find(|cluster| cluster.name == context.cluster);
    let cluster = found.and_then(|found| found.cluster.as_ref()).ok_or_else(|| {
        let known: Vec<&str> = file.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        let what = format!("the context `{name}` is of the cluster `{}`, which it does not describe", context.cluster);
        unusable(what, format!("there are: {}", among(&known)))
    })?;
    let user_name = context.user.clone().filter(|user| !user.is_empty());
    let found = file.auth_infos.iter().find(|user| Some(&user.name) == user_name.as_ref());
    if let (Some(user), None) = (&user_name, found) {
        let known: Vec<&str> = file.auth_infos.iter().map(|user| user.name.as_str()).collect();
        let what = format!("the context `{name}` is of the user `{user}`, whom it does not describe");
        return Err(unusable(what, format!("there are: {}", among(&known))));
    }
    let mut user = found.and_then(|found| found.auth_info.clone()).unwrap_or_default();
    if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = Some(ExecAuthCluster::try_from(cluster).map_err(|error| unusable(error, WHERE))?);
    }
    let mut config = of_cluster(&context.cluster, cluster)?;
    config.default_namespace =
        context.namespace.clone().filter(|namespace| !namespace.is_empty()).unwrap_or_else(|| "default".to_owned());
    let proxy = cluster.proxy_url.clone().filter(|proxy| !proxy.is_empty());
    Ok(Chosen { config, user, user_name, context: Some(name.clone()), proxy })
}

fn among(names: &[&str]) -> String {
    let mut shown: Vec<&str> = names.iter().take(NAMED).copied().collect();
    if shown.is_empty() {
        shown.push("none");
    }
    let more = names.len().saturating_sub(NAMED);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", shown.join(", "))
}

fn of_cluster(name: &str, cluster: &Cluster) -> Result<Config, Fault> {
    let server = cluster.server.as_deref().filter(|server| !server.is_empty());
    let server = server.ok_or_else(|| unusable(format!("the cluster `{name}` has no server"), WHERE))?;
    let given = if server.contains("://") { server.to_owned() } else { format!("https://{server}") };
    let url: http::Uri = given
        .parse()
        .map_err(|_| unusable(format!("`{server}` is no address of a server"), "write https://HOST:PORT"))?;
    let mut config = Config::new(url);
    config.root_cert = pem::authority(cluster)?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    Ok(config)
}

/// What a pod is given.
fn in_pod(paths: &[PathBuf]) -> Result<Chosen, Fault> {
    let mut config = Config::incluster().map_err(|error| match error {
        InClusterError::ReadEnvironmentVariable(_) => unusable(
            format!("there is none ({} is not there), and this is not a pod", listed(paths)),
            format!("{WHERE}; within a pod, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are set"),
        ),
        InClusterError::ReadDefaultNamespace(_) | InClusterError::ReadCertificateBundle(_) => unusable(
            format!("there is none, and this pod has no account: {ACCOUNT} cannot be read"),
            "automountServiceAccountToken of the pod or its service account may be false",
        ),
        error => unusable(format!("what this pod is given: {error}"), "see the environment of the pod"),
    })?;
    config.default_namespace = config.default_namespace.trim().to_owned();
    let user = std::mem::take(&mut config.auth_info);
    Ok(Chosen { config, user, user_name: None, context: None, proxy: None })
}
