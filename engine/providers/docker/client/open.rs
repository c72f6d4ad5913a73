//! From what a target, the environment and the configuration of the docker CLI say, to where an engine is.

use std::path::PathBuf;
use std::sync::Arc;

use playbook_core::action::Fault;

use super::contexts::{self, Endpoint};
use super::ssh::Ssh;
use super::tls;
use crate::docker::faults;

/// Which engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::docker) struct Place {
    /// `unix://…`, `tcp://…`, `ssh://…`; wins over everything else.
    pub(in crate::docker) host: Option<String>,
    /// A context of the docker CLI; wins over the environment.
    pub(in crate::docker) context: Option<String>,
    /// Of the host; else as the environment says.
    pub(in crate::docker) tls: Option<Tls>,
}

/// TLS, as the docker CLI has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::docker) struct Tls {
    /// Holds `ca.pem`, `cert.pem` and `key.pem`, each if it is needed.
    pub(in crate::docker) folder: Option<PathBuf>,
    /// Any certificate of the engine is taken.
    pub(in crate::docker) insecure: bool,
}

/// Where an engine is, and what leads there.
#[derive(Clone)]
pub(in crate::docker) struct Opened {
    pub(super) road: Road,
    /// `unix:///var/run/docker.sock`, without secrets.
    pub(in crate::docker) host: String,
    /// The context that said so, if one did.
    pub(in crate::docker) context: Option<String>,
    tls: Option<Tls>,
    /// `DOCKER_API_VERSION`.
    pub(super) api: Option<String>,
}

/// How the engine is reached.
#[derive(Clone)]
pub(super) enum Road {
    Unix(PathBuf),
    Tcp { host: String, port: u16, tls: Option<Arc<rustls::ClientConfig>> },
    Ssh(Ssh),
}

/// Reads environment variables.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What docker takes where nothing is said.
const USUAL: &str = "unix:///var/run/docker.sock";

impl Opened {
    /// What a program that is run beside this one needs to reach the same engine. Nothing: the variable
    /// is to be removed.
    pub(in crate::docker) fn environment(&self) -> Vec<(&'static str, Option<String>)> {
        let flag = |is: bool| is.then(|| "1".to_owned());
        let folder = self.tls.as_ref().and_then(|tls| tls.folder.as_ref());
        vec![
            ("DOCKER_HOST", Some(self.host.clone())),
            ("DOCKER_CONTEXT", None),
            ("DOCKER_TLS", flag(self.tls.as_ref().is_some_and(|tls| tls.insecure))),
            ("DOCKER_TLS_VERIFY", flag(self.tls.as_ref().is_some_and(|tls| !tls.insecure))),
            ("DOCKER_CERT_PATH", folder.map(|folder| folder.to_string_lossy().into_owned())),
        ]
    }

    /// Is the engine on this machine?
    pub(in crate::docker) fn is_local(&self) -> bool {
        matches!(self.road, Road::Unix(_))
    }

    /// Can ports be reached as the engine's own machine sees them?
    pub(in crate::docker) fn is_near(&self) -> bool {
        matches!(self.road, Road::Unix(_) | Road::Ssh(_))
    }
}

/// Finds out where the engine is; nothing is sent.
pub(in crate::docker) fn open(place: &Place) -> Result<Opened, Fault> {
    resolve(place, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn resolve(place: &Place, environment: Environment<'_>) -> Result<Opened, Fault> {
    let from_environment =
        || Endpoint { host: environment("DOCKER_HOST").unwrap_or_else(|| USUAL.into()), tls: tls_of(environment) };
    let (endpoint, context) = match (&place.host, &place.context) {
        (Some(host), _) => {
            let tls = place.tls.clone().or_else(|| tls_of(environment));
            (Endpoint { host: host.clone(), tls }, None)
        }
        (None, Some(context)) if context == contexts::DEFAULT => (from_environment(), None),
        (None, Some(context)) => (contexts::find(context, environment)?, Some(context.clone())),
        (None, None) if environment("DOCKER_HOST").is_some() => (from_environment(), None),
        (None, None) => match contexts::current(environment)? {
            Some(context) => (contexts::find(&context, environment)?, Some(context)),
            None => (from_environment(), None),
        },
    };
    let Endpoint { host, tls } = endpoint;
    let road = road(host.trim(), tls.as_ref())?;
    let tls = tls.filter(|_| matches!(road, Road::Tcp { tls: Some(_), .. }));
    Ok(Opened { road, host: host.trim().to_owned(), context, tls, api: environment("DOCKER_API_VERSION") })
}

/// TLS as the environment asks for it.
fn tls_of(environment: Environment<'_>) -> Option<Tls> {
    let (verify, plain) = (environment("DOCKER_TLS_VERIFY").is_some(), environment("DOCKER_TLS").is_some());
    if !verify && !plain {
        return None;
    }
    let folder = environment("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| contexts::folder(environment));
    Some(Tls { folder, insecure: !verify })
}

fn road(host: &str, tls: Option<&Tls>) -> Result<Road, Fault> {
    let unreadable = |why: &str| faults::address(format!("`{}` is no address of an engine: {why}", shown(host)));
    let Some((scheme, rest)) = host.split_once("://") else { return Err(unreadable("it has no ://")) };
    match scheme {
        "unix" if rest.starts_with('/') => Ok(Road::Unix(rest.into())),
        "unix" => Err(unreadable("the path of the socket begins with /")),
        "tcp" | "http" | "https" => {
            let tls = if scheme == "https" { tls.cloned().or_else(|| Some(Tls::default())) } else { tls.cloned() };
            let (name, port) = authority(rest.trim_end_matches('/')).map_err(unreadable)?;
            let port = port.unwrap_or(if tls.is_some() { 2376 } else { 2375 });
            let tls = tls.as_ref().map(tls::settings).transpose()?.map(Arc::new);
            Ok(Road::Tcp { host: name, port, tls })
        }
        "ssh" => Ok(Road::Ssh(Ssh::read(rest).map_err(unreadable)?)),
        "npipe" => Err(unreadable("named pipes are of Windows, where playbook does not run")),
        _ => Err(unreadable("known are unix://, tcp:// and ssh://")),
    }
}

/// Without what may be a password.
fn shown(host: &str) -> String {
    match host.rsplit_once('@') {
        Some((before, after)) if before.contains("://") && before.matches(':').count() > 1 => {
            format!("{}…@{after}", before.split_inclusive("://").next().unwrap_or_default())
        }
        _ => host.to_owned(),
    }
}

/// `HOST[:PORT]`, `[IPV6][:PORT]`.
pub(super) fn authority(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("a [ without its ]")?;
            (host, after.strip_prefix(':').or_else(|| after.is_empty().then_some("")).ok_or("what follows the ]?")?)
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.:%".contains(c);
    if host.is_empty() || !host.chars().all(good) {
        return Err("this is no name of a host");
    }
    let port = match port {
        "" => None,
        port => Some(port.parse().ok().filter(|port| *port > 0).ok_or("this is no port")?),
    };
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(place: &Place, variables: &[(&str, &str)]) -> Result<Opened, Fault> {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        resolve(place, &find)
    }

    fn host(place: &Place, variables: &[(&str, &str)]) -> String {
        opened(place, variables).map_or_else(|fault| fault.message, |opened| opened.host)
    }

    /// A configuration of the docker CLI with a context `far`.
    fn configuration() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let id = contexts::id("far");
        let meta = folder.path().join("contexts/meta").join(&id);
        std::fs::create_dir_all(&meta).unwrap();
        let text = r#"{"Name": "far", "Metadata": {}, "Endpoints": {"docker": {"Host": "ssh://ops@far", "SkipTLSVerify": false}}}"#;
        std::fs::write(meta.join("meta.json"), text).unwrap();
        std::fs::write(folder.path().join("config.json"), r#"{"auths": {}, "currentContext": "far"}"#).unwrap();
        folder
    }

    #[test]
    fn who_says_where_the_engine_is_goes_in_the_order_of_docker() {
        let folder = configuration();
        let config = ("DOCKER_CONFIG", folder.path().to_str().unwrap());
        let environment = ("DOCKER_HOST", "tcp://e:1");
        let none = Place::default();
        let context = Place { context: Some("far".into()), ..Place::default() };
        let both = Place { host: Some("unix:///t".into()), ..context.clone() };
        assert_eq!(host(&both, &[config, environment]), "unix:///t");
        assert_eq!(host(&context, &[config, environment]), "ssh://ops@far");
        assert_eq!(host(&none, &[config, environment]), "tcp://e:1");
        assert_eq!(host(&none, &[config, ("DOCKER_CONTEXT", "default")]), USUAL);
        assert_eq!(host(&none, &[config, ("DOCKER_CONTEXT", "far")]), "ssh://ops@far");
        assert_eq!(host(&none, &[config]), "ssh://ops@far");
        assert_eq!(host(&none, &[("DOCKER_CONFIG", "/nowhere")]), USUAL);
        let lost = Place { context: Some("lost".into()), ..Place::default() };
        assert!(host(&lost, &[config]).contains("no docker context `lost`"));
        assert!(host(&none, &[config, ("DOCKER_CONTEXT", "lost")]).contains("`lost`"));
    }

    #[test]
    fn addresses_that_make_no_sense_are_refused() {
        for (text, why) in [
            ("npipe:////./pipe/docker_engine", "Windows"),
            ("/var/run/docker.sock", "://"),
            ("unix://var/run", "begins with /"),
            ("tcp://:2375", "no name"),
            ("tcp://a:x", "no port"),
            ("tcp://a/b", "no name"),
            ("ssh://-oProxyCommand=x", "-"),
            ("ssh://u:secret@host", "password"),
            ("ftp://a", "known are"),
        ] {
            let place = Place { host: Some(text.into()), ..Place::default() };
            let told = host(&place, &[]);
            assert!(told.contains("is no address of an engine") && told.contains(why), "{text}: {told}");
            assert!(!told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn a_program_beside_finds_the_same_engine() {
        let place = Place { host: Some("unix:///t/docker.sock".into()), ..Place::default() };
        let set = opened(&place, &[("DOCKER_TLS_VERIFY", "1")]).unwrap().environment();
        let of = |name: &str| set.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        assert_eq!(of("DOCKER_HOST").as_deref(), Some("unix:///t/docker.sock"));
        assert_eq!((of("DOCKER_CONTEXT"), of("DOCKER_TLS_VERIFY"), of("DOCKER_CERT_PATH")), (None, None, None));
    }
}
