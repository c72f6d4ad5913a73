//! The journal as someone finds it who trusts nobody.

use std::process::Command;

use crate::live::Desk;

const NOTES: &str = "playbook: notes
steps:
  - note: one
  - id: two
    assert: 1 < 2
  - note: \"three: € and \\\"quotes\\\"\"
";

/// A finished run: the path of its journal, its head, its lines.
fn finished(desk: &Desk) -> (std::path::PathBuf, String, Vec<u8>) {
    let file = desk.file("notes.yaml", NOTES);
    desk.run(&["run", &file]).expect(0);
    let runs = desk.dir.path().join("state/runs");
    let path = std::fs::read_dir(runs)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|p| p.extension().is_some_and(|e| e == "jsonl"))
        .unwrap();
    let head =
        path.parent().unwrap().parent().unwrap().join("heads").join(path.file_stem().unwrap()).with_extension("head");
    let digest = std::fs::read_to_string(head).unwrap().lines().last().unwrap().to_owned();
    let bytes = std::fs::read(&path).unwrap();
    (path, digest, bytes)
}

/// The script of `docs/journal.md`, which needs nothing of ours.
fn script(desk: &Desk) -> String {
    let page = std::fs::read_to_string("docs/journal.md").unwrap();
    let text = page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    desk.file("check.sh", text)
}

fn by_script(script: &str, journal: &str, head: Option<&str>) -> i32 {
    let mut command = Command::new("bash");
    command.arg(script).arg(journal).args(head);
    command.output().unwrap().status.code().unwrap()
}

#[test]
fn every_kind_of_tampering_is_named_with_its_line() {
    let desk = Desk::new();
    let (path, head, bytes) = finished(&desk);
    let journal = path.to_str().unwrap();
    desk.run(&["verify", "last"]).expect(0);
    desk.run(&["verify", journal, "--head", &head]).expect(0);
    // One bit in every 37th byte: the unit tests of the core flip every bit.
    for at in (0..bytes.len()).step_by(37) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&path, &flipped).unwrap();
        let done = desk.run(&["verify", journal, "--head", &head]).expect(20);
        assert!(done.out().contains("line "), "{}", done.out());
    }
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for keep in 1..lines.len() {
        std::fs::write(&path, lines[..keep].concat()).unwrap();
        desk.run(&["verify", journal, "--head", &head]).expect(20);
        std::fs::remove_file(head_file(&path)).ok();
        let done = desk.run(&["verify", journal]).expect(22);
        assert!(done.out().contains("not anchored") && !done.out().contains("good"), "{}", done.out());
    }
}

fn head_file(journal: &std::path::Path) -> std::path::PathBuf {
    let state = journal.parent().unwrap().parent().unwrap();
    state.join("heads").join(journal.file_stem().unwrap()).with_extension("head")
}

#[test]
fn a_shell_script_comes_to_the_same_verdicts() {
    let desk = Desk::new();
    let (path, head, bytes) = finished(&desk);
    let script = script(&desk);
    let journal = path.to_str().unwrap();
    assert_eq!(by_script(&script, journal, Some(&head)), 0);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let mut cases = vec![lines[..lines.len() - 1].concat()];
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    cases.push(swapped.concat());
    let mut edited = bytes.clone();
    let at = edited.windows(3).position(|window| window == b"one").unwrap();
    edited[at] = b'0';
    cases.push(edited);
    for case in cases {
        std::fs::write(&path, case).unwrap();
        assert_eq!(by_script(&script, journal, Some(&head)), 20);
        assert_eq!(desk.run(&["verify", journal, "--head", &head]).code(), 20);
    }
}

#[test]
fn a_note_after_the_end_leaves_every_earlier_byte_as_it_was() {
    let desk = Desk::new();
    let (path, head, before) = finished(&desk);
    desk.run(&["note", "last", "users", "confirmed"]).expect(0);
    let after = std::fs::read(&path).unwrap();
    assert!(after.len() > before.len() && after.starts_with(&before));
    desk.run(&["verify", "last"]).expect(0);
    // The head from before still holds for what it covers, and says that more came after it.
    desk.run(&["verify", "last", "--head", &head]).expect(22);
    assert!(desk.run(&["timeline", "last"]).expect(0).out().contains("users confirmed"));
}

#[test]
fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    finished(&desk);
    let mut queue = vec![desk.dir.path().join("state")];
    while let Some(dir) = queue.pop() {
        assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{}", dir.display());
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            if entry.path().is_dir() {
                queue.push(entry.path());
            } else {
                assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", entry.path().display());
            }
        }
    }
}

#[test]
fn a_state_directory_that_cannot_be_written_stops_a_run_before_it_begins() {
    let desk = Desk::new();
    let file = desk.file("notes.yaml", NOTES);
    std::fs::write(desk.dir.path().join("state"), "a file is in the way").unwrap();
    let done = desk.run(&["run", &file]).expect(1);
    assert!(done.err().contains("PB0713") && done.err().contains("PLAYBOOK_STATE_DIR"), "{}", done.err());
}
