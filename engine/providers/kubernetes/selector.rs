//! Label selectors of objects (`matchLabels`, `matchExpressions`), matched here. Semantics: the API's
//! LabelSelector; an empty one matches everything, none at all matches nothing.

use serde_json::Value;

/// Do these labels fit?
pub(super) fn matches(selector: Option<&Value>, labels: &Value) -> bool {
    let Some(selector) = selector.filter(|selector| selector.is_object()) else { return false };
    let exact = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let mut exact = exact.into_iter();
    let rules = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    exact.all(|(name, value)| labels.get(name) == Some(value)) && rules.into_iter().all(|rule| holds(rule, labels))
}

fn holds(rule: &Value, labels: &Value) -> bool {
    let key = rule.get("key").and_then(Value::as_str).unwrap_or_default();
    let value = labels.get(key);
    let listed =
        rule.get("values").and_then(Value::as_array).is_some_and(|values| value.is_some_and(|v| values.contains(v)));
    match rule.get("operator").and_then(Value::as_str) {
        Some("In") => listed,
        Some("NotIn") => !listed,
        Some("Exists") => value.is_some(),
        Some("DoesNotExist") => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_selector_fits_labels_as_the_api_says() {
        let labels = json!({"app": "web", "tier": "front"});
        let fits = |selector: Value| matches(Some(&selector), &labels);
        assert!(fits(json!({})) && !matches(None, &labels));
        assert!(fits(json!({"matchLabels": {"app": "web"}})) && !fits(json!({"matchLabels": {"app": "api"}})));
        let rule = |key: &str, operator: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        assert!(fits(rule("app", "In", json!(["web", "api"]))) && !fits(rule("app", "NotIn", json!(["web"]))));
        assert!(fits(rule("other", "NotIn", json!(["web"]))) && fits(rule("tier", "Exists", Value::Null)));
        assert!(fits(rule("other", "DoesNotExist", Value::Null)) && !fits(rule("app", "Near", Value::Null)));
    }
}
