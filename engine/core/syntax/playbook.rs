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
    if root.is_none() && !found.has_errors() {
        let start = Span::new(file, 0, 0);
        found.push(
            Diagnostic::error(Code::NotAPlaybook, start, "the file is empty")
                .help("begin with `playbook: name` and `steps:`"),
        );
    }
    let authored = root.and_then(|root| from_tree(file, source, root, &mut found));
    (authored, found)
}

fn from_tree(file: FileId, source: &Source, root: Node, found: &mut Diagnostics) -> Option<Authored> {
    let (what, place) = (root.describe(), root.span);
    let Value::Map(entries) = root.value else {
        found.push(
            Diagnostic::error(Code::NotAPlaybook, place, format!("expected a playbook, found {what}"))
                .help("begin with `playbook: name` and `steps:`"),
        );
        return None;
    };
    let mut sections: Vec<Entry> = Vec::new();
    let mut header = Vec::new();
    for entry in entries {
        match entry.key.value.as_str() {
            name if SECTIONS.contains(&name) => sections.push(entry),
            name if LATER.contains(&name) => found.push(
                Diagnostic::error(Code::NotSupported, entry.key.span, format!("this version cannot run `{name}` yet"))
                    .help("leave it out"),
            ),
            _ => header.push(entry),
        }
    }
    let header: Header = decode(&Node { span: place, value: Value::Map(header) }, found).unwrap_or_default();
    let mut authored = Authored {
        file,
        digest: Digest::of(source.text().as_bytes()),
        header,
        targets: Vec::new(),
        steps: Vec::new(),
        finally: Vec::new(),
        drill: None,
    };
    let mut has_steps = false;
    for entry in sections {
        match entry.key.value.as_str() {
            "targets" => authored.targets = pairs(entry.value, found),
            "steps" => {
                has_steps = true;
                let empty = entry.value.items().is_some_and(<[Node]>::is_empty);
                authored.steps = steps(entry.value, found);
                if empty {
                    found.push(
                        Diagnostic::error(Code::NoAction, entry.key.span, "a playbook without steps")
                            .help("list what to do: - redis: PING"),
                    );
                }
            }
            "finally" => authored.finally = steps(entry.value, found),
            _ => authored.drill = drill(entry, found),
        }
    }
    if !has_steps {
        found.push(
            Diagnostic::error(Code::MissingKey, place, "`steps` is missing").help("a playbook has `steps:`, a list"),
        );
    }
    Some(authored)
}

fn pairs(node: Node, found: &mut Diagnostics) -> Vec<(Spanned<String>, Node)> {
    let what = node.describe();
    match node.value {
        Value::Map(entries) => entries.into_iter().map(|entry| (entry.key, entry.value)).collect(),
        Value::Null => Vec::new(),
        Value::Scalar { .. } | Value::Seq(_) => {
            found.push(
                Diagnostic::error(Code::WrongType, node.span, format!("expected names with values, found {what}"))
                    .help("write name: {redis: \"redis://…\"}"),
            );
            Vec::new()
        }
    }
}

fn drill(entry: Entry, found: &mut Diagnostics) -> Option<Drill> {
    const KEYS: &[&str] = &["targets", "inputs", "fault", "after", "untouched"];
    let what = entry.value.describe();
    let Value::Map(entries) = entry.value.value else {
        found.push(
            Diagnostic::error(Code::WrongType, entry.value.span, format!("expected a drill, found {what}"))
                .help("a drill has targets, fault and after"),
        );
        return None;
    };
    let mut drill = Drill {
        span: entry.key.span,
        targets: Vec::new(),
        inputs: Ordered::default(),
        fault: Vec::new(),
        after: Vec::new(),
        untouched: Vec::new(),
    };
    for entry in entries {
        match entry.key.value.as_str() {
            "targets" => drill.targets = pairs(entry.value, found),
            "inputs" => drill.inputs = decode(&entry.value, found).unwrap_or_default(),
            "fault" => drill.fault = steps(entry.value, found),
            "after" => drill.after = steps(entry.value, found),
            "untouched" => drill.untouched = decode(&entry.value, found).unwrap_or_default(),
            _ => found.push(unknown_key(&entry.key, KEYS)),
        }
    }
    Some(drill)
}
