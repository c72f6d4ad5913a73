//! `playbook drill`: break it, run the playbook, check the outcome, take it back, compare.

use crate::app::App;
use crate::args::Drill;
use crate::error::Failure;

pub(super) fn drill(_app: &App, _args: &Drill) -> Result<u8, Failure> {
    unimplemented!()
}
