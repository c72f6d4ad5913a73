//! Data → text: pure, no printing.

pub(crate) mod diagnostics;
pub(crate) mod paint;
pub(crate) mod rollback;
use playbook_core::plan::Plan;
use playbook_core::timeline::Timeline;
pub(crate) fn plan_text(_: &Plan, _: usize, _: bool) -> String {
    String::new()
}
pub(crate) fn plan_md(_: &Plan) -> String {
    String::new()
}
pub(crate) fn timeline_md(_: &Timeline, _: &jiff::tz::TimeZone, _: Option<usize>) -> String {
    String::new()
}
