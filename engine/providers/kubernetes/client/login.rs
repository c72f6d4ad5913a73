//! Who we are to a cluster, for as long as a run takes: credentials that expire are made anew.
//!
//! Invariants: every request is sent by a client that [`Login::client`] gave; what that client
//! authenticates with is a known secret of the process before it is first sent.

use base64::Engine as _;
use jiff::{SignedDuration, Timestamp};
use kube::config::AuthInfo;
use kube::{Client, Config};
use playbook_core::action::Fault;
use playbook_core::secret::Secrets;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use super::kubeconfig::{Chosen, unusable};
use super::pem;
use super::plugin::{Credential, Plugin};
use crate::kubernetes::faults;

/// A credential that has so little left is made anew.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// Where secrets of a configuration are made known.
#[derive(Clone)]
pub(in crate::kubernetes) struct Keep {
    pub(in crate::kubernetes) secrets: Secrets,
    /// The name of the target.
    pub(in crate::kubernetes) target: String,
}

impl Keep {
    pub(super) fn add(&self, name: &str, value: &str) {
        self.secrets.add(&format!("target.{}.{name}", self.target), value);
    }
}

/// Who we are.
pub(super) struct Login {
    /// With what never changes: certificate and password of the kubeconfig, impersonation.
    config: Config,
    source: Source,
    keep: Keep,
    current: Mutex<Option<Current>>,
}

enum Source {
    /// All is in the kubeconfig.
    Fixed(Option<SecretString>),
    /// A file that someone else renews, and what is taken when it cannot be read.
    File(String, Option<SecretString>),
    Plugin(Box<Plugin>),
}

struct Current {
    credential: Credential,
    until: Option<Timestamp>,
    client: Client,
    /// Counts credentials.
    number: u64,
}

impl Login {
    /// Takes what a kubeconfig says of the user; nothing is run or read yet, but for what never changes.
    pub(super) fn new(chosen: &Chosen, keep: Keep) -> Result<Self, Fault> {
        let mut user = chosen.user.clone();
        learn(&user, &keep)?;
        let token = legacy(&mut user)?.or(user.token.take()).filter(|token| !token.expose_secret().trim().is_empty());
        let file = user.token_file.take().filter(|file| !file.is_empty());
        let exec = user.exec.take();
        let has_password = user.username.is_some() && user.password.is_some();
        let source = match (token, file, exec) {
            // The order of kubectl: a plugin is asked only where nothing else is given.
            (token, Some(file), _) => Source::File(file, token),
            (Some(token), None, _) => Source::Fixed(Some(token)),
            (None, None, Some(exec)) if !has_password => Source::Plugin(Box::new(Plugin::read(&exec)?)),
            (None, None, _) => Source::Fixed(None),
        };
        let mut config = chosen.config.clone();
        config.auth_info = user;
        Ok(Self { config, source, keep, current: Mutex::default() })
    }

    /// A client with credentials that are good at this moment, and their number.
    pub(super) async fn client(&self) -> Result<(Client, u64), Fault> {
        let mut current = self.current.lock().await;
        let old = match (&*current, &self.source) {
            (Some(known), Source::Fixed(_)) => return Ok((known.client.clone(), known.number)),
            (Some(known), Source::Plugin(_)) if known.until.is_none_or(|until| Timestamp::now() + MARGIN < until) => {
                return Ok((known.client.clone(), known.number));
            }
            (known, _) => known.as_ref().map(|known| known.credential.clone()),
        };
        self.take(&mut current, old.as_ref()).await
    }

    /// The server did not know the credentials of this number: a client with others, if there are any.
    pub(super) async fn other(&self, number: u64) -> Result<Option<(Client, u64)>, Fault> {
        let mut current = self.current.lock().await;
        let old = match (&*current, &self.source) {
            (Some(known), _) if known.number != number => return Ok(Some((known.client.clone(), known.number))),
            (_, Source::Fixed(_)) => return Ok(None),
            (known, Source::File(..) | Source::Plugin(_)) => known.as_ref().map(|known| known.credential.clone()),
        };
        let (client, now) = self.take(&mut current, old.as_ref()).await?;
        Ok((now != number).then_some((client, now)))
    }

    /// Asks the source again.
    async fn take(&self, current: &mut Option<Current>, old: Option<&Credential>) -> Result<(Client, u64), Fault> {
        let (credential, until) = match &self.source {
            Source::Fixed(token) => (token_alone(token.as_ref().map(|token| token.expose_secret().to_owned())), None),
            Source::Plugin(plugin) => plugin.run().await?,
            Source::File(path, otherwise) => {
                let read = std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
                let read = read.filter(|token| !token.is_empty());
                // As kubectl: a file that is gone, or is just being written, leaves the last token.
                let last = || old.and_then(|old| old.token.clone());
                let first = || otherwise.as_ref().map(|token| token.expose_secret().to_owned());
                let token = read.or_else(last).or_else(first).ok_or_else(|| {
                    unusable(format!("there is no token in {path}"), "whoever renews it may have to log in again")
                })?;
                (token_alone(Some(token)), None)
            }
        };
        if let Some(known) = current.as_mut().filter(|known| known.credential == credential) {
            known.until = until;
            return Ok((known.client.clone(), known.number));
        }
        let client = self.connect(&credential)?;
        let number = current.as_ref().map_or(0, |known| known.number) + 1;
        *current = Some(Current { credential, until, client: client.clone(), number });
        Ok((client, number))
    }

    fn connect(&self, credential: &Credential) -> Result<Client, Fault> {
        let mut config = self.config.clone();
        if let Some(token) = &credential.token {
            self.keep.add("token", token);
            config.auth_info.token = Some(token.clone().into());
            // A password would be sent in its place.
            config.auth_info.username = None;
            config.auth_info.password = None;
        }
        if let Some((certificate, key)) = &credential.certificate {
            self.keep.add("key", key);
            let encode = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
            config.auth_info.client_certificate_data = Some(encode(certificate));
            config.auth_info.client_key_data = Some(encode(key).into());
        }
        Client::try_from(config).map_err(|error| {
            let why = self.keep.secrets.text(&faults::words(&error)).into_owned();
            unusable(format!("{}: {why}", self.title()), "log in again, or look at the user in the kubeconfig")
        })
    }

    /// Where the credentials come from, for people.
    pub(super) fn title(&self) -> String {
        let user = &self.config.auth_info;
        match &self.source {
            Source::Plugin(plugin) => plugin.title(),
            Source::File(path, _) => format!("the token in {path}"),
            Source::Fixed(Some(_)) => "the token of the kubeconfig".into(),
            Source::Fixed(None) if user.username.is_some() => "the password of the kubeconfig".into(),
            Source::Fixed(None) if user.client_certificate.is_some() || user.client_certificate_data.is_some() => {
                "the client certificate of the kubeconfig".into()
            }
            Source::Fixed(None) => "a user without credentials".into(),
        }
    }

    /// Whom we say that we are, where the credentials themselves tell: for servers that do not.
    pub(super) async fn claimed(&self) -> Option<String> {
        let user = &self.config.auth_info;
        if user.impersonate.is_some() {
            return user.impersonate.clone();
        }
        let current = self.current.lock().await;
        let credential = current.as_ref().map(|current| current.credential.clone()).unwrap_or_default();
        let certified = AuthInfo {
            client_certificate_data: credential
                .certificate
                .map(|(pem, _)| base64::engine::general_purpose::STANDARD.encode(pem))
                .or(user.client_certificate_data.clone()),
            client_certificate: user.client_certificate.clone(),
            ..AuthInfo::default()
        };
        pem::common_name(&certified).or_else(|| pem::account(&credential.token?))
    }
}

fn token_alone(token: Option<String>) -> Credential {
    Credential { token: token.map(|token| token.trim().to_owned()), certificate: None }
}

/// The ways of old: what kubectl itself no longer has is refused.
fn legacy(user: &mut AuthInfo) -> Result<Option<SecretString>, Fault> {
    let Some(mut provider) = user.auth_provider.take() else { return Ok(None) };
    match provider.config.remove("id-token").filter(|_| provider.name == "oidc") {
        Some(token) => Ok(Some(token.into())),
        None => Err(unusable(
            format!("the user logs in by the auth-provider `{}`", provider.name),
            "auth-providers are gone from kubectl too: use a credential plugin (exec:)",
        )),
    }
}

/// What of a user may not be shown.
fn learn(user: &AuthInfo, keep: &Keep) -> Result<(), Fault> {
    let add = |name: &str, secret: Option<&SecretString>| {
        if let Some(secret) = secret {
            keep.add(name, secret.expose_secret().trim());
        }
    };
    add("token", user.token.as_ref());
    add("password", user.password.as_ref());
    add("key", user.client_key_data.as_ref());
    if let Some(key) = pem::key(user)? {
        keep.add("key", key.trim());
    }
    for name in ["id-token", "refresh-token", "access-token", "client-secret"] {
        if let Some(value) = user.auth_provider.as_ref().and_then(|provider| provider.config.get(name)) {
            keep.add(name, value);
        }
    }
    Ok(())
}
