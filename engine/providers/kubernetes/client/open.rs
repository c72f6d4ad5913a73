//! From a kubeconfig to a connection.

use std::path::PathBuf;
use std::sync::Arc;

use kube::Client;
use playbook_core::action::Fault;

use super::login::{Keep, Login};
use super::{kubeconfig, proxy};
use crate::kubernetes::faults;

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
    login: Arc<Login>,
    /// Of the API server.
    pub(in crate::kubernetes) server: String,
    /// The same, and what leads there: for errors of the connection.
    pub(super) route: String,
    /// Where steps act that name none.
    pub(in crate::kubernetes) namespace: String,
    /// Of the kubeconfig; nothing within a pod.
    pub(in crate::kubernetes) context: Option<String>,
    /// Of the kubeconfig: what the user is called there.
    pub(in crate::kubernetes) user: Option<String>,
}

impl Opened {
    /// A client with credentials that are good at this moment, and their number.
    pub(super) async fn client(&self) -> Result<(Client, u64), Fault> {
        self.login.client().await
    }

    /// The server did not know the credentials of this number: a client with others, if there are any.
    pub(super) async fn other(&self, number: u64) -> Result<Option<(Client, u64)>, Fault> {
        self.login.other(number).await
    }

    /// A fault of this server, with who we are where that is what it is about.
    pub(super) fn explain(&self, fault: Fault) -> Fault {
        if !faults::is_unknown(&fault) && !faults::is_nobody(&fault) {
            return fault;
        }
        let user = self.user.as_ref().map(|user| format!(" of the user `{user}`")).unwrap_or_default();
        let words = if faults::is_nobody(&fault) { format!(": {}", fault.message) } else { String::new() };
        let message = format!("{} does not accept {}{user}{words}", self.server, self.login.title());
        Fault { message, ..fault }.help("it may have expired: log in again; what was done before is recorded")
    }

    /// Whom we say that we are, where the credentials themselves tell.
    pub(in crate::kubernetes) async fn claimed(&self) -> Option<String> {
        self.login.claimed().await
    }
}

/// Reads the configuration; nothing is sent yet, and no credential plugin is run.
pub(in crate::kubernetes) fn open(place: &Place, keep: Keep) -> Result<Opened, Fault> {
    let mut chosen = kubeconfig::choose(place)?;
    let config = &mut chosen.config;
    // Retries are this program's: which request may be sent twice is not for a library to know.
    config.default_retry = false;
    config.connect_timeout = Some(std::time::Duration::from_secs(10));
    let environment = |name: &str| std::env::var(name).ok();
    config.proxy_url = proxy::choose(chosen.proxy.as_deref(), &config.cluster_url, &environment)?;
    for secret in config.proxy_url.iter().flat_map(proxy::secrets) {
        keep.add("proxy", &secret);
    }
    if let Some(user) = &place.as_user {
        let auth = &mut chosen.user;
        auth.impersonate = Some(user.clone());
        auth.impersonate_groups = Some(place.as_groups.clone()).filter(|groups| !groups.is_empty());
        auth.impersonate_uid = None;
        auth.impersonate_user_extra = None;
    }
    let server = address(&chosen.config.cluster_url.to_string());
    let through = chosen.config.proxy_url.as_ref().map(|proxy| format!(" through the proxy {}", proxy::shown(proxy)));
    Ok(Opened {
        route: format!("{server}{}", through.unwrap_or_default()),
        namespace: place.namespace.clone().unwrap_or_else(|| chosen.config.default_namespace.clone()),
        context: chosen.context.clone(),
        user: chosen.user_name.clone(),
        login: Arc::new(Login::new(&chosen, keep)?),
        server,
    })
}

/// The address of a server as it is compared: case of the host, a trailing slash and the port that goes
/// without saying make no difference.
pub(in crate::kubernetes) fn address(text: &str) -> String {
    let text = text.trim().trim_end_matches('/');
    let Ok(uri) = text.parse::<http::Uri>() else { return text.to_owned() };
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return text.to_owned() };
    let usual = if scheme == "http" { 80 } else { 443 };
    let port = uri.port_u16().filter(|port| *port != usual).map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{}{port}{}", host.to_ascii_lowercase(), uri.path().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_by_what_they_mean() {
        assert_eq!(address("https://K8S.example:443/"), "https://k8s.example");
        assert_eq!(address("https://10.0.0.1:6443"), "https://10.0.0.1:6443");
        assert_eq!(address("https://rancher.example/k8s/c-1/"), "https://rancher.example/k8s/c-1");
    }
}
