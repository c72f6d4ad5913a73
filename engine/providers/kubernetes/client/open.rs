//! From a kubeconfig to a connection.

use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;

/// Which cluster, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::kubernetes) struct Place {
    /// The context; else the current one of the kubeconfig.
    pub(in crate::kubernetes) context: Option<String>,
    /// The file; else `KUBECONFIG`, `~/.kube/config`, or what a pod is given.
    pub(in crate::kubernetes) kubeconfig: Option<PathBuf>,
    /// The namespace; else the context's.
    pub(in crate::kubernetes) namespace: Option<String>,
    /// Whom to act as.
    pub(in crate::kubernetes) as_user: Option<String>,
    /// Groups to act as.
    pub(in crate::kubernetes) as_groups: Vec<String>,
}

/// A connection and what its configuration says.
#[derive(Clone)]
pub(in crate::kubernetes) struct Opened {
    pub(super) client: Client,
    /// Of the API server.
    pub(in crate::kubernetes) server: String,
    /// Where steps act that name none.
    pub(in crate::kubernetes) namespace: String,
    /// Of the kubeconfig; nothing within a pod.
    pub(in crate::kubernetes) context: Option<String>,
    /// Passwords and tokens of the configuration, never to be shown.
    pub(in crate::kubernetes) secrets: Vec<(String, String)>,
}

fn unusable(what: &str) -> Fault {
    Fault::new(FaultKind::Invalid, Code::TargetAddress, format!("the kubeconfig cannot be used: {what}"))
        .help("`kubectl config get-contexts` lists contexts; KUBECONFIG or kubeconfig: names the file")
}

/// Reads the configuration and makes a client; nothing is sent yet.
pub(in crate::kubernetes) async fn open(place: &Place) -> Result<Opened, Fault> {
    let file = match &place.kubeconfig {
        Some(path) => Some(Kubeconfig::read_from(path).map_err(|error| unusable(&error.to_string()))?),
        None => Kubeconfig::read().ok(),
    };
    let context = place.context.clone().or_else(|| file.as_ref().and_then(|file| file.current_context.clone()));
    let mut config = match file {
        Some(file) => {
            let options = KubeConfigOptions { context: place.context.clone(), ..KubeConfigOptions::default() };
            Config::from_custom_kubeconfig(file, &options).await.map_err(|error| unusable(&error.to_string()))?
        }
        None if place.context.is_none() => {
            Config::incluster().map_err(|_| unusable("there is none, and this is not a pod"))?
        }
        None => return Err(unusable("there is none")),
    };
    // Retries are this program's: which request may be sent twice is not for a library to know.
    config.default_retry = false;
    config.connect_timeout = Some(std::time::Duration::from_secs(10));
    if let Some(user) = &place.as_user {
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_groups = Some(place.as_groups.clone()).filter(|groups| !groups.is_empty());
    }
    let secrets = secrets(&config);
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    let namespace = place.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).map_err(|error| unusable(&error.to_string()))?;
    Ok(Opened { client, server, namespace, context, secrets })
}

fn secrets(config: &Config) -> Vec<(String, String)> {
    use secrecy::ExposeSecret as _;
    let auth = &config.auth_info;
    let shown = |name: &str, secret: Option<&secrecy::SecretString>| {
        secret.map(|secret| (name.to_owned(), secret.expose_secret().to_owned()))
    };
    let mut all = Vec::new();
    all.extend(shown("token", auth.token.as_ref()));
    all.extend(shown("password", auth.password.as_ref()));
    all.extend(shown("key", auth.client_key_data.as_ref()));
    if let Some(token) = auth.token_file.as_ref().and_then(|path| std::fs::read_to_string(path).ok()) {
        all.push(("token".to_owned(), token.trim().to_owned()));
    }
    all
}
