//! Every line of `fixtures.txt` is read as it says there. `UPDATE_FIXTURES=1` writes what is read
//! now, for review.

use std::fmt::Write as _;

use playbook_core::diagnostic::Diagnostics;
use playbook_core::source::{FileId, Span};
use playbook_core::syntax::tree::{Node, Value};

use super::class::class;
use super::form::Form;
use super::inner::inner_redis;
use super::model::{Line, Verb};
use crate::line::open;

const FIXTURES: &str = include_str!("fixtures.txt");

/// What is made of a line, in words.
fn read(text: &str) -> String {
    let span = Span::new(FileId::default(), 0, text.len());
    let node = Node { span, value: Value::Scalar { text: text.into(), plain: true } };
    let mut found = Diagnostics::new();
    let line = Form::read(&node, &mut found).and_then(|form| form.check(&mut found));
    let mut told = String::new();
    for problem in found.iter() {
        let (start, end) = (problem.primary.span.start as usize, problem.primary.span.end as usize);
        let at = text.get(start..end).unwrap_or_default().replace('\n', " ");
        let _ = writeln!(told, "!! {} at `{at}`: {}", problem.code, problem.message);
        problem.help.iter().for_each(|help| {
            let _ = writeln!(told, "   help: {help}");
        });
    }
    if let Some(line) = line {
        let _ = writeln!(told, "=> {}", shown(&line).replace("\\u{10ffff}", "…"));
        let _ = writeln!(told, "   {}", class(&line).effect);
        if let Verb::Exec(exec) = &line.verb
            && let Some(redis) = inner_redis(exec)
        {
            let redis: Vec<String> = redis.iter().map(|word| open::shown(word)).collect();
            let _ = writeln!(told, "   redis {redis:?}");
        }
    }
    told
}

fn shown(line: &Line) -> String {
    let mut told = format!("{:?}", line.verb);
    for (name, value) in [("namespace", &line.namespace), ("as", &line.as_user), ("sorted by", &line.sort_by)] {
        if let Some(value) = value {
            let _ = write!(told, "; {name} {value}");
        }
    }
    for group in &line.as_groups {
        let _ = write!(told, "; group {group}");
    }
    if line.all_namespaces {
        told.push_str("; all namespaces");
    }
    if line.ignore_not_found {
        told.push_str("; may be missing");
    }
    if let Some(timeout) = line.request_timeout_ms {
        let _ = write!(told, "; within {timeout} ms");
    }
    told
}

#[test]
fn lines_are_read_as_kubectl_reads_them() {
    let mut now = String::new();
    let mut count = 0;
    for entry in FIXTURES.split("\n\n").map(|entry| entry.trim_matches('\n')).filter(|entry| !entry.is_empty()) {
        let told = |row: &&str| !row.starts_with("=> ") && !row.starts_with("!! ") && !row.starts_with("   ");
        if entry.starts_with('#') {
            let _ = writeln!(now, "{entry}\n");
            continue;
        }
        let text =
            entry.split('\n').take_while(|row| told(row) || row.starts_with("     ")).collect::<Vec<_>>().join("\n");
        let _ = writeln!(now, "{text}\n{}", read(&text));
        count += 1;
    }
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/kubernetes/line/fixtures.txt");
        std::fs::write(path, now.trim_end().to_owned() + "\n").expect("the fixtures can be written");
        return;
    }
    assert!(count > 200, "only {count} lines were found");
    let differ = FIXTURES.lines().zip(now.lines()).find(|(wanted, now)| wanted != now);
    assert_eq!(differ, None, "read as on the right; UPDATE_FIXTURES=1 writes it");
    assert_eq!(FIXTURES.trim_end(), now.trim_end());
}
