//! No file means two things: our tree and serde_yaml's are the same.

use playbook_core::source::Sources;
use playbook_core::syntax::de::{Resolved, resolve};
use playbook_core::syntax::tree::{Node, Value, parse};

fn ours(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Scalar { text, plain: false } => serde_json::Value::from(&**text),
        Value::Scalar { text, plain: true } => match resolve(text) {
            Resolved::Bool(value) => value.into(),
            Resolved::Int(value) => value.into(),
            Resolved::Float(value) => value.into(),
            Resolved::Text(text) | Resolved::Ambiguous(text) => text.into(),
        },
        Value::Seq(items) => items.iter().map(ours).collect(),
        Value::Map(entries) => entries.iter().map(|entry| (entry.key.value.clone(), ours(&entry.value))).collect(),
    }
}

fn theirs(value: serde_yaml::Value) -> serde_json::Value {
    match value {
        serde_yaml::Value::Mapping(mut map) => {
            if let Some(serde_yaml::Value::Mapping(merged)) = map.remove("<<") {
                for (key, value) in merged {
                    map.entry(key).or_insert(value);
                }
            }
            map.into_iter()
                .map(|(key, value)| (key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned), theirs(value)))
                .collect()
        }
        serde_yaml::Value::Sequence(items) => items.into_iter().map(theirs).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

#[test]
fn every_shipped_playbook_and_fixture_is_the_same_tree_to_both_readers() {
    let mut count = 0;
    for dir in ["playbooks", "tests/fixtures/playbooks", "tests/fixtures/yaml"] {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let mut sources = Sources::new();
            let file = sources.add("f", text.clone());
            let (node, found) = parse(file, sources.get(file).unwrap());
            assert!(!found.has_errors(), "{}", entry.path().display());
            let other: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
            assert_eq!(ours(&node.unwrap()), theirs(other), "{}", entry.path().display());
            count += 1;
        }
    }
    assert!(count >= 3);
}
