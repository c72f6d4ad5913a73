//! Through which proxy a server is reached: the kubeconfig's, else that of the environment.
//!
//! The rules are those of Go's `httpproxy`, which kubectl follows: `proxy-url` is always taken;
//! `HTTPS_PROXY` (`HTTP_PROXY` for plain HTTP) is not taken for this machine itself and for what
//! `NO_PROXY` lists.

use std::net::IpAddr;

use playbook_core::action::Fault;

use super::kubeconfig::unusable;

/// The proxy for a server, if there is one. `environment` gives variables.
pub(super) fn choose(
    configured: Option<&str>,
    server: &http::Uri,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<http::Uri>, Fault> {
    if let Some(given) = configured {
        return Ok(Some(parse(given, "proxy-url")?));
    }
    let either = |name: &str| environment(name).or_else(|| environment(&name.to_lowercase())).filter(|v| !v.is_empty());
    let name = if server.scheme_str() == Some("http") { "HTTP_PROXY" } else { "HTTPS_PROXY" };
    let Some(given) = either(name) else { return Ok(None) };
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let port = server.port_u16().unwrap_or(if name == "HTTP_PROXY" { 80 } else { 443 });
    if is_here(&host) || excepted(&either("NO_PROXY").unwrap_or_default(), &host, port) {
        return Ok(None);
    }
    Ok(Some(parse(&given, name)?))
}

/// The address may hold a password: it is not quoted.
fn parse(given: &str, what: &str) -> Result<http::Uri, Fault> {
    let whole = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
    // Both mean that the proxy finds out where a name leads.
    let whole = whole.replacen("socks5h://", "socks5://", 1);
    let uri: Option<http::Uri> = whole.parse().ok();
    let known = |uri: &http::Uri| matches!(uri.scheme_str(), Some("http" | "https" | "socks5")) && uri.host().is_some();
    uri.filter(known).ok_or_else(|| unusable(format!("{what} is no address of a proxy"), "write http://HOST:PORT"))
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Is a host among what `NO_PROXY` lists? What is not understood there is passed over.
fn excepted(list: &str, host: &str, port: u16) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            let (Some(address), Ok(network), Ok(bits)) = (address, network.parse(), bits.parse()) else { return false };
            return within(address, network, bits);
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, digits)) if entry.parse::<IpAddr>().is_err() && digits.parse::<u16>().is_ok() => {
                (name, digits.parse().ok())
            }
            _ => (entry.as_str(), None),
        };
        if wanted.is_some_and(|wanted: u16| wanted != port) {
            return false;
        }
        let name = name.trim_matches(['[', ']']);
        match (name.parse::<IpAddr>(), address) {
            (Ok(given), Some(address)) => given == address,
            (Ok(_), None) | (Err(_), Some(_)) => false,
            (Err(_), None) => {
                let name = name.strip_prefix('*').unwrap_or(name);
                let below =
                    if name.starts_with('.') { host.ends_with(name) } else { host.ends_with(&format!(".{name}")) };
                below || host == name
            }
        }
    })
}

/// Do the first bits agree?
fn within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let agree =
        |one: u128, other: u128, width: u32| bits <= width && (bits == 0 || (one ^ other) >> (width - bits) == 0);
    match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => agree(one.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => agree(one.to_bits(), other.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// What may not be shown of a proxy's address: its password, as it is and as it is written.
pub(super) fn secrets(proxy: &http::Uri) -> Vec<String> {
    let authority = proxy.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let Some((login, _)) = authority.rsplit_once('@') else { return Vec::new() };
    let password = login.split_once(':').map_or(login, |(_, password)| password);
    vec![password.to_owned(), unescaped(password)]
}

/// `%40` → `@`.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => {
                out.push(escaped);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// For people: without user and password.
pub(super) fn shown(proxy: &http::Uri) -> String {
    let port = proxy.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", proxy.scheme_str().unwrap_or("http"), proxy.host().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(server: &str, environment: &[(&str, &str)]) -> Option<String> {
        let server = server.parse().expect("an address");
        let of =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        choose(None, &server, &of).expect("a choice").map(|uri| shown(&uri))
    }

    #[test]
    fn the_environment_names_a_proxy_by_scheme() {
        let both = [("HTTPS_PROXY", "http://a:1"), ("http_proxy", "b:2")];
        assert_eq!(taken("https://k8s.example", &both).as_deref(), Some("http://a:1"));
        assert_eq!(taken("http://k8s.example", &both).as_deref(), Some("http://b:2"));
        assert_eq!(taken("https://localhost:6443", &both), None);
        assert_eq!(taken("https://127.0.0.1:6443", &both), None);
    }

    #[test]
    fn no_proxy_excepts_names_addresses_and_networks() {
        let except = |server: &str, list: &str| taken(server, &[("HTTPS_PROXY", "a:1"), ("NO_PROXY", list)]).is_none();
        for (server, list, expected) in [
            ("https://k8s.example", "*", true),
            ("https://k8s.example", "example", true),
            ("https://k8s.example", ".example,", true),
            ("https://k8s.example", "*.example", true),
            ("https://k8s.example", "k8s.example:443", true),
            ("https://k8s.example:6443", "k8s.example:443", false),
            ("https://bad-example", "example", false),
            ("https://10.1.2.3", "10.0.0.0/8", true),
            ("https://11.1.2.3", "x, 10.0.0.0/8", false),
            ("https://[fd00::1]:6443", "fd00::/8", true),
            ("https://10.1.2.3", "10.1.2.3", true),
            ("https://k8s.example", "10.0.0.0/99,,nonsense/", false),
        ] {
            assert_eq!(except(server, list), expected, "{server} and {list}");
        }
    }

    #[test]
    fn a_password_is_a_secret_in_both_its_forms() {
        let proxy: http::Uri = "http://me:p%40ss@proxy:3128".parse().expect("an address");
        assert_eq!(secrets(&proxy), ["p%40ss", "p@ss"]);
        assert_eq!(shown(&proxy), "http://proxy:3128");
    }
}
