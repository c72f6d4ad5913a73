//! Getting in: TLS, sockets, users, passwords from elsewhere; and not getting in.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use playbook_core::action::{FaultKind, ReadAccess};
use playbook_core::codes::Code;
use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::Scope;
use playbook_core::files::NoFiles;
use playbook_core::secret::Secrets;
use playbook_providers::redis::{Outside, provider_with};
use serde_json::json;

use super::server::{GO_ON, Server, Site, tree};

#[tokio::test]
async fn the_one_who_answers_is_told() {
    let server = Server::start(&[]);
    let site = Site::at(&format!("{}/3", server.url()));
    let identity = site.target.identify(&GO_ON).await.unwrap();
    let fact = |name: &str| identity.facts.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()).unwrap();
    assert!(identity.id.starts_with("redis:") && identity.id.len() == 46, "{}", identity.id);
    assert_eq!(
        (fact("role"), fact("db"), fact("user"), fact("replicas")),
        ("master".into(), "3".into(), "default".into(), "0".into())
    );
    assert!(fact("version").starts_with("redis ") || fact("version").starts_with("valkey "));
    assert_eq!(Site::at(&server.url()).target.identify(&GO_ON).await.unwrap().id, identity.id);
}

#[tokio::test]
async fn someone_else_than_expected_is_sent_nothing() {
    let server = Server::start(&[]);
    let url = server.url();
    for expect in ["{role: replica}", "{run_id: abc}", "{version: '<5'}", "{replicas: '>=1'}"] {
        let site = Site::of(&format!("{{redis: '{url}', expect: {expect}}}")).unwrap();
        let fault = site.target.identify(&GO_ON).await.unwrap_err();
        assert_eq!((fault.kind, fault.code), (FaultKind::WrongTarget, Code::WrongTarget), "{expect}");
        let fault = site.change(site.redis("SET k v").as_ref()).await.err().unwrap();
        assert_eq!(fault.kind, FaultKind::WrongTarget);
    }
    assert_eq!(server.other().text("GET k"), "(nil)");
    let site = Site::of(&format!("{{redis: '{url}', expect: {{role: master, replicas: 0, version: '>=5'}}}}")).unwrap();
    site.target.identify(&GO_ON).await.unwrap();
}

#[tokio::test]
async fn a_socket_in_the_file_system_is_a_target() {
    let server = Server::start(&[]);
    let path = server.dir.path().join("redis.sock");
    for yaml in
        [format!("redis: 'unix://{}?db=2'", path.display()), format!("redis: {{socket: '{}', db: 2}}", path.display())]
    {
        let site = Site::of(&yaml).unwrap();
        site.run("SET k v").await;
        assert_eq!(server.site().read("INFO keyspace").await.unwrap()["db2"]["keys"], 1);
    }
}

#[tokio::test]
async fn users_and_passwords_come_from_where_the_target_says() {
    struct There;
    impl Outside for There {
        fn env(&self, name: &str) -> Option<String> {
            (name == "PW" || name == "REDISCLI_AUTH").then(|| format!("{}-pw", name.to_lowercase()))
        }
        fn file(&self, path: &Path) -> std::io::Result<Vec<u8>> {
            if path == Path::new("/run/pw") {
                Ok(b"file-pw\n".to_vec())
            } else {
                Err(std::io::ErrorKind::NotFound.into())
            }
        }
    }
    let server = Server::start(&["--requirepass", "rediscli_auth-pw"]);
    let mut other = redis::Client::open(format!("redis://:rediscli_auth-pw@127.0.0.1:{}", server.port))
        .unwrap()
        .get_connection()
        .unwrap();
    for (user, password) in [("e", "pw-pw"), ("f", "file-pw"), ("t", "p@/:w#%41")] {
        redis::cmd("ACL")
            .arg(&["SETUSER", user, "on", &format!(">{password}"), "~*", "&*", "+@all"])
            .exec(&mut other)
            .unwrap();
    }
    let mut scope = Scope::new();
    scope.set("inputs", json!({"pw": "p@/:w#%41", "host": "127.0.0.1"}));
    scope.secret_inputs(["pw".to_owned()]);
    let port = server.port;
    for (yaml, user) in [
        (format!("{{host: 127.0.0.1, port: {port}, user: e, password: {{env: PW}}}}"), "e"),
        (format!("{{url: 'redis://f@{{{{ inputs.host }}}}:{port}', password: {{file: /run/pw}}}}"), "f"),
        (format!("'redis://t:{{{{ inputs.pw }}}}@127.0.0.1:{port}/1'"), "t"),
        (format!("{{url: 'redis://127.0.0.1:{port}', user: t, password: '{{{{ inputs.pw }}}}'}}"), "t"),
        (format!("'redis://127.0.0.1:{port}'"), "default"),
    ] {
        let provider = provider_with(Secrets::new(), Arc::new(There));
        let node = tree(&format!("redis: {yaml}"));
        let mut found = Diagnostics::new();
        let draft =
            provider.target(&node.entries().unwrap()[0], &[], &mut found).unwrap_or_else(|| panic!("{yaml} {found:?}"));
        assert!(found.is_empty(), "{yaml}: {found:?}");
        let target = draft.open("t", &scope, &mut |_, _| {}).unwrap();
        let kind = provider.kinds().into_iter().find(|kind| kind.name() == "redis").unwrap();
        let key = playbook_core::source::Spanned::new(String::new(), playbook_core::source::Span::default());
        let who = kind.read(&key, &tree("ACL WHOAMI"), &NoFiles, &mut found).unwrap().prepare(&scope).unwrap();
        assert_eq!(who.read(ReadAccess::new(target.as_ref(), &GO_ON)).await.unwrap(), user, "{yaml}");
    }
    let node = tree("redis: {host: h, password: {env: MISSING}}");
    let draft = provider_with(Secrets::new(), Arc::new(There))
        .target(&node.entries().unwrap()[0], &[], &mut Diagnostics::new())
        .unwrap();
    assert!(draft.open("t", &scope, &mut |_, _| {}).err().unwrap().to_string().contains("MISSING"));
}

#[test]
fn mistakes_in_targets_are_told_before_anything_runs() {
    let problems = |yaml: &str| Site::of(yaml).err().unwrap_or_default();
    assert!(problems("redis: 127.0.0.1:6379").starts_with("PB0506"));
    assert!(problems("redis: http://h").starts_with("PB0506"));
    assert!(problems("redis: {port: 1}").starts_with("PB0107 a target without an address"));
    assert!(problems("redis: {url: 'redis://h', host: h}").starts_with("PB0506 a target with more than one"));
    assert!(problems("{redis: 'redis://h', via: {docker: x}}").starts_with("PB0208"));
    assert!(problems("{redis: 'redis://h', sentinel: x}").starts_with("PB0208"));
    assert!(problems("{redis: 'redis://h', protectd: true}").starts_with("PB0105"));
    assert!(problems("{redis: 'redis://h', expect: {role: boss}}").starts_with("PB0106 `boss` is not a role"));
    assert!(problems("redis: {host: h, password: {env: A, file: B}}").starts_with("PB0106"));
    let provider = playbook_providers::redis::provider(Secrets::new(), Vec::new());
    let warned = |yaml: &str| {
        let mut found = Diagnostics::new();
        provider.target(&tree(yaml).entries().unwrap()[0].clone(), &[], &mut found).unwrap();
        found.iter().map(|d| d.code).collect::<Vec<_>>()
    };
    assert_eq!(warned("redis: 'redis://:literal@h'"), [Code::SecretInTheOpen]);
    assert_eq!(warned("redis: {host: h, password: literal}"), [Code::SecretInTheOpen]);
    assert!(warned("redis: 'redis://:{{ inputs.pw }}@h'").is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_quickly() {
    let site = Site::at("redis://127.0.0.1:1");
    let fault = site.read("PING").await.unwrap_err();
    assert_eq!((fault.kind, fault.code, fault.transient), (FaultKind::Unreachable, Code::Unreachable, true));
    assert!(fault.message.contains("redis://127.0.0.1:1"), "{}", fault.message);
    let fault = site.change(site.redis("SET k v").as_ref()).await.err().unwrap();
    assert_eq!((fault.kind, fault.happened), (FaultKind::Unreachable, playbook_core::action::Happened::No));
}

#[tokio::test]
async fn a_read_survives_a_connection_that_was_cut() {
    let server = Server::start(&[]);
    let site = server.site();
    site.read("PING").await.unwrap();
    server.other().run("CLIENT KILL TYPE normal");
    assert_eq!(site.read("PING").await.unwrap(), "PONG");
}

#[tokio::test]
async fn a_user_who_may_hardly_do_anything_gets_what_is_possible() {
    let server = Server::start(&[]);
    server.other().run("ACL SETUSER tiny on >pw ~* -@all +get +set +dump +pexpiretime +watch +unwatch +multi +exec +discard +time +restore +unlink +memory|usage +client|list");
    let site = Site::at(&format!("redis://tiny:pw@127.0.0.1:{}", server.port));
    assert_eq!(site.read("GET k").await.unwrap(), json!(null));
    let done = site.run("SET k v").await;
    assert_eq!(site.undo(&done.parts).await.restored, 1);
    let fault = site.read("STRLEN k").await.unwrap_err();
    assert_eq!(fault.code, Code::Unauthorised);
    // Without MULTI nothing is tried: it would not be one transaction.
    server.other().run("ACL SETUSER tiny -multi");
    let fault = site.change(site.redis("SET k other").as_ref()).await.err().unwrap();
    assert_eq!((fault.code, fault.happened), (Code::Unauthorised, playbook_core::action::Happened::No));
    assert_eq!(server.other().text("GET k"), "(nil)");
}

/// Certificates of an authority of the test's own. Not where openssl is missing.
fn certificates(dir: &Path) -> Option<()> {
    let run = |args: &[&str]| {
        let ended =
            Command::new("openssl").args(args).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null()).status();
        ended.ok().filter(std::process::ExitStatus::success).map(|_| ())
    };
    std::fs::write(dir.join("ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").ok()?;
    run(&[
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "ca.key", "-out", "ca.crt", "-subj",
        "/CN=ca",
    ])?;
    for name in ["server", "client"] {
        let (key, request, certificate) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.crt"));
        run(&[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            &key,
            "-out",
            &request,
            "-subj",
            &format!("/CN={name}"),
        ])?;
        run(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "ext",
            "-out",
            &certificate,
        ])?;
    }
    Some(())
}

#[tokio::test]
async fn an_encrypted_connection_is_made_only_to_whom_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    if certificates(dir.path()).is_none() {
        return;
    }
    let file = |name: &str| dir.path().join(name).display().to_string();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _server = Server::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("server.crt"),
        "--tls-key-file",
        &file("server.key"),
        "--tls-ca-cert-file",
        &file("ca.crt"),
    ]);
    let own = format!("cert: {}, key: {}", file("client.crt"), file("client.key"));
    let site = |tls: &str| Site::of(&format!("redis: {{url: 'rediss://127.0.0.1:{port}', tls: {tls}}}")).unwrap();
    let trusted = site(&format!("{{ca: {}, {own}}}", file("ca.crt")));
    assert_eq!(trusted.target.address(), format!("rediss://127.0.0.1:{port}"));
    let done = trusted.run("SET k v").await;
    assert_eq!(trusted.undo(&done.parts).await.restored, 1);
    assert_eq!(site(&format!("{{insecure: true, {own}}}")).read("PING").await.unwrap(), "PONG");
    let fault = site(&format!("{{{own}}}")).read("PING").await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unreachable, "{fault:?}");
    let fault = site(&format!("{{ca: {}}}", file("ca.crt"))).read("PING").await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unreachable, "{fault:?}");
}

/// The one client of a server that lets in one: whoever was there before may only be about to go.
fn only_client(port: u16) -> std::net::TcpStream {
    use std::io::{Read as _, Write as _};
    loop {
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut answer = [0; 7];
        if socket.write_all(b"PING\r\n").and_then(|()| socket.read_exact(&mut answer)).is_ok()
            && &answer == b"+PONG\r\n"
        {
            return socket;
        }
    }
}

#[tokio::test]
async fn what_a_server_says_to_those_it_does_not_let_in_is_told() {
    let server = Server::start(&["--maxclients", "1"]);
    let held = only_client(server.port);
    let fault = Site::at(&server.url()).target.identify(&GO_ON).await.unwrap_err();
    assert_eq!(fault.message, "the server refused: ERR max number of clients reached");
    assert!(fault.transient && fault.help.contains("maxclients"), "{fault:?}");
    drop(held);
}
