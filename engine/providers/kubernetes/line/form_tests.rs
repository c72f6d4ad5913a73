//! The three forms of a step say the same, and values stay in their places.

use playbook_core::diagnostic::Diagnostics;
use playbook_core::expr::Scope;
use playbook_core::source::Sources;
use playbook_core::syntax::tree;
use proptest::prelude::*;
use serde_json::json;

use super::form::Form;
use super::model::{Line, Patch, Verb};
use super::verbs::parse;

fn form(yaml: &str) -> (Option<Form>, Diagnostics) {
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", yaml);
    let (node, mut found) = tree::parse(file, sources.get(file).expect("the source"));
    let node = node.unwrap_or_else(|| panic!("{yaml}: {found:?}"));
    let form = Form::read(node.get("kubectl").expect("the key"), &mut found);
    (form, found)
}

fn line(yaml: &str) -> Result<Line, String> {
    let (form, mut found) = form(yaml);
    let line = form.and_then(|form| form.check(&mut found));
    let told = || found.iter().map(|d| format!("{}; {}", d.message, d.help.join(" "))).collect::<Vec<_>>().join("\n");
    line.ok_or_else(told)
}

fn filled(yaml: &str, inputs: &serde_json::Value) -> Line {
    let (form, _) = form(yaml);
    let mut scope = Scope::new();
    scope.set("inputs", inputs);
    let filled = form.expect("a form").fill(&scope).expect("values");
    parse(&filled.words).expect("a line")
}

#[test]
fn a_line_a_list_and_a_mapping_say_the_same() {
    for (line_form, others) in [
        (
            "kubectl: get pods -n dash -l app=x",
            vec![
                "kubectl: [get, pods, -n, dash, -l, app=x]",
                "kubectl: {get: pods, namespace: dash, selector: app=x}",
                "kubectl:\n  get: [pods]\n  selector: app=x\n  namespace: dash",
                "kubectl: |\n  kubectl get pods \\\n    -n dash \\\n    -l app=x",
                "kubectl: |\n  get pods \\\n  -n dash -l app=x",
            ],
        ),
        ("kubectl: rollout restart deploy/a", vec!["kubectl: {rollout restart: deploy/a}"]),
        ("kubectl: delete pods --all --force", vec!["kubectl: {delete: pods, all: true, force: }"]),
        ("kubectl: scale deploy/a --replicas=3", vec!["kubectl: {scale: deploy/a, replicas: 3}"]),
        (
            "kubectl: exec a -c b -- redis-cli SET k 'a b'",
            vec![
                "kubectl: {exec: a, command: [redis-cli, SET, k, a b], container: b}",
                "kubectl: {exec: a, container: b, command: \"redis-cli SET k 'a b'\"}",
            ],
        ),
        (
            "kubectl: create cm a --from-literal=k=v --from-literal=l=w",
            vec!["kubectl: {create: configmap a, from-literal: [k=v, l=w]}"],
        ),
        (
            "kubectl: patch sts/redis -n dash --type merge -p '{\"spec\":{\"replicas\":3,\"x\":[true,\"1\",null]}}'",
            vec![
                "kubectl:\n  patch: sts/redis\n  namespace: dash\n  type: merge\n  body:\n    spec: {replicas: 3, x: [true, '1', ~]}",
            ],
        ),
        ("kubectl: version", vec!["kubectl: {version: }", "kubectl: [version]"]),
    ] {
        let wanted = line(line_form).unwrap_or_else(|told| panic!("{line_form}: {told}"));
        for other in others {
            assert_eq!(line(other).as_ref(), Ok(&wanted), "{other}");
        }
    }
}

#[test]
fn slips_in_a_mapping_are_told() {
    for (yaml, told) in [
        ("kubectl: {gte: pods}", "kubectl has no verb `gte`; did you mean `get`?"),
        ("kubectl: {get: pods, namespac: dash}", "there is no flag --namespac here; did you mean `--namespace`?"),
        ("kubectl: {get: pods, all_namespaces: true}", "`all_namespaces` is no flag of kubectl"),
        ("kubectl: {get: pods, --namespace: a}", "`--namespace` is no flag of kubectl"),
        ("kubectl: {get: pods, body: {a: 1}}", "there is no flag --patch here"),
        ("kubectl: {patch: {spec: {}}}", "expected a line or a list of words, found a mapping"),
        ("kubectl: {get: pods, selector: {app: x}}", "expected a text for selector, found a mapping"),
        ("kubectl: {}", "an empty command"),
        ("kubectl: ", "expected a command, found nothing"),
        ("kubectl: {get: pods, '{{ inputs.x }}': a}", "is no flag of kubectl"),
    ] {
        let found = line(yaml).expect_err(yaml);
        assert!(found.contains(told), "{yaml}: {found}");
    }
}

#[test]
fn places_are_those_of_single_words_and_slips_come_with_an_edit() {
    let yaml = "kubectl: rollout restrat deploy/a";
    let (form, mut found) = form(yaml);
    assert_eq!(form.expect("a form").check(&mut found), None);
    let problem = found.iter().next().expect("a problem");
    assert_eq!(&yaml[problem.primary.span.start as usize..problem.primary.span.end as usize], "restrat");
    assert_eq!(problem.edit.as_ref().map(|edit| edit.replacement.as_str()), Some("restart"));
}

#[test]
fn a_body_waits_for_its_values_and_keeps_their_types() {
    let yaml = "kubectl: {patch: deploy/a, body: {spec: {replicas: '{{ inputs.n }}', x: 'a-{{ inputs.t }}'}}}";
    assert!(matches!(line(yaml), Ok(Line { verb: Verb::Patch { patch: Patch::Open, .. }, .. })));
    let (form, _) = form(yaml);
    let uses: usize = form.expect("a form").templates().iter().map(|template| template.uses().len()).sum();
    assert_eq!(uses, 2);
    let Verb::Patch { patch, .. } = filled(yaml, &json!({"n": 3, "t": "b"})).verb else { panic!("a patch") };
    assert_eq!(patch, Patch::Known(json!({"spec": {"replicas": 3, "x": "a-b"}})));
}

#[test]
fn a_secret_input_is_named_in_its_place() {
    let (form, _) = form("kubectl: create secret generic a --from-literal=k={{ inputs.s }}");
    let mut scope = Scope::new();
    scope.set("inputs", json!({"s": "hunter2"}));
    scope.secret_inputs(["s".to_owned()]);
    let filled = form.expect("a form").fill(&scope).expect("values");
    assert!(!super::mask(filled.named()).join(" ").contains("hunter2"), "{:?}", super::mask(filled.named()));
}

#[test]
fn passwords_in_the_open_are_warned_of() {
    for (yaml, warned) in [
        ("kubectl: create secret generic a --from-literal=k=hunter2", 1),
        ("kubectl: create secret generic a --from-literal=k={{ inputs.s }}", 0),
        ("kubectl: exec a -- redis-cli -a hunter2 PING", 1),
        ("kubectl: set env deploy/a DB_PASSWORD=hunter2 PORT=1", 1),
        ("kubectl: {patch: secret/a, body: {data: {a: '{{ inputs.s }}'}}}", 0),
        ("kubectl: get secret a", 0),
    ] {
        let (form, mut found) = form(yaml);
        form.expect("a form").lint(&mut found);
        assert_eq!(found.iter().count(), warned, "{yaml}");
    }
}

proptest! {
    #[test]
    fn a_value_in_a_body_stays_where_it_is(value in ".{0,20}") {
        let yaml = "kubectl: {patch: deploy/a, body: {a: '{{ inputs.v }}', b: {c: 'x{{ inputs.v }}'}}}";
        let Verb::Patch { patch, .. } = filled(yaml, &json!({"v": value})).verb else { panic!("a patch") };
        prop_assert_eq!(patch, Patch::Known(json!({"a": value, "b": {"c": format!("x{value}")}})));
    }

    #[test]
    fn a_value_in_a_line_is_one_word(value in "[ -~]{1,12}") {
        let yaml = "kubectl: exec redis-0 -- redis-cli SET k {{ inputs.v }} 'a {{ inputs.v }}'";
        let Verb::Exec(exec) = filled(yaml, &json!({"v": value})).verb else { panic!("an exec") };
        prop_assert_eq!(exec.command, vec!["redis-cli".to_owned(), "SET".into(), "k".into(), value.clone(), format!("a {value}")]);
    }
}
