//! What a playbook expects to meet at an engine's address.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::Deserialize;

/// What a playbook expects to meet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// The engine's id: `ID` of docker info.
    #[serde(default)]
    pub(super) engine: Option<String>,
    /// The name of its machine: `Name` of docker info.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Its version: `20.10` (and what begins with it), `>=20.10`, `<27`.
    #[serde(default)]
    pub(super) version: Option<String>,
}

impl Expect {
    /// Says what differs.
    pub(super) fn check(&self, facts: &[(String, String)]) -> Result<(), String> {
        let fact = |name: &str| facts.iter().find(|(known, _)| known == name).map_or("not known", |(_, fact)| fact);
        let differs =
            |what: &str, expected: &str| Err(format!("the {what} is {}, and {expected} is expected", fact(what)));
        for (what, expected) in [("engine", &self.engine), ("name", &self.name)] {
            if let Some(expected) = expected.as_deref().filter(|expected| *expected != fact(what)) {
                return differs(what, expected);
            }
        }
        match self.version.as_deref().filter(|expected| !fits(expected, fact("version"))) {
            Some(expected) => differs("version", expected),
            None => Ok(()),
        }
    }

    /// What is wrong with it before an engine is asked.
    pub(super) fn wrong(&self) -> Option<String> {
        let version = self.version.as_deref()?;
        let (_, wanted) = split(version);
        numbers(wanted).is_none().then(|| format!("`{version}` is no version"))
    }
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let operator = [">=", "<=", "==", ">", "<", "="].into_iter().find(|operator| text.starts_with(operator));
    operator.map_or(("", text), |operator| (operator, text[operator.len()..].trim()))
}

/// `20.10.24`; what follows the numbers (`+dfsg1`, `-ce`) does not count.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].split('.').map(|number| number.parse().ok()).collect()
}

fn fits(expected: &str, found: &str) -> bool {
    let (operator, wanted) = split(expected);
    let (Some(found), Some(wanted)) = (numbers(found), numbers(wanted)) else { return false };
    // As far as the author wrote it: 20.10.24 is not later than 20.10.
    let short = &found[..found.len().min(wanted.len())];
    let order = short.cmp(wanted.as_slice());
    match operator {
        ">=" => order != Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        "<" => order == Ordering::Less,
        _ => order == Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for (expected, fitting) in [
            (">=20.10", true),
            ("20.10", true),
            ("20.10.24", true),
            ("20.10.2", false),
            (">=9.1", true),
            ("<27", true),
            (">20.10", false),
            ("<= 20.10", true),
            ("20.11", false),
            (">=x", false),
        ] {
            assert_eq!(fits(expected, "20.10.24+dfsg1"), fitting, "{expected}");
        }
        let wrong = |version: &str| Expect { version: Some(version.into()), ..Expect::default() }.wrong();
        assert_eq!((wrong(">=20.10"), wrong("new").is_some()), (None, true));
    }
}
