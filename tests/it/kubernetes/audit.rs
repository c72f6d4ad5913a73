//! The audit log of the API server: which requests it was sent, and by whom.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::keeper::until;

/// What the server writes down: all, with the bodies of requests, but for the cluster's own traffic.
pub(super) const POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: [testbed-itself, kubelet, 'system:kube-controller-manager', 'system:kube-scheduler', 'system:apiserver']
- level: None
  userGroups: ['system:serviceaccounts:kube-system']
- level: Request
";

/// A place in the log.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark(u64);

pub(super) fn mark(log: &Path) -> Mark {
    Mark(std::fs::metadata(log).map_or(0, |metadata| metadata.len()))
}

/// One request: what is known of it in its latest stage.
#[derive(Clone, Debug)]
pub(super) struct Entry(pub(super) Value);

impl Entry {
    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    fn object(&self, field: &str) -> &str {
        self.0["objectRef"][field].as_str().unwrap_or_default()
    }

    /// As authorization knows it: get, list, watch, create, update, patch, delete, deletecollection.
    pub(super) fn verb(&self) -> &str {
        self.text("verb")
    }

    /// Who sent it; with `--as` still the one who did.
    pub(super) fn user(&self) -> &str {
        self.0["user"]["username"].as_str().unwrap_or_default()
    }

    /// Path and query.
    pub(super) fn uri(&self) -> &str {
        self.text("requestURI")
    }

    pub(super) fn namespace(&self) -> &str {
        self.object("namespace")
    }

    pub(super) fn resource(&self) -> &str {
        self.object("resource")
    }

    pub(super) fn subresource(&self) -> &str {
        self.object("subresource")
    }

    pub(super) fn name(&self) -> &str {
        self.object("name")
    }

    /// The body of the request.
    pub(super) fn body(&self) -> &Value {
        &self.0["requestObject"]
    }

    /// The status of the answer, once there is one.
    pub(super) fn code(&self) -> Option<u64> {
        self.0["responseStatus"]["code"].as_u64()
    }

    /// Whom the user acted as.
    pub(super) fn impersonated(&self) -> Option<String> {
        self.0["impersonatedUser"]["username"].as_str().map(str::to_owned)
    }

    /// `dryRun=All`, of the query or of the options of a delete.
    pub(super) fn is_dry_run(&self) -> bool {
        let query = self.uri().split_once('?').map_or("", |(_, query)| query);
        query.split('&').any(|pair| pair == "dryRun=All") || self.body()["dryRun"] == serde_json::json!(["All"])
    }

    /// Asks who one is or what one may do: a create that makes nothing.
    pub(super) fn is_review(&self) -> bool {
        ["authorization.k8s.io", "authentication.k8s.io"].contains(&self.object("apiGroup"))
            && self.resource().ends_with("reviews")
    }

    /// Opens a stream to a pod: exec, attach or port-forward, by GET as well as by POST.
    pub(super) fn opens_stream(&self) -> bool {
        ["exec", "attach", "portforward"].contains(&self.subresource())
    }

    /// Could have changed something: what a plan must not send.
    pub(super) fn mutates(&self) -> bool {
        let reads = ["get", "list", "watch", "head", "options"].contains(&self.verb());
        self.opens_stream() || !(reads || self.is_dry_run() || self.is_review())
    }

    /// One line for a failing test.
    pub(super) fn line(&self) -> String {
        let code = self.code().map_or("-".to_owned(), |code| code.to_string());
        format!("{} {} {} {code} dry-run={}", self.user(), self.verb(), self.uri(), self.is_dry_run())
    }

    fn is_over(&self) -> bool {
        self.text("stage") != "RequestReceived"
    }
}

/// The entries since a mark that are wanted. A request is in the log before its answer is sent, what
/// is known after that (status, the options of a delete) a moment later: that moment is waited for.
pub(super) fn read(log: &Path, since: Mark, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
    let first: Vec<String> = entries(log, since, &wanted).into_iter().map(|(id, _)| id).collect();
    let look = || {
        let mut known: BTreeMap<String, (usize, Entry)> = entries(log, since, &wanted)
            .into_iter()
            .enumerate()
            .map(|(place, (id, entry))| (id, (place, entry)))
            .collect();
        let mut found: Vec<(usize, Entry)> = first.iter().filter_map(|id| known.remove(id)).collect();
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>()
    };
    // A request that hangs, as a test may want it to, is given as it is.
    until(Duration::from_secs(5), || Some(look()).filter(|found| found.iter().all(Entry::is_over))).unwrap_or_else(look)
}

/// The requests in the order they came, each in its latest stage.
fn entries(log: &Path, Mark(since): Mark, wanted: impl Fn(&Entry) -> bool) -> Vec<(String, Entry)> {
    let mut bytes = Vec::new();
    if let Ok(mut file) = std::fs::File::open(log) {
        file.seek(SeekFrom::Start(since)).unwrap();
        file.read_to_end(&mut bytes).unwrap();
    }
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut found: Vec<(String, Entry)> = Vec::new();
    for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let entry = Entry(serde_json::from_slice(line).unwrap());
        if !wanted(&entry) {
            continue;
        }
        let id = entry.text("auditID").to_owned();
        match places.get(&id) {
            Some(place) => found[*place].1 = entry,
            None => {
                places.insert(id.clone(), found.len());
                found.push((id, entry));
            }
        }
    }
    found
}
