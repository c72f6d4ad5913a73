//! The label by which a container that a step makes is found again, also when the answer that would
//! have told its id was lost.

use playbook_core::action::Fault;
use serde_json::{Value, json};

use crate::docker::client::{Call, Reader};

/// The label.
pub(in crate::docker) const MARK: &str = "playbook.step";

/// A new mark.
pub(in crate::docker) fn new() -> String {
    format!("{}.{}", jiff::Timestamp::now().as_nanosecond(), std::process::id())
}

/// The container with this mark, as a list has it.
pub(in crate::docker) async fn find(reader: &Reader<'_>, mark: &str) -> Result<Option<Value>, Fault> {
    let filters = json!({"label": [format!("{MARK}={mark}")]}).to_string();
    let all = reader.get(&Call::get("/containers/json").query("all", "1").query("filters", filters)).await?;
    Ok(all.as_array().and_then(|all| all.first().cloned()))
}
