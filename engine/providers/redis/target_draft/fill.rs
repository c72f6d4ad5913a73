//! Filling in the templates of a target: passwords and certificates are fetched here, and only here.

use std::path::Path;
use std::sync::Arc;

use playbook_core::action::{Target, TargetDraft};
use playbook_core::codes::Code;
use playbook_core::expr::{EvalError, Scope, Template};
use playbook_core::source::{Span, Spanned};

use super::{Draft, Password, TlsFields};
use crate::redis::address;
use crate::redis::endpoint::{Endpoint, Place, Tls};
use crate::redis::target::RedisTarget;

fn failed(span: Span, message: impl Into<String>, help: &str) -> EvalError {
    EvalError::Failed { code: Code::TargetAddress, message: message.into(), help: help.to_owned(), span }
}

fn text(template: Option<&Template>, scope: &Scope) -> Result<Option<String>, EvalError> {
    let Some(template) = template else { return Ok(None) };
    let rendered = template.render(scope)?;
    let word = rendered.word().map_err(|why| {
        failed(template.span(), format!("`{}` has no text: {why}", template.text()), "use a text or a number")
    })?;
    Ok(Some(word).filter(|word| !word.is_empty()))
}

impl Draft {
    fn place(&self, scope: &Scope) -> Result<Endpoint, EvalError> {
        if let Some(url) = &self.url {
            let text = text(Some(url), scope)?.unwrap_or_default();
            // A secret is put there as it is, so it is read as it is.
            let raw = url.render(scope)?.secret.is_some();
            let parse = if self.via.is_some() { address::parse_behind } else { address::parse };
            return parse(&text, raw).map_err(|why| failed(url.span(), why, "for example redis://127.0.0.1:6379/0"));
        }
        let host = text(self.host.as_ref(), scope)?;
        let socket = text(self.socket.as_ref(), scope)?;
        let port = text(self.port.as_ref(), scope)?.map_or(Ok(6379), |port| {
            port.parse::<u16>()
                .map_err(|_| failed(self.span, format!("`{port}` is not a port"), "a number from 1 to 65535"))
        })?;
        let place = match (host, socket) {
            (_, Some(socket)) => Place::Unix(socket.into()),
            (Some(host), None) => Place::Tcp(host, port),
            (None, None) if self.via.is_some() => Place::Tcp(String::new(), port),
            (None, None) => {
                return Err(failed(self.span, "the target has no address", "give it url, host or socket"));
            }
        };
        Ok(Endpoint { place, user: None, password: None, db: 0, tls: None, via: None })
    }

    fn password(&self, scope: &Scope) -> Result<Option<String>, EvalError> {
        let missing = |span: Span, message: String| EvalError::Failed {
            code: Code::SecretUnavailable,
            message,
            help: "the target needs it to let the run in".into(),
            span,
        };
        match &self.password {
            None => Ok(None),
            Some(Password::Template(template)) => text(Some(template), scope),
            Some(Password::Env(name)) => match self.outside.env(name) {
                Some(value) => Ok(Some(value)),
                None => Err(missing(name.span, format!("the environment has no {}", name.value))),
            },
            Some(Password::File(path)) => match self.outside.file(Path::new(&path.value)) {
                Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())),
                Err(error) => Err(missing(path.span, format!("{} cannot be read: {error}", path.value))),
            },
        }
    }

    fn tls(&self, fields: &TlsFields) -> Result<Tls, EvalError> {
        let file = |path: &Option<Spanned<String>>| {
            let read = |path: &Spanned<String>| {
                let why = |error| failed(path.span, format!("{} cannot be read: {error}", path.value), "a file in PEM");
                self.outside.file(Path::new(&path.value)).map_err(why)
            };
            path.as_ref().map(read).transpose()
        };
        let own = match (file(&fields.cert)?, file(&fields.key)?) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(failed(
                    self.span,
                    "a certificate without its key, or a key without its certificate",
                    "give tls both cert and key",
                ));
            }
        };
        Ok(Tls { insecure: fields.insecure, ca: file(&fields.ca)?, own })
    }
}

impl TargetDraft for Draft {
    fn templates(&self) -> Vec<&Template> {
        let password = match &self.password {
            Some(Password::Template(template)) => Some(template),
            Some(Password::Env(_) | Password::File(_)) | None => None,
        };
        let parts = [&self.url, &self.host, &self.port, &self.socket, &self.user];
        let via = self.via.iter().flat_map(|way| way.templates());
        parts.into_iter().flatten().chain(password).chain(via).collect()
    }

    fn protected(&self) -> bool {
        self.protected
    }

    fn open(
        &self,
        name: &str,
        scope: &Scope,
        secrets: &mut dyn FnMut(&str, &str),
    ) -> Result<Arc<dyn Target>, EvalError> {
        let mut endpoint = self.place(scope)?;
        if let Some(user) = text(self.user.as_ref(), scope)? {
            endpoint.user = Some(user);
        }
        if let Some(password) = self.password(scope)? {
            endpoint.password = Some(password);
        }
        if endpoint.password.is_none() {
            endpoint.password = self.outside.env("REDISCLI_AUTH").filter(|password| !password.is_empty());
        }
        if let Some(db) = self.db {
            endpoint.db = db;
        }
        if let Some(fields) = &self.tls {
            endpoint.tls = Some(self.tls(fields)?);
        }
        if let Some(way) = &self.via {
            endpoint.via = Some(way.open(name, scope)?);
        }
        if let Some(password) = &endpoint.password {
            secrets(&format!("target.{name}.password"), password);
        }
        Ok(Arc::new(RedisTarget::new(name, endpoint, self.expect.clone(), self.secrets.clone())))
    }
}
