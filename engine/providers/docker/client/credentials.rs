//! Who logs in at a registry: what `docker login` left behind, in the configuration of the docker CLI or
//! in a credential helper.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::contexts::folder;
use super::{Call, Login, Reader};
use crate::docker::faults;

/// How long a helper may take.
const HELPER: Duration = Duration::from_secs(30);
/// The user that stands for a token in place of a password.
const TOKEN: &str = "<token>";

/// What goes into `X-Registry-Auth` for an image; nothing if nobody is logged in there.
///
/// # Errors
/// When the configuration or its helper cannot be understood.
pub(in crate::docker) async fn of(reader: &Reader<'_>, image: &str) -> Result<Option<Login>, Fault> {
    let Some(folder) = folder(&|name| std::env::var(name).ok().filter(|text| !text.is_empty())) else {
        return Ok(None);
    };
    let Some(config) = read(&folder.join("config.json"))? else { return Ok(None) };
    let registry = match registry(image) {
        Some(registry) => registry.to_owned(),
        // The engine knows what it takes where an image names none.
        None => match reader.get(&Call::get("/info")).await?.get("IndexServerAddress").and_then(Value::as_str) {
            Some(registry) => registry.to_owned(),
            None => return Ok(None),
        },
    };
    let found = match helper(&config, &registry) {
        Some(helper) => ask(&helper, &registry).await?,
        None => stored(&config, &registry)?,
    };
    Ok(found.map(|found| Login(URL_SAFE.encode(found.to_string()))))
}

/// The registry that an image names.
fn registry(image: &str) -> Option<&str> {
    let (first, _) = image.split_once('/')?;
    (first.contains(['.', ':']) || first == "localhost").then_some(first)
}

fn read(file: &Path) -> Result<Option<Value>, Fault> {
    // Without a configuration, or one that may not be read, docker goes on too.
    let Ok(text) = std::fs::read_to_string(file) else { return Ok(None) };
    // What cannot be read is not quoted: there may be passwords in it.
    let read = serde_json::from_str(&text).map_err(|why| {
        faults::address(format!("{} is no JSON, line {} column {}", file.display(), why.line(), why.column()))
            .help("docker login writes it anew")
    })?;
    Ok(Some(read))
}

/// The program that keeps the credentials of a registry.
fn helper(config: &Value, registry: &str) -> Option<String> {
    let own = config.get("credHelpers").and_then(|all| all.get(registry));
    let name = own.or_else(|| config.get("credsStore")).and_then(Value::as_str)?;
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    plain.then(|| format!("docker-credential-{name}"))
}

/// Of a helper.
async fn ask(helper: &str, registry: &str) -> Result<Option<Value>, Fault> {
    let fault = |what: &str| {
        Fault::new(FaultKind::Unauthorised, Code::Unauthorised, format!("{helper} {what}"))
            .help(format!("it keeps the login at {registry}; docker login {registry} shows whether it works"))
    };
    let mut command = Command::new(helper);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|why| fault(&format!("cannot be started: {why}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read has nothing to say either.
        let _ = stdin.write_all(registry.as_bytes()).await;
    }
    let output = tokio::time::timeout(HELPER, child.wait_with_output()).await;
    let output = output.map_err(|_| fault("does not answer"))?.map_err(|why| fault(&format!("was lost: {why}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        // As docker: who is not logged in goes on as nobody.
        return if text.contains("credentials not found") { Ok(None) } else { Err(fault("failed")) };
    }
    let said: Value = serde_json::from_str(&text).map_err(|_| fault("does not say a login"))?;
    let text = |field: &str| said.get(field).and_then(Value::as_str).unwrap_or_default();
    Ok(Some(if text("Username") == TOKEN {
        json!({"identitytoken": text("Secret"), "serveraddress": registry})
    } else {
        json!({"username": text("Username"), "password": text("Secret"), "serveraddress": registry})
    }))
}

/// Of the configuration itself.
fn stored(config: &Value, registry: &str) -> Result<Option<Value>, Fault> {
    let bare = |key: &str| {
        let key = key.split_once("://").map_or(key, |(_, rest)| rest);
        key.split('/').next().unwrap_or_default().to_owned()
    };
    let all = config.get("auths").and_then(Value::as_object);
    let exact = all.and_then(|all| all.get(registry));
    // Older logins have a scheme and a path in their keys.
    let found = exact.or_else(|| all?.iter().find(|(key, _)| bare(key) == bare(registry)).map(|(_, found)| found));
    let Some(found) = found else { return Ok(None) };
    let text = |field: &str| found.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(token) = text("identitytoken") {
        return Ok(Some(json!({"identitytoken": token, "serveraddress": registry})));
    }
    let Some(auth) = text("auth") else { return Ok(None) };
    let wrong =
        || faults::address(format!("the login at {registry} cannot be read")).help("docker login writes it anew");
    let plain = STANDARD.decode(auth).ok().and_then(|plain| String::from_utf8(plain).ok()).ok_or_else(wrong)?;
    let (user, password) = plain.split_once(':').ok_or_else(wrong)?;
    let password = password.trim_end_matches('\0');
    Ok(Some(json!({"username": user, "password": password, "serveraddress": registry})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_what_looks_like_a_host() {
        assert_eq!(registry("redis:7"), None);
        assert_eq!(registry("library/redis"), None);
        assert_eq!(registry("registry.example/redis"), Some("registry.example"));
        assert_eq!(registry("127.0.0.1:5000/redis:7"), Some("127.0.0.1:5000"));
        assert_eq!(registry("localhost/redis"), Some("localhost"));
    }

    #[test]
    fn logins_are_found_as_docker_left_them() {
        let config = json!({"auths": {
            "registry.example": {"auth": STANDARD.encode("anna:pa:ss")},
            "https://old.example/v1/": {"identitytoken": "t"},
            "empty.example": {}}});
        let login = stored(&config, "registry.example").unwrap().unwrap();
        assert_eq!((login["username"].as_str(), login["password"].as_str()), (Some("anna"), Some("pa:ss")));
        assert_eq!(stored(&config, "old.example").unwrap().unwrap()["identitytoken"], "t");
        assert_eq!(stored(&config, "empty.example").unwrap(), None);
        assert_eq!(stored(&config, "other.example").unwrap(), None);
        let broken = json!({"auths": {"a.example": {"auth": "secret!"}}});
        let fault = stored(&broken, "a.example").unwrap_err();
        assert!(!fault.message.contains("secret"), "{}", fault.message);
    }

    #[test]
    fn helpers_are_those_of_the_registry_then_that_of_all() {
        let config = json!({"credsStore": "desktop", "credHelpers": {"a.example": "a-login", "b.example": "../x"}});
        assert_eq!(helper(&config, "a.example").as_deref(), Some("docker-credential-a-login"));
        assert_eq!(helper(&config, "c.example").as_deref(), Some("docker-credential-desktop"));
        assert_eq!(helper(&config, "b.example"), None);
    }

    #[tokio::test]
    async fn a_helper_is_asked_for_the_login() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let program = |name: &str, script: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path.display().to_string()
        };
        let good = program("good", r#"read it; echo "{\"Username\":\"$it\",\"Secret\":\"$1\"}""#);
        let login = ask(&good, "r.example").await.unwrap().unwrap();
        assert_eq!((login["username"].as_str(), login["password"].as_str()), (Some("r.example"), Some("get")));
        let nobody = program("nobody", "echo credentials not found in native keychain; exit 1");
        assert_eq!(ask(&nobody, "r.example").await.unwrap(), None);
        let bad = program("bad", "echo canary; exit 1");
        let fault = ask(&bad, "r.example").await.unwrap_err();
        assert!(!fault.message.contains("canary") && fault.message.ends_with("bad failed"), "{}", fault.message);
    }
}
