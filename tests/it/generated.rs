//! Schemas, the command line's reference and the error index are made from the program.
//! `make docs` writes them; these tests compare.

use std::path::Path;

use crate::{cli, golden};

fn out(args: &[&str]) -> String {
    let output = cli::playbook().args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn schemas_are_those_of_the_types() {
    for name in ["playbook", "plan", "event", "timeline"] {
        golden::check(Path::new(&format!("schemas/{name}.schema.json")), &out(&["schema", name])).unwrap();
    }
}

#[test]
fn the_reference_is_what_help_says() {
    let help = out(&["--help"]);
    let mut page = String::from("# Command line\n\nMade from `--help` by `make docs`; do not edit.\n\n```text\n");
    page.push_str(&help);
    page.push_str("```\n");
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    for name in commands.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        page.push_str(&format!("\n## playbook {name}\n\n```text\n{}```\n", out(&[name, "--help"])));
    }
    golden::check(Path::new("docs/cli.md"), &page).unwrap();
}

#[test]
fn the_error_index_has_every_code() {
    let mut page = String::from("# Errors\n\nMade from `playbook explain` by `make docs`; do not edit.\n");
    for line in out(&["explain"]).lines() {
        let code = line.split_whitespace().next().unwrap();
        let text = out(&["explain", code]);
        page.push('\n');
        for line in text.lines() {
            let deeper = if line.starts_with('#') { "#" } else { "" };
            page.push_str(&format!("{deeper}{line}\n"));
        }
    }
    golden::check(Path::new("docs/errors.md"), &page).unwrap();
}
