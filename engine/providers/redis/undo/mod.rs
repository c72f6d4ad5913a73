//! Taking back what was captured.
//!
//! Invariants: nothing that someone else wrote is overwritten; nothing is called restored that was
//! not read again; running it twice does no harm.

mod config;
mod decide;
mod headroom;
mod keys;
mod others;
mod plan;

use std::collections::BTreeMap;

use playbook_core::action::{Capture, Difference, Fault, FaultKind, Restore, Undo, UndoPart, WriteAccess};
use playbook_core::codes::Code;
use playbook_core::ports::BoxFuture;

use super::acl_change::ACL;
use super::client::WriteConn;
use super::config_change::CONFIG;
use super::faults;
use super::functions_change::FUNCTIONS;
use super::plain_change::{INVERSE, NEVER, NOTHING};
use super::record::{KEYS, KeysRecord};
use super::target::RedisTarget;
use super::txn;

pub(super) use config::settings;
pub(super) use plan::plan;

use decide::{Stages, histories};
use headroom::{HEADROOM, Headroom};

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Keys,
    Config,
    Acl,
    Functions,
    Inverse,
    Never,
    Nothing,
    Headroom,
}

impl Kind {
    /// What a record is about.
    pub(super) fn of(part: &UndoPart) -> Result<Self, Fault> {
        let kind = part.record.kind.as_str();
        let known = [
            (KEYS, Self::Keys),
            (CONFIG, Self::Config),
            (ACL, Self::Acl),
            (FUNCTIONS, Self::Functions),
            (INVERSE, Self::Inverse),
            (NEVER, Self::Never),
            (NOTHING, Self::Nothing),
            (HEADROOM, Self::Headroom),
        ];
        known.into_iter().find(|(name, _)| *name == kind).map(|(_, kind)| kind).ok_or_else(|| {
            Fault::new(FaultKind::Internal, Code::Internal, format!("this version cannot read records of kind {kind}"))
                .help("use the version that the run was made with")
        })
    }
}

/// A rollback of one step.
pub(super) struct RedisUndo<'a> {
    access: WriteAccess<'a>,
    conn: WriteConn<'a>,
    histories: BTreeMap<Vec<u8>, Stages>,
    /// Everything but keys, latest first.
    others: Vec<(Kind, UndoPart)>,
    headroom: Option<Headroom>,
    /// What was changed besides keys, without being captured.
    beyond: Vec<Difference>,
}

/// The parts that hold keys, and the others; both latest first.
pub(super) struct Sorted {
    pub(super) keys: Vec<UndoPart>,
    pub(super) others: Vec<(Kind, UndoPart)>,
    headroom: Vec<UndoPart>,
}

/// Sorts parts by what they are about.
pub(super) fn sort(parts: Vec<UndoPart>) -> Result<Sorted, Fault> {
    let mut sorted = Sorted { keys: Vec::new(), others: Vec::new(), headroom: Vec::new() };
    for part in parts {
        match Kind::of(&part)? {
            Kind::Keys => sorted.keys.push(part),
            Kind::Headroom => sorted.headroom.push(part),
            Kind::Nothing => {}
            kind @ (Kind::Config | Kind::Acl | Kind::Functions | Kind::Inverse | Kind::Never) => {
                sorted.others.push((kind, part));
            }
        }
    }
    Ok(sorted)
}

/// Makes sure that a password which the run itself has set does not lock it out.
pub(super) fn enter(sorted: &Sorted, target: &RedisTarget) {
    let settings = sorted.others.iter().filter(|(kind, _)| *kind == Kind::Config);
    let parts: Vec<UndoPart> = settings.map(|(_, part)| part.clone()).collect();
    if let Some(password) = config::new_password(&parts, target) {
        target.learn_password(&password);
    }
}

/// A record of keys belongs to one database; a target may have been pointed at another since.
pub(super) fn same_db(parts: &[UndoPart], target: &RedisTarget) -> Result<(), Fault> {
    for part in parts {
        let record = part.record.data.get("db").and_then(serde_json::Value::as_u64);
        let now = u64::from(target.endpoint().db);
        if record.is_some_and(|db| db != now) {
            let message = format!("the run changed database {}, and the target is database {now}", record.unwrap_or(0));
            return Err(Fault::new(FaultKind::WrongTarget, Code::WrongTarget, message)
                .help("point the target at the database of the run"));
        }
    }
    Ok(())
}

fn beyond(parts: &[UndoPart]) -> Result<Vec<Difference>, Fault> {
    let mut found = Vec::new();
    for part in parts {
        let record = KeysRecord::read(&part.record)?;
        // The reply may have told that nothing happened there.
        let nothing = part.after.as_ref().and_then(|after| after.get("beyond")) == Some(&false.into());
        if let (Some(what), false) = (record.facts.beyond, nothing) {
            found.push(Difference {
                subject: playbook_core::words::join(&part.words),
                before: "not captured".into(),
                ours: if part.after.is_some() { "carried out".into() } else { "perhaps carried out".into() },
                now: format!("left as it is: {what}"),
            });
        }
    }
    Ok(found)
}

impl<'a> RedisUndo<'a> {
    /// Connects.
    pub(super) async fn begin(access: WriteAccess<'a>, parts: Vec<UndoPart>) -> Result<Self, Fault> {
        let sorted = sort(parts)?;
        let target = RedisTarget::of(access.target())?;
        same_db(&sorted.keys, target)?;
        enter(&sorted, target);
        let histories = histories(&sorted.keys)?;
        let beyond = beyond(&sorted.keys)?;
        let headroom = headroom::interrupted(&sorted.headroom);
        let mut conn = WriteConn::open(&access).await?;
        txn::allowed(&mut conn).await?;
        Ok(Self { access, conn, histories, others: sorted.others, headroom, beyond })
    }

    async fn ready(&mut self) -> Result<Option<Capture>, Fault> {
        let (headroom, capture) = headroom::prepare(&mut self.conn, &self.histories, self.headroom.take()).await?;
        self.headroom = headroom;
        Ok(capture)
    }

    async fn put_back(&mut self) -> Restore {
        let mut whole = Restore { differs: std::mem::take(&mut self.beyond), ..Restore::default() };
        let (mut evicted, mut not_raised) = (None, None);
        if let Some(headroom) = &self.headroom {
            match headroom::raise(&mut self.conn, headroom).await {
                Ok(count) => evicted = count,
                // Data may fit all the same.
                Err(fault) => not_raised = Some(fault),
            }
        }
        self.keys_back(&mut whole).await;
        if !whole.differs.is_empty() && whole.failed.is_none() {
            whole.failed = not_raised;
        }
        for (kind, part) in std::mem::take(&mut self.others) {
            if let Err(fault) = self.other_back(kind, &part, &mut whole).await {
                whole.failed.get_or_insert(fault);
            }
        }
        if let Some(headroom) = self.headroom.take()
            && let Err(fault) = self.limit_back(&headroom, evicted, &mut whole).await
        {
            whole.failed.get_or_insert(fault);
        }
        let secrets = self.conn.target().secrets();
        for difference in whole.differs.iter_mut().chain(&mut whole.conflicts) {
            for text in [&mut difference.subject, &mut difference.before, &mut difference.ours, &mut difference.now] {
                *text = secrets.text(text).into_owned();
            }
        }
        whole
    }

    async fn keys_back(&mut self, whole: &mut Restore) {
        let of = self.histories.len() as u64;
        for again in [true, false] {
            let access = &self.access;
            let progress = |done| access.progress(done, Some(of));
            let (found, fault) = keys::restore(&mut self.conn, &self.histories, &progress).await;
            match fault {
                // What was put back already is found to be so.
                Some(fault) if again && fault.kind == FaultKind::Unreachable => {
                    if let Ok(conn) = WriteConn::open(access).await {
                        self.conn = conn;
                    } else {
                        whole.failed = Some(fault);
                        return;
                    }
                }
                fault => {
                    whole.restored += found.restored;
                    whole.differs.extend(found.differs);
                    whole.conflicts.extend(found.conflicts);
                    whole.failed = whole.failed.take().or(found.failed).or(fault);
                    return;
                }
            }
        }
    }

    async fn other_back(&mut self, kind: Kind, part: &UndoPart, whole: &mut Restore) -> Result<(), Fault> {
        match kind {
            Kind::Config => config::restore(&mut self.conn, std::slice::from_ref(part), whole).await,
            Kind::Acl => others::users(&mut self.conn, part, whole).await,
            Kind::Functions => others::functions(&mut self.conn, part, whole).await,
            Kind::Inverse => others::inverse(&mut self.conn, part, whole).await,
            Kind::Never => {
                others::never(part, whole);
                Ok(())
            }
            Kind::Keys | Kind::Headroom | Kind::Nothing => Err(faults::internal("a record in the wrong place")),
        }
    }

    /// Puts the limit back, over a new connection if the old one broke.
    async fn limit_back(
        &mut self,
        headroom: &Headroom,
        evicted: Option<u64>,
        whole: &mut Restore,
    ) -> Result<(), Fault> {
        match headroom::lower(&mut self.conn, headroom, evicted, whole).await {
            Err(fault) if fault.kind == FaultKind::Unreachable => {
                self.conn = WriteConn::open(&self.access).await.map_err(|_| fault)?;
                headroom::lower(&mut self.conn, headroom, evicted, whole).await
            }
            result => result,
        }
    }
}

impl Undo for RedisUndo<'_> {
    fn prepare(&mut self) -> BoxFuture<'_, Result<Option<Capture>, Fault>> {
        Box::pin(self.ready())
    }

    fn run(&mut self) -> BoxFuture<'_, Restore> {
        Box::pin(self.put_back())
    }
}
