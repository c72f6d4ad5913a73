//! A whole file as written.

use super::de::{Ordered, Raw, decode, unknown_key};
use super::header::Header;
use super::step::{Step, steps};
use super::tree::{self, Entry, Node, Value};
use crate::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Digest;
use crate::source::{FileId, Source, Span, Spanned};

/// A playbook exactly as written.
#[derive(Clone, Debug)]
pub struct Authored {
    /// Which text it was read from.
    pub file: FileId,
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// What stands before the steps.
    pub header: Header,
    /// Targets as written; their providers read them.
    pub targets: Vec<(Spanned<String>, Node)>,
    /// The steps.
    pub steps: Vec<Step>,
    /// Steps that run at the end, however it went.
    pub finally: Vec<Step>,
    /// How the playbook is rehearsed.
    pub drill: Option<Drill>,
}

/// How a playbook is rehearsed on throwaway servers.
#[derive(Clone, Debug)]
pub struct Drill {
    /// Where it stands.
    pub span: Span,
    /// The throwaway servers by target name, as their providers read them.
    pub targets: Vec<(Spanned<String>, Node)>,
    /// Inputs for the run.
    pub inputs: Ordered<Raw>,
    /// Steps that inject the fault.
    pub fault: Vec<Step>,
    /// Steps that prove that the run helped.
    pub after: Vec<Step>,
    /// Key patterns whose values the run must not touch, by target.
    pub untouched: Vec<Spanned<String>>,
}

const SECTIONS: &[&str] = &["targets", "steps", "finally", "drill"];
const LATER: &[&str] = &["escalation", "steady_state", "outputs"];

/// Reads a playbook. `None` if there is nothing to go on with.
pub fn read(file: FileId, source: &Source) -> (Option<Authored>, Diagnostics) {
    let (root, mut found) = tree::parse(file, source);
    let authored = root.and_then(|root| from_tree(file, source, &root, &mut found));
    (authored, found)
}

fn from_tree(file: FileId, source: &Source, root: &Node, found: &mut Diagnostics) -> Option<Authored> {
    let Some(entries) = root.entries() else {
        found.push(
            Diagnostic::error(Code::NotAPlaybook, root.span, format!("expected a playbook, found {}", root.describe()))
                .help("begin with `playbook: name` and `steps:`"),
        );
        return None;
    };
    let (sections, header): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().partition(|entry| SECTIONS.contains(&entry.key.value.as_str()));
    let mut kept = Vec::new();
    for entry in header {
        if LATER.contains(&entry.key.value.as_str()) {
            found.push(
                Diagnostic::error(
                    Code::NotSupported,
                    entry.key.span,
                    format!("this version cannot run `{}` yet", entry.key.value),
                )
                .help("leave it out"),
            );
        } else {
            kept.push(entry.clone());
        }
    }
    let header = Node { span: root.span, value: Value::Map(kept) };
    let section = |name: &str| sections.iter().find(|entry| entry.key.value == name).copied();
    let header: Header = decode(&header, found).unwrap_or_default();
    let list =
        |name: &str, found: &mut Diagnostics| section(name).map(|entry| steps(&entry.value, found)).unwrap_or_default();
    let authored = Authored {
        file,
        digest: Digest::of(source.text().as_bytes()),
        header,
        targets: section("targets").map(|entry| pairs(&entry.value, found)).unwrap_or_default(),
        steps: list("steps", found),
        finally: list("finally", found),
        drill: section("drill").and_then(|entry| drill(entry, found)),
    };
    if section("steps").is_none() {
        found.push(
            Diagnostic::error(Code::MissingKey, root.span, "`steps` is missing")
                .help("a playbook has `steps:`, a list"),
        );
    }
    Some(authored)
}

fn pairs(node: &Node, found: &mut Diagnostics) -> Vec<(Spanned<String>, Node)> {
    match &node.value {
        Value::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect(),
        Value::Null => Vec::new(),
        Value::Scalar { .. } | Value::Seq(_) => {
            found.push(
                Diagnostic::error(
                    Code::WrongType,
                    node.span,
                    format!("expected names with values, found {}", node.describe()),
                )
                .help("write name: {redis: \"redis://…\"}"),
            );
            Vec::new()
        }
    }
}

fn drill(entry: &Entry, found: &mut Diagnostics) -> Option<Drill> {
    const KEYS: &[&str] = &["targets", "inputs", "fault", "after", "untouched"];
    let node = &entry.value;
    let Some(entries) = node.entries() else {
        found.push(
            Diagnostic::error(Code::WrongType, node.span, format!("expected a drill, found {}", node.describe()))
                .help("a drill has targets, fault and after"),
        );
        return None;
    };
    for entry in entries.iter().filter(|entry| !KEYS.contains(&entry.key.value.as_str())) {
        found.push(unknown_key(&entry.key, KEYS));
    }
    let mut list = |name: &str| node.get(name).map(|list| steps(list, found)).unwrap_or_default();
    let (fault, after) = (list("fault"), list("after"));
    Some(Drill {
        span: entry.key.span,
        targets: node.get("targets").map(|targets| pairs(targets, found)).unwrap_or_default(),
        inputs: node.get("inputs").and_then(|inputs| decode(inputs, found)).unwrap_or_default(),
        fault,
        after,
        untouched: node.get("untouched").and_then(|list| decode(list, found)).unwrap_or_default(),
    })
}
