//! Random manifests, random lines, rollback: everything is as it was, but for what the server owns.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use super::cluster::Role;
use super::lines::Scene;

/// A text that breaks what is put together without care.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        Just(String::new()),
        Just("1.5".to_owned()),
        Just("it's \"x\" {{ y }}: [z] #\n\t".to_owned().replace("{{ y }}", "$(y)")),
        Just("ü→日本".to_owned()),
    ]
}

/// A name of a label or annotation.
fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,6}", Just("app.example.com/a".to_owned()), Just("b.c".to_owned())]
}

fn labels() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map(key(), "[a-z0-9]{0,5}", 0..3).prop_map(|map| json!(map))
}

fn texts() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map(key(), text(), 0..3).prop_map(|map| json!(map))
}

/// Data of a config map.
fn data() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-z]{1,6}(\\.[a-z])?", text(), 0..3).prop_map(|map| json!(map))
}

fn env() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[A-Z]{1,3}", text(), 0..3).prop_map(|map| {
        let item = |(name, value): (String, String)| {
            if value.is_empty() { json!({"name": name}) } else { json!({"name": name, "value": value}) }
        };
        map.into_iter().map(item).collect()
    })
}

fn container(name: &'static str) -> impl Strategy<Value = Value> {
    let ports = prop_oneof![
        Just(json!([])),
        Just(json!([{"containerPort": 80, "protocol": "TCP"}])),
        Just(json!([{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 81, "protocol": "TCP", "name": "b"}]))
    ];
    let args = proptest::collection::vec(text().prop_filter("args hold something", |text| !text.is_empty()), 0..3);
    (env(), ports, args, "[a-z]{1,4}:[0-9]").prop_map(move |(env, ports, args, image)| {
        json!({"name": name, "image": image, "env": env, "ports": ports, "args": args})
    })
}

/// A deployment without pods, so that nobody else writes to it.
fn deployment() -> impl Strategy<Value = Value> {
    let extra = prop_oneof![
        Just(json!({})),
        Just(json!({"minReadySeconds": 3})),
        Just(json!({"strategy": {"type": "Recreate"}})),
        Just(json!({"revisionHistoryLimit": 2, "progressDeadlineSeconds": 60}))
    ];
    let pod = prop_oneof![
        Just(json!({})),
        Just(json!({"nodeSelector": {"disk": "ssd"}})),
        Just(json!({"volumes": [{"name": "v", "emptyDir": {}}]})),
        Just(json!({"tolerations": [{"key": "a", "operator": "Exists"}], "terminationGracePeriodSeconds": 5}))
    ];
    (labels(), texts(), container("app"), proptest::option::of(container("side")), extra, pod).prop_map(
        |(labels, notes, app, side, extra, pod)| {
            let containers: Vec<Value> = std::iter::once(app).chain(side).collect();
            let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "web", "labels": labels, "annotations": notes},
                "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}},
                    "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}}});
            merge(&mut object["spec"], &extra);
            merge(&mut object["spec"]["template"]["spec"], &pod);
            object
        },
    )
}

fn config() -> impl Strategy<Value = Value> {
    (data(), labels()).prop_map(|(data, labels)| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf", "labels": labels}, "data": data})
    })
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().unwrap() {
        into[key] = value.clone();
    }
}

/// A line, and the file that it names.
fn line() -> impl Strategy<Value = (Value, Option<Value>)> {
    let plain = |words: Vec<String>| (json!(words), None);
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    prop_oneof![
        2 => deployment().prop_map(|object| (json!("apply -f {}"), Some(object))),
        1 => deployment().prop_map(|object| (json!("apply -f {} --server-side --force-conflicts"), Some(object))),
        1 => config().prop_map(|object| (json!("apply -f {}"), Some(object))),
        1 => config().prop_map(|mut object| { object["metadata"]["name"] = json!("made"); (json!("create -f {}"), Some(object)) }),
        1 => (labels(), texts()).prop_map(|(labels, notes)| {
            let body = json!({"metadata": {"labels": labels, "annotations": notes}, "spec": {"minReadySeconds": null, "paused": true}});
            (json!({"patch": "deploy/web", "type": "merge", "body": body}), None)
        }),
        1 => (container("app"), container("third")).prop_map(|(app, third)| {
            let body = json!({"spec": {"template": {"spec": {"containers": [app, third]}}}});
            (json!({"patch": "deploy/web", "type": "strategic", "body": body}), None)
        }),
        1 => data().prop_map(|data| (json!({"patch": "cm/conf", "type": "json", "body": [{"op": "add", "path": "/data", "value": data}]}), None)),
        1 => Just(plain(words("set image deploy/web *=other:1"))),
        1 => (text(), "[A-Z]{1,3}").prop_map(move |(value, name)| plain(vec!["set".into(), "env".into(), "deploy/web".into(), format!("{name}={value}"), "NOSUCH-".into()])),
        1 => Just(plain(words("set resources deploy/web --limits=memory=64Mi,cpu=1500m --requests=cpu=0.5"))),
        1 => (key(), "[a-z]{1,4}").prop_map(move |(key, value)| plain(vec!["label".into(), "deploy/web".into(), "cm/conf".into(), format!("{key}={value}"), "--overwrite".into()])),
        1 => (key(), text()).prop_map(move |(key, value)| plain(vec!["annotate".into(), "deploy/web".into(), format!("{key}={value}"), "no.such-".into(), "--overwrite".into()])),
        1 => Just(plain(words("autoscale deploy/web --max=3"))),
        1 => Just(plain(words("rollout pause deploy/web"))),
        1 => Just(plain(words("delete deploy web"))),
        1 => Just(plain(words("delete cm/conf"))),
        1 => Just(plain(words("create configmap made --from-literal=x=1"))),
        1 => Just(plain(words("scale deploy/web --replicas=0"))),
    ]
}

#[test]
fn after_random_lines_a_rollback_leaves_everything_as_it_was() {
    if Scene::new(Role::Admin).is_none() {
        return;
    }
    let mut runner =
        TestRunner::new(Config { cases: 24, max_shrink_iters: 60, failure_persistence: None, ..Config::default() });
    let lines = proptest::collection::vec(line(), 1..6);
    runner.run(&(deployment(), config(), lines), |(web, conf, lines)| taken_back(&web, &conf, &lines)).unwrap();
}

fn taken_back(web: &Value, conf: &Value, lines: &[(Value, Option<Value>)]) -> Result<(), TestCaseError> {
    let scene = Scene::empty(Role::Admin).unwrap();
    scene.cluster.apply(&scene.namespace, &web.to_string());
    scene.cluster.apply(&scene.namespace, &conf.to_string());
    let mut steps = String::new();
    for (at, (line, file)) in lines.iter().enumerate() {
        let name = format!("m{at}.yaml");
        if let Some(object) = file {
            scene.desk.file(&name, &object.to_string());
        }
        let line = match line {
            Value::String(line) => json!(line.replace("{}", &name)),
            other => other.clone(),
        };
        let step = json!({"id": format!("s{at}"), "kubectl": line, "confirm": "Sure?", "on_failure": "continue"});
        steps += &format!("  - {step}\n");
    }
    let before = scene.everything();
    let file = scene.file(&steps);
    let ran = scene.run(&["run", &file, "--yes"]);
    prop_assert!([0, 1].contains(&ran.code()), "{}{}", ran.out(), ran.err());
    let back = scene.run(&["rollback", "last", "--yes"]);
    let after = scene.everything();
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let shown = |all: &std::collections::BTreeMap<String, Value>, name: &String| all.get(name).map(Value::to_string);
    for name in names {
        let (was, is) = (shown(&before, name), shown(&after, name));
        prop_assert!(
            before.get(name) == after.get(name),
            "{steps}\n{}\n{}\nbefore {was:?}\nafter {is:?}",
            ran.out(),
            back.out()
        );
    }
    prop_assert!([0, 2].contains(&back.code()), "{}{}", back.out(), back.err());
    Ok(())
}
