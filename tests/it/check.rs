//! `playbook check` on wrong files: place, excerpt and help for each mistake; no panic, no hang.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::{cli, golden};

fn wrong() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir("tests/fixtures/wrong")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_wrong_file_is_told_what_and_where_and_what_to_do() {
    let mut failures = Vec::new();
    for file in wrong() {
        let output = cli::playbook().args(["check", file.to_str().unwrap()]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(2), "{}: {text}", file.display());
        failures.extend(golden::check(&file.with_extension("txt"), &text).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_diagnostic_has_a_place_an_excerpt_and_help() {
    assert!(wrong().len() >= 30);
    for file in wrong() {
        let output = cli::playbook().args(["check", "-o", "json", file.to_str().unwrap()]).output().unwrap();
        let found: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert!(!found.is_empty(), "{}", file.display());
        for diagnostic in found {
            assert!(diagnostic["line"].as_u64() >= Some(1), "{diagnostic}");
            assert!(!diagnostic["help"].as_array().unwrap().is_empty(), "{}: {diagnostic}", file.display());
            assert_eq!(diagnostic["file"], file.to_str().unwrap());
        }
    }
}

#[test]
fn an_alias_bomb_is_refused_at_once() {
    let began = Instant::now();
    let output = cli::playbook().args(["check", "tests/fixtures/wrong/alias-bomb.yaml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    // Generous for a loaded machine; an expansion of 10^9 nodes would take minutes.
    assert!(began.elapsed() < Duration::from_secs(2));
}

/// Everything that ships and every fixture, as seeds for mutation.
fn corpus() -> Vec<String> {
    let mut texts: Vec<String> = wrong().iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for dir in ["playbooks", "tests/fixtures/playbooks"] {
        for entry in std::fs::read_dir(Path::new(dir)).into_iter().flatten().flatten() {
            texts.extend(std::fs::read_to_string(entry.path()).ok().filter(|text| text.contains("steps:")));
        }
    }
    texts
}

fn mutate(text: &str, cuts: &[(usize, usize, u8)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for &(at, length, what) in cuts {
        if chars.is_empty() {
            break;
        }
        let at = at % chars.len();
        let (length, end) = (length % 12, (at + length % 12).min(chars.len()));
        match what % 5 {
            0 => drop(chars.drain(at..end)),
            1 => chars.insert(at, ['{', '}', '[', '"', '\'', ':', '&', '*', '|', '\t', '\u{0}', '€'][length]),
            2 => {
                let copy: Vec<char> = chars[at..end].to_vec();
                chars.splice(at..at, copy);
            }
            3 => {
                let other = at.wrapping_mul(7).wrapping_add(length) % chars.len();
                chars.swap(at, other);
            }
            _ => chars.truncate(at.max(1)),
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_it_panic_or_hang(
        seed in any::<prop::sample::Index>(),
        cuts in proptest::collection::vec((any::<usize>(), any::<usize>(), any::<u8>()), 1..8),
    ) {
        let corpus = corpus();
        let text = mutate(&corpus[seed.index(corpus.len())], &cuts);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fuzzed.yaml");
        std::fs::write(&file, text).unwrap();
        let output = cli::playbook().args(["check", file.to_str().unwrap()]).output().unwrap();
        let code = output.status.code();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        prop_assert!(code == Some(0) || code == Some(2), "exit {code:?}: {error}");
    }
}
