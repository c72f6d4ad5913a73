//! What may be sent by who only has leave to read.
//!
//! Invariant: GET without a body, and none that reaches into a container; nothing else.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;

use super::Call;

/// May it be sent by a reader?
pub(super) fn check(call: &Call) -> Result<(), Fault> {
    // The one GET that upgrades its connection, to the input of a container.
    let reaches = call.path.trim_end_matches('/').ends_with("/attach/ws");
    if call.method == "GET" && call.body.is_none() && !reaches {
        return Ok(());
    }
    let message = format!("`{}` could change something, and a plan cannot", call.title());
    Err(Fault::new(FaultKind::ReadOnly, Code::ReadOnly, message).help("nothing was sent"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_get_passes() {
        for call in [Call::get("/containers/json"), Call::get("/containers/a/logs").query("stdout", "1")] {
            assert!(check(&call).is_ok(), "{}", call.title());
        }
        let mut put = Call::post("/containers/a/archive");
        put.method = "PUT";
        let refused = [
            Call::post("/containers/a/stop"),
            Call::delete("/containers/a"),
            put,
            Call::get("/containers/a/attach/ws"),
            Call::get("/containers/json").body(json!({})),
        ];
        for call in refused {
            assert_eq!(check(&call).map_err(|fault| fault.kind), Err(FaultKind::ReadOnly), "{}", call.title());
        }
    }
}
