//! The arrows between packages, as Cargo sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Package name → names of what it is built with, directly (dev-dependencies aside).
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    // For this platform only: the crates of others need not have been fetched.
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let normal = node["deps"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dep| dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null()));
        let name = names[node["id"].as_str().unwrap()].to_owned();
        all.entry(name).or_default().extend(normal.map(|dep| names[dep["pkg"].as_str().unwrap()].to_owned()));
    }
    all
}

/// Everything that a package is built with, directly or not.
fn tree(of: &str) -> BTreeSet<String> {
    let all = dependencies();
    let mut seen = BTreeSet::new();
    let mut queue = vec![of.to_owned()];
    while let Some(next) = queue.pop() {
        for dependency in all.get(&next).into_iter().flatten() {
            if seen.insert(dependency.clone()) {
                queue.push(dependency.clone());
            }
        }
    }
    seen
}

#[test]
fn the_rules_know_no_runtime_no_driver_and_no_terminal() {
    let tree = tree("playbook-core");
    for banned in [
        "tokio",
        "redis",
        "kube",
        "k8s-openapi",
        "bollard",
        "reqwest",
        "clap",
        "console",
        "indicatif",
        "rustix",
        "notify",
    ] {
        assert!(!tree.contains(banned), "playbook-core is built with {banned}");
    }
}

#[test]
fn runtime_and_providers_do_not_know_each_other() {
    assert!(!tree("playbook-runtime").contains("playbook-providers"));
    assert!(!tree("playbook-runtime").contains("redis"));
    assert!(!tree("playbook-providers").contains("playbook-runtime"));
    assert!(tree("playbook").contains("playbook-providers"));
}

#[test]
fn only_a_providers_client_names_its_driver() {
    let offenders: Vec<String> = rust_files("engine/providers")
        .into_iter()
        .filter(|(path, text)| {
            let is_client = path.contains("/client/") || path.ends_with("/client.rs");
            !is_client
                && (text.contains("use redis::") || text.contains("::redis::Cmd") || text.contains("redis::cmd("))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(offenders.is_empty(), "{offenders:?}");
}

#[test]
fn the_rules_read_no_clock_file_or_environment_and_print_nothing() {
    for (path, text) in rust_files("engine/core") {
        let code: String = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        for banned in [
            "Timestamp::now",
            "Instant::now",
            "SystemTime",
            "std::fs",
            "std::net",
            "std::env",
            "println!",
            "eprintln!",
            "std::process",
        ] {
            assert!(!code.contains(banned), "{path} has {banned}");
        }
    }
}

#[test]
fn every_provider_has_a_page() {
    // What providers share is no provider, and is not public.
    let modules = std::fs::read_to_string("engine/providers/lib.rs").unwrap();
    for name in modules.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        let page = format!("docs/providers/{name}.md");
        assert!(std::path::Path::new(&page).is_file(), "{page} is missing");
    }
}

fn rust_files(dir: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let name = path.display().to_string();
        if path.is_dir() {
            files.extend(rust_files(&name));
        } else if name.ends_with(".rs") {
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    files
}
