//! `playbook unlock`.

use playbook_core::codes::Code;
use playbook_core::event::{Event, LockBroken};
use playbook_runtime::{Journal, SystemClock};

use crate::actor;
use crate::app::App;
use crate::args::Unlock;
use crate::error::Failure;

pub(super) fn unlock(app: &App, args: &Unlock) -> Result<u8, Failure> {
    let store = app.store();
    let locks = store.locks();
    let by_run = store.find(&args.what).ok();
    let fitting: Vec<_> = locks
        .iter()
        .filter(|lock| lock.identity == args.what || lock.target == args.what || by_run.as_ref() == Some(&lock.run))
        .collect();
    if fitting.is_empty() {
        return Err(Failure::input(
            Code::Usage,
            format!("nothing is held as `{}`", args.what),
            "`playbook runs` lists what is held",
        ));
    }
    for lock in fitting {
        if store.is_alive(&lock.run) {
            return Err(Failure::Plain {
                code: Code::Locked,
                message: format!("run {} is at work on {}", lock.run.short(), lock.target),
                help: format!("end it first: playbook cancel {}", lock.run.short()),
                exit: 6,
            });
        }
        let clock = std::sync::Arc::new(SystemClock::new());
        let (mut journal, _) = Journal::reopen(lock.run.clone(), app.store(), clock, app.secrets.clone())?;
        let broken = LockBroken { identity: lock.identity.clone(), reason: args.reason.clone() };
        journal.append(None, None, actor::person(&app.env, "cli"), Event::LockBroken(broken))?;
        journal.put_head()?;
        store.break_lock(&lock.identity)?;
        app.out.line(&format!("{} ({}) is free; recorded in run {}", lock.target, lock.identity, lock.run.short()));
    }
    Ok(0)
}
