use super::*;
use proptest::prelude::*;

fn secrets() -> Secrets {
    let secrets = Secrets::new();
    secrets.add("key", "Tr0ub4dor&3 \"x\"");
    secrets.add("pw", "hunter2");
    secrets
}

#[test]
fn every_form_is_found() {
    let value = "Tr0ub4dor&3 \"x\"";
    use base64::Engine as _;
    let b64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    for text in [
        value.to_owned(),
        serde_json::to_string(value).unwrap(),
        "Tr0ub4dor%263%20%22x%22".into(),
        "Tr0ub4dor%263+%22x%22".into(),
        b64(value),
        b64(&format!("u:{value}")),
        b64(&format!("usr:{value}:tail")),
    ] {
        let shown = secrets().text(&format!("before {text} after")).into_owned();
        assert!(shown.contains("[secret:key]"), "{text} → {shown}");
        assert!(!shown.contains("Tr0ub4dor"), "{shown}");
    }
}

#[test]
fn values_are_redacted_in_keys_and_texts_and_results_are_marked() {
    let mut value = serde_json::json!({"a": ["x hunter2 y"], "hunter2": 1});
    assert_eq!(secrets().value(&mut value), 2);
    assert_eq!(value, serde_json::json!({"a": ["x [secret:pw] y"], "[secret:pw]": 1}));
    let mut result = serde_json::json!({"requirepass": "hunter2"});
    secrets().result(&mut result);
    assert_eq!(result, serde_json::json!({"requirepass": {"$secret": "pw"}}));
}

#[test]
fn what_is_spliced_out_comes_back() {
    let original = serde_json::json!({"key": "pre hunter2 mid hunter2", "n": [1, "plain"], "m": {"hunter2": 1}});
    let mut value = original.clone();
    secrets().splice(&mut value);
    assert!(!value.to_string().contains("hunter2"));
    assert_eq!(Secrets::new().unsplice(&mut value.clone()), Err("pw".to_owned()));
    secrets().unsplice(&mut value).unwrap();
    assert_eq!(value, original);
}

#[test]
fn every_form_and_what_compression_leaves_can_be_cut_out_and_made_again() {
    let secrets = Secrets::new();
    let value = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
    secrets.add("token", value);
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("user:{value}"));
    let left = &value[..20];
    for text in [format!("Basic {basic}"), format!("\u{1}{left}\u{2}rest"), format!("{value}{left}")] {
        let mut spliced = Value::from(text.as_str());
        secrets.splice(&mut spliced);
        let shown = spliced.to_string();
        assert!(!shown.contains("4eC39HqL") && !shown.contains(&basic[12..30]), "{shown}");
        secrets.unsplice(&mut spliced).unwrap();
        assert_eq!(spliced, Value::from(text));
    }
}

#[test]
fn a_short_secret_is_replaced_where_it_stands_alone_and_nothing_is_replaced_twice() {
    let secrets = Secrets::new();
    secrets.add("pin", "a");
    secrets.add("word", "secret");
    assert_eq!(secrets.text("a cat has a=a"), "[secret:pin] cat has [secret:pin]=[secret:pin]");
    let once = secrets.text("my secret").into_owned();
    assert_eq!(once, "my [secret:word]");
    assert_eq!(secrets.text(&once), once);
    assert_eq!(secrets.text("[secret:no such] secret"), "[[secret:word]:no such] [secret:word]");
}

proptest! {
    #[test]
    fn no_cut_of_a_stream_lets_a_secret_through(cuts in proptest::collection::vec(0usize..60, 0..8)) {
        let text = b"one hunter2 two Tr0ub4dor&3 \"x\" three hunter2hunter2 end";
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let mut stream = secrets().stream();
        let mut out = Vec::new();
        for pair in cuts.windows(2) {
            out.extend(stream.push(&text[pair[0]..pair[1]]));
        }
        out.extend(stream.finish());
        prop_assert_eq!(
            String::from_utf8(out).unwrap(),
            "one [secret:pw] two [secret:key] three [secret:pw][secret:pw] end"
        );
    }
}
