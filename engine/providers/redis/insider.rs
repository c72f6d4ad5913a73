//! `redis-cli` inside of something that another provider knows: its flags say where and as whom to
//! connect, and what follows is a command as in `redis:`.
//!
//! Invariant: a flag that is not known to keep to the place that redis-cli runs in is not understood,
//! and then nothing is said of the command.

use std::sync::Arc;

use playbook_core::action::{Draft, Fault, FaultKind, Provider, Target};
use playbook_core::codes::Code;
use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::Template;
use playbook_core::secret::Secrets;
use playbook_core::source::Span;
use playbook_core::tunnel::{Insider, Tunnel};

use super::address;
use super::command;
use super::endpoint::{Endpoint, Place};
use super::target::RedisTarget;

/// Where redis-cli takes a password from that is not on its command line.
const AUTH: &str = "REDISCLI_AUTH";
/// Flags that only say how to print, or how long to wait; these take a value.
const PRINTING_VALUED: &[&str] = &["-t", "-d", "-D", "--show-pushes"];
/// And these take none.
const PRINTING: &[&str] = &[
    "-2",
    "-3",
    "-4",
    "-6",
    "-c",
    "-e",
    "--raw",
    "--no-raw",
    "--json",
    "--quoted-json",
    "--csv",
    "--no-auth-warning",
    "--verbose",
];

/// Knows `redis-cli`; what it captures is taken back by `provider`.
pub fn insider(secrets: Secrets, provider: Arc<dyn Provider>) -> Arc<dyn Insider> {
    Arc::new(RedisCli { secrets, provider })
}

struct RedisCli {
    secrets: Secrets,
    provider: Arc<dyn Provider>,
}

/// What flags say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Flags {
    port: Option<u16>,
    db: Option<u32>,
    user: Option<String>,
    password: Option<String>,
}

/// Reads flags; the error is a flag that leads elsewhere, or that makes no sense.
fn flags(words: &[Option<String>]) -> Result<Flags, String> {
    let mut read = Flags::default();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let flag = word.as_deref().ok_or("a flag without a value")?;
        at += 1;
        if PRINTING.contains(&flag) {
            continue;
        }
        let value = words.get(at).ok_or_else(|| format!("{flag} has no value"))?.as_deref();
        at += 1;
        let number = |text: &str| format!("{flag} {text}: not a number");
        match (flag, value) {
            (flag, _) if PRINTING_VALUED.contains(&flag) => {}
            // Not known yet, and it does not lead elsewhere.
            ("-p" | "-n" | "-a" | "--pass" | "--user", None) => {}
            ("-p", Some(port)) => read.port = Some(port.parse().map_err(|_| number(port))?),
            ("-n", Some(db)) => read.db = Some(db.parse().map_err(|_| number(db))?),
            ("-a" | "--pass", Some(password)) => read.password = Some(password.to_owned()),
            ("--user", Some(user)) => read.user = Some(user.to_owned()),
            ("-h", Some(host)) if address::is_local(host) => {}
            ("-u", Some(url)) => {
                let Endpoint { place, user, password, db, .. } = address::parse_behind(url, false)?;
                read.port = match place {
                    Place::Tcp(_, port) => Some(port),
                    Place::Unix(_) => None,
                };
                read.user = user.or(read.user);
                read.password = password.or(read.password);
                read.db = Some(db);
            }
            (flag, _) => return Err(format!("{flag} leads elsewhere")),
        }
    }
    Ok(read)
}

/// What the password of a place is called: records name it, so it is the same in every process.
fn secret_name(tunnel: &dyn Tunnel) -> String {
    let place = format!("redis-cli.{}.{}", tunnel.end(), tunnel.way());
    place.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

impl Insider for RedisCli {
    fn program(&self) -> &'static str {
        "redis-cli"
    }

    fn environment(&self, words: &[String]) -> &'static [&'static str] {
        let words: Vec<Option<String>> = words.iter().cloned().map(Some).collect();
        if flags(&words).is_ok_and(|read| read.password.is_some()) { &[] } else { &[AUTH] }
    }

    fn understands(&self, words: &[Option<String>]) -> bool {
        flags(words).is_ok()
    }

    fn read(&self, words: &[Template], place: Span, found: &mut Diagnostics) -> Option<Arc<dyn Draft>> {
        command::draft(words.to_vec(), place, found)
    }

    fn target(
        &self,
        name: &str,
        words: &[String],
        environment: &dyn Fn(&str) -> Option<String>,
        tunnel: Arc<dyn Tunnel>,
    ) -> Result<Arc<dyn Target>, Fault> {
        let words: Vec<Option<String>> = words.iter().cloned().map(Some).collect();
        let read = flags(&words).map_err(|why| {
            Fault::new(FaultKind::Invalid, Code::TargetAddress, format!("redis-cli: {}", self.secrets.text(&why)))
                .help("use a redis target with via:")
        })?;
        let known_as = secret_name(tunnel.as_ref());
        let endpoint = Endpoint {
            place: Place::Tcp(String::new(), read.port.unwrap_or(6379)),
            user: read.user,
            password: read.password.or_else(|| environment(AUTH)).filter(|password| !password.is_empty()),
            db: read.db.unwrap_or(0),
            tls: None,
            via: Some(tunnel),
        };
        if let Some(password) = &endpoint.password {
            self.secrets.add(&known_as, password);
        }
        Ok(Arc::new(RedisTarget::new(name, endpoint, None, self.secrets.clone())))
    }

    fn provider(&self) -> &dyn Provider {
        self.provider.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Flags, String> {
        flags(&line.split(' ').filter(|word| !word.is_empty()).map(|word| Some(word.to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn flags_say_port_database_and_user() {
        let read = read("--raw -p 6380 -n 2 --user u -a pw -h 127.0.0.1").expect("reads");
        let wanted = Flags { port: Some(6380), db: Some(2), user: Some("u".into()), password: Some("pw".into()) };
        assert_eq!(read, wanted);
    }

    #[test]
    fn what_leads_elsewhere_is_not_understood() {
        for line in ["-h redis", "-s /run/r.sock", "--tls", "-u redis://other:6379", "-p x", "-n"] {
            assert!(read(line).is_err(), "{line}");
        }
        assert!(read("-u redis://:pw@localhost:6380/1").is_ok_and(|read| read.port == Some(6380)));
        assert!(flags(&[Some("-h".into()), None]).is_err(), "a host that is not known yet");
        assert!(flags(&[Some("-a".into()), None]).is_ok(), "a password that is not known yet");
    }
}
