//! What the servers of a cluster are told: users, certificates, flags.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::cluster::{Role, SELF, USERS};

/// How long a server, a node or a pod may take to be ready. On an idle machine 6, 15 and 3 s; an old
/// kubelet takes a minute more now and then.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn write_users(dir: &Path) {
    let mut users = format!("{SELF},{SELF},{SELF},\"system:masters\"\n");
    for user in ["system:kube-controller-manager", "system:kube-scheduler", "kubelet"] {
        users.push_str(&format!("token-{user},{user},{user},\"system:masters\"\n"));
    }
    for role in [Role::Admin, Role::Viewer, Role::Nobody] {
        for number in 0..USERS {
            let name = format!("{}-{number}", role.word());
            users.push_str(&format!("token-{name},{name},{name},\"{}\"\n", role.group()));
        }
    }
    std::fs::write(dir.join("tokens.csv"), users).unwrap();
}

/// An authority, the server's certificate, an administrator's, and the key of service accounts.
pub(super) fn make_certificates(dir: &Path) {
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let run = |args: &[&str]| openssl(dir, args);
    let with_curve = |head: &[&'static str], tail: &[&'static str]| run(&[head, &curve, tail].concat());
    with_curve(&["req", "-x509"], &["-days", "30", "-subj", "/CN=testbed-ca", "-keyout", "ca.key", "-out", "ca.crt"]);
    std::fs::write(
        dir.join("server.ext"),
        "subjectAltName=IP:127.0.0.1,IP:10.255.0.1,DNS:localhost,DNS:kubernetes.default.svc\nextendedKeyUsage=serverAuth\n",
    )
    .unwrap();
    std::fs::write(dir.join("certified.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    with_curve(&["req"], &["-subj", "/CN=kube-apiserver", "-keyout", "server.key", "-out", "server.csr"]);
    with_curve(
        &["req"],
        &["-subj", "/O=system:masters/CN=certified", "-keyout", "certified.key", "-out", "certified.csr"],
    );
    for name in ["server", "certified"] {
        let (request, certificate, extensions) = (format!("{name}.csr"), format!("{name}.crt"), format!("{name}.ext"));
        run(&["x509", "-req", "-in", &request, "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"]
            .into_iter()
            .chain(["-days", "30", "-extfile", &extensions, "-out", &certificate])
            .collect::<Vec<_>>());
    }
    run(&["genrsa", "-out", "accounts.key", "2048"]);
    run(&["rsa", "-in", "accounts.key", "-pubout", "-out", "accounts.pub"]);
}

pub(super) fn openssl(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("openssl").args(args).current_dir(dir).output().expect("openssl is installed");
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(super) fn etcd_flags(dir: &Path, client: u16, peer: u16) -> Vec<String> {
    vec![
        format!("--data-dir={}", dir.join("etcd").display()),
        format!("--listen-client-urls=http://127.0.0.1:{client}"),
        format!("--advertise-client-urls=http://127.0.0.1:{client}"),
        format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
        format!("--initial-advertise-peer-urls=http://127.0.0.1:{peer}"),
        format!("--initial-cluster=default=http://127.0.0.1:{peer}"),
    ]
}

pub(super) fn server_flags(dir: &Path, etcd: u16, port: u16) -> Vec<String> {
    let file = |name: &str| dir.join(name).display().to_string();
    vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        // The address of the service "kubernetes" may not be of the loopback.
        "--endpoint-reconciler-type=none".into(),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--authorization-mode=RBAC".into(),
        "--service-cluster-ip-range=10.255.0.0/24".into(),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--service-account-key-file={}", file("accounts.pub")),
        format!("--service-account-signing-key-file={}", file("accounts.key")),
        "--allow-privileged=true".into(),
        "--kubelet-preferred-address-types=Hostname".into(),
        format!("--audit-policy-file={}", file("audit-policy.yaml")),
        format!("--audit-log-path={}", file("audit.log")),
        // A request is in the log before it is acted upon.
        "--audit-log-mode=blocking".into(),
        // Megabytes: the file is never replaced.
        "--audit-log-maxsize=8000".into(),
    ]
}

pub(super) fn controller_flags(dir: &Path, port: u16, minor: u32) -> Vec<String> {
    let file = |name: &str| dir.join(name).display().to_string();
    let mut flags = vec![
        format!("--kubeconfig={}", file("kube-controller-manager.kubeconfig")),
        "--leader-elect=false".into(),
        format!("--service-account-private-key-file={}", file("accounts.key")),
        format!("--root-ca-file={}", file("ca.crt")),
        format!("--cluster-signing-cert-file={}", file("ca.crt")),
        format!("--cluster-signing-key-file={}", file("ca.key")),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        "--kube-api-qps=200".into(),
        "--kube-api-burst=400".into(),
    ];
    flags.extend(no_plain_port(minor));
    flags
}

/// The plain-text port of the controllers and the scheduler went away in 1.24, with the flag.
pub(super) fn no_plain_port(minor: u32) -> Option<String> {
    (minor < 24).then(|| "--port=0".into())
}

pub(super) fn kubeconfig(url: &str, authority: &str, user: &str, token: &str, namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: testbed\n\
         clusters:\n- name: testbed\n  cluster: {{server: \"{url}\", certificate-authority-data: {authority}}}\n\
         contexts:\n- name: testbed\n  context: {{cluster: testbed, user: \"{user}\", namespace: {namespace}}}\n\
         users:\n- name: \"{user}\"\n  user: {{token: \"{token}\"}}\n"
    )
}
