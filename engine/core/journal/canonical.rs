//! RFC 8785 canonical JSON, for the part of JSON that journals use: no floats, integers within
//! ±(2^53−1).

use serde_json::{Map, Value};

/// Why a value has no canonical form here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not canonical: {0}")]
pub struct NotCanonical(pub String);

const MAX: u64 = (1 << 53) - 1;

/// Writes a value in canonical form.
///
/// # Errors
/// For floats and integers beyond ±(2^53−1); [`super::encode`] removes both.
pub fn canonical(value: &Value) -> Result<String, NotCanonical> {
    let mut out = String::with_capacity(256);
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), NotCanonical> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            let fits =
                number.as_u64().is_some_and(|n| n <= MAX) || number.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX);
            if !fits {
                return Err(NotCanonical(format!("the number {number}")));
            }
            out.push_str(&number.to_string());
        }
        Value::String(text) => string(text, out)?,
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(map) => object(map, out)?,
    }
    Ok(())
}

fn object(map: &Map<String, Value>, out: &mut String) -> Result<(), NotCanonical> {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    // RFC 8785 sorts by UTF-16 code units; for ASCII that is byte order.
    if entries.iter().all(|(key, _)| key.is_ascii()) {
        entries.sort_unstable_by(|a, b| a.0.cmp(b.0));
    } else {
        entries.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
    }
    out.push('{');
    for (at, (key, value)) in entries.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        string(key, out)?;
        out.push(':');
        write(value, out)?;
    }
    out.push('}');
    Ok(())
}

/// serde_json escapes as RFC 8785 demands: the short forms, else lower-case `\u00xx`, and nothing
/// above U+001F.
fn string(text: &str, out: &mut String) -> Result<(), NotCanonical> {
    out.push_str(&serde_json::to_string(text).map_err(|error| NotCanonical(error.to_string()))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_examples_of_the_rfc() {
        let value = json!({"\u{20ac}": "Euro", "\r": "CR", "\u{fb33}": "Hebrew", "1": "One", "\u{1f600}": "Smile", "\u{80}": "Control", "\u{f6}": "o"});
        assert_eq!(
            canonical(&value).unwrap(),
            "{\"\\r\":\"CR\",\"1\":\"One\",\"\u{80}\":\"Control\",\"\u{f6}\":\"o\",\"\u{20ac}\":\"Euro\",\"\u{1f600}\":\"Smile\",\"\u{fb33}\":\"Hebrew\"}"
        );
        assert_eq!(canonical(&json!("\u{f}\n\"\\\u{7f}/")).unwrap(), "\"\\u000f\\n\\\"\\\\\u{7f}/\"");
        assert!(canonical(&json!(0.5)).is_err());
        assert!(canonical(&json!(1_u64 << 53)).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((".*", inner), 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_that_is_encoded_is_canonical_and_comes_back(value in any_json()) {
            let text = canonical(&super::super::encode(value.clone())).unwrap();
            let parsed: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(canonical(&parsed).unwrap(), text);
            prop_assert_eq!(super::super::decode(parsed), value);
        }
    }
}
