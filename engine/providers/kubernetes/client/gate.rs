//! What may be sent by who only has leave to read.
//!
//! Invariant: GET that upgrades no connection, writes that the server is asked to only pretend
//! (`dryRun=All`), and questions about rights and identity; nothing else.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use serde_json::{Value, json};

use super::Call;

/// Subresources of which a GET reaches into a container, a node or a service.
const UPGRADES: &[&str] = &["exec", "attach", "portforward", "proxy"];
/// Questions that are asked by POST.
const REVIEWS: &[&str] = &[
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
    "subjectaccessreviews",
    "localsubjectaccessreviews",
];

/// May it be sent by a reader?
pub(super) fn check(call: &Call) -> Result<(), Fault> {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    let upgrade = parts.iter().any(|part| UPGRADES.contains(part)) && subresource(&parts);
    let review = parts.last().is_some_and(|last| REVIEWS.contains(last)) && group(&parts).ends_with(".k8s.io");
    let allowed = match call.method {
        "GET" => !upgrade,
        "POST" if review => true,
        "POST" | "PUT" | "PATCH" | "DELETE" => !upgrade && pretends(call),
        _ => false,
    };
    if allowed { Ok(()) } else { Err(refused(&format!("{} {}", call.method, call.path))) }
}

fn refused(what: &str) -> Fault {
    Fault::new(FaultKind::ReadOnly, Code::ReadOnly, format!("`{what}` could change something, and a plan cannot"))
        .help("nothing was sent")
}

/// Is one of the parts a subresource, and not the name of something?
fn subresource(parts: &[&str]) -> bool {
    // api/v1/… or apis/GROUP/VERSION/…, then perhaps namespaces/NAME, then resource/name/subresource.
    let start = match parts.first() {
        Some(&"api") => 2,
        Some(&"apis") => 3,
        _ => return true,
    };
    let rest = parts.get(start..).unwrap_or_default();
    let rest = if rest.len() > 2 && rest[0] == "namespaces" { &rest[2..] } else { rest };
    rest.get(2).is_some_and(|sub| UPGRADES.contains(sub)) || rest.len() > 3
}

/// The API group that a request is for; empty for the oldest.
pub(super) fn group_of(call: &Call) -> &str {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    group(&parts)
}

fn group<'a>(parts: &[&'a str]) -> &'a str {
    if parts.first() == Some(&"apis") { parts.get(1).copied().unwrap_or_default() } else { "" }
}

fn pretends(call: &Call) -> bool {
    let asked = call.query.iter().filter(|(name, _)| *name == "dryRun").collect::<Vec<_>>();
    matches!(asked.as_slice(), [(_, value)] if value == "All")
}

/// The same, only pretended.
pub(super) fn dry(call: &Call) -> Call {
    let mut call = call.clone();
    call.query.retain(|(name, _)| *name != "dryRun");
    call.query.push(("dryRun", "All".to_owned()));
    // A DELETE is told by its body, where it has one.
    if let (Some(Value::Object(options)), "DELETE") = (&mut call.body, call.method) {
        options.insert("dryRun".into(), json!(["All"]));
    }
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(call: &Call) -> bool {
        check(call).is_ok()
    }

    #[test]
    fn reads_pass_and_writes_do_not() {
        assert!(allowed(&Call::get("/api/v1/namespaces/a/pods/b")));
        assert!(allowed(&Call::get("/api/v1/namespaces/a/pods/b/log")));
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let call = Call::with(method, "/api/v1/namespaces/a/pods/b", json!({}));
            assert!(!allowed(&call), "{method}");
            assert!(allowed(&dry(&call)), "{method}");
            assert!(!allowed(&dry(&call).query("dryRun", "")), "{method}");
        }
        assert!(!allowed(&Call { method: "CONNECT", ..Call::get("/api/v1/pods") }));
    }

    #[test]
    fn a_get_that_reaches_into_a_container_does_not_pass() {
        for sub in UPGRADES {
            assert!(!allowed(&Call::get(format!("/api/v1/namespaces/a/pods/b/{sub}"))), "{sub}");
            assert!(!allowed(&Call::get(format!("/api/v1/nodes/n/{sub}/exec/a/b/c"))), "{sub}");
            assert!(!allowed(&dry(&Call::with("POST", format!("/api/v1/namespaces/a/pods/b/{sub}"), json!({})))));
        }
        assert!(allowed(&Call::get("/api/v1/namespaces/a/pods/proxy")), "a pod may be called proxy");
        assert!(allowed(&Call::get("/api/v1/namespaces/exec/pods/a")), "a namespace may be called exec");
    }

    #[test]
    fn questions_about_rights_pass() {
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        assert!(allowed(&Call::with("POST", path, json!({}))));
        let own = "/apis/example.com/v1/selfsubjectaccessreviews";
        assert!(!allowed(&Call::with("POST", own, json!({}))), "someone else's resource of that name");
    }
}
