//! Kubeconfigs: several files, contexts that are not there, and what cannot be read.

use super::{MAKE, admin, said};

#[test]
fn several_kubeconfigs_are_one_in_which_the_first_word_counts() {
    let Some(scene) = admin() else { return };
    let user = format!("token: {}", scene.user.token);
    let whole = scene.text(&scene.config(&user));
    let first = "current-context: ''\nusers: [{name: someone, user: {tokenFile: tokens/mine}}]\n";
    scene.desk.file("one/tokens/mine", &scene.user.token);
    let first = scene.desk.file("one/config", first);
    let second = scene.desk.file("two/config", &whole.replace(&scene.user.token, "canary-4711"));
    let list = format!("{first}:{}::{second}", scene.here("not-there"));
    let file = scene.playbook("{kubernetes: {}}", MAKE);
    scene.run_with(&["run", &file], &[("KUBECONFIG", &list)]).expect(0);
    assert!(scene.is_made() && scene.has_asked());
}

#[test]
fn a_context_that_is_not_there_is_told_with_those_that_are() {
    let Some(scene) = admin() else { return };
    let user = format!("token: {}", scene.user.token);
    scene.with(&scene.config(&user), MAKE);
    let target = format!("{{kubernetes: {{kubeconfig: '{}', context: hree}}}}", scene.here("kubeconfig"));
    let done = scene.run(&["run", &scene.playbook(&target, MAKE)]);
    let all = said(&done);
    assert!(done.code() != 0 && all.contains("there is no context `hree`"), "{all}");
    assert!(all.contains("did you mean `here`? there are: here"), "{all}");
    assert!(!scene.has_asked());
}

#[test]
fn a_kubeconfig_that_cannot_be_read_is_told_by_its_place_and_not_quoted() {
    let Some(scene) = admin() else { return };
    for (text, place) in [
        ("apiVersion: v1\nusers:\n- name: someone\n  user: {token: canary-4711\n", ""),
        ("apiVersion: v1\nusers:\n- name: someone\n  user: canary-4711\n", ":4:9"),
        ("apiVersion: v1\nusers: [{name: a, user: {token: \"canary-4711\n", ""),
    ] {
        let config = scene.desk.file("broken", text);
        let target = format!("{{kubernetes: {{kubeconfig: '{config}'}}}}");
        let done = scene.run(&["run", &scene.playbook(&target, MAKE)]);
        let all = said(&done);
        assert!(done.code() != 0 && all.contains(&format!("{config}{place}")), "{place}: {all}");
        assert!(all.contains("is not the YAML of a kubeconfig"), "{all}");
        scene.assert_nowhere("canary-4711", &[&done]);
    }
}

#[test]
fn a_kubeconfig_that_is_named_and_not_there_is_told() {
    let Some(scene) = admin() else { return };
    let target = format!("{{kubernetes: {{kubeconfig: '{}'}}}}", scene.here("not-there"));
    let done = scene.run_with(&["run", &scene.playbook(&target, MAKE)], &[]);
    let all = said(&done);
    assert!(done.code() != 0 && all.contains("not-there cannot be read"), "{all}");
}
