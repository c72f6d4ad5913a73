//! `--health-cmd` and what belongs to it.

use serde_json::{Map, Value, json};

use crate::docker::line::amounts::{nanoseconds, whole};
use crate::docker::line::pairs::put;
use crate::line::problem::Problem;
use crate::line::reader::Reader;

const TIMES: [(&str, &str); 4] = [
    ("health-interval", "Interval"),
    ("health-timeout", "Timeout"),
    ("health-start-period", "StartPeriod"),
    ("health-start-interval", "StartInterval"),
];

/// The health check; none if nothing is said of it.
pub(super) fn check(reader: &Reader) -> Result<Option<Value>, Problem> {
    let mut check = Map::new();
    put(&mut check, "Test", reader.text("health-cmd").map(|command| json!(["CMD-SHELL", command])));
    for (flag, key) in TIMES {
        put(&mut check, key, reader.last(flag).map(nanoseconds).transpose()?);
    }
    put(&mut check, "Retries", reader.last("health-retries").map(|piece| whole(piece, 0)).transpose()?);
    if !reader.on("no-healthcheck")? {
        return Ok((!check.is_empty()).then_some(Value::Object(check)));
    }
    if check.is_empty() {
        Ok(Some(json!({"Test": ["NONE"]})))
    } else {
        Err(reader.wrong("both --no-healthcheck and flags of a health check", "leave one of them out"))
    }
}
