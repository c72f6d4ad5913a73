//! `redis://user:password@host:port/db` → its parts.
//!
//! Read by hand: a password that a template put there may hold any character, so the last `@` ends
//! it, and it is taken as it is.

use std::path::PathBuf;

use super::endpoint::{Endpoint, Place, Tls};

/// Reads a URL. `raw` takes user and password as they stand, without `%xx`.
pub(super) fn parse(url: &str, raw: bool) -> Result<Endpoint, String> {
    read(url, raw, false)
}

/// As [`parse`], of a server at the end of a tunnel: that is its host, so the URL names none, but for
/// the name in its certificate.
pub(super) fn parse_behind(url: &str, raw: bool) -> Result<Endpoint, String> {
    let endpoint = read(url, raw, true)?;
    match &endpoint.place {
        Place::Tcp(host, _) if endpoint.tls.is_none() && !is_local(host) => Err(format!(
            "`{host}` is not looked at: via: says where the server is; leave the host out, as in redis://:6379"
        )),
        Place::Tcp(host, _) if host.is_empty() && endpoint.tls.as_ref().is_some_and(|tls| !tls.insecure) => {
            Err(NO_NAME.to_owned())
        }
        Place::Tcp(..) => Ok(endpoint),
        Place::Unix(_) => Err("a socket in the file system is not reached with via:".to_owned()),
    }
}

/// What is said of TLS through a tunnel to a server without a name.
pub(super) const NO_NAME: &str =
    "a certificate is for a name: give the host that it names, as in rediss://redis.dash:6379";

/// Is it the place itself, seen from there?
pub(super) fn is_local(host: &str) -> bool {
    ["", "localhost", "127.0.0.1", "::1"].contains(&host)
}

fn read(url: &str, raw: bool, no_host: bool) -> Result<Endpoint, String> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong(url, "it has no scheme"))?;
    let decode = |text: &str| if raw { Ok(text.to_owned()) } else { percent(text) };
    let (userinfo, rest) = match rest.rsplit_once('@') {
        Some((userinfo, rest)) => (Some(userinfo), rest),
        None => (None, rest),
    };
    let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut user, mut password) = match userinfo.map(|info| info.split_once(':').unwrap_or((info, ""))) {
        Some((user, password)) => (some(decode(user)?), some(decode(password)?)),
        None => (None, None),
    };
    let mut db = None;
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "db" => db = Some(number(value)?),
            "user" => user = some(decode(value)?),
            "pass" | "password" => password = some(decode(value)?),
            // Both versions of the protocol are tried.
            "protocol" => {}
            _ => return Err(format!("`{name}` has no meaning in the address of a Redis server")),
        }
    }
    let (place, tls) = match scheme {
        "redis" | "valkey" | "rediss" | "valkeys" => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let path = path.trim_matches('/');
            if !path.is_empty() {
                db = Some(number(path)?);
            }
            let (host, port) =
                host_port(authority, no_host).ok_or_else(|| wrong(url_shown(scheme, rest).as_str(), "host or port"))?;
            let secure = scheme.ends_with("ss") || scheme == "valkeys";
            let insecure = fragment == Some("insecure");
            (Place::Tcp(host, port), secure.then(|| Tls { insecure, ..Tls::default() }))
        }
        "unix" | "redis+unix" | "valkey+unix" | "redis-socket" => (Place::Unix(PathBuf::from(percent(rest)?)), None),
        other => return Err(wrong(other, "the scheme is unknown")),
    };
    Ok(Endpoint { place, user, password, db: db.unwrap_or(0), tls, via: None })
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn url_shown(scheme: &str, rest: &str) -> String {
    format!("{scheme}://{rest}")
}

fn wrong(what: &str, why: &str) -> String {
    // A text without a scheme may be anything, a password included: it is not repeated.
    let shown = if what.contains("://") || !what.contains(['@', ':']) { what } else { "this" };
    format!(
        "`{shown}` is not the address of a Redis server ({why}); write redis://host:6379/0, rediss://… or unix:///path"
    )
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("`{text}` is not the number of a database"))
}

fn host_port(authority: &str, no_host: bool) -> Option<(String, u16)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        (host, after.strip_prefix(':'))
    } else {
        authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
    };
    let port = port.map_or(Some(6379), |port| port.parse().ok().filter(|port| *port != 0))?;
    let usable = (no_host || !host.is_empty()) && !host.contains(['/', ' ', '@']);
    usable.then(|| (host.to_owned(), port))
}

fn percent(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        if let Some(decoded) = digits.filter(|_| byte == b'%').and_then(|two| u8::from_str_radix(two, 16).ok()) {
            bytes.push(decoded);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).map_err(|_| "user and password have to be UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> String {
        match parse(url, false) {
            Ok(found) => format!("{} {:?} {:?}", found.address(), found.user, found.password),
            Err(why) => why,
        }
    }

    #[test]
    fn every_usual_form_is_read() {
        assert_eq!(parts("redis://127.0.0.1"), "redis://127.0.0.1:6379 None None");
        assert_eq!(parts("redis://u:p%40%2Fw@h:1/2"), "redis://u@h:1/2 Some(\"u\") Some(\"p@/w\")");
        assert_eq!(parts("rediss://:p@[::1]:7"), "rediss://[::1]:7 None Some(\"p\")");
        assert_eq!(parts("unix:///run/r.sock?db=3"), "unix:///run/r.sock?db=3 None None");
        assert_eq!(parts("valkey://h/1"), "redis://h:6379/1 None None");
    }

    #[test]
    fn a_password_that_a_template_put_there_is_taken_as_it_is() {
        let found = parse("redis://:a@b/c%41#x@h:1", true).expect("reads");
        assert_eq!(found.password.as_deref(), Some("a@b/c%41#x"));
        assert_eq!(found.address(), "redis://h:1");
    }

    #[test]
    fn what_makes_no_sense_is_told_and_never_shows_a_password() {
        for url in [
            "redis://:hunter22@",
            "redis://:hunter22@h:x",
            ":hunter22@h:1",
            "http://:hunter22@h",
            "redis://:hunter22@h/x",
        ] {
            let why = parse(url, false).err().expect("refused");
            assert!(!why.contains("hunter22"), "{why}");
        }
    }
}
