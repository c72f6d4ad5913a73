//! Data → text: pure, no printing.

pub mod diagnostics;
pub mod paint;
pub mod rollback;
use playbook_core::plan::Plan;
use playbook_core::timeline::Timeline;
pub fn plan_text(_: &Plan, _: usize, _: bool) -> String {
    String::new()
}
pub fn plan_md(_: &Plan) -> String {
    String::new()
}
pub fn timeline_md(_: &Timeline, _: &jiff::tz::TimeZone, _: Option<usize>) -> String {
    String::new()
}
