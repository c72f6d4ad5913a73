//! What a playbook expects to meet at an address: held against who answers, before anything else.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use schemars::JsonSchema;
use serde::Deserialize;

use super::reply::info_fields;
use super::server::{Server, parse_version};
use super::value::Reply;

/// The keys of `expect:`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// `master` or `replica`.
    #[serde(default)]
    pub(super) role: Option<String>,
    /// The run id of the very process.
    #[serde(default)]
    pub(super) run_id: Option<String>,
    /// A version, such as `7.0.15`, `7` or `>=7.0`.
    #[serde(default)]
    pub(super) version: Option<String>,
    /// How many replicas are connected, such as `2` or `>=1`.
    #[serde(default)]
    pub(super) replicas: Option<String>,
}

impl Expect {
    /// What in it makes no sense.
    pub(super) fn problem(&self) -> Option<String> {
        if let Some(role) = self.role.as_deref().filter(|role| normal_role(role).is_none()) {
            return Some(format!("`{role}` is not a role; write master or replica"));
        }
        let version = self.version.as_deref().filter(|text| parse_version(split(text).1).is_none());
        let replicas = self.replicas.as_deref().filter(|text| split(text).1.parse::<u32>().is_err());
        let wrong = version.or(replicas)?;
        Some(format!("`{wrong}` is not a number with an optional >=, >, <=, < or = before it"))
    }

    /// Holds it against the replies of INFO server and INFO replication.
    pub(super) fn check(&self, server: &Server, replication: &Reply, address: &str) -> Result<(), Fault> {
        let fields = info_fields(replication.text().unwrap_or_default());
        let role = fields.get("role").and_then(|role| normal_role(role)).unwrap_or("unknown");
        let replicas = fields.get("connected_slaves").map_or("unknown", String::as_str);
        let run_id = server.run_id.as_deref().unwrap_or("unknown");
        let mut wrong = Vec::new();
        let mut differs =
            |what: &str, expected: &str, found: &str| wrong.push(format!("{what} is {found}, not {expected}"));
        if let Some(expected) = self.role.as_deref().filter(|expected| normal_role(expected) != Some(role)) {
            differs("role", expected, role);
        }
        if let Some(expected) = self.run_id.as_deref().filter(|expected| *expected != run_id) {
            differs("run_id", expected, run_id);
        }
        if let Some(expected) = self.version.as_deref().filter(|expected| !version_fits(expected, server.number())) {
            differs("version", expected, server.number());
        }
        if let Some(expected) = self.replicas.as_deref().filter(|expected| !number_fits(expected, replicas)) {
            differs("replicas", expected, replicas);
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Fault::new(FaultKind::WrongTarget, Code::WrongTarget, format!("{address}: {}", wrong.join("; ")))
            .help("point the target at the server that is meant, or change expect:; nothing was sent to this one"))
    }
}

fn normal_role(role: &str) -> Option<&'static str> {
    match role.to_ascii_lowercase().as_str() {
        "master" | "primary" => Some("master"),
        "slave" | "replica" => Some("replica"),
        _ => None,
    }
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let operator = [">=", "<=", "==", ">", "<", "="].into_iter().find(|operator| text.starts_with(operator));
    operator.map_or(("", text), |operator| (operator, text[operator.len()..].trim()))
}

fn holds(operator: &str, order: std::cmp::Ordering) -> bool {
    match operator {
        ">=" => order.is_ge(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        "<" => order.is_lt(),
        _ => order.is_eq(),
    }
}

fn version_fits(expected: &str, found: &str) -> bool {
    let (operator, wanted) = split(expected);
    if operator.is_empty() || operator == "=" || operator == "==" {
        return found == wanted || found.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'));
    }
    match (parse_version(found), parse_version(wanted)) {
        (Some(found), Some(wanted)) => holds(operator, found.cmp(&wanted)),
        _ => false,
    }
}

fn number_fits(expected: &str, found: &str) -> bool {
    let (operator, wanted) = split(expected);
    match (found.parse::<u32>(), wanted.parse::<u32>()) {
        (Ok(found), Ok(wanted)) => holds(operator, found.cmp(&wanted)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_numbers_fit_as_people_mean_them() {
        assert!(version_fits("7", "7.0.15") && version_fits("7.0", "7.0.15") && version_fits(">=6.2", "7.0.15"));
        assert!(!version_fits("7.1", "7.0.15") && !version_fits("7.0.1", "7.0.15") && !version_fits("<7", "7.0.15"));
        assert!(
            number_fits(">=1", "1") && number_fits("0", "0") && !number_fits(">1", "1") && !number_fits("1", "unknown")
        );
    }
}
