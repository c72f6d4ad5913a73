use super::line::model::*;
use playbook_core::action::{Fault, Look, ReadAccess};
use serde_json::Value;
pub(in crate::docker) async fn look(_: ReadAccess<'_>, _: &Verb) -> Result<Value, Fault> {
    Ok(Value::Null)
}
pub(in crate::docker) async fn compose_look(_: ReadAccess<'_>, _: &str, _: &ComposeVerb) -> Result<Value, Fault> {
    Ok(Value::Null)
}
pub(in crate::docker) async fn would_wait(_: ReadAccess<'_>, _: &[String]) -> Result<Look, Fault> {
    Ok(Look::Now(Value::Null))
}
