//! A value that comes out of a template is one value, whatever is in it; and no words panic.

use std::path::PathBuf;

use playbook_core::source::Span;
use proptest::prelude::*;

use super::class::class;
use super::model::{Line, NodeChoice, Objects, Verb};
use super::secret_words::mask;
use super::verbs::{VERBS, parse};
use crate::line::flags::Meaning;
use crate::line::word::Word;

/// Stands for a template in a line of these tests.
const HOLE: &str = "{}";

/// Words of a line; each hole is filled with `value`, or open.
fn words(line: &str, value: Option<&str>) -> Vec<Word> {
    let word = |written: &str| match written.split_once(HOLE) {
        None => Word {
            text: Some(written.into()),
            head: written.into(),
            fixed: true,
            rest: Vec::new(),
            span: Span::default(),
        },
        Some((head, tail)) => Word {
            text: value.map(|value| format!("{head}{value}{tail}")),
            head: head.into(),
            fixed: false,
            rest: vec![tail.into()],
            span: Span::default(),
        },
    };
    line.split(' ').map(word).collect()
}

/// Values that would do harm in a shell or in kubectl, and any other.
fn value() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "",
        "-",
        "--",
        "-A",
        "--all",
        "--all=true",
        "-n kube-system",
        "--namespace=kube-system",
        "--force",
        "a,b",
        "a/b",
        "pods/a",
        "a b",
        "a --all",
        "x=y",
        "x-",
        "delete",
        "kubectl",
        "../../secrets/a",
        ".",
        "..",
        "a%2fb",
        "| sh",
        "$(reboot)",
        "*",
        "a\n--all",
        "-f",
        "\u{10FFFF}",
    ]);
    prop_oneof![hostile.prop_map(str::to_owned), ".{0,12}", "[-a-z=/, ]{0,8}"]
}

fn named(kind: &str, name: &str) -> Objects {
    Objects::Named(vec![(kind.into(), name.into())])
}

/// Lines with a hole, and whether the value went to its place and nowhere else.
type Place = fn(&Line, &str) -> bool;
const PLACES: &[(&str, Place)] = &[
    ("get pods {}", |line, value| line.verb == Verb::Get(named("pods", value)) && line.namespace.is_none()),
    ("get pods/{}", |line, value| line.verb == Verb::Get(named("pods", value)) && !line.all_namespaces),
    ("get pods a -n {}", |line, value| {
        line.namespace.as_deref() == Some(value) && line.verb == Verb::Get(named("pods", "a"))
    }),
    ("get pods a -n{}", |line, value| {
        line.namespace.as_deref() == Some(value) && line.verb == Verb::Get(named("pods", "a"))
    }),
    ("-n {} get pods a", |line, value| {
        line.namespace.as_deref() == Some(value) && line.verb == Verb::Get(named("pods", "a"))
    }),
    ("get pods a --namespace={}", |line, value| {
        line.namespace.as_deref() == Some(value) && line.verb == Verb::Get(named("pods", "a"))
    }),
    (
        "delete pod {}",
        |line, value| matches!(&line.verb, Verb::Delete { objects, force: false, .. } if *objects == named("pod", value)),
    ),
    ("delete pods -l {}", |line, value| {
        matches!(&line.verb, Verb::Delete { objects: Objects::Kinds(kinds, chosen), .. }
            if kinds.len() == 1 && chosen.labels.as_deref() == Some(value) && !chosen.all && chosen.fields.is_none())
    }),
    ("rollout restart deploy/{}", |line, value| line.verb == Verb::RolloutRestart(named("deploy", value))),
    (
        "apply -f {}",
        |line, value| matches!(&line.verb, Verb::Apply { objects: Objects::Files { paths, .. }, .. } if *paths == [PathBuf::from(value)]),
    ),
    ("label pod a app={}", |line, value| {
        matches!(&line.verb, Verb::Label { objects, set, unset, .. }
            if *objects == named("pod", "a") && *set == [("app".into(), value.into())] && unset.is_empty())
    }),
    ("label pod {} app=x", |line, value| {
        matches!(&line.verb, Verb::Label { objects, set, unset, .. }
            if *objects == named("pod", value) && *set == [("app".into(), "x".into())] && unset.is_empty())
    }),
    (
        "set env deploy/a K={}",
        |line, value| matches!(&line.verb, Verb::SetEnv { set, unset, .. } if *set == [("K".into(), value.into())] && unset.is_empty()),
    ),
    (
        "set image deploy/a c={}",
        |line, value| matches!(&line.verb, Verb::SetImage { images, .. } if *images == [("c".into(), value.into())]),
    ),
    ("logs {} -c {}", |line, value| {
        matches!(&line.verb, Verb::Logs(logs)
            if logs.objects == named("pod", value) && logs.container.as_deref() == Some(value) && !logs.all_containers)
    }),
    ("exec {} -- redis-cli GET {}", |line, value| {
        matches!(&line.verb, Verb::Exec(exec)
            if exec.object == ("pod".into(), value.into()) && exec.command == ["redis-cli", "GET", value])
    }),
    ("exec a -- {} x", |line, value| matches!(&line.verb, Verb::Exec(exec) if exec.command == [value, "x"])),
    (
        "drain {}",
        |line, value| matches!(&line.verb, Verb::Drain { nodes, force: false, pods: None, .. } if *nodes == NodeChoice::Names(vec![value.into()])),
    ),
    ("cordon node/{}", |line, value| line.verb == Verb::Cordon(NodeChoice::Names(vec![value.into()]))),
    (
        "auth can-i get pods {}",
        |line, value| matches!(&line.verb, Verb::CanI { resource, name, .. } if resource == "pods" && name.as_deref() == Some(value)),
    ),
];

/// Lines in which a value would decide what the line does.
const NEVER: &[&str] = &[
    "{} pods",
    "get {}",
    "get {}/a",
    "delete {} a",
    "rollout {} deploy/a",
    "get pods --{}",
    "get pods -{}",
    "get pods --{}=x",
    "get pods -A{}",
    "label pod a {}",
    "label pod a {}=x",
    "delete pods --all={}",
    "delete pod a --cascade={}",
    "patch pod a -p {} --type {}",
    "create {} a",
    "wait --for={} pod/a",
];

proptest! {
    #[test]
    fn a_value_goes_to_its_place_and_nowhere_else(at in 0..PLACES.len(), value in value()) {
        let (line, place) = PLACES[at];
        if let Ok(read) = parse(&words(line, Some(&value))) {
            prop_assert!(place(&read, &value), "{line} with {value:?}: {read:?}");
        }
    }

    #[test]
    fn a_value_never_decides_what_a_line_does(at in 0..NEVER.len(), value in value()) {
        let read = parse(&words(NEVER[at], Some(&value)));
        // An empty value leaves a word that is its head: still no flag and no verb.
        prop_assert!(read.is_err(), "{} with {value:?}: {read:?}", NEVER[at]);
    }

    #[test]
    fn no_words_panic(
        verb in 0..VERBS.len(),
        rest in prop::collection::vec((vocabulary(), ".{0,6}", any::<bool>(), any::<bool>()), 0..8),
    ) {
        let mut line = words(VERBS[verb].name, None);
        for (head, tail, open, fixed) in rest {
            let text = if fixed { head.clone() } else { format!("{head}{tail}") };
            line.push(Word { text: (fixed || !open).then_some(text), head, fixed, rest: Vec::new(), span: Span::default() });
        }
        if let Ok(read) = parse(&line) {
            class(&read);
        }
        mask(line.iter().map(|word| word.text.clone().unwrap_or_default()).collect());
    }
}

fn vocabulary() -> impl Strategy<Value = String> {
    let known =
        VERBS.iter().flat_map(|verb| verb.flags.iter().copied().flatten()).map(|flag| format!("--{}=", flag.name));
    let known: Vec<String> = known
        .chain(["-n", "--", "-it", "-f", "-l", "pod/", "a=", "a-", "=", ",", "é", "-é"].map(String::from))
        .collect();
    prop_oneof![prop::sample::select(known), ".{0,8}", "[-=/,a-z{}.']{0,10}"]
}

#[test]
fn what_could_never_be_is_told_before_values_are_known() {
    for line in NEVER {
        assert!(parse(&words(line, None)).is_err(), "{line}");
    }
    for (line, _) in PLACES {
        parse(&words(line, None)).unwrap_or_else(|problems| panic!("{line}: {problems:?}"));
        parse(&words(line, Some("x"))).unwrap_or_else(|problems| panic!("{line}: {problems:?}"));
    }
}

#[test]
fn names_stay_within_their_part_of_a_path() {
    for value in ["", ".", "..", "a/b", "a%2fb", "a b", "a,b", "../secrets", "a\nb", "a?x=y"] {
        for line in [
            "get pods {}",
            "get pods/{}",
            "delete pod {}",
            "get pods a -n {}",
            "drain {}",
            "exec {} -- ls",
            "create ns {}",
        ] {
            assert!(parse(&words(line, Some(value))).is_err(), "{line} with {value:?}");
        }
    }
    for line in ["delete pods -l {}", "delete pods --selector={}", "delete pods --field-selector {}"] {
        assert!(parse(&words(line, Some(" "))).is_err(), "{line}");
    }
}

/// A flag that a verb takes and nobody reads would be left out without a word.
#[test]
fn every_flag_that_is_taken_is_read() {
    let readers = [
        include_str!("change.rs"),
        include_str!("create/config.rs"),
        include_str!("create/mod.rs"),
        include_str!("create/rights.rs"),
        include_str!("create/service.rs"),
        include_str!("create/workload.rs"),
        include_str!("delete.rs"),
        include_str!("look.rs"),
        include_str!("nodes.rs"),
        include_str!("objects.rs"),
        include_str!("pairs.rs"),
        include_str!("patch.rs"),
        include_str!("reader.rs"),
        include_str!("../../line/reader.rs"),
        include_str!("rollout.rs"),
        include_str!("set.rs"),
        include_str!("verbs.rs"),
    ];
    let own = readers.iter().map(|text| text.split("const OWN").next().unwrap_or(text)).collect::<String>();
    let rest = readers[2].split("type Make").nth(1).unwrap_or_default();
    let flags = VERBS.iter().flat_map(|verb| verb.flags.iter().copied().flatten()).chain(super::flags::GLOBAL);
    for flag in flags.filter(|flag| flag.meaning == Meaning::Read) {
        let name = format!("\"{}\"", flag.name);
        assert!(own.contains(&name) || rest.contains(&name), "--{}", flag.name);
    }
}
