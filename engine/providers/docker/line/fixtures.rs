//! Every line of `fixtures.txt`, and of the runbooks in `tests/fixtures/docker/runbook.lines`, is read as it
//! says there. `UPDATE_FIXTURES=1` writes what is read now, for review.

use std::fmt::Write as _;

use playbook_core::diagnostic::Diagnostics;
use playbook_core::source::{FileId, Span};
use playbook_core::syntax::tree::{Node, Value};

use super::class::class;
use super::form::Form;
use super::inner::inner_redis;
use super::model::{ComposeVerb, Verb};
use crate::line::open;

const FIXTURES: &str = include_str!("fixtures.txt");
const RUNBOOKS: &str = include_str!("../../../../tests/fixtures/docker/runbook.lines");

/// What is made of a line, in words.
fn read(text: &str) -> String {
    let span = Span::new(FileId::default(), 0, text.len());
    let node = Node { span, value: Value::Scalar { text: text.into(), plain: true } };
    let mut found = Diagnostics::new();
    let verb = Form::read(&node, &mut found).and_then(|form| form.check(&mut found));
    let mut told = String::new();
    for problem in found.iter() {
        let (start, end) = (problem.primary.span.start as usize, problem.primary.span.end as usize);
        let at = text.get(start..end).unwrap_or_default().replace('\n', " ");
        let _ = writeln!(told, "!! {} at `{at}`: {}", problem.code, problem.message);
        problem.help.iter().for_each(|help| {
            let _ = writeln!(told, "   help: {help}");
        });
        if let Some(edit) = &problem.edit {
            let (start, end) = (edit.span.start as usize, edit.span.end as usize);
            let _ = writeln!(told, "   edit: {}{}{}", &text[..start], edit.replacement, &text[end..]);
        }
    }
    if let Some(verb) = verb {
        let _ = writeln!(told, "=> {}", format!("{verb:?}").replace("\\u{10ffff}", "…"));
        let class = class(&verb);
        let _ = writeln!(told, "   {}, {:?}", class.effect, class.reversal);
        if let Some(redis) = redis(&verb) {
            let redis: Vec<String> = redis.iter().map(|word| open::shown(word)).collect();
            let _ = writeln!(told, "   redis {redis:?}");
        }
    }
    told
}

fn redis(verb: &Verb) -> Option<Vec<String>> {
    match verb {
        Verb::Exec(exec) => inner_redis(exec),
        Verb::Compose(compose) => match &compose.verb {
            ComposeVerb::Exec(exec) => inner_redis(exec),
            _ => None,
        },
        _ => None,
    }
}

/// Is this row what was made of a line?
fn is_told(row: &str) -> bool {
    row.starts_with("=> ") || row.starts_with("!! ") || row.starts_with("   ")
}

/// Reads each line of a file of lines again; the number of them.
fn again(fixtures: &str, of: impl Fn(&str) -> String) -> (String, usize) {
    let (mut now, mut count) = (String::new(), 0);
    for entry in fixtures.split("\n\n").map(|entry| entry.trim_matches('\n')).filter(|entry| !entry.is_empty()) {
        if entry.starts_with('#') {
            let _ = writeln!(now, "{entry}\n");
            continue;
        }
        let rows: Vec<&str> = entry.split('\n').take_while(|row| !is_told(row) || row.starts_with("     ")).collect();
        let text = rows.join("\n");
        let _ = writeln!(now, "{text}\n{}", of(&text));
        count += 1;
    }
    (now.trim_end().to_owned() + "\n", count)
}

fn check(path: &str, fixtures: &str, least: usize, of: impl Fn(&str) -> String) {
    let (now, count) = again(fixtures, of);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(format!("{}/{path}", env!("CARGO_MANIFEST_DIR")), now).expect("the fixtures can be written");
        return;
    }
    assert!(count >= least, "only {count} lines were found");
    let differ = fixtures.lines().zip(now.lines()).find(|(wanted, now)| wanted != now);
    assert_eq!(differ, None, "read as on the right; UPDATE_FIXTURES=1 writes it");
    assert_eq!(fixtures.trim_end(), now.trim_end());
}

#[test]
fn lines_are_read_as_docker_reads_them() {
    check("docker/line/fixtures.txt", FIXTURES, 200, read);
}

/// In these, the first row is what stands in a runbook, and a row `step: …` what is written for it.
#[test]
fn lines_of_runbooks_say_what_to_write_instead() {
    let of = |text: &str| {
        let mut rows = text.lines();
        let written = rows.next().unwrap_or_default();
        let refused = read(written);
        assert!(refused.starts_with("!! "), "{written}: {refused}");
        // A step is written below, or nothing can be.
        let steps = rows.filter_map(|row| row.strip_prefix("step: ")).map(|step| {
            let told = read(step);
            assert!(told.starts_with("=> "), "{step}: {told}");
            told
        });
        refused + &steps.collect::<String>()
    };
    check("../../tests/fixtures/docker/runbook.lines", RUNBOOKS, 17, of);
}
