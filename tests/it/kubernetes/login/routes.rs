//! The way to the server: proxies, names, authorities, and how long it may take.

use std::time::{Duration, Instant};

use super::super::proxy::Proxy;
use super::connect::Tunnels;
use super::{Config, MAKE, admin, said};

/// A name that only the proxy knows, and that is in the server's certificate.
const NAME: &str = "https://kubernetes.default.svc:6443";

#[test]
fn a_proxy_of_the_kubeconfig_is_taken_with_its_password_which_is_shown_nowhere() {
    let Some(scene) = admin() else { return };
    let tunnels = Tunnels::to(scene.cluster.https.port);
    let user = format!("token: {}", scene.user.token);
    let cluster = format!(", proxy-url: 'http://me:canary%2D4711@{}'", tunnels.authority());
    let config = Config { server: NAME.into(), cluster, ..scene.config(&user) };
    let done = scene.run_with(&["run", &scene.with(&config, MAKE)], &[("NO_PROXY", "*")]).expect(0);
    assert!(scene.is_made());
    let heads = tunnels.heads();
    assert!(heads[0].starts_with("CONNECT kubernetes.default.svc:6443 "), "{heads:?}");
    assert!(heads[0].to_lowercase().contains("proxy-authorization: basic"), "{heads:?}");
    scene.assert_nowhere("canary-4711", &[&done]);
    scene.assert_nowhere("canary%2D4711", &[&done]);
}

#[test]
fn a_proxy_of_the_environment_is_taken_unless_the_server_is_excepted() {
    let Some(scene) = admin() else { return };
    let tunnels = Tunnels::to(scene.cluster.https.port);
    let user = format!("token: {}", scene.user.token);
    let config = Config { server: NAME.into(), ..scene.config(&user) };
    let file = scene.with(&config, MAKE);
    let url = tunnels.url();
    let excepted = [("HTTPS_PROXY", url.as_str()), ("NO_PROXY", "localhost,.svc")];
    let done = scene.run_with(&["run", &file], &excepted);
    assert!(done.code() != 0 && tunnels.heads().is_empty(), "{}", done.out());
    scene.run_with(&["run", &file], &[("HTTPS_PROXY", &url), ("NO_PROXY", ".example,")]).expect(0);
    assert!(scene.is_made() && !tunnels.heads().is_empty());
}

#[test]
fn a_proxy_that_is_not_there_is_named_without_its_password() {
    let Some(scene) = admin() else { return };
    let user = format!("token: {}", scene.user.token);
    let cluster = ", proxy-url: 'http://me:canary-4711@127.0.0.1:1'".to_owned();
    let config = Config { server: NAME.into(), cluster, ..scene.config(&user) };
    let done = scene.run(&["run", &scene.with(&config, MAKE)]);
    let all = said(&done);
    assert!(all.contains("through the proxy http://127.0.0.1:1 cannot be reached"), "{all}");
    scene.assert_nowhere("canary-4711", &[&done]);
}

#[test]
fn a_server_is_trusted_by_its_authority_and_name_only() {
    let Some(scene) = admin() else { return };
    let tunnels = Tunnels::to(scene.cluster.https.port);
    let user = format!("token: {}", scene.user.token);
    let with = |server: &str, cluster: &str| Config {
        server: server.into(),
        cluster: format!("{cluster}, proxy-url: '{}'", tunnels.url()),
        ..scene.config(&user)
    };
    let elsewhere = "https://elsewhere.test:6443";
    let refused = |config: &Config<'_>, words: &str| {
        let done = scene.run(&["run", &scene.with(config, MAKE)]);
        let all = said(&done);
        assert!(all.contains("is not trusted") && all.contains(words), "{words}: {all}");
        assert!(!scene.has_asked());
    };
    refused(&with(elsewhere, ""), "tls-server-name");
    let other = super::super::settings::openssl(
        scene.desk.dir.path(),
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=other",
            "-keyout",
            "other.key",
        ],
    );
    scene.desk.file("other.crt", &other);
    refused(
        &Config { authority: "certificate-authority: other.crt".into(), ..with(NAME, "") },
        "certificate-authority",
    );

    let named = with(elsewhere, ", tls-server-name: kubernetes.default.svc");
    scene.run(&["plan", &scene.with(&named, MAKE), "--live"]).expect(0);
    assert!(scene.has_asked());
    let careless = Config { authority: "insecure-skip-tls-verify: true".into(), ..with(elsewhere, "") };
    scene.run(&["run", &scene.with(&careless, MAKE)]).expect(0);
    assert!(scene.is_made());
}

#[test]
fn a_line_says_how_long_an_answer_may_take() {
    let Some(scene) = admin() else { return };
    let proxy = Proxy::new(scene.cluster);
    let user = format!("token: {}", scene.user.token);
    let config = Config { server: proxy.url(), ..scene.config(&user) };
    let _held = proxy.hold("GET", "/configmaps");
    let file = scene.with(&config, "  - {id: slow, kubectl: get configmaps --request-timeout=1s}\n");
    let began = Instant::now();
    let done = scene.run(&["run", &file]).expect(1);
    assert!(said(&done).contains("does not answer within 1s"), "{}", done.out());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let _held = proxy.hold("POST", "/configmaps");
    let slow = MAKE.replace("create configmap", "create --request-timeout=1s configmap");
    let done = scene.run(&["run", &scene.with(&config, &slow)]);
    assert!(said(&done).contains("does not answer within 1s"), "{}", done.out());
}
