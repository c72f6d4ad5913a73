//! The journal of one run: what is appended, and what is read back.

mod reader;
mod seal;

use std::sync::Arc;

use playbook_core::event::{Actor, ClockJumped, Event, JournalRecovered, Record, VERSION};
use playbook_core::journal::{self, Head};
use playbook_core::model::{Digest, RunId, StepId};
use playbook_core::ports::Clock;
use playbook_core::redact::redacted;
use playbook_core::secret::Secrets;
use serde_json::Value;

use crate::error::RuntimeError;
use crate::failpoint::{Point, reach};
use crate::store::{Store, Writer};

pub(crate) use reader::hydrate;
pub use reader::{Loaded, load};
pub use seal::{open, seal};
pub(crate) use seal::{open_blob, seal_blob};

/// How far the wall clock may move against the monotonic one before it is noted.
const JUMP_US: i64 = 1_000_000;
/// Results larger than this, as JSON, are stored apart.
const RESULT_INLINE: usize = 8 << 10;

/// What of an event is read back exactly: records of captures, what changes left.
fn exact(event: &mut Event) -> Vec<&mut Value> {
    match event {
        Event::StateCaptured(captured) => vec![&mut captured.record],
        Event::ActionResult(done) => vec![&mut done.after],
        Event::ActionProbed(probed) => vec![&mut probed.after],
        _ => Vec::new(),
    }
}

/// A journal open for writing.
pub struct Journal {
    run: RunId,
    store: Arc<dyn Store>,
    writer: Box<dyn Writer>,
    clock: Arc<dyn Clock>,
    secrets: Secrets,
    seq: u64,
    prev: Digest,
    drift_us: Option<i64>,
    unsynced: bool,
}

impl Journal {
    /// Begins the journal of a new run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(
        run: RunId,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        secrets: Secrets,
    ) -> Result<Self, RuntimeError> {
        let writer = store.create(&run)?;
        Ok(Self { run, store, writer, clock, secrets, seq: 0, prev: Digest::ZERO, drift_us: None, unsynced: false })
    }

    /// Goes on with a journal. Gives what it holds; a torn last line is set aside and noted.
    ///
    /// # Errors
    /// When another process has it, or it does not hold together.
    pub fn reopen(
        run: RunId,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        secrets: Secrets,
    ) -> Result<(Self, Loaded), RuntimeError> {
        let (writer, torn) = store.reopen(&run)?;
        let mut loaded = load(store.as_ref(), &run)?;
        let mut journal = Self {
            run,
            store,
            writer,
            clock,
            secrets,
            seq: loaded.records.len() as u64,
            prev: loaded.head.digest,
            drift_us: None,
            unsynced: false,
        };
        if !torn.is_empty() {
            let recovered = JournalRecovered { torn_bytes: torn.len() as u64, digest: Digest::of(&torn) };
            loaded.records.push(journal.append(None, None, Actor::engine(), Event::JournalRecovered(recovered))?.0);
        }
        Ok((journal, loaded))
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Appends an event. Gives it as it happened, for the state, and as it was written, without
    /// secrets, for everyone else.
    ///
    /// # Errors
    /// When it cannot be written: nothing may be changed after that.
    pub fn append(
        &mut self,
        step: Option<StepId>,
        attempt: Option<u32>,
        actor: Actor,
        event: Event,
    ) -> Result<(Record, Record), RuntimeError> {
        self.note_jump()?;
        let record = self.envelope(step, attempt, actor, event);
        let written = self.redacted(&record)?;
        self.write(&written)?;
        if record.event.must_be_durable() {
            self.unsynced = true;
        }
        Ok((record, written))
    }

    /// Everything that must be on disk is, when this returns. Several events share one sync.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn sync(&mut self) -> Result<(), RuntimeError> {
        if std::mem::take(&mut self.unsynced) {
            self.writer.sync()?;
            reach(Point::Synced, self.seq);
        }
        Ok(())
    }

    /// Writes down where the journal stands.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_head(&mut self) -> Result<Head, RuntimeError> {
        self.unsynced = true;
        self.sync()?;
        let head = Head { run: self.run.to_string(), size: self.seq, digest: self.prev };
        self.store.put_head(&head)?;
        Ok(head)
    }

    fn envelope(&self, step: Option<StepId>, attempt: Option<u32>, actor: Actor, event: Event) -> Record {
        let now = self.clock.now();
        Record {
            v: VERSION,
            seq: self.seq + 1,
            prev: self.prev,
            time: format!("{:.6}", now.wall),
            mono_us: now.mono_us,
            boot: self.clock.boot().to_owned(),
            occurred_at: None,
            actor,
            run: self.run.clone(),
            step,
            attempt,
            event,
        }
    }

    /// The record without secrets, large results stored apart.
    fn redacted(&self, record: &Record) -> Result<Record, RuntimeError> {
        let mut copy = record.clone();
        let secrets = &self.secrets;
        let apart = |result: &mut Option<Value>| -> Result<Option<Digest>, RuntimeError> {
            let Some(value) = result else { return Ok(None) };
            secrets.result(value);
            let text = value.to_string();
            if text.len() <= RESULT_INLINE {
                return Ok(None);
            }
            *result = None;
            self.store.put(text.as_bytes()).map(Some)
        };
        match &mut copy.event {
            Event::StepFinished(finished) => finished.result_blob = apart(&mut finished.result)?,
            Event::ActionResult(done) => done.result_blob = apart(&mut done.result)?,
            _ => {}
        }
        // What has to be read back exactly has its secrets cut out, and is done with that.
        let mut kept: Vec<Value> = exact(&mut copy.event).into_iter().map(Value::take).collect();
        kept.iter_mut().for_each(|value| secrets.splice(value));
        copy.event = redacted(secrets, &copy.event)
            .map_err(|error| RuntimeError::Internal(format!("an event cannot be written: {error}")))?;
        for (place, value) in exact(&mut copy.event).into_iter().zip(kept) {
            *place = value;
        }
        Ok(copy)
    }

    fn write(&mut self, record: &Record) -> Result<(), RuntimeError> {
        let line = journal::line(record).map_err(|error| RuntimeError::Line {
            run: self.run.to_string(),
            line: record.seq,
            why: error.to_string(),
        })?;
        reach(Point::Before, record.seq);
        self.writer.append(&line.text)?;
        self.seq = record.seq;
        self.prev = line.digest;
        reach(Point::After, record.seq);
        Ok(())
    }

    fn note_jump(&mut self) -> Result<(), RuntimeError> {
        let now = self.clock.now();
        let drift = now.wall.as_microsecond() - i64::try_from(now.mono_us).unwrap_or(i64::MAX);
        let before = *self.drift_us.get_or_insert(drift);
        if (drift - before).abs() > JUMP_US {
            self.drift_us = Some(drift);
            let jumped = Event::ClockJumped(ClockJumped { by_us: drift - before });
            let record = self.envelope(None, None, Actor::engine(), jumped);
            self.write(&record)?;
        }
        Ok(())
    }
}
